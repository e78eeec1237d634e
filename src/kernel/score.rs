//! Where components may be found, and what a pixel counts there.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Of which signs components may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Signs {
    /// Of both.
    #[default]
    Both,
    /// Above zero only: pixels below it are passed over.
    Positive,
    /// Of both, but the first one below zero ends it.
    UntilNegative,
}

/// What the pixels of a residual count in the search for the next component: each times its weight, which is 0 where no
/// component may be.
///
/// Inputs: the residual, `rows` × `cols` pixels; the weights, as many, if there are any (otherwise all are 1). Output: as many
/// pixels, in the place of the residual: blank where the weight is 0 or the residual is blank, 0 where the sign is not
/// allowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Which signs count.
    pub signs: Signs,
}

impl Operation for Score {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.rows, cols: self.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let weights = call.inputs.first().map(|weights| weights.real());
        let pixels = call.outputs[0].real_mut();
        for y in 0..self.rows {
            let row = pixels.row_mut(y);
            if let Some(weights) = weights {
                for (pixel, &weight) in row.iter_mut().zip(weights.row(y)) {
                    *pixel = if weight == 0.0 { f32::NAN } else { *pixel * weight };
                }
            }
            if self.signs == Signs::Positive {
                row.iter_mut().filter(|pixel| **pixel < 0.0).for_each(|pixel| *pixel = 0.0);
            }
        }
        Ok(())
    }
}
