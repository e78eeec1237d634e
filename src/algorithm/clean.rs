//! CLEAN: minor cycles on chunks, an exact refresh of the whole plane after each, until [`Control`] ends it.
//!
//! The variants differ only in their [`Style`]: how the plane is cut, how much of the PSF a minor cycle sees, and how
//! deep a cycle goes before the refresh mends what the chunks could not see.

use super::{
    Algorithm, Control, Cycle, Measured, Model, Next, Outcome, Pace, Parameters, Plane, Progress, Saved, SavedModel,
    StopReason, Verdict,
};
use crate::array::{ArrayIds, Builder, ChunkedArray, Grid};
use crate::error::{Error, Result};
use crate::event::Key;
use crate::graph::Graph;
use crate::image::rect::Rect;
use crate::kernel::minor::{END, FORGOTTEN};
use crate::kernel::{AddComponents, Component, CycleEnd, MergeComponents, MinorCycle, Payload};
use std::sync::Arc;

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
    model: Option<Found>,
    best: Option<Found>,
    residual: ChunkedArray,
    stage: Stage,
    /// Where it goes on from, before it has begun; then where it stood after the last refresh.
    saved: Option<Saved>,
}

/// A model: its list of components in the store, and what is known of it here.
#[derive(Debug, Clone)]
struct Found {
    list: Key,
    /// The list itself, once it has been told.
    components: Arc<Vec<Component>>,
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
    /// Has not begun, or goes on from where it was saved.
    pub fn new(plane: Plane, parameters: Parameters, style: Style, saved: Option<Saved>) -> Clean {
        let residual = plane.dirty.clone();
        let control = Control::new(parameters, style.pace);
        let (patch, model, best, stage) = (None, None, None, Stage::New);
        Clean { plane, style, parameters, control, patch, model, best, residual, stage, saved }
    }

    /// The patch of the PSF and an empty model, whose residual is the dirty image; or the model that was saved, its
    /// residual, and the cycle that comes next.
    fn start(&mut self, b: &mut Builder<'_>) -> Result<Next> {
        let psf = self.plane.psf.part(&self.style.patch);
        let patch = ChunkedArray::from_fits(b, &psf, psf.from.rows);
        b.keep(patch.keys());
        self.patch = Some(patch);
        let Some(Saved { control, cycle, model, best }) = self.saved.clone() else {
            self.model = Some(Found::given(b, &SavedModel::default()));
            self.stage = Stage::Measuring;
            return Ok(self.measure(b));
        };
        self.control = control;
        let model = Found::given(b, &model);
        self.best = Some(best.map_or_else(|| model.clone(), |best| Found::given(b, &best)));
        // It was counted when it was made first.
        self.residual = self.refresh(b, &model);
        self.model = Some(model);
        self.cycle(b, cycle)
    }

    /// A minor cycle on every chunk, the model with what they found, and its exact residual.
    fn cycle(&mut self, b: &mut Builder<'_>, cycle: Cycle) -> Result<Next> {
        let old = self.current()?;
        let chunks = self.residual.rechunk(b, self.style.grid, f32::NAN);
        let mut found = Vec::new();
        for k in 0..self.style.grid.len() {
            self.clean_chunk(b, (&chunks, k), cycle, &mut found)?;
        }
        let merged = b.new_array();
        let [brightest, count] = [0, 1].map(|chunk| Key { array: merged, chunk });
        b.answer(count);
        let most = cycle.iterations.min(u64::from(u32::MAX)) as u32;
        b.task(MergeComponents { most }, found, vec![brightest, count]);
        let pixels = self.style.grid.shape.0 * self.style.grid.shape.1;
        let most = self.parameters.niter.min(pixels as u64);
        let list = b.single(AddComponents { most }, vec![old.list, brightest]);
        b.keep([list]);
        b.answer(list);
        if self.best.as_ref().is_none_or(|best| best.list != old.list) {
            b.release([old.list]);
        }
        let model = Found { list, components: Arc::default(), iterations: old.iterations };
        self.residual = self.refresh(b, &model);
        b.keep(self.residual.keys());
        self.model = Some(model);
        self.stage = Stage::Cleaning;
        Ok(self.measure(b))
    }

    /// The tasks of a minor cycle on one chunk, each going on from the one before: their lists of components.
    fn clean_chunk(
        &self,
        b: &mut Builder<'_>,
        (chunks, k): (&ChunkedArray, usize),
        Cycle { level, iterations, divergence }: Cycle,
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
    fn cleaned(&mut self, b: &mut Builder<'_>, mut answers: Vec<Payload>) -> Result<Next> {
        let measured = answers.split_off(answers.len().saturating_sub(1 + usize::from(self.needs_noise())));
        let (Some(Payload::Components(list)), Some(Payload::Numbers(count))) = (answers.pop(), answers.pop()) else {
            return Err(Error::internal("no minor cycle has run"));
        };
        let cycles = answers;
        let forgotten: f64 = cycles.iter().map(|numbers| numbers.numbers()[FORGOTTEN]).sum();
        self.control.cleaned(count[0] as u64, forgotten as u64);
        if let Some(model) = &mut self.model {
            model.components = Arc::new(list);
            model.iterations = self.control.progress().iterations;
        }
        let diverged = |numbers: &Payload| CycleEnd::from_code(numbers.numbers()[END]) == Some(CycleEnd::Diverged);
        if cycles.iter().any(diverged) {
            return self.roll_back(b, StopReason::Diverged);
        }
        self.measured(b, &measured)
    }

    fn measured(&mut self, b: &mut Builder<'_>, answers: &[Payload]) -> Result<Next> {
        let measured = Measured::read(answers)?;
        let (verdict, is_best) = self.control.refreshed(&measured);
        let current = self.current()?;
        if is_best
            && let Some(old) = self.best.replace(current.clone())
            && old.list != current.list
        {
            b.release([old.list]);
        }
        match verdict {
            Verdict::Stop(reason) => Ok(self.stop(reason, &current)),
            Verdict::RollBack(reason) if self.is_best(&current) => Ok(self.stop(reason, &current)),
            Verdict::RollBack(reason) => self.roll_back(b, reason),
            Verdict::Clean(cycle) => {
                self.saved = self.standing(&current, cycle);
                self.release_residual(b);
                self.cycle(b, cycle)
            }
        }
    }

    /// Where it stands after a refresh; nothing if there was none yet.
    fn standing(&self, current: &Found, cycle: Cycle) -> Option<Saved> {
        let best = self.best.as_ref().filter(|best| best.list != current.list).map(Found::saved);
        let begun = self.control.progress().refreshes > 0;
        begun.then(|| Saved { control: self.control.clone(), cycle, model: current.saved(), best })
    }

    /// Makes the residual of the best model once more: it was not kept.
    fn roll_back(&mut self, b: &mut Builder<'_>, reason: StopReason) -> Result<Next> {
        let current = self.current()?;
        let best = self.best.clone().ok_or_else(|| Error::internal("there is no state to go back to"))?;
        if !self.is_best(&current) {
            b.release([current.list]);
        }
        self.release_residual(b);
        self.residual = self.refresh(b, &best);
        b.keep(self.residual.keys());
        self.model = Some(best);
        self.stage = Stage::RollingBack(reason);
        Ok(self.measure(b))
    }

    /// Appends the exact residual of a model.
    fn refresh(&self, b: &mut Builder<'_>, model: &Found) -> ChunkedArray {
        let pixels = self.pixels(model).pixels(b);
        self.plane.refresh(b, &pixels)
    }

    fn measure(&self, b: &mut Builder<'_>) -> Next {
        self.plane.measure(b, &self.residual, self.needs_noise())
    }

    /// Is the noise among what decides when to stop?
    fn needs_noise(&self) -> bool {
        self.parameters.nsigma > 0.0
    }

    /// Says that the residual that is kept may go; the dirty image is needed for the next one.
    fn release_residual(&self, b: &mut Builder<'_>) {
        if self.residual != self.plane.dirty {
            b.release(self.residual.keys());
        }
    }

    fn pixels(&self, model: &Found) -> Model {
        Model::Components { list: model.list, grid: self.plane.dirty.grid() }
    }

    fn stop(&self, reason: StopReason, model: &Found) -> Next {
        Next::Stop(self.outcome(reason, model))
    }

    fn outcome(&self, reason: StopReason, model: &Found) -> Outcome {
        let components = Some(model.components.clone());
        Outcome { reason, model: self.pixels(model), residual: self.residual.clone(), components }
    }

    fn is_best(&self, model: &Found) -> bool {
        self.best.as_ref().is_some_and(|best| best.list == model.list)
    }

    fn current(&self) -> Result<Found> {
        self.model.clone().ok_or_else(|| Error::internal("CLEAN has not begun"))
    }
}

impl Found {
    /// A model that comes with the graph.
    fn given(b: &mut Builder<'_>, model: &SavedModel) -> Found {
        let SavedModel { components, iterations } = model.clone();
        Found { list: b.give(components.to_vec()), components, iterations }
    }

    fn saved(&self) -> SavedModel {
        SavedModel { components: self.components.clone(), iterations: self.iterations }
    }
}

impl Algorithm for Clean {
    fn advance(&mut self, b: &mut Builder<'_>, answers: Vec<Payload>) -> Result<Next> {
        match self.stage {
            Stage::New => self.start(b),
            Stage::Measuring => self.measured(b, &answers),
            Stage::Cleaning => self.cleaned(b, answers),
            Stage::RollingBack(reason) => {
                let model = self.current()?;
                self.control.rolled_back(&Measured::read(&answers)?, model.iterations);
                Ok(self.stop(reason, &model))
            }
        }
    }

    fn progress(&self) -> Progress {
        self.control.progress()
    }

    fn grid(&self) -> Grid {
        self.style.grid
    }

    fn save(&self) -> Option<Saved> {
        self.saved.clone()
    }

    fn rehearse(&self, ids: &mut ArrayIds) -> Result<(Vec<Graph>, Outcome)> {
        let mut actor = self.clone();
        let mut b = Builder::new(ids);
        actor.start(&mut b)?;
        let mut graphs = vec![b.finish()];
        actor.best = actor.model.clone();
        // Twice, so that the second refresh has a model that is not the best one.
        for _ in 0..2 {
            let mut b = Builder::new(ids);
            let iterations = self.style.pace.iterations.min(self.parameters.niter.max(1));
            actor.release_residual(&mut b);
            actor.cycle(&mut b, Cycle { level: 0.0, iterations, divergence: 1.0 })?;
            graphs.push(b.finish());
        }
        let mut b = Builder::new(ids);
        actor.roll_back(&mut b, StopReason::Diverged)?;
        graphs.push(b.finish());
        let outcome = actor.outcome(StopReason::Diverged, &actor.current()?);
        Ok((graphs, outcome))
    }
}
