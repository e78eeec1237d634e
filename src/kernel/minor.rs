//! The minor cycle of CLEAN (J. A. Högbom 1974, A&AS 15, 417), on a whole plane or on a chunk with its halo.

use super::eager::{EagerResidual, Search};
use super::lazy::{self, LazyResidual};
use super::operation::{Call, Operation, check_cancelled};
use super::payload::{Component, Payload, Shape};
use super::score::Signs;
use crate::error::Result;
use crate::image::rect::Rect;
use serde::{Deserialize, Serialize};
use std::sync::atomic::AtomicBool;

/// Why a minor cycle ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CycleEnd {
    /// No pixel is above the level any more; code 0.
    LevelReached,
    /// The iterations that were allowed are done; code 1.
    IterationsDone,
    /// A pixel went above the ceiling; code 2.
    Diverged,
    /// The next component would be below zero, and that is to end it; code 3.
    Negative,
}

impl CycleEnd {
    /// Its code among a payload's numbers.
    pub fn code(self) -> f64 {
        f64::from(self as u8)
    }

    /// Why a cycle ends at a peak, after so many iterations, with this level, ceiling and most iterations; nothing if it goes on.
    /// What is all blank has a peak of 0 and cannot go on at any level.
    pub fn at(peak: f32, found: usize, (level, ceiling, most): (f32, f32, u32)) -> Option<CycleEnd> {
        if peak <= level.max(0.0) {
            Some(CycleEnd::LevelReached)
        } else if peak > ceiling {
            Some(CycleEnd::Diverged)
        } else {
            (found >= most as usize).then_some(CycleEnd::IterationsDone)
        }
    }

    /// The outcome of a code, if it is one.
    pub fn from_code(code: f64) -> Option<CycleEnd> {
        use CycleEnd::{Diverged, IterationsDone, LevelReached, Negative};
        [LevelReached, IterationsDone, Diverged, Negative].into_iter().find(|end| end.code() == code)
    }
}

/// A minor cycle on a chunk: until no pixel is above `level`, a component of `gain` times the highest pixel is found and
/// the PSF, or the patch of it that is given, is subtracted around that pixel, scaled by it.
///
/// Highest is the largest absolute value, or the largest value where only positive components may be; times the pixel's weight,
/// where weights are given: a pixel of weight 0 holds no component. Blank pixels (NaN) never are the highest; of equals it
/// is the first, row by row. Levels and peaks are in these terms, components are not. What is
/// found in the halo is subtracted, so that its sidelobes leave the core, and then forgotten: it is the neighbour's.
///
/// Inputs: the residual, pixels that cover `at`; the PSF, pixels that cover `psf`; weights (not negative) that cover `at`, if not
/// all are 1. Outputs: the residual, in its place;
/// the components of the core, in the order in which they were found; numbers, at the places that this table names:
///
/// | index | number |
/// | --- | --- |
/// | [`KEPT`] | number of components in the core |
/// | [`FORGOTTEN`] | number of components that are not kept: those in the halo |
/// | 2 | absolute value of the highest pixel at the start, 0 if all are blank |
/// | 3 | the same at the end |
/// | [`END`] | code of the [`CycleEnd`] |
///
/// A chunk that has diverged keeps what it had found where its peak was lowest; the others count as [`FORGOTTEN`].
///
/// The first reason that holds, in the order of [`CycleEnd`] but with `Diverged` before `IterationsDone`, ends the cycle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MinorCycle {
    /// Where the chunk with its halo lies in the plane; it may reach over the edges, where it is blank.
    pub at: Rect,
    /// The chunk without its halo.
    pub core: Rect,
    /// Where the PSF's pixels lie as seen from its peak: the peak is row −`y0`, column −`x0` of the block.
    pub psf: Rect,
    /// Part of a peak that one component takes, between 0 and 1.
    pub gain: f32,
    /// Absolute value at or below which a peak is left alone, in the unit of the residual; below 0 it counts as 0.
    pub level: f32,
    /// Most components that may be found, those in the halo included.
    pub max_iterations: u32,
    /// Absolute value of a pixel above which the cycle has gone wrong, in the unit of the residual.
    pub divergence: f32,
    /// Of which signs components may be.
    pub signs: Signs,
    /// Does anybody read the residual afterwards? If not, components may be missing from it.
    pub keeps_residual: bool,
}

/// Where the number of components in the core lies among the numbers of a [`MinorCycle`].
pub const KEPT: usize = 0;

/// Where the number of components that are not kept lies.
pub const FORGOTTEN: usize = 1;

/// Where the code of the [`CycleEnd`] lies.
pub const END: usize = 4;

/// Iterations between looks at whether the run is to stop.
const CANCEL_EVERY: usize = 64;

impl Operation for MinorCycle {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        let most = self.max_iterations as usize * size_of::<Component>();
        let Rect { rows, cols, .. } = self.at;
        vec![Shape::Real { rows, cols }, Shape::Small(most), Shape::Small(5 * size_of::<f64>())]
    }

    fn scratch_bytes(&self) -> usize {
        let numbers = EagerResidual::numbers(self.at.rows, self.at.cols) * size_of::<f32>();
        if self.is_lazy() { numbers.max(lazy::scratch_bytes(self.at, self.max_iterations)) } else { numbers }
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let Call { inputs, outputs, scratch, cancel } = call;
        let psf = (inputs[0].real(), self.psf);
        let weights = inputs.get(1).map(|weights| weights.real());
        let (chunk, scratch) = (outputs[0].real_mut(), scratch.as_mut_slice());
        let done = if self.is_lazy() && weights.is_none() {
            let mut residual = LazyResidual::new((self.at, self.max_iterations), chunk, psf, scratch);
            let done = self.clean(&mut residual, cancel)?;
            if self.keeps_residual {
                residual.settle();
            }
            done
        } else {
            self.clean(&mut EagerResidual::new(chunk, psf, Search { weights, signs: self.signs }, scratch), cancel)?
        };
        let Done { mut components, found, start, peak, end } = done;
        components.shrink_to_fit();
        let (kept, others) = (components.len() as f64, (found - components.len()) as f64);
        outputs[1] = Payload::Components(components);
        outputs[2] = Payload::Numbers(vec![kept, others, f64::from(start), f64::from(peak), end.code()]);
        Ok(())
    }
}

/// A residual in which peaks are looked for, and from which PSFs are subtracted.
pub trait Residual {
    /// What the highest pixel counts, 0 if none may be found.
    fn peak(&mut self) -> f32;

    /// The first pixel, row by row, that counts `peak`, which is what the highest counts: row, column, value.
    fn find(&self, peak: f32) -> (usize, usize, f32);

    /// Subtracts the PSF times `flux`, its peak on the pixel.
    fn subtract(&mut self, y: usize, x: usize, flux: f32);
}

/// What came of a minor cycle.
struct Done {
    components: Vec<Component>,
    found: usize,
    start: f32,
    peak: f32,
    end: CycleEnd,
}

impl MinorCycle {
    /// Does an iteration touch so much of the chunk that it pays to put off what it subtracts? The same components are found.
    fn is_lazy(&self) -> bool {
        self.signs != Signs::Positive && 2 * self.psf.pixels() >= self.at.pixels()
    }

    fn clean(&self, residual: &mut impl Residual, cancel: &AtomicBool) -> Result<Done> {
        let (mut components, mut found) = (Vec::new(), 0);
        let start = residual.peak();
        // The lowest peak so far, and the number of components that it was reached with.
        let mut best = (start, 0);
        let (peak, end) = loop {
            if found % CANCEL_EVERY == 0 {
                check_cancelled(cancel)?;
            }
            let peak = residual.peak();
            if peak < best.0 {
                best = (peak, components.len());
            }
            if let Some(end) = CycleEnd::at(peak, found, (self.level, self.divergence, self.max_iterations)) {
                break (peak, end);
            }
            let (y, x, value) = residual.find(peak);
            if self.signs == Signs::UntilNegative && value < 0.0 {
                break (peak, CycleEnd::Negative);
            }
            let flux = self.gain * value;
            components.extend(self.in_core(y, x, flux));
            found += 1;
            residual.subtract(y, x, flux);
        };
        if end == CycleEnd::Diverged {
            components.truncate(best.1);
        }
        Ok(Done { components, found, start, peak, end })
    }

    /// The component at a pixel of the chunk, if it is in the core.
    fn in_core(&self, y: usize, x: usize, flux: f32) -> Option<Component> {
        let (y, x) = (self.at.y0 + y as i64, self.at.x0 + x as i64);
        self.core.contains(y, x).then_some(Component { y: y as u32, x: x as u32, scale: 0, flux })
    }
}
