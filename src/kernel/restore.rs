//! A model of few components, convolved with the restoring beam, without any transform.

use super::operation::{Call, Operation};
use super::payload::{Block, Shape};
use crate::error::Result;
use crate::image::rect::Rect;
use serde::{Deserialize, Serialize};

/// Adds point components, convolved with a Gaussian of peak 1, to pixels: to a residual, which gives the restored image.
///
/// The Gaussian is g(x, y) = exp(−½ rᵀ C⁻¹ r), r = (x, y) = (column, row) as seen from the component, C the `covariance`.
/// More than `reach` rows or columns from the component it counts as nothing.
///
/// Inputs: the pixels of `at`; the list of a model, as [`super::AddComponents`] makes it. Output: the pixels, in their
/// place; blank ones stay blank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RestoreComponents {
    /// Where the chunk lies in the plane.
    pub at: Rect,
    /// Covariance C of the Gaussian: [xx, xy, yy] in pixels², x along rows and y along columns.
    pub covariance: [f64; 3],
    /// Rows and columns from the component to the Gaussian's edge.
    pub reach: usize,
}

impl Operation for RestoreComponents {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.at.rows, cols: self.at.cols }]
    }

    fn scratch_bytes(&self) -> usize {
        self.beam().pixels() * size_of::<f32>()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let list = call.inputs[0].components();
        let gaussian = call.scratch.as_mut_slice::<f32>();
        self.sample(gaussian);
        let (first, last) = (self.at.y0 - self.reach as i64, self.at.y1() + self.reach as i64);
        let begin = list.partition_point(|component| i64::from(component.y) < first);
        let chunk = call.outputs[0].real_mut();
        for component in list[begin..].iter().take_while(|component| i64::from(component.y) < last) {
            self.add((i64::from(component.y), i64::from(component.x)), component.flux, gaussian, chunk);
        }
        Ok(())
    }
}

impl RestoreComponents {
    /// Where the Gaussian's pixels lie as seen from a component.
    fn beam(&self) -> Rect {
        Rect::new(0, 0, 1, 1).grow(self.reach)
    }

    fn sample(&self, gaussian: &mut [f32]) {
        let beam = self.beam();
        let [xx, xy, yy] = self.covariance;
        let det = xx * yy - xy * xy;
        for (row, y) in gaussian.chunks_exact_mut(beam.cols).zip(beam.y0..beam.y1()) {
            for (pixel, x) in row.iter_mut().zip(beam.x0..beam.x1()) {
                let (x, y) = (x as f64, y as f64);
                *pixel = (-0.5 * (yy * x * x - 2.0 * xy * x * y + xx * y * y) / det).exp() as f32;
            }
        }
    }

    /// Adds one component to the pixels of the chunk that it reaches.
    fn add(&self, (y, x): (i64, i64), flux: f32, gaussian: &[f32], chunk: &mut Block<f32>) {
        let beam = self.beam();
        let there = Rect { y0: y + beam.y0, x0: x + beam.x0, ..beam };
        let Some(reached) = there.intersect(&self.at) else { return };
        for y in reached.y0..reached.y1() {
            let from = (y - there.y0) as usize * beam.cols + (reached.x0 - there.x0) as usize;
            let row = &mut chunk.row_mut((y - self.at.y0) as usize)[(reached.x0 - self.at.x0) as usize..];
            let pixels = row[..reached.cols].iter_mut().zip(&gaussian[from..]);
            pixels.for_each(|(pixel, beam)| *pixel += flux * beam);
        }
    }
}
