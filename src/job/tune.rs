//! What of a job is left to the machine, settled: storage strips, which change no bit, and with `--chunk auto` the chunks.

use super::Options;
use super::fingerprint::Fingerprint;
use super::hardware::Hardware;
use super::profile::{MachineProfile, Profile};
use crate::algorithm::{Method, PATCH};
use crate::schedule::Settings;
use std::path::Path;

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
    let work = (options.method, settings.workers());
    tuned.strip = options.strip.or_else(|| known.as_ref()?.strip(work, shape));
    if options.auto_chunk && options.method.is_chunked() {
        let (chunk, because) = match begun {
            Some(fingerprint) => (fingerprint.chunk(), "as the run was begun with"),
            None => match known.and_then(|known| known.chunk(work, shape)) {
                Some(chunk) => (Some(chunk), "the fastest of the profile"),
                None => (Some(fastest(options, shape, settings)), "by what is known of such machines"),
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

/// The chunk that should be fastest for a plane of which nothing was measured.
fn fastest(options: &Options, (rows, cols): (usize, usize), settings: &Settings) -> (usize, usize) {
    let sides = [1024, 512, 256, 128];
    let count = |side: usize| rows.div_ceil(side) * cols.div_ceil(side);
    let side = sides.into_iter().find(|&side| count(side) >= 4 * settings.workers()).unwrap_or(64);
    (side, side)
}
