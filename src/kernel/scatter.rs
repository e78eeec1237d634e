//! The pixels of a model that is a list of components.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::Result;
use crate::image::rect::Rect;
use serde::{Deserialize, Serialize};

/// Makes a chunk of a model of its list of components.
///
/// Input: the list, as [`super::AddComponents`] makes it: sorted by row and column, one entry a pixel. Output: the
/// pixels of `at`, the flux of its component in each, 0 where there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scatter {
    /// Where the chunk lies in the plane.
    pub at: Rect,
}

impl Operation for Scatter {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.at.rows, cols: self.at.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let list = call.inputs[0].components();
        let chunk = call.outputs[0].real_mut();
        chunk.strided_mut().fill(0.0);
        let first = list.partition_point(|component| i64::from(component.y) < self.at.y0);
        for component in list[first..].iter().take_while(|component| i64::from(component.y) < self.at.y1()) {
            let (y, x) = (i64::from(component.y), i64::from(component.x));
            if self.at.contains(y, x) {
                chunk.row_mut((y - self.at.y0) as usize)[(x - self.at.x0) as usize] = component.flux;
            }
        }
        Ok(())
    }
}
