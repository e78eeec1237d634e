//! What chunks predict of the residual at their borders, beside what it is.

use super::assemble::Tiles;
use super::operation::{Call, Operation};
use super::payload::{Block, Payload, Shape};
use crate::error::{Error, Result};
use crate::image::rect::Rect;
use serde::{Deserialize, Serialize};

/// Of a line every so many-th pixel is looked at: what is picked of all chunks is there at once.
const EVERY: usize = 16;

/// Lines of pixels in the core of a chunk at which its residual is looked at, at every sixteenth pixel: a row or a column each.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lines {
    /// At the borders with other cores.
    pub borders: Vec<Rect>,
    /// Through the middle, to compare with.
    pub middles: Vec<Rect>,
}

impl Lines {
    /// Those of a core in a plane of so many rows and columns; none where the core is all of it.
    pub fn of(core: Rect, plane: (usize, usize)) -> Lines {
        let Rect { y0, x0, rows, cols } = core;
        let all = Rect::plane(plane.0, plane.1);
        if core == all {
            return Lines::default();
        }
        let (row, column) = (|y: i64| Rect::new(y, x0, 1, cols), |x: i64| Rect::new(y0, x, rows, 1));
        let borders = [
            (y0 > 0).then(|| row(y0)),
            (core.y1() < all.y1()).then(|| row(core.y1() - 1)),
            (x0 > 0).then(|| column(x0)),
            (core.x1() < all.x1()).then(|| column(core.x1() - 1)),
        ];
        let middles = vec![row(y0 + rows as i64 / 2), column(x0 + cols as i64 / 2)];
        Lines { borders: borders.into_iter().flatten().collect(), middles }
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.borders.is_empty() && self.middles.is_empty()
    }

    /// The smallest rectangle that holds them.
    pub fn hull(&self) -> Rect {
        let lines = self.borders.iter().chain(&self.middles).copied();
        lines.reduce(|hull, line| hull.around(&line)).unwrap_or(Rect::plane(0, 0))
    }

    /// The shape of what is picked of so many planes, or nothing. It is small, so that it waits in memory for the refresh.
    pub fn shape(&self, planes: usize) -> Option<Shape> {
        (!self.is_empty()).then(|| Shape::Small(planes * self.pixels().count() * size_of::<f64>()))
    }

    /// Picks the pixels that are looked at, plane by plane, given what is in a plane at a row and a column.
    pub fn pick(&self, planes: usize, pixel: impl Fn(usize, i64, i64) -> f32) -> Payload {
        let picked = |plane: usize| self.pixels().map(move |(y, x)| (plane, y, x));
        Payload::Numbers((0..planes).flat_map(picked).map(|(plane, y, x)| f64::from(pixel(plane, y, x))).collect())
    }

    /// Rows and columns of those in the plane, line by line.
    fn pixels(&self) -> impl Iterator<Item = (i64, i64)> {
        self.borders.iter().chain(&self.middles).flat_map(looked_at)
    }
}

/// How far what a chunk predicted on its lines is from the residual.
///
/// Inputs: what was [picked](Lines::pick) of the chunk; the chunks of `residual`, row of chunks by row of chunks. Output:
/// numbers, first of the borders, then of the middles: how many pixels are blank in neither, the sum of the squares of the
/// differences, the largest absolute difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seam {
    /// The lines of the chunk.
    pub lines: Lines,
    /// Which of the planes that were picked.
    pub plane: usize,
    /// Which chunks of the residual the inputs are; they hold all lines.
    pub residual: Tiles,
}

impl Operation for Seam {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(6 * size_of::<f64>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let pixels = self.lines.pixels().count();
        let mut picked = call.inputs[0].numbers()[self.plane * pixels..][..pixels].iter();
        let tiles: Vec<_> = self.residual.rects().zip(call.inputs[1..].iter().map(|tile| tile.real())).collect();
        let mut numbers = Vec::new();
        for lines in [&self.lines.borders, &self.lines.middles] {
            let (mut count, mut squares, mut largest) = (0.0, 0.0, 0.0f64);
            for ((y, x), &predicted) in lines.iter().flat_map(looked_at).zip(&mut picked) {
                let off = predicted - f64::from(pixel(&tiles, y, x)?);
                if !off.is_nan() {
                    (count, squares, largest) = (count + 1.0, squares + off * off, largest.max(off.abs()));
                }
            }
            numbers.extend([count, squares, largest]);
        }
        call.outputs[0] = Payload::Numbers(numbers);
        Ok(())
    }
}

/// Rows and columns of the pixels of a line that are looked at.
fn looked_at(line: &Rect) -> impl Iterator<Item = (i64, i64)> + use<> {
    let Rect { y0, x0, cols, .. } = *line;
    (0..line.pixels()).step_by(EVERY).map(move |i| (y0 + (i / cols) as i64, x0 + (i % cols) as i64))
}

/// The pixel in a row and a column of the plane that tiles are of.
fn pixel(tiles: &[(Rect, &Block<f32>)], y: i64, x: i64) -> Result<f32> {
    let tile = tiles.iter().find(|(at, _)| at.contains(y, x));
    let (at, pixels) = tile.ok_or_else(|| Error::internal("a line is not in the residual"))?;
    Ok(pixels.row((y - at.y0) as usize)[(x - at.x0) as usize])
}
