//! What is held of a filter for another day.

use super::{Stage, WienerFilter};
use crate::algorithm::filter::TransferFacts;
use crate::algorithm::solver::SolverState;
use crate::algorithm::{FilterFacts, Held, Progress};
use crate::array::Builder;
use crate::error::Result;

/// What is known of the plane and its filter, and how far it is.
pub type Known = (TransferFacts, FilterFacts, Progress);

/// What must be known to go on with the iterations: are they those of the first solution, what is known, and the solver's own.
type State = (bool, Known, SolverState);

impl WienerFilter {
    /// What it knows, once it has looked at the plane.
    pub(in crate::algorithm) fn knows(&self) -> Option<Known> {
        Some((self.facts?, self.known, self.progress))
    }

    /// Knows again what an earlier one did.
    pub(in crate::algorithm) fn know(&mut self, b: &mut Builder<'_>, (facts, known, progress): Known) {
        self.seen = self.plane.within_mask(b);
        (self.facts, self.known, self.progress) = (Some(facts), known, progress);
    }

    /// What it could go on from, where it iterates.
    pub(super) fn held(&self) -> Option<Held> {
        let (state, arrays) = self.solver.as_ref().filter(|_| self.is_iterating())?.hold()?;
        let state: State = (self.stage == Stage::Trying, self.knows()?, state);
        Held::new(&state, arrays)
    }

    /// Goes on where an earlier run was.
    pub(super) fn recall(&mut self, b: &mut Builder<'_>, held: Held) -> Result<()> {
        let (trying, known, state): State = held.known()?;
        self.know(b, known);
        self.stage = if trying { Stage::Trying } else { Stage::Solving };
        let mut solver = self.new_solver();
        solver.go_on(b, state, held.arrays);
        self.solver = Some(solver);
        Ok(())
    }
}
