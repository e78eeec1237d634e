//! A job from its options to its products.

use super::checkpoint::{Checkpoint, PlaneState};
use super::figures;
use super::fingerprint::Fingerprint;
use super::keeper::Keeper;
use super::machine;
use super::options::Options;
use super::outputs::{Outputs, Products};
use super::plan::{Inputs, PlanePlan, plan};
use super::plane::{self, PlaneJob, PlaneResult};
use super::summary::{BeamSummary, PlaneSummary, Summary};
use crate::algorithm::{Method, Parameters, Progress, StopReason};
use crate::array::Grid;
use crate::error::{Error, Kind, Result};
use crate::event::Events;
use crate::graph::instruction_set;
use crate::image::Beam;
use crate::schedule::{self, Client, Report, Scheduler, Settings};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Of the memory that can be had, the part that a job may take.
const MEMORY_SHARE: f64 = 0.8;

/// Deconvolves an image: reads the inputs, works on every plane, writes model, residual and restored image.
///
/// Nothing is left behind unless all of it succeeded, or there is a checkpoint from which it can go on. `cancel` stops it.
///
/// # Errors
/// If the options, the inputs, the outputs or the memory do not allow it, or if it was stopped.
pub fn deconvolve(options: &Options, events: &Events, cancel: &Arc<AtomicBool>) -> Result<Summary> {
    options.check()?;
    deconvolve_with(options, &settings(options.scheduler, options.threads, cancel), events)
}

/// [`deconvolve`] with tasks run in a way of one's own, as tests do. Scheduler and threads are those of `settings`.
///
/// # Errors
/// Those of [`deconvolve`].
pub fn deconvolve_with(options: &Options, settings: &Settings, events: &Events) -> Result<Summary> {
    options.check()?;
    let inputs = Inputs::open(options)?;
    let outputs = Outputs::new(options, inputs.dirty.planes())?;
    let found = if options.resume { Checkpoint::read(outputs.checkpoint())? } else { None };
    let before = machine::resident_bytes();
    let plans = plan(&inputs, options, settings, events)?;
    let notes = notes(options, &inputs, &plans);
    notes.iter().for_each(|note| events.note(None, note.clone()));
    let (mut products, keeper) = begin(options, &inputs, &outputs, &plans, found, events)?;
    let job = Job { options, settings, inputs: &inputs, outputs: &outputs, plans: &plans, keeper: &keeper, events };
    match job.run(&mut products, before, notes) {
        Ok(summary) => {
            keeper.succeed();
            Ok(summary)
        }
        Err(error) => {
            let error = keeper.give_up(error, events);
            if keeper.is_on_disk() {
                products.leave();
            }
            Err(error)
        }
    }
}

/// The files to write, and what is known of the planes: nothing, or what a checkpoint says.
fn begin(
    options: &Options,
    inputs: &Inputs,
    outputs: &Outputs,
    plans: &[PlanePlan],
    found: Option<Checkpoint>,
    events: &Events,
) -> Result<(Products, Keeper)> {
    let lines = HISTORY_LINES + plans.len();
    let work = (options.method, options.parameters);
    let grids: Vec<Grid> = plans.iter().map(|plan| plane::grid(&inputs.dirty, plan, work)).collect();
    let fingerprint = Fingerprint::new(options, outputs.prefix(), inputs, plans, &grids);
    let Some(mut checkpoint) = found else {
        if options.resume {
            events.note(None, format!("there is no checkpoint {}: starts anew", outputs.checkpoint().display()));
        }
        let products = outputs.create(inputs, lines)?;
        let planes = vec![PlaneState::New; plans.len()];
        let checkpoint = Checkpoint { fingerprint, products: products.temporary(), planes };
        let bytes = inputs.dirty.bytes() + inputs.psf.bytes();
        return Ok((products, Keeper::begin(outputs.checkpoint(), options, checkpoint, bytes)));
    };
    let fingerprint = fingerprint.with_contents(options)?;
    if let Some((theirs, ours)) = checkpoint.fingerprint.difference(&fingerprint) {
        let message = format!("the checkpoint is of {theirs}, this run of {ours}");
        return Err(Error::input(outputs.checkpoint(), message)
            .remedy("go on with what the run was begun with, or give --overwrite instead of --resume to start anew"));
    }
    let products = outputs.adopt(inputs, lines, options, &mut checkpoint.planes)?;
    events.note(None, going_on(&checkpoint.planes));
    Ok((products, Keeper::resume(outputs.checkpoint(), options, checkpoint)))
}

/// What a run goes on from, in words.
fn going_on(planes: &[PlaneState]) -> String {
    let done = planes.iter().filter(|state| matches!(state, PlaneState::Done(_))).count();
    let under_way = planes.iter().filter(|state| matches!(state, PlaneState::Running(_))).count();
    format!("goes on from a checkpoint: of {} planes {done} are done and {under_way} under way", planes.len())
}

/// What a job is about, once it is settled.
struct Job<'a> {
    options: &'a Options,
    settings: &'a Settings,
    inputs: &'a Inputs,
    outputs: &'a Outputs,
    plans: &'a [PlanePlan],
    keeper: &'a Keeper,
    events: &'a Events,
}

impl Job<'_> {
    /// Works on the planes, completes and publishes the products.
    fn run(&self, products: &mut Products, before: usize, notes: Vec<String>) -> Result<Summary> {
        let Job { options, settings, inputs, outputs, plans, keeper, events } = *self;
        let (results, report) = self.planes(products)?;
        let ends = end_notes(inputs, plans, &results);
        ends.iter().for_each(|note| events.note(None, note.clone()));
        let (notes, took) = ([notes, ends].concat(), (before, events.seconds()));
        let summary = summarise((options, settings), inputs, plans, &results, &report, took, notes);
        let (checkpoints, checkpoint_s) = keeper.cost();
        let summary = Summary { checkpoints, checkpoint_s, ..summary };
        let beams: Vec<Beam> = plans.iter().map(|plan| plan.beam).collect();
        let sums: Vec<[u32; 3]> = results.iter().map(|result| result.sums).collect();
        let text = serde_json::to_string_pretty(&summary).map_err(|e| Error::internal(format!("no summary: {e}")))?;
        products.finish(&history(options, &summary), &beams, &sums)?;
        // What can fail comes before any file gets its name.
        let mut figures = figures::draw(outputs.figures(), &inputs.dirty, products, plans, &summary, &settings.cancel)?;
        let mut file = outputs.write_summary(&(text + "\n"))?;
        keeper.complete(events);
        products.publish(options.overwrite)?;
        figures.iter_mut().chain(&mut file).try_for_each(|file| file.publish(options.overwrite))?;
        Ok(summary)
    }

    fn planes(&self, products: &Products) -> Result<(Vec<PlaneResult>, Report)> {
        let Job { options, settings, inputs, plans, keeper, events, .. } = *self;
        let work = (options.method, options.parameters);
        let job = |(i, plan)| PlaneJob::new(i, plan, &inputs.dirty, products, work, (keeper, events));
        let mut jobs: Vec<PlaneJob<'_>> = plans.iter().enumerate().map(job).collect();
        refuse_what_cannot_fit(&jobs, settings, options)?;
        let report = run(&mut jobs, settings, events)?;
        Ok((jobs.into_iter().filter_map(|job| job.result).collect(), report))
    }
}

/// An executor with as much of the memory that can be had as a job may take; without `threads` one worker a core.
pub(super) fn settings(scheduler: Scheduler, threads: Option<usize>, cancel: &Arc<AtomicBool>) -> Settings {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = |bytes: usize| (bytes as f64 * MEMORY_SHARE) as usize;
    Settings {
        scheduler,
        budget: machine::available_bytes().map_or(usize::MAX, share),
        cancel: cancel.clone(),
        ..Settings::threads(threads.unwrap_or(cores))
    }
}

/// A plane that does not fit the memory is refused before anything runs.
fn refuse_what_cannot_fit(jobs: &[PlaneJob<'_>], settings: &Settings, options: &Options) -> Result<()> {
    let need = jobs.iter().map(|job| job.peak_bytes(settings.workers())).max().unwrap_or(0);
    if need <= settings.budget {
        return Ok(());
    }
    let gib = |bytes: usize| bytes as f64 / (1u64 << 30) as f64;
    let message = format!(
        "a plane needs {:.2} GiB with {}, and {:.2} GiB can be had",
        gib(need),
        options.method.name(),
        gib(settings.budget)
    );
    let remedy = match options.method {
        Method::Hogbom => "hogbom holds a plane in one chunk: use --method clark, which works on smaller ones",
        Method::Clark | Method::Wiener => "use a machine with more memory, or cut the image",
    };
    Err(Error::new(Kind::Memory, message).about(&options.dirty).remedy(remedy))
}

fn run(jobs: &mut [PlaneJob<'_>], settings: &Settings, events: &Events) -> Result<Report> {
    let mut clients: Vec<&mut dyn Client> = jobs.iter_mut().map(|job| job as &mut dyn Client).collect();
    schedule::run(&mut clients, settings, events)
}

/// What the user should know before the run.
fn notes(options: &Options, inputs: &Inputs, plans: &[PlanePlan]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    let Parameters { chunk, overlap, .. } = options.parameters;
    if options.method != Method::Clark && (chunk.is_some() || overlap.is_some()) {
        let name = options.method.name();
        notes.push(format!("{name} works on a plane as a whole: --chunk and --overlap change nothing"));
    }
    let files = [("image", &inputs.dirty), ("PSF", &inputs.psf)];
    if let Some(reason) = inputs.dirty.no_cell() {
        notes.push(format!("the image {reason}: beams are in pixels"));
    } else if let Some(reason) = inputs.psf.no_cell() {
        notes.push(format!("the PSF {reason}: its cell is taken for the image's"));
    }
    if options.beam.is_none() {
        let beams =
            files.iter().flat_map(|(what, file)| file.beams_passed_over().into_iter().map(move |beam| (what, beam)));
        notes.extend(beams.map(|(what, beam)| format!("the {what}'s {beam} makes no sense: passed over")));
    }
    if options.method == Method::Wiener {
        notes.push(
            "wiener takes the image for zero outside its frame, an approximation for data that are not periodic".into(),
        );
    }
    for (plan, note) in plans.iter().flat_map(|plan| plan.notes.iter().map(move |note| (plan, note))) {
        let text = format!("{}: {note}", plan.label.name);
        // A cube would say the same a thousand times.
        if !notes.iter().any(|known| known.ends_with(note.as_str())) {
            notes.push(text);
        }
    }
    notes
}

/// The unit of the dirty image; one that says nothing is taken for Jy/beam.
fn unit(inputs: &Inputs) -> &str {
    let unit = inputs.dirty.unit();
    if unit.is_empty() { "Jy/beam" } else { unit }
}

/// What the user should know after the run: planes that went wrong, and the level that the PSF allowed them.
fn end_notes(inputs: &Inputs, plans: &[PlanePlan], results: &[PlaneResult]) -> Vec<String> {
    let unit = unit(inputs);
    let note = |(plan, result): (&PlanePlan, &PlaneResult)| {
        if !matches!(result.reason, StopReason::Diverged | StopReason::Stalled) {
            return None;
        }
        let Progress { peak, rms, first_peak, .. } = result.progress;
        let sidelobes = plan.missing_sidelobes.map(|part| {
            let level = part * first_peak;
            format!("; sidelobes of the brightest source that the PSF does not hold are about {level:.2e} {unit}")
        });
        Some(format!(
            "{}: {}; the best state is kept, with a peak of {peak:.4e} {unit} and an rms of {rms:.4e}: deeper than that \
             this PSF does not allow{}",
            plan.label.name,
            result.reason,
            sidelobes.unwrap_or_default()
        ))
    };
    plans.iter().zip(results).filter_map(note).collect()
}

fn summarise(
    (options, how): (&Options, &Settings),
    inputs: &Inputs,
    plans: &[PlanePlan],
    results: &[PlaneResult],
    report: &Report,
    (before, wall_s): (usize, f64),
    notes: Vec<String>,
) -> Summary {
    let planes: Vec<PlaneSummary> =
        plans.iter().zip(results).map(|(plan, result)| summarise_plane(inputs, plan, result)).collect();
    let grid = results.first().map(|result| result.grid);
    Summary {
        version: env!("CARGO_PKG_VERSION").into(),
        method: options.method.name().into(),
        scheduler: match how.scheduler {
            Scheduler::Inline => "inline".into(),
            Scheduler::Threads => "threads".into(),
        },
        threads: how.workers(),
        chunk: grid.map_or([0, 0], |grid| [grid.chunk.0, grid.chunk.1]),
        overlap: grid.map_or(0, |grid| grid.halo),
        instruction_set: instruction_set().into(),
        padded: plans.iter().map(|plan| [plan.padding.rows, plan.padding.cols]).collect(),
        unit: unit(inputs).into(),
        planes,
        wall_s,
        cpu_s: machine::cpu_seconds(),
        checkpoints: 0,
        checkpoint_s: 0.0,
        peak_rss_bytes: machine::peak_resident_bytes(),
        predicted_peak_bytes: before + report.predicted_peak_bytes,
        tasks: report.tasks,
        notes,
    }
}

fn summarise_plane(inputs: &Inputs, plan: &PlanePlan, result: &PlaneResult) -> PlaneSummary {
    PlaneSummary {
        name: plan.label.name.clone(),
        stokes: plan.label.stokes.clone(),
        channel: plan.label.channel,
        iterations: result.progress.iterations,
        halo_iterations: result.progress.halo_iterations,
        refreshes: result.progress.refreshes,
        stop_reason: result.reason,
        peak_before: result.progress.first_peak,
        peak_after: result.progress.peak,
        rms_after: result.progress.rms,
        model_flux: result.model_flux,
        missing_sidelobes: plan.missing_sidelobes.map(|part| part * result.progress.first_peak),
        beam: BeamSummary::new(&plan.beam, plan.beam_source, inputs.dirty.cell().known),
        seconds: result.seconds,
    }
}

/// Lines of HISTORY beside one a plane.
const HISTORY_LINES: usize = 8;

fn history(options: &Options, summary: &Summary) -> Vec<String> {
    let parameters = &options.parameters;
    let name = |path: &std::path::Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut lines = vec![
        format!("deconv {} of {} with PSF {}", summary.version, name(&options.dirty), name(&options.psf)),
        match options.method {
            Method::Clark | Method::Hogbom => format!(
                "deconv method={} niter={} gain={} threshold={} nsigma={}",
                summary.method, parameters.niter, parameters.gain, parameters.threshold, parameters.nsigma
            ),
            Method::Wiener => format!("deconv method=wiener balance={}", parameters.balance),
        },
        format!(
            "deconv grid: chunk {}x{} overlap {}, instruction set {}",
            summary.chunk[0], summary.chunk[1], summary.overlap, summary.instruction_set
        ),
    ];
    lines.extend(summary.planes.iter().zip(&summary.padded).map(|(plane, padded)| {
        format!(
            "deconv plane {}: padded {}x{}, {} iterations, {} refreshes, stopped: {}",
            plane.name, padded[0], padded[1], plane.iterations, plane.refreshes, plane.stop_reason
        )
    }));
    lines
}
