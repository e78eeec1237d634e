//! What multiscale CLEAN needs beside the residual: that convolved with every scale, and the PSF convolved with every pair.

use super::{Cleaned, Cycle, Plane, Psf, Search};
use crate::array::{Builder, ChunkedArray, Grid, Padding, Spectrum};
use crate::error::{Error, Result};
use crate::event::Key;
use crate::image::rect::Rect;
use crate::kernel::scale::reach;
use crate::kernel::{Lines, MOST_SCALES, MultiscaleCycle, Payload, Scales, Stats};
use serde::{Deserialize, Serialize};

/// A cycle goes down to this many times the worst value outside a patch, as a part of its first score …
const DEPTH_PER_SIDELOBE: f64 = 3.0;

/// … but never deeper, nor less deep, than these parts.
const DEPTHS: (f64, f64) = (0.1, 0.7);

/// The loop of a minor cycle on one scale ends at this part of its first score.
const SHARE: f32 = 0.8;

/// The scales of a run on one plane, in the convolved residuals that it looks at and what a component changes in them.
///
/// R_s is the residual convolved with the shape K_s of scale s, and P_st is PSF ⊛ K_s ⊛ K_t.
#[derive(Debug, Clone)]
pub struct ScaleSpace {
    scales: Scales,
    bias: f64,
    /// Pixels from the peak of P_00 to the edge of its patch; that of P_st lies half of both scales further out.
    patch: usize,
    /// The frame in which a plane is convolved with a scale.
    padding: Padding,
    /// P_st on their patches, given as offsets from the peak, kept, in the order of [`pairs`].
    patches: Vec<(Key, Rect)>,
    /// R_1, R_2 …, kept.
    residuals: Vec<ChunkedArray>,
    facts: ScaleFacts,
}

/// What is known of the scales of a run once the P_st are made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ScaleFacts {
    /// What |R_s| is multiplied by to be a score.
    pub scores: [f32; MOST_SCALES],
    /// What the flux of a component is multiplied by to be the score that it takes away.
    pub fluxes: [f32; MOST_SCALES],
}

impl ScaleFacts {
    /// Of points alone.
    pub const POINTS: ScaleFacts = ScaleFacts { scores: [1.0; MOST_SCALES], fluxes: [1.0; MOST_SCALES] };

    /// The highest score of a residual, and of what was measured of the R_s of larger scales.
    pub fn highest(&self, points: &Stats, larger: &[Payload]) -> f64 {
        let larger = larger.iter().map(|stats| stats.stats().peak);
        let scores = std::iter::once(points.peak).chain(larger).zip(self.scores);
        scores.fold(0.0, |highest, (peak, weight)| f64::from(weight * peak.abs()).max(highest))
    }
}

/// The pairs s ≤ t of so many scales, in the order (0, 0), (0, 1) … (1, 1), (1, 2) ….
fn pairs(scales: Scales) -> impl Iterator<Item = (f64, f64)> {
    let all = scales;
    let count = all.pixels().len();
    (0..count).flat_map(move |s| (s..count).map(move |t| (s, t))).map(move |(s, t)| (all.pixels()[s], all.pixels()[t]))
}

impl ScaleSpace {
    /// The scales of a plane; nothing is made of them yet.
    pub fn new(plane: &Plane, scales: Scales, bias: f64, patch: usize) -> ScaleSpace {
        let grid = plane.dirty.grid();
        let (shape, reach) = (grid.shape, reach(scales.largest()));
        let cut = plane.convolution.psf().padding();
        let side = |n: usize| (n + reach).max(2 * reach + 1);
        let padding = Padding::at_least(side(shape.0), side(shape.1)).cut_like(&cut);
        ScaleSpace {
            scales,
            bias,
            patch,
            padding,
            patches: Vec::new(),
            residuals: Vec::new(),
            facts: ScaleFacts::POINTS,
        }
    }

    /// The scales.
    pub fn scales(&self) -> Scales {
        self.scales
    }

    /// Pixels from a component to the furthest that it changes in a minor cycle.
    pub fn influence(&self) -> usize {
        self.patch + 2 * reach(self.scales.largest())
    }

    /// Appends the P_st. Returns what [`ScaleSpace::learn`] reads: of each P_ss the statistics of its peak, and of what is
    /// outside its patch as far again.
    pub fn start(&mut self, b: &mut Builder<'_>, psf: &Psf) -> Vec<Key> {
        let reaches = (reach(self.scales.largest()), 2 * self.influence());
        let seen = around(&psf.reach.offsets, reaches.1 + 2 * reaches.0);
        let side = |n: usize| n + 2 * reaches.0 + reaches.1 + 1;
        let padding = Padding::at_least(side(seen.rows), side(seen.cols)).cut_like(&self.padding);
        let source = psf.part(&seen);
        let pixels = ChunkedArray::from_fits(b, &source, padding.image_strip((seen.rows, seen.cols)));
        let spectrum = Spectrum::of(b, &pixels, (0, 0), padding);
        self.patches.clear();
        let mut measured = Vec::new();
        for (s, t) in pairs(self.scales) {
            let distance = self.patch + reach(s) + reach(t);
            let [patch, wide] = [1, 2].map(|times| around(&psf.reach.offsets, times * distance));
            let origin = ((wide.y0 - seen.y0) as usize, (wide.x0 - seen.x0) as usize);
            let once = convolve(b, &spectrum, s);
            let made = convolve(b, &once, t);
            let made = made.inverse_from(b, Grid::whole((wide.rows, wide.cols)), origin);
            let corner = ((patch.y0 - wide.y0) as usize, (patch.x0 - wide.x0) as usize);
            let cut = made.crop(b, Grid::whole((patch.rows, patch.cols)), corner);
            b.keep(cut.keys());
            self.patches.push((cut.key(0), patch));
            if s == t {
                let inside = Rect { y0: corner.0 as i64, x0: corner.1 as i64, ..patch };
                let peak = made.crop(b, Grid::whole((1, 1)), (-wide.y0 as usize, -wide.x0 as usize));
                measured.extend([peak.stats(b, None), made.stats(b, Some(inside))]);
            }
        }
        measured
    }

    /// What the answers of [`ScaleSpace::start`] say. Returns how deep a cycle may go, as a part of its first score.
    ///
    /// # Errors
    /// If these are not those.
    pub fn learn(&mut self, answers: &[Payload]) -> Result<f64> {
        let mut worst = 0.0f64;
        for ((i, pair), &scale) in answers.chunks(2).enumerate().zip(self.scales.pixels()) {
            let [Payload::Stats(peak), Payload::Stats(outside)] = pair else {
                return Err(Error::internal("the scales were not measured"));
            };
            // A scale of which the data hold nothing is never chosen.
            let response = f64::from(peak.peak).max(0.0);
            let bias = self.bias(scale);
            let score = if response > 0.0 { bias / response.sqrt() } else { 0.0 };
            (self.facts.scores[i], self.facts.fluxes[i]) = (score as f32, (bias * response.sqrt()) as f32);
            worst = worst.max(if response > 0.0 { f64::from(outside.peak.abs()) / response } else { 0.0 });
        }
        Ok((DEPTH_PER_SIDELOBE * worst).clamp(DEPTHS.0, DEPTHS.1))
    }

    /// What is known of the scales.
    pub fn facts(&self) -> ScaleFacts {
        self.facts
    }

    /// Goes on with what was known of the scales, and the residual.
    pub fn go_on(&mut self, b: &mut Builder<'_>, facts: ScaleFacts, residual: &ChunkedArray) {
        self.facts = facts;
        self.convolve(b, residual);
    }

    /// What the score of a scale is multiplied by: bias^(1 + log2(scale / smallest scale)), 1 for points.
    fn bias(&self, scale: f64) -> f64 {
        match (scale, self.scales.pixels().get(1)) {
            (0.0, _) | (_, None) => 1.0,
            (_, Some(smallest)) => self.bias.powf(1.0 + (scale / smallest).log2()),
        }
    }

    /// Appends the R_s of a residual, blank where it is.
    fn convolve(&mut self, b: &mut Builder<'_>, residual: &ChunkedArray) {
        let spectrum = Spectrum::of(b, residual, (0, 0), self.padding);
        let larger = self.scales;
        let larger = larger.pixels()[1..].iter();
        let made = larger.map(|&scale| {
            let made = convolve(b, &spectrum, scale).inverse(b, residual.grid());
            made.combine(b, 1.0, residual, 0.0)
        });
        self.residuals = made.collect();
    }

    /// Appends the R_s of a residual, kept, and answers with the statistics of each.
    pub fn measure(&mut self, b: &mut Builder<'_>, residual: &ChunkedArray, search: &Search, found: Option<Key>) {
        self.convolve(b, residual);
        b.keep(self.residual_keys());
        for (residual, scale) in self.residuals.iter().zip(1..) {
            let stats = search.scored(b, residual, found, Some(scale)).stats(b, None);
            b.answer(stats);
        }
    }

    /// The tasks of a minor cycle on the chunks of a grid: what they make.
    pub fn clean(
        &self,
        b: &mut Builder<'_>,
        residual: &ChunkedArray,
        (search, found): (&Search, Option<Key>),
        grid: Grid,
        cycle: Cycle,
    ) -> Cleaned {
        let chunk = |(residual, scale): (&ChunkedArray, u16)| {
            let chunks = residual.rechunk(b, grid);
            search.blanked(b, &chunks, found, Some(scale))
        };
        let chunks: Vec<ChunkedArray> = std::iter::once(residual).chain(&self.residuals).zip(0..).map(chunk).collect();
        let mut cleaned = Cleaned::default();
        let clean = |k: usize| {
            let kernel = MultiscaleCycle {
                at: grid.outer(k),
                core: grid.core(k),
                scales: self.scales.pixels().len() as u16,
                patches: self.patches.iter().map(|(_, at)| *at).collect(),
                weights: self.facts.scores,
                gain: cycle.gain,
                level: cycle.level as f32,
                share: SHARE,
                signs: search.signs(),
                max_iterations: cycle.iterations.min(u64::from(u32::MAX)) as u32,
                divergence: cycle.divergence as f32,
                lines: Lines::of(grid.core(k), grid.shape),
            };
            let patches = self.patches.iter().map(|(key, _)| *key);
            let inputs = chunks.iter().map(|scale| scale.key(k)).chain(patches).collect();
            let array = b.new_array();
            let [list, numbers, picked] = [0, 1, 2].map(|chunk| Key { array, chunk });
            let lines = kernel.lines.clone();
            let outputs = [list, numbers].into_iter().chain((!lines.is_empty()).then_some(picked)).collect();
            b.task(kernel, inputs, outputs);
            b.answer(numbers);
            cleaned.lists.push(list);
            if !lines.is_empty() {
                cleaned.picked.push((lines, picked));
            }
        };
        (0..grid.len()).for_each(clean);
        cleaned
    }

    /// The keys of the R_s beside that of points.
    pub fn residual_keys(&self) -> Vec<Key> {
        self.residuals.iter().flat_map(ChunkedArray::keys).collect()
    }
}

/// The convolution with a scale; a point changes nothing.
fn convolve(b: &mut Builder<'_>, spectrum: &Spectrum, scale: f64) -> Spectrum {
    if scale == 0.0 { spectrum.clone() } else { spectrum.multiply_scale(b, scale) }
}

/// The offsets up to a distance in rows and columns, of those that there are.
fn around(offsets: &Rect, distance: usize) -> Rect {
    Rect::new(0, 0, 1, 1).grow(distance).intersect(offsets).unwrap_or(*offsets)
}
