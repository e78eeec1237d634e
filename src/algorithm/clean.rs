//! CLEAN: minor cycles on chunks, an exact refresh of the whole plane after each, until [`Control`] ends it.
//!
//! The variants differ only in their [`Style`]: how the plane is cut, how much of the PSF a minor cycle sees, and how
//! deep a cycle goes before the refresh mends what the chunks could not see.

mod cycles;
mod found;
mod part;
mod rehearsal;

use self::found::Found;
use self::part::Part;
use super::scales::{ScaleFacts, ScaleSpace};
use super::{
    Algorithm, Control, Cycle, Measured, Model, Next, Outcome, Pace, Parameters, Plane, Progress, Rehearsed, Saved,
    SavedModel, Seams, Search, StopReason, Verdict,
};
use crate::array::{ArrayIds, Builder, ChunkedArray, Grid};
use crate::error::{Error, Result};
use crate::event::Key;
use crate::image::rect::Rect;
use crate::kernel::minor::{END, FORGOTTEN, KEPT};
use crate::kernel::{AddComponents, CycleEnd, MergeComponents, Payload, Scales};
use std::sync::Arc;

/// What makes a variant of CLEAN.
#[derive(Debug, Clone)]
pub struct Style {
    /// How the plane is cut for minor cycles.
    pub grid: Grid,
    /// For each plane the part of its PSF that a minor cycle sees, as offsets from the peak.
    pub patches: Vec<Rect>,
    /// Components of several sizes; none: points.
    pub scales: Option<ScaleSpace>,
    /// How far a cycle goes.
    pub pace: Pace,
    /// The most components (those in halos included) that one task finds in a plane.
    pub task_iterations: u64,
}

/// A CLEAN run on one plane, or on planes that are cleaned as one: then what is looked for and compared with levels is the root of the
/// sum of squares over them, and at a place each gets a component of its own.
#[derive(Debug, Clone)]
pub struct Clean {
    /// The planes; at least one.
    parts: Vec<Part>,
    style: Style,
    parameters: Parameters,
    control: Control,
    search: Search,
    model: Option<Found>,
    best: Option<Found>,
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
    pub fn new(planes: Vec<Plane>, parameters: Parameters, style: Style, saved: Option<Saved>) -> Clean {
        let control = Control::new(parameters, style.pace);
        let search = Search::new(&planes[0], &parameters, style.pace.pixels_a_component.is_some());
        let parts = planes.into_iter().zip(&style.patches).map(|(plane, seen)| Part::new(plane, *seen)).collect();
        let (model, best, stage) = (None, None, Stage::New);
        Clean { parts, style, parameters, control, search, model, best, stage, saved }
    }

    /// The patch of the PSF and an empty model, whose residual is the dirty image; or the model that was saved, its
    /// residual, and the cycle that comes next.
    fn start(&mut self, b: &mut Builder<'_>) -> Result<Next> {
        let facts = self.patches(b);
        let Some(Saved { control, cycle, scales, model, best }) = self.saved.clone() else {
            facts.into_iter().for_each(|key| b.answer(key));
            self.model = Some(Found::given(b, &SavedModel::empty(self.parts.len())));
            self.stage = Stage::Starting;
            return self.measure(b);
        };
        self.control = control;
        let model = Found::given(b, &model);
        self.best = Some(best.map_or_else(|| model.clone(), |best| Found::given(b, &best)));
        // It was counted when it was made first.
        self.refresh(b, &model);
        self.search.map_noise(b, &self.parts[0].residual);
        if let Some(space) = &mut self.style.scales {
            space.go_on(b, scales, &self.parts[0].residual);
        }
        self.model = Some(model);
        self.cycle(b, cycle)
    }

    /// The part of the PSF that minor cycles see; the keys of what is to be known of it.
    fn patches(&mut self, b: &mut Builder<'_>) -> Vec<Key> {
        if let Some(space) = &mut self.style.scales {
            return space.start(b, &self.parts[0].plane.psf);
        }
        self.parts.iter_mut().for_each(|part| part.keep_patch(b));
        Vec::new()
    }

    /// A minor cycle on every chunk, the model with what they found, and its exact residual.
    fn cycle(&mut self, b: &mut Builder<'_>, cycle: Cycle) -> Result<Next> {
        let old = self.current()?;
        let mut cleaned = self.clean_chunks(b, cycle, &old)?;
        let found = std::mem::take(&mut cleaned.lists);
        let (planes, array) = (self.parts.len(), b.new_array());
        let merged: Vec<Key> = (0..=planes as u32).map(|chunk| Key { array, chunk }).collect();
        b.answer(merged[planes]);
        let most = cycle.iterations.min(u64::from(u32::MAX)) as u32;
        b.task(MergeComponents { most, weights: self.facts().fluxes, planes }, found, merged.clone());
        let pixels = self.style.grid.shape.0 * self.style.grid.shape.1;
        let most = self.parameters.niter.min((pixels * self.scales().pixels().len()) as u64);
        let both = old.lists.iter().zip(&merged);
        let lists: Vec<Key> = both.map(|(old, new)| b.single(AddComponents { most }, vec![*old, *new])).collect();
        b.keep(lists.iter().copied());
        lists.iter().for_each(|list| b.answer(*list));
        if !self.is_best(&old) {
            b.release(old.lists);
        }
        let model = Found { lists, components: vec![Arc::default(); planes], iterations: old.iterations };
        self.refresh(b, &model);
        self.keep_residuals(b);
        self.model = Some(model);
        self.stage = Stage::Cleaning(cleaned.look_at_seams(b, &self.residuals()));
        self.measure(b)
    }

    /// Reads what the cycle's tasks said, and what was measured after them.
    fn cleaned(&mut self, b: &mut Builder<'_>, mut answers: Vec<Payload>, seams: usize) -> Result<Next> {
        let measured = answers.split_off(answers.len().saturating_sub(self.measured_answers()?));
        let seams = answers.split_off(answers.len().saturating_sub(seams));
        let not_run = || Error::internal("no minor cycle has run");
        let lists = answers.split_off(answers.len().saturating_sub(self.parts.len()));
        let Some(Payload::Numbers(count)) = answers.pop() else { return Err(not_run()) };
        let list = |answer| if let Payload::Components(list) = answer { Some(Arc::new(list)) } else { None };
        let components = lists.into_iter().map(list).collect::<Option<_>>().ok_or_else(not_run)?;
        let cycles = answers;
        let forgotten: f64 = cycles.iter().map(|numbers| numbers.numbers()[FORGOTTEN]).sum();
        let kept: f64 = cycles.iter().map(|numbers| numbers.numbers()[KEPT]).sum();
        self.control.cleaned(count[0] as u64, forgotten as u64);
        // Where more was found than is kept the chunks know of too much.
        self.control.found_seams((kept == count[0]).then(|| Seams::of(&seams)).flatten());
        if let Some(model) = &mut self.model {
            model.components = components;
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
            && old.lists != current.lists
        {
            b.release(old.lists);
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
                self.release_residuals(b);
                self.cycle(b, cycle)
            }
        }
    }

    /// Where it stands after a refresh; nothing if there was none yet.
    fn standing(&self, current: &Found, cycle: Cycle) -> Option<Saved> {
        let best = self.best.as_ref().filter(|best| best.lists != current.lists).map(Found::saved);
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
            b.release(current.lists);
        }
        self.release_residuals(b);
        self.refresh(b, &best);
        self.keep_residuals(b);
        self.model = Some(best);
        self.stage = Stage::RollingBack(reason);
        self.measure(b)
    }

    /// Appends the exact residual of a model, in each plane with its own PSF.
    fn refresh(&mut self, b: &mut Builder<'_>, model: &Found) {
        for i in 0..self.parts.len() {
            let pixels = self.pixels(i, model).pixels(b);
            self.parts[i].residual = self.parts[i].plane.refresh(b, &pixels);
        }
    }

    fn residuals(&self) -> Vec<&ChunkedArray> {
        self.parts.iter().map(|part| &part.residual).collect()
    }

    fn keep_residuals(&self, b: &mut Builder<'_>) {
        self.parts.iter().for_each(|part| b.keep(part.residual.keys()));
    }

    fn measure(&mut self, b: &mut Builder<'_>) -> Result<Next> {
        let found = self.found(&self.current()?);
        let residuals: Vec<&ChunkedArray> = self.parts.iter().map(|part| &part.residual).collect();
        self.search.measure(b, &residuals, found);
        if let Some(space) = &mut self.style.scales {
            space.measure(b, residuals[0], &self.search, found);
        }
        Ok(Next::Run)
    }

    /// How many answers the measuring has.
    fn measured_answers(&self) -> Result<usize> {
        let found = self.found(&self.current()?);
        Ok(self.search.answers(self.parts.len(), found) + self.scales().pixels().len() - 1)
    }

    fn read(&self, answers: &[Payload]) -> Result<Measured> {
        let larger = self.scales().pixels().len() - 1;
        let (plane, scales) = answers.split_at(answers.len().saturating_sub(larger));
        let measured = Measured::read_planes(plane, self.parts.len())?;
        let score = self.facts().highest(&measured.search, scales);
        Ok(Measured { score, ..measured })
    }

    /// The components to whose places the search is kept, if it is: no others have been found since. All planes have the same.
    fn found(&self, model: &Found) -> Option<Key> {
        self.control.is_inside().then_some(model.lists[0])
    }

    /// Says that the residuals that are kept may go.
    fn release_residuals(&self, b: &mut Builder<'_>) {
        self.parts.iter().for_each(|part| part.release_residual(b));
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

    /// What a model has of a plane.
    fn pixels(&self, plane: usize, model: &Found) -> Model {
        let (grid, entries) = (self.parts[plane].plane.dirty.grid(), model.components[plane].len());
        Model::Components { list: model.lists[plane], scales: self.scales(), grid, entries }
    }

    fn stop(&self, b: &mut Builder<'_>, reason: StopReason, model: &Found) -> Next {
        self.release_scales(b);
        Next::Stop(self.outcomes(reason, model))
    }

    fn outcomes(&self, reason: StopReason, model: &Found) -> Vec<Outcome> {
        let masked = self.parameters.auto_mask.is_some() || self.parts[0].plane.mask.is_some();
        let outcome = |(i, part): (usize, &Part)| Outcome {
            reason,
            progress: self.control.progress_of(i),
            model: self.pixels(i, model),
            mask: masked.then(|| self.search.allowed(self.found(model))),
            residual: part.residual.clone(),
            components: Some(model.components[i].clone()),
            posterior: None,
        };
        self.parts.iter().enumerate().map(outcome).collect()
    }

    fn is_best(&self, model: &Found) -> bool {
        self.best.as_ref().is_some_and(|best| best.lists == model.lists)
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

    fn rehearse(&self, ids: &mut ArrayIds) -> Result<Rehearsed> {
        self.rehearsed(ids)
    }
}
