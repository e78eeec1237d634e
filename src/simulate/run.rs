//! A simulation from its options to its files.

use super::coverage::{Coverage, Tracks};
use super::files::Files;
use super::meta::Meta;
use super::model::Model;
use super::observation::{Observation, Plan};
use super::options::{Convolved, Options};
use crate::array::Padding;
use crate::error::{Error, Result};
use crate::event::Events;
use crate::job::{cut, fit, resident_bytes, settings};
use crate::kernel::gridding::BAND;
use crate::schedule::{self, Settings};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The streams of random numbers of a seed: where stations stand, sources, noise.
pub(super) const STATIONS: u64 = 1;
pub(super) const POINTS: u64 = 2;
pub(super) const NOISE: u64 = 3;

/// Makes a synthetic observation: writes dirty.fits, psf.fits, sky.fits, truth_restored.fits, noise.fits, catalog.csv and
/// meta.json, and psf2n.fits if that is asked for.
///
/// Nothing is left behind unless all of it succeeded. `cancel` stops it.
///
/// # Errors
/// If the options, the files or the memory do not allow it, or if it was stopped.
pub fn simulate(options: &Options, events: &Events, cancel: &Arc<AtomicBool>) -> Result<Meta> {
    options.check()?;
    let settings = settings(options.scheduler, options.threads, options.memory, cancel)?;
    simulate_with(options, &settings, events)
}

/// [`simulate`] with tasks run in a way of one's own, as tests do. Scheduler and threads are those of `settings`.
///
/// # Errors
/// Those of [`simulate`].
pub fn simulate_with(options: &Options, settings: &Settings, events: &Events) -> Result<Meta> {
    options.check()?;
    let start = events.seconds();
    let before = resident_bytes();
    let tracks = Tracks::new(options.telescope, options.seed, options.hours);
    let (longest, cell) = (tracks.longest(), (options.cell() / 3600.0).to_radians());
    check_sampling(longest, cell)?;
    let mut files = Files::create(options)?;
    let frame = if options.convolved == Convolved::Periodic { options.size } else { 2 * options.size };
    let padding = cut(Padding::exactly(frame, frame), settings.budget, settings.workers());
    let coverage = Coverage::new(&tracks, padding, 1.0 / (frame as f64 * cell), options.robust);
    drop(tracks);
    let plan = Plan { options, coverage, model: Model::new(options) };
    let mut observation = Observation::new(&plan, &mut files, events);
    let scratch = options.scratch.as_deref().unwrap_or(&options.output);
    let budget = settings.budget.saturating_sub(resident_bytes().saturating_sub(before));
    let settings = fit(observation.rehearse(), &Settings { budget, ..settings.clone() }, scratch)
        .map_err(|error| error.about(&options.output).remedy("give more --memory, or choose a smaller --size"))?;
    schedule::run(&mut [&mut observation], &settings, events)?;
    let found = observation.found;
    let beam = found.beam.ok_or_else(|| Error::internal("a simulation ended without a beam"))?;
    let meta = Meta {
        n: options.size,
        seed: options.seed,
        array: options.telescope.name().into(),
        conv: options.convolved.name().into(),
        cell_arcsec: options.cell(),
        uvmax_lambda: longest,
        uv_grid: frame,
        uv_filled: plan.coverage.filled as f64 / (frame as f64 * frame as f64),
        bmaj_arcsec: beam.major * 3600.0,
        bmin_arcsec: beam.minor * 3600.0,
        bpa_deg: beam.pa,
        psf_max_sidelobe_outside_2bmaj: found.sidelobe,
        psf_min: found.psf_min,
        nsrc: plan.model.points.len(),
        point_flux: plan.model.point_flux(),
        extended_flux: plan.model.extended_flux(),
        dirty_peak: found.dirty_peak,
        dirty_rms: found.dirty.std(),
        dirty_noiseless_rms: found.noiseless.std(),
        noise_rms: found.noise.std(),
        truth_peak: found.truth_peak,
        seconds: events.seconds() - start,
    };
    let text = serde_json::to_string_pretty(&meta).map_err(|e| Error::internal(format!("no meta.json: {e}")))?;
    files.write_texts(&plan.model.catalogue(), &(text + "\n"))?;
    files.publish(options.overwrite)?;
    Ok(meta)
}

/// Points can only be gridded well where pixels are finer than what the longest baseline sees.
fn check_sampling(longest: f64, cell: f64) -> Result<()> {
    if longest * cell <= BAND {
        return Ok(());
    }
    let arcsec = |radians: f64| radians.to_degrees() * 3600.0;
    let message =
        format!("--cell {:.3}: too coarse for the longest baseline of {longest:.0} wavelengths", arcsec(cell));
    Err(Error::usage(message)
        .remedy(format!("give at most {:.3} arcsec", (1e3 * arcsec(BAND / longest)).floor() / 1e3)))
}
