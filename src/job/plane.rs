//! The client that takes a plane, or planes that are cleaned as one, from the dirty image to the products.

use super::components::Place;
use super::group;
use super::keeper::{Keeper, Standing};
use super::outputs::Products;
use super::plan::PlanePlan;
use super::shelf::{SECONDS, Shelf, Shelved};
use super::steps::{ids, prepare, rehearse, restore, subtract_model};
use crate::algorithm::{Algorithm, Chain, Held, Method, Next, Outcome, Parameters, Plane, Progress, Saved, StopReason};
use crate::array::{ArrayIds, Builder, Grid};
use crate::error::{Error, Result};
use crate::event::{Events, What};
use crate::graph::Graph;
use crate::image::Image;
use crate::image::checksum;
use crate::kernel::Payload;
use crate::schedule::{Client, Forecast, forecast};
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
    /// The strengths of noise and sky that were drawn, if any were.
    pub chain: Option<Chain>,
    /// The device that worked on it, if one did.
    pub device: Option<String>,
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
    shelf: Shelf,
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
    /// What lies on the shelf is to be read.
    Recalling(Vec<Plane>, Box<Shelved>),
    /// It is being put on the shelf, since so many seconds after the begin; then the algorithm gets its answers.
    Holding(Box<dyn Algorithm>, Vec<Plane>, Vec<Payload>, Held, f64),
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
    chain: Option<Chain>,
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
        let ids = ids(client, &group, plans);
        let shelf = Shelf::new(keeper.path(), group[0]);
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
            shelf,
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
            Standing::From(saved) => Ok(saved),
            Standing::Held(shelved) => Err(shelved),
            Standing::Done(results) => {
                self.events.tell(What::PlaneFinished { plane, reason: results[0].reason.to_string() });
                self.results = self.group.iter().copied().zip(results).collect();
                return None;
            }
        };
        self.careful =
            saved.as_ref().ok().and_then(Option::as_ref).is_some_and(|saved| saved.control.progress().careful);
        let mut b = Builder::new(&mut self.ids);
        let planes = prepare(&mut b, self.dirty, &self.group, self.plans);
        let graph = b.finish();
        let has_model = self.plans().any(|plan| plan.model.is_some());
        self.stage = match saved {
            Err(shelved) => Stage::Recalling(planes, shelved),
            Ok(saved) if has_model => Stage::Prepared(planes, saved),
            Ok(saved) => self.ready(planes, saved),
        };
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

    /// Goes on from what lies on the shelf, or begins if that is not whole.
    fn recall(&mut self, planes: Vec<Plane>, shelved: &Shelved) -> Result<Graph> {
        let mut algorithm = self.method.start(planes.clone(), self.parameters, None);
        let mut ids = self.ids.clone();
        let mut b = Builder::new(&mut ids);
        let Some(held) = self.shelf.read(&mut b, shelved, planes[0].dirty.grid().chunk.0) else {
            self.events.note(Some(self.group[0]), "its state is not whole: it begins anew");
            return self.proceed(algorithm, planes, Vec::new());
        };
        algorithm.go_on(held)?;
        let graph = b.finish();
        self.ids = ids;
        self.stage = Stage::Running(algorithm, planes);
        Ok(graph)
    }

    /// Where the algorithm could go on from here another day, and it is time for that, puts its state on the shelf first.
    fn run(&mut self, algorithm: Box<dyn Algorithm>, planes: Vec<Plane>, answers: Vec<Payload>) -> Result<Graph> {
        let due = |held: &Held| self.keeper.is_due(SECONDS * Shelf::bytes(held) as f64, self.events);
        let Some(held) = algorithm.hold(&answers).filter(due) else { return self.proceed(algorithm, planes, answers) };
        let mut b = Builder::new(&mut self.ids);
        if self.shelf.write(&mut b, &held).is_err() {
            // No room for it is no reason to end the run.
            return self.proceed(algorithm, planes, answers);
        }
        let graph = b.finish();
        self.stage = Stage::Holding(algorithm, planes, answers, held, self.events.seconds());
        Ok(graph)
    }

    /// A state lies on the shelf.
    fn held(&mut self, held: Held, sums: &[Payload], since: f64) -> Result<()> {
        let shelved = self.shelf.written(held, sums)?;
        if self.keeper.held(self.group[0], shelved, self.events.seconds() - since, self.events) {
            self.shelf.leave();
        }
        Ok(())
    }

    fn proceed(
        &mut self,
        mut algorithm: Box<dyn Algorithm>,
        planes: Vec<Plane>,
        answers: Vec<Payload>,
    ) -> Result<Graph> {
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
                if progress.refreshes > before.refreshes || !self.method.is_clean() && progress != before {
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
        let Outcome { progress, reason, components, posterior, .. } = outcome;
        let chain = posterior.map(|posterior| posterior.chain);
        let listed = self.products.components().zip(components.as_deref()).map(|(spool, found)| spool.append(found));
        Ok(Ended { progress, joined, reason, components: listed.transpose()?, notes: Vec::new(), chain })
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
        self.shelf.clear();
        self.events.tell(What::PlaneFinished { plane: self.group[0], reason });
        Ok(())
    }

    fn result(&self, ended: Ended, grid: Grid, answers: &[Payload]) -> Result<PlaneResult> {
        let Some((Payload::Stats(model), sums)) = answers.split_first() else {
            return Err(Error::internal("the model was not measured"));
        };
        let Ended { progress, joined, reason, components, notes, chain } = ended;
        let products = self.products.all().len();
        let chunks = sums.len() / products;
        let total = |product: usize| {
            let sums = sums[product * chunks..(product + 1) * chunks].iter();
            sums.fold(0, |total, sum| checksum::add(total, sum.numbers()[0] as u32))
        };
        let seconds = self.events.seconds() - self.began;
        let sums = (0..products).map(total).collect();
        Ok(PlaneResult {
            progress,
            joined,
            grid,
            reason,
            model_flux: model.sum,
            seconds,
            sums,
            components,
            notes,
            chain,
            device: self.plans().next().and_then(|plan| plan.device.as_ref()).map(|device| device.name.clone()),
        })
    }

    /// What its graphs will need with so many workers; nothing if it is done.
    fn forecast(&self, workers: usize) -> Forecast {
        match self.keeper.state(&self.group) {
            Standing::Done(_) => Forecast::default(),
            Standing::Held(_) | Standing::From(_) => {
                let work = (self.method, self.parameters);
                forecast(&rehearse(self.dirty, &self.group, self.plans, work), workers)
            }
        }
    }
}

impl Client for PlaneJob<'_> {
    fn peak_bytes(&self, workers: usize) -> usize {
        self.forecast(workers).peak_bytes
    }

    fn device_bytes(&self) -> usize {
        let has_device = self.plans().any(|plan| plan.device.is_some());
        if has_device { self.forecast(1).device_bytes } else { 0 }
    }

    fn advance(&mut self, answers: Vec<Payload>) -> Result<Option<Graph>> {
        match std::mem::replace(&mut self.stage, Stage::New) {
            Stage::New => Ok(self.start()),
            Stage::Prepared(planes, saved) => Ok(Some(self.subtract(planes, saved))),
            Stage::Recalling(planes, shelved) => self.recall(planes, &shelved).map(Some),
            Stage::Holding(algorithm, planes, waiting, held, since) => {
                self.held(held, &answers, since)?;
                self.proceed(algorithm, planes, waiting).map(Some)
            }
            Stage::Running(algorithm, planes) => self.run(algorithm, planes, answers).map(Some),
            Stage::Finishing(ended, grid) => self.conclude(ended, grid, &answers).map(|()| None),
        }
    }
}
