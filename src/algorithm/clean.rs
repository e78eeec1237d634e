//! CLEAN: minor cycles on chunks, an exact refresh of the whole plane after each, until [`Control`] ends it.
//!
//! The variants differ only in their [`Style`]: how the plane is cut, how much of the PSF a minor cycle sees, and how
//! deep a cycle goes before the refresh mends what the chunks could not see.

mod cycles;
mod found;
mod rehearsal;

use self::found::Found;
use super::scales::{ScaleFacts, ScaleSpace};
use super::{
    Algorithm, Control, Cycle, Measured, Model, Next, Outcome, Pace, Parameters, Plane, Progress, Saved, SavedModel,
    Seams, Search, StopReason, Verdict,
};
use crate::array::{ArrayIds, Builder, ChunkedArray, Grid};
use crate::error::{Error, Result};
use crate::event::Key;
use crate::graph::Graph;
use crate::image::rect::Rect;
use crate::kernel::minor::{END, FORGOTTEN, KEPT};
use crate::kernel::{AddComponents, CycleEnd, MergeComponents, Payload, Scales};
use std::sync::Arc;

/// What makes a variant of CLEAN.
#[derive(Debug, Clone)]
pub struct Style {
    /// How the plane is cut for minor cycles.
    pub grid: Grid,
    /// The part of the PSF that a minor cycle sees, as offsets from its peak.
    pub patch: Rect,
    /// Components of several sizes; none: points.
    pub scales: Option<ScaleSpace>,
    /// How far a cycle goes.
    pub pace: Pace,
    /// The most components (those in halos included) that one task finds.
    pub task_iterations: u64,
}

/// A CLEAN run on one plane.
#[derive(Debug, Clone)]
pub struct Clean {
    plane: Plane,
    style: Style,
    parameters: Parameters,
    control: Control,
    search: Search,
    /// The part of the PSF that minor cycles of points see, in one chunk.
    patch: Option<ChunkedArray>,
    model: Option<Found>,
    best: Option<Found>,
    residual: ChunkedArray,
    stage: Stage,
    /// Where it goes on from, before it has begun; then where it stood after the last refresh.
    saved: Option<Saved>,
}

/// What the last tasks were for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    New,
    Starting,
    GoingInside,
    /// So many answers tell of seams.
    Cleaning(usize),
    /// To stop, or to try once more.
    RollingBack(Option<StopReason>),
}

impl Clean {
    /// Has not begun, or goes on from where it was saved.
    pub fn new(plane: Plane, parameters: Parameters, style: Style, saved: Option<Saved>) -> Clean {
        let residual = plane.dirty.clone();
        let control = Control::new(parameters, style.pace);
        let search = Search::new(&plane, &parameters, style.pace.pixels_a_component.is_some());
        let (patch, model, best, stage) = (None, None, None, Stage::New);
        Clean { plane, style, parameters, control, search, patch, model, best, residual, stage, saved }
    }

    /// The patch of the PSF and an empty model, whose residual is the dirty image; or the model that was saved, its
    /// residual, and the cycle that comes next.
    fn start(&mut self, b: &mut Builder<'_>) -> Result<Next> {
        let facts = self.patches(b);
        let Some(Saved { control, cycle, scales, model, best }) = self.saved.clone() else {
            facts.into_iter().for_each(|key| b.answer(key));
            self.model = Some(Found::given(b, &SavedModel::default()));
            self.stage = Stage::Starting;
            return self.measure(b);
        };
        self.control = control;
        let model = Found::given(b, &model);
        self.best = Some(best.map_or_else(|| model.clone(), |best| Found::given(b, &best)));
        // It was counted when it was made first.
        self.residual = self.refresh(b, &model);
        self.search.map_noise(b, &self.residual);
        if let Some(space) = &mut self.style.scales {
            space.go_on(b, scales, &self.residual);
        }
        self.model = Some(model);
        self.cycle(b, cycle)
    }

    /// The part of the PSF that minor cycles see; the keys of what is to be known of it.
    fn patches(&mut self, b: &mut Builder<'_>) -> Vec<Key> {
        if let Some(space) = &mut self.style.scales {
            return space.start(b, &self.plane.psf);
        }
        let psf = self.plane.psf.part(&self.style.patch);
        let patch = ChunkedArray::from_fits(b, &psf, psf.from.rows);
        b.keep(patch.keys());
        self.patch = Some(patch);
        Vec::new()
    }

    /// A minor cycle on every chunk, the model with what they found, and its exact residual.
    fn cycle(&mut self, b: &mut Builder<'_>, cycle: Cycle) -> Result<Next> {
        let old = self.current()?;
        let mut cleaned = self.clean_chunks(b, cycle, &old)?;
        let found = std::mem::take(&mut cleaned.lists);
        let merged = b.new_array();
        let [brightest, count] = [0, 1].map(|chunk| Key { array: merged, chunk });
        b.answer(count);
        let most = cycle.iterations.min(u64::from(u32::MAX)) as u32;
        b.task(MergeComponents { most, weights: self.facts().fluxes }, found, vec![brightest, count]);
        let pixels = self.style.grid.shape.0 * self.style.grid.shape.1;
        let most = self.parameters.niter.min((pixels * self.scales().pixels().len()) as u64);
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
        self.stage = Stage::Cleaning(cleaned.look_at_seams(b, &self.residual));
        self.measure(b)
    }

    /// Reads what the cycle's tasks said, and what was measured after them.
    fn cleaned(&mut self, b: &mut Builder<'_>, mut answers: Vec<Payload>, seams: usize) -> Result<Next> {
        let measured = answers.split_off(answers.len().saturating_sub(self.measured_answers()?));
        let seams = answers.split_off(answers.len().saturating_sub(seams));
        let (Some(Payload::Components(list)), Some(Payload::Numbers(count))) = (answers.pop(), answers.pop()) else {
            return Err(Error::internal("no minor cycle has run"));
        };
        let cycles = answers;
        let forgotten: f64 = cycles.iter().map(|numbers| numbers.numbers()[FORGOTTEN]).sum();
        let kept: f64 = cycles.iter().map(|numbers| numbers.numbers()[KEPT]).sum();
        self.control.cleaned(count[0] as u64, forgotten as u64);
        // Where more was found than is kept the chunks know of too much.
        self.control.found_seams((kept == count[0]).then(|| Seams::of(&seams)).flatten());
        if let Some(model) = &mut self.model {
            model.components = Arc::new(list);
            model.iterations = self.control.progress().iterations;
        }
        let ended = |end| cycles.iter().any(|numbers| CycleEnd::from_code(numbers.numbers()[END]) == Some(end));
        if ended(CycleEnd::Diverged) {
            self.control.chunk_diverged();
        }
        if ended(CycleEnd::Negative) {
            self.control.found_negative();
        }
        self.measured(b, &measured)
    }

    fn measured(&mut self, b: &mut Builder<'_>, answers: &[Payload]) -> Result<Next> {
        let measured = self.read(answers)?;
        let (verdict, is_best) = self.control.refreshed(&measured);
        let current = self.current()?;
        if is_best
            && let Some(old) = self.best.replace(current.clone())
            && old.list != current.list
        {
            b.release([old.list]);
        }
        self.follow(b, verdict)
    }

    /// Does what the verdict says.
    fn follow(&mut self, b: &mut Builder<'_>, verdict: Verdict) -> Result<Next> {
        let current = self.current()?;
        match verdict {
            Verdict::GoInside => {
                self.stage = Stage::GoingInside;
                self.measure(b)
            }
            Verdict::Stop(reason) => Ok(self.stop(b, reason, &current)),
            Verdict::RollBack(reason) if self.is_best(&current) => Ok(self.stop(b, reason, &current)),
            Verdict::RollBack(reason) => self.roll_back(b, Some(reason)),
            Verdict::TryAgain => self.roll_back(b, None),
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
        begun.then(|| Saved {
            control: self.control.clone(),
            cycle,
            scales: self.facts(),
            model: current.saved(),
            best,
        })
    }

    /// Makes the residual of the best model once more: it was not kept.
    fn roll_back(&mut self, b: &mut Builder<'_>, reason: Option<StopReason>) -> Result<Next> {
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
        self.measure(b)
    }

    /// Appends the exact residual of a model.
    fn refresh(&self, b: &mut Builder<'_>, model: &Found) -> ChunkedArray {
        let pixels = self.pixels(model).pixels(b);
        self.plane.refresh(b, &pixels)
    }

    fn measure(&mut self, b: &mut Builder<'_>) -> Result<Next> {
        let found = self.found(&self.current()?);
        self.search.measure(b, &self.residual, found);
        if let Some(space) = &mut self.style.scales {
            space.measure(b, &self.residual, &self.search, found);
        }
        Ok(Next::Run)
    }

    /// How many answers the measuring has.
    fn measured_answers(&self) -> Result<usize> {
        let found = self.found(&self.current()?);
        Ok(self.search.answers(found) + self.scales().pixels().len() - 1)
    }

    fn read(&self, answers: &[Payload]) -> Result<Measured> {
        let larger = self.scales().pixels().len() - 1;
        let (plane, scales) = answers.split_at(answers.len().saturating_sub(larger));
        let measured = Measured::read(plane)?;
        let score = self.facts().highest(&measured.search, scales);
        Ok(Measured { score, ..measured })
    }

    /// The components to whose places the search is kept, if it is: no others have been found since.
    fn found(&self, model: &Found) -> Option<Key> {
        self.control.is_inside().then_some(model.list)
    }

    /// Says that the residual that is kept may go; the dirty image is needed for the next one.
    fn release_residual(&self, b: &mut Builder<'_>) {
        if self.residual != self.plane.dirty {
            b.release(self.residual.keys());
        }
        self.release_scales(b);
    }

    fn release_scales(&self, b: &mut Builder<'_>) {
        if let Some(space) = &self.style.scales {
            b.release(space.residual_keys());
        }
    }

    fn facts(&self) -> ScaleFacts {
        self.style.scales.as_ref().map_or(ScaleFacts::POINTS, ScaleSpace::facts)
    }

    fn scales(&self) -> Scales {
        self.style.scales.as_ref().map_or(Scales::POINTS, ScaleSpace::scales)
    }

    fn pixels(&self, model: &Found) -> Model {
        let (grid, entries) = (self.plane.dirty.grid(), model.components.len());
        Model::Components { list: model.list, scales: self.scales(), grid, entries }
    }

    fn stop(&self, b: &mut Builder<'_>, reason: StopReason, model: &Found) -> Next {
        self.release_scales(b);
        Next::Stop(Box::new(self.outcome(reason, model)))
    }

    fn outcome(&self, reason: StopReason, model: &Found) -> Outcome {
        let allowed = self.search.allowed(self.found(model));
        let masked = self.parameters.auto_mask.is_some() || self.plane.mask.is_some();
        let (mask, components) = (masked.then_some(allowed), Some(model.components.clone()));
        Outcome { reason, model: self.pixels(model), mask, residual: self.residual.clone(), components }
    }

    fn is_best(&self, model: &Found) -> bool {
        self.best.as_ref().is_some_and(|best| best.list == model.list)
    }

    fn current(&self) -> Result<Found> {
        self.model.clone().ok_or_else(|| Error::internal("CLEAN has not begun"))
    }
}

impl Algorithm for Clean {
    fn advance(&mut self, b: &mut Builder<'_>, answers: Vec<Payload>) -> Result<Next> {
        match self.stage {
            Stage::New => self.start(b),
            Stage::Starting => {
                let (facts, measured) = answers.split_at(answers.len().saturating_sub(self.measured_answers()?));
                if let Some(space) = &mut self.style.scales {
                    self.control.set_depth(space.learn(facts)?);
                }
                self.measured(b, measured)
            }
            Stage::GoingInside => {
                let verdict = self.control.gone_inside(&self.read(&answers)?);
                self.follow(b, verdict)
            }
            Stage::Cleaning(seams) => self.cleaned(b, answers, seams),
            Stage::RollingBack(reason) => {
                let (model, measured) = (self.current()?, self.read(&answers)?);
                let Some(reason) = reason else {
                    let verdict = self.control.tries_again(&measured, model.iterations);
                    return self.follow(b, verdict);
                };
                self.control.rolled_back(&measured, model.iterations);
                Ok(self.stop(b, reason, &model))
            }
        }
    }

    fn hurry(&mut self) {
        self.control.hurry();
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
        self.rehearsed(ids)
    }
}
