//! Conjugate gradients for (A + λR) x = y, A the convolution with a PSF seen through the frame (Hestenes and Stiefel 1952).
//!
//! Each iteration applies A + λR once, one transform to and fro in the padded frame, and the preconditioner once, the inverse of
//! H + λR + 1 on a torus of the image's size (Chan 1988): H is 1 in the mean, since the PSF's peak is. Pixels that are blank in y
//! stay blank in x and in all else: they lie outside the frame, whatever its shape. Inner products are in f64.

use super::Plane;
use crate::array::{Builder, ChunkedArray, Convolution, Padding};
use crate::error::{Error, Result};
use crate::event::Key;
use crate::kernel::{Payload, Prior};
use serde::{Deserialize, Serialize};

/// What the preconditioner adds to the transfer function, of which the mean is 1.
const ADDED: f64 = 1.0;

/// When the iterations end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The largest ‖y − (A + λR) x‖ / ‖y‖ at which x is a solution.
    pub tolerance: f64,
    /// The most iterations.
    pub most: u64,
}

/// Why the iterations ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// x solves the equation within the tolerance.
    Solved,
    /// As many iterations as were allowed.
    Exhausted,
    /// A direction in which the operator is not positive: rounding has the upper hand.
    Breakdown,
}

/// What a solver must know to go on, beside its arrays.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SolverState {
    squares: Option<f64>,
    product: f64,
    iterations: u64,
}

/// A solution in the making. Its arrays are kept in the store until they are released.
#[derive(Debug, Clone)]
pub struct Solver {
    plane: Plane,
    prior: Prior,
    limits: Limits,
    preconditioner: Option<Convolution>,
    /// y.
    right: ChunkedArray,
    /// x; none: 0.
    solution: Option<ChunkedArray>,
    /// y − (A + λR) x; where x is 0 it is y itself.
    residual: ChunkedArray,
    preconditioned: Option<ChunkedArray>,
    direction: Option<ChunkedArray>,
    applied: Option<ChunkedArray>,
    stage: Stage,
    /// ‖y‖², residual · preconditioned, ‖residual‖².
    squares: Option<f64>,
    product: f64,
    left: f64,
    iterations: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// The residual is there, preconditioned.
    Residual,
    /// The operator has been applied to the direction.
    Applied,
}

impl Solver {
    /// For a plane and a right-hand side on its strips, which is kept by the caller.
    pub fn new(plane: Plane, prior: Prior, limits: Limits, right: ChunkedArray) -> Solver {
        Solver {
            plane,
            prior,
            limits,
            preconditioner: None,
            residual: right.clone(),
            right,
            solution: None,
            preconditioned: None,
            direction: None,
            applied: None,
            stage: Stage::Residual,
            squares: None,
            product: 0.0,
            left: 0.0,
            iterations: 0,
        }
    }

    /// Appends its first tasks; the answers go to [`Solver::advance`].
    pub fn begin(&mut self, b: &mut Builder<'_>) {
        let preconditioner = self.preconditioner(b);
        b.keep(preconditioner.keys());
        self.preconditioner = Some(preconditioner);
        self.precondition(b);
    }

    /// Solves for another right-hand side, from 0 on, with a balance and limits.
    pub fn solve_another(&mut self, b: &mut Builder<'_>, (balance, limits): (f64, Limits), right: ChunkedArray) {
        b.release(self.vector_keys());
        b.release(self.solution.take().iter().flat_map(ChunkedArray::keys));
        (self.direction, self.preconditioned, self.applied) = (None, None, None);
        (self.prior, self.limits) = (self.prior.with(balance), limits);
        (self.squares, self.product, self.left, self.iterations) = (None, 0.0, 0.0, 0);
        (self.residual, self.right) = (right.clone(), right);
        self.precondition_residual(b);
    }

    /// Goes on with another balance, from the solution with the last one.
    pub fn change(&mut self, b: &mut Builder<'_>, balance: f64, limits: Limits) {
        (self.prior, self.limits) = (self.prior.with(balance), limits);
        if let Some(solution) = &self.solution {
            let applied = self.plane.convolution.normal(b, solution, self.prior);
            let residual = applied.combine(b, -1.0, &self.right, 1.0);
            self.replace_residual(b, residual);
        }
        self.precondition(b);
    }

    /// What it must know to go on, and the arrays, where it is to be told what there is left: x, the residual, and the last direction
    /// if there is one. None where it has not made a step.
    pub fn hold(&self) -> Option<(SolverState, Vec<ChunkedArray>)> {
        let solution = self.solution.as_ref().filter(|_| self.stage == Stage::Residual)?;
        let state = SolverState { squares: self.squares, product: self.product, iterations: self.iterations };
        let arrays = [Some(solution), Some(&self.residual), self.direction.as_ref()];
        Some((state, arrays.into_iter().flatten().cloned().collect()))
    }

    /// Goes on from what an earlier one held; appends the tasks whose answers that was to be told.
    pub fn go_on(&mut self, b: &mut Builder<'_>, state: SolverState, arrays: Vec<ChunkedArray>) {
        let mut arrays = arrays.into_iter();
        self.solution = arrays.next();
        if let Some(residual) = arrays.next() {
            self.residual = residual;
        }
        self.direction = arrays.next();
        (self.squares, self.product, self.iterations) = (state.squares, state.product, state.iterations);
        let preconditioner = self.preconditioner(b);
        b.keep(preconditioner.keys());
        self.preconditioner = Some(preconditioner);
        self.precondition_residual(b);
    }

    /// Goes on to another right-hand side, kept by the caller as long as no other follows, from the solution of the last one. What
    /// may be left stays a part of the first one.
    pub fn aim(&mut self, b: &mut Builder<'_>, right: ChunkedArray, prior: Prior, limits: Limits) {
        let residual = self.solution.as_ref().map(|solution| {
            if prior == self.prior {
                let change = right.combine(b, 1.0, &self.right, -1.0);
                return self.residual.combine(b, 1.0, &change, 1.0);
            }
            self.plane.convolution.normal(b, solution, prior).combine(b, -1.0, &right, 1.0)
        });
        if let Some(residual) = &residual {
            self.replace_residual(b, residual.clone());
        }
        self.residual = residual.unwrap_or_else(|| right.clone());
        (self.right, self.prior, self.limits) = (right, prior, limits);
        self.precondition(b);
    }

    /// Told the answers of its last tasks, appends the next ones or says that it has ended.
    ///
    /// # Errors
    /// If the answers are not those of its tasks.
    pub fn advance(&mut self, b: &mut Builder<'_>, answers: &[Payload]) -> Result<Option<Ended>> {
        let [product, square] = read(answers)?;
        match self.stage {
            Stage::Residual => Ok(self.decide(b, product, square)),
            Stage::Applied if product <= 0.0 => Ok(Some(Ended::Breakdown)),
            Stage::Applied => {
                self.step(b, self.product / product);
                Ok(None)
            }
        }
    }

    /// The residual is known: on in another direction, or the end.
    fn decide(&mut self, b: &mut Builder<'_>, product: f64, square: f64) -> Option<Ended> {
        let first = *self.squares.get_or_insert(square);
        self.left = square;
        if square <= self.limits.tolerance.powi(2) * first {
            return Some(Ended::Solved);
        }
        if self.iterations >= self.limits.most {
            return Some(Ended::Exhausted);
        }
        let onward = product / self.product;
        self.product = product;
        self.turn(b, onward);
        None
    }

    /// The next direction: the preconditioned residual and so much of the last direction. The operator is applied to it.
    fn turn(&mut self, b: &mut Builder<'_>, onward: f64) {
        let Some(preconditioned) = self.preconditioned.take() else { return };
        let direction = match self.direction.take() {
            None => preconditioned,
            Some(last) => {
                b.release(last.keys().chain(preconditioned.keys()));
                let direction = last.combine(b, onward as f32, &preconditioned, 1.0);
                b.keep(direction.keys());
                direction
            }
        };
        let applied = self.plane.convolution.normal(b, &direction, self.prior);
        let products = direction.dot(b, &applied);
        b.answer(products);
        b.keep(applied.keys());
        (self.direction, self.applied) = (Some(direction), Some(applied));
        self.stage = Stage::Applied;
    }

    /// So far along the direction.
    fn step(&mut self, b: &mut Builder<'_>, far: f64) {
        let Some((direction, applied)) = self.direction.clone().zip(self.applied.take()) else { return };
        let solution = match self.solution.take() {
            None => direction.combine(b, far as f32, &direction, 0.0),
            Some(last) => {
                b.release(last.keys());
                last.combine(b, 1.0, &direction, far as f32)
            }
        };
        b.keep(solution.keys());
        self.solution = Some(solution);
        b.release(applied.keys());
        let residual = self.residual.combine(b, 1.0, &applied, -far as f32);
        self.replace_residual(b, residual);
        self.iterations += 1;
        self.precondition_residual(b);
    }

    fn replace_residual(&mut self, b: &mut Builder<'_>, residual: ChunkedArray) {
        if self.residual != self.right {
            b.release(self.residual.keys());
        }
        b.keep(residual.keys());
        self.residual = residual;
    }

    /// The first direction follows from the residual alone.
    fn precondition(&mut self, b: &mut Builder<'_>) {
        let old = [self.direction.take(), self.preconditioned.take()];
        old.iter().flatten().for_each(|array| b.release(array.keys()));
        self.precondition_residual(b);
    }

    fn precondition_residual(&mut self, b: &mut Builder<'_>) {
        let Some(preconditioner) = &self.preconditioner else { return };
        let near = preconditioner.preconditioned(b, &self.residual, self.prior, ADDED);
        // Blank where the residual is.
        let near = near.combine(b, 1.0, &self.residual, 0.0);
        let products = self.residual.dot(b, &near);
        b.answer(products);
        b.keep(near.keys());
        self.preconditioned = Some(near);
        self.stage = Stage::Residual;
    }

    /// The PSF, as far as a torus of the image's size can hold it.
    fn preconditioner(&self, b: &mut Builder<'_>) -> Convolution {
        let (rows, cols) = self.plane.dirty.grid().shape;
        let frame = Padding::at_least(rows, cols).cut_like(&self.plane.convolution.psf().padding());
        let psf = &self.plane.psf;
        let reach = psf.reach.within((frame.rows, frame.cols));
        Convolution::of_psf(b, &psf.part(&reach.offsets), &reach, frame)
    }

    /// x, kept; none if it is 0.
    pub fn solution(&self) -> Option<&ChunkedArray> {
        self.solution.as_ref()
    }

    /// Iterations so far.
    pub fn iterations(&self) -> u64 {
        self.iterations
    }

    /// ‖y − (A + λR) x‖ / ‖y‖.
    pub fn accuracy(&self) -> f64 {
        match self.squares {
            Some(squares) if squares > 0.0 => (self.left / squares).sqrt(),
            _ => 0.0,
        }
    }

    /// No more than the iterations it has had.
    pub fn hurry(&mut self) {
        self.limits.most = self.iterations;
    }

    /// The keys of all that it keeps but the solution.
    pub fn working_keys(&self) -> Vec<Key> {
        let preconditioner = self.preconditioner.iter().flat_map(Convolution::keys);
        self.vector_keys().into_iter().chain(preconditioner).collect()
    }

    fn vector_keys(&self) -> Vec<Key> {
        let residual = (self.residual != self.right).then_some(&self.residual);
        let arrays = [&self.preconditioned, &self.direction, &self.applied];
        arrays.into_iter().flatten().chain(residual).flat_map(ChunkedArray::keys).collect()
    }

    /// The graphs of one iteration, on paper.
    pub fn rehearse(&mut self, b: &mut Builder<'_>, half: usize) {
        if half.is_multiple_of(2) { self.turn(b, 0.5) } else { self.step(b, 0.5) }
    }
}

fn read(answers: &[Payload]) -> Result<[f64; 2]> {
    match answers {
        [Payload::Numbers(numbers)] if numbers.len() == 2 => Ok([numbers[0], numbers[1]]),
        _ => Err(Error::internal("an inner product is missing")),
    }
}
