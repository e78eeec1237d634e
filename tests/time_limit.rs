//! Runs with a time limit: over at once, or never, as nothing here measures time.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Method, StopReason};
use deconv::event::Events;
use deconv::job::{Options, deconvolve_with, is_finished};
use deconv::schedule::Settings;
use std::thread::sleep;
use std::time::Duration;
use support::fits::Fits;
use support::job::{Done, products, run};
use support::oracle::{Beam, convolve, peak};
use support::program::Place;
use support::resume::{At, files, inputs, refresh, resume, small, stop, undisturbed};

/// Over before anything has begun.
const NOTHING: Option<f64> = Some(1e-9);

/// Not over before the test is.
const FOREVER: Option<f64> = Some(1e9);

/// Dirty image, model and residual of every plane belong together.
fn check(job: &Options, done: &Done) {
    let beam = Beam::new(&Fits::read(&job.psf).plane(0));
    for plane in 0..done.model.planes() {
        let dirty = Fits::read(&job.dirty).plane(plane);
        let blank = dirty.mapv(|pixel| if pixel.is_nan() { 0.0 } else { 1.0 });
        let expected = support::oracle::without_blanks(&dirty) - convolve(&done.model.plane(plane), &beam);
        let residual = support::oracle::without_blanks(&done.residual.plane(plane));
        let off = peak(&((residual - expected) * blank));
        assert!(off < 1e-6, "plane {plane}: the residual is off by {off}");
    }
}

fn reasons(done: &Done) -> Vec<(StopReason, u64)> {
    done.summary.planes.iter().map(|plane| (plane.stop_reason, plane.iterations)).collect()
}

#[test]
fn without_any_time_every_plane_has_products_of_an_empty_model() {
    let from = tempfile::tempdir().unwrap();
    inputs(from.path(), 3);
    for method in [Method::Clark, Method::Hogbom, Method::Multiscale] {
        let to = tempfile::tempdir().unwrap();
        let job = Options { method, time_limit: NOTHING, ..small(from.path(), to.path()) };
        let done = run(&job);
        assert_eq!(reasons(&done), [(StopReason::TimeLimit, 0); 3]);
        assert!(done.model.pixels.iter().all(|&flux| flux == 0.0));
        check(&job, &done);
        assert_eq!(files(to.path()).len(), 3);
        // It is done: there is nothing to go on with.
        assert!(is_finished(&Options { resume: true, ..job }));
    }
}

#[test]
fn with_enough_time_a_limit_changes_nothing() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    inputs(from.path(), 2);
    let job = small(from.path(), to.path());
    let expected = undisturbed(&job);
    run(&Options { time_limit: FOREVER, ..job });
    assert!(files(to.path()) == expected);
}

#[test]
fn when_time_is_over_the_next_refresh_is_the_last() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    inputs(from.path(), 3);
    // However fast the machine is, the limit is over after the first refresh; however slow it is, it may be over before.
    let limit = 0.2;
    let job = Options { time_limit: Some(limit), ..small(from.path(), to.path()) };
    let at = At { n: 1, seen: 0.into(), like: refresh, then: Box::new(move || sleep(Duration::from_secs_f64(limit))) };
    let summary = deconvolve_with(&job, &Settings::inline(), &Events::new(vec![Box::new(at)])).unwrap();
    let planes = &summary.planes;
    assert!(planes.iter().all(|plane| plane.refreshes <= 2), "{planes:?}");
    assert!(planes.iter().all(|plane| plane.stop_reason == StopReason::TimeLimit), "{planes:?}");
    let done = products(&job, summary);
    check(&job, &done);
}

#[test]
fn a_stopped_run_goes_on_with_or_without_a_limit() {
    let from = tempfile::tempdir().unwrap();
    inputs(from.path(), 2);
    let expected = undisturbed(&small(from.path(), from.path()));
    for (before, after) in [(FOREVER, None), (None, FOREVER), (FOREVER, NOTHING)] {
        let to = tempfile::tempdir().unwrap();
        let job = Options { time_limit: before, ..small(from.path(), to.path()) };
        stop(&job, if after == NOTHING { 1 } else { 2 }, refresh);
        let job = Options { time_limit: after, ..job };
        let (summary, notes) = resume(&job, &Settings::inline()).unwrap();
        assert!(notes.iter().any(|note| note.starts_with("goes on")), "{notes:?}");
        if after == NOTHING {
            // It goes on with the cycle that came next, and no further.
            let planes: Vec<_> = summary.planes.iter().map(|plane| (plane.stop_reason, plane.refreshes)).collect();
            assert_eq!(planes, [(StopReason::TimeLimit, 2), (StopReason::TimeLimit, 0)]);
        } else {
            assert!(files(to.path()) == expected, "{before:?} {after:?}");
        }
    }
}

#[test]
fn what_is_no_time_is_refused() {
    let place = Place::new();
    let job = "--dirty dirty.fits --psf psf.fits --output a";
    for limit in ["0", "-1", "0m", "NaN", "inf", "1e400"] {
        place.refused(&format!("{job} --time-limit={limit}"), 2, &["--time-limit", "number above 0"]);
    }
    for limit in ["soon", "1d", "1h30m", "h", "5 minutes", "10:00"] {
        let mut command = place.command(job);
        let ended = support::program::Ended::from(command.arg(format!("--time-limit={limit}")).output().unwrap());
        assert_eq!(ended.status, Some(2), "{limit}: {ended:?}");
        assert!(ended.err.contains("--time-limit") && ended.err.contains("15m"), "{limit}: {}", ended.err);
    }
    for limit in ["90", "1.5m", "2h", "1e3s"] {
        place.done(&format!("--output a --overwrite --quiet --time-limit {limit}"));
    }
    let ended = place.done("--output b --time-limit 1e-9");
    assert!(ended.out.contains("time-limit"), "{}", ended.out);
    assert!(Fits::read(&place.path("b-image.fits")).history().contains("stopped: time-limit"));
}
