//! Rectangles of pixels.

use serde::{Deserialize, Serialize};

/// A rectangle of pixels in a plane: rows `y0 .. y0 + rows`, columns `x0 .. x0 + cols`, 0-based.
///
/// Corners may be negative where a rectangle is seen from a point amid it, as a PSF from its peak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rect {
    /// First row.
    pub y0: i64,
    /// First column.
    pub x0: i64,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
}

impl Rect {
    /// The rectangle with these corners and sizes.
    pub fn new(y0: i64, x0: i64, rows: usize, cols: usize) -> Rect {
        Rect { y0, x0, rows, cols }
    }

    /// A whole plane of `rows` × `cols` pixels.
    pub fn plane(rows: usize, cols: usize) -> Rect {
        Rect::new(0, 0, rows, cols)
    }

    /// One past the last row.
    pub fn y1(&self) -> i64 {
        self.y0 + self.rows as i64
    }

    /// One past the last column.
    pub fn x1(&self) -> i64 {
        self.x0 + self.cols as i64
    }

    /// Number of pixels.
    pub fn pixels(&self) -> usize {
        self.rows * self.cols
    }

    /// Does the pixel lie inside?
    pub fn contains(&self, y: i64, x: i64) -> bool {
        y >= self.y0 && y < self.y1() && x >= self.x0 && x < self.x1()
    }

    /// The part that two rectangles share, if they share any.
    pub fn intersect(&self, other: &Rect) -> Option<Rect> {
        let (y0, x0) = (self.y0.max(other.y0), self.x0.max(other.x0));
        let (y1, x1) = (self.y1().min(other.y1()), self.x1().min(other.x1()));
        (y1 > y0 && x1 > x0).then(|| Rect::new(y0, x0, (y1 - y0) as usize, (x1 - x0) as usize))
    }

    /// The smallest rectangle that holds both.
    pub fn around(&self, other: &Rect) -> Rect {
        let (y0, x0) = (self.y0.min(other.y0), self.x0.min(other.x0));
        let (y1, x1) = (self.y1().max(other.y1()), self.x1().max(other.x1()));
        Rect::new(y0, x0, (y1 - y0) as usize, (x1 - x0) as usize)
    }

    /// The rectangle grown by `halo` pixels on every side.
    pub fn grow(&self, halo: usize) -> Rect {
        let h = halo as i64;
        Rect::new(self.y0 - h, self.x0 - h, self.rows + 2 * halo, self.cols + 2 * halo)
    }
}
