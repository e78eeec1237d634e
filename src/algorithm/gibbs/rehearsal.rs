//! What the sampler would do, without any answers.

use super::{Gibbs, Stage};
use crate::algorithm::wiener::on_paper;
use crate::algorithm::{Algorithm, FilterFacts, Rehearsed};
use crate::array::{ArrayIds, Builder};
use crate::error::{Error, Result};
use crate::graph::Graph;

/// Iterations on paper: the second one has all arrays that any has. Each is two graphs.
const HALVES: usize = 4;

impl Gibbs {
    /// The graphs of the first solution, of two draws and of the end, and how it ends.
    pub(super) fn rehearsed(&self, ids: &mut ArrayIds) -> Result<Rehearsed> {
        let mut actor = self.clone();
        let (mut graphs, mut outcomes) = actor.first.rehearse(ids)?;
        let mut first = outcomes.pop().ok_or_else(|| Error::internal("a filter without a solution"))?;
        let strengths = actor.now;
        first.progress.filter = Some(FilterFacts { balance: 1.0, noise: Some(1.0), sky: Some(1.0), ..actor.known });
        actor.counting = true;
        let mut failed = Ok(());
        graphs.push(on_paper(ids, |b| failed = actor.begin(b, first).map(|_| ())));
        failed?;
        for draw in 0..2 {
            actor.solve_on_paper(ids, &mut graphs);
            graphs.push(on_paper(ids, |b| {
                actor.chain.draws.push(strengths);
                if draw == 0 { actor.draw(b) } else { actor.finish(b) }
            }));
        }
        actor.solve_on_paper(ids, &mut graphs);
        Ok((graphs, vec![actor.outcome()?]))
    }

    /// The iterations of a draw, or of the last solution, and what comes after them.
    fn solve_on_paper(&mut self, ids: &mut ArrayIds, graphs: &mut Vec<Graph>) {
        let Stage::Solving { last } = self.stage else { return };
        for half in 0..HALVES {
            graphs.push(on_paper(ids, |b| {
                if let Some(solver) = &mut self.solver {
                    solver.rehearse(b, half);
                }
            }));
        }
        graphs.push(on_paper(ids, |b| self.ended_on_paper(b, last)));
    }

    fn ended_on_paper(&mut self, b: &mut Builder<'_>, last: bool) {
        let Some(deviation) = self.solver.as_ref().and_then(|solver| solver.solution().cloned()) else { return };
        if last { self.add_up(b, &deviation) } else { self.tell(b, &deviation) }
    }
}
