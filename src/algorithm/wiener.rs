//! Wiener's filter of a dirty image (Wiener 1949, Hunt 1973): the sky that is most probable under a Gaussian prior.
//!
//! The dirty image is a crop of a linear convolution, and the noise of naturally weighted visibilities went through the same
//! coverage as the sky, so that its covariance is σ² A. Then the sky solves (A + λR) x = dirty: no division by the transfer
//! function, and no trouble with cells that are empty, with masks or with blank pixels. A has no single transform that inverts
//! it: conjugate gradients do ([`Solver`]). Of periodic data, or with white noise, one transform is enough; with white noise in a
//! linear frame that is an approximation, for it takes the dirty image for zero beyond its frame.

mod held;
mod rehearsal;

pub use held::Known;
pub use rehearsal::on_paper;

use super::filter::{Filter, TransferFacts, at_the_end};
use super::solver::{Ended, Limits, Solver};
use super::{
    Algorithm, Allowed, Balance, FilterFacts, Held, Measured, Model, Next, Outcome, Parameters, Plane, Progress,
    Rehearsed, Saved, StopReason,
};
use crate::array::{ArrayIds, Builder, ChunkedArray, Grid, Spectrum};
use crate::error::{Error, Result};
use crate::kernel::{Payload, Regularization, Signs, ZeroBlanks};

/// The most iterations where nothing is said.
const MOST: u64 = 200;

/// A first solution, of which noise and sky are measured, is as near as that, or has had so many iterations.
const FIRST: Limits = Limits { tolerance: 2e-3, most: 20 };

/// The filter with a flat prior.
pub fn flat(planes: Vec<Plane>, parameters: Parameters, _saved: Option<Saved>) -> WienerFilter {
    WienerFilter::new(planes, parameters, Regularization::Flat)
}

/// The filter with a prior of differences.
pub fn hunt(planes: Vec<Plane>, parameters: Parameters, _saved: Option<Saved>) -> WienerFilter {
    let regularization = parameters.regularization.unwrap_or(Regularization::Laplacian);
    WienerFilter::new(planes, parameters, regularization)
}

/// The filter of one plane.
#[derive(Debug, Clone)]
pub struct WienerFilter {
    pub(super) plane: Plane,
    parameters: Parameters,
    filter: Filter,
    /// The dirty image where a sky may be, blank elsewhere.
    seen: Option<ChunkedArray>,
    pub(super) facts: Option<TransferFacts>,
    pub(super) known: FilterFacts,
    /// Of one transform: the spectrum of the dirty image, if it is kept.
    spectrum: Option<Spectrum>,
    pub(super) solver: Option<Solver>,
    pub(super) stage: Stage,
    pub(super) hurried: bool,
    /// What an earlier run has held.
    recalled: Option<Held>,
    solution: Option<(ChunkedArray, ChunkedArray)>,
    reason: StopReason,
    progress: Progress,
}

/// What the last tasks were for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stage {
    New,
    Looking,
    Validating,
    /// A first solution, by iterations.
    Trying,
    /// Of a first solution noise and sky.
    Weighing,
    Solving,
    Ending,
}

impl WienerFilter {
    /// With a prior; it has not begun.
    pub fn new(mut planes: Vec<Plane>, parameters: Parameters, regularization: Regularization) -> WienerFilter {
        let plane = planes.swap_remove(0);
        let filter = Filter::new(&plane, &parameters, regularization);
        WienerFilter {
            plane,
            parameters,
            filter,
            seen: None,
            facts: None,
            known: FilterFacts::new(filter.noise),
            spectrum: None,
            solver: None,
            stage: Stage::New,
            hurried: false,
            recalled: None,
            solution: None,
            reason: StopReason::Solved,
            progress: Progress::default(),
        }
    }

    /// What PSF and dirty image are like.
    fn look(&mut self, b: &mut Builder<'_>) {
        self.seen = self.plane.within_mask(b);
        self.filter.look(b, &self.plane, self.right(), self.parameters.balance);
        self.stage = Stage::Looking;
    }

    /// For the stage it is in, with the balance that is known.
    fn new_solver(&self) -> Solver {
        let most = self.most();
        let limits = match self.stage {
            Stage::Trying => Limits { most: most.min(FIRST.most), ..FIRST },
            _ => Limits { tolerance: self.parameters.tolerance, most },
        };
        Solver::new(self.plane.clone(), self.filter.prior.with(self.known.balance), limits, self.right().clone())
    }

    fn looked(&mut self, b: &mut Builder<'_>, facts: TransferFacts) {
        self.facts = Some(facts);
        let (high, low) = facts.range;
        self.known.negative = if high > 0.0 { (-low / high).max(0.0) } else { 0.0 };
        match self.parameters.balance {
            Balance::Given(balance) => self.solve(b, balance, &facts),
            Balance::Noise => self.try_first(b, &facts),
            Balance::Gcv => self.validate(b, &facts),
        }
    }

    fn validate(&mut self, b: &mut Builder<'_>, facts: &TransferFacts) {
        let spectrum = self.plane.convolution.transform(b, self.right());
        self.filter.validate(b, &spectrum, self.plane.convolution.psf(), facts);
        self.keep_spectrum(b, spectrum);
        self.stage = Stage::Validating;
    }

    fn is_iterating(&self) -> bool {
        matches!(self.stage, Stage::Trying | Stage::Solving)
    }

    /// The right-hand side of the equations.
    pub(super) fn right(&self) -> &ChunkedArray {
        self.seen.as_ref().unwrap_or(&self.plane.dirty)
    }

    /// Of one transform: it will be filtered once more.
    fn keep_spectrum(&mut self, b: &mut Builder<'_>, spectrum: Spectrum) {
        if self.filter.is_direct() {
            b.keep(spectrum.keys());
            self.spectrum = Some(spectrum);
        }
    }

    /// It will not be filtered again.
    pub(super) fn drop_spectrum(&mut self, b: &mut Builder<'_>) {
        self.spectrum.take().iter().for_each(|spectrum| b.release(spectrum.keys()));
    }

    /// A solution with a balance that will do until noise and sky are known.
    fn try_first(&mut self, b: &mut Builder<'_>, facts: &TransferFacts) {
        self.known.balance = self.filter.provisional(facts);
        if self.filter.is_direct() {
            let (balance, psf) = (self.known.balance, self.plane.convolution.psf());
            let dirty = self.plane.convolution.transform(b, &self.plane.dirty);
            let model = self.filter.apply(b, &dirty, psf, (balance, facts));
            self.weigh(b, &model, facts);
            self.keep_spectrum(b, dirty);
        } else {
            self.stage = Stage::Trying;
            let mut solver = self.new_solver();
            solver.begin(b);
            self.solver = Some(solver);
        }
    }

    fn weigh(&mut self, b: &mut Builder<'_>, model: &Spectrum, facts: &TransferFacts) {
        let measure = self.parameters.noise.is_none();
        self.filter.weigh(b, &self.plane, model, (self.known.balance, facts, measure));
        self.stage = Stage::Weighing;
    }

    /// Standard deviations of noise and sky.
    pub(super) fn weighed(&self, answers: &[Payload], facts: &TransferFacts) -> Result<(f64, f64)> {
        self.filter.weighed(&self.plane, answers, facts, self.parameters.noise)
    }

    /// What is known of PSF and dirty image, once that was looked at.
    pub fn facts(&self) -> Option<TransferFacts> {
        self.facts
    }

    /// The most iterations of a solution.
    pub fn most(&self) -> u64 {
        self.parameters.iterations.unwrap_or(MOST)
    }

    /// The solution with the balance that it will have.
    fn solve(&mut self, b: &mut Builder<'_>, balance: f64, facts: &TransferFacts) {
        self.known.balance = balance;
        if self.filter.is_direct() {
            return self.filter_once(b, facts);
        }
        self.stage = Stage::Solving;
        let limits = Limits { tolerance: self.parameters.tolerance, most: self.most() };
        match &mut self.solver {
            Some(solver) => solver.change(b, balance, limits),
            None => {
                let mut solver = self.new_solver();
                solver.begin(b);
                self.solver = Some(solver);
            }
        }
    }

    fn filter_once(&mut self, b: &mut Builder<'_>, facts: &TransferFacts) {
        let psf = self.plane.convolution.psf();
        let kept = self.spectrum.take();
        let dirty = kept.clone().unwrap_or_else(|| self.plane.convolution.transform(b, &self.plane.dirty));
        let filtered = self.filter.apply(b, &dirty, psf, (self.known.balance, facts));
        let model = filtered.inverse(b, self.plane.dirty.grid());
        let residual = filtered.multiply(b, psf).inverse(b, model.grid()).combine(b, -1.0, &self.plane.dirty, 1.0);
        kept.iter().for_each(|spectrum| b.release(spectrum.keys()));
        self.end(b, model, residual);
    }

    /// Told what came of an iteration.
    fn iterated(&mut self, b: &mut Builder<'_>, answers: &[Payload], facts: &TransferFacts) -> Result<()> {
        let hurried = self.hurried;
        let Some(solver) = &mut self.solver else { return Err(Error::internal("nothing is being solved")) };
        if hurried {
            solver.hurry();
        }
        let ended = solver.advance(b, answers)?;
        self.known.accuracy = solver.accuracy();
        let at = (solver.iterations(), solver.accuracy(), self.parameters.tolerance);
        self.note_progress(at, facts);
        match ended {
            None => {}
            Some(ended) if self.stage == Stage::Trying && !hurried => self.weigh_solution(b, ended, facts),
            // A first solution is nobody's last one but for want of time.
            Some(_) if self.stage == Stage::Trying => self.finish(b, Ended::Exhausted),
            Some(ended) => self.finish(b, ended),
        }
        Ok(())
    }

    /// So many iterations, so much of the dirty image that is left and that may be.
    pub(super) fn note_progress(&mut self, (iterations, left, may): (u64, f64, f64), facts: &TransferFacts) {
        let per_pixel = (facts.dirty.sum_squares / facts.dirty.count.max(1) as f64).sqrt();
        let (rms, level) = (left * per_pixel, may * per_pixel);
        self.progress = Progress { iterations, first_peak: per_pixel, peak: rms, rms, level, ..self.progress };
    }

    fn weigh_solution(&mut self, b: &mut Builder<'_>, ended: Ended, facts: &TransferFacts) {
        match self.solver.as_ref().and_then(Solver::solution).cloned() {
            None => self.finish(b, ended),
            Some(model) => {
                let spectrum = self.plane.convolution.transform(b, &model);
                self.weigh(b, &spectrum, facts);
            }
        }
    }

    /// The model as it will be, of what the solver has, and its exact residual.
    pub(super) fn finish(&mut self, b: &mut Builder<'_>, ended: Ended) {
        let solver = self.solver.take();
        b.release(solver.iter().flat_map(Solver::working_keys));
        let solution = match solver.as_ref().and_then(Solver::solution) {
            None => ChunkedArray::fill(b, self.plane.dirty.grid(), 0.0),
            Some(solution) => {
                b.release(solution.keys());
                solution.clone()
            }
        };
        self.finish_with(b, ended, &solution);
    }

    /// The same of a solution, of which what is negative may not be wanted.
    pub(super) fn finish_with(&mut self, b: &mut Builder<'_>, ended: Ended, solution: &ChunkedArray) {
        self.reason = match ended {
            Ended::Solved => StopReason::Solved,
            Ended::Exhausted if self.hurried => StopReason::TimeLimit,
            Ended::Exhausted => StopReason::Iterations,
            Ended::Breakdown => StopReason::Breakdown,
        };
        let positive = self.parameters.signs == Signs::Positive;
        let solution = if positive { solution.keep_sign(b, false) } else { solution.clone() };
        let model = solution.map(b, &[], |at| ZeroBlanks { rows: at.rows, cols: at.cols }.into());
        let residual = self.plane.refresh(b, &model);
        self.end(b, model, residual);
    }

    fn end(&mut self, b: &mut Builder<'_>, model: ChunkedArray, residual: ChunkedArray) {
        self.seen.take().iter().for_each(|seen| b.release(seen.keys()));
        b.keep(model.keys());
        b.keep(residual.keys());
        let stats = residual.stats(b, None);
        b.answer(stats);
        self.solution = Some((model, residual));
        self.stage = Stage::Ending;
    }

    fn ended(&mut self, answers: &[Payload], facts: &TransferFacts) -> Result<Next> {
        let stats = Measured::read(answers)?.stats;
        self.progress =
            at_the_end(facts, &stats, self.known, if self.filter.is_direct() { 1 } else { self.progress.iterations })?;
        Ok(Next::Stop(vec![self.outcome()?]))
    }

    pub(super) fn outcome(&self) -> Result<Outcome> {
        let solution = self.solution.clone();
        let (model, residual) = solution.ok_or_else(|| Error::internal("a filter without a solution"))?;
        let (model, progress, reason) = (Model::Pixels(model), self.progress, self.reason);
        let mask = self.plane.mask.clone().map(Allowed::Mask);
        Ok(Outcome { reason, progress, model, mask, residual, components: None, posterior: None })
    }
}

impl Algorithm for WienerFilter {
    fn advance(&mut self, b: &mut Builder<'_>, answers: Vec<Payload>) -> Result<Next> {
        if self.stage == Stage::New {
            match self.recalled.take() {
                Some(held) => self.recall(b, held)?,
                None => self.look(b),
            }
            return Ok(Next::Run);
        }
        let facts = match self.facts {
            Some(facts) => facts,
            None => self.filter.facts(&self.plane, &answers)?,
        };
        match self.stage {
            Stage::New | Stage::Looking => self.looked(b, facts),
            Stage::Validating => {
                let balance = self.filter.validated_balance(&facts, &answers)?;
                self.solve(b, balance, &facts);
            }
            Stage::Trying | Stage::Solving => self.iterated(b, &answers, &facts)?,
            Stage::Weighing => {
                let (noise, sky) = self.weighed(&answers, &facts)?;
                (self.known.noise, self.known.sky) = (Some(noise), Some(sky));
                let balance = if sky > 0.0 { (noise / sky).powi(2) } else { self.known.balance };
                self.solve(b, balance, &facts);
            }
            Stage::Ending => return self.ended(&answers, &facts),
        }
        Ok(Next::Run)
    }

    fn hurry(&mut self) {
        self.hurried = true;
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn grid(&self) -> Grid {
        Grid::whole(self.plane.dirty.grid().shape)
    }

    fn save(&self) -> Option<Saved> {
        None
    }

    fn hold(&self, _answers: &[Payload]) -> Option<Held> {
        self.held()
    }

    fn go_on(&mut self, held: Held) -> Result<()> {
        self.recalled = Some(held);
        Ok(())
    }

    fn rehearse(&self, ids: &mut ArrayIds) -> Result<Rehearsed> {
        let mut actor = self.clone();
        let mut graphs = Vec::new();
        while actor.stage != Stage::Ending {
            actor.rehearse_stage(ids, &mut graphs);
        }
        Ok((graphs, vec![actor.outcome()?]))
    }
}
