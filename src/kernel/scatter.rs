//! Components of a model put where they belong.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::Result;
use crate::image::rect::Rect;
use serde::{Deserialize, Serialize};

/// Adds components to a chunk of a model.
///
/// Inputs: the chunk, pixels that cover `at`; then any number of lists of components, whose pixels are counted in the
/// plane. Output: the chunk, in its place, with the flux of each component added to its pixel, list by list in the
/// order in which they are given. Components outside the chunk are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scatter {
    /// Where the chunk lies in the plane.
    pub at: Rect,
}

impl Operation for Scatter {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.at.rows, cols: self.at.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let model = call.outputs[0].real_mut();
        for component in call.inputs.iter().flat_map(|list| list.components()) {
            let (y, x) = (i64::from(component.y), i64::from(component.x));
            if self.at.contains(y, x) {
                model.row_mut((y - self.at.y0) as usize)[(x - self.at.x0) as usize] += component.flux;
            }
        }
        Ok(())
    }
}
