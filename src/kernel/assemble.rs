//! A rectangle of a plane put together from the chunks it touches.

use super::operation::{Call, Operation};
use super::payload::{Block, Shape};
use crate::error::{Error, Result};
use crate::image::rect::Rect;
use serde::{Deserialize, Serialize};

/// Some neighbouring chunks of a plane that is cut regularly, the last of each row and column being smaller.
///
/// Pairs are (vertical, horizontal).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tiles {
    /// Pixels of the plane.
    pub plane: (usize, usize),
    /// Pixels of a chunk that is not cut off by the plane's edge.
    pub chunk: (usize, usize),
    /// Position of the first chunk, counted in chunks.
    pub first: (usize, usize),
    /// Number of chunks.
    pub count: (usize, usize),
}

impl Tiles {
    /// The fewest chunks that hold all of `target` that lies in the plane; no chunk if nothing of it does.
    pub fn touching(plane: (usize, usize), chunk: (usize, usize), target: &Rect) -> Tiles {
        let Some(inside) = target.intersect(&Rect::plane(plane.0, plane.1)) else {
            return Tiles { plane, chunk, first: (0, 0), count: (0, 0) };
        };
        let first = (inside.y0 as usize / chunk.0, inside.x0 as usize / chunk.1);
        let end = ((inside.y1() as usize).div_ceil(chunk.0), (inside.x1() as usize).div_ceil(chunk.1));
        Tiles { plane, chunk, first, count: (end.0 - first.0, end.1 - first.1) }
    }

    /// Where the chunks lie in the plane, row of chunks by row of chunks.
    pub fn rects(&self) -> impl Iterator<Item = Rect> + '_ {
        (0..self.count.0).flat_map(move |ty| (0..self.count.1).map(move |tx| self.rect(ty, tx)))
    }

    /// Where the chunk `ty` below and `tx` right of the first lies in the plane.
    fn rect(&self, ty: usize, tx: usize) -> Rect {
        let (y, rows) = span(self.first.0 + ty, self.chunk.0, self.plane.0);
        let (x, cols) = span(self.first.1 + tx, self.chunk.1, self.plane.1);
        Rect::new(y as i64, x as i64, rows, cols)
    }

    /// The part of the plane that the chunks cover.
    pub fn cover(&self) -> Rect {
        let (y, x) = (self.first.0 * self.chunk.0, self.first.1 * self.chunk.1);
        let rows = (self.count.0 * self.chunk.0).min(self.plane.0.saturating_sub(y));
        let cols = (self.count.1 * self.chunk.1).min(self.plane.1.saturating_sub(x));
        Rect::new(y as i64, x as i64, rows, cols)
    }
}

/// First pixel and number of pixels of chunk `index` along an axis.
fn span(index: usize, chunk: usize, plane: usize) -> (usize, usize) {
    let start = index * chunk;
    (start, chunk.min(plane.saturating_sub(start)))
}

/// Copies a rectangle of a plane out of the chunks it touches: a chunk with its halo, other chunks, or a cut-out.
///
/// Inputs: pixels of the chunks of `sources`, row of chunks by row of chunks. Output: pixels of `target`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assemble {
    /// Where the output lies in the plane.
    pub target: Rect,
    /// Which chunks the inputs are; they must hold all of `target`.
    pub sources: Tiles,
}

impl Operation for Assemble {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.target.rows, cols: self.target.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let sources: Vec<&Block<f32>> = call.inputs.iter().map(|input| input.real()).collect();
        let places = self.places(sources.iter().map(|pixels| pixels.dim()))?;
        let output = call.outputs[0].real_mut();
        for (at, pixels) in places.iter().zip(sources) {
            let Some(part) = self.target.intersect(at) else { continue };
            let (from, to) = ((part.x0 - at.x0) as usize, (part.x0 - self.target.x0) as usize);
            for y in part.y0..part.y1() {
                let source = &pixels.row((y - at.y0) as usize)[from..][..part.cols];
                output.row_mut((y - self.target.y0) as usize)[to..][..part.cols].copy_from_slice(source);
            }
        }
        Ok(())
    }
}

impl Assemble {
    /// Where the sources lie in the plane, if with these rows and columns they are what the parameters say.
    pub(super) fn places(&self, dims: impl Iterator<Item = (usize, usize)>) -> Result<Vec<Rect>> {
        let held = self.target.intersect(&self.sources.cover());
        let places: Vec<Rect> = self.sources.rects().collect();
        let dims: Vec<(usize, usize)> = dims.collect();
        if held != Some(self.target) || !dims.iter().copied().eq(places.iter().map(|at| (at.rows, at.cols))) {
            return Err(Error::internal(format!("{} chunks do not make up {self:?}", dims.len())));
        }
        Ok(places)
    }
}
