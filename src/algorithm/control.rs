//! When CLEAN stops, how far a cycle goes, and when it has gone wrong. Numbers in, verdict out.

use super::{Extent, Measured, Parameters, Progress, Seams, StopReason};
use crate::kernel::{Signs, level_of};
use serde::{Deserialize, Serialize};

/// A peak above this many times the first one of its cycle is divergence.
const DIVERGED_PEAK: f64 = 1.5;

/// A residual rms above this many times the best one is divergence.
const DIVERGED_RMS: f64 = 1.02;

/// A cycle goes down to this part of its peak, however few components it may have.
const SHALLOWEST: f64 = 0.9;

/// Peak or rms must fall by this part to count as progress.
const PROGRESS: f64 = 1e-4;

/// Below this part of the first peak a residual is rounding, and what happens to it means nothing.
const ROUNDING: f64 = 1e-6;

/// So many refreshes without progress are a stall.
const STALLED_AFTER: u32 = 3;

/// Where it has gone wrong it is tried once more, with this part of the gain …
const CAREFUL_GAIN: f32 = 0.3;

/// … and with cycles that go no deeper than to this part of their first peak, so that refreshes mend more.
const CAREFUL_DEPTH: f64 = 0.5;

/// By how many quarters of a chunk the grids of cycles are shifted, one after the other.
pub const QUARTERS: [usize; 4] = [0, 2, 1, 3];

/// How far cycles go.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// A cycle cleans down to this part of its first peak.
    pub depth: f64,
    /// A cycle has at most so many components.
    pub iterations: u64,
    /// A cycle goes no deeper than to the level above which there are so many pixels for every component that it may have: as
    /// many as it needs at least. None: chunks do not search beyond what is kept of their components.
    pub pixels_a_component: Option<f64>,
}

/// What is to be done after a refresh.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Stop here.
    Stop(StopReason),
    /// Go back to the best state and stop.
    RollBack(StopReason),
    /// Go back to the best state and try once more.
    TryAgain,
    /// Clean on.
    Clean(Cycle),
    /// From here on clean only where components were found: what may be found is to be measured anew.
    GoInside,
}

/// How far the next cycle goes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cycle {
    /// Down to this absolute residual, in the unit of the dirty image.
    pub level: f64,
    /// With at most so many components.
    pub iterations: u64,
    /// It is given up where the absolute residual exceeds this.
    pub divergence: f64,
    /// The part of a peak that a component takes.
    pub gain: f32,
    /// The chunks are shifted by so many quarters of one, so that what goes wrong at borders does not add up.
    pub quarters: usize,
}

/// The memory of a CLEAN run on a plane, or on planes that are cleaned as one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Control {
    parameters: Parameters,
    pace: Pace,
    progress: Progress,
    /// Of each of several planes its own.
    planes: Vec<Extent>,
    /// Infinite until it is measured.
    sigma: f64,
    begun: bool,
    /// The largest absolute value of the plane at first, whether it may be found or not.
    first_highest: f64,
    best_rms: f64,
    lowest_peak: f64,
    without_progress: u32,
    /// Was the next component below zero, where that is to end it?
    negative: bool,
    /// Is it kept to where components were found? Only with an automatic mask.
    inside: bool,
    /// The part of a peak that a component takes.
    gain: f32,
    /// Did a chunk go wrong since the last refresh?
    chunk_diverged: bool,
    /// Is there no time left?
    late: bool,
}

impl Control {
    /// Nothing has been measured yet.
    pub fn new(parameters: Parameters, pace: Pace) -> Control {
        Control {
            parameters,
            pace,
            progress: Progress::default(),
            planes: Vec::new(),
            sigma: f64::INFINITY,
            begun: false,
            first_highest: 0.0,
            best_rms: f64::INFINITY,
            lowest_peak: f64::INFINITY,
            without_progress: 0,
            negative: false,
            inside: false,
            gain: parameters.gain,
            chunk_diverged: false,
            late: false,
        }
    }

    /// Cycles clean down to this part of their first peak from now on.
    pub fn set_depth(&mut self, depth: f64) {
        self.pace.depth = depth;
    }

    /// Where the run stands.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// The same with peaks and rms of one of the planes alone, by its number.
    pub fn progress_of(&self, plane: usize) -> Progress {
        self.planes.get(plane).map_or(self.progress, |&Extent { first_peak, peak, rms }| Progress {
            first_peak,
            peak,
            score: peak,
            rms,
            ..self.progress
        })
    }

    /// So many components were found, and so many more in halos, which do not count.
    pub fn cleaned(&mut self, iterations: u64, in_halos: u64) {
        self.progress.iterations += iterations;
        self.progress.halo_iterations += in_halos;
    }

    /// The next component would have been below zero, and that is to end it.
    pub fn found_negative(&mut self) {
        self.negative = true;
    }

    /// This is how well chunks agreed.
    pub fn found_seams(&mut self, seams: Option<Seams>) {
        self.progress.seams = seams.or(self.progress.seams);
    }

    /// A chunk went wrong, and keeps what it had found before.
    pub fn chunk_diverged(&mut self) {
        self.chunk_diverged = true;
    }

    /// There is no time left: it is to stop with what it has.
    pub fn hurry(&mut self) {
        self.late = true;
    }

    /// The residual was recomputed for the best state, from which it is tried once more.
    pub fn tries_again(&mut self, measured: &Measured, iterations: u64) -> Verdict {
        self.rolled_back(measured, iterations);
        self.be_careful();
        self.judge(measured)
    }

    fn be_careful(&mut self) {
        self.progress.careful = true;
        self.gain *= CAREFUL_GAIN;
        self.pace.depth = self.pace.depth.max(CAREFUL_DEPTH);
        (self.without_progress, self.lowest_peak) = (0, f64::INFINITY);
    }

    /// It has gone wrong: once more, or never again.
    fn gone_wrong(&self, reason: StopReason) -> Verdict {
        if self.progress.careful { Verdict::RollBack(reason) } else { Verdict::TryAgain }
    }

    /// The residual was recomputed for a state that is the best one known and needs no verdict.
    pub fn rolled_back(&mut self, measured: &Measured, iterations: u64) {
        self.progress.refreshes += 1;
        self.progress.iterations = iterations;
        self.note(measured);
    }

    /// The residual was recomputed and measured. Also says whether this is the best state so far.
    pub fn refreshed(&mut self, measured: &Measured) -> (Verdict, bool) {
        self.note(measured);
        match self.begun {
            true => self.progress.refreshes += 1,
            false => {
                self.progress.first_peak = self.progress.peak;
                self.first_highest = highest(measured);
            }
        }
        // A state with a higher peak than at first is none to go back to, whatever its rms. (Where noise is local, peaks alone may
        // seem to grow as it falls; inside a mask, pixels outside of it may.)
        let grown = self.progress.peak > self.progress.first_peak && highest(measured) > self.first_highest;
        let best = self.progress.rms < self.best_rms && !grown;
        let verdict = self.judge(measured);
        self.begun = true;
        (verdict, best)
    }

    /// After [`Verdict::GoInside`], the same residual was measured where components may be found now.
    pub fn gone_inside(&mut self, measured: &Measured) -> Verdict {
        self.note(measured);
        self.judge(measured)
    }

    /// Is the search kept to where components were found?
    pub fn is_inside(&self) -> bool {
        self.inside
    }

    /// From here on it is.
    pub fn go_inside(&mut self) {
        self.inside = true;
    }

    fn note(&mut self, measured: &Measured) {
        self.progress.pixels = measured.search.count;
        self.progress.peak = f64::from(measured.search.peak.abs());
        self.progress.score = measured.score;
        self.negative |= self.parameters.signs == Signs::UntilNegative && measured.search.peak < 0.0;
        self.progress.rms = measured.rms;
        let first = |i: usize, now: f64| self.planes.get(i).map_or(now, |known| known.first_peak);
        let planes = measured.planes.iter().enumerate();
        self.planes = planes.map(|(i, plane)| Extent { first_peak: first(i, plane.peak), ..*plane }).collect();
        // The noise cannot have grown: where its estimate does, CLEAN has put something into the residual.
        if let Some(sigma) = measured.sigma {
            // The lowest of some boxes is not so sure.
            let local = self.parameters.local_rms.is_some();
            self.sigma = if local { sigma } else { self.sigma.min(sigma) };
        }
        self.progress.level = self.stop_level().0;
    }

    /// The level to stop at, and the reason it would be. A number that f32 can hold, as the pixels can that minor
    /// cycles compare with it: otherwise a peak could be above the one and not above the other.
    fn stop_level(&self) -> (f64, StopReason) {
        let nsigma = self.parameters.auto_mask.filter(|_| !self.inside).unwrap_or(self.parameters.nsigma);
        // Without --nsigma the noise may not be measured at all.
        let by_noise = if nsigma > 0.0 { nsigma * self.sigma } else { 0.0 };
        let (level, reason) = if by_noise > self.parameters.threshold {
            (by_noise, StopReason::Nsigma)
        } else {
            (self.parameters.threshold, StopReason::Threshold)
        };
        (f64::from(level as f32), reason)
    }

    fn judge(&mut self, measured: &Measured) -> Verdict {
        let Progress { iterations, score: peak, rms, .. } = self.progress;
        let (level, reason) = self.stop_level();
        let starting = !self.begun;
        if measured.search.count == 0 || peak == 0.0 || (starting && peak <= level) {
            let reason = if starting { StopReason::NothingToClean } else { reason };
            return Verdict::Stop(reason);
        }
        if rms > DIVERGED_RMS * self.best_rms {
            let rounding = self.best_rms < ROUNDING * self.progress.first_peak;
            return if rounding {
                Verdict::RollBack(StopReason::Stalled)
            } else {
                self.gone_wrong(StopReason::Diverged)
            };
        }
        if std::mem::take(&mut self.chunk_diverged) {
            if self.progress.careful {
                return Verdict::RollBack(StopReason::Diverged);
            }
            // What the others found is good; none of them shall go as far next.
            self.be_careful();
        }
        let progress = rms < (1.0 - PROGRESS) * self.best_rms || peak < (1.0 - PROGRESS) * self.lowest_peak;
        self.without_progress = if progress { 0 } else { self.without_progress + 1 };
        self.best_rms = self.best_rms.min(rms);
        self.lowest_peak = self.lowest_peak.min(peak);
        if peak <= level && reason == StopReason::Nsigma && self.parameters.auto_mask.is_some() && !self.inside {
            self.inside = true;
            return Verdict::GoInside;
        }
        if peak <= level {
            return Verdict::Stop(reason);
        }
        if self.negative {
            return Verdict::Stop(StopReason::Negative);
        }
        if iterations >= self.parameters.niter {
            return Verdict::Stop(StopReason::Niter);
        }
        if self.without_progress >= STALLED_AFTER {
            return self.gone_wrong(StopReason::Stalled);
        }
        if self.late {
            return Verdict::Stop(StopReason::TimeLimit);
        }
        let iterations = self.pace.iterations.min(self.parameters.niter - iterations);
        let enough = self.pace.pixels_a_component.map_or(0.0, |pixels| {
            let level = level_of(&measured.levels, pixels * iterations as f64);
            f64::from(level).min(SHALLOWEST * peak)
        });
        Verdict::Clean(Cycle {
            level: level.max(self.pace.depth * peak).max(enough),
            iterations,
            divergence: DIVERGED_PEAK * peak,
            gain: self.gain,
            quarters: QUARTERS[self.progress.refreshes as usize % QUARTERS.len()],
        })
    }
}

/// The largest absolute value of the plane.
fn highest(measured: &Measured) -> f64 {
    f64::from(measured.stats.peak.abs())
}
