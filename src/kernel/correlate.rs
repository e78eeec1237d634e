//! The product of a spectrum with the conjugate of another.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// a·conj(b), frequency by frequency: a correlation, in the Fourier domain. With b the transform of a PSF it is the transpose of what
/// [`super::Multiply`] does.
///
/// Inputs: a, b, both column strips of a spectrum, `columns` lines of `length` numbers. Output: as many, in the
/// place of a.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correlate {
    /// Number of spectrum columns in the strip: the rows of the transposed block.
    pub columns: usize,
    /// Number of vertical frequencies.
    pub length: usize,
}

impl Operation for Correlate {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Complex { rows: self.columns, cols: self.length }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let b = call.inputs[0].complex();
        let a = call.outputs[0].complex_mut();
        for column in 0..self.columns {
            for (a, b) in a.row_mut(column).iter_mut().zip(b.row(column)) {
                *a *= b.conj();
            }
        }
        Ok(())
    }
}
