//! The standard deviation of each pixel of many images, of which no more is kept than two sums.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// a + b², pixel by pixel.
///
/// Inputs: a, b, both `rows` × `cols` pixels. Output: as many pixels, in the place of a; blank where a or b is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AddSquares {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
}

impl Operation for AddSquares {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.rows, cols: self.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let (b, a) = (call.inputs[0].real(), call.outputs[0].real_mut());
        for y in 0..self.rows {
            for (a, b) in a.row_mut(y).iter_mut().zip(b.row(y)) {
                *a += b * b;
            }
        }
        Ok(())
    }
}

/// The standard deviation of `count` numbers at each pixel about their mean, √((Q − S² / n) / (n − 1)).
///
/// Inputs: S, their sums, and Q, the sums of their squares, both `rows` × `cols` pixels. Output: as many pixels, in the place of S; blank
/// where either is. The numbers should be small: deviations from what they have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// How many numbers were added up; at least 2.
    pub count: u32,
}

impl Operation for Spread {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.rows, cols: self.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let (squares, sums) = (call.inputs[0].real(), call.outputs[0].real_mut());
        let count = f64::from(self.count);
        for y in 0..self.rows {
            for (sum, square) in sums.row_mut(y).iter_mut().zip(squares.row(y)) {
                let (s, q) = (f64::from(*sum), f64::from(*square));
                let variance = (q - s * s / count) / (count - 1.0);
                // Not f64::max, which would make a number of a blank.
                *sum = if variance < 0.0 { 0.0 } else { variance.sqrt() as f32 };
            }
        }
        Ok(())
    }
}
