//! The minor cycles of CLEAN, as tasks.

use super::{Clean, Found};
use crate::algorithm::{Cleaned, Cycle};
use crate::array::{Builder, Grid};
use crate::error::{Error, Result};
use crate::event::Key;
use crate::kernel::{JoinedCycle, Lines, MinorCycle};

impl Clean {
    /// The tasks of a minor cycle on all chunks: what they make, of each task one list a plane.
    pub(super) fn clean_chunks(&self, b: &mut Builder<'_>, cycle: Cycle, model: &Found) -> Result<Cleaned> {
        let found = self.found(model);
        if let Some(space) = &self.style.scales {
            // Their halos hold all that a component changes: there are no seams to move, and the chunks are large.
            return Ok(space.clean(b, &self.parts[0].residual, (&self.search, found), self.style.grid, cycle));
        }
        let grid = self.style.grid.shifted(cycle.quarters);
        let (chunks, weights) = self.search.chunks(b, &self.residuals(), grid, found);
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
        let patches = self.parts.iter().map(|part| part.patch.as_ref().map(|patch| patch.key(0)));
        let patches: Option<Vec<Key>> = patches.collect();
        let patches = patches.ok_or_else(|| Error::internal("CLEAN has not begun"))?;
        let lines = Lines::of(grid.core(k), grid.shape);
        let mut left = iterations;
        while left > 0 {
            let now = left.min(self.style.task_iterations).max(1);
            let kernel = MinorCycle {
                at: grid.outer(k),
                core: grid.core(k),
                psf: self.parts[0].seen,
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
            let (planes, key) = (self.parts.len() as u32, |chunk| Key { array, chunk });
            let picked = (!kernel.lines.is_empty()).then_some(key(planes + 2));
            let inputs = std::iter::once(residual).chain(patches.iter().copied()).chain(weights).collect();
            let outputs = (0..planes + 2).map(key).chain(picked).collect();
            match &self.parts[1..] {
                [] => b.task(kernel, inputs, outputs),
                others => {
                    let others = others.iter().map(|part| part.seen).collect();
                    b.task(JoinedCycle { cycle: kernel, others }, inputs, outputs);
                }
            }
            b.answer(key(planes + 1));
            cleaned.lists.extend((1..=planes).map(key));
            cleaned.picked.extend(picked.map(|picked| (lines.clone(), picked)));
            residual = key(0);
            left -= now;
        }
        Ok(())
    }
}
