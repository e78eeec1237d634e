//! Edge-preserving deconvolution: a prior that holds small differences of neighbours to be noise, and large ones to be edges
//! (Huber 1964; for images Charbonnier et al. 1997, IEEE Trans. Image Process. 6, 298).
//!
//! The model is the minimum of ½ xᵀAx − xᵀdirty + λ Σ φ(Gx), φ quadratic up to δ and linear beyond, G the differences of neighbours
//! down and across. Blank pixels, those outside a mask and those beyond the frame hold no sky, and differences to them count as
//! those to 0; so GᵀG is exactly the prior of `wiener-hunt --regularization gradient`, which δ = ∞ gives. Solved by ADMM
//! ([`super::splits`]): what is quadratic by a few conjugate gradients from the last solution ([`Solver::aim`]), of periodic data by
//! one transform; what is not, pixel by pixel. Until noise and sky are known it is a [`WienerFilter`].
//!
//! λ and δ follow from the noise σ and ⟨s²⟩, the mean square of the transfer function: of a sky where it is measured the noise is
//! about δ = σ/√⟨s²⟩ a pixel, and λδ, what an edge costs, is 0.3 σ√⟨s²⟩: tried on skies of points and extended sources with noise of
//! 10 and 100 µJy, where anything from 0.1 to 1 was about as good.

mod held;

use self::held::Minimising;
use super::filter::TransferFacts;
use super::solver::{Ended, Limits, Solver};
use super::splits::{Energy, Splits};
use super::wiener::{Stage, WienerFilter};
use super::{Algorithm, Balance, Boundary, Held, Next, Parameters, Plane, Progress, Rehearsed, Saved};
use crate::array::{ArrayIds, Builder, ChunkedArray, Grid};
use crate::error::{Error, Result};
use crate::kernel::{NoiseSpectrum, Payload, Regularization, Signs};

/// The most iterations where nothing is said.
const MOST: u64 = 50;

/// Conjugate gradients an iteration, at most.
const INNER: u64 = 4;

/// λδ over σ√⟨s²⟩.
const EDGE: f64 = 0.3;

/// λδ/ρ over σ/√⟨s²⟩: of what the convergence is fastest. Where nothing may be negative sources are sharper, and edges higher.
const JUMP: f64 = 40.0;
const SHARP_JUMP: f64 = 200.0;

/// The least noise, as a part of the dirty image's rms: that of 32-bit numbers.
const LEAST_NOISE: f64 = 1e-6;

/// The method for a plane.
pub fn new(planes: Vec<Plane>, parameters: Parameters, _saved: Option<Saved>) -> Huber {
    let (balance, noise_spectrum) = (Balance::Noise, Some(NoiseSpectrum::Natural));
    let first = Parameters { balance, noise_spectrum, iterations: None, ..parameters };
    let filter = WienerFilter::new(planes, first, Regularization::Gradient);
    Huber { filter, parameters, work: None, rounds: 0, before: 0, apart: 0.0, recalled: None }
}

/// The minimisation of one plane's energy.
#[derive(Debug, Clone)]
pub struct Huber {
    /// What finds out about noise and sky, and what ends it.
    filter: WienerFilter,
    parameters: Parameters,
    /// The minimisation, once it has begun.
    work: Option<Work>,
    /// Iterations so far.
    rounds: u64,
    /// Conjugate gradients before this one.
    before: u64,
    /// ρ ‖L x − z‖ after the last one.
    apart: f64,
    /// What an earlier run has held of the minimisation, and its arrays.
    recalled: Option<(Minimising, Vec<ChunkedArray>)>,
}

/// What is kept from one iteration to the next.
#[derive(Debug, Clone)]
struct Work {
    splits: Splits,
    /// The right-hand side, kept, if it is not the dirty image itself.
    right: Option<ChunkedArray>,
    /// Of periodic data: the solution.
    solution: Option<ChunkedArray>,
}

impl Huber {
    /// Noise and sky are known: λ and δ are, too.
    fn energy(&self, facts: &TransferFacts, noise: f64) -> Energy {
        let per_pixel = (facts.dirty.sum_squares / facts.dirty.count.max(1) as f64).sqrt();
        let noise = noise.max(LEAST_NOISE * per_pixel).max(f64::from(f32::MIN_POSITIVE));
        let strength = facts.mean_square.max(f64::MIN_POSITIVE).sqrt();
        let delta = self.parameters.delta.unwrap_or(noise / strength);
        let balance = match self.parameters.balance {
            Balance::Given(balance) => balance,
            Balance::Noise | Balance::Gcv => EDGE * noise * strength / delta,
        };
        let positive = self.parameters.signs == Signs::Positive;
        let jump = if positive { SHARP_JUMP } else { JUMP } * noise / strength;
        Energy { balance, delta, jump, positive, wraps: self.is_periodic() }
    }

    fn is_periodic(&self) -> bool {
        self.parameters.boundary == Boundary::Periodic
    }

    /// The first solution is weighed: on with the minimisation.
    fn begin(&mut self, b: &mut Builder<'_>, facts: &TransferFacts, (noise, sky): (f64, f64)) -> Result<()> {
        let energy = self.energy(facts, noise);
        let known = &mut self.filter.known;
        (known.noise, known.sky) = (Some(noise), Some(sky));
        (known.balance, known.delta) = (energy.balance, Some(energy.delta));
        let mut splits = Splits::new(b, &self.filter.plane.dirty, energy);
        self.filter.drop_spectrum(b);
        if self.is_periodic() {
            self.work = Some(Work { splits, right: None, solution: None });
            return self.solve_periodic(b);
        }
        let solver = self.filter.solver.as_ref();
        let x = solver.and_then(Solver::solution).cloned().ok_or_else(|| Error::internal("no first solution"))?;
        splits.first(b, &x);
        self.work = Some(Work { splits, right: None, solution: None });
        self.aim(b)
    }

    /// Towards the next right-hand side, from the last solution.
    fn aim(&mut self, b: &mut Builder<'_>) -> Result<()> {
        let dirty = self.filter.right().clone();
        let (Some(work), Some(solver)) = (&mut self.work, &mut self.filter.solver) else {
            return Err(Error::internal("nothing is being solved"));
        };
        let right = work.splits.right(b, &dirty);
        b.keep(right.keys());
        self.before = solver.iterations();
        let limits = limits(&self.parameters, self.before);
        solver.aim(b, right.clone(), work.splits.prior(), limits);
        work.right.replace(right).iter().for_each(|last| b.release(last.keys()));
        Ok(())
    }

    /// Told what came of a conjugate gradient, or of an iteration and what comes next.
    fn solved(&mut self, b: &mut Builder<'_>, answers: &[Payload], facts: &TransferFacts) -> Result<()> {
        let (apart, answers) = self.read_apart(answers)?;
        self.apart = apart;
        let solver = self.filter.solver.as_mut().ok_or_else(|| Error::internal("nothing is being solved"))?;
        let ended = solver.advance(b, answers)?;
        let nothing_to_do = solver.iterations() == self.before && ended == Some(Ended::Solved);
        self.filter.known.accuracy = solver.accuracy();
        self.note_progress(facts);
        match ended {
            None => Ok(()),
            Some(Ended::Breakdown) => self.finish(b, Ended::Breakdown),
            Some(_) if nothing_to_do && self.is_together(facts) => self.finish(b, Ended::Solved),
            Some(_) if self.is_over() => self.finish(b, Ended::Exhausted),
            Some(_) => self.turn(b),
        }
    }

    /// ρ ‖L x − z‖, of the answers of a step if there are any before the others, and those others.
    fn read_apart<'a>(&self, answers: &'a [Payload]) -> Result<(f64, &'a [Payload])> {
        let Some(splits) =
            self.work.as_ref().map(|work| &work.splits).filter(|splits| answers.len() > splits.answers())
        else {
            return Ok((self.apart, answers));
        };
        let (apart, rest) = answers.split_at(splits.answers());
        let apart: Option<Vec<f64>> = apart.iter().map(one_number).collect();
        let apart = apart.ok_or_else(|| Error::internal("the terms were not measured"))?;
        Ok((splits.apart(&apart), rest))
    }

    fn is_over(&self) -> bool {
        self.filter.hurried || self.rounds >= self.parameters.iterations.unwrap_or(MOST)
    }

    /// Are the terms what the solution makes of them?
    fn is_together(&self, facts: &TransferFacts) -> bool {
        self.rounds > 0 && self.apart <= self.parameters.tolerance * facts.dirty.sum_squares.sqrt()
    }

    /// An iteration is done: the terms follow the solution, and it is to follow them.
    fn turn(&mut self, b: &mut Builder<'_>) -> Result<()> {
        self.rounds += 1;
        let x = self.filter.solver.as_ref().and_then(Solver::solution).cloned();
        if let Some((work, x)) = self.work.as_mut().zip(x) {
            work.splits.step(b, &x);
        }
        self.aim(b)
    }

    /// An iteration on periodic data. The change of the right-hand side is what the last solution lacks.
    fn solve_periodic(&mut self, b: &mut Builder<'_>) -> Result<()> {
        let plane = &self.filter.plane;
        let work = self.work.as_mut().ok_or_else(|| Error::internal("nothing is being solved"))?;
        let right = work.splits.right(b, &plane.dirty);
        let change = right.combine(b, 1.0, work.right.as_ref().unwrap_or(&plane.dirty), -1.0);
        let x = plane.convolution.preconditioned(b, &right, work.splits.prior(), 0.0);
        work.splits.step(b, &x);
        let change = change.dot(b, &change);
        b.answer(change);
        b.keep(right.keys().chain(x.keys()));
        let old = [work.right.replace(right), work.solution.replace(x)];
        old.iter().flatten().for_each(|last| b.release(last.keys()));
        self.rounds += 1;
        Ok(())
    }

    /// How far the terms are apart, and the square of the right-hand side's change.
    fn read_periodic(&self, answers: &[Payload]) -> Result<(f64, f64)> {
        match self.read_apart(answers)? {
            (apart, [Payload::Numbers(change)]) => Ok((apart, change[0])),
            _ => Err(Error::internal("the change was not measured")),
        }
    }

    fn solved_periodic(
        &mut self,
        b: &mut Builder<'_>,
        (apart, change): (f64, f64),
        facts: &TransferFacts,
    ) -> Result<()> {
        self.apart = apart;
        let accuracy = (change / facts.dirty.sum_squares.max(f64::MIN_POSITIVE)).sqrt();
        self.filter.known.accuracy = accuracy;
        self.note_progress(facts);
        if self.rounds > 1 && accuracy <= self.parameters.tolerance && self.is_together(facts) {
            self.finish(b, Ended::Solved)
        } else if self.is_over() {
            self.finish(b, Ended::Exhausted)
        } else {
            self.solve_periodic(b)
        }
    }

    fn note_progress(&mut self, facts: &TransferFacts) {
        let accuracy = self.filter.known.accuracy;
        self.filter.note_progress((self.rounds, accuracy, self.parameters.tolerance), facts);
    }

    fn finish(&mut self, b: &mut Builder<'_>, ended: Ended) -> Result<()> {
        let Work { splits, right, solution } = self.work.take().ok_or_else(|| Error::internal("nothing was solved"))?;
        b.release(splits.keys());
        right.iter().for_each(|right| b.release(right.keys()));
        match solution {
            None => self.filter.finish(b, ended),
            Some(solution) => {
                b.release(solution.keys());
                self.filter.finish_with(b, ended, &solution);
            }
        }
        Ok(())
    }
}

/// Of the conjugate gradients of an iteration, after so many before it.
fn limits(parameters: &Parameters, before: u64) -> Limits {
    Limits { tolerance: parameters.tolerance, most: before + INNER }
}

fn one_number(answer: &Payload) -> Option<f64> {
    match answer {
        Payload::Numbers(numbers) => numbers.first().copied(),
        _ => None,
    }
}

impl Algorithm for Huber {
    fn advance(&mut self, b: &mut Builder<'_>, answers: Vec<Payload>) -> Result<Next> {
        if let Some((state, arrays)) = self.recalled.take() {
            self.recall(b, &state, arrays)?;
            return Ok(Next::Run);
        }
        match (self.filter.facts, &self.work) {
            (Some(facts), Some(_)) if self.is_periodic() => {
                let told = self.read_periodic(&answers)?;
                self.solved_periodic(b, told, &facts)?;
            }
            (Some(facts), Some(_)) => self.solved(b, &answers, &facts)?,
            (Some(facts), None) if self.filter.stage == Stage::Weighing => {
                let known = self.filter.weighed(&answers, &facts)?;
                self.begin(b, &facts, known)?;
            }
            _ => return self.filtered(b, answers),
        }
        Ok(Next::Run)
    }

    fn hurry(&mut self) {
        self.filter.hurry();
    }

    fn progress(&self) -> Progress {
        Progress { iterations: self.rounds, ..self.filter.progress() }
    }

    fn grid(&self) -> Grid {
        self.filter.grid()
    }

    fn save(&self) -> Option<Saved> {
        None
    }

    fn hold(&self, answers: &[Payload]) -> Option<Held> {
        self.held(answers)
    }

    fn go_on(&mut self, held: Held) -> Result<()> {
        self.recalled = held.hand_on(&mut self.filter)?;
        Ok(())
    }

    fn rehearse(&self, ids: &mut ArrayIds) -> Result<Rehearsed> {
        let mut actor = self.clone();
        let mut graphs = Vec::new();
        while actor.filter.stage != Stage::Weighing {
            actor.filter.rehearse_stage(ids, &mut graphs);
        }
        let mut on_paper = |act: &mut dyn FnMut(&mut Builder<'_>) -> Result<()>| -> Result<()> {
            let mut b = Builder::new(ids);
            act(&mut b)?;
            graphs.push(b.finish());
            Ok(())
        };
        on_paper(&mut |b| actor.begin(b, &TransferFacts::ON_PAPER, (1.0, 1.0)))?;
        // The second iteration has all arrays that any has.
        for _ in 0..2 {
            if actor.is_periodic() {
                on_paper(&mut |b| actor.solve_periodic(b))?;
                continue;
            }
            for half in 0..4 {
                on_paper(&mut |b| {
                    actor.filter.iterate(b, half);
                    Ok(())
                })?;
            }
            on_paper(&mut |b| actor.turn(b))?;
        }
        on_paper(&mut |b| actor.finish(b, Ended::Solved))?;
        Ok((graphs, vec![actor.filter.outcome()?]))
    }
}

impl Huber {
    /// What the filter does and how it ends, with this method's own count of iterations.
    fn filtered(&mut self, b: &mut Builder<'_>, answers: Vec<Payload>) -> Result<Next> {
        let mut next = self.filter.advance(b, answers)?;
        if let Next::Stop(outcomes) = &mut next {
            outcomes.iter_mut().for_each(|outcome| outcome.progress.iterations = self.rounds);
        }
        Ok(next)
    }
}
