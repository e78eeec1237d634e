//! A job from its options to its products.

use super::chains::{self, ChainSummary};
use super::checkpoint::{Checkpoint, PlaneState};
use super::components::Catalogue;
use super::device::{self, Opened};
use super::figures;
use super::fingerprint::Fingerprint;
use super::forecast::{self, Forecast, Forecaster};
use super::group::groups;
use super::history::{HISTORY_LINES, history};
use super::keeper::Keeper;
use super::machine;
use super::memory::reckon;
use super::notes::{end_notes, notes, unit};
use super::options::Options;
use super::outputs::{Outputs, Products};
use super::plan::{Inputs, PlanePlan, plan};
use super::plane::{PlaneJob, PlaneResult};
use super::score::score_products;
use super::steps;
use super::summary::{BeamSummary, JoinedSummary, PlaneSummary, Summary};
use super::truth::Truth;
use super::tune::tune;
use crate::array::Grid;
use crate::error::{Error, Kind, Result};
use crate::event::Events;
use crate::graph::instruction_set;
use crate::image::{Beam, Hidden, ProductKind};
use crate::kernel::Scales;
use crate::schedule::{self, Client, Report, Scheduler, Settings};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Deconvolves an image: reads the inputs, works on every plane, writes model, residual and restored image.
///
/// Nothing is left behind unless all of it succeeded, or there is a checkpoint from which it can go on. `cancel` stops it.
///
/// # Errors
/// If the options, the inputs, the outputs or the memory do not allow it, or if it was stopped.
pub fn deconvolve(options: &Options, events: &Events, cancel: &Arc<AtomicBool>) -> Result<Summary> {
    options.check()?;
    let (settings, before) = reckon(options.scheduler, options.threads, options.memory, cancel)?;
    deconvolve_from(before, options, &settings, events)
}

/// [`deconvolve`] with tasks run in a way of one's own, as tests do. Scheduler and threads are those of `settings`.
///
/// # Errors
/// Those of [`deconvolve`].
pub fn deconvolve_with(options: &Options, settings: &Settings, events: &Events) -> Result<Summary> {
    options.check()?;
    deconvolve_from(machine::resident_bytes(), options, settings, events)
}

/// [`deconvolve_with`] in a process that had so many bytes of memory `before` its budget was reckoned.
fn deconvolve_from(before: usize, options: &Options, settings: &Settings, events: &Events) -> Result<Summary> {
    let inputs = Inputs::open(options)?;
    let outputs = Outputs::new(options, inputs.dirty.planes())?;
    let truth = options.truth.as_deref().map(Truth::open).transpose()?;
    truth.iter().try_for_each(|truth| truth.check(&inputs.dirty, ProductKind::Residual))?;
    let found = if options.resume { Checkpoint::read(outputs.checkpoint())? } else { None };
    let begun = found.as_ref().map(|checkpoint| &checkpoint.fingerprint);
    let (options, tuned) = &tune(options, inputs.dirty.shape(), settings, begun);
    let scratch = outputs.scratch(options)?;
    let mut plans = plan(&inputs, options, &forecast::modest(settings, &scratch), events)?;
    let mut in_memory = plans.clone();
    let (with_device, device_bytes, device_notes) = &place(options, &inputs, settings, &mut plans);
    let before = before + device_bytes;
    let forecaster = Forecaster { options, settings: with_device, inputs: &inputs, before };
    let (forecast, settings) = &forecaster.forecast(&mut plans, &scratch)?;
    events.tell(forecast.event());
    let notes = [tuned.clone(), device_notes.clone(), notes(options, &inputs, &plans)].concat();
    notes.iter().for_each(|note| events.note(None, note.clone()));
    let (mut products, keeper) = begin(options, &inputs, &outputs, &plans, found, events)?;
    let truth = truth.as_ref();
    let job = Job {
        forecast,
        options,
        settings,
        inputs: &inputs,
        outputs: &outputs,
        truth,
        plans: &plans,
        keeper: &keeper,
        events,
    };
    let outcome = match job.run(&mut products, notes.clone()) {
        Err(error) if error.kind == Kind::Device => {
            let note = format!("{error}: what is not done is done on the CPU");
            events.note(None, note.clone());
            // What it took of the machine's memory it may still have.
            let settings = &Settings { device: None, ..with_device.clone() };
            let (forecast, settings) = &Forecaster { settings, ..forecaster }.forecast(&mut in_memory, &scratch)?;
            let job = Job { forecast, settings, plans: &in_memory, ..job };
            job.run(&mut products, [notes, vec![note]].concat())
        }
        outcome => outcome,
    };
    match outcome {
        Ok(summary) => {
            keeper.succeed();
            Hidden::sweep(&outputs.spool());
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

/// What a job will take: reads the PSF, runs nothing, writes nothing.
///
/// # Errors
/// If the options, the inputs or the memory do not allow the job, or if it was stopped.
pub fn forecast(options: &Options, cancel: &Arc<AtomicBool>) -> Result<Forecast> {
    options.check()?;
    let (settings, before) = &reckon(options.scheduler, options.threads, options.memory, cancel)?;
    let inputs = &Inputs::open(options)?;
    let (options, _) = &tune(options, inputs.dirty.shape(), settings, None);
    let scratch = Outputs::named(options, inputs.dirty.planes()).scratch(options)?;
    let mut plans = plan(inputs, options, &forecast::modest(settings, &scratch), &Events::silent())?;
    let (settings, bytes, _) = &place(options, inputs, settings, &mut plans);
    Ok(Forecaster { options, settings, inputs, before: before + bytes }.forecast(&mut plans, &scratch)?.0)
}

/// Opens the device that a job asks for and gives it planes: settings with it, if it has any, the bytes of the machine's memory that it
/// takes, or that looking for one took, and what the user should know.
fn place(
    options: &Options,
    inputs: &Inputs,
    settings: &Settings,
    plans: &mut [PlanePlan],
) -> (Settings, usize, Vec<String>) {
    let (rows, cols) = inputs.dirty.shape();
    let Opened { gpu, bytes, mut notes } = device::open(options, rows * cols, settings.device.clone());
    let budget = settings.budget.saturating_sub(bytes);
    if let Some(gpu) = &gpu {
        match device::slower(gpu, options, rows * cols) {
            Some(note) => notes.push(note),
            None => notes.extend(device::assign(gpu, options, inputs, plans, budget)),
        }
    }
    let device = gpu.filter(|_| plans.iter().any(|plan| plan.device.is_some()));
    (Settings { budget, device, ..settings.clone() }, bytes, notes)
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
    let grids: Vec<Grid> = plans.iter().map(|plan| steps::grid(&inputs.dirty, plan, work)).collect();
    let fingerprint = Fingerprint::new(options, outputs.prefix(), inputs, plans, &grids);
    let Some(mut checkpoint) = found else {
        if options.resume {
            events.note(None, format!("there is no checkpoint {}: starts anew", outputs.checkpoint().display()));
        }
        let products = outputs.create(inputs, lines)?;
        let planes = vec![PlaneState::New; plans.len()];
        let checkpoint = Checkpoint { fingerprint, products: products.temporary(), planes };
        return Ok((products, Keeper::begin(outputs.checkpoint(), options, checkpoint, inputs.bytes())));
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
    let begun =
        |state: &&PlaneState| matches!(state, PlaneState::Running(_) | PlaneState::Held(_) | PlaneState::Joined);
    let under_way = planes.iter().filter(begun).count();
    format!("goes on from a checkpoint: of {} planes {done} are done and {under_way} under way", planes.len())
}

/// What a job is about, once it is settled.
struct Job<'a> {
    forecast: &'a Forecast,
    options: &'a Options,
    settings: &'a Settings,
    inputs: &'a Inputs,
    outputs: &'a Outputs,
    truth: Option<&'a Truth>,
    plans: &'a [PlanePlan],
    keeper: &'a Keeper,
    events: &'a Events,
}

impl Job<'_> {
    /// Works on the planes, completes and publishes the products.
    fn run(&self, products: &mut Products, notes: Vec<String>) -> Result<Summary> {
        let Job { options, settings, inputs, outputs, truth, plans, keeper, events, .. } = *self;
        let begun = Times::now(events);
        let (results, report) = self.planes(products)?;
        let worked = Times::now(events).since(begun);
        let ends = end_notes(options, inputs, plans, &results);
        ends.iter().for_each(|note| events.note(None, note.clone()));
        let mut summary = summarise((options, settings), inputs, plans, &results, &report, self.forecast);
        summary.notes = [notes, ends].concat();
        (summary.run_s, summary.run_cpu_s) = (worked.wall, worked.cpu);
        Times { wall: summary.wall_s, cpu: summary.cpu_s } = Times::now(events);
        (summary.checkpoints, summary.checkpoint_s) = keeper.cost();
        let beams: Vec<Beam> = plans.iter().map(|plan| plan.beam).collect();
        let sums: Vec<&[u32]> = results.iter().map(|result| result.sums.as_slice()).collect();
        products.finish(&history(options, &summary), &beams, &sums)?;
        // What can fail comes before any file gets its name.
        summary.score = truth
            .map(|truth| score_products(truth, products, &forecast::modest(settings, &self.forecast.scratch_directory)))
            .transpose()?;
        let mut figures = figures::draw(outputs.figures(), &inputs.dirty, products, plans, &summary, &settings.cancel)?;
        let mut chains = chains::draw(outputs.chains(), &inputs.dirty, plans, &summary, &settings.cancel)?;
        let mut components = self.list_components(products, &results)?;
        let text = serde_json::to_string_pretty(&summary).map_err(|e| Error::internal(format!("no summary: {e}")))?;
        let mut file = outputs.write_summary(&(text + "\n"))?;
        keeper.complete(events);
        products.publish(options.overwrite)?;
        figures
            .iter_mut()
            .chain(&mut chains)
            .chain(&mut components)
            .chain(&mut file)
            .try_for_each(|file| file.publish(options.overwrite))?;
        Ok(summary)
    }

    /// Writes the list of components, if one is asked for, under a temporary name.
    fn list_components(&self, products: &Products, results: &[PlaneResult]) -> Result<Option<Hidden>> {
        let Job { options, settings, inputs, plans, outputs, events, .. } = *self;
        let Some((path, spool)) = outputs.components().zip(products.components()) else { return Ok(None) };
        let found = |plane: usize| match &results[plane].components {
            Some(place) => spool.read(place),
            None => Err(Error::internal("a plane without components").about(path)),
        };
        let shape = inputs.dirty.shape();
        let scales = plans.iter().map(|plan| plan.scales(options, shape).unwrap_or(Scales::POINTS)).collect();
        let catalogue = Catalogue::new(path, &inputs.dirty, scales)?;
        let (file, left_out) = catalogue.write(path, inputs.model.as_ref(), found, &settings.cancel)?;
        if left_out > 0 {
            events.note(None, format!("components that lie off the sky and are not in {}: {left_out}", path.display()));
        }
        Ok(Some(file))
    }

    fn planes(&self, products: &Products) -> Result<(Vec<PlaneResult>, Report)> {
        let Job { options, settings, inputs, plans, keeper, events, .. } = *self;
        let work = (options.method, options.parameters);
        let groups = groups(options, &inputs.dirty);
        let clients = groups.len();
        let job = |(i, group)| {
            let planes = (group, plans);
            let job = PlaneJob::new((i, clients), planes, &inputs.dirty, products, work, (keeper, events));
            job.until(options.time_limit)
        };
        let mut jobs: Vec<PlaneJob<'_>> = groups.into_iter().enumerate().map(job).collect();
        let report = run(&mut jobs, settings, events)?;
        let mut results: Vec<(usize, PlaneResult)> = jobs.into_iter().flat_map(|job| job.results).collect();
        results.sort_by_key(|(plane, _)| *plane);
        Ok((results.into_iter().map(|(_, result)| result).collect(), report))
    }
}

/// Seconds of the clock and of the processors.
#[derive(Clone, Copy)]
struct Times {
    wall: f64,
    cpu: f64,
}

impl Times {
    fn now(events: &Events) -> Times {
        Times { wall: events.seconds(), cpu: machine::cpu_seconds() }
    }

    fn since(self, begin: Times) -> Times {
        Times { wall: self.wall - begin.wall, cpu: self.cpu - begin.cpu }
    }
}

fn run(jobs: &mut [PlaneJob<'_>], settings: &Settings, events: &Events) -> Result<Report> {
    let mut clients: Vec<&mut dyn Client> = jobs.iter_mut().map(|job| job as &mut dyn Client).collect();
    schedule::run(&mut clients, settings, events)
}

fn summarise(
    (options, how): (&Options, &Settings),
    inputs: &Inputs,
    plans: &[PlanePlan],
    results: &[PlaneResult],
    report: &Report,
    forecast: &Forecast,
) -> Summary {
    let groups = groups(options, &inputs.dirty);
    let planes = plans.iter().zip(results).enumerate().map(|(plane, (plan, result))| {
        let joined = groups.iter().find(|group| group.contains(&plane)).zip(result.joined);
        let joined = joined.map(|(group, progress)| JoinedSummary::new(group, plans, &progress));
        PlaneSummary { joined, ..summarise_plane(options, inputs, plan, result) }
    });
    let planes: Vec<PlaneSummary> = planes.collect();
    let grid = results.first().map(|result| result.grid);
    Summary {
        version: env!("CARGO_PKG_VERSION").into(),
        method: options.method.name().into(),
        join_polarizations: options.join_polarizations,
        model: options.model.clone(),
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
        strip_bytes: options.strip,
        wall_s: 0.0,
        cpu_s: 0.0,
        run_s: 0.0,
        run_cpu_s: 0.0,
        checkpoints: 0,
        checkpoint_s: 0.0,
        peak_rss_bytes: machine::peak_resident_bytes(),
        predicted_peak_bytes: forecast.predicted_peak_bytes,
        memory_bytes: forecast.memory_bytes,
        device_peak_bytes: report.device_peak_bytes,
        scratch: report.scratch,
        tasks: report.tasks,
        kernels: report.kernels.clone(),
        score: None,
        notes: Vec::new(),
    }
}

fn summarise_plane(options: &Options, inputs: &Inputs, plan: &PlanePlan, result: &PlaneResult) -> PlaneSummary {
    PlaneSummary {
        name: plan.label.name.clone(),
        stokes: plan.label.stokes.clone(),
        channel: plan.label.channel,
        joined: None,
        device: result.device.clone(),
        iterations: result.progress.iterations,
        halo_iterations: result.progress.halo_iterations,
        refreshes: result.progress.refreshes,
        careful: result.progress.careful,
        filter: result.progress.filter,
        chain: result.chain.as_ref().map(ChainSummary::new),
        stop_reason: result.reason,
        scales: plan.scales(options, inputs.dirty.shape()).map(|scales| scales.pixels().to_vec()),
        peak_before: result.progress.first_peak,
        peak_after: result.progress.peak,
        rms_after: result.progress.rms,
        seams: result.progress.seams,
        mask_pixels: options.is_masked().then_some(result.progress.pixels),
        model_flux: result.model_flux,
        missing_sidelobes: plan.missing_sidelobes.map(|part| part * result.progress.first_peak),
        beam: BeamSummary::new(&plan.beam, plan.beam_source, inputs.dirty.cell().known),
        seconds: result.seconds,
    }
}
