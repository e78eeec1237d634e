//! What the filter would do, without any answers.

use super::{Stage, WienerFilter};
use crate::algorithm::Rehearsed;
use crate::algorithm::filter::TransferFacts;
use crate::algorithm::solver::Ended;
use crate::array::{ArrayIds, Builder};
use crate::error::Result;
use crate::graph::Graph;

impl WienerFilter {
    /// The graphs of a run in which all is to be found out, and how it ends.
    pub(super) fn rehearsed(&self, ids: &mut ArrayIds) -> Result<Rehearsed> {
        let mut actor = self.clone();
        let mut graphs = Vec::new();
        while actor.stage != Stage::Ending {
            for half in 0..actor.halves() {
                graphs.push(on_paper(ids, |b| actor.iterate(b, half)));
            }
            graphs.push(on_paper(ids, |b| actor.on(b)));
        }
        Ok((graphs, vec![actor.outcome()?]))
    }

    /// Graphs of the iterations of a stage: the second one already has all arrays that any has.
    fn halves(&self) -> usize {
        if self.is_iterating() { 4 } else { 0 }
    }

    fn iterate(&mut self, b: &mut Builder<'_>, half: usize) {
        if let Some(solver) = &mut self.solver {
            solver.rehearse(b, half);
        }
    }

    fn on(&mut self, b: &mut Builder<'_>) {
        let facts = TransferFacts::ON_PAPER;
        match self.stage {
            Stage::New => self.look(b),
            Stage::Looking => self.looked(b, facts),
            Stage::Validating | Stage::Weighing => self.solve(b, 1.0, &facts),
            Stage::Trying => self.weigh_solution(b, Ended::Solved, &facts),
            Stage::Solving => self.finish(b, Ended::Solved),
            Stage::Ending => {}
        }
    }
}

/// The graph that is made.
pub fn on_paper(ids: &mut ArrayIds, make: impl FnOnce(&mut Builder<'_>)) -> Graph {
    let mut b = Builder::new(ids);
    make(&mut b);
    b.finish()
}
