//! Pixels whose highest one is found again quickly after some of them were changed.

use super::payload::Block;
use super::score::Signs;
use super::simd::{higher, highest};
use crate::image::rect::Rect;

/// Rows and columns of a tile: small enough that few pixels are looked at in vain, large enough that there are few tiles.
const TILE: (usize, usize) = (16, 32);

/// Pixels in working memory, and the highest absolute value of each tile of them.
///
/// Highest is the largest absolute value; blank pixels (NaN) never are.
#[derive(Debug)]
pub struct Peaks<'a> {
    rows: usize,
    cols: usize,
    /// Rows as long as whole tiles; what is beyond the last column is blank.
    pixels: &'a mut [f32],
    highest: &'a mut [f32],
    /// Which count: of both signs by their absolute values, or those above zero alone.
    signs: Signs,
}

/// Tiles down and across.
fn tiles(rows: usize, cols: usize) -> (usize, usize) {
    (rows.div_ceil(TILE.0), cols.div_ceil(TILE.1))
}

/// Numbers of working memory for so many pixels.
pub fn peaks_len(rows: usize, cols: usize) -> usize {
    let (down, across) = tiles(rows, cols);
    rows * across * TILE.1 + down * across
}

impl<'a> Peaks<'a> {
    /// A copy of some pixels in working memory, of which it takes [`peaks_len`] numbers and leaves the rest.
    pub fn of(from: &Block<f32>, signs: Signs, scratch: &'a mut [f32]) -> (Peaks<'a>, &'a mut [f32]) {
        let (rows, cols) = from.dim();
        let (down, across) = tiles(rows, cols);
        let (pixels, scratch) = scratch.split_at_mut(rows * across * TILE.1);
        let (highest, scratch) = scratch.split_at_mut(down * across);
        let mut made = Peaks { rows, cols, pixels, highest, signs };
        for y in 0..rows {
            let (row, beyond) = made.pixels[y * across * TILE.1..][..across * TILE.1].split_at_mut(cols);
            row.copy_from_slice(from.row(y));
            beyond.fill(f32::NAN);
        }
        (0..down * across).for_each(|tile| made.measure(tile));
        (made, scratch)
    }

    /// The pixel in a row and a column.
    pub fn pixel(&self, y: usize, x: usize) -> f32 {
        self.pixels[y * tiles(self.rows, self.cols).1 * TILE.1 + x]
    }

    /// The highest absolute value, 0 if all pixels are blank.
    pub fn peak(&self) -> f32 {
        highest(self.highest)
    }

    /// Where the highest pixel is (row, column), and its value: of equals the first, tile by tile and in it row by row.
    pub fn find(&self) -> (usize, usize, f32) {
        let peak = self.peak();
        let (_, across) = tiles(self.rows, self.cols);
        let tile = self.highest.iter().position(|&highest| highest == peak).unwrap_or(0);
        let (top, left) = (tile / across * TILE.0, tile % across * TILE.1);
        for y in top..self.rows.min(top + TILE.0) {
            let part = &self.pixels[y * across * TILE.1 + left..][..TILE.1];
            if let Some(x) = part.iter().position(|&pixel| self.count(pixel) == peak) {
                return (y, left + x, part[x]);
            }
        }
        (top, left, 0.0)
    }

    /// Subtracts a patch times `flux`. Its pixels lie at `offsets` as seen from pixel (`y`, `x`); what lies outside is cut off.
    pub fn subtract(&mut self, (y, x): (usize, usize), flux: f32, patch: &Block<f32>, offsets: Rect) {
        let there = Rect { y0: y as i64 + offsets.y0, x0: x as i64 + offsets.x0, ..offsets };
        let Some(seen) = there.intersect(&Rect::plane(self.rows, self.cols)) else { return };
        let stride = tiles(self.rows, self.cols).1 * TILE.1;
        let from = (seen.x0 - there.x0) as usize;
        for y in seen.y0..seen.y1() {
            let to = &mut self.pixels[y as usize * stride + seen.x0 as usize..][..seen.cols];
            let patch = &patch.row((y - there.y0) as usize)[from..][..seen.cols];
            to.iter_mut().zip(patch).for_each(|(pixel, patch)| *pixel -= flux * patch);
        }
        for down in seen.y0 as usize / TILE.0..(seen.y1() as usize).div_ceil(TILE.0) {
            for across in seen.x0 as usize / TILE.1..(seen.x1() as usize).div_ceil(TILE.1) {
                self.measure(down * (stride / TILE.1) + across);
            }
        }
    }

    fn count(&self, pixel: f32) -> f32 {
        if self.signs == Signs::Positive { pixel } else { pixel.abs() }
    }

    /// Brings the highest value of a tile up to date.
    fn measure(&mut self, tile: usize) {
        let across = tiles(self.rows, self.cols).1;
        let (top, left) = (tile / across * TILE.0, tile % across * TILE.1);
        let mut peaks = [0.0f32; TILE.1];
        for y in top..self.rows.min(top + TILE.0) {
            let (part, _) = self.pixels[y * across * TILE.1 + left..].as_chunks::<{ TILE.1 }>();
            match self.signs {
                Signs::Positive => {
                    peaks.iter_mut().zip(&part[0]).for_each(|(p, &pixel)| *p = if pixel > *p { pixel } else { *p })
                }
                _ => peaks.iter_mut().zip(&part[0]).for_each(|(peak, &pixel)| *peak = higher(*peak, pixel)),
            }
        }
        self.highest[tile] = highest(&peaks);
    }
}
