//! Count, sum, standard deviation and peak of the unblanked pixels of a plane.
//!
//! Sums are kept per row in f64 and added row by row, so that a plane's statistics do not depend on the strips
//! it is stored in.

use super::measured::{RowStats, Stats};
use super::operation::{Call, Operation};
use super::payload::{Payload, Shape};
use super::simd::highest;
use crate::error::Result;
use crate::image::rect::Rect;
use multiversion::multiversion;
use serde::{Deserialize, Serialize};

/// Statistics of each row of a chunk of whole rows.
///
/// Input: pixels. Output: one [`RowStats`] a row. Pixels of `ignored` do not count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasureRows {
    /// Where the chunk lies in the plane.
    pub at: Rect,
    /// Pixels of the plane that are left out.
    pub ignored: Option<Rect>,
}

impl Operation for MeasureRows {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(self.at.rows * size_of::<RowStats>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let pixels = call.inputs[0].real();
        let rows = (0..self.at.rows).map(|y| self.measure(y, pixels.row(y))).collect();
        call.outputs[0] = Payload::Rows(rows);
        Ok(())
    }
}

impl MeasureRows {
    fn measure(&self, y: usize, row: &[f32]) -> RowStats {
        let hole =
            self.ignored.and_then(|hole| hole.intersect(&Rect::new(self.at.y0 + y as i64, self.at.x0, 1, row.len())));
        match hole {
            None => measure(row),
            Some(hole) => {
                let (from, to) = ((hole.x0 - self.at.x0) as usize, (hole.x1() - self.at.x0) as usize);
                let (left, right) = (measure(&row[..from]), measure(&row[to..]));
                join(left, RowStats { peak_x: right.peak_x + to as u32, ..right })
            }
        }
    }
}

/// Sums side by side, so that the compiler can use vector registers and the order stays fixed.
const LANES: usize = 8;

/// Pixels among which the highest is looked up at once.
const BLOCK: usize = 256;

fn measure(row: &[f32]) -> RowStats {
    let (blank, sum, sum_squares) = add_up(row);
    let at = brightest(row);
    RowStats {
        count: row.len() as u32 - blank,
        peak_x: at.unwrap_or(0) as u32,
        peak: at.map_or(0.0, |x| row[x]),
        sum,
        sum_squares,
    }
}

/// How many pixels are blank; the sum of the others, and that of their squares.
#[multiversion(targets("x86_64+avx2"))]
fn add_up(row: &[f32]) -> (u32, f64, f64) {
    let mut sums = Sums::default();
    let (body, tail) = row.as_chunks::<LANES>();
    for pixels in body {
        sums.add(pixels);
    }
    let mut last = [0.0; LANES];
    last[..tail.len()].copy_from_slice(tail);
    sums.add(&last);
    (sums.blank.iter().sum(), sums.values.iter().sum(), sums.squares.iter().sum())
}

#[derive(Default)]
struct Sums {
    blank: [u32; LANES],
    values: [f64; LANES],
    squares: [f64; LANES],
}

impl Sums {
    /// One loop a quantity: in a loop of them all the compiler converts pixel after pixel.
    #[inline(always)]
    fn add(&mut self, pixels: &[f32; LANES]) {
        let mut values = [0.0f64; LANES];
        for (value, pixel) in values.iter_mut().zip(pixels) {
            *value = f64::from(if pixel.is_nan() { 0.0 } else { *pixel });
        }
        for (blank, pixel) in self.blank.iter_mut().zip(pixels) {
            *blank += u32::from(pixel.is_nan());
        }
        for (sum, value) in self.values.iter_mut().zip(values) {
            *sum += value;
        }
        for (sum, value) in self.squares.iter_mut().zip(values) {
            *sum += value * value;
        }
    }
}

/// Where the first of the pixels of highest absolute value is; none if all are blank.
fn brightest(row: &[f32]) -> Option<usize> {
    let (mut peak, mut from) = (0.0, 0);
    for (k, block) in row.chunks(BLOCK).enumerate() {
        let highest = highest(block);
        if highest > peak {
            (peak, from) = (highest, k * BLOCK);
        }
    }
    row[from..].iter().position(|pixel| pixel.abs() == peak).map(|x| from + x)
}

fn join(left: RowStats, right: RowStats) -> RowStats {
    let left_is_blank = left.count == 0 && right.count > 0;
    let peak = if left_is_blank || right.peak.abs() > left.peak.abs() { right } else { left };
    RowStats {
        count: left.count + right.count,
        peak_x: peak.peak_x,
        peak: peak.peak,
        sum: left.sum + right.sum,
        sum_squares: left.sum_squares + right.sum_squares,
    }
}

/// Statistics of a plane from those of its rows.
///
/// Inputs: the rows of each strip, strips from the lowest row up. Output: [`Stats`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MergeRows {}

impl Operation for MergeRows {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(size_of::<Stats>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let mut stats = Stats::default();
        for (y, row) in call.inputs.iter().flat_map(|strip| strip.rows()).enumerate() {
            if row.count > 0 && (stats.count == 0 || row.peak.abs() > stats.peak.abs()) {
                (stats.peak_y, stats.peak_x, stats.peak) = (y as u32, row.peak_x, row.peak);
            }
            stats.count += u64::from(row.count);
            stats.sum += row.sum;
            stats.sum_squares += row.sum_squares;
        }
        call.outputs[0] = Payload::Stats(stats);
        Ok(())
    }
}
