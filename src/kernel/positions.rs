//! Where the components of a model are.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::Result;
use crate::image::rect::Rect;
use serde::{Deserialize, Serialize};

/// Makes a chunk of a mask of the places of components.
///
/// Input: a list as [`super::AddComponents`] makes it: sorted by scale, row and column. Output: the pixels of `at`, 1 where the list
/// has an entry, else 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Positions {
    /// Where the chunk lies in the plane.
    pub at: Rect,
    /// The scale whose components count; none: those of all scales do.
    pub scale: Option<u16>,
}

impl Operation for Positions {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.at.rows, cols: self.at.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let mut rest = call.inputs[0].components();
        let chunk = call.outputs[0].real_mut();
        chunk.strided_mut().fill(0.0);
        while let Some(first) = rest.first() {
            let (scale, others) = rest.split_at(rest.partition_point(|component| component.scale == first.scale));
            rest = others;
            if self.scale.is_some_and(|wanted| wanted != first.scale) {
                continue;
            }
            let begin = scale.partition_point(|component| i64::from(component.y) < self.at.y0);
            for component in scale[begin..].iter().take_while(|component| i64::from(component.y) < self.at.y1()) {
                let (y, x) = (i64::from(component.y), i64::from(component.x));
                if self.at.contains(y, x) {
                    chunk.row_mut((y - self.at.y0) as usize)[(x - self.at.x0) as usize] = 1.0;
                }
            }
        }
        Ok(())
    }
}
