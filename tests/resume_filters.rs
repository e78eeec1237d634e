//! Methods whose state is pixels go on in the middle of a plane, with the bits of a run that nothing disturbed.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Boundary, Method, Parameters};
use deconv::error::Kind;
use deconv::event::{Event, Events, Listener, What};
use deconv::job::{Options, Summary, deconvolve_with};
use deconv::schedule::{ScratchPlace, Settings};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use support::program::Place;
use support::resume::{FILTERS, Job, checkpoint, files, inputs, refresh, resume, stop, undisturbed};
use tempfile::TempDir;

/// So many refreshes may be told once more: the iterations of a solution within one of the method's own.
const AGAIN: usize = 6;

/// Remembers the iterations of each refresh.
#[derive(Clone, Default)]
struct Refreshes(Arc<Mutex<Vec<u64>>>);

impl Listener for Refreshes {
    fn hear(&self, event: &Event) {
        if let What::Refreshed { iterations, .. } = event.what {
            self.0.lock().unwrap().push(iterations);
        }
    }
}

/// Runs a job; its summary and how often it told a refresh.
fn run(job: &Options, settings: &Settings) -> (Summary, usize) {
    let refreshes = Refreshes::default();
    let events = Events::new(vec![Box::new(refreshes.clone())]);
    let summary = deconvolve_with(job, settings, &events).unwrap_or_else(|error| panic!("{error}"));
    let told = refreshes.0.lock().unwrap().len();
    (summary, told)
}

/// What a summary says of the products: of the planes all but the time, and the notes.
fn said(mut summary: Summary) -> String {
    summary.planes.iter_mut().for_each(|plane| plane.seconds = 0.0);
    format!("{:?} {:?}", summary.planes, summary.notes)
}

fn settings(n: usize) -> Settings {
    match n % 3 {
        0 => Settings::inline(),
        1 => Settings::threads(2),
        _ => Settings { shuffle: Some(n as u64), poison: true, ..Settings::threads(3) },
    }
}

/// Inputs, and the directory of the products.
fn places() -> (TempDir, TempDir) {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    inputs(from.path(), 1);
    (from, to)
}

/// Stops a job at its refreshes, one after the other; each time it ends with the same files and says the same of them.
fn stopped_at_every_refresh((name, job): Job) {
    let (from, reference) = places();
    let (summary, all) = run(&job(from.path(), reference.path()), &Settings::inline());
    let (expected, summary) = (files(reference.path()), said(summary));
    assert!(all > 2 * AGAIN, "{name}: {all} refreshes");
    for n in (1..=all).step_by(all.div_ceil(40)) {
        let to = tempfile::tempdir().unwrap();
        let job = job(from.path(), to.path());
        assert_eq!(stop(&job, n as u64, refresh).kind, Kind::Interrupted);
        let again = Options { resume: true, ..job };
        let mut left = all - n;
        if n % 4 == 3 && left > 2 * AGAIN {
            assert_eq!(stop(&again, 2 * AGAIN as u64, refresh).kind, Kind::Interrupted);
            left -= AGAIN;
        }
        let (found, told) = run(&again, &settings(n));
        assert!(files(to.path()) == expected, "{name}, refresh {n}: {:?}", files(to.path()).keys());
        assert_eq!(said(found), summary, "{name}, refresh {n}");
        assert!(told <= left + AGAIN, "{name}, refresh {n} of {all}: {told} once more");
    }
}

#[test]
fn filters_go_on_at_every_refresh() {
    FILTERS[..2].iter().for_each(|job| stopped_at_every_refresh(*job));
}

#[test]
fn huber_goes_on_at_every_refresh() {
    FILTERS[2..5].iter().for_each(|job| stopped_at_every_refresh(*job));
}

#[test]
fn the_sampler_goes_on_at_every_refresh() {
    FILTERS[5..].iter().for_each(|job| stopped_at_every_refresh(*job));
}

/// A job that was stopped at a refresh, and what it writes if it is not.
fn stopped((_, job): Job, n: u64) -> ((TempDir, TempDir), Options, BTreeMap<String, Vec<u8>>) {
    let (from, to) = places();
    let job = job(from.path(), to.path());
    let expected = undisturbed(&job);
    assert_eq!(stop(&job, n, refresh).kind, Kind::Interrupted);
    ((from, to), job, expected)
}

/// The hidden files in which the states of a plane are.
fn shelf(to: &Path) -> Vec<PathBuf> {
    ["a", "b"].map(|which| to.join(format!(".out.checkpoint-0{which}.part"))).to_vec()
}

#[test]
fn a_state_that_is_not_whole_is_begun_anew() {
    let change = |path: &Path| {
        let mut bytes = std::fs::read(path).unwrap();
        let at = bytes.len() - 5;
        bytes[at] ^= 1;
        std::fs::write(path, bytes).unwrap();
    };
    let cut = |path: &Path| {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() - 4).unwrap();
    };
    let remove = |path: &Path| std::fs::remove_file(path).unwrap();
    for job in FILTERS {
        for harm in [change as fn(&Path), cut, remove] {
            let ((_from, to), job, expected) = stopped(job, 12);
            shelf(to.path()).iter().filter(|path| path.exists()).for_each(|path| harm(path));
            let (_, notes) = resume(&job, &Settings::inline()).unwrap();
            assert!(notes.iter().any(|note| note == "its state is not whole: it begins anew"), "{notes:?}");
            assert!(files(to.path()) == expected);
        }
    }
}

#[test]
fn the_other_of_both_states_is_not_looked_at() {
    // What a sampler has held before draws count is twice the same.
    for job in FILTERS.into_iter().filter(|(name, _)| *name != "periodic sampler") {
        let ((_from, to), job, expected) = stopped(job, 12);
        let [a, b] = [0, 1].map(|which| shelf(to.path())[which].clone());
        let bytes = [&a, &b].map(|path| std::fs::read(path).unwrap());
        assert!(bytes[0] != bytes[1]);
        // Whichever is the last one: without the other the run goes on, without both it does not.
        let went_on = [(&a, &bytes[0]), (&b, &bytes[1])].map(|(path, bytes)| {
            let before = files(to.path());
            std::fs::write(path, vec![0; bytes.len()]).unwrap();
            let (_, notes) = resume(&job, &Settings::inline()).unwrap();
            assert!(files(to.path()) == expected);
            expected.keys().for_each(|name| std::fs::remove_file(to.path().join(name)).unwrap());
            before.iter().for_each(|(name, bytes)| std::fs::write(to.path().join(name), bytes).unwrap());
            !notes.iter().any(|note| note.contains("begins anew"))
        });
        assert!(went_on[0] != went_on[1], "{went_on:?}");
    }
}

#[test]
fn other_options_are_refused() {
    type Other = (&'static str, fn(&mut Parameters), &'static str);
    let others: [Other; 9] = [
        ("lucy", |p| p.iterations = Some(15), "--iterations 14, this run of --iterations 15"),
        ("huber", |p| p.delta = Some(0.1), "--delta the method's own, this run of --delta 0.1"),
        ("huber", |p| p.tolerance = 1e-5, "--tolerance 0.000001, this run of --tolerance 0.00001"),
        ("huber", |p| p.boundary = Boundary::Periodic, "--boundary linear, this run of --boundary periodic"),
        ("positive huber", |p| p.signs = Parameters::DEFAULT.signs, "components: --no-negative, this run of"),
        ("sampler", |p| p.seed = 2, "--seed 1, this run of --seed 2"),
        ("sampler", |p| p.samples = Some(7), "--samples 6, this run of --samples 7"),
        ("sampler", |p| p.model_uncertainty = false, "--model-uncertainty: yes, this run of"),
        ("periodic sampler", |p| p.noise = Some(1e-3), "--noise measured, this run of --noise 0.001"),
    ];
    for (name, change, words) in others {
        let job = FILTERS.into_iter().find(|job| job.0 == name).unwrap();
        let ((_from, to), job, expected) = stopped(job, 9);
        let mut other = Options { resume: true, ..job.clone() };
        change(&mut other.parameters);
        let before = files(to.path());
        let error = deconvolve_with(&other, &Settings::inline(), &Events::silent()).unwrap_err();
        assert!(error.to_string().contains(words) && error.to_string().contains("--overwrite"), "{error}");
        assert!(files(to.path()) == before);
        resume(&job, &Settings::inline()).unwrap();
        assert!(files(to.path()) == expected && !checkpoint(&job).exists(), "{name}");
    }
}

#[test]
fn what_was_held_in_memory_enough_goes_on_in_little() {
    let place = Place::simulated(512);
    let sampler = Method::UnsupervisedWiener;
    let (linear, periodic) = (Boundary::Linear, Boundary::Periodic);
    for (method, boundary, n) in [(Method::Huber, linear, 28), (sampler, linear, 9), (sampler, periodic, 54)] {
        let mut job = Options::new(place.path("dirty.fits"), place.path("psf.fits"));
        (job.method, job.output, job.checkpoint_share) = (method, Some(place.path("out")), f64::INFINITY);
        (job.parameters.iterations, job.parameters.boundary) = (Some(4), boundary);
        job.parameters.samples = (method == sampler).then_some(2);
        let expected = undisturbed(&job);
        assert_eq!(stop(&job, n, refresh).kind, Kind::Interrupted);
        let (summary, notes) = in_the_least_memory(&job);
        assert!(summary.scratch.written_bytes > 0, "{method:?} {boundary:?}: {:?}", summary.scratch);
        assert!(notes.iter().any(|note| note.ends_with("1 under way")), "{notes:?}");
        for (name, bytes) in expected {
            assert!(std::fs::read(place.path(&name)).unwrap() == bytes, "{method:?} {boundary:?}: {name}");
            std::fs::remove_file(place.path(&name)).unwrap();
        }
    }
}

/// Goes on with a job in as little memory as it takes, to a quarter of a MiB: what is too little is refused before anything is done.
fn in_the_least_memory(job: &Options) -> (Summary, Vec<String>) {
    let least = (1..400).find_map(|quarters| {
        let scratch = Some(ScratchPlace { directory: std::env::temp_dir(), bytes: 0 });
        let settings = Settings { budget: quarters << 18, scratch, ..Settings::inline() };
        match resume(job, &settings) {
            Err(error) if error.message.contains("the least that would do") => None,
            done => Some(done.unwrap_or_else(|error| panic!("{error}"))),
        }
    });
    least.unwrap()
}
