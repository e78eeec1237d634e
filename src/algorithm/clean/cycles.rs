//! The minor cycles of CLEAN, as tasks.

use super::{Clean, Found};
use crate::algorithm::Cycle;
use crate::array::Builder;
use crate::error::{Error, Result};
use crate::event::Key;
use crate::kernel::{JoinedCycle, MinorCycle};

impl Clean {
    /// The tasks of a minor cycle on all chunks: their lists of components, of each task one a plane.
    pub(super) fn clean_chunks(&self, b: &mut Builder<'_>, cycle: Cycle, model: &Found) -> Result<Vec<Key>> {
        let (grid, found) = (self.style.grid, self.found(model));
        if let Some(space) = &self.style.scales {
            return Ok(space.clean(b, &self.parts[0].residual, (&self.search, found), grid, cycle));
        }
        let (chunks, weights) = self.search.chunks(b, &self.residuals(), grid, found);
        let mut lists = Vec::new();
        for k in 0..grid.len() {
            let weights = weights.as_ref().map(|weights| weights.key(k));
            self.clean_chunk(b, k, (chunks.key(k), weights), cycle, &mut lists)?;
        }
        Ok(lists)
    }

    /// The tasks of a minor cycle on one chunk, each going on from the one before: their lists of components.
    fn clean_chunk(
        &self,
        b: &mut Builder<'_>,
        k: usize,
        (mut residual, weights): (Key, Option<Key>),
        Cycle { level, iterations, divergence, gain }: Cycle,
        found: &mut Vec<Key>,
    ) -> Result<()> {
        let patches = self.parts.iter().map(|part| part.patch.as_ref().map(|patch| patch.key(0)));
        let patches: Option<Vec<Key>> = patches.collect();
        let patches = patches.ok_or_else(|| Error::internal("CLEAN has not begun"))?;
        let mut left = iterations;
        while left > 0 {
            let now = left.min(self.style.task_iterations).max(1);
            let kernel = MinorCycle {
                at: self.style.grid.outer(k),
                core: self.style.grid.core(k),
                psf: self.parts[0].seen,
                gain,
                level: level as f32,
                divergence: divergence as f32,
                signs: self.parameters.signs,
                max_iterations: now as u32,
                // After the last one it is made anew, exactly.
                keeps_residual: left > now,
            };
            let array = b.new_array();
            let (planes, key) = (self.parts.len() as u32, |chunk| Key { array, chunk });
            let inputs = std::iter::once(residual).chain(patches.iter().copied()).chain(weights).collect();
            let outputs = (0..planes + 2).map(key).collect();
            match &self.parts[1..] {
                [] => b.task(kernel, inputs, outputs),
                others => {
                    let others = others.iter().map(|part| part.seen).collect();
                    b.task(JoinedCycle { cycle: kernel, others }, inputs, outputs);
                }
            }
            b.answer(key(planes + 1));
            found.extend((1..=planes).map(key));
            residual = key(0);
            left -= now;
        }
        Ok(())
    }
}
