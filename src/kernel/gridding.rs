//! Points between pixels: a function that spreads them over the pixels around, and what makes up for it in the spectrum.
//!
//! The function is the Kaiser-Bessel one, I₀(β √(1 − (x / h)²)) for |x| ≤ h = [`REACH`], along each axis (Jackson et al. 1991),
//! whose transform is small beyond 0.65 cycles per pixel. What is spread, transformed and divided by the transform of the
//! function on a pixel is itself again: what lay on pixels at all frequencies, a point between them but for what a frequency f
//! holds of f ± 1. With these parameters that is at most 6e-8 of the point's flux for f up to 0.26 cycles per pixel, and 3e-6 up
//! to [`BAND`], on either axis (a test holds this); beyond, it grows, to all of it at 0.5.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Pixels from a point to the last that it is spread over.
pub const REACH: usize = 5;

/// Frequency in cycles per pixel at which the main lobe of the function's transform ends.
const EDGE: f64 = 0.65;

/// The highest frequency, in cycles per pixel, for which points are meant to be gridded.
pub const BAND: f64 = 0.35;

/// β.
const SHAPE: f64 = 2.0 * PI * REACH as f64 * EDGE;

/// The function at a distance of x pixels, of integral 1.
pub fn taper(x: f64) -> f64 {
    let inside = 1.0 - (x / REACH as f64).powi(2);
    if inside < 0.0 { 0.0 } else { bessel(SHAPE * inside.sqrt()) / (2.0 * REACH as f64 * SHAPE.sinh() / SHAPE) }
}

/// Its values at whole numbers of pixels.
#[derive(Debug, Clone, Copy)]
pub struct Taps([f64; REACH + 1]);

impl Taps {
    /// What [`taper`] is there.
    pub fn new() -> Taps {
        Taps(std::array::from_fn(|x| taper(x as f64)))
    }

    /// Their transform at a frequency in cycles per pixel.
    pub fn transform(&self, frequency: f64) -> f64 {
        let pair = |x: usize| 2.0 * self.0[x] * (2.0 * PI * frequency * x as f64).cos();
        self.0[0] + (1..=REACH).map(pair).sum::<f64>()
    }
}

impl Default for Taps {
    fn default() -> Taps {
        Taps::new()
    }
}

/// The modified Bessel function I₀, by its power series, all of whose terms are positive.
fn bessel(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum, mut k) = (1.0, 1.0, 1.0);
    while term > 1e-17 * sum {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

/// Divides a spectrum by the transform of the gridding function along both axes.
///
/// Input: a column strip of a spectrum, `columns` lines of `length` numbers, counted as in [`super::GaussianMultiply`]. Output: the
/// strip, in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GriddingCorrection {
    /// Number of spectrum columns in the strip.
    pub columns: usize,
    /// Number of vertical frequencies, and of rows of the padded plane.
    pub length: usize,
    /// Horizontal frequency of the first line.
    pub first_column: usize,
    /// Number of columns of the padded plane.
    pub row_length: usize,
}

impl Operation for GriddingCorrection {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Complex { rows: self.columns, cols: self.length }]
    }

    fn scratch_bytes(&self) -> usize {
        self.length * size_of::<f64>()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let taps = Taps::new();
        let factors = &mut call.scratch.as_mut_slice::<f64>()[..self.length];
        for (row, factor) in factors.iter_mut().enumerate() {
            *factor = 1.0 / taps.transform(row.min(self.length - row) as f64 / self.length as f64);
        }
        let spectrum = call.outputs[0].complex_mut();
        for column in 0..self.columns {
            let own = 1.0 / taps.transform((self.first_column + column) as f64 / self.row_length as f64);
            for (number, factor) in spectrum.row_mut(column).iter_mut().zip(&*factors) {
                *number *= (own * factor) as f32;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the transform of a point that is spread over pixels becomes after the correction; without error, 1.
    fn corrected(at: f64, frequency: f64) -> (f64, f64) {
        let reach = REACH as i64;
        let pixels = (-reach..=reach + 1).map(|pixel| (pixel as f64 - at, taper(pixel as f64 - at)));
        let turned = pixels
            .map(|(x, value)| (value * (2.0 * PI * frequency * x).cos(), value * (2.0 * PI * frequency * x).sin()));
        let (re, im) = turned.fold((0.0, 0.0), |(re, im), (a, b)| (re + a, im + b));
        let own = Taps::new().transform(frequency);
        (re / own, im / own)
    }

    #[test]
    fn the_stated_accuracy() {
        for (highest, bound) in [(0.26, 6e-8), (BAND, 3e-6)] {
            for at in (0..=100).map(|step| step as f64 / 100.0) {
                for frequency in (0..=100).map(|step| highest * step as f64 / 100.0) {
                    let (re, im) = corrected(at, frequency);
                    assert!((re - 1.0).hypot(im) <= bound, "{at} {frequency}: {re} {im}");
                }
            }
        }
    }

    #[test]
    fn bessel_functions_of_the_tables() {
        // Abramowitz and Stegun, tables 9.8 and 9.11.
        for (x, value) in [(0.0, 1.0), (1.0, 1.266_065_877_752_008), (10.0, 2_815.716_628_466_254)] {
            assert!((bessel(x) / value - 1.0).abs() < 1e-14);
        }
    }
}
