//! What a dirty image has of what a model shows.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// d / max(d − r, `floor`), pixel by pixel: a dirty image d over what a model of it shows, which is what its residual r lacks of d. Data
/// below zero count as 0.
///
/// Inputs: r, d, both `rows` × `cols` pixels. Output: as many, in the place of r; blank where d is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// What is shown counts as no less than this, in the unit of the dirty image: above zero, so that what is rounding does not become
    /// a large number.
    pub floor: f32,
}

impl Operation for Ratio {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.rows, cols: self.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let dirty = call.inputs[0].real();
        let ratio = call.outputs[0].real_mut();
        for y in 0..self.rows {
            for (r, &d) in ratio.row_mut(y).iter_mut().zip(dirty.row(y)) {
                *r = self.of(d, *r);
            }
        }
        Ok(())
    }
}

impl Ratio {
    fn of(&self, dirty: f32, residual: f32) -> f32 {
        let shown = (dirty - residual).max(self.floor);
        // What is blank is not below zero, and stays.
        if dirty < 0.0 { 0.0 } else { dirty / shown }
    }
}
