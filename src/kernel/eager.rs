//! A residual whose highest pixel is kept known while the PSF is subtracted here and there, at once.

use super::minor::Residual;
use super::payload::Block;
use super::score::Signs;
use super::simd::higher;
use crate::image::rect::Rect;
use multiversion::multiversion;
use std::ops::Range;

/// Pixels of a row whose highest counts are remembered together, so that an iteration that touches part of a row need not
/// look at all of it.
const SEGMENT: usize = 64;

/// So many highest counts are remembered of a segment: number `k` of every `LANES`-th pixel from the `k`-th on. To find the
/// highest of these would take longer than to look at the segment.
const LANES: usize = 8;

type Lanes = [f32; LANES];

/// Which pixels of a chunk may hold components, and what each of them counts.
pub struct Search<'a> {
    /// What pixels are multiplied by; all by 1 if none are given.
    pub weights: Option<&'a Block<f32>>,
    /// Of which signs components may be.
    pub signs: Signs,
}

impl Search<'_> {
    /// Does every pixel count its absolute value?
    fn is_plain(&self) -> bool {
        self.weights.is_none() && self.signs != Signs::Positive
    }

    /// What a pixel of row `y` counts.
    fn count(&self, pixel: f32, y: usize, x: usize) -> f32 {
        let value = if self.signs == Signs::Positive { pixel } else { pixel.abs() };
        self.weights.map_or(value, |weights| value * weights.row(y)[x])
    }
}

/// A residual from which PSFs are subtracted at once.
pub struct EagerResidual<'a> {
    chunk: &'a mut Block<f32>,
    /// The PSF, and where its pixels lie as seen from its peak.
    psf: (&'a Block<f32>, Rect),
    search: Search<'a>,
    /// Segments in a row.
    across: usize,
    /// The highest counts of the segments of each row, and of the rows. Blank pixels count 0.
    segments: &'a mut [Lanes],
    rows: &'a mut [Lanes],
}

impl<'a> EagerResidual<'a> {
    /// Numbers of working memory for a chunk of so many rows and columns.
    pub fn numbers(rows: usize, cols: usize) -> usize {
        rows * (cols.div_ceil(SEGMENT) + 1) * LANES
    }

    /// Of a chunk, and a PSF whose pixels lie so as seen from its peak, in that working memory.
    pub fn new(
        chunk: &'a mut Block<f32>,
        psf: (&'a Block<f32>, Rect),
        search: Search<'a>,
        numbers: &'a mut [f32],
    ) -> EagerResidual<'a> {
        let (rows, cols) = chunk.dim();
        let across = cols.div_ceil(SEGMENT);
        let (segments, rest) = numbers.as_chunks_mut().0.split_at_mut(rows * across);
        let mut residual = EagerResidual { chunk, psf, search, across, segments, rows: &mut rest[..rows] };
        residual.update(&Rect::plane(rows, cols));
        residual
    }

    /// Looks anew at pixels that have changed.
    fn update(&mut self, changed: &Rect) {
        let segments = changed.x0 as usize / SEGMENT..(changed.x1() as usize).div_ceil(SEGMENT);
        let rows = changed.y0 as usize..changed.y1() as usize;
        match self.search.is_plain() {
            true => update(self, rows, &segments),
            false => self.update_counts(rows, &segments),
        }
    }

    fn update_counts(&mut self, rows: Range<usize>, changed: &Range<usize>) {
        for y in rows {
            let (row, segments) = (self.chunk.row(y), &mut self.segments[y * self.across..][..self.across]);
            for segment in changed.clone() {
                let mut highest = [0.0f32; LANES];
                let first = segment * SEGMENT;
                for (x, &pixel) in row.iter().enumerate().skip(first).take(SEGMENT) {
                    let (count, lane) = (self.search.count(pixel, y, x), (x - first) % LANES);
                    highest[lane] = if count > highest[lane] { count } else { highest[lane] };
                }
                segments[segment] = highest;
            }
            self.rows[y] = highest_inline(segments);
        }
    }
}

impl Residual for EagerResidual<'_> {
    fn peak(&mut self) -> f32 {
        highest_of(self.rows).into_iter().fold(0.0, higher)
    }

    fn find(&self, peak: f32) -> (usize, usize, f32) {
        let holds = |lanes: &Lanes| lanes.contains(&peak);
        let y = self.rows.iter().position(holds).unwrap_or(0);
        let segment = self.segments[y * self.across..][..self.across].iter().position(holds).unwrap_or(0);
        let (first, row) = (segment * SEGMENT, self.chunk.row(y));
        let x = (first..row.len()).find(|&x| self.search.count(row[x], y, x) == peak).unwrap_or(first);
        (y, x, row[x])
    }

    fn subtract(&mut self, y: usize, x: usize, flux: f32) {
        let ((rows, cols), offsets) = (self.chunk.dim(), self.psf.1);
        let at = Rect { y0: y as i64 + offsets.y0, x0: x as i64 + offsets.x0, ..offsets };
        if let Some(touched) = at.intersect(&Rect::plane(rows, cols)) {
            subtract(self.chunk, (self.psf.0, at), &touched, flux);
            self.update(&touched);
        }
    }
}

/// Not row by row in turn with [`update`]: a load of pixels whose stores are on their way would have to wait for them.
#[multiversion(targets("x86_64+avx2"))]
fn subtract(chunk: &mut Block<f32>, (psf, at): (&Block<f32>, Rect), touched: &Rect, flux: f32) {
    let (from, first) = (touched.x0 as usize, (touched.x0 - at.x0) as usize);
    for y in touched.y0..touched.y1() {
        let psf = &psf.row((y - at.y0) as usize)[first..][..touched.cols];
        let pixels = &mut chunk.row_mut(y as usize)[from..][..touched.cols];
        pixels.iter_mut().zip(psf).for_each(|(pixel, psf)| *pixel -= flux * psf);
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn update(residual: &mut EagerResidual<'_>, rows: Range<usize>, changed: &Range<usize>) {
    for y in rows {
        let segments = &mut residual.segments[y * residual.across..][..residual.across];
        let pixels = residual.chunk.row(y)[changed.start * SEGMENT..].chunks(SEGMENT);
        for (lanes, pixels) in segments[changed.clone()].iter_mut().zip(pixels) {
            let (body, rest) = pixels.as_chunks();
            *lanes = highest_inline(body);
            lanes.iter_mut().zip(rest).for_each(|(lane, &pixel)| *lane = higher(*lane, pixel));
        }
        residual.rows[y] = highest_inline(segments);
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn highest_of(all: &[Lanes]) -> Lanes {
    highest_inline(all)
}

/// The highest absolute value in each lane.
#[inline(always)]
fn highest_inline(all: &[Lanes]) -> Lanes {
    let mut highest = [0.0; LANES];
    for lanes in all {
        for (highest, &number) in highest.iter_mut().zip(lanes) {
            *highest = higher(*highest, number);
        }
    }
    highest
}
