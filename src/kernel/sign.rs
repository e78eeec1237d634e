//! The pixels of one sign.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Keeps the pixels above zero, or those below it; all others become blank (NaN), so that statistics leave them out.
///
/// Input: `rows` × `cols` pixels. Output: as many, in their place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeepSign {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Are the pixels below zero kept, and not those above it?
    pub negative: bool,
}

impl Operation for KeepSign {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.rows, cols: self.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let pixels = call.outputs[0].real_mut();
        for y in 0..self.rows {
            for pixel in pixels.row_mut(y) {
                let kept = if self.negative { *pixel < 0.0 } else { *pixel > 0.0 };
                *pixel = if kept { *pixel } else { f32::NAN };
            }
        }
        Ok(())
    }
}
