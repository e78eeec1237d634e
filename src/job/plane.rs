//! The client that takes a plane, or planes that are cleaned as one, from the dirty image to the products.

use super::components::Place;
use super::group;
use super::keeper::{Keeper, Standing};
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
    /// Where the algorithm ended; peaks and rms are of the plane alone.
    pub progress: Progress,
    /// The same of all planes together that it was cleaned with as one, if with any: of the root of the sum of squares over them.
    pub joined: Option<Progress>,
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
    /// What the user should know of it.
    pub notes: Vec<String>,
}

/// A plane of a job, or planes that are cleaned as one.
pub struct PlaneJob<'a> {
    /// Its planes; at least one.
    group: Vec<usize>,
    /// Those of all planes of the job.
    plans: &'a [PlanePlan],
    /// Of how many clients it is one.
    clients: usize,
    dirty: &'a Image,
    products: &'a Products,
    method: Method,
    parameters: Parameters,
    events: &'a Events,
    keeper: &'a Keeper,
    ids: ArrayIds,
    stage: Stage,
    /// Is it known that CLEAN went wrong once?
    careful: bool,
    began: f64,
    time_limit: Option<f64>,
    /// The planes with what came of them, once the client is done.
    pub results: Vec<(usize, PlaneResult)>,
}

enum Stage {
    New,
    /// A model is to be subtracted before it starts, from nothing or from where it was.
    Prepared(Vec<Plane>, Option<Box<Saved>>),
    Running(Box<dyn Algorithm>, Vec<Plane>),
    Finishing(Vec<Ended>, Grid),
}

/// What the algorithm left of a plane.
struct Ended {
    progress: Progress,
    joined: Option<Progress>,
    reason: StopReason,
    components: Option<Place>,
    notes: Vec<String>,
}

/// How a method cuts a plane of the dirty image.
pub fn grid(dirty: &Image, plan: &PlanePlan, (method, parameters): (Method, Parameters)) -> Grid {
    let mut ids = ArrayIds::of_client(0);
    let planes = prepare(&mut Builder::new(&mut ids), dirty, &[0], std::slice::from_ref(plan));
    method.start(planes, parameters, None).grid()
}

/// Reads planes of the dirty image that are worked on as one, and their mask, and transforms the PSFs, for later graphs.
fn prepare(b: &mut Builder<'_>, dirty: &Image, group: &[usize], plans: &[PlanePlan]) -> Vec<Plane> {
    // On the same strips, whatever their frames are: they are looked at together.
    let strips = group.iter().map(|&plane| plans[plane].padding.image_strip(dirty.shape()));
    let strip = strips.min().unwrap_or(1);
    let mut planes: Vec<Plane> =
        group.iter().map(|&plane| prepare_plane(b, dirty, (plane, strip), &plans[plane])).collect();
    if let Some(masks) = &plans[group[0]].masks {
        let mask = masks.planes(b, group, planes[0].dirty.grid());
        b.keep(mask.keys());
        planes.iter_mut().for_each(|plane| plane.mask = Some(mask.clone()));
    }
    planes
}

/// Reads a plane of the dirty image on strips of so many rows, and transforms its PSF; without a mask.
pub fn prepare_plane(b: &mut Builder<'_>, dirty: &Image, (index, strip): (usize, usize), plan: &PlanePlan) -> Plane {
    let dirty = ChunkedArray::from_fits(b, &Source::plane(dirty, index), strip);
    let psf = plan.psf.clone();
    let convolution = Convolution::of_psf(b, &psf.source(), &psf.reach, plan.padding);
    b.keep(dirty.keys());
    b.keep(convolution.keys());
    let noise_boxes = plan.noise_box.map(|side| Grid::new(dirty.grid().shape, (side, side)));
    Plane { dirty, convolution, psf, mask: None, noise_boxes }
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

/// Every kind of graph that planes that are worked on as one will submit, in an order in which they could run. What would be written is looked
/// at instead: that needs as much, and no file.
pub fn rehearse(
    dirty: &Image,
    group: &[usize],
    plans: &[PlanePlan],
    (method, parameters): (Method, Parameters),
) -> Vec<Graph> {
    let mut ids = ArrayIds::of_client(0);
    let mut b = Builder::new(&mut ids);
    let mut planes = prepare(&mut b, dirty, group, plans);
    let mut graphs = vec![b.finish()];
    let plans = || group.iter().map(|&plane| &plans[plane]);
    if plans().any(|plan| plan.model.is_some()) {
        let mut b = Builder::new(&mut ids);
        plans().zip(&mut planes).for_each(|(plan, plane)| subtract_model(&mut b, plan, plane));
        graphs.push(b.finish());
    }
    // What has not begun can be rehearsed.
    if let Ok((rehearsed, outcomes)) = method.start(planes.clone(), parameters, None).rehearse(&mut ids) {
        graphs.extend(rehearsed);
        let mut b = Builder::new(&mut ids);
        for ((plan, plane), outcome) in plans().zip(&planes).zip(&outcomes) {
            for array in restore(&mut b, plan, plane, outcome) {
                array.extremes(&mut b).into_iter().for_each(|key| b.answer(key));
            }
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
    /// The `client` of so many `clients`, which has not begun; goes on from what the keeper knows of its planes.
    pub fn new(
        (client, clients): (usize, usize),
        (group, plans): (Vec<usize>, &'a [PlanePlan]),
        dirty: &'a Image,
        products: &'a Products,
        (method, parameters): (Method, Parameters),
        (keeper, events): (&'a Keeper, &'a Events),
    ) -> PlaneJob<'a> {
        let ids = ArrayIds::of_client(client);
        PlaneJob {
            group,
            plans,
            clients,
            dirty,
            products,
            method,
            parameters,
            events,
            keeper,
            ids,
            stage: Stage::New,
            careful: false,
            began: 0.0,
            time_limit: None,
            results: Vec::new(),
        }
    }

    /// No more cleaning so many seconds after the begin of the run.
    pub fn until(self, time_limit: Option<f64>) -> PlaneJob<'a> {
        PlaneJob { time_limit, ..self }
    }

    /// What will be done with its planes.
    fn plans(&self) -> impl Iterator<Item = &'a PlanePlan> {
        let plans = self.plans;
        self.group.iter().map(|&plane| &plans[plane])
    }

    /// Restores the images and writes the products.
    fn finish(&self, b: &mut Builder<'_>, planes: &[Plane], outcomes: &[Outcome]) {
        for (i, (plan, plane)) in self.plans().zip(planes).enumerate() {
            let arrays = restore(b, plan, plane, &outcomes[i]);
            for (array, product) in arrays.iter().zip(self.products.all()) {
                array.to_fits(b, product, self.group[i]);
            }
        }
    }

    fn start(&mut self) -> Option<Graph> {
        self.began = self.events.seconds();
        let (plane, name) = (self.group[0], group::name(&self.group, self.plans));
        self.events.tell(What::PlaneStarted { plane, planes: self.clients, name });
        let saved = match self.keeper.state(&self.group) {
            Standing::From(saved) => saved,
            Standing::Done(results) => {
                self.events.tell(What::PlaneFinished { plane, reason: results[0].reason.to_string() });
                self.results = self.group.iter().copied().zip(results).collect();
                return None;
            }
        };
        self.careful = saved.as_ref().is_some_and(|saved| saved.control.progress().careful);
        let mut b = Builder::new(&mut self.ids);
        let planes = prepare(&mut b, self.dirty, &self.group, self.plans);
        let graph = b.finish();
        let has_model = self.plans().any(|plan| plan.model.is_some());
        self.stage = if has_model { Stage::Prepared(planes, saved) } else { self.ready(planes, saved) };
        Some(graph)
    }

    fn ready(&self, planes: Vec<Plane>, saved: Option<Box<Saved>>) -> Stage {
        Stage::Running(self.method.start(planes.clone(), self.parameters, saved.map(|saved| *saved)), planes)
    }

    fn subtract(&mut self, mut planes: Vec<Plane>, saved: Option<Box<Saved>>) -> Graph {
        let plans = self.plans().collect::<Vec<_>>();
        let mut b = Builder::new(&mut self.ids);
        plans.iter().zip(&mut planes).for_each(|(plan, plane)| subtract_model(&mut b, plan, plane));
        let graph = b.finish();
        self.stage = self.ready(planes, saved);
        graph
    }

    fn run(&mut self, mut algorithm: Box<dyn Algorithm>, planes: Vec<Plane>, answers: Vec<Payload>) -> Result<Graph> {
        let before = algorithm.progress();
        let mut ids = self.ids.clone();
        let mut b = Builder::new(&mut ids);
        if self.time_limit.is_some_and(|limit| self.events.seconds() >= limit) {
            algorithm.hurry();
        }
        let next = algorithm.advance(&mut b, answers)?;
        let progress = algorithm.progress();
        if progress.careful && !std::mem::replace(&mut self.careful, progress.careful) {
            let text = "CLEAN went wrong; it goes on with less gain and shallower cycles";
            self.events.note(Some(self.group[0]), text);
        }
        self.stage = match next {
            Next::Run => {
                if progress.refreshes > before.refreshes {
                    self.tell(&progress);
                    if let Some(saved) = algorithm.save() {
                        self.keeper.refreshed(&self.group, saved, self.events);
                    }
                }
                Stage::Running(algorithm, planes)
            }
            Next::Stop(outcomes) => {
                self.tell(&progress);
                self.finish(&mut b, &planes, &outcomes);
                let joined = (outcomes.len() > 1).then_some(progress);
                let mut ended: Vec<Ended> =
                    outcomes.into_iter().map(|outcome| self.ended(outcome, joined)).collect::<Result<_>>()?;
                ended[0].notes = algorithm.notes();
                Stage::Finishing(ended, algorithm.grid())
            }
        };
        let graph = b.finish();
        self.ids = ids;
        Ok(graph)
    }

    /// What is left of a plane once its products are on their way; its components are put where they are until all planes are done.
    fn ended(&self, outcome: Outcome, joined: Option<Progress>) -> Result<Ended> {
        let Outcome { progress, reason, components, .. } = outcome;
        let listed = self.products.components().zip(components.as_deref()).map(|(spool, found)| spool.append(found));
        Ok(Ended { progress, joined, reason, components: listed.transpose()?, notes: Vec::new() })
    }

    fn tell(&self, progress: &Progress) {
        let Progress { iterations, first_peak, peak, rms, level, .. } = *progress;
        let niter = self.method.most_iterations(&self.parameters);
        self.events.tell(What::Refreshed { plane: self.group[0], iterations, niter, first_peak, peak, rms, level });
    }

    fn conclude(&mut self, ended: Vec<Ended>, grid: Grid, answers: &[Payload]) -> Result<()> {
        let reason = ended[0].reason.to_string();
        let results = ended.into_iter().zip(answers.chunks(answers.len() / self.group.len()));
        let results = results.map(|(ended, answers)| self.result(ended, grid, answers)).collect::<Result<Vec<_>>>()?;
        self.results = self.group.iter().copied().zip(results).collect();
        self.keeper.done(&self.results, self.events);
        self.events.tell(What::PlaneFinished { plane: self.group[0], reason });
        Ok(())
    }

    fn result(&self, ended: Ended, grid: Grid, answers: &[Payload]) -> Result<PlaneResult> {
        let Some((Payload::Stats(model), sums)) = answers.split_first() else {
            return Err(Error::internal("the model was not measured"));
        };
        let Ended { progress, joined, reason, components, notes } = ended;
        let products = self.products.all().len();
        let chunks = sums.len() / products;
        let total = |product: usize| {
            let sums = sums[product * chunks..(product + 1) * chunks].iter();
            sums.fold(0, |total, sum| checksum::add(total, sum.numbers()[0] as u32))
        };
        let seconds = self.events.seconds() - self.began;
        let sums = (0..products).map(total).collect();
        Ok(PlaneResult { progress, joined, grid, reason, model_flux: model.sum, seconds, sums, components, notes })
    }
}

impl Client for PlaneJob<'_> {
    fn peak_bytes(&self, workers: usize) -> usize {
        match self.keeper.state(&self.group) {
            Standing::Done(_) => 0,
            Standing::From(_) => {
                let work = (self.method, self.parameters);
                forecast(&rehearse(self.dirty, &self.group, self.plans, work), workers).peak_bytes
            }
        }
    }

    fn advance(&mut self, answers: Vec<Payload>) -> Result<Option<Graph>> {
        match std::mem::replace(&mut self.stage, Stage::New) {
            Stage::New => Ok(self.start()),
            Stage::Prepared(planes, saved) => Ok(Some(self.subtract(planes, saved))),
            Stage::Running(algorithm, planes) => self.run(algorithm, planes, answers).map(Some),
            Stage::Finishing(ended, grid) => self.conclude(ended, grid, &answers).map(|()| None),
        }
    }
}
