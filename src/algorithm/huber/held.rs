//! What is held of huber's minimisation for another day: between iterations all t, and what the next one follows from.

use super::{Huber, Work, limits};
use crate::algorithm::solver::{Solver, SolverState};
use crate::algorithm::splits::Splits;
use crate::algorithm::wiener::{Known, Stage};
use crate::algorithm::{Algorithm, Held};
use crate::array::{Builder, ChunkedArray};
use crate::error::Result;
use crate::kernel::Payload;
use serde::{Deserialize, Serialize};

/// What must be known to go on, beside the arrays: all t and those of the solution.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Minimising {
    known: Known,
    rounds: u64,
    /// ρ ‖L x − z‖.
    apart: f64,
    solution: Solution,
}

/// How the solution was found.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Solution {
    /// By so many conjugate gradients, with the arrays of the solver, which has been aimed at the next right-hand side. That follows from
    /// all t.
    Iterations(u64, SolverState),
    /// By one transform, of a right-hand side that had changed by so much (squared); both are the arrays.
    Transform(f64),
}

impl Huber {
    /// What it could go on from: of the filter that it is at first, or between two iterations.
    pub(super) fn held(&self, answers: &[Payload]) -> Option<Held> {
        let Some(work) = &self.work else {
            return self.filter.hold(answers)?.of_first::<Minimising>();
        };
        let mut arrays: Vec<ChunkedArray> = work.splits.arrays().cloned().collect();
        let (apart, solution) = if self.is_periodic() {
            let (apart, change) = self.read_periodic(answers).ok()?;
            arrays.extend([work.right.clone()?, work.solution.clone()?]);
            (apart, Solution::Transform(change))
        } else {
            let solver = self.filter.solver.as_ref().filter(|solver| solver.iterations() == self.before)?;
            let (state, solving) = solver.hold()?;
            arrays.extend(solving);
            (self.read_apart(answers).ok()?.0, Solution::Iterations(self.before, state))
        };
        let state = Minimising { known: self.filter.knows()?, rounds: self.rounds, apart, solution };
        Held::of_own(state, arrays)
    }

    /// Goes on between two iterations.
    pub(super) fn recall(&mut self, b: &mut Builder<'_>, state: &Minimising, arrays: Vec<ChunkedArray>) -> Result<()> {
        let (facts, filter_facts, _) = state.known;
        self.filter.know(b, state.known);
        self.filter.stage = Stage::Weighing;
        (self.rounds, self.apart) = (state.rounds, state.apart);
        let energy = self.energy(&facts, filter_facts.noise.unwrap_or(0.0));
        let mut arrays = arrays.into_iter();
        let splits = Splits::again(energy, &mut arrays).ok_or_else(Held::senseless)?;
        match state.solution {
            Solution::Iterations(before, solver) => {
                self.recall_solver(b, splits, (before, solver), arrays.collect());
                Ok(())
            }
            Solution::Transform(change) => {
                let (right, solution) = (arrays.next(), arrays.next());
                self.work = Some(Work { splits, right, solution });
                self.solved_periodic(b, (state.apart, change), &facts)
            }
        }
    }

    fn recall_solver(
        &mut self,
        b: &mut Builder<'_>,
        splits: Splits,
        (before, state): (u64, SolverState),
        arrays: Vec<ChunkedArray>,
    ) {
        let right = splits.right(b, self.filter.right());
        b.keep(right.keys());
        let limits = limits(&self.parameters, before);
        let mut solver = Solver::new(self.filter.plane.clone(), splits.prior(), limits, right.clone());
        solver.go_on(b, state, arrays);
        (self.before, self.filter.solver) = (before, Some(solver));
        self.work = Some(Work { splits, right: Some(right), solution: None });
    }
}
