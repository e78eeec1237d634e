//! The highest pixel of a chunk, kept known while its pixels change here and there.

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

/// What the pixels of a chunk count at most, segment by segment and row by row. The pixels themselves are somebody else's: row
/// after row, without anything between them.
pub struct Highest<'a> {
    search: Search<'a>,
    cols: usize,
    /// Segments in a row.
    across: usize,
    /// The highest counts of the segments of each row, and of the rows. Blank pixels count 0.
    segments: &'a mut [Lanes],
    rows: &'a mut [Lanes],
}

impl<'a> Highest<'a> {
    /// Numbers of working memory for a chunk of so many rows and columns.
    pub fn numbers(rows: usize, cols: usize) -> usize {
        rows * (cols.div_ceil(SEGMENT) + 1) * LANES
    }

    /// Of a chunk of so many rows and columns, in that working memory; nothing has been looked at yet.
    pub fn new((rows, cols): (usize, usize), search: Search<'a>, numbers: &'a mut [f32]) -> Highest<'a> {
        let across = cols.div_ceil(SEGMENT);
        let (segments, rest) = numbers.as_chunks_mut().0.split_at_mut(rows * across);
        Highest { search, cols, across, segments, rows: &mut rest[..rows] }
    }

    /// Looks anew at pixels that have changed.
    pub fn update(&mut self, pixels: &[f32], changed: &Rect) {
        let segments = changed.x0 as usize / SEGMENT..(changed.x1() as usize).div_ceil(SEGMENT);
        let rows = changed.y0 as usize..changed.y1() as usize;
        match self.search.is_plain() {
            true => update(self, pixels, rows, &segments),
            false => self.update_counts(pixels, rows, &segments),
        }
    }

    fn update_counts(&mut self, pixels: &[f32], rows: Range<usize>, changed: &Range<usize>) {
        for y in rows {
            let row = &pixels[y * self.cols..][..self.cols];
            let segments = &mut self.segments[y * self.across..][..self.across];
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

    /// What the highest pixel counts, 0 if none may be found.
    pub fn peak(&self) -> f32 {
        highest_of(self.rows).into_iter().fold(0.0, higher)
    }

    /// The first pixel, row by row, that counts `peak`, which is what the highest counts: row, column.
    pub fn find(&self, pixels: &[f32], peak: f32) -> (usize, usize) {
        let holds = |lanes: &Lanes| lanes.contains(&peak);
        let y = self.rows.iter().position(holds).unwrap_or(0);
        let segment = self.segments[y * self.across..][..self.across].iter().position(holds).unwrap_or(0);
        let (first, row) = (segment * SEGMENT, &pixels[y * self.cols..][..self.cols]);
        (y, (first..row.len()).find(|&x| self.search.count(row[x], y, x) == peak).unwrap_or(first))
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn update(all: &mut Highest<'_>, pixels: &[f32], rows: Range<usize>, changed: &Range<usize>) {
    for y in rows {
        let segments = &mut all.segments[y * all.across..][..all.across];
        let pixels = pixels[y * all.cols..][..all.cols][changed.start * SEGMENT..].chunks(SEGMENT);
        for (lanes, pixels) in segments[changed.clone()].iter_mut().zip(pixels) {
            let (body, rest) = pixels.as_chunks();
            *lanes = highest_inline(body);
            lanes.iter_mut().zip(rest).for_each(|(lane, &pixel)| *lane = higher(*lane, pixel));
        }
        all.rows[y] = highest_inline(segments);
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
