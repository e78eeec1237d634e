//! Noise that is not the same everywhere: measured in boxes, interpolated between their centres.

use super::operation::{Call, Operation};
use super::payload::{Payload, Shape};
use super::quantile::mad_to_sigma;
use crate::error::Result;
use crate::image::rect::Rect;
use serde::{Deserialize, Serialize};

/// The noise in each box of a band of whole rows: 1.4826 × the median absolute deviation from the median, as it is for a plane
/// (lower medians).
///
/// Input: the band's pixels. Output: a number a box, from left to right; NaN where fewer than half as many pixels as a whole box
/// has are not blank, or where the noise is zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoiseBoxes {
    /// Number of rows: those of the boxes of this band.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Rows and columns of a whole box; the last box of a band or of the plane may be smaller.
    pub size: (usize, usize),
}

impl Operation for NoiseBoxes {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(self.cols.div_ceil(self.size.1) * size_of::<f64>())]
    }

    fn scratch_bytes(&self) -> usize {
        self.rows * self.size.1.min(self.cols) * size_of::<f32>()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let band = call.inputs[0].real();
        let room = call.scratch.as_mut_slice::<f32>();
        let mut found = Vec::with_capacity(self.cols.div_ceil(self.size.1));
        for from in (0..self.cols).step_by(self.size.1) {
            let to = (from + self.size.1).min(self.cols);
            let mut count = 0;
            for &pixel in (0..self.rows).flat_map(|y| &band.row(y)[from..to]).filter(|pixel| !pixel.is_nan()) {
                room[count] = pixel;
                count += 1;
            }
            let enough = 2 * count >= self.size.0 * self.size.1;
            let sigma = if enough { sigma(&mut room[..count]) } else { 0.0 };
            found.push(if sigma > 0.0 { sigma } else { f64::NAN });
        }
        call.outputs[0] = Payload::Numbers(found);
        Ok(())
    }
}

/// The noise of some pixels, none of them blank; their place is not kept.
fn sigma(pixels: &mut [f32]) -> f64 {
    let centre = median(pixels);
    pixels.iter_mut().for_each(|pixel| *pixel = (*pixel - centre).abs());
    mad_to_sigma(f64::from(median(pixels)))
}

/// The lower median.
fn median(pixels: &mut [f32]) -> f32 {
    let rank = (pixels.len() - 1) / 2;
    *pixels.select_nth_unstable_by(rank, f32::total_cmp).1
}

/// Where the lowest noise lies among the numbers of a [`NoiseMap`].
pub const LOWEST: usize = 0;

/// Where the mean of the noise lies.
const MEAN: usize = 1;

/// Where the boxes begin.
const BOXES: usize = 2;

/// The noise in all boxes of a plane.
///
/// Inputs: what [`NoiseBoxes`] made of each band, from the lowest row up. Outputs: numbers: the lowest noise of all boxes and the
/// mean, both 0 if there is none, then that of every box, row by row; and the lowest noise once more, alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoiseMap {
    /// Number of boxes.
    pub boxes: usize,
}

impl Operation for NoiseMap {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small((BOXES + self.boxes) * size_of::<f64>()), Shape::Small(size_of::<f64>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let all = || call.inputs.iter().flat_map(|band| band.numbers()).copied();
        let measured = || all().filter(|sigma| !sigma.is_nan());
        let (sum, count) = measured().fold((0.0, 0.0), |(sum, count), sigma| (sum + sigma, count + 1.0));
        let lowest = if count > 0.0 { measured().fold(f64::INFINITY, f64::min) } else { 0.0 };
        let mean = if count > 0.0 { sum / count } else { 0.0 };
        call.outputs[0] = Payload::Numbers([lowest, mean].into_iter().chain(all()).collect());
        call.outputs[1] = Payload::Numbers(vec![lowest]);
        Ok(())
    }
}

/// Weights by which pixels count in units of the noise around them: the lowest noise of the plane over that at the pixel.
///
/// Inputs: weights, the pixels of `at`; the noise of the boxes, as [`NoiseMap`] makes it. Output: the weights times those of the noise,
/// in their place. Between the centres of boxes the noise is interpolated in both directions, of those boxes that have one; where
/// none of the four has, it is the mean of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weigh {
    /// Where the chunk lies in the plane.
    pub at: Rect,
    /// Rows and columns of the plane.
    pub shape: (usize, usize),
    /// Rows and columns of a whole box.
    pub size: (usize, usize),
}

impl Operation for Weigh {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.at.rows, cols: self.at.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let map = call.inputs[0].numbers();
        let weights = call.outputs[0].real_mut();
        if map[LOWEST] == 0.0 {
            return Ok(());
        }
        let across = self.shape.1.div_ceil(self.size.1);
        for y in 0..self.at.rows {
            let (above, below, down) = between(self.at.y0 + y as i64, self.shape.0, self.size.0);
            let rows = [&map[BOXES + above * across..], &map[BOXES + below * across..]];
            for (x, weight) in weights.row_mut(y).iter_mut().enumerate().filter(|(_, weight)| **weight != 0.0) {
                let (left, right, along) = between(self.at.x0 + x as i64, self.shape.1, self.size.1);
                let corners = [
                    (rows[0][left], (1.0 - down) * (1.0 - along)),
                    (rows[0][right], (1.0 - down) * along),
                    (rows[1][left], down * (1.0 - along)),
                    (rows[1][right], down * along),
                ];
                let known = corners.iter().filter(|(sigma, part)| !sigma.is_nan() && *part > 0.0);
                let (sum, parts) =
                    known.fold((0.0, 0.0), |(sum, parts), (sigma, part)| (sum + sigma * part, parts + part));
                let sigma = if parts > 0.0 { sum / parts } else { map[MEAN] };
                *weight *= (map[LOWEST] / sigma) as f32;
            }
        }
        Ok(())
    }
}

/// The two boxes along an axis of `length` pixels between whose centres a pixel lies, and how far from the first to the second, as a part;
/// outside all centres the box nearest to it, twice.
fn between(pixel: i64, length: usize, size: usize) -> (usize, usize, f64) {
    let last = length.div_ceil(size) - 1;
    let centre = |i: usize| (i * size + ((i + 1) * size).min(length)) as f64 / 2.0 - 0.5;
    let at = pixel as f64;
    let nearest = (pixel.max(0) as usize / size).min(last);
    let first = if at < centre(nearest) { nearest.saturating_sub(1) } else { nearest };
    if first == last || at < centre(first) {
        return (first, first, 0.0);
    }
    (first, first + 1, (at - centre(first)) / (centre(first + 1) - centre(first)))
}
