//! Blank pixels: made, and taken for zero.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Makes zero of blank pixels (NaN).
///
/// Input: `rows` × `cols` pixels. Output: as many, in their place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZeroBlanks {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
}

impl Operation for ZeroBlanks {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.rows, cols: self.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let pixels = call.outputs[0].real_mut();
        for y in 0..self.rows {
            pixels.row_mut(y).iter_mut().filter(|pixel| pixel.is_nan()).for_each(|pixel| *pixel = 0.0);
        }
        Ok(())
    }
}

/// Makes blank (NaN) the pixels at which a weight is zero.
///
/// Inputs: `rows` × `cols` pixels; as many weights. Output: as many pixels, in the place of the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Within {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
}

impl Operation for Within {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.rows, cols: self.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let weights = call.inputs[0].real();
        let pixels = call.outputs[0].real_mut();
        for y in 0..self.rows {
            let both = pixels.row_mut(y).iter_mut().zip(weights.row(y));
            both.filter(|(_, weight)| **weight == 0.0).for_each(|(pixel, _)| *pixel = f32::NAN);
        }
        Ok(())
    }
}
