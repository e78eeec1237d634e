//! What of a job is left to the machine, settled: storage strips, which change no bit, and with `--chunk auto` the chunks.

use super::Options;
use super::fastest::Work;
use super::fingerprint::Fingerprint;
use super::hardware::Hardware;
use super::profile::{MachineProfile, Profile};
use crate::algorithm::{Method, PATCH};
use crate::kernel::MOST_SCALES;
use crate::schedule::Settings;
use std::path::Path;

/// Scales of components are chosen by a plane of this side at most.
const WIDEST: usize = 1024;

/// The options of a job on planes of this shape with nothing left to the machine any more, and what the user should know of how
/// that was settled. A run that was `begun` goes on with its chunks.
pub fn tune(
    options: &Options,
    shape: (usize, usize),
    settings: &Settings,
    begun: Option<&Fingerprint>,
) -> (Options, Vec<String>) {
    let mut tuned = options.clone();
    let (known, mut notes) = match options.profile.as_deref().map(known) {
        Some(Err(note)) => (None, vec![note]),
        Some(Ok(known)) => (known, Vec::new()),
        None => (None, Vec::new()),
    };
    let key = (options.method, settings.workers());
    tuned.strip = options.strip.or_else(|| known.as_ref()?.strip(key, shape));
    if options.auto_chunk && options.method.is_chunked() {
        let model = work(options, shape, settings);
        let (chunk, because) = match begun {
            Some(fingerprint) => (fingerprint.chunk(), "as the run was begun with"),
            None => match known.and_then(|known| known.chunk(key, shape)) {
                Some(chunk) => (Some(model.fitting(chunk)), "the fastest of the profile"),
                None => (Some(model.fastest()), "by what is known of such machines"),
            },
        };
        let size = chunk.map_or("as the method chooses".into(), |(rows, cols)| format!("{rows} x {cols}"));
        notes.push(format!("--chunk auto: {size}, {because}"));
        tuned.parameters.chunk = chunk;
    }
    (tuned, notes)
}

/// What a profile knows of this machine: nothing, if there is none; or why it is of no use.
fn known(path: &Path) -> Result<Option<MachineProfile>, String> {
    let Some(profile) = Profile::read(path).map_err(|error| format!("{error}; not used"))? else { return Ok(None) };
    let here = Hardware::here();
    match profile.of(&here) {
        Some(known) => Ok(Some(known.clone())),
        None => Err(format!("the profile {} is of other machines than this ({here}): not used", path.display())),
    }
}

/// What is known of a job's minor cycles before its PSF is looked at.
fn work(options: &Options, shape: (usize, usize), settings: &Settings) -> Work {
    let parameters = &options.parameters;
    let shorter = shape.0.min(shape.1).min(WIDEST);
    let (halo, blocks) = match options.method {
        // Its default scales go up to an eighth of that, and are about three quarters of it.
        Method::Multiscale => {
            let largest = parameters.scales.map_or(0.75 * shorter as f64 / 8.0, |scales| scales.largest());
            (PATCH + largest as usize, MOST_SCALES)
        }
        _ => (PATCH, 1),
    };
    let workers = settings.workers();
    Work {
        shape,
        halo: parameters.overlap.unwrap_or(halo),
        workers,
        cache: Hardware::here().l3_bytes,
        // Its pixels and what they are copied from, of a third of the budget: the rest is for strips and spectra.
        most: settings.budget / (3 * 2 * blocks * workers),
    }
}
