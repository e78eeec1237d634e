//! The minor cycle of CLEAN (J. A. Högbom 1974, A&AS 15, 417), on a whole plane or on a chunk with its halo.

use super::eager::EagerResidual;
use super::highest::{Highest, Search};
use super::lazy::{self, LazyResidual};
use super::operation::{Call, Operation, check_cancelled};
use super::payload::{Component, Payload, Shape};
use super::score::Signs;
use super::seam::Lines;
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
/// and, if there are `lines`, what is [picked](Lines::pick) of the residual at the end.
///
/// A chunk that has diverged keeps what it had found where its peak was lowest; the others count as [`FORGOTTEN`].
///
/// The first reason that holds, in the order of [`CycleEnd`] but with `Diverged` before `IterationsDone`, ends the cycle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MinorCycle {
    /// Where the chunk with its halo lies in the plane.
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
    /// What is picked of the residual at the end.
    pub lines: Lines,
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
        let shapes = [Shape::Real { rows, cols }, Shape::Small(most), Shape::Small(5 * size_of::<f64>())];
        shapes.into_iter().chain(self.lines.shape(1)).collect()
    }

    fn scratch_bytes(&self) -> usize {
        let numbers = Highest::numbers(self.at.rows, self.at.cols) * size_of::<f32>();
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
            if self.keeps_residual || !self.lines.is_empty() {
                residual.settle();
            }
            done
        } else {
            self.clean(&mut EagerResidual::new(chunk, psf, Search { weights, signs: self.signs }, scratch), cancel)?
        };
        done.tell(&mut outputs[1..]);
        self.pick(1, outputs);
        Ok(())
    }
}

/// A residual in which peaks are looked for, and from which PSFs are subtracted.
pub trait Residual {
    /// What the highest pixel counts, 0 if none may be found.
    fn peak(&mut self) -> f32;

    /// The first pixel, row by row, that counts `peak`, which is what the highest counts: row, column.
    fn find(&self, peak: f32) -> (usize, usize);

    /// Of so many planes it is the residual.
    fn planes(&self) -> usize {
        1
    }

    /// The value of a plane at a pixel.
    fn value(&self, plane: usize, at: (usize, usize)) -> f32;

    /// Subtracts a plane's PSF times `flux`, its peak on the pixel.
    fn subtract(&mut self, plane: usize, at: (usize, usize), flux: f32);
}

/// What came of a minor cycle.
pub struct Done {
    /// Those of each plane, with the same places.
    components: Vec<Vec<Component>>,
    found: usize,
    start: f32,
    peak: f32,
    end: CycleEnd,
}

impl Done {
    /// Writes what came of it: the components of each plane, then the numbers.
    pub fn tell(self, outputs: &mut [Payload]) {
        let Done { components, found, start, peak, end } = self;
        let kept = components.first().map_or(0, Vec::len);
        let numbers = vec![kept as f64, (found - kept) as f64, f64::from(start), f64::from(peak), end.code()];
        outputs[components.len()] = Payload::Numbers(numbers);
        for (output, mut list) in outputs.iter_mut().zip(components) {
            list.shrink_to_fit();
            *output = Payload::Components(list);
        }
    }
}

impl MinorCycle {
    /// Picks what is wanted of the residuals at the end, one plane below the other in the first output, for the last one.
    pub fn pick(&self, planes: usize, outputs: &mut [Payload]) {
        let Rect { y0, x0, rows, .. } = self.at;
        if let ([residual, ..], false) = (&*outputs, self.lines.is_empty()) {
            let pixel = |plane, y, x| residual.real().row(plane * rows + (y - y0) as usize)[(x - x0) as usize];
            outputs[outputs.len() - 1] = self.lines.pick(planes, pixel);
        }
    }

    /// Does an iteration touch so much of the chunk that it pays to put off what it subtracts? The same components are found.
    fn is_lazy(&self) -> bool {
        self.signs != Signs::Positive && 2 * self.psf.pixels() >= self.at.pixels()
    }

    /// The cycle, whatever its residual is like.
    ///
    /// # Errors
    /// If it was asked to stop.
    pub fn clean(&self, residual: &mut impl Residual, cancel: &AtomicBool) -> Result<Done> {
        let (mut components, mut found) = (vec![Vec::new(); residual.planes()], 0);
        let start = residual.peak();
        // The lowest peak so far, and the number of components that it was reached with.
        let mut best = (start, 0);
        let (peak, end) = loop {
            if found % CANCEL_EVERY == 0 {
                check_cancelled(cancel)?;
            }
            let peak = residual.peak();
            if peak < best.0 {
                best = (peak, components[0].len());
            }
            if let Some(end) = CycleEnd::at(peak, found, (self.level, self.divergence, self.max_iterations)) {
                break (peak, end);
            }
            let at = residual.find(peak);
            if self.signs == Signs::UntilNegative && residual.value(0, at) < 0.0 {
                break (peak, CycleEnd::Negative);
            }
            for (plane, components) in components.iter_mut().enumerate() {
                let flux = self.gain * residual.value(plane, at);
                components.extend(self.in_core(at, flux));
                residual.subtract(plane, at, flux);
            }
            found += 1;
        };
        if end == CycleEnd::Diverged {
            components.iter_mut().for_each(|components| components.truncate(best.1));
        }
        Ok(Done { components, found, start, peak, end })
    }

    /// The component at a pixel of the chunk, if it is in the core.
    fn in_core(&self, (y, x): (usize, usize), flux: f32) -> Option<Component> {
        let (y, x) = (self.at.y0 + y as i64, self.at.x0 + x as i64);
        self.core.contains(y, x).then_some(Component { y: y as u32, x: x as u32, scale: 0, flux })
    }
}
