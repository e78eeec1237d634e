//! A chunk of one value.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Pixels that all have one value: an empty strip of a model, for instance.
///
/// No input. Output: pixels, `rows` × `cols`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fill {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// The value, in the unit of the array that the chunk belongs to.
    pub value: f32,
}

impl Operation for Fill {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.rows, cols: self.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let pixels = call.outputs[0].real_mut();
        for y in 0..self.rows {
            pixels.row_mut(y).fill(self.value);
        }
        Ok(())
    }
}
