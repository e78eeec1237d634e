//! Jobs that are stopped and gone on with.
#![allow(clippy::unwrap_used)] // A test may panic.

use super::fits::Fits;
use super::job::options;
use super::noise;
use deconv::algorithm::{Boundary, Method, Parameters};
use deconv::error::{Error, Result};
use deconv::event::{Event, Events, Listener, What};
use deconv::job::{Options, Summary, deconvolve_with};
use deconv::kernel::Signs;
use deconv::schedule::Settings;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// The names of the products.
pub const PRODUCTS: [&str; 3] = ["image", "model", "residual"];

/// Writes the inputs of jobs with so many planes into a directory.
pub fn inputs(directory: &Path, planes: usize) {
    // Of two Gaussians: its transform is nowhere negative, so that CLEAN gets deep, in many cycles.
    let psf = |dy: i64, dx: i64| {
        let r2 = (dy * dy) as f64 + 0.7 * (dx * dx) as f64;
        0.6 * (-r2 / 1.5).exp() + 0.4 * (-r2 / 12.0).exp()
    };
    let at = |y: usize, x: usize, row: i64, column: i64| psf(y as i64 - row, x as i64 - column);
    let sources = |y, x| at(y, x, 16, 14) - 0.4 * at(y, x, 30, 29) + 0.15 * at(y, x, 33, 10);
    let axes = [("RA---SIN", 44), ("DEC--SIN", 48), ("STOKES", planes)];
    let dirty = Fits::new(&axes, |plane, y, x| {
        let noise = 1e-4 * f64::from(noise(plane as u64 + 1, 1000 * y + x));
        if (y, x) == (1, 2) { f64::NAN } else { sources(y, x) + noise * (1 + 3 * plane) as f64 }
    });
    dirty.card("BUNIT   = 'JY/BEAM '").write(directory.join("dirty.fits"));
    Fits::new(&axes[..2], |_, y, x| at(y, x, 24, 22)).write(directory.join("psf.fits"));
}

/// A job on the inputs in one directory whose products go to another one: Clark's CLEAN with several refreshes on four
/// chunks, a checkpoint at each of them.
pub fn small(from: &Path, to: &Path) -> Options {
    let job = options(from.join("dirty.fits"), from.join("psf.fits"), to.join("out"));
    let parameters = Parameters { niter: 400, nsigma: 0.3, chunk: Some((24, 24)), overlap: Some(8), ..job.parameters };
    Options { method: Method::Clark, parameters, checkpoint_share: f64::INFINITY, ..job }
}

/// The same by a filter that iterates, long enough to be held several times.
pub fn small_filter(from: &Path, to: &Path) -> Options {
    let parameters = Parameters { tolerance: 1e-5, iterations: Some(26), ..Parameters::DEFAULT };
    Options { method: Method::WienerHunt, parameters, ..small(from, to) }
}

/// A way to make a job on the inputs in one directory whose products go to another one, and its name.
pub type Job = (&'static str, fn(&Path, &Path) -> Options);

/// Jobs whose state is pixels: by every method, and where it solves in two ways by both.
pub const FILTERS: [Job; 7] = [
    ("filter", small_filter),
    ("lucy", |from, to| {
        let parameters = Parameters { iterations: Some(14), ..Parameters::DEFAULT };
        Options { method: Method::RichardsonLucy, parameters, ..small(from, to) }
    }),
    ("huber", |from, to| {
        let parameters = Parameters { iterations: Some(12), tolerance: 1e-6, ..Parameters::DEFAULT };
        Options { method: Method::Huber, parameters, ..small(from, to) }
    }),
    ("positive huber", |from, to| {
        let signs = Signs::Positive;
        let parameters = Parameters { iterations: Some(12), tolerance: 1e-6, signs, ..Parameters::DEFAULT };
        Options { method: Method::Huber, parameters, border: 10.0, ..small(from, to) }
    }),
    ("periodic huber", |from, to| {
        let boundary = Boundary::Periodic;
        let parameters = Parameters { iterations: Some(18), tolerance: 1e-6, boundary, ..Parameters::DEFAULT };
        Options { method: Method::Huber, parameters, ..small(from, to) }
    }),
    ("sampler", |from, to| {
        let parameters = Parameters { samples: Some(6), model_uncertainty: true, ..Parameters::DEFAULT };
        Options { method: Method::UnsupervisedWiener, parameters, border: 5.0, ..small(from, to) }
    }),
    ("periodic sampler", |from, to| {
        let boundary = Boundary::Periodic;
        let parameters = Parameters { samples: Some(12), boundary, ..Parameters::DEFAULT };
        Options { method: Method::UnsupervisedWiener, parameters, ..small(from, to) }
    }),
];

/// Every file of a directory with its bytes.
pub fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap()))
        .collect()
}

/// What a job writes that nothing disturbs, in a directory of its own.
pub fn undisturbed(options: &Options) -> BTreeMap<String, Vec<u8>> {
    let directory = tempfile::tempdir().unwrap();
    let job = Options { output: Some(directory.path().join("out")), ..options.clone() };
    deconvolve_with(&job, &Settings::inline(), &Events::silent()).unwrap();
    let found = files(directory.path());
    assert!(PRODUCTS.iter().all(|name| found.contains_key(&format!("out-{name}.fits"))));
    assert!(found.keys().all(|name| name.starts_with("out-") && name.ends_with(".fits")));
    found
}

/// Goes on with a job; the summary and what was noted.
pub fn resume(options: &Options, settings: &Settings) -> Result<(Summary, Vec<String>)> {
    let notes = Notes::default();
    let events = Events::new(vec![Box::new(notes.clone())]);
    let summary = deconvolve_with(&Options { resume: true, ..options.clone() }, settings, &events)?;
    let notes = notes.0.lock().unwrap().clone();
    Ok((summary, notes))
}

/// Stops a job as a signal does, at the n-th event (from 1) that is like that; its error.
pub fn stop(options: &Options, n: u64, like: fn(&What) -> bool) -> Error {
    let settings = Settings::inline();
    let cancel = settings.cancel.clone();
    let at = At { n, seen: AtomicU64::new(0), like, then: Box::new(move || cancel.store(true, Ordering::Relaxed)) };
    deconvolve_with(options, &settings, &Events::new(vec![Box::new(at)])).unwrap_err()
}

/// Is an event a refresh?
pub fn refresh(what: &What) -> bool {
    matches!(what, What::Refreshed { .. })
}

/// Where the checkpoint of a job is.
pub fn checkpoint(options: &Options) -> PathBuf {
    options.output.clone().unwrap().with_extension("checkpoint")
}

/// Does something at the n-th event that is like that.
pub struct At {
    pub n: u64,
    pub seen: AtomicU64,
    pub like: fn(&What) -> bool,
    pub then: Box<dyn Fn() + Send + Sync>,
}

impl Listener for At {
    fn hear(&self, event: &Event) {
        if (self.like)(&event.what) && self.seen.fetch_add(1, Ordering::SeqCst) + 1 == self.n {
            (self.then)();
        }
    }
}

/// Counts all events.
#[derive(Clone, Default)]
pub struct Counter(pub Arc<AtomicU64>);

impl Listener for Counter {
    fn hear(&self, _event: &Event) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Remembers what is noted, and what is tried again.
#[derive(Clone, Default)]
pub struct Notes(pub Arc<Mutex<Vec<String>>>);

impl Listener for Notes {
    fn hear(&self, event: &Event) {
        match &event.what {
            What::Note { text, .. } => self.0.lock().unwrap().push(text.clone()),
            What::TryingAgain { error, attempt, .. } => {
                self.0.lock().unwrap().push(format!("trying again {attempt}: {error}"));
            }
            _ => {}
        }
    }
}
