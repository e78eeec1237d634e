//! The pixels of a model that is a list of components.

use super::operation::{Call, Operation};
use super::payload::{Block, Component, Shape};
use super::scale::{Scales, reach, shape, shape_len};
use crate::error::Result;
use crate::image::rect::Rect;
use serde::{Deserialize, Serialize};

/// Makes a chunk of a model of its list of components.
///
/// Input: the list, as [`super::AddComponents`] makes it: sorted by scale, row and column, one entry a pixel and scale.
/// Output: the pixels of `at`: the flux of its point in each, 0 where there is none, and the shapes of the components of
/// larger [scales](super::scale) added to that in the order of the list. What of a shape lies outside the plane is lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scatter {
    /// Where the chunk lies in the plane.
    pub at: Rect,
    /// The scales that the components can have.
    pub scales: Scales,
}

impl Operation for Scatter {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.at.rows, cols: self.at.cols }]
    }

    fn scratch_bytes(&self) -> usize {
        match self.scales.largest() {
            0.0 => 0,
            largest => shape_len(largest) * size_of::<f32>(),
        }
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let mut list = call.inputs[0].components();
        let chunk = call.outputs[0].real_mut();
        chunk.strided_mut().fill(0.0);
        for (number, &scale) in self.scales.pixels().iter().enumerate() {
            let of_scale;
            (of_scale, list) = list.split_at(list.partition_point(|c| usize::from(c.scale) <= number));
            let near = self.near(of_scale, reach(scale));
            match number {
                0 => self.points(near, chunk),
                _ if near.is_empty() => {}
                _ => self.shapes(near, scale, call.scratch.as_mut_slice(), chunk),
            }
        }
        Ok(())
    }
}

impl Scatter {
    /// Of components sorted by row, those no further than `reach` rows from the chunk.
    pub(super) fn near<'a>(&self, list: &'a [Component], reach: usize) -> &'a [Component] {
        let Rect { y0, rows, .. } = self.at.grow(reach);
        let before = |row: i64| list.partition_point(|component| i64::from(component.y) < row);
        &list[before(y0)..before(y0 + rows as i64)]
    }

    fn points(&self, list: &[Component], chunk: &mut Block<f32>) {
        for component in list {
            let (y, x) = (i64::from(component.y), i64::from(component.x));
            if self.at.contains(y, x) {
                chunk.row_mut((y - self.at.y0) as usize)[(x - self.at.x0) as usize] = component.flux;
            }
        }
    }

    fn shapes(&self, list: &[Component], scale: f64, pixels: &mut [f32], chunk: &mut Block<f32>) {
        shape(scale, pixels);
        let reach = reach(scale);
        let side = 2 * reach + 1;
        for component in list {
            let there = Rect::new(i64::from(component.y), i64::from(component.x), 1, 1).grow(reach);
            let Some(seen) = there.intersect(&self.at) else { continue };
            for y in seen.y0..seen.y1() {
                let from = &pixels[(y - there.y0) as usize * side + (seen.x0 - there.x0) as usize..];
                let to = &mut chunk.row_mut((y - self.at.y0) as usize)[(seen.x0 - self.at.x0) as usize..];
                for (pixel, part) in to[..seen.cols].iter_mut().zip(from) {
                    *pixel += component.flux * part;
                }
            }
        }
    }
}
