//! The draws of the sky, what they tell, and what is added up of them.

use super::{CELLS, Gibbs, MAD_COSTS, SEEN, Stage};
use crate::algorithm::solver::Solver;
use crate::algorithm::{Posterior, Strengths};
use crate::array::{Builder, ChunkedArray, Grid};
use crate::error::{Error, Result};
use crate::event::Key;
use crate::kernel::{CellFacts, NoisePower, Payload, PosteriorDraw, PriorPower, Random, ZeroBlanks};
use serde::{Deserialize, Serialize};

/// Deviations of the draws from the first solution, added up, and their squares. Kept.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    sum: ChunkedArray,
    squares: ChunkedArray,
}

impl Sums {
    fn none(b: &mut Builder<'_>, grid: Grid) -> Sums {
        let zero = |b: &mut Builder<'_>| {
            let array = ChunkedArray::fill(b, grid, 0.0);
            b.keep(array.keys());
            array
        };
        Sums { sum: zero(b), squares: zero(b) }
    }

    /// Those that an earlier run has held, in the order of [`Sums::arrays`].
    pub(super) fn again(arrays: &mut impl Iterator<Item = ChunkedArray>) -> Option<Sums> {
        Some(Sums { sum: arrays.next()?, squares: arrays.next()? })
    }

    pub(super) fn arrays(&self) -> [ChunkedArray; 2] {
        [self.sum.clone(), self.squares.clone()]
    }

    fn add(&mut self, b: &mut Builder<'_>, deviation: &ChunkedArray) {
        b.release(self.sum.keys().chain(self.squares.keys()));
        self.sum = self.sum.combine(b, 1.0, deviation, 1.0);
        self.squares = self.squares.add_squares(b, deviation);
        b.keep(self.sum.keys().chain(self.squares.keys()));
    }
}

/// What a draw tells of the strengths.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Told {
    /// Σ R |X|² over the cells that are measured, and their number.
    pub(super) sky: [f64; 2],
    /// The variance of the noise where it is seen, and of how many independent cells, if it is not a draw already.
    pub(super) noise: Option<(f64, Option<f64>)>,
}

impl Gibbs {
    fn cells(&self) -> CellFacts {
        let balance = self.reference.as_ref().map_or(1.0, |(_, balance)| *balance);
        CellFacts { prior: self.filter.prior, least: self.filter.least(&self.facts), gate: SEEN / balance }
    }

    /// The stream of random numbers of this draw: each draw has four.
    pub(super) fn stream(&self, which: u64) -> (u64, u64) {
        let stream = (self.plane.index as u64) << 40 | (self.chain.draws.len() as u64) << 2 | which;
        (self.parameters.seed, stream)
    }

    /// Sums of each kind that is asked for, with nothing in them.
    pub(super) fn no_sums(&self, b: &mut Builder<'_>) -> Vec<Sums> {
        (0..self.kinds()).map(|_| Sums::none(b, self.plane.dirty.grid())).collect()
    }

    /// Of how many kinds of deviations there are sums.
    pub(super) fn kinds(&self) -> usize {
        1 + usize::from(self.parameters.model_uncertainty)
    }

    /// Does the draw that is on its way count?
    fn counts(&self) -> bool {
        self.counting
    }

    /// A draw that is one product a cell.
    pub(super) fn draw_at_once(&mut self, b: &mut Builder<'_>) {
        let Some((dirty, (_, reference))) = self.spectrum.clone().zip(self.reference.clone()) else { return };
        let ((sigma, tau), (seed, stream)) = ((self.now.sigma, self.now.tau), self.stream(0));
        let (facts, pixels) = (self.cells(), (dirty.padding().rows * dirty.padding().cols) as f64);
        let psf = self.plane.convolution.psf().clone();
        let (deviation, told) =
            dirty.draw(b, &psf, |strip| PosteriorDraw { strip, facts, pixels, sigma, tau, reference, seed, stream });
        b.answer(told);
        if self.counts() {
            let grid = self.plane.dirty.grid();
            if let Some(sums) = self.sums.get_mut(1) {
                let pixels = deviation.inverse(b, grid);
                sums.add(b, &pixels);
            }
            let seen = deviation.multiply_gaussian(b, self.filter.covariance).inverse(b, grid);
            self.sums[0].add(b, &seen);
            self.kept += 1;
        }
        self.stage = Stage::Telling;
    }

    /// Told what came of an iteration of a draw.
    pub(super) fn iterated(&mut self, b: &mut Builder<'_>, answers: &[Payload], last: bool) -> Result<()> {
        let Some(solver) = &mut self.solver else { return Err(Error::internal("nothing is being solved")) };
        if solver.advance(b, answers)?.is_none() {
            return Ok(());
        }
        let deviation = match solver.solution() {
            Some(solution) => solution.clone(),
            None => self.plane.dirty.combine(b, 0.0, &self.plane.dirty, 0.0),
        };
        if last {
            self.add_up(b, &deviation)
        } else {
            self.tell(b, &deviation)
        }
        Ok(())
    }

    /// The mean: the first solution and what it was off by.
    pub(super) fn add_up(&mut self, b: &mut Builder<'_>, deviation: &ChunkedArray) {
        let Some((reference, _)) = &self.reference else { return };
        let model = reference.combine(b, 1.0, deviation, 1.0);
        let model = model.map(b, &[], |at| ZeroBlanks { rows: at.rows, cols: at.cols }.into());
        b.keep(model.keys());
        let solver = self.solver.take();
        b.release(solver.iter().flat_map(Solver::working_keys));
        b.release(solver.iter().filter_map(Solver::solution).flat_map(ChunkedArray::keys));
        self.end(b, model);
    }

    /// What a draw that has been solved for tells: of the sky, of what it leaves of the dirty image, and beside that of noise of the
    /// same covariance, which is seen through the same frame.
    pub(super) fn tell(&mut self, b: &mut Builder<'_>, deviation: &ChunkedArray) {
        let Some((reference, start)) = self.reference.clone().map(|(model, _)| model).zip(self.drawn.clone()) else {
            return;
        };
        let (convolution, facts) = (self.plane.convolution.clone(), self.cells());
        let (psf, prior, least) = (convolution.psf(), self.filter.prior, facts.least);
        let sky = start.combine(b, 1.0, deviation, 1.0);
        let spectrum = convolution.transform(b, &sky);
        // With a balance of 0: a draw is as strong as the sky, whereas a filter's model is not.
        let (bare, noise) = (prior.with(0.0), self.filter.noise);
        let kernel = |strip| PriorPower { strip, prior: bare, noise, least }.into();
        let power = spectrum.sums(b, &[psf], PriorPower::WIDTH, kernel);
        b.answer(power);
        let dirty = self.seen.as_ref().unwrap_or(&self.plane.dirty).clone();
        let left = convolution.normal(b, &sky, bare).combine(b, -1.0, &dirty, 1.0);
        let noise = psf.perturbation(b, bare, self.stream(1)).inverse(b, dirty.grid());
        let noise = noise.combine(b, 1.0, &dirty, 0.0);
        for residual in [left, noise] {
            let told = self.noise_power(b, &residual, facts);
            b.answer(told);
        }
        if self.counts() {
            let deviation = &sky.combine(b, 1.0, &reference, -1.0);
            let seen = convolution.restore(b, deviation, self.filter.covariance);
            self.sums[0].add(b, &seen);
            if let Some(sums) = self.sums.get_mut(1) {
                let pixels = deviation.map(b, &[], |at| ZeroBlanks { rows: at.rows, cols: at.cols }.into());
                sums.add(b, &pixels);
            }
            self.kept += 1;
        }
        self.stage = Stage::Telling;
    }

    fn noise_power(&self, b: &mut Builder<'_>, residual: &ChunkedArray, facts: CellFacts) -> Key {
        let psf = self.plane.convolution.psf();
        let spectrum = self.plane.convolution.transform(b, residual);
        spectrum.sums(b, &[psf], NoisePower::WIDTH, |strip| NoisePower { strip, facts }.into())
    }

    /// Reads what a draw told.
    pub(super) fn read(&self, answers: &[Payload]) -> Result<Told> {
        let enough = |seen: f64| seen >= CELLS;
        match answers {
            [Payload::Numbers(sums)] if sums.len() == PosteriorDraw::WIDTH => {
                let pixels = (self.facts.dirty.count.max(1)) as f64;
                let noise = enough(sums[3]).then(|| (sums[2] / (sums[3] * pixels), Some(sums[3])));
                Ok(Told { sky: [sums[0], sums[1]], noise })
            }
            [Payload::Numbers(sky), Payload::Numbers(left), Payload::Numbers(noise)] => {
                let frame = self.plane.convolution.psf().padding();
                let part = self.facts.dirty.count as f64 / (frame.rows * frame.cols) as f64;
                let seen = enough(noise[1] * part) && noise[0] > 0.0;
                Ok(Told { sky: [sky[0], sky[1]], noise: seen.then(|| (left[0] / noise[0], None)) })
            }
            _ => Err(Error::internal("a draw tells nothing")),
        }
    }

    /// Strengths given a draw of the sky: sums over cells are σ² or τ² times χ².
    pub(super) fn strengths(&self, told: &Told) -> Strengths {
        let chi = |which: u64, degrees: f64| {
            let (seed, stream) = self.stream(which);
            Random::new(seed, stream).chi_squared(degrees.max(2.0)) / degrees.max(2.0)
        };
        let frame = self.plane.convolution.psf().padding();
        let pixels = self.facts.dirty.count.max(1) as f64;
        let independent = (pixels / (frame.rows * frame.cols) as f64).min(1.0);
        let [power, cells] = told.sky;
        let sky = power / (cells.max(1.0) * pixels) / chi(2, cells * independent);
        let noise = match (self.parameters.noise, told.noise) {
            (Some(noise), _) => noise * noise,
            (None, Some((variance, None))) => variance,
            (None, Some((variance, Some(seen)))) => variance / chi(3, seen),
            (None, None) => {
                self.measured * self.measured / chi(3, pixels / self.facts.mean_square.max(1.0) / MAD_COSTS)
            }
        };
        Strengths { sigma: noise.sqrt(), tau: sky.sqrt() }
    }

    /// Standard deviations of what was added up, blank where the dirty image is.
    pub(super) fn posterior(&mut self, b: &mut Builder<'_>) -> Option<Posterior> {
        let (count, dirty) = (self.kept.max(2), &self.plane.dirty);
        let spread = |Sums { sum, squares }: Sums| {
            b.release(sum.keys().chain(squares.keys()));
            let spread = sum.spread(b, &squares, count).combine(b, 1.0, dirty, 0.0);
            b.keep(spread.keys());
            spread
        };
        let mut spreads = std::mem::take(&mut self.sums).into_iter().map(spread);
        let (uncertainty, model_uncertainty) = (spreads.next()?, spreads.next());
        Some(Posterior { uncertainty, model_uncertainty, chain: self.chain.clone() })
    }
}
