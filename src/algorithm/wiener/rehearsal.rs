//! What a filter would do, without any answers.

use super::{Stage, WienerFilter};
use crate::algorithm::filter::TransferFacts;
use crate::algorithm::solver::Ended;
use crate::array::{ArrayIds, Builder};
use crate::graph::Graph;

/// The graph that is made.
pub fn on_paper(ids: &mut ArrayIds, make: impl FnOnce(&mut Builder<'_>)) -> Graph {
    let mut b = Builder::new(ids);
    make(&mut b);
    b.finish()
}

impl WienerFilter {
    /// The graphs of the stage that it is at; then it is at the next one.
    pub(in crate::algorithm) fn rehearse_stage(&mut self, ids: &mut ArrayIds, graphs: &mut Vec<Graph>) {
        for half in 0..self.halves() {
            graphs.push(on_paper(ids, |b| self.iterate(b, half)));
        }
        graphs.push(on_paper(ids, |b| self.on(b)));
    }

    /// Graphs of the iterations of a stage: the second one already has all arrays that any has.
    fn halves(&self) -> usize {
        if self.is_iterating() { 4 } else { 0 }
    }

    /// One of the graphs of an iteration.
    pub(in crate::algorithm) fn iterate(&mut self, b: &mut Builder<'_>, half: usize) {
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
