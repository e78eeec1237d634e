//! `deconv restore`: model ⊛ beam + residual, of a model that is there already.

use super::Options;
use super::forecast::{cut, fit_cut, modest};
use super::machine::resident_bytes;
use super::memory::reckon;
use super::names::{check_free, check_names, publish, scratch};
use super::outputs::{prefix, product_paths, stem};
use super::plan::{Inputs, PlanePlan, beam_reach, check_beam, open_model, plan, stated_beam};
use super::steps::{prepare_plane, read_model, subtract_model};
use super::summary::BeamSummary;
use crate::array::{ArrayIds, Builder, ChunkedArray, Convolution, Padding, Source};
use crate::error::{Error, Result};
use crate::event::Events;
use crate::graph::Graph;
use crate::image::file::path_of;
use crate::image::{Beam, BeamSource, Image, Product, ProductKind, checksum};
use crate::kernel::{Payload, Stats};
use crate::schedule::{self, Client, Scheduler, Settings, forecast};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What the model is restored with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A residual; and a PSF, of which only the beam is taken where nothing else tells it.
    Residual(PathBuf, Option<PathBuf>),
    /// A dirty image and its PSF, from which the residual is made, and written too.
    Dirty(PathBuf, PathBuf),
}

/// What is to be restored. The names are those of the command line.
#[derive(Debug, Clone)]
pub struct RestoreOptions {
    /// The model.
    pub model: PathBuf,
    /// What is added to it.
    pub shown: Shown,
    /// The restoring beam, as in [`Options`].
    pub beam: Option<Beam>,
    /// What the names of the products begin with.
    pub output: PathBuf,
    /// May products replace files?
    pub overwrite: bool,
    /// The executor.
    pub scheduler: Scheduler,
    /// Worker threads; none: one a core.
    pub threads: Option<usize>,
    /// Bytes of memory that the process may have; none: a share of what can be had.
    pub memory: Option<usize>,
    /// Where chunks go that do not fit the memory; none: beside the output.
    pub scratch: Option<PathBuf>,
}

impl RestoreOptions {
    /// The residual or the dirty image.
    fn image(&self) -> &Path {
        match &self.shown {
            Shown::Residual(image, _) | Shown::Dirty(image, _) => image,
        }
    }

    /// What the names of the products begin with, whole: after a last / the stem of the dirty image, or that of the residual
    /// without what a run adds to it.
    fn prefix(&self) -> PathBuf {
        let stem = stem(self.image());
        let name = stem.to_string_lossy();
        prefix(&self.output, name.strip_suffix("-residual").map_or(&stem, Path::new))
    }

    fn psf(&self) -> Option<&Path> {
        match &self.shown {
            Shown::Residual(_, psf) => psf.as_deref(),
            Shown::Dirty(_, psf) => Some(psf),
        }
    }

    /// Is the residual made, and written?
    fn makes_residual(&self) -> bool {
        matches!(self.shown, Shown::Dirty(..))
    }
}

/// What came of a plane.
#[derive(Debug, Clone, PartialEq)]
pub struct RestoredPlane {
    /// What the plane is called.
    pub name: String,
    /// The restoring beam.
    pub beam: BeamSummary,
    /// Sum of the model.
    pub model_flux: f64,
    /// Largest absolute value of the residual.
    pub residual_peak: f64,
    /// Standard deviation of the residual.
    pub residual_rms: f64,
}

/// Restores a model: writes the restored image, and the residual if that is made. `cancel` stops it.
///
/// Nothing is left behind unless all of it succeeded.
///
/// # Errors
/// If the options, the inputs, the outputs or the memory do not allow it, or if it was stopped.
pub fn restore(options: &RestoreOptions, events: &Events, cancel: &Arc<AtomicBool>) -> Result<Vec<RestoredPlane>> {
    super::check_threads(options.threads)?;
    let (settings, before) = reckon(options.scheduler, options.threads, options.memory, cancel)?;
    restore_from(before, options, &settings, events)
}

/// [`restore`] with tasks run in a way of one's own, as tests do. Scheduler and threads are those of `settings`.
///
/// # Errors
/// Those of [`restore`].
pub fn restore_with(options: &RestoreOptions, settings: &Settings, events: &Events) -> Result<Vec<RestoredPlane>> {
    restore_from(resident_bytes(), options, settings, events)
}

fn restore_from(
    before: usize,
    options: &RestoreOptions,
    settings: &Settings,
    events: &Events,
) -> Result<Vec<RestoredPlane>> {
    let [_, residual, restored] = product_paths(&options.prefix());
    let paths = if options.makes_residual() { vec![restored, residual] } else { vec![restored] };
    let inputs = [options.image(), &options.model].into_iter().chain(options.psf());
    check_names(paths.iter(), inputs.map(|name| path_of(name).to_path_buf()), "--output")?;
    check_free(paths.iter(), options.overwrite)?;
    let directory = scratch(options.scratch.as_deref(), &paths[0])?;
    let (image, planes) = planes(options, &modest(settings, &directory), events)?;
    let lines = HISTORY_LINES + planes.len();
    let kinds = [ProductKind::Image, ProductKind::Residual];
    let create = |(path, kind): (&PathBuf, ProductKind)| Product::create(path, &image, kind, lines);
    let mut products: Vec<Product> = paths.iter().zip(kinds).map(create).collect::<Result<_>>()?;
    // The one in the largest frame takes most.
    let largest = (0..planes.len()).max_by_key(|&i| planes[i].padding.rows * planes[i].padding.cols).unwrap_or(0);
    let (budget, workers) = (settings.budget, settings.workers());
    let graphs = |budget: usize| planes[largest].cut(budget, workers).graphs(&image, largest, &products);
    let settings = fit_cut(graphs, settings, before, &directory).map_err(|error| error.about(image.path()))?;
    let planes: Vec<Plane> = planes.iter().map(|plane| plane.cut(budget, workers)).collect();
    let job = |(index, plane)| Restoration {
        plane,
        index,
        image: &image,
        products: &products,
        graphs: None,
        answers: Vec::new(),
    };
    let mut jobs: Vec<Restoration<'_>> = planes.iter().enumerate().map(job).collect();
    let mut clients: Vec<&mut dyn Client> = jobs.iter_mut().map(|job| job as &mut dyn Client).collect();
    schedule::run(&mut clients, &settings, events)?;
    let answers: Vec<Vec<Payload>> = jobs.into_iter().map(|job| job.answers).collect();
    let known = image.cell().known;
    let told =
        planes.iter().zip(&answers).map(|(plane, answers)| plane.tell(answers, known)).collect::<Result<Vec<_>>>()?;
    let history = history(options, &told);
    let beams: Vec<Beam> = planes.iter().map(|plane| plane.beam).collect();
    let count = products.len();
    for (i, product) in products.iter_mut().enumerate() {
        let sums = answers.iter().flat_map(|answers| sums(answers, i, count));
        product.finish(&history, &beams, sums.fold(0, checksum::add))?;
    }
    publish(&mut products, options.overwrite)?;
    Ok(told)
}

/// The sums of what a plane wrote to the `i`-th of the products.
fn sums(answers: &[Payload], i: usize, products: usize) -> impl Iterator<Item = u32> {
    let sums = answers.get(MEASURED..).unwrap_or_default();
    let strips = sums.len() / products;
    sums[i * strips..(i + 1) * strips].iter().map(|sum| sum.numbers()[0] as u32)
}

/// How a plane is restored.
#[derive(Debug, Clone)]
struct Plane {
    name: String,
    model: (Image, usize),
    beam: Beam,
    source: BeamSource,
    covariance: [f64; 3],
    padding: Padding,
    /// How its residual is made; none: it is read.
    plan: Option<PlanePlan>,
}

/// What is measured of a plane, before the sums of what was written: model, residual.
const MEASURED: usize = 2;

/// Opens the images and settles the beam and the frame of every plane.
fn planes(options: &RestoreOptions, settings: &Settings, events: &Events) -> Result<(Image, Vec<Plane>)> {
    let Some(psf) = options.psf() else { return without_psf(options) };
    let run = Options {
        beam: options.beam,
        model: Some(options.model.clone()),
        ..Options::new(options.image().to_path_buf(), psf.to_path_buf())
    };
    let inputs = Inputs::open(&run)?;
    let plans = plan(&inputs, &run, settings, events)?;
    let plane = |plan: PlanePlan| {
        if options.makes_residual() {
            plan.notes.iter().for_each(|note| events.note(None, format!("{}: {note}", plan.label.name)));
        }
        let model = plan.model.clone().ok_or_else(|| Error::internal("a plane without a model"))?;
        let padding = match options.makes_residual() {
            true => plan.padding,
            false => frame(inputs.dirty.shape(), plan.covariance),
        };
        Ok(Plane {
            name: plan.label.name.clone(),
            model,
            beam: plan.beam,
            source: plan.beam_source,
            covariance: plan.covariance,
            padding,
            plan: options.makes_residual().then_some(plan),
        })
    };
    let planes = plans.into_iter().map(plane).collect::<Result<_>>()?;
    Ok((inputs.dirty, planes))
}

fn without_psf(options: &RestoreOptions) -> Result<(Image, Vec<Plane>)> {
    let image = Image::open(options.image())?;
    let (model, model_planes) = open_model(&options.model, &image)?;
    let plane = |(i, of_model): (usize, usize)| {
        let (beam, source) = stated_beam(options.beam, (&image, i), None).ok_or_else(|| {
            Error::input(image.path(), "tells no beam to restore with")
                .remedy("give one with --beam MAJ,MIN,PA, or the PSF with --psf")
        })?;
        let covariance = beam.covariance(&image.cell());
        check_beam(covariance, image.shape()).map_err(|error| error.about(image.path()))?;
        let padding = frame(image.shape(), covariance);
        let (name, model) = (image.plane(i).name, (model.clone(), of_model));
        Ok(Plane { name, model, beam, source, covariance, padding, plan: None })
    };
    let planes = model_planes.into_iter().enumerate().map(plane).collect::<Result<_>>()?;
    Ok((image, planes))
}

/// The frame in which a convolution with a beam is linear.
fn frame(shape: (usize, usize), covariance: [f64; 3]) -> Padding {
    let reach = beam_reach(covariance);
    Padding::at_least(shape.0 + reach, shape.1 + reach)
}

impl Plane {
    /// The same, cut into strips for so many workers in so many bytes.
    fn cut(&self, budget: usize, workers: usize) -> Plane {
        let padding = cut(self.padding, budget, workers);
        let plan = self.plan.clone().map(|plan| PlanePlan { padding, ..plan });
        Plane { padding, plan, ..self.clone() }
    }

    /// The graphs that restore the `index`-th plane of a residual or dirty image: two that make the residual, if need be, and
    /// one that restores. The answers of the last one are measures of model and residual, then the sums of what was written,
    /// the restored image before the residual.
    fn graphs(&self, image: &Image, index: usize, products: &[Product]) -> Vec<Graph> {
        let mut ids = ArrayIds::of_client(index);
        let mut graphs = Vec::new();
        let made = self.plan.as_ref().map(|plan| {
            let mut b = Builder::new(&mut ids);
            let strip = plan.padding.image_strip(image.shape());
            let mut plane = prepare_plane(&mut b, image, (index, strip), plan);
            graphs.push(b.finish());
            let mut b = Builder::new(&mut ids);
            subtract_model(&mut b, plan, &mut plane);
            b.release(plane.convolution.keys());
            graphs.push(b.finish());
            plane.dirty
        });
        let mut b = Builder::new(&mut ids);
        let rows = self.padding.image_strip(image.shape());
        let residual = match &made {
            Some(residual) => {
                b.release(residual.keys());
                residual.clone()
            }
            None => ChunkedArray::from_fits(&mut b, &Source::plane(image, index), rows),
        };
        let [measured, convolved] = [(); 2].map(|()| read_model(&mut b, &self.model, rows));
        for array in [&measured, &residual] {
            let stats = array.stats(&mut b, None);
            b.answer(stats);
        }
        let smooth = Convolution::smooth(&mut b, &convolved, self.covariance, self.padding);
        let restored = smooth.combine(&mut b, 1.0, &residual, 1.0);
        for (array, product) in [&restored, &residual].into_iter().zip(products) {
            array.to_fits(&mut b, product, index);
        }
        graphs.push(b.finish());
        graphs
    }

    fn tell(&self, answers: &[Payload], known: bool) -> Result<RestoredPlane> {
        let [Payload::Stats(model), Payload::Stats(residual), ..] = answers else {
            return Err(Error::internal("a plane was not restored"));
        };
        let peak = |stats: &Stats| f64::from(stats.peak.abs());
        Ok(RestoredPlane {
            name: self.name.clone(),
            beam: BeamSummary::new(&self.beam, self.source, known),
            model_flux: model.sum,
            residual_peak: peak(residual),
            residual_rms: residual.std(),
        })
    }
}

/// The client that restores one plane.
struct Restoration<'a> {
    plane: &'a Plane,
    index: usize,
    image: &'a Image,
    products: &'a [Product],
    /// Those that are left to run, once it has begun.
    graphs: Option<std::vec::IntoIter<Graph>>,
    answers: Vec<Payload>,
}

impl Restoration<'_> {
    fn all(&self) -> Vec<Graph> {
        self.plane.graphs(self.image, self.index, self.products)
    }
}

impl Client for Restoration<'_> {
    fn peak_bytes(&self, workers: usize) -> usize {
        forecast(&self.all(), workers).peak_bytes
    }

    fn advance(&mut self, answers: Vec<Payload>) -> Result<Option<Graph>> {
        self.answers = answers;
        let all = self.graphs.is_none().then(|| self.all());
        Ok(self.graphs.get_or_insert_with(|| all.unwrap_or_default().into_iter()).next())
    }
}

/// Lines of HISTORY beside one a plane.
const HISTORY_LINES: usize = 4;

fn history(options: &RestoreOptions, planes: &[RestoredPlane]) -> Vec<String> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let with = match &options.shown {
        Shown::Residual(residual, _) => format!("with the residual {}", name(residual)),
        Shown::Dirty(dirty, psf) => format!("with its residual of {} with PSF {}", name(dirty), name(psf)),
    };
    let mut lines = vec![format!("deconv {} restore: {} {with}", env!("CARGO_PKG_VERSION"), name(&options.model))];
    lines.extend(planes.iter().map(|RestoredPlane { name, beam, .. }| {
        let BeamSummary { major, minor, pa, unit, source } = beam;
        format!("deconv plane {name}: beam {major:.6} x {minor:.6} {unit}, PA {pa:.3} deg, of {source}")
    }));
    lines
}
