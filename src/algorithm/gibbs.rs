//! Wiener's filter without a knob: noise and sky strengths are drawn with the sky, and their spread is the error bar (Orieux,
//! Giovannelli and Rodet 2010, J. Opt. Soc. Am. A 27, 1593, with the noise of a dirty image, of covariance σ² A, in place of white noise).
//!
//! A first solution comes from [`WienerFilter`], with the noise that it measures. Then the sky is drawn given the strengths, and the
//! strengths are drawn given the sky, in turn. Where A is one product a cell of the spectrum so is a draw; elsewhere it is the
//! solution of (A + λR) x = d + σ η, η noise of the covariance A + λR: an exact draw of the posterior (Orieux, Féron and
//! Giovannelli 2012, IEEE Signal Process. Lett. 19, 65). Only cells that the PSF measures tell of the sky, and only those of them
//! in which noise could be seen tell of the noise. Where there are too few, as on a sky of bright points, no power spectrum tells
//! noise from sky: the noise is drawn as far as its measurement knows it.

mod draws;
mod held;
mod rehearsal;

use self::draws::{Sums, Told};
use self::held::Drawing;
use super::chain::{Chain, Strengths};
use super::filter::{Filter, TransferFacts, at_the_end};
use super::solver::{Limits, Solver};
use super::wiener::WienerFilter;
use super::{
    Algorithm, Allowed, Balance, FilterFacts, Held, Measured, Model, Next, Outcome, Parameters, Plane, Progress,
    Rehearsed, Saved, StopReason,
};
use crate::array::{ArrayIds, Builder, ChunkedArray, Grid, Spectrum};
use crate::error::{Error, Result};
use crate::kernel::{NoiseSpectrum, Normal, Payload, Prior, Regularization};

/// The fewest draws that are on their way and do not count, of one transform and of many iterations; they do until half as many are
/// no other than as many before them, or so many times more have been drawn.
const BURN_IN: (usize, usize, usize) = (50, 10, 8);

/// Draws that are kept where nothing is said: of one transform, and of many iterations.
const SAMPLES: (u64, u64) = (100, 40);

/// No more draws than so many times those that are asked for, however few of them are independent.
const PATIENCE: u64 = 3;

/// The fewest independent draws that will do, if so many are asked for.
const ENOUGH: f64 = 30.0;

/// With fewer independent draws, whatever is asked for, a standard deviation is off by more than a sixth.
const FEW: f64 = 20.0;

/// A draw's equations may be solved so many times less well than a model's.
const DRAWN: f64 = 10.0;

/// In a cell in which the noise has more than this part of the sky's power it could be seen.
const SEEN: f64 = 0.1;

/// The fewest cells that tell of the noise.
const CELLS: f64 = 1000.0;

/// A median absolute deviation knows as much as a standard deviation of so many times fewer pixels.
const MAD_COSTS: f64 = 2.7;

/// The sampler of one plane.
#[derive(Debug, Clone)]
pub struct Gibbs {
    plane: Plane,
    parameters: Parameters,
    filter: Filter,
    first: Box<WienerFilter>,
    facts: TransferFacts,
    known: FilterFacts,
    /// The noise that was measured of the first solution.
    measured: f64,
    /// The dirty image where a sky may be, blank elsewhere.
    seen: Option<ChunkedArray>,
    /// The first solution, from which deviations are counted, and its λ.
    reference: Option<(ChunkedArray, f64)>,
    /// Of one transform: the spectrum of the dirty image.
    spectrum: Option<Spectrum>,
    /// Else the right-hand side of the draw, and its solver.
    right: Option<ChunkedArray>,
    solver: Option<Solver>,
    /// Where the draw on its way starts.
    drawn: Option<ChunkedArray>,
    /// Deviations added up: with the beam, and without if that is asked for.
    sums: Vec<Sums>,
    kept: u32,
    now: Strengths,
    chain: Chain,
    stage: Stage,
    hurried: bool,
    /// Do draws count by now?
    counting: bool,
    /// Has a draw told nothing of the noise?
    is_unseen: bool,
    ended: Option<Outcome>,
    /// What an earlier run has held of the draws, and its arrays.
    recalled: Option<(Drawing, Vec<ChunkedArray>)>,
    /// What the last draw told that run, if that comes next.
    pending: Option<Told>,
    progress: Progress,
}

/// What the last tasks were for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// The first solution.
    First,
    /// An iteration of a draw, or of the last solution.
    Solving {
        /// Is it the mean that is solved for?
        last: bool,
    },
    /// What a draw tells.
    Telling,
    Ending,
}

/// The sampler, which has not begun.
pub fn new(mut planes: Vec<Plane>, parameters: Parameters, _saved: Option<Saved>) -> Gibbs {
    let natural = Some(NoiseSpectrum::Natural);
    let parameters = Parameters { balance: Balance::Noise, noise_spectrum: natural, ..parameters };
    let regularization = parameters.regularization.unwrap_or(Regularization::Flat);
    let first = Box::new(WienerFilter::new(planes.clone(), parameters, regularization));
    let plane = planes.swap_remove(0);
    let filter = Filter::new(&plane, &parameters, regularization);
    Gibbs {
        facts: TransferFacts::ON_PAPER,
        known: FilterFacts::new(NoiseSpectrum::Natural),
        measured: 0.0,
        seen: None,
        reference: None,
        spectrum: None,
        right: None,
        solver: None,
        drawn: None,
        sums: Vec::new(),
        kept: 0,
        now: Strengths { sigma: 1.0, tau: 1.0 },
        chain: Chain::default(),
        stage: Stage::First,
        hurried: false,
        counting: false,
        is_unseen: false,
        ended: None,
        recalled: None,
        pending: None,
        progress: Progress::default(),
        plane,
        parameters,
        filter,
        first,
    }
}

impl Gibbs {
    /// The first solution is there: what is counted from it.
    fn begin(&mut self, b: &mut Builder<'_>, outcome: Outcome) -> Result<Next> {
        let (Model::Pixels(model), Some(known)) = (outcome.model, outcome.progress.filter) else {
            return Err(Error::internal("a filter without a solution"));
        };
        self.facts = self.first.facts().unwrap_or(self.facts);
        self.known = known;
        self.progress = Progress { iterations: 0, ..outcome.progress };
        let (noise, sky) = (known.noise.unwrap_or(0.0), known.sky.unwrap_or(0.0));
        (self.measured, self.now) = (noise, Strengths { sigma: noise, tau: sky });
        b.release(outcome.residual.keys());
        self.prepare(b);
        self.sums = self.no_sums(b);
        if noise > 0.0 && sky > 0.0 {
            self.reference = Some((model, known.balance));
            self.draw(b);
        } else {
            // Such as a plane that is blank: there is nothing to draw from.
            b.release(self.spectrum.take().iter().flat_map(Spectrum::keys));
            self.end(b, model);
        }
        Ok(Next::Run)
    }

    /// What is kept from draw to draw beside the sums.
    fn prepare(&mut self, b: &mut Builder<'_>) {
        self.seen = self.plane.within_mask(b);
        if self.filter.is_direct() {
            let spectrum = self.plane.convolution.transform(b, &self.plane.dirty);
            b.keep(spectrum.keys());
            self.spectrum = Some(spectrum);
        }
    }

    /// The next draw, with the strengths as they are now.
    fn draw(&mut self, b: &mut Builder<'_>) {
        if self.filter.is_direct() { self.draw_at_once(b) } else { self.perturb(b, false) }
    }

    /// The right-hand side of a draw, or of the mean if it is the `last`, and its first iteration.
    fn perturb(&mut self, b: &mut Builder<'_>, last: bool) {
        let Some((reference, _)) = self.reference.clone() else { return };
        let prior = self.filter.prior.with(if last { self.mean_balance() } else { self.now.balance() });
        let right = self.seen.clone().unwrap_or(self.plane.dirty.clone());
        let (start, right) = if last { (reference, right) } else { self.perturbed(b, &reference, &right, prior) };
        let right = self.plane.convolution.normal(b, &start, prior).combine(b, -1.0, &right, 1.0);
        b.keep(right.keys());
        let old = [self.right.replace(right.clone()), self.drawn.take()];
        old.iter().flatten().for_each(|array| b.release(array.keys()));
        if !last {
            b.keep(start.keys());
            self.drawn = Some(start);
        }
        let tolerance = self.parameters.tolerance * if last { 1.0 } else { DRAWN };
        let limits = Limits { tolerance, most: self.first.most() };
        match &mut self.solver {
            Some(solver) => solver.solve_another(b, (prior.balance, limits), right),
            None => {
                let mut solver = Solver::new(self.plane.clone(), prior, limits, right);
                solver.begin(b);
                self.solver = Some(solver);
            }
        }
        self.stage = Stage::Solving { last };
    }

    /// Where a draw starts and its right-hand side d + σ η: were there no frame, η divided by A + λR would be the draw's deviation from the
    /// mean. So far it is right but for what the frame cuts off, which cells that are measured make good in few iterations; the
    /// others, in which A + λR is small, would take many.
    fn perturbed(
        &self,
        b: &mut Builder<'_>,
        reference: &ChunkedArray,
        right: &ChunkedArray,
        prior: Prior,
    ) -> (ChunkedArray, ChunkedArray) {
        let (psf, sigma) = (self.plane.convolution.psf(), self.now.sigma as f32);
        let noise = psf.perturbation(b, prior, self.stream(0));
        let divided = noise.with(b, psf, |strip| Normal { strip, prior, added: 0.0, inverse: true }.into());
        let divided = divided.inverse(b, right.grid());
        let noise = noise.inverse(b, right.grid());
        let start = reference.combine(b, 1.0, &divided, sigma).combine(b, 1.0, right, 0.0);
        (start, right.combine(b, 1.0, &noise, sigma))
    }

    /// λ̄, the mean over the draws that count.
    fn mean_balance(&self) -> f64 {
        let kept = self.chain.kept();
        let mean = kept.iter().map(Strengths::balance).sum::<f64>() / kept.len().max(1) as f64;
        if kept.is_empty() { self.now.balance() } else { mean }
    }

    /// Told what a draw says, draws the strengths and goes on, or comes to the end.
    fn told(&mut self, b: &mut Builder<'_>, told: &Told) {
        self.is_unseen |= told.noise.is_none() && self.parameters.noise.is_none();
        self.chain.draws.push(self.now);
        let least = if self.filter.is_direct() { BURN_IN.0 } else { BURN_IN.1 };
        let drawn = self.chain.draws.len();
        if !self.counting && drawn >= least && (self.chain.has_settled(least / 2) || drawn >= BURN_IN.2 * least) {
            (self.counting, self.chain.burn_in) = (true, drawn);
        }
        self.now = self.strengths(told);
        let Strengths { sigma, tau } = self.now;
        self.progress = Progress { iterations: self.chain.draws.len() as u64, rms: sigma, ..self.progress };
        (self.known.noise, self.known.sky) = (Some(sigma), Some(tau));
        if self.is_enough() { self.finish(b) } else { self.draw(b) }
    }

    /// How many draws are asked for.
    fn samples(&self) -> u64 {
        self.parameters.samples.unwrap_or(if self.filter.is_direct() { SAMPLES.0 } else { SAMPLES.1 })
    }

    fn is_enough(&self) -> bool {
        let kept = u64::from(self.kept);
        let asked = self.samples();
        let most = kept >= PATIENCE * asked || (self.hurried && kept >= 2);
        most || (kept >= asked && self.chain.effective() >= ENOUGH.min(0.5 * asked as f64))
    }

    /// The mean sky, given the mean balance.
    fn finish(&mut self, b: &mut Builder<'_>) {
        self.known.balance = self.mean_balance();
        let Some(spectrum) = self.spectrum.take() else { return self.perturb(b, true) };
        let psf = self.plane.convolution.psf();
        let filtered = self.filter.apply(b, &spectrum, psf, (self.known.balance, &self.facts));
        b.release(spectrum.keys());
        let model = filtered.inverse(b, self.plane.dirty.grid());
        b.keep(model.keys());
        self.end(b, model);
    }

    /// The end, with a model that is kept.
    fn end(&mut self, b: &mut Builder<'_>, model: ChunkedArray) {
        let residual = self.plane.refresh(b, &model);
        b.keep(residual.keys());
        let stats = residual.stats(b, None);
        b.answer(stats);
        let posterior = self.posterior(b);
        let gone =
            [self.seen.take(), self.right.take(), self.drawn.take(), self.reference.take().map(|(model, _)| model)];
        gone.iter().flatten().for_each(|array| b.release(array.keys()));
        let mask = self.plane.mask.clone().map(Allowed::Mask);
        let (reason, progress, model) = (StopReason::Solved, self.progress, Model::Pixels(model));
        self.ended = Some(Outcome { reason, progress, model, mask, residual, components: None, posterior });
        self.stage = Stage::Ending;
    }

    fn outcome(&self) -> Result<Outcome> {
        let outcome = self.ended.clone().ok_or_else(|| Error::internal("a sampler without an end"))?;
        let reason = match (self.hurried, self.is_settled()) {
            (true, false) => StopReason::TimeLimit,
            (false, false) => StopReason::Iterations,
            _ => StopReason::Solved,
        };
        Ok(Outcome { progress: self.progress, reason, ..outcome })
    }

    /// Are there as many independent draws as were asked for, and enough of them to tell anything?
    fn is_settled(&self) -> bool {
        let wanted = ENOUGH.min(0.5 * self.samples() as f64).max(FEW);
        u64::from(self.kept) >= self.samples() && self.chain.effective() >= wanted
    }
}

impl Algorithm for Gibbs {
    fn advance(&mut self, b: &mut Builder<'_>, answers: Vec<Payload>) -> Result<Next> {
        if let Some((state, arrays)) = self.recalled.take() {
            self.recall(b, state, arrays)?;
            return Ok(Next::Run);
        }
        match self.stage {
            Stage::First => match self.first.advance(b, answers)? {
                Next::Run => {
                    self.progress = self.first.progress();
                    return Ok(Next::Run);
                }
                Next::Stop(mut outcomes) => return self.begin(b, outcomes.swap_remove(0)),
            },
            Stage::Solving { last } => self.iterated(b, &answers, last)?,
            Stage::Telling => {
                let told = self.pending.take().map_or_else(|| self.read(&answers), Ok)?;
                self.told(b, &told);
            }
            Stage::Ending => {
                let stats = Measured::read(&answers)?.stats;
                let iterations = self.chain.draws.len() as u64;
                self.progress = at_the_end(&self.facts, &stats, self.known, iterations)?;
                return Ok(Next::Stop(vec![self.outcome()?]));
            }
        }
        Ok(Next::Run)
    }

    fn notes(&self) -> Vec<String> {
        let unseen = "no cell that the PSF measures has so little of the sky that noise could be told from it: the noise is the one that \
                      was measured of the first solution, drawn as far as that knows it";
        let nothing =
            "no noise, or no sky, could be measured: nothing is drawn, and the standard deviations are 0".to_string();
        if self.chain.draws.is_empty() {
            return vec![nothing];
        }
        let unsettled = format!(
            "the {} draws are worth {:.0} independent ones: what they tell of noise and sky is not settled",
            self.kept,
            self.chain.effective()
        );
        let notes = [(self.is_unseen, unseen.to_string()), (!self.is_settled(), unsettled)];
        notes.into_iter().filter(|(holds, _)| *holds).map(|(_, note)| note).collect()
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

    fn hold(&self, answers: &[Payload]) -> Option<Held> {
        self.held(answers)
    }

    fn go_on(&mut self, held: Held) -> Result<()> {
        self.recalled = held.hand_on(self.first.as_mut())?;
        Ok(())
    }

    fn rehearse(&self, ids: &mut ArrayIds) -> Result<Rehearsed> {
        self.rehearsed(ids)
    }
}
