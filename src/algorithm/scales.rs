//! What multiscale CLEAN needs beside the residual: that convolved with every scale, and the PSF convolved with every pair.

use super::{Plane, Psf};
use crate::array::{Builder, ChunkedArray, Grid, Padding, Spectrum};
use crate::error::{Error, Result};
use crate::event::Key;
use crate::image::rect::Rect;
use crate::kernel::scale::reach;
use crate::kernel::{MOST_SCALES, Payload, Scales, Stats};
use serde::{Deserialize, Serialize};

/// A cycle goes down to this many times the worst value outside a patch, as a part of its first score …
const DEPTH_PER_SIDELOBE: f64 = 3.0;

/// … but never deeper, nor less deep, than these parts.
const DEPTHS: (f64, f64) = (0.1, 0.7);

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
    /// P_st on their patches, kept, in the order of [`pairs`].
    patches: Vec<Key>,
    /// R_1, R_2 …, kept.
    residuals: Vec<ChunkedArray>,
}

/// What is known of the scales of a run once the P_st are made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ScaleFacts {
    /// What |R_s| is multiplied by to be a score.
    pub scores: [f32; MOST_SCALES],
    /// What the flux of a component is multiplied by to be the score that it takes away.
    pub fluxes: [f32; MOST_SCALES],
    /// The worst value of any P_ss outside its patch, as a part of its peak.
    pub outside: f64,
}

impl ScaleFacts {
    /// Of points alone; what is outside their patch is not told.
    pub const POINTS: ScaleFacts = ScaleFacts { scores: [1.0; MOST_SCALES], fluxes: [1.0; MOST_SCALES], outside: 0.0 };

    /// The highest score of a residual, and of what was measured of the R_s of larger scales.
    pub fn highest(&self, points: &Stats, larger: &[Payload]) -> f64 {
        let larger = larger.iter().map(|stats| stats.stats().peak);
        let scores = std::iter::once(points.peak).chain(larger).zip(self.scores);
        scores.fold(0.0, |highest, (peak, weight)| f64::from(weight * peak.abs()).max(highest))
    }

    /// How deep a cycle may go, as a part of its first score.
    pub fn depth(&self) -> f64 {
        (DEPTH_PER_SIDELOBE * self.outside).clamp(DEPTHS.0, DEPTHS.1)
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
        let bytes = plane.convolution.psf().padding().image_bytes;
        let padding = Padding::at_least(shape.0 + reach, shape.1 + reach);
        let padding = Padding::at_least(padding.rows.max(2 * reach + 1), padding.cols.max(2 * reach + 1)).within(bytes);
        ScaleSpace { scales, bias, patch, padding, patches: Vec::new(), residuals: Vec::new() }
    }

    /// The scales.
    pub fn scales(&self) -> Scales {
        self.scales
    }

    /// Pixels from a component to the furthest that it changes in a minor cycle.
    pub fn influence(&self) -> usize {
        self.patch + 2 * reach(self.scales.largest())
    }

    /// The patches of all pairs, as offsets from the peak.
    pub fn patch_rects(&self, psf: &Psf) -> Vec<Rect> {
        pairs(self.scales).map(|(s, t)| around(&psf.reach.offsets, self.patch + reach(s) + reach(t))).collect()
    }

    /// Appends the P_st. Returns what [`ScaleSpace::facts`] reads: of each P_ss the statistics of its patch, and of what is
    /// outside as far again.
    pub fn start(&mut self, b: &mut Builder<'_>, psf: &Psf) -> Vec<Key> {
        let reaches = (reach(self.scales.largest()), 2 * self.influence());
        let seen = around(&psf.reach.offsets, reaches.1 + 2 * reaches.0);
        let side = |n: usize| n + 2 * reaches.0 + reaches.1 + 1;
        let padding = Padding::at_least(side(seen.rows), side(seen.cols));
        let source = psf.part(&seen);
        let pixels = ChunkedArray::from_fits(b, &source, padding.image_strip((seen.rows, seen.cols)));
        let spectrum = Spectrum::of(b, &pixels, (0, 0), padding);
        self.patches.clear();
        let mut measured = Vec::new();
        for ((s, t), patch) in pairs(self.scales).zip(self.patch_rects(psf)) {
            let wide = around(&psf.reach.offsets, 2 * (self.patch + reach(s) + reach(t)));
            let origin = ((wide.y0 - seen.y0) as usize, (wide.x0 - seen.x0) as usize);
            let once = convolve(b, &spectrum, s);
            let made = convolve(b, &once, t);
            let made = made.inverse_from(b, Grid::whole((wide.rows, wide.cols)), origin);
            let corner = ((patch.y0 - wide.y0) as usize, (patch.x0 - wide.x0) as usize);
            let cut = made.crop(b, Grid::whole((patch.rows, patch.cols)), corner);
            b.keep(cut.keys());
            self.patches.push(cut.key(0));
            if s == t {
                let inside = Rect { y0: corner.0 as i64, x0: corner.1 as i64, ..patch };
                measured.extend([cut.stats(b, None), made.stats(b, Some(inside))]);
            }
        }
        measured
    }

    /// What the answers of [`ScaleSpace::start`] say.
    ///
    /// # Errors
    /// If these are not those.
    pub fn facts(&self, answers: &[Payload]) -> Result<ScaleFacts> {
        let mut facts = ScaleFacts { scores: [0.0; MOST_SCALES], fluxes: [0.0; MOST_SCALES], outside: 0.0 };
        for ((i, pair), &scale) in answers.chunks(2).enumerate().zip(self.scales.pixels()) {
            let [Payload::Stats(peak), Payload::Stats(outside)] = pair else {
                return Err(Error::internal("the scales were not measured"));
            };
            // A scale of which the data hold nothing is never chosen.
            let response = f64::from(peak.peak);
            if response > 0.0 {
                let bias = self.bias(scale);
                facts.scores[i] = (bias / response.sqrt()) as f32;
                facts.fluxes[i] = (bias * response.sqrt()) as f32;
                facts.outside = facts.outside.max(f64::from(outside.peak.abs()) / response);
            }
        }
        Ok(facts)
    }

    /// What the score of a scale is multiplied by: bias^(1 + log2(scale / smallest scale)), 1 for points.
    fn bias(&self, scale: f64) -> f64 {
        match (scale, self.scales.pixels().get(1)) {
            (0.0, _) | (_, None) => 1.0,
            (_, Some(smallest)) => self.bias.powf(1.0 + (scale / smallest).log2()),
        }
    }

    /// Appends the R_s of a residual, blank where it is.
    pub fn convolve(&mut self, b: &mut Builder<'_>, residual: &ChunkedArray) {
        let spectrum = Spectrum::of(b, residual, (0, 0), self.padding);
        let larger = self.scales;
        let larger = larger.pixels()[1..].iter();
        let made = larger.map(|&scale| {
            let made = convolve(b, &spectrum, scale).inverse(b, residual.grid());
            made.combine(b, 1.0, residual, 0.0)
        });
        self.residuals = made.collect();
    }

    /// Keeps the R_s; answers with the statistics of each.
    pub fn measure(&self, b: &mut Builder<'_>) {
        b.keep(self.residual_keys());
        for residual in &self.residuals {
            let stats = residual.stats(b, None);
            b.answer(stats);
        }
    }

    /// All R_s, that of points first, which is given on this grid, on the same one.
    pub fn rechunk(&self, b: &mut Builder<'_>, points: ChunkedArray, grid: Grid) -> Vec<ChunkedArray> {
        let mut all = vec![points];
        all.extend(self.residuals.iter().map(|residual| residual.rechunk(b, grid, f32::NAN)));
        all
    }

    /// The keys of the R_s beside that of points.
    pub fn residual_keys(&self) -> Vec<Key> {
        self.residuals.iter().flat_map(ChunkedArray::keys).collect()
    }

    /// The P_st on their patches.
    pub fn patches(&self) -> &[Key] {
        &self.patches
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
