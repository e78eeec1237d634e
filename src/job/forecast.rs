//! What a job will take, told before it runs: memory, scratch, products.

use super::Options;
use super::device::cut_for_device;
use super::group::groups;
use super::memory;
use super::plan::{Inputs, PlanePlan};
use super::steps;
use crate::array::{Padding, PsfReach};
use crate::error::{Error, Kind, Result};
use crate::event::What;
use crate::graph::Graph;
use crate::schedule::{self, PORTERS, ScratchPlace, Settings};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What a job will take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// Bytes of memory that the process may have.
    pub memory_bytes: usize,
    /// The most bytes of memory that it will have.
    pub predicted_peak_bytes: usize,
    /// The most bytes that it would have if it might have as many as it wants.
    pub wanted_bytes: usize,
    /// Bytes of scratch; 0 where everything fits the memory.
    pub scratch_bytes: u64,
    /// Where scratch would be.
    pub scratch_directory: PathBuf,
    /// Bytes read from scratch in each cycle of CLEAN.
    pub cycle_read_bytes: u64,
    /// Bytes written to scratch in each cycle of CLEAN.
    pub cycle_written_bytes: u64,
    /// Bytes of the products.
    pub output_bytes: u64,
    /// The device that works on planes, if one does on any.
    pub device: Option<String>,
    /// The most bytes of its memory that a plane will have there.
    pub device_bytes: usize,

    /// Rows and columns of the padded frame of the transforms, one for each plane.
    pub padded: Vec<[usize; 2]>,
}

impl Forecast {
    /// What listeners are told of it.
    pub fn event(&self) -> What {
        let Forecast { predicted_peak_bytes: peak_bytes, memory_bytes, scratch_bytes, output_bytes, .. } = *self;
        What::Planned { peak_bytes, memory_bytes, scratch_bytes, output_bytes }
    }
}

/// Where all of the budget will be used, this part of it is kept back for what nobody has thought of.
const RESERVE: usize = 100;

/// Scratch takes so much more than one worker alone would need: with several, the order is not quite the same.
const SCRATCH_MARGIN: f64 = 1.2;

/// Bytes of the scratch file of a plane that would have `peak` bytes in memory if it might, where on paper `found` go to
/// scratch. Porters do not wait for the last moment as paper does: where the memory nearly suffices more goes there, as
/// measured on planes of 1024² and 2048² up to a third of the peak.
fn scratch_bytes(found: u64, peak: usize) -> u64 {
    let peak = peak as u64;
    peak.min(found + peak / 2).max((found as f64 * SCRATCH_MARGIN) as u64)
}

/// A plane's rehearsal, and what that says.
struct Rehearsal {
    graphs: Vec<Graph>,
    forecast: schedule::Forecast,
}

impl Rehearsal {
    fn new(graphs: Vec<Graph>, workers: usize) -> Rehearsal {
        let forecast = schedule::forecast(&graphs, workers);
        Rehearsal { graphs, forecast }
    }

    /// What is left of a budget for the buffer pool, and does all of it fit there? Scratch needs threads of its own.
    fn room(&self, budget: usize, workers: usize) -> (usize, bool) {
        let room = |threads| budget.saturating_sub(memory::overhead(threads, self.forecast.largest));
        match room(workers) {
            enough if enough >= self.forecast.peak_bytes => (enough, true),
            _ => (room(workers + PORTERS).saturating_sub(budget / RESERVE), false),
        }
    }
}

/// What a job is forecast from.
pub struct Forecaster<'a> {
    /// What the user asks for.
    pub options: &'a Options,
    /// How it will be run; its budget is what the process may have beyond `before`.
    pub settings: &'a Settings,
    /// The images.
    pub inputs: &'a Inputs,
    /// Bytes of memory that the process had at the start.
    pub before: usize,
}

impl Forecaster<'_> {
    /// Cuts the planes so that they fit, and says what they will take; with settings in which they can be run.
    ///
    /// # Errors
    /// Of kind `Memory`, if they cannot fit, with the least memory that would do.
    pub fn forecast(&self, plans: &mut [PlanePlan], scratch: &Path) -> Result<(Forecast, Settings)> {
        let Settings { budget, .. } = *self.settings;
        let rehearsals = self.rehearse(plans, budget);
        let workers = self.settings.workers();
        let room = rehearsals.iter().map(|plane| plane.room(budget, workers).0).min().unwrap_or(budget);
        let overhead = budget - room;
        if rehearsals.iter().any(|plane| plane.forecast.least_bytes.min(plane.forecast.peak_bytes) > room) {
            return Err(self.refusal(plans));
        }
        let needed = rehearsals.iter().map(|plane| plane.forecast.peak_bytes).max().unwrap_or(0);
        let wanted = rehearsals.iter().map(|plane| plane.forecast.ease_bytes).max().unwrap_or(0);
        let side_by_side = side_by_side(groups(self.options, &self.inputs.dirty).len(), needed, room, workers);
        let mut forecast = Forecast {
            memory_bytes: self.before.saturating_add(budget),
            predicted_peak_bytes: self.before + overhead + (wanted * side_by_side).min(room),
            wanted_bytes: self.before + overhead + wanted * side_by_side,
            scratch_bytes: 0,
            scratch_directory: scratch.to_path_buf(),
            cycle_read_bytes: 0,
            cycle_written_bytes: 0,
            output_bytes: self.options.products() as u64
                * self.inputs.dirty.axes().pixels() as u64
                * size_of::<f32>() as u64,
            device: plans.iter().find_map(|plan| plan.device.as_ref()).map(|device| device.name.clone()),
            device_bytes: rehearsals.iter().map(|plane| plane.forecast.device_bytes).max().unwrap_or(0),
            padded: plans.iter().map(|plan| [plan.padding.rows, plan.padding.cols]).collect(),
        };
        for plane in rehearsals.into_iter().filter(|plane| plane.forecast.peak_bytes > room) {
            let found = schedule::forecast_scratch(plane.graphs, workers, room)?;
            let bytes = scratch_bytes(found.bytes, plane.forecast.peak_bytes);
            forecast.scratch_bytes = forecast.scratch_bytes.max(bytes);
            // The first graphs read the inputs, the last ones end: one in the middle is a cycle like all others.
            let (read, written) = found.traffic[found.traffic.len() / 2];
            forecast.cycle_read_bytes = forecast.cycle_read_bytes.max(read);
            forecast.cycle_written_bytes = forecast.cycle_written_bytes.max(written);
        }
        let place = ScratchPlace { directory: scratch.to_path_buf(), bytes: forecast.scratch_bytes };
        Ok((forecast, Settings { budget: room, scratch: Some(place), ..self.settings.clone() }))
    }

    /// Rehearses the planes, cut for so many bytes; those that are alike, once.
    fn rehearse(&self, plans: &mut [PlanePlan], budget: usize) -> Vec<Rehearsal> {
        let workers = self.settings.workers();
        let work = (self.options.method, self.options.parameters);
        let mut known: Vec<Vec<(PsfReach, Padding, Option<usize>)>> = Vec::new();
        let mut rehearsals = Vec::new();
        for plan in plans.iter_mut() {
            plan.padding = match plan.device {
                Some(_) => cut_for_device(plan.padding, budget),
                None => cut(plan.padding, budget, workers),
            };
        }
        let facts = |plan: &PlanePlan| (plan.psf.reach, plan.padding, plan.noise_box);
        for group in groups(self.options, &self.inputs.dirty) {
            let alike = group.iter().map(|&plane| facts(&plans[plane])).collect();
            if known.contains(&alike) {
                continue;
            }
            known.push(alike);
            rehearsals.push(Rehearsal::new(steps::rehearse(&self.inputs.dirty, &group, plans, work), workers));
        }
        rehearsals
    }

    /// Would so many bytes beyond `before` do?
    fn would_do(&self, plans: &mut [PlanePlan], budget: usize) -> bool {
        let fits = |plane: &Rehearsal| plane.forecast.least_bytes <= plane.room(budget, self.settings.workers()).0;
        self.rehearse(plans, budget).iter().all(fits)
    }

    fn refusal(&self, plans: &mut [PlanePlan]) -> Error {
        let mib = |bytes: usize| bytes.div_ceil(1 << 20);
        let least = least_mib(self.before, self.settings.budget, |budget| self.would_do(plans, budget));
        let method = self.options.method.name();
        let granted = self.before.saturating_add(self.settings.budget).min(self.options.memory.unwrap_or(usize::MAX));
        let what = if self.options.join_polarizations { "planes that are joined do" } else { "a plane of it does" };
        let message = format!(
            "{what} not fit into {} MiB with {method}, even with all that can be in scratch: the least that would do is \
             {least} MiB",
            mib(granted)
        );
        let remedy = match steps::is_whole(self.options.method) {
            _ if self.options.memory.is_some_and(|asked| mib(asked) >= least) => {
                "the limit of the address space (ulimit -v) leaves it no more: raise it, or choose fewer --threads"
                    .into()
            }
            true => format!("give --memory {least}MiB, or --method clark, which works on smaller chunks"),
            false => format!("give --memory {least}MiB"),
        };
        Error::new(Kind::Memory, message).about(&self.options.dirty).remedy(remedy)
    }
}

/// The least MiB that would do of a process that had so many bytes `before`, where a budget beyond that is too little.
fn least_mib(before: usize, too_little: usize, mut would_do: impl FnMut(usize) -> bool) -> usize {
    const STEP: usize = 1 << 20;
    let (mut too_little, mut enough) = (too_little / STEP, too_little / STEP + 1);
    while !would_do(enough * STEP) {
        (too_little, enough) = (enough, enough * 2);
    }
    while enough - too_little > 1 {
        let middle = (enough + too_little) / 2;
        if would_do(middle * STEP) { enough = middle } else { too_little = middle }
    }
    // What the process has at the start is not the same each time.
    (before + (enough + 1) * STEP).div_ceil(STEP)
}

/// Settings in which graphs of one client can be run that are [`cut`] for a budget, of settings in which that is what the process
/// may have beyond `before`.
///
/// # Errors
/// Of kind `Memory`, if they cannot, with the least memory that would do.
pub fn fit_cut(
    graphs: impl Fn(usize) -> Vec<Graph>,
    settings: &Settings,
    before: usize,
    scratch: &Path,
) -> Result<Settings> {
    let (budget, workers) = (settings.budget, settings.workers());
    let would_do = |budget: usize| {
        let plane = Rehearsal::new(graphs(budget), workers);
        let (room, fits) = plane.room(budget, workers);
        fits || plane.forecast.least_bytes <= room
    };
    if !would_do(budget) {
        let least = least_mib(before, budget, would_do);
        let granted = before.saturating_add(budget) >> 20;
        let message = format!(
            "a plane of it does not fit into {granted} MiB, even with all that can be in scratch: the least that would do is \
             {least} MiB"
        );
        return Err(Error::new(Kind::Memory, message).remedy(format!("give --memory {least}MiB")));
    }
    fit(graphs(budget), settings, scratch)
}

/// Settings in which graphs of one client can be run, of those in which the budget is what the process may have
/// beyond what it has now.
///
/// # Errors
/// Of kind `Memory`, if they cannot.
pub fn fit(graphs: Vec<Graph>, settings: &Settings, scratch: &Path) -> Result<Settings> {
    let plane = Rehearsal::new(graphs, settings.workers());
    let (budget, fits) = plane.room(settings.budget, settings.workers());
    let bytes = match fits {
        true => 0,
        false => schedule::forecast_scratch(plane.graphs, settings.workers(), budget)?.bytes,
    };
    let place = ScratchPlace { directory: scratch.to_path_buf(), bytes: (bytes as f64 * SCRATCH_MARGIN) as u64 };
    Ok(Settings { budget, scratch: Some(place), ..settings.clone() })
}

/// Settings in which a PSF is looked at before it is known what the job needs: that takes a few strips of rows.
pub fn modest(settings: &Settings, scratch: &Path) -> Settings {
    const STRIPS: usize = 16 << 20;
    let place = ScratchPlace { directory: scratch.to_path_buf(), bytes: 0 };
    Settings { budget: settings.budget.max(STRIPS), scratch: Some(place), ..settings.clone() }
}

/// A frame cut into strips for so many workers in so many bytes. A worker's task holds three or four strips, and the next ones wait in
/// memory already; and each worker shall have four of them, if they need not be tiny for that, nor are to have a size of their own.
pub fn cut(frame: Padding, budget: usize, workers: usize) -> Padding {
    const LEAST: usize = 512 << 10;
    let share = frame.rows * frame.cols * size_of::<f32>() / (4 * workers);
    let share = if frame.wanted.is_some() { usize::MAX } else { share.max(LEAST) };
    frame.within((budget / (12 * workers)).min(share))
}

/// How many planes of so many bytes run at once.
fn side_by_side(planes: usize, bytes: usize, room: usize, workers: usize) -> usize {
    (room / bytes.max(1)).clamp(1, workers).min(planes)
}
