//! The client that takes one plane from its dirty image to its products.

use super::checkpoint::PlaneState;
use super::components::Place;
use super::keeper::Keeper;
use super::outputs::Products;
use super::plan::{PlanePlan, beam_reach};
use crate::algorithm::{Algorithm, Method, Model, Next, Outcome, Parameters, Plane, Progress, Saved, StopReason};
use crate::array::{ArrayIds, Builder, ChunkedArray, Convolution, Grid, Source};
use crate::error::{Error, Result};
use crate::event::{Events, What};
use crate::graph::Graph;
use crate::image::Image;
use crate::image::checksum;
use crate::kernel::{Payload, Scales};
use crate::schedule::{Client, forecast};
use serde::{Deserialize, Serialize};

/// What came of a plane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaneResult {
    /// Where the algorithm ended.
    pub progress: Progress,
    /// How it cut the plane.
    pub grid: Grid,
    /// Why.
    pub reason: StopReason,
    /// Sum of the model, in the dirty image's unit × pixel (Jy).
    pub model_flux: f64,
    /// Seconds from the plane's begin to its end.
    pub seconds: f64,
    /// The ones'-complement sums of the pixels written to each product.
    pub sums: Vec<u32>,
    /// Where its components are until all planes are done, if they are to be listed.
    pub components: Option<Place>,
}

/// One plane of a job.
pub struct PlaneJob<'a> {
    index: usize,
    plan: &'a PlanePlan,
    dirty: &'a Image,
    products: &'a Products,
    method: Method,
    parameters: Parameters,
    events: &'a Events,
    keeper: &'a Keeper,
    ids: ArrayIds,
    stage: Stage,
    began: f64,
    time_limit: Option<f64>,
    /// The result, once the client is done.
    pub result: Option<PlaneResult>,
}

enum Stage {
    New,
    /// A model is to be subtracted before it starts, from nothing or from where it was.
    Prepared(Box<Plane>, Option<Box<Saved>>),
    Running(Box<dyn Algorithm>, Box<Plane>),
    Finishing(Progress, StopReason, Grid, Option<Place>),
}

/// How a method cuts a plane of the dirty image.
pub fn grid(dirty: &Image, plan: &PlanePlan, (method, parameters): (Method, Parameters)) -> Grid {
    let mut ids = ArrayIds::of_client(0);
    let plane = prepare(&mut Builder::new(&mut ids), dirty, 0, plan);
    method.start(plane, parameters, None).grid()
}

/// Reads the dirty image and its mask, and transforms the PSF, for later graphs.
pub fn prepare(b: &mut Builder<'_>, dirty: &Image, index: usize, plan: &PlanePlan) -> Plane {
    let source = Source::plane(dirty, index);
    let dirty = ChunkedArray::from_fits(b, &source, plan.padding.image_strip(dirty.shape()));
    let psf = plan.psf.clone();
    let convolution = Convolution::of_psf(b, &psf.source(), &psf.reach, plan.padding);
    b.keep(dirty.keys());
    b.keep(convolution.keys());
    let mask = plan.masks.as_ref().map(|masks| masks.plane(b, index, dirty.grid()));
    mask.iter().for_each(|mask| b.keep(mask.keys()));
    let noise_boxes = plan.noise_box.map(|side| Grid::new(dirty.grid().shape, (side, side)));
    Plane { dirty, convolution, psf, mask, noise_boxes }
}

/// Where a model is started from, what that leaves of the dirty image takes its place: to clean the one is to clean the other,
/// and the model never is in memory as a whole. In a graph of its own: together with the PSF's transform it would take more.
pub fn subtract_model(b: &mut Builder<'_>, plan: &PlanePlan, plane: &mut Plane) {
    if let Some(model) = starting_model(b, plan, plane) {
        let left = plane.refresh(b, &model);
        b.keep(left.keys());
        b.release(plane.dirty.keys());
        plane.dirty = left;
    }
}

/// Reads the model that a plane starts from, on the strips of the dirty image; anew with every call.
fn starting_model(b: &mut Builder<'_>, plan: &PlanePlan, plane: &Plane) -> Option<ChunkedArray> {
    plan.model.as_ref().map(|model| read_model(b, model, plane.dirty.grid().chunk.0))
}

/// Reads a plane of a model, on strips of so many rows.
pub fn read_model(b: &mut Builder<'_>, (image, index): &(Image, usize), rows: usize) -> ChunkedArray {
    let source = Source { zero_blanks: true, ..Source::plane(image, *index) };
    ChunkedArray::from_fits(b, &source, rows)
}

/// What a plane started from and what was found, in one; made anew with every call, as by [`Model::pixels`].
fn whole_model(b: &mut Builder<'_>, plan: &PlanePlan, plane: &Plane, found: &Model) -> ChunkedArray {
    let pixels = found.pixels(b);
    match starting_model(b, plan, plane) {
        Some(model) => model.combine(b, 1.0, &pixels, 1.0),
        None => pixels,
    }
}

/// Measures the model and restores the image: model, residual, restored image, and the mask if there is one.
fn restore(b: &mut Builder<'_>, plan: &PlanePlan, plane: &Plane, outcome: &Outcome) -> Vec<ChunkedArray> {
    let Outcome { model, residual, mask, .. } = outcome;
    if *residual != plane.dirty {
        b.release(plane.dirty.keys());
    }
    let flux = whole_model(b, plan, plane, model).stats(b, None);
    b.answer(flux);
    let (reach, (rows, cols)) = (beam_reach(plan.covariance), residual.grid().shape);
    let touched = (2 * reach + 1).pow(2);
    let written = whole_model(b, plan, plane, model);
    let restored = match model {
        Model::Components { list, entries, scales, .. }
            if plan.model.is_none()
                && *scales == Scales::POINTS
                && entries.saturating_mul(touched) < PAINTED * rows * cols =>
        {
            residual.restore_components(b, *list, plan.covariance, reach)
        }
        _ => {
            let convolved = whole_model(b, plan, plane, model);
            plane.convolution.restore(b, &convolved, plan.covariance).combine(b, 1.0, residual, 1.0)
        }
    };
    let mask = mask.as_ref().map(|mask| mask.pixels(b, plane.dirty.grid(), None));
    [written, residual.clone(), restored].into_iter().chain(mask).collect()
}

/// Components are convolved with the restoring beam one by one where that touches fewer pixels than this many times the
/// plane has; else by a transform, which takes about as long then.
const PAINTED: usize = 16;

/// Every kind of graph that a plane will submit, in an order in which they could run. What would be written is looked
/// at instead: that needs as much, and no file.
pub fn rehearse(
    dirty: &Image,
    index: usize,
    plan: &PlanePlan,
    (method, parameters): (Method, Parameters),
) -> Vec<Graph> {
    let mut ids = ArrayIds::of_client(0);
    let mut b = Builder::new(&mut ids);
    let mut plane = prepare(&mut b, dirty, index, plan);
    let mut graphs = vec![b.finish()];
    if plan.model.is_some() {
        let mut b = Builder::new(&mut ids);
        subtract_model(&mut b, plan, &mut plane);
        graphs.push(b.finish());
    }
    // What has not begun can be rehearsed.
    if let Ok((rehearsed, outcome)) = method.start(plane.clone(), parameters, None).rehearse(&mut ids) {
        graphs.extend(rehearsed);
        let mut b = Builder::new(&mut ids);
        for array in restore(&mut b, plan, &plane, &outcome) {
            array.extremes(&mut b).into_iter().for_each(|key| b.answer(key));
        }
        graphs.push(b.finish());
    }
    graphs
}

/// Does a method hold a plane in one chunk?
pub fn is_whole(method: Method) -> bool {
    method == Method::Hogbom
}

impl<'a> PlaneJob<'a> {
    /// Has not begun; goes on from what the keeper knows of it.
    pub fn new(
        index: usize,
        plan: &'a PlanePlan,
        dirty: &'a Image,
        products: &'a Products,
        (method, parameters): (Method, Parameters),
        (keeper, events): (&'a Keeper, &'a Events),
    ) -> PlaneJob<'a> {
        let ids = ArrayIds::of_client(index);
        let (stage, began) = (Stage::New, 0.0);
        let (time_limit, result) = (None, None);
        PlaneJob {
            index,
            plan,
            dirty,
            products,
            method,
            parameters,
            events,
            keeper,
            ids,
            stage,
            began,
            time_limit,
            result,
        }
    }

    /// No more cleaning so many seconds after the begin of the run.
    pub fn until(self, time_limit: Option<f64>) -> PlaneJob<'a> {
        PlaneJob { time_limit, ..self }
    }

    /// Restores the image and writes the products.
    fn finish(&self, b: &mut Builder<'_>, plane: &Plane, outcome: &Outcome) {
        let arrays = restore(b, self.plan, plane, outcome);
        for (array, product) in arrays.iter().zip(self.products.all()) {
            array.to_fits(b, product, self.index);
        }
    }

    fn start(&mut self) -> Option<Graph> {
        self.began = self.events.seconds();
        let name = self.plan.label.name.clone();
        self.events.tell(What::PlaneStarted { plane: self.index, planes: self.dirty.planes(), name });
        let saved = match self.keeper.state(self.index) {
            PlaneState::New => None,
            PlaneState::Running(saved) => Some(saved),
            PlaneState::Done(result) => {
                self.events.tell(What::PlaneFinished { plane: self.index, reason: result.reason.to_string() });
                self.result = Some(result);
                return None;
            }
        };
        let mut b = Builder::new(&mut self.ids);
        let plane = Box::new(prepare(&mut b, self.dirty, self.index, self.plan));
        let graph = b.finish();
        self.stage = match self.plan.model {
            Some(_) => Stage::Prepared(plane, saved),
            None => self.ready(plane, saved),
        };
        Some(graph)
    }

    fn ready(&self, plane: Box<Plane>, saved: Option<Box<Saved>>) -> Stage {
        Stage::Running(self.method.start((*plane).clone(), self.parameters, saved.map(|saved| *saved)), plane)
    }

    fn subtract(&mut self, mut plane: Box<Plane>, saved: Option<Box<Saved>>) -> Graph {
        let mut b = Builder::new(&mut self.ids);
        subtract_model(&mut b, self.plan, &mut plane);
        let graph = b.finish();
        self.stage = self.ready(plane, saved);
        graph
    }

    fn run(&mut self, mut algorithm: Box<dyn Algorithm>, plane: Box<Plane>, answers: Vec<Payload>) -> Result<Graph> {
        let before = algorithm.progress();
        let mut ids = self.ids.clone();
        let mut b = Builder::new(&mut ids);
        if self.time_limit.is_some_and(|limit| self.events.seconds() >= limit) {
            algorithm.hurry();
        }
        let next = algorithm.advance(&mut b, answers)?;
        let progress = algorithm.progress();
        if progress.careful && !before.careful {
            let text = "CLEAN went wrong; it goes on from its best state with less gain and shallower cycles";
            self.events.note(Some(self.index), text);
        }
        self.stage = match next {
            Next::Run => {
                if progress.refreshes > before.refreshes {
                    self.tell(&progress);
                    if let Some(saved) = algorithm.save() {
                        self.keeper.refreshed(self.index, saved, self.events);
                    }
                }
                Stage::Running(algorithm, plane)
            }
            Next::Stop(outcome) => {
                self.tell(&progress);
                self.finish(&mut b, &plane, &outcome);
                let found = outcome.components.as_deref();
                let listed = self.products.components().zip(found).map(|(spool, found)| spool.append(found));
                Stage::Finishing(progress, outcome.reason, algorithm.grid(), listed.transpose()?)
            }
        };
        let graph = b.finish();
        self.ids = ids;
        Ok(graph)
    }

    fn tell(&self, progress: &Progress) {
        let Progress { iterations, first_peak, peak, rms, level, .. } = *progress;
        let niter = self.parameters.niter;
        self.events.tell(What::Refreshed { plane: self.index, iterations, niter, first_peak, peak, rms, level });
    }

    fn conclude(
        &mut self,
        (progress, reason, grid): (Progress, StopReason, Grid),
        components: Option<Place>,
        answers: &[Payload],
    ) -> Result<()> {
        let Some((Payload::Stats(model), sums)) = answers.split_first() else {
            return Err(Error::internal("the model was not measured"));
        };
        let products = self.products.all().len();
        let chunks = sums.len() / products;
        let total = |product: usize| {
            let sums = sums[product * chunks..(product + 1) * chunks].iter();
            sums.fold(0, |total, sum| checksum::add(total, sum.numbers()[0] as u32))
        };
        let seconds = self.events.seconds() - self.began;
        let sums = (0..products).map(total).collect();
        let result = PlaneResult { progress, grid, reason, model_flux: model.sum, seconds, sums, components };
        self.keeper.done(self.index, result.clone(), self.events);
        self.result = Some(result);
        self.events.tell(What::PlaneFinished { plane: self.index, reason: reason.to_string() });
        Ok(())
    }
}

impl Client for PlaneJob<'_> {
    fn peak_bytes(&self, workers: usize) -> usize {
        match self.keeper.state(self.index) {
            PlaneState::Done(_) => 0,
            _ => {
                let work = (self.method, self.parameters);
                forecast(&rehearse(self.dirty, self.index, self.plan, work), workers).peak_bytes
            }
        }
    }

    fn advance(&mut self, answers: Vec<Payload>) -> Result<Option<Graph>> {
        match std::mem::replace(&mut self.stage, Stage::New) {
            Stage::New => Ok(self.start()),
            Stage::Prepared(plane, saved) => Ok(Some(self.subtract(plane, saved))),
            Stage::Running(algorithm, plane) => self.run(algorithm, plane, answers).map(Some),
            Stage::Finishing(progress, reason, grid, components) => {
                self.conclude((progress, reason, grid), components, &answers).map(|()| None)
            }
        }
    }
}
