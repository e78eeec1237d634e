//! Count, sum, standard deviation and peak of the unblanked pixels of a plane.
//!
//! Sums are kept per row in f64 and added row by row, so that a plane's statistics do not depend on the strips
//! it is stored in.

use super::measured::{RowStats, Stats};
use super::operation::{Call, Operation};
use super::payload::{Payload, Shape};
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

/// Eight sums side by side, so that the compiler can use vector registers and the order stays fixed.
const LANES: usize = 8;

#[multiversion(targets("x86_64+avx2"))]
fn measure(row: &[f32]) -> RowStats {
    let mut sum = [0.0f64; LANES];
    let mut squares = [0.0f64; LANES];
    let mut peak = [0.0f32; LANES];
    let mut blank = [0u32; LANES];
    let mut add = |lane: usize, value: f32| {
        blank[lane] += u32::from(value.is_nan());
        let value = if value.is_nan() { 0.0 } else { value };
        sum[lane] += f64::from(value);
        squares[lane] += f64::from(value) * f64::from(value);
        peak[lane] = if value.abs() > peak[lane] { value.abs() } else { peak[lane] };
    };
    let (body, tail) = row.as_chunks::<LANES>();
    for chunk in body {
        for (lane, &value) in chunk.iter().enumerate() {
            add(lane, value);
        }
    }
    for (lane, &value) in tail.iter().enumerate() {
        add(lane, value);
    }
    let highest = peak.iter().copied().fold(0.0f32, f32::max);
    let at = row.iter().position(|v| v.abs() == highest);
    RowStats {
        count: row.len() as u32 - blank.iter().sum::<u32>(),
        peak_x: at.unwrap_or(0) as u32,
        peak: at.map_or(0.0, |x| row[x]),
        sum: sum.iter().sum(),
        sum_squares: squares.iter().sum(),
    }
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
