//! The minor cycles of CLEAN, as tasks.

use super::{Clean, Found};
use crate::algorithm::{Cleaned, Cycle};
use crate::array::{Builder, Grid};
use crate::error::{Error, Result};
use crate::event::Key;
use crate::kernel::{Lines, MinorCycle};

impl Clean {
    /// The tasks of a minor cycle on all chunks: what they make.
    pub(super) fn clean_chunks(&self, b: &mut Builder<'_>, cycle: Cycle, model: &Found) -> Result<Cleaned> {
        let found = self.found(model);
        if let Some(space) = &self.style.scales {
            // Their halos hold all that a component changes: there are no seams to move, and the chunks are large.
            return Ok(space.clean(b, &self.residual, (&self.search, found), self.style.grid, cycle));
        }
        let grid = self.style.grid.shifted(cycle.quarters);
        let (chunks, weights) = self.search.chunks(b, &self.residual, grid, found);
        let mut cleaned = Cleaned::default();
        for k in 0..grid.len() {
            let weights = weights.as_ref().map(|weights| weights.key(k));
            self.clean_chunk(b, (grid, k), (chunks.key(k), weights), cycle, &mut cleaned)?;
        }
        Ok(cleaned)
    }

    /// The tasks of a minor cycle on one chunk, each going on from the one before.
    fn clean_chunk(
        &self,
        b: &mut Builder<'_>,
        (grid, k): (Grid, usize),
        (mut residual, weights): (Key, Option<Key>),
        Cycle { level, iterations, divergence, gain, .. }: Cycle,
        cleaned: &mut Cleaned,
    ) -> Result<()> {
        let patch = self.patch.as_ref().ok_or_else(|| Error::internal("CLEAN has not begun"))?.key(0);
        let lines = Lines::of(grid.core(k), grid.shape);
        let mut left = iterations;
        while left > 0 {
            let now = left.min(self.style.task_iterations).max(1);
            let kernel = MinorCycle {
                at: grid.outer(k),
                core: grid.core(k),
                psf: self.style.patch,
                gain,
                level: level as f32,
                divergence: divergence as f32,
                signs: self.parameters.signs,
                max_iterations: now as u32,
                // After the last one it is made anew, exactly.
                keeps_residual: left > now,
                lines: if left > now { Lines::default() } else { lines.clone() },
            };
            let array = b.new_array();
            let [next, list, numbers, picked] = [0, 1, 2, 3].map(|chunk| Key { array, chunk });
            let inputs = [residual, patch].into_iter().chain(weights).collect();
            let watched = (!kernel.lines.is_empty()).then_some(picked);
            b.task(kernel, inputs, [next, list, numbers].into_iter().chain(watched).collect());
            b.answer(numbers);
            cleaned.lists.push(list);
            cleaned.picked.extend(watched.map(|picked| (lines.clone(), picked)));
            residual = next;
            left -= now;
        }
        Ok(())
    }
}
