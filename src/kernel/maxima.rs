//! The highest pixel of a chunk, kept known while the PSF is subtracted here and there.

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

/// The highest counts of the segments of each row of a chunk, and of the rows. Blank pixels count 0.
pub struct Maxima<'a> {
    search: Search<'a>,
    /// Segments in a row.
    across: usize,
    segments: &'a mut [Lanes],
    rows: &'a mut [Lanes],
}

impl<'a> Maxima<'a> {
    /// Numbers of working memory for a chunk of so many rows and columns.
    pub fn numbers(rows: usize, cols: usize) -> usize {
        rows * (cols.div_ceil(SEGMENT) + 1) * LANES
    }

    /// Those of a chunk, in that working memory.
    pub fn new(chunk: &Block<f32>, search: Search<'a>, numbers: &'a mut [f32]) -> Maxima<'a> {
        let (rows, cols) = chunk.dim();
        let across = cols.div_ceil(SEGMENT);
        let (segments, rest) = numbers.as_chunks_mut().0.split_at_mut(rows * across);
        let mut maxima = Maxima { search, across, segments, rows: &mut rest[..rows] };
        maxima.update(chunk, &Rect::plane(rows, cols));
        maxima
    }

    /// The highest count, 0 if all pixels are blank.
    pub fn peak(&self) -> f32 {
        highest_of(self.rows).into_iter().fold(0.0, higher)
    }

    /// The first pixel, row by row, that counts `peak`, which is the highest.
    pub fn find(&self, peak: f32, chunk: &Block<f32>) -> (usize, usize) {
        let holds = |lanes: &Lanes| lanes.contains(&peak);
        let y = self.rows.iter().position(holds).unwrap_or(0);
        let segment = self.segments[y * self.across..][..self.across].iter().position(holds).unwrap_or(0);
        let (first, row) = (segment * SEGMENT, chunk.row(y));
        (y, (first..row.len()).find(|&x| self.search.count(row[x], y, x) == peak).unwrap_or(first))
    }

    /// Subtracts `flux` times the PSF from the chunk, where `psf` says that its pixels lie.
    pub fn subtract(&mut self, chunk: &mut Block<f32>, (psf, at): (&Block<f32>, Rect), flux: f32) {
        let (rows, cols) = chunk.dim();
        if let Some(touched) = at.intersect(&Rect::plane(rows, cols)) {
            subtract(chunk, (psf, at), &touched, flux);
            self.update(chunk, &touched);
        }
    }

    /// Looks anew at pixels that have changed.
    fn update(&mut self, chunk: &Block<f32>, changed: &Rect) {
        let segments = changed.x0 as usize / SEGMENT..(changed.x1() as usize).div_ceil(SEGMENT);
        let rows = changed.y0 as usize..changed.y1() as usize;
        match self.search.is_plain() {
            true => update(self, chunk, rows, &segments),
            false => self.update_counts(chunk, rows, &segments),
        }
    }

    fn update_counts(&mut self, chunk: &Block<f32>, rows: Range<usize>, changed: &Range<usize>) {
        for y in rows {
            let (row, segments) = (chunk.row(y), &mut self.segments[y * self.across..][..self.across]);
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
fn update(maxima: &mut Maxima<'_>, chunk: &Block<f32>, rows: Range<usize>, changed: &Range<usize>) {
    for y in rows {
        let segments = &mut maxima.segments[y * maxima.across..][..maxima.across];
        let pixels = chunk.row(y)[changed.start * SEGMENT..].chunks(SEGMENT);
        for (lanes, pixels) in segments[changed.clone()].iter_mut().zip(pixels) {
            let (body, rest) = pixels.as_chunks();
            *lanes = highest_inline(body);
            lanes.iter_mut().zip(rest).for_each(|(lane, &pixel)| *lane = higher(*lane, pixel));
        }
        maxima.rows[y] = highest_inline(segments);
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
