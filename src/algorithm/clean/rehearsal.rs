//! The graphs of a CLEAN run, on paper.

use super::Clean;
use crate::algorithm::control::QUARTERS;
use crate::algorithm::{Cycle, Model, Rehearsed, StopReason};
use crate::array::{ArrayIds, Builder};
use crate::error::Result;

impl Clean {
    /// See [`crate::algorithm::Algorithm::rehearse`].
    pub(super) fn rehearsed(&self, ids: &mut ArrayIds) -> Result<Rehearsed> {
        let mut actor = self.clone();
        let mut b = Builder::new(ids);
        actor.start(&mut b)?;
        let mut graphs = vec![b.finish()];
        actor.best = actor.model.clone();
        // Twice, so that the second refresh has a model that is not the best one; and once more inside an automatic mask.
        for n in 0..2 + usize::from(self.parameters.auto_mask.is_some()) {
            if n == 2 {
                actor.control.go_inside();
            }
            let mut b = Builder::new(ids);
            let iterations = self.style.pace.iterations.min(self.parameters.niter.max(1));
            actor.release_residuals(&mut b);
            // Shifted grids have chunks of other sizes, but together they take as much.
            let quarters = QUARTERS[n.min(1)];
            actor.cycle(&mut b, Cycle { level: 0.0, iterations, divergence: 1.0, gain: 1.0, quarters })?;
            graphs.push(b.finish());
        }
        let mut b = Builder::new(ids);
        actor.roll_back(&mut b, None)?;
        graphs.push(b.finish());
        let mut outcomes = actor.outcomes(StopReason::Diverged, &actor.current()?);
        for outcome in &mut outcomes {
            if let Model::Components { entries, .. } = &mut outcome.model {
                *entries = usize::MAX;
            }
        }
        Ok((graphs, outcomes))
    }
}
