//! What chunks predict of the residual at their borders, beside what it is.

use super::assemble::Tiles;
use super::operation::{Call, Operation};
use super::payload::{Block, Payload, Shape};
use crate::error::{Error, Result};
use crate::image::rect::Rect;
use serde::{Deserialize, Serialize};

/// Lines of pixels in the core of a chunk at which its residual is looked at: a row or a column each.
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
        let lines = || self.borders.iter().chain(&self.middles);
        let least = |of: fn(&Rect) -> i64| lines().map(of).min().unwrap_or(0);
        let most = |of: fn(&Rect) -> i64| lines().map(of).max().unwrap_or(0);
        let (y0, x0) = (least(|line| line.y0), least(|line| line.x0));
        let (y1, x1) = (most(Rect::y1), most(Rect::x1));
        Rect::new(y0, x0, (y1 - y0) as usize, (x1 - x0) as usize)
    }

    /// The shape of what is picked of so many planes: the pixels of all lines in a row for each, or nothing.
    pub fn shape(&self, planes: usize) -> Option<Shape> {
        (!self.is_empty()).then(|| Shape::Real { rows: planes, cols: self.pixels().count() })
    }

    /// Picks the pixels of the lines, given what is in a plane at a row and a column.
    pub fn pick(&self, into: &mut Block<f32>, pixel: impl Fn(usize, i64, i64) -> f32) {
        for plane in 0..into.dim().0 {
            for (picked, (y, x)) in into.row_mut(plane).iter_mut().zip(self.pixels()) {
                *picked = pixel(plane, y, x);
            }
        }
    }

    /// Rows and columns in the plane, line by line.
    fn pixels(&self) -> impl Iterator<Item = (i64, i64)> {
        let within = |line: &Rect| {
            let Rect { y0, x0, cols, .. } = *line;
            (0..line.pixels()).map(move |i| (y0 + (i / cols) as i64, x0 + (i % cols) as i64))
        };
        self.borders.iter().chain(&self.middles).flat_map(within)
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
    /// The row of what was picked.
    pub plane: usize,
    /// Which chunks of the residual the inputs are; they hold all lines.
    pub residual: Tiles,
}

impl Operation for Seam {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(6 * size_of::<f64>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let mut picked = call.inputs[0].real().row(self.plane);
        let tiles: Vec<_> = self.residual.rects().zip(call.inputs[1..].iter().map(|tile| tile.real())).collect();
        let mut numbers = Vec::new();
        for lines in [&self.lines.borders, &self.lines.middles] {
            let (mut count, mut squares, mut largest) = (0.0, 0.0, 0.0f64);
            for line in lines {
                let (predicted, rest) = picked.split_at(line.pixels());
                picked = rest;
                for difference in differences(line, predicted, &tiles)? {
                    (count, squares, largest) =
                        (count + 1.0, squares + difference * difference, largest.max(difference.abs()));
                }
            }
            numbers.extend([count, squares, largest]);
        }
        call.outputs[0] = Payload::Numbers(numbers);
        Ok(())
    }
}

/// The differences along a line, without blank pixels.
fn differences(line: &Rect, predicted: &[f32], tiles: &[(Rect, &Block<f32>)]) -> Result<Vec<f64>> {
    let mut found = Vec::with_capacity(predicted.len());
    let mut seen = 0;
    for (at, tile) in tiles {
        let Some(part) = line.intersect(at) else { continue };
        seen += part.pixels();
        for y in part.y0..part.y1() {
            let from = (y - line.y0) as usize * line.cols + (part.x0 - line.x0) as usize;
            let exact = &tile.row((y - at.y0) as usize)[(part.x0 - at.x0) as usize..][..part.cols];
            let pairs = predicted[from..][..part.cols].iter().zip(exact);
            found.extend(pairs.map(|(&a, &b)| f64::from(a) - f64::from(b)).filter(|difference| !difference.is_nan()));
        }
    }
    if seen == line.pixels() { Ok(found) } else { Err(Error::internal("a line is not in the residual")) }
}
