//! The client that takes one plane from its dirty image to its products.

use super::outputs::Products;
use super::plan::PlanePlan;
use crate::algorithm::{Algorithm, Method, Next, Outcome, Parameters, Plane, Progress, StopReason};
use crate::array::{ArrayIds, Builder, ChunkedArray, Convolution, Grid, Padding, Source};
use crate::error::{Error, Result};
use crate::event::{Events, KeyMap, What};
use crate::graph::{Graph, predict};
use crate::image::Image;
use crate::image::checksum;
use crate::kernel::Payload;
use crate::schedule::Client;

/// What came of a plane.
#[derive(Debug, Clone, PartialEq)]
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
    /// The ones'-complement sums of the pixels written to model, residual and restored image.
    pub sums: [u32; 3],
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
    ids: ArrayIds,
    stage: Stage,
    began: f64,
    /// The result, once the client is done.
    pub result: Option<PlaneResult>,
}

enum Stage {
    New,
    Running(Box<dyn Algorithm>, Plane),
    Finishing(Progress, StopReason, Grid),
}

impl<'a> PlaneJob<'a> {
    /// Has not begun.
    pub fn new(
        index: usize,
        plan: &'a PlanePlan,
        dirty: &'a Image,
        products: &'a Products,
        (method, parameters): (Method, Parameters),
        events: &'a Events,
    ) -> PlaneJob<'a> {
        let ids = ArrayIds::of_client(index);
        let (stage, began) = (Stage::New, 0.0);
        PlaneJob { index, plan, dirty, products, method, parameters, events, ids, stage, began, result: None }
    }

    /// Reads the dirty image and transforms the PSF.
    fn prepare(&self, b: &mut Builder<'_>) -> Plane {
        let shape = self.dirty.shape();
        let source = Source::plane(self.dirty, self.index);
        let dirty = ChunkedArray::from_fits(b, &source, Padding::image_strip(shape));
        let psf = self.plan.psf.clone();
        let convolution = Convolution::of_psf(b, &psf.source(), &psf.reach, self.plan.padding);
        b.keep(dirty.keys());
        b.keep(convolution.keys());
        Plane { dirty, convolution, psf }
    }

    /// Restores the image and writes the products.
    fn finish(&self, b: &mut Builder<'_>, plane: &Plane, outcome: &Outcome) {
        let Outcome { model, residual, .. } = outcome;
        if *residual != plane.dirty {
            b.release(plane.dirty.keys());
        }
        let flux = model.pixels(b).stats(b, None);
        b.answer(flux);
        let (written, convolved) = (model.pixels(b), model.pixels(b));
        let restored = plane.convolution.restore(b, &convolved, self.plan.covariance).combine(b, 1.0, residual, 1.0);
        for (array, product) in [&written, residual, &restored].into_iter().zip(self.products.all()) {
            array.to_fits(b, product, self.index);
        }
    }

    fn start(&mut self) -> Graph {
        self.began = self.events.seconds();
        let name = self.plan.label.name.clone();
        self.events.tell(What::PlaneStarted { plane: self.index, planes: self.dirty.planes(), name });
        let mut ids = self.ids.clone();
        let mut b = Builder::new(&mut ids);
        let plane = self.prepare(&mut b);
        let graph = b.finish();
        self.ids = ids;
        self.stage = Stage::Running(self.method.start(plane.clone(), self.parameters, None), plane);
        graph
    }

    fn run(&mut self, mut algorithm: Box<dyn Algorithm>, plane: Plane, answers: Vec<Payload>) -> Result<Graph> {
        let before = algorithm.progress().refreshes;
        let mut ids = self.ids.clone();
        let mut b = Builder::new(&mut ids);
        let next = algorithm.advance(&mut b, answers)?;
        let progress = algorithm.progress();
        self.stage = match next {
            Next::Run => {
                if progress.refreshes > before {
                    self.tell(&progress);
                }
                Stage::Running(algorithm, plane)
            }
            Next::Stop(outcome) => {
                self.tell(&progress);
                self.finish(&mut b, &plane, &outcome);
                Stage::Finishing(progress, outcome.reason, algorithm.grid())
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

    fn conclude(&mut self, (progress, reason, grid): (Progress, StopReason, Grid), answers: &[Payload]) -> Result<()> {
        let Some((Payload::Stats(model), sums)) = answers.split_first() else {
            return Err(Error::internal("the model was not measured"));
        };
        let chunks = sums.len() / 3;
        let total = |product: usize| {
            let sums = sums[product * chunks..(product + 1) * chunks].iter();
            sums.fold(0, |total, sum| checksum::add(total, sum.numbers()[0] as u32))
        };
        let seconds = self.events.seconds() - self.began;
        let sums = [total(0), total(1), total(2)];
        self.result = Some(PlaneResult { progress, grid, reason, model_flux: model.sum, seconds, sums });
        self.events.tell(What::PlaneFinished { plane: self.index, reason: reason.to_string() });
        Ok(())
    }

    /// Every kind of graph that the plane will submit, in an order in which they could run.
    fn rehearse(&self) -> Vec<Graph> {
        let mut ids = self.ids.clone();
        let mut b = Builder::new(&mut ids);
        let plane = self.prepare(&mut b);
        let mut graphs = vec![b.finish()];
        // What has not begun can be rehearsed.
        if let Ok((rehearsed, outcome)) = self.method.start(plane.clone(), self.parameters, None).rehearse(&mut ids) {
            graphs.extend(rehearsed);
            let mut b = Builder::new(&mut ids);
            self.finish(&mut b, &plane, &outcome);
            graphs.push(b.finish());
        }
        graphs
    }
}

impl Client for PlaneJob<'_> {
    fn peak_bytes(&self, workers: usize) -> usize {
        let mut resident = KeyMap::default();
        let mut peak = 0;
        for graph in self.rehearse() {
            peak = peak.max(predict(&graph, &resident, workers).peak_bytes());
            resident.retain(|key, _| !graph.release.contains(key));
            resident.extend(graph.kept_bytes());
        }
        peak
    }

    fn advance(&mut self, answers: Vec<Payload>) -> Result<Option<Graph>> {
        match std::mem::replace(&mut self.stage, Stage::New) {
            Stage::New => Ok(Some(self.start())),
            Stage::Running(algorithm, plane) => self.run(algorithm, plane, answers).map(Some),
            Stage::Finishing(progress, reason, grid) => {
                self.conclude((progress, reason, grid), &answers).map(|()| None)
            }
        }
    }
}
