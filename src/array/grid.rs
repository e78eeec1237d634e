//! How a plane is cut into chunks: index arithmetic only.

use crate::image::rect::Rect;
use serde::{Deserialize, Serialize};

/// A plane of `shape` cut into chunks of `chunk` pixels (rows, columns), the last ones smaller, and the first ones too where it
/// is shifted, each with `halo` pixels of its surroundings on every side, as far as the plane reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// Rows and columns of the plane.
    pub shape: (usize, usize),
    /// Rows and columns of a chunk's core.
    pub chunk: (usize, usize),
    /// Pixels of the surroundings that a chunk holds beyond its core.
    pub halo: usize,
    /// Rows and columns that the first chunks have fewer than others.
    pub shift: (usize, usize),
}

impl Grid {
    /// A plane cut into chunks without halo. Chunks larger than the plane are cut down to it.
    pub fn new(shape: (usize, usize), chunk: (usize, usize)) -> Grid {
        let fit = |chunk: usize, length: usize| chunk.clamp(1, length.max(1));
        Grid { shape, chunk: (fit(chunk.0, shape.0), fit(chunk.1, shape.1)), halo: 0, shift: (0, 0) }
    }

    /// A plane that is one chunk.
    pub fn whole(shape: (usize, usize)) -> Grid {
        Grid::new(shape, shape)
    }

    /// A plane in strips of whole rows.
    pub fn strips(shape: (usize, usize), rows: usize) -> Grid {
        Grid::new(shape, (rows, shape.1))
    }

    /// The same cutting with a halo.
    pub fn with_halo(self, halo: usize) -> Grid {
        Grid { halo, ..self }
    }

    /// The same cutting shifted by so many quarters of a chunk, down and across, where there are several: what was a border
    /// is amid a chunk.
    pub fn shifted(self, quarters: usize) -> Grid {
        let part = |chunk: usize, length: usize| if chunk < length { chunk * (quarters % 4) / 4 } else { 0 };
        Grid { shift: (part(self.chunk.0, self.shape.0), part(self.chunk.1, self.shape.1)), ..self }
    }

    /// Number of chunks down and across.
    pub fn counts(&self) -> (usize, usize) {
        let count = |chunk: usize, length: usize, shift: usize| (length + shift).div_ceil(chunk);
        (count(self.chunk.0, self.shape.0, self.shift.0), count(self.chunk.1, self.shape.1, self.shift.1))
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        self.counts().0 * self.counts().1
    }

    /// Is there no chunk at all?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The core of chunk `k`; chunks are numbered row by row.
    pub fn core(&self, k: usize) -> Rect {
        let (ty, tx) = (k / self.counts().1, k % self.counts().1);
        let (y, rows) = span(ty, self.chunk.0, self.shape.0, self.shift.0);
        let (x, cols) = span(tx, self.chunk.1, self.shape.1, self.shift.1);
        Rect::new(y as i64, x as i64, rows, cols)
    }

    /// Chunk `k` with its halo, as far as the plane reaches.
    pub fn outer(&self, k: usize) -> Rect {
        let core = self.core(k);
        core.grow(self.halo).intersect(&Rect::plane(self.shape.0, self.shape.1)).unwrap_or(core)
    }
}

/// First pixel and number of pixels of chunk `index` along an axis.
fn span(index: usize, chunk: usize, length: usize, shift: usize) -> (usize, usize) {
    let at = |index: usize| (index * chunk).saturating_sub(shift).min(length);
    (at(index), at(index + 1) - at(index))
}
