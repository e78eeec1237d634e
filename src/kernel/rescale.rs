//! Pixels times a correction.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// x · c / w, pixel by pixel: a model x times the correction c of an iteration, in units of the weight w that the data have there.
///
/// Inputs: x, c, w, all `rows` × `cols` pixels. Output: as many, in the place of x. It is 0 where w is blank or below `least`, and
/// where the product is not above zero, as by rounding of c, or is less than the smallest normal number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rescale {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// The least weight that counts, above zero.
    pub least: f32,
}

impl Operation for Rescale {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.rows, cols: self.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let (corrections, weights) = (call.inputs[0].real(), call.inputs[1].real());
        let model = call.outputs[0].real_mut();
        for y in 0..self.rows {
            let factors = corrections.row(y).iter().zip(weights.row(y));
            for (x, (&c, &w)) in model.row_mut(y).iter_mut().zip(factors) {
                let product = *x * (c / w);
                *x = if w >= self.least && product >= f32::MIN_POSITIVE { product } else { 0.0 };
            }
        }
        Ok(())
    }
}
