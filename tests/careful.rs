//! CLEAN that goes wrong, goes back to its best state, and goes on from there with less gain.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Method, Parameters, StopReason};
use deconv::error::Kind;
use deconv::event::{Event, Events, Listener, What};
use deconv::job::{Options, PlaneSummary, deconvolve_with};
use deconv::schedule::Settings;
use ndarray::Array2;
use std::path::Path;
use std::sync::{Arc, Mutex};
use support::fits::Fits;
use support::observed::observe;
use support::resume::{files, inputs, refresh, resume, small, stop, undisturbed};

/// What a run said: the rms after each refresh, and the notes in between.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Result<f64, String>>>>);

impl Listener for Told {
    fn hear(&self, event: &Event) {
        match &event.what {
            What::Refreshed { rms, .. } => self.0.lock().unwrap().push(Ok(*rms)),
            What::Note { text, .. } => self.0.lock().unwrap().push(Err(text.clone())),
            _ => {}
        }
    }
}

/// What says that it goes on with less gain.
const WARNING: &str = "CLEAN went wrong; it goes on with less gain";

/// Points under a PSF whose sidelobes reach further than it tells, as it is no larger than the image.
fn lacking(directory: &Path) -> Options {
    let point = |y: usize, x: usize| if (y * 70 + x) % 397 == 5 { 1.0 / (1 + y) as f64 } else { 0.0 };
    let seen = |dy: i64, dx: i64| {
        let r = (dy as f64).hypot(dx as f64);
        0.9 * (-r * r / 6.0).exp() + 0.1 * (0.8 * r).cos() * (-r / 40.0).exp()
    };
    let job = observe(directory, &Array2::from_shape_fn((60, 70), |(y, x)| point(y, x)), seen, 1e-3);
    let parameters = Parameters { niter: 90_000, nsigma: 1.0, ..job.parameters };
    Options { method: Method::Hogbom, parameters, checkpoint_share: f64::INFINITY, ..job }
}

/// Runs a job that goes wrong once, and says so once; its summary, and the best rms before and after that.
fn goes_wrong(job: &Options) -> (PlaneSummary, [f64; 2]) {
    let told = Told::default();
    let events = Events::new(vec![Box::new(told.clone())]);
    let job = Options { overwrite: true, ..job.clone() };
    let plane = deconvolve_with(&job, &Settings::inline(), &events).unwrap().planes.remove(0);
    let told = told.0.lock().unwrap();
    let warns = |entry: &&Result<f64, String>| entry.as_ref().is_err_and(|text| text.starts_with(WARNING));
    assert_eq!(told.iter().filter(warns).count(), 1, "{told:?}");
    let (before, after) = told.split_at(told.iter().position(|entry| warns(&entry)).unwrap());
    let best = |part: &[Result<f64, String>]| part.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    assert!(plane.careful);
    let history = Fits::read(&job.output.unwrap().with_file_name("out-image.fits")).history();
    assert!(history.contains(" refreshes, careful, stopped: "), "{history}");
    (plane, [best(before), best(after)])
}

/// Stops a job at every refresh and goes on with it: the products have the bits of the run that nothing disturbs.
fn goes_on_from_everywhere(job: &Options, refreshes: u64) {
    let expected = undisturbed(job);
    let (mut gone_on, mut said) = (0, Vec::new());
    for n in 1..=refreshes {
        let to = tempfile::tempdir().unwrap();
        let job = Options { output: Some(to.path().join("out")), overwrite: false, ..job.clone() };
        assert_eq!(stop(&job, n, refresh).kind, Kind::Interrupted);
        let (_, notes) = resume(&job, &Settings::threads(2)).unwrap();
        gone_on += u64::from(notes.iter().any(|note| note.starts_with("goes on")));
        said.push(notes.iter().filter(|note| note.starts_with(WARNING)).count());
        assert!(files(to.path()) == expected, "stopped at refresh {n} of {refreshes}");
    }
    assert!(gone_on + 1 >= refreshes, "{gone_on} of {refreshes}");
    // What a run said before it was stopped is not said again.
    assert!(said.is_sorted_by(|before, after| before >= after), "{said:?}");
    assert_eq!((said[0], said.last()), (1, Some(&0)), "{said:?}");
}

#[test]
fn a_second_try_ends_at_the_noise() {
    let from = tempfile::tempdir().unwrap();
    inputs(from.path(), 1);
    let job = small(from.path(), from.path());
    let parameters = Parameters { gain: 1.0, nsigma: 1.0, niter: 120_000, ..job.parameters };
    let job = Options { parameters, ..job };
    for method in [Method::Clark, Method::Multiscale] {
        let (plane, [before, after]) = goes_wrong(&Options { method, ..job.clone() });
        assert_eq!(plane.stop_reason, StopReason::Nsigma);
        assert!(after < before, "{method:?}: {before} at first, {after} then");
        assert!(plane.rms_after < 1.02 * after, "{method:?}: {after}, {plane:?}");
    }
    let (plane, _) = goes_wrong(&Options { method: Method::Clark, ..job.clone() });
    goes_on_from_everywhere(&Options { method: Method::Clark, ..job }, plane.refreshes - 1);
}

#[test]
fn a_second_try_may_end_without_success() {
    let from = tempfile::tempdir().unwrap();
    let job = lacking(from.path());
    let (plane, [before, after]) = goes_wrong(&job);
    assert_eq!(plane.stop_reason, StopReason::Stalled);
    // What it went back to is the best of both.
    assert!((plane.rms_after / before.min(after) - 1.0).abs() < 1e-9, "{before}, {after}, {}", plane.rms_after);
    goes_on_from_everywhere(&job, plane.refreshes - 2);
    for (method, gain) in [(Method::Clark, 0.3), (Method::Multiscale, 0.1), (Method::Hogbom, 0.6)] {
        let parameters = Parameters { gain, chunk: Some((30, 35)), overlap: Some(9), ..job.parameters };
        let job = Options { method, parameters, ..job.clone() };
        let (plane, [before, after]) = goes_wrong(&job);
        assert_eq!(plane.stop_reason, StopReason::Diverged, "{method:?}");
        assert!((plane.rms_after / before.min(after) - 1.0).abs() < 1e-9, "{method:?}");
        goes_on_from_everywhere(&job, plane.refreshes - 2);
    }
}
