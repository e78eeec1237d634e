//! The minor cycle of CLEAN (J. A. Högbom 1974, A&AS 15, 417), on a whole plane or on a chunk with its halo.

use super::lazy::{self, LazyResidual};
use super::operation::{Call, Operation, check_cancelled};
use super::payload::{Block, Component, Payload, Shape};
use super::simd::{highest, subtract_scaled};
use crate::error::Result;
use crate::image::rect::Rect;
use serde::{Deserialize, Serialize};

/// Why a minor cycle ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CycleEnd {
    /// No pixel is above the level any more; code 0.
    LevelReached,
    /// The iterations that were allowed are done; code 1.
    IterationsDone,
    /// A pixel went above the ceiling; code 2.
    Diverged,
}

impl CycleEnd {
    /// Its code among a payload's numbers.
    pub fn code(self) -> f64 {
        f64::from(self as u8)
    }

    /// The outcome of a code, if it is one.
    pub fn from_code(code: f64) -> Option<CycleEnd> {
        [CycleEnd::LevelReached, CycleEnd::IterationsDone, CycleEnd::Diverged].into_iter().find(|o| o.code() == code)
    }
}

/// A minor cycle on a chunk: until no pixel is above `level`, a component of `gain` times the highest pixel is found and
/// the PSF, or the patch of it that is given, is subtracted around that pixel, scaled by it.
///
/// Highest is the largest absolute value; blank pixels (NaN) never are; of equals it is the first, row by row. What is
/// found in the halo is subtracted, so that its sidelobes leave the core, and then forgotten: it is the neighbour's.
///
/// Inputs: the residual, pixels that cover `at`; the PSF, pixels that cover `psf`. Outputs: the residual, in its place;
/// the components of the core, in the order in which they were found; numbers, at the places that this table names:
///
/// | index | number |
/// | --- | --- |
/// | [`KEPT`] | number of components in the core |
/// | [`FORGOTTEN`] | number of components in the halo |
/// | 2 | absolute value of the highest pixel at the start, 0 if all are blank |
/// | 3 | the same at the end |
/// | [`END`] | code of the [`CycleEnd`] |
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
    /// Does anybody read the residual afterwards? If not, components may be missing from it.
    pub keeps_residual: bool,
}

/// Where the number of components in the core lies among the numbers of a [`MinorCycle`].
pub const KEPT: usize = 0;

/// Where the number of components in the halo lies.
pub const FORGOTTEN: usize = 1;

/// Where the code of the [`CycleEnd`] lies.
pub const END: usize = 4;

/// Iterations between looks at whether the run is to stop.
const CANCEL_EVERY: usize = 64;

/// Pixels of a row whose highest absolute value is remembered together, so that an iteration that touches part of a
/// row need not look at all of it.
const SEGMENT: usize = 256;

impl Operation for MinorCycle {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        let most = self.max_iterations as usize * size_of::<Component>();
        let Rect { rows, cols, .. } = self.at;
        vec![Shape::Real { rows, cols }, Shape::Small(most), Shape::Small(5 * size_of::<f64>())]
    }

    fn scratch_bytes(&self) -> usize {
        if self.is_lazy() {
            return lazy::scratch_bytes(self.at, self.max_iterations);
        }
        self.at.rows * self.segments() * size_of::<f32>()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        if self.is_lazy() {
            return self.run_lazily(call);
        }
        let psf = call.inputs[0].real();
        let mut components = Vec::new();
        let mut found = 0;
        self.measure(call.outputs[0].real(), self.maxima(call.scratch.as_mut_slice()));
        let start = highest(self.maxima(call.scratch.as_mut_slice()));
        let (peak, outcome) = loop {
            if found % CANCEL_EVERY == 0 {
                call.check_cancelled()?;
            }
            let maxima = self.maxima(call.scratch.as_mut_slice());
            let residual = call.outputs[0].real_mut();
            let peak = highest(maxima);
            if let Some(outcome) = self.outcome(peak, found) {
                break (peak, outcome);
            }
            let (y, x) = self.find(peak, residual, maxima);
            let flux = self.gain * residual.row(y)[x];
            components.extend(self.in_core(y, x, flux));
            found += 1;
            self.subtract(y, x, flux, psf, residual, maxima);
        };
        self.report(call.outputs, components, found, (start, peak, outcome));
        Ok(())
    }
}

impl MinorCycle {
    /// Does an iteration touch so much of the chunk that it pays to put off what it subtracts?
    fn is_lazy(&self) -> bool {
        2 * self.psf.pixels() >= self.at.pixels()
    }

    /// The cycle with subtractions put off: the same components, and the same residual where that is kept.
    fn run_lazily(&self, call: &mut Call<'_>) -> Result<()> {
        let Call { inputs, outputs, scratch, cancel } = call;
        let psf = (inputs[0].real(), self.psf);
        let size = (self.at, self.max_iterations);
        let mut residual = LazyResidual::new(size, outputs[0].real_mut(), psf, scratch.as_mut_slice());
        let (mut components, mut found) = (Vec::new(), 0);
        let start = residual.peak();
        let (peak, outcome) = loop {
            if found % CANCEL_EVERY == 0 {
                check_cancelled(cancel)?;
            }
            let peak = residual.peak();
            if let Some(outcome) = self.outcome(peak, found) {
                break (peak, outcome);
            }
            let (y, x, value) = residual.find(peak);
            let flux = self.gain * value;
            components.extend(self.in_core(y, x, flux));
            found += 1;
            residual.subtract(y, x, flux);
        };
        if self.keeps_residual {
            residual.settle();
        }
        self.report(outputs, components, found, (start, peak, outcome));
        Ok(())
    }

    /// Sets the small outputs.
    fn report(
        &self,
        outputs: &mut [Payload],
        mut components: Vec<Component>,
        found: usize,
        (start, peak, outcome): (f32, f32, CycleEnd),
    ) {
        let (kept, forgotten) = (components.len() as f64, (found - components.len()) as f64);
        components.shrink_to_fit();
        outputs[1] = Payload::Components(components);
        outputs[2] = Payload::Numbers(vec![kept, forgotten, f64::from(start), f64::from(peak), outcome.code()]);
    }

    fn segments(&self) -> usize {
        self.at.cols.div_ceil(SEGMENT)
    }

    /// The highest absolute value of each segment of each row: a part of the working memory.
    fn maxima<'a>(&self, scratch: &'a mut [f32]) -> &'a mut [f32] {
        &mut scratch[..self.at.rows * self.segments()]
    }

    /// The component at a pixel of the chunk, if it is in the core.
    fn in_core(&self, y: usize, x: usize, flux: f32) -> Option<Component> {
        let (y, x) = (self.at.y0 + y as i64, self.at.x0 + x as i64);
        self.core.contains(y, x).then_some(Component { y: y as u32, x: x as u32, scale: 0, flux })
    }

    fn measure(&self, residual: &Block<f32>, maxima: &mut [f32]) {
        for (y, maxima) in maxima.chunks_exact_mut(self.segments()).enumerate() {
            for (pixels, maximum) in residual.row(y).chunks(SEGMENT).zip(maxima) {
                *maximum = highest(pixels);
            }
        }
    }

    /// Why the cycle ends here, if it does. A plane that is all blank has a peak of 0 and cannot go on at any level.
    fn outcome(&self, peak: f32, iterations: usize) -> Option<CycleEnd> {
        if peak <= self.level.max(0.0) {
            Some(CycleEnd::LevelReached)
        } else if peak > self.divergence {
            Some(CycleEnd::Diverged)
        } else if iterations >= self.max_iterations as usize {
            Some(CycleEnd::IterationsDone)
        } else {
            None
        }
    }

    /// The first pixel with the absolute value `peak`, which is one of the maxima.
    fn find(&self, peak: f32, residual: &Block<f32>, maxima: &[f32]) -> (usize, usize) {
        let segment = maxima.iter().position(|&maximum| maximum == peak).unwrap_or(0);
        let (y, first) = (segment / self.segments(), segment % self.segments() * SEGMENT);
        let inside = residual.row(y)[first..].iter().position(|value| value.abs() == peak);
        (y, first + inside.unwrap_or(0))
    }

    /// Subtracts the PSF times `flux`, its peak on the pixel, and brings the maxima up to date.
    fn subtract(&self, y: usize, x: usize, flux: f32, psf: &Block<f32>, residual: &mut Block<f32>, maxima: &mut [f32]) {
        let beam = Rect::new(y as i64 + self.psf.y0, x as i64 + self.psf.x0, self.psf.rows, self.psf.cols);
        let Some(touched) = beam.intersect(&Rect::plane(self.at.rows, self.at.cols)) else { return };
        let (from, to) = (touched.x0 as usize, touched.x1() as usize);
        for y in touched.y0..touched.y1() {
            let psf_row = &psf.row((y - beam.y0) as usize)[(touched.x0 - beam.x0) as usize..];
            let row = residual.row_mut(y as usize);
            let maxima = &mut maxima[y as usize * self.segments()..];
            for (segment, maximum) in (from / SEGMENT..to.div_ceil(SEGMENT)).zip(&mut maxima[from / SEGMENT..]) {
                let part = from.max(segment * SEGMENT)..to.min((segment + 1) * SEGMENT);
                *maximum = subtract_scaled(&mut row[part.clone()], &psf_row[part.start - from..part.end - from], flux);
            }
        }
        // Not before all rows are done: a load of pixels whose stores are on their way has to wait for them.
        for y in touched.y0 as usize..touched.y1() as usize {
            for segment in from / SEGMENT..to.div_ceil(SEGMENT) {
                let pixels = segment * SEGMENT..((segment + 1) * SEGMENT).min(self.at.cols);
                if pixels.start < from || pixels.end > to {
                    maxima[y * self.segments() + segment] = highest(&residual.row(y)[pixels]);
                }
            }
        }
    }
}
