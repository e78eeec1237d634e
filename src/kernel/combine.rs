//! A weighted sum of two chunks of pixels.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// `left`·a + `right`·b, pixel by pixel.
///
/// Inputs: a, b, both `rows` × `cols` pixels. Output: as many pixels, in the place of a. A pixel that is blank (NaN)
/// in a or in b is blank in the sum, so that dirty − PSF ⊛ model keeps the blanks of the dirty image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Combine {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Factor of the first input.
    pub left: f32,
    /// Factor of the second input.
    pub right: f32,
}

impl Operation for Combine {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.rows, cols: self.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let b = call.inputs[0].real();
        let a = call.outputs[0].real_mut();
        for y in 0..self.rows {
            for (a, b) in a.row_mut(y).iter_mut().zip(b.row(y)) {
                *a = self.left * *a + self.right * b;
            }
        }
        Ok(())
    }
}
