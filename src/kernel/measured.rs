//! What is measured of the pixels of a row and of a plane.

use serde::{Deserialize, Serialize};

/// Statistics of the unblanked pixels of one row.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct RowStats {
    /// Number of pixels that are not blank.
    pub count: u32,
    /// Column of the pixel with the largest absolute value; the leftmost of equals.
    pub peak_x: u32,
    /// Value of that pixel, with its sign.
    pub peak: f32,
    /// Sum.
    pub sum: f64,
    /// Sum of squares.
    pub sum_squares: f64,
}

/// Statistics of the unblanked pixels of a plane.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Stats {
    /// Number of pixels that are not blank.
    pub count: u64,
    /// Row of the pixel with the largest absolute value; the first of equals.
    pub peak_y: u32,
    /// Column of that pixel.
    pub peak_x: u32,
    /// Its value, with its sign; 0 where every pixel is blank.
    pub peak: f32,
    /// Sum.
    pub sum: f64,
    /// Sum of squares.
    pub sum_squares: f64,
}

impl Stats {
    /// Those of nothing.
    pub const EMPTY: Stats = Stats { count: 0, peak_y: 0, peak_x: 0, peak: 0.0, sum: 0.0, sum_squares: 0.0 };

    /// Those of two parts of a plane together; the peak keeps its place within its own part.
    pub fn and(self, other: &Stats) -> Stats {
        let further = self.count == 0 || (other.count > 0 && other.peak.abs() > self.peak.abs());
        let at = if further { other } else { &self };
        Stats {
            count: self.count + other.count,
            sum: self.sum + other.sum,
            sum_squares: self.sum_squares + other.sum_squares,
            ..*at
        }
    }

    /// Root of the mean square.
    pub fn rms(&self) -> f64 {
        if self.count == 0 { 0.0 } else { (self.sum_squares / self.count as f64).sqrt() }
    }

    /// Mean.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }

    /// Standard deviation about the mean.
    pub fn std(&self) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        let mean = self.mean();
        (self.sum_squares / self.count as f64 - mean * mean).max(0.0).sqrt()
    }
}
