//! The smallest and the largest numbers of a chunk of pixels and of a part of a spectrum.
//!
//! Smallest and largest do not depend on any order: what makes the chunks' numbers into those of the plane is up to
//! whoever is told them.

use super::operation::{Call, Operation};
use super::payload::{Payload, Shape};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// The smallest and the largest of the unblanked pixels of a chunk.
///
/// Input: pixels. Output: two numbers, the smallest and the largest; +∞ and −∞ where every pixel is blank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PixelExtremes {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
}

impl Operation for PixelExtremes {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(2 * size_of::<f64>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let pixels = call.inputs[0].real();
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for &pixel in (0..self.rows).flat_map(|y| pixels.row(y)) {
            // Of a number and a NaN, these take the number.
            (low, high) = (low.min(pixel), high.max(pixel));
        }
        call.outputs[0] = Payload::Numbers(vec![low.into(), high.into()]);
        Ok(())
    }
}

/// How far a part of a spectrum is from being real and not negative.
///
/// Input: a column strip of a spectrum, `columns` lines of `length` numbers. Output: three numbers, the smallest and the
/// largest real part and the largest absolute imaginary part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpectrumExtremes {
    /// Number of spectrum columns in the strip: the rows of the transposed block.
    pub columns: usize,
    /// Number of vertical frequencies.
    pub length: usize,
}

impl Operation for SpectrumExtremes {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(3 * size_of::<f64>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let spectrum = call.inputs[0].complex();
        let (mut low, mut high, mut imaginary) = (f32::INFINITY, f32::NEG_INFINITY, 0.0f32);
        for number in (0..self.columns).flat_map(|column| &spectrum.row(column)[..self.length]) {
            (low, high) = (low.min(number.re), high.max(number.re));
            imaginary = imaginary.max(number.im.abs());
        }
        call.outputs[0] = Payload::Numbers(vec![low.into(), high.into(), imaginary.into()]);
        Ok(())
    }
}
