//! Random numbers that are counted: each is a function of seed, stream and index alone, in whatever order they are
//! drawn.

use std::f64::consts::PI;

/// A stream of random numbers, each drawn by its index (SplitMix64: Steele, Lea and Flood 2014).
#[derive(Debug, Clone, Copy)]
pub struct Random {
    start: u64,
}

impl Random {
    /// The stream of a number that belongs to a seed.
    pub fn new(seed: u64, stream: u64) -> Random {
        Random { start: mix(mix(seed).wrapping_add(stream)) }
    }

    /// 64 random bits.
    #[inline(always)]
    pub fn bits(&self, index: u64) -> u64 {
        mix(self.start.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// A number above 0 and at most 1, all 2⁵³ of them equally likely.
    #[inline(always)]
    pub fn uniform(&self, index: u64) -> f64 {
        ((self.bits(index) >> 11) + 1) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Two independent normal deviates of mean 0 and variance 1 (Box and Muller 1958), from the uniform numbers
    /// 2 × `index` and 2 × `index` + 1.
    pub fn normals(&self, index: u64) -> (f64, f64) {
        let radius = (-2.0 * self.uniform(2 * index).ln()).sqrt();
        let (sin, cos) = (2.0 * PI * self.uniform(2 * index + 1)).sin_cos();
        (radius * cos, radius * sin)
    }
}

/// A one-to-one scrambling of 64 bits.
#[inline(always)]
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_distributions() {
        let (n, random) = (100_000u64, Random::new(5, 1));
        let mean = |value: &dyn Fn(u64) -> f64| (0..n).map(value).sum::<f64>() / n as f64;
        // Bounds of 5 standard deviations of each mean.
        let within = |found: f64, expected: f64, sigma: f64| {
            assert!((found - expected).abs() < 5.0 * sigma / (n as f64).sqrt(), "{found}, not {expected}");
        };
        within(mean(&|i| random.uniform(i)), 0.5, (1.0f64 / 12.0).sqrt());
        within(mean(&|i| random.uniform(i) * random.uniform(i + 1)), 0.25, (7.0f64 / 144.0).sqrt());
        within(mean(&|i| random.normals(i).0), 0.0, 1.0);
        within(mean(&|i| random.normals(i).0.powi(2)), 1.0, 2f64.sqrt());
        within(mean(&|i| random.normals(i).1.powi(4)), 3.0, 96f64.sqrt());
        within(mean(&|i| random.normals(i).0 * random.normals(i).1), 0.0, 1.0);
    }

    #[test]
    fn seeds_and_streams_differ() {
        let first = |seed, stream| Random::new(seed, stream).bits(0);
        let all: std::collections::HashSet<u64> = (0..30).flat_map(|s| (0..30).map(move |t| first(s, t))).collect();
        assert_eq!(all.len(), 900);
        assert_eq!(Random::new(3, 4).bits(7), Random::new(3, 4).bits(7));
    }
}
