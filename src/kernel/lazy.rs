//! A residual from which PSFs are subtracted no earlier than somebody looks.
//!
//! The pixels lie in tiles. Of each tile is known which components have been subtracted from it, and a value that none of
//! its pixels can exceed by now: their highest when it was up to date last, and for each component since then what that
//! has at most changed, its flux times the highest value of the PSF where the tile sees it. Only tiles that may hold the
//! peak are brought up to date, with what has come together in the meantime, one row after the other, so that a row stays
//! in the nearest cache.
//!
//! The bits are those of subtracting at once: each pixel goes through the same operations in the same order. And the bound
//! holds to the bit without any margin, because it goes through them too, with values that are no smaller, and rounding
//! keeps what is not smaller so.

use super::minor::Residual;
use super::payload::Block;
use super::simd::{higher, highest, subtract_scaled};
use crate::image::rect::Rect;
use bytemuck::{Pod, Zeroable, cast_slice_mut};

/// Rows and columns of a tile. The smaller it is, the less is subtracted before the peak is known; but each row is another
/// place in memory, so it had better be long.
const TILE: (usize, usize) = (8, 128);

/// The highest values of the PSF are known for windows that begin every so many rows and columns.
const STEP: (usize, usize) = (8, 16);

/// Windows of the PSF that begin within a tile: rows, columns.
const STEPS: (usize, usize) = (TILE.0 / STEP.0, TILE.1 / STEP.1);

/// So many components may wait; before one more, all tiles are brought up to date.
const WAITING: usize = 8192;

/// A component that may not have been subtracted everywhere yet.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Waiting {
    y: u32,
    x: u32,
    flux: f32,
}

/// What is known of the sizes before there is a residual: rows and columns of pixels and of tiles.
#[derive(Debug, Clone, Copy)]
struct Layout {
    rows: usize,
    cols: usize,
    down: usize,
    across: usize,
    waiting: usize,
}

impl Layout {
    fn new(at: Rect, max_iterations: u32) -> Layout {
        let Rect { rows, cols, .. } = at;
        let (down, across) = (rows.div_ceil(TILE.0), cols.div_ceil(TILE.1));
        Layout { rows, cols, down, across, waiting: WAITING.min(max_iterations as usize) }
    }

    fn tiles(&self) -> usize {
        self.down * self.across
    }

    /// Numbers of the table of the PSF's highest values.
    fn table(&self) -> usize {
        STEPS.0 * STEPS.1 * 4 * self.tiles()
    }

    /// Blocks of `STEP` across the PSF.
    fn blocks(&self) -> usize {
        2 * self.across * STEPS.1
    }
}

/// Bytes of working memory for a residual of this size and so many components.
pub fn scratch_bytes(at: Rect, max_iterations: u32) -> usize {
    let layout = Layout::new(at, max_iterations);
    let numbers = 2 * layout.tiles() + layout.down + layout.table() + layout.blocks();
    numbers * size_of::<f32>() + layout.waiting * size_of::<Waiting>()
}

/// A residual whose pixels are up to date only where they are looked at.
pub struct LazyResidual<'a> {
    layout: Layout,
    residual: &'a mut Block<f32>,
    psf: &'a Block<f32>,
    /// Where the PSF's pixels lie as seen from its peak.
    offsets: Rect,
    /// What no absolute value of a tile exceeds, and the highest of these in each row of tiles.
    bounds: &'a mut [f32],
    crests: &'a mut [f32],
    /// The highest absolute values of the PSF in windows of tiles: see [`LazyResidual::tabulate`].
    table: &'a mut [f32],
    waiting: &'a mut [Waiting],
    count: usize,
    /// How many of those that wait have been subtracted from each tile.
    subtracted: &'a mut [u32],
}

impl<'a> LazyResidual<'a> {
    /// Of a residual and a PSF whose pixels lie at `offsets` from its peak; `scratch` has at least [`scratch_bytes`] for
    /// the block and as many components as will be subtracted.
    pub fn new(
        (at, max_iterations): (Rect, u32),
        residual: &'a mut Block<f32>,
        (psf, offsets): (&'a Block<f32>, Rect),
        scratch: &'a mut [f32],
    ) -> LazyResidual<'a> {
        let layout = Layout::new(at, max_iterations);
        let (bounds, scratch) = scratch.split_at_mut(layout.tiles());
        let (crests, scratch) = scratch.split_at_mut(layout.down);
        let (table, scratch) = scratch.split_at_mut(layout.table());
        let (line, scratch) = scratch.split_at_mut(layout.blocks());
        let (subtracted, scratch) = scratch.split_at_mut(layout.tiles());
        let waiting = &mut cast_slice_mut(&mut scratch[..layout.waiting * 3])[..];
        let subtracted = cast_slice_mut(subtracted);
        let mut lazy =
            LazyResidual { layout, residual, psf, offsets, bounds, crests, table, waiting, count: 0, subtracted };
        lazy.subtracted.fill(0);
        (0..layout.tiles()).for_each(|tile| lazy.bounds[tile] = lazy.bring_up_to_date(tile));
        (0..layout.down).for_each(|row| lazy.crest(row));
        lazy.tabulate(line);
        lazy
    }

    /// Brings all pixels up to date.
    pub fn settle(&mut self) {
        for tile in 0..self.layout.tiles() {
            if self.is_behind(tile) {
                self.bounds[tile] = self.bring_up_to_date(tile);
            }
            self.subtracted[tile] = 0;
        }
        (0..self.layout.down).for_each(|row| self.crest(row));
        self.count = 0;
    }

    fn is_behind(&self, tile: usize) -> bool {
        (self.subtracted[tile] as usize) < self.count
    }

    /// Notes the highest bound of a row of tiles.
    fn crest(&mut self, row: usize) {
        let across = self.layout.across;
        self.crests[row] = highest(&self.bounds[row * across..][..across]);
    }

    /// The tiles whose bound is this one, the highest.
    fn highest_tiles(&self, peak: f32) -> impl Iterator<Item = usize> {
        let across = self.layout.across;
        let rows = (0..self.layout.down).filter(move |&row| self.crests[row] == peak);
        rows.flat_map(move |row| row * across..(row + 1) * across).filter(move |&tile| self.bounds[tile] == peak)
    }

    /// Where the pixels of a tile lie in the block.
    fn tile(&self, tile: usize) -> Rect {
        let Layout { rows, cols, across, .. } = self.layout;
        let (y, x) = (tile / across * TILE.0, tile % across * TILE.1);
        Rect::new(y as i64, x as i64, TILE.0.min(rows - y), TILE.1.min(cols - x))
    }

    fn find_in(&self, tile: usize, peak: f32) -> Option<(usize, usize)> {
        let tile = self.tile(tile);
        let (first, rows) = (tile.x0 as usize, tile.y0 as usize..tile.y1() as usize);
        let pixels = |y: usize| &self.residual.row(y)[first..][..tile.cols];
        let y = rows.into_iter().find(|&y| highest(pixels(y)) == peak)?;
        let x = pixels(y).iter().position(|pixel| pixel.abs() == peak)?;
        Some((y, first + x))
    }

    /// Subtracts what waits for a tile; the highest absolute value of its pixels.
    fn bring_up_to_date(&mut self, tile: usize) -> f32 {
        let waiting = &self.waiting[self.subtracted[tile] as usize..self.count];
        self.subtracted[tile] = self.count as u32;
        let tile = self.tile(tile);
        let (first, end) = (tile.x0, tile.x1());
        let mut peak = 0.0;
        for y in tile.y0..tile.y1() {
            let row = &mut self.residual.row_mut(y as usize)[first as usize..end as usize];
            for component in waiting {
                let psf_y = y - i64::from(component.y) - self.offsets.y0;
                let psf_x = i64::from(component.x) + self.offsets.x0;
                let (from, to) = (first.max(psf_x), end.min(psf_x + self.offsets.cols as i64));
                if psf_y >= 0 && psf_y < self.offsets.rows as i64 && from < to {
                    let pixels = &mut row[(from - first) as usize..(to - first) as usize];
                    let psf = &self.psf.row(psf_y as usize)[(from - psf_x) as usize..];
                    subtract_scaled(pixels, psf, component.flux);
                }
            }
            peak = higher(peak, highest(row));
        }
        peak
    }

    /// Writes the table: the highest absolute value of the PSF in each window that is a tile and a step larger and begins
    /// a whole number of steps from the peak.
    ///
    /// Windows that begin whole tiles from each other lie side by side, as do the bounds of the tiles that see them: first
    /// the steps from a whole tile, rows and columns, then the tiles from the upper left, rows and columns.
    fn tabulate(&mut self, line: &mut [f32]) {
        let Layout { down, across, .. } = self.layout;
        let (up, left) = ((down * TILE.0) as i64, (across * TILE.1) as i64);
        self.table.fill(0.0);
        let Some(seen) = self.offsets.intersect(&Rect::new(-up, -left, 2 * down * TILE.0, 2 * across * TILE.1)) else {
            return;
        };
        let from = (seen.x0 - self.offsets.x0) as usize;
        let mut dy = seen.y0;
        while dy < seen.y1() {
            let block = (dy + up) as usize / STEP.0;
            let next = seen.y1().min((block as i64 + 1) * STEP.0 as i64 - up);
            line.fill(0.0);
            for dy in dy..next {
                let pixels = &self.psf.row((dy - self.offsets.y0) as usize)[from..][..seen.cols];
                note_blocks(pixels, (seen.x0 + left) as usize, line);
            }
            self.spread(block, line);
            dy = next;
        }
    }

    /// Notes the highest values of a row of blocks in the windows that have them.
    fn spread(&mut self, block: usize, line: &[f32]) {
        let Layout { down, across, .. } = self.layout;
        for (column, &value) in line.iter().enumerate() {
            for q in block.saturating_sub(STEPS.0)..=block {
                for r in column.saturating_sub(STEPS.1)..=column {
                    let class = q % STEPS.0 * STEPS.1 + r % STEPS.1;
                    let window = (class * 2 * down + q / STEPS.0) * 2 * across + r / STEPS.1;
                    self.table[window] = higher(self.table[window], value);
                }
            }
        }
    }
}

impl Residual for LazyResidual<'_> {
    fn peak(&mut self) -> f32 {
        loop {
            let peak = highest(self.crests);
            // All that could be as high, so that the first of equals is found.
            let Some(tile) = self.highest_tiles(peak).find(|&tile| self.is_behind(tile)) else { return peak };
            self.bounds[tile] = self.bring_up_to_date(tile);
            self.crest(tile / self.layout.across);
        }
    }

    fn find(&self, peak: f32) -> (usize, usize) {
        self.highest_tiles(peak).filter_map(|tile| self.find_in(tile, peak)).min().unwrap_or((0, 0))
    }

    fn value(&self, _plane: usize, (y, x): (usize, usize)) -> f32 {
        self.residual.row(y)[x]
    }

    fn subtract(&mut self, _plane: usize, (y, x): (usize, usize), flux: f32) {
        let Layout { down, across, .. } = self.layout;
        if self.count == self.waiting.len() {
            self.settle();
        }
        self.waiting[self.count] = Waiting { y: y as u32, x: x as u32, flux };
        self.count += 1;
        // The tile's first pixel sees the PSF at minus (y, x), rounded down to where a window begins.
        let (up, left) = (y.div_ceil(STEP.0), x.div_ceil(STEP.1));
        let (tiles_up, tiles_left) = (up.div_ceil(STEPS.0), left.div_ceil(STEPS.1));
        let class = (tiles_up * STEPS.0 - up) * STEPS.1 + tiles_left * STEPS.1 - left;
        for (row, bounds) in self.bounds.chunks_exact_mut(across).enumerate() {
            let first = (class * 2 * down + row + down - tiles_up) * 2 * across + across - tiles_left;
            self.crests[row] = subtract_scaled(bounds, &self.table[first..][..across], -flux.abs());
        }
    }
}

/// Raises the highest value of each block of a line to those of some pixels, the first of which is pixel `at` of the line.
fn note_blocks(pixels: &[f32], at: usize, line: &mut [f32]) {
    let lead = (at.next_multiple_of(STEP.1) - at).min(pixels.len());
    let (head, body) = pixels.split_at(lead);
    if lead > 0 {
        line[at / STEP.1] = higher(line[at / STEP.1], highest(head));
    }
    for (pixels, value) in body.chunks(STEP.1).zip(&mut line[at.div_ceil(STEP.1)..]) {
        *value = higher(*value, highest(pixels));
    }
}
