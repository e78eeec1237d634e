//! CLEAN: minor cycles on chunks, an exact refresh of the whole plane after each, until [`Control`] ends it.
//!
//! The variants differ only in their [`Style`]: how the plane is cut, how much of the PSF a minor cycle sees, and how
//! deep a cycle goes before the refresh mends what the chunks could not see.

use super::{Algorithm, Control, Measured, Next, Outcome, Pace, Parameters, Plane, Progress, StopReason, Verdict};
use crate::array::{ArrayIds, Builder, ChunkedArray, Grid};
use crate::error::{Error, Result};
use crate::event::Key;
use crate::graph::Graph;
use crate::image::rect::Rect;
use crate::kernel::minor::{END, FORGOTTEN};
use crate::kernel::{CycleEnd, MergeComponents, MinorCycle, Payload, Scatter};

/// What makes a variant of CLEAN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// How the plane is cut for minor cycles.
    pub grid: Grid,
    /// The part of the PSF that a minor cycle sees, as offsets from its peak.
    pub patch: Rect,
    /// How far a cycle goes.
    pub pace: Pace,
    /// The most components (those in halos included) that one task finds: some tens of milliseconds of work.
    pub task_iterations: u64,
}

/// A CLEAN run on one plane.
#[derive(Debug, Clone)]
pub struct Clean {
    plane: Plane,
    style: Style,
    parameters: Parameters,
    control: Control,
    /// The part of the PSF that minor cycles see, in one chunk.
    patch: Option<ChunkedArray>,
    model: Option<Model>,
    best: Option<Model>,
    residual: ChunkedArray,
    stage: Stage,
}

/// A model and how many components are in it.
#[derive(Debug, Clone, PartialEq)]
struct Model {
    array: ChunkedArray,
    iterations: u64,
}

/// What the last tasks were for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    New,
    Measuring,
    Cleaning,
    RollingBack(StopReason),
}

impl Clean {
    /// Has not begun.
    pub fn new(plane: Plane, parameters: Parameters, style: Style) -> Clean {
        let residual = plane.dirty.clone();
        let control = Control::new(parameters, style.pace);
        let (patch, model, best, stage) = (None, None, None, Stage::New);
        Clean { plane, style, parameters, control, patch, model, best, residual, stage }
    }

    /// An empty model, whose residual is the dirty image, and the patch of the PSF.
    fn start(&mut self, b: &mut Builder<'_>) -> Next {
        let psf = self.plane.psf.part(&self.style.patch);
        let patch = ChunkedArray::from_fits(b, &psf, psf.from.rows);
        b.keep(patch.keys());
        self.patch = Some(patch);
        let array = ChunkedArray::fill(b, self.plane.dirty.grid(), 0.0);
        b.keep(array.keys());
        self.model = Some(Model { array, iterations: 0 });
        self.stage = Stage::Measuring;
        self.plane.measure(b, &self.residual)
    }

    /// A minor cycle on every chunk, the model with what they found, and its exact residual.
    fn cycle(&mut self, b: &mut Builder<'_>, level: f64, iterations: u64, divergence: f64) -> Result<Next> {
        let old = self.current()?;
        let chunks = self.residual.rechunk(b, self.style.grid, f32::NAN);
        let mut found = Vec::new();
        for k in 0..self.style.grid.len() {
            self.clean_chunk(b, (&chunks, k), (level, iterations, divergence), &mut found)?;
        }
        // The refresh makes a new residual; the dirty image is needed for that.
        if self.residual != self.plane.dirty {
            b.release(self.residual.keys());
        }
        let merged = b.new_array();
        let [list, count] = [0, 1].map(|chunk| Key { array: merged, chunk });
        b.answer(count);
        b.task(MergeComponents { most: iterations.min(u64::from(u32::MAX)) as u32 }, found, vec![list, count]);
        let array = scatter(b, &old.array, list);
        b.keep(array.keys());
        if self.best.as_ref() != Some(&old) {
            b.release(old.array.keys());
        }
        self.residual = self.plane.refresh(b, &array);
        self.model = Some(Model { array, iterations: old.iterations });
        self.stage = Stage::Cleaning;
        Ok(self.plane.measure(b, &self.residual))
    }

    /// The tasks of a minor cycle on one chunk, each going on from the one before: their lists of components.
    fn clean_chunk(
        &self,
        b: &mut Builder<'_>,
        (chunks, k): (&ChunkedArray, usize),
        (level, iterations, divergence): (f64, u64, f64),
        found: &mut Vec<Key>,
    ) -> Result<()> {
        let patch = self.patch.as_ref().ok_or_else(|| Error::internal("CLEAN has not begun"))?.key(0);
        let mut residual = chunks.key(k);
        let mut left = iterations;
        while left > 0 {
            let now = left.min(self.style.task_iterations).max(1);
            let kernel = MinorCycle {
                at: self.style.grid.outer(k),
                core: self.style.grid.core(k),
                psf: self.style.patch,
                gain: self.parameters.gain,
                level: level as f32,
                divergence: divergence as f32,
                max_iterations: now as u32,
            };
            let array = b.new_array();
            let [next, list, numbers] = [0, 1, 2].map(|chunk| Key { array, chunk });
            b.task(kernel, vec![residual, patch], vec![next, list, numbers]);
            b.answer(numbers);
            found.push(list);
            residual = next;
            left -= now;
        }
        Ok(())
    }

    /// Reads what the cycle's tasks said, and what was measured after them.
    fn cleaned(&mut self, b: &mut Builder<'_>, answers: &[Payload]) -> Result<Next> {
        let tasks = answers.len().saturating_sub(1 + Measured::ANSWERS);
        let (cycles, rest) = answers.split_at(tasks);
        let Some((Payload::Numbers(count), measured)) = rest.split_first() else {
            return Err(Error::internal("no minor cycle has run"));
        };
        let forgotten: f64 = cycles.iter().map(|numbers| numbers.numbers()[FORGOTTEN]).sum();
        self.control.cleaned(count[0] as u64, forgotten as u64);
        if let Some(model) = &mut self.model {
            model.iterations = self.control.progress().iterations;
        }
        let diverged = |numbers: &Payload| CycleEnd::from_code(numbers.numbers()[END]) == Some(CycleEnd::Diverged);
        if cycles.iter().any(diverged) {
            return self.roll_back(b, StopReason::Diverged);
        }
        self.measured(b, measured)
    }

    fn measured(&mut self, b: &mut Builder<'_>, answers: &[Payload]) -> Result<Next> {
        let measured = Measured::read(answers)?;
        let (verdict, best) = self.control.refreshed(&measured);
        let current = self.current()?;
        if best
            && let Some(old) = self.best.replace(current.clone())
            && old != current
        {
            b.release(old.array.keys());
        }
        match verdict {
            Verdict::Stop(reason) => Ok(self.stop(reason, current)),
            Verdict::RollBack(reason) if self.best.as_ref() == Some(&current) => Ok(self.stop(reason, current)),
            Verdict::RollBack(reason) => self.roll_back(b, reason),
            Verdict::Clean { level, iterations, divergence } => self.cycle(b, level, iterations, divergence),
        }
    }

    /// Makes the residual of the best model once more: it was not kept.
    fn roll_back(&mut self, b: &mut Builder<'_>, reason: StopReason) -> Result<Next> {
        let current = self.current()?;
        let best = self.best.clone().ok_or_else(|| Error::internal("there is no state to go back to"))?;
        if best != current {
            b.release(current.array.keys());
        }
        if self.residual != self.plane.dirty {
            b.release(self.residual.keys());
        }
        self.residual = self.plane.refresh(b, &best.array);
        self.model = Some(best);
        self.stage = Stage::RollingBack(reason);
        Ok(self.plane.measure(b, &self.residual))
    }

    fn stop(&self, reason: StopReason, model: Model) -> Next {
        Next::Stop(Outcome { reason, model: model.array, residual: self.residual.clone() })
    }

    fn current(&self) -> Result<Model> {
        self.model.clone().ok_or_else(|| Error::internal("CLEAN has not begun"))
    }
}

/// A model with the components of a list added.
fn scatter(b: &mut Builder<'_>, model: &ChunkedArray, components: Key) -> ChunkedArray {
    let made = ChunkedArray::from_keys(b.new_array(), model.grid());
    for k in 0..model.grid().len() {
        b.task(Scatter { at: model.grid().core(k) }, vec![model.key(k), components], vec![made.key(k)]);
    }
    made
}

impl Algorithm for Clean {
    fn advance(&mut self, b: &mut Builder<'_>, answers: Vec<Payload>) -> Result<Next> {
        match self.stage {
            Stage::New => Ok(self.start(b)),
            Stage::Measuring => self.measured(b, &answers),
            Stage::Cleaning => self.cleaned(b, &answers),
            Stage::RollingBack(reason) => {
                let model = self.current()?;
                self.control.rolled_back(&Measured::read(&answers)?, model.iterations);
                Ok(self.stop(reason, model))
            }
        }
    }

    fn progress(&self) -> Progress {
        self.control.progress()
    }

    fn grid(&self) -> Grid {
        self.style.grid
    }

    fn rehearse(&self, ids: &mut ArrayIds) -> Vec<Graph> {
        let mut actor = self.clone();
        let mut b = Builder::new(ids);
        actor.start(&mut b);
        let mut graphs = vec![b.finish()];
        actor.best = actor.model.clone();
        // Twice, so that the second refresh has a model that is not the best one.
        for _ in 0..2 {
            let mut b = Builder::new(ids);
            let iterations = self.style.pace.iterations.min(self.parameters.niter.max(1));
            if actor.cycle(&mut b, 0.0, iterations, 1.0).is_ok() {
                graphs.push(b.finish());
            }
        }
        let mut b = Builder::new(ids);
        if actor.roll_back(&mut b, StopReason::Diverged).is_ok() {
            graphs.push(b.finish());
        }
        graphs
    }
}
