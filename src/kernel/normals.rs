//! Normal deviates a line at a time, and with the symmetry of the spectrum of a real image.
//!
//! The same numbers as [`Random::normals`] has, but for rounding: logarithm, sine and cosine are polynomials here (those of FreeBSD's libm), of
//! which a compiler makes vectors, with the same bits on any machine.

use super::random::Random;
use multiversion::multiversion;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2, LN_2};

/// Fills a line of a spectrum, the column of that number of `re.len()` rows, with complex normal deviates of mean 0 and E|z|² = 1, each
/// drawn by its place. In a column that holds the conjugates of its `own` numbers those at rows k and −k are conjugates, and real where
/// these are the same.
pub fn hermitian(random: &Random, column: usize, own: bool, re: &mut [f64], im: &mut [f64]) {
    normals(random, (column as u64) << 32, re, im);
    let length = re.len();
    re.iter_mut().chain(im.iter_mut()).for_each(|part| *part *= FRAC_1_SQRT_2);
    if own {
        for row in length / 2 + 1..length {
            (re[row], im[row]) = (re[length - row], -im[length - row]);
        }
        let half = if length.is_multiple_of(2) { length / 2 } else { 0 };
        for row in [0, half] {
            im[row] = 0.0;
        }
        // Not twice where both are one.
        re[0] *= std::f64::consts::SQRT_2;
        if half > 0 {
            re[half] *= std::f64::consts::SQRT_2;
        }
    }
}

/// Fills both lines with the pairs from index `first` on.
#[multiversion(targets("x86_64+avx2"))]
fn normals(random: &Random, first: u64, re: &mut [f64], im: &mut [f64]) {
    let length = re.len().min(im.len());
    let (re, im) = (&mut re[..length], &mut im[..length]);
    for i in 0..length {
        let index = first.wrapping_add(i as u64);
        let radius = (-2.0 * ln(random.uniform(2 * index))).sqrt();
        let (sin, cos) = sin_cos(random.uniform(2 * index + 1));
        (re[i], im[i]) = (radius * cos, radius * sin);
    }
}

/// The natural logarithm of a number above 0 that is not subnormal.
#[inline(always)]
fn ln(x: f64) -> f64 {
    const ROOT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
    const ONE: u64 = 0x3ff0_0000_0000_0000;
    const MANTISSA: u64 = 0x000f_ffff_ffff_ffff;
    // 2^52 in whose last places a whole number is put, and the exponent's bias.
    const WHOLE: u64 = 0x4330_0000_0000_0000;
    const BIAS: f64 = 4_503_599_627_370_496.0 + 1023.0;
    const LG: [f64; 7] = [
        6.666_666_666_666_735e-1,
        3.999_999_999_940_942e-1,
        2.857_142_874_366_239e-1,
        2.222_219_843_214_978_4e-1,
        1.818_357_216_161_805e-1,
        1.531_383_769_920_937_3e-1,
        1.479_819_860_511_658_6e-1,
    ];
    // x = 2^k m with m from √½ to √2.
    let bits = x.to_bits().wrapping_add(ONE - ROOT_HALF);
    let k = f64::from_bits(WHOLE | (bits >> 52)) - BIAS;
    let m = f64::from_bits((bits & MANTISSA) + ROOT_HALF);
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let half = 0.5 * f * f;
    let r = z * (LG[0] + z * (LG[1] + z * (LG[2] + z * (LG[3] + z * (LG[4] + z * (LG[5] + z * LG[6]))))));
    k * LN_2 - (half - s * (half + r) - f)
}

/// Sine and cosine of so many turns, from 0 to 1.
#[inline(always)]
fn sin_cos(turns: f64) -> (f64, f64) {
    // Whole numbers stand in the last places of this plus them.
    const MAGIC: f64 = 6_755_399_441_055_744.0;
    const S: [f64; 6] = [
        -1.666_666_666_666_663_2e-1,
        8.333_333_333_322_49e-3,
        -1.984_126_982_985_795e-4,
        2.755_731_370_707_007e-6,
        -2.505_076_025_340_686_3e-8,
        1.589_690_995_211_55e-10,
    ];
    const C: [f64; 6] = [
        4.166_666_666_666_66e-2,
        -1.388_888_888_887_411e-3,
        2.480_158_728_947_673e-5,
        -2.755_731_435_139_066_3e-7,
        2.087_572_321_298_175e-9,
        -1.135_964_755_778_819_5e-11,
    ];
    let shifted = 4.0 * turns + MAGIC;
    let quarter = shifted.to_bits();
    let x = (4.0 * turns - (shifted - MAGIC)) * FRAC_PI_2;
    let z = x * x;
    let sin = x + x * z * (S[0] + z * (S[1] + z * (S[2] + z * (S[3] + z * (S[4] + z * S[5])))));
    let cos = 1.0 - 0.5 * z + z * z * (C[0] + z * (C[1] + z * (C[2] + z * (C[3] + z * (C[4] + z * C[5])))));
    let (sin, cos) = if quarter & 1 == 0 { (sin, cos) } else { (cos, sin) };
    // Quarters 2 and 3 have a sine below 0, 1 and 2 such a cosine: their sign bits.
    let sign = |number: f64, negative: u64| f64::from_bits(number.to_bits() ^ (negative << 63));
    (sign(sin, quarter >> 1 & 1), sign(cos, (quarter ^ (quarter >> 1)) & 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithm_and_sine_are_those_of_the_library() {
        for i in 0..100_000u64 {
            let x = Random::new(3, 1).uniform(i) * 0.5f64.powi((i % 50) as i32);
            assert!((ln(x) - x.ln()).abs() <= 1e-15 * (1.0 + x.ln().abs()), "{x}");
        }
        let ends = [0.5f64.powi(53), 0.5, 1.0, 1.0 - 0.5f64.powi(53), 0.5f64.sqrt()];
        ends.into_iter().for_each(|x| assert!((ln(x) - x.ln()).abs() <= 1e-14, "{x}"));
        let turns = (0..100_000).map(|i| Random::new(4, 1).uniform(i)).chain((0..=16).map(|i| f64::from(i) / 16.0));
        for x in turns {
            let (sin, cos) = sin_cos(x);
            let turn = 2.0 * std::f64::consts::PI * x;
            assert!((sin - turn.sin()).abs() < 2e-15 && (cos - turn.cos()).abs() < 2e-15, "{x}: {sin} {cos}");
        }
    }

    #[test]
    fn a_line_holds_the_numbers_of_its_places() {
        let random = Random::new(5, 6);
        for length in [1, 2, 3, 8, 13, 200] {
            let (mut re, mut im) = (vec![f64::NAN; length], vec![f64::NAN; length]);
            normals(&random, 77, &mut re, &mut im);
            for i in 0..length {
                let (x, y) = random.normals(77 + i as u64);
                assert!((re[i] - x).abs() < 1e-13 && (im[i] - y).abs() < 1e-13, "{i}: {} {x}", re[i]);
            }
        }
    }
}
