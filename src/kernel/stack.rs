//! The chunks of several planes as one.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Puts the chunks of planes below one another, so that one task can change all of them in place.
///
/// Inputs: `planes` times `rows` × `cols` pixels. Output: `planes` · `rows` × `cols` pixels, the first plane on top.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    /// Number of planes.
    pub planes: usize,
    /// Number of rows of each.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
}

impl Operation for Stack {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.planes * self.rows, cols: self.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let made = call.outputs[0].real_mut();
        for (plane, input) in call.inputs.iter().enumerate() {
            let pixels = input.real();
            (0..self.rows).for_each(|y| made.row_mut(plane * self.rows + y).copy_from_slice(pixels.row(y)));
        }
        Ok(())
    }
}
