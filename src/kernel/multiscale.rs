//! The minor cycle of multiscale CLEAN (T. J. Cornwell 2008, IEEE JSTSP 2, 793), with the sub-minor loops of A. R. Offringa and
//! O. Smirnov (2017, MNRAS 471, 301).

use super::minor::CycleEnd;
use super::operation::{Call, Operation};
use super::payload::{Block, Component, Payload, Shape};
use super::peaks::{Peaks, peaks_len};
use super::scale::MOST_SCALES;
use super::score::Signs;
use super::seam::Lines;
use crate::error::{Error, Result};
use crate::image::rect::Rect;
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;

/// A minor cycle on a chunk at several scales. R_s is the residual convolved with the shape K_s of scale s, and P_st is
/// PSF ⊛ K_s ⊛ K_t. The *score* of a pixel at a scale is `weights[s]` · |R_s|.
///
/// Of all scales that with the highest score is taken, and cleaned alone: a component of flux `gain` · R_s / P_ss(0) is found
/// at its highest pixel and P_ss is subtracted around it, scaled by the flux, until the score has fallen to `share` of what it
/// was. Then what was found is subtracted from the R_t of the other scales, with P_st; and so on until no score is above `level`.
/// Blank pixels (NaN) of R_s are not looked at. What is found in the halo is subtracted and forgotten. A chunk that has diverged
/// keeps what it had found where its score was lowest.
///
/// Inputs: R_0, R_1 …, pixels that cover `at`; then P_st for s ≤ t, pixels that cover their `patches`, in the order P_00,
/// P_01 … P_11, P_12 …. Outputs: the components of the core, in the order in which they were found; the numbers of a
/// [`super::MinorCycle`], of which 2 and 3 are the highest scores; and, if there are `lines`, what is
/// [picked](Lines::pick) of R_0 at the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MultiscaleCycle {
    /// Where the chunk with its halo lies in the plane.
    pub at: Rect,
    /// The chunk without its halo.
    pub core: Rect,
    /// Number of scales.
    pub scales: u16,
    /// Where the pixels of each P_st lie as seen from its peak.
    pub patches: Vec<Rect>,
    /// What the absolute value of each R_s is multiplied by to be compared.
    pub weights: [f32; MOST_SCALES],
    /// Part of a peak that one component takes, between 0 and 1.
    pub gain: f32,
    /// Score at or below which a peak is left alone; below 0 it counts as 0.
    pub level: f32,
    /// Part of its first score at which the loop on one scale ends.
    pub share: f32,
    /// Most components that may be found, those in the halo included.
    pub max_iterations: u32,
    /// Score above which the cycle has gone wrong.
    pub divergence: f32,
    /// Of which signs components may be.
    pub signs: Signs,
    /// What is picked of R_0 at the end.
    pub lines: Lines,
}

impl Operation for MultiscaleCycle {
    fn outputs(&self) -> Vec<Shape> {
        let most = self.max_iterations as usize * size_of::<Component>();
        [Shape::Small(most), Shape::Small(5 * size_of::<f64>())].into_iter().chain(self.lines.shape(1)).collect()
    }

    fn scratch_bytes(&self) -> usize {
        usize::from(self.scales) * peaks_len(self.at.rows, self.at.cols) * size_of::<f32>()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let (residuals, patches) = call.inputs.split_at(usize::from(self.scales));
        let patches: Vec<&Block<f32>> = patches.iter().map(|patch| patch.real()).collect();
        let (mut fields, cancel) = (Vec::new(), call.cancel);
        let mut scratch = call.scratch.as_mut_slice();
        for residual in residuals {
            let field;
            (field, scratch) = Peaks::of(residual.real(), self.signs, scratch);
            fields.push(field);
        }
        let (mut found, mut components) = (0, Vec::new());
        let (_, start) = self.best(&fields);
        let mut lowest = (start, 0);
        let (score, end) = loop {
            let (scale, score) = self.best(&fields);
            if score < lowest.0 {
                lowest = (score, components.len());
            }
            if let Some(end) = CycleEnd::at(score, found, (self.level, self.divergence, self.max_iterations)) {
                break (score, end);
            }
            if cancel.load(Ordering::Relaxed) {
                return Err(Error::interrupted());
            }
            if self.signs == Signs::UntilNegative && fields[scale].find().2 < 0.0 {
                break (score, CycleEnd::Negative);
            }
            let here = self.clean(scale, score, &mut fields[scale], patches[self.pair(scale, scale)], found);
            found += here.len();
            components.extend(here.iter().filter_map(|c| self.in_core(c, scale)));
            self.subtract(scale, here, &mut fields, &patches);
        };
        if end == CycleEnd::Diverged {
            components.truncate(lowest.1);
        }
        let (kept, forgotten) = (components.len() as f64, (found - components.len()) as f64);
        components.shrink_to_fit();
        call.outputs[0] = Payload::Components(components);
        call.outputs[1] = Payload::Numbers(vec![kept, forgotten, f64::from(start), f64::from(score), end.code()]);
        if !self.lines.is_empty() {
            let Rect { y0, x0, .. } = self.at;
            call.outputs[2] = self.lines.pick(1, |_, y, x| fields[0].pixel((y - y0) as usize, (x - x0) as usize));
        }
        Ok(())
    }
}

/// A component in the pixels of a chunk: row, column, flux.
type Found = (usize, usize, f32);

impl MultiscaleCycle {
    /// The scale with the highest score, and that; of equals the smallest.
    fn best(&self, fields: &[Peaks<'_>]) -> (usize, f32) {
        let scores = fields.iter().zip(self.weights).map(|(field, weight)| weight * field.peak());
        scores.enumerate().fold((0, 0.0), |best, (scale, score)| if score > best.1 { (scale, score) } else { best })
    }

    /// The place of P_st, s ≤ t, among the patches.
    fn pair(&self, s: usize, t: usize) -> usize {
        let (s, t) = (s.min(t), s.max(t));
        s * usize::from(self.scales) - s * (s + 1) / 2 + t
    }

    /// The loop on one scale.
    fn clean(&self, scale: usize, score: f32, field: &mut Peaks<'_>, patch: &Block<f32>, before: usize) -> Vec<Found> {
        let offsets = self.patches[self.pair(scale, scale)];
        let response = patch.row(-offsets.y0 as usize)[-offsets.x0 as usize];
        let until = self.level.max(self.share * score);
        let most = self.max_iterations as usize - before;
        let mut found = Vec::new();
        while found.len() < most {
            let (y, x, value) = field.find();
            let score = self.weights[scale] * value.abs();
            let ends = score <= until || self.signs == Signs::UntilNegative && value < 0.0;
            if score > self.divergence || !found.is_empty() && ends {
                break;
            }
            let flux = self.gain * value / response;
            field.subtract((y, x), flux, patch, offsets);
            found.push((y, x, flux));
        }
        found
    }

    /// Subtracts what was found at a scale from the others, what is at the same pixel together.
    fn subtract(&self, scale: usize, mut found: Vec<Found>, fields: &mut [Peaks<'_>], patches: &[&Block<f32>]) {
        found.sort_by_key(|&(y, x, _)| (y, x));
        found.dedup_by(|next, sum| {
            let same = (next.0, next.1) == (sum.0, sum.1);
            if same {
                sum.2 += next.2;
            }
            same
        });
        for (other, field) in fields.iter_mut().enumerate().filter(|(other, _)| *other != scale) {
            let pair = self.pair(scale, other);
            for &(y, x, flux) in &found {
                field.subtract((y, x), flux, patches[pair], self.patches[pair]);
            }
        }
    }

    /// The component in the plane, if it is in the core.
    fn in_core(&self, &(y, x, flux): &Found, scale: usize) -> Option<Component> {
        let (y, x) = (self.at.y0 + y as i64, self.at.x0 + x as i64);
        self.core.contains(y, x).then_some(Component { y: y as u32, x: x as u32, scale: scale as u16, flux })
    }
}
