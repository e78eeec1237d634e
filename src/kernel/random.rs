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

    /// A draw of the χ² distribution of so many degrees of freedom (at least 2), whose stream this is: it takes what it needs (Marsaglia and
    /// Tsang 2000, ACM Trans. Math. Softw. 26, 363).
    pub fn chi_squared(&self, degrees: f64) -> f64 {
        let d = 0.5 * degrees - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        // Normal deviates and uniform numbers of their own.
        let draw = |i: u64| {
            let (x, u) = (self.normals(2 * i).0, self.uniform(4 * i + 2));
            let v = (1.0 + c * x).powi(3);
            (v > 0.0 && u.ln() < 0.5 * x * x + d * (1.0 - v + v.ln())).then_some(2.0 * d * v)
        };
        (0..).find_map(draw).unwrap_or(degrees)
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
    fn chi_squared_has_its_moments() {
        let n = 20_000u64;
        for degrees in [2.0, 3.5, 40.0, 1e6] {
            let draws: Vec<f64> = (0..n).map(|stream| Random::new(8, stream).chi_squared(degrees)).collect();
            let mean = draws.iter().sum::<f64>() / n as f64;
            let variance = draws.iter().map(|draw| (draw - degrees).powi(2)).sum::<f64>() / n as f64;
            let sigma = (2.0 * degrees / n as f64).sqrt();
            assert!((mean - degrees).abs() < 5.0 * sigma, "{degrees}: {mean}");
            // The fourth central moment is 12 k (k + 4).
            let of_variance = ((12.0 * degrees * (degrees + 4.0) - 4.0 * degrees * degrees) / n as f64).sqrt();
            assert!((variance - 2.0 * degrees).abs() < 5.0 * of_variance, "{degrees}: {variance}");
        }
    }

    #[test]
    fn seeds_and_streams_differ() {
        let first = |seed, stream| Random::new(seed, stream).bits(0);
        let all: std::collections::HashSet<u64> = (0..30).flat_map(|s| (0..30).map(move |t| first(s, t))).collect();
        assert_eq!(all.len(), 900);
        assert_eq!(Random::new(3, 4).bits(7), Random::new(3, 4).bits(7));
    }
}
