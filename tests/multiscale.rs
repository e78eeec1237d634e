//! Multiscale CLEAN in whole jobs: extended sources, chunks, the number of components, going on, and what is refused.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Method, StopReason};
use deconv::error::Kind;
use deconv::event::Events;
use deconv::job::{Options, deconvolve_with};
use deconv::kernel::Scales;
use deconv::schedule::Settings;
use ndarray::Array2;
use std::path::Path;
use support::job::{Done, run, same_bytes_from_every_scheduler};
use support::observed::observe;
use support::oracle::{Beam, convolve};
use support::resume::{files, refresh, resume, stop, undisturbed};

const SHAPE: (usize, usize) = (150, 130);

/// The noise of the image.
const NOISE: f64 = 2e-4;

/// A PSF of twice the image's size with sidelobes that reach everywhere.
fn psf(dy: i64, dx: i64) -> f64 {
    let r2 = (dy * dy + dx * dx) as f64;
    0.98 * (-r2 / 9.0).exp() + 0.02 * (0.5 * r2.sqrt()).cos() * (-r2.sqrt() / 30.0).exp()
}

/// Two extended sources and a few points.
fn sky() -> Array2<f64> {
    let mut sky = Array2::from_shape_fn(SHAPE, |(y, x)| {
        let blob = |row: f64, column: f64, width: f64| {
            let r2 = (y as f64 - row).powi(2) + (x as f64 - column).powi(2);
            (-r2 / (2.0 * width * width)).exp()
        };
        0.004 * blob(60.0, 50.0, 9.0) + 0.01 * blob(100.0, 90.0, 4.0)
    });
    for (at, flux) in [((30, 100), 1.0), ((58, 47), 0.3), ((120, 30), 0.1), ((75, 65), 0.05)] {
        sky[at] += flux;
    }
    sky
}

fn make(directory: &Path) -> Options {
    let mut job = observe(directory, &sky(), psf, 1.7 * NOISE);
    (job.method, job.overwrite) = (Method::Multiscale, true);
    (job.parameters.niter, job.parameters.nsigma) = (20_000, 3.0);
    job.parameters.scales = Some(Scales::new(&[0.0, 8.0, 20.0]).unwrap());
    job
}

fn rms(image: &Array2<f64>) -> f64 {
    (image.iter().map(|v| v * v).sum::<f64>() / image.len() as f64).sqrt()
}

/// Flux of the model, and how far from the true sky it is as seen with a beam of a few pixels.
fn fidelity(done: &Done) -> (f64, f64) {
    let model = done.model.plane(0);
    let beam = Beam::gaussian(SHAPE, done.image.cell(), (5.0, 5.0, 0.0));
    (model.sum() / sky().sum(), rms(&convolve(&(&model - &sky()), &beam)))
}

#[test]
fn extended_sources_come_out_better_than_with_points() {
    let directory = tempfile::tempdir().unwrap();
    let job = make(directory.path());
    let points = fidelity(&run(&Options { method: Method::Clark, ..job.clone() }));
    let mut chosen = job.clone();
    chosen.parameters.scales = None;
    for (job, part) in [(job, 0.7), (chosen, 0.9)] {
        let done = run(&job);
        let scales = fidelity(&done);
        println!("{points:?} with points, {scales:?} with scales {:?}", done.summary.planes[0].scales);
        assert_eq!(done.summary.planes[0].stop_reason, StopReason::Nsigma);
        assert!((scales.0 - 1.0).abs() < part * (points.0 - 1.0).abs(), "flux: {scales:?}, {points:?}");
        assert!(scales.1 < part * points.1, "error: {scales:?}, {points:?}");
    }
}

#[test]
fn exactly_as_many_components_as_it_may_and_chunks_change_little() {
    let directory = tempfile::tempdir().unwrap();
    let mut job = make(directory.path());
    let mut deeper = job.clone();
    deeper.parameters.gain = 0.15;
    let (whole, other) = (run(&job), run(&deeper));
    let control = rms(&(&whole.image.plane(0) - &other.image.plane(0)));
    for (chunk, overlap) in [((75, 65), None), ((64, 130), Some(70)), ((150, 44), None)] {
        (job.parameters.chunk, job.parameters.overlap) = (Some(chunk), overlap);
        let done = run(&job);
        let plane = &done.summary.planes[0];
        assert_eq!(plane.stop_reason, StopReason::Nsigma);
        assert!(plane.halo_iterations > 0 && plane.rms_after < 1.02 * whole.summary.planes[0].rms_after);
        let difference = rms(&(&whole.image.plane(0) - &done.image.plane(0)));
        // As little as another gain does.
        assert!(difference < 1.3 * control, "{chunk:?}: {difference}, another gain {control}");
        for niter in [1, 57, 500] {
            let mut few = job.clone();
            (few.parameters.niter, few.parameters.nsigma) = (niter, 0.0);
            let plane = &run(&few).summary.planes[0];
            assert_eq!((plane.iterations, plane.stop_reason), (niter, StopReason::Niter), "{chunk:?}");
        }
    }
}

#[test]
fn the_same_bytes_from_every_scheduler() {
    let directory = tempfile::tempdir().unwrap();
    let mut job = make(directory.path());
    job.parameters.niter = 900;
    same_bytes_from_every_scheduler(&job, &[None, Some((64, 64))]);
}

#[test]
fn a_run_that_is_stopped_goes_on_with_the_same_bits() {
    let from = tempfile::tempdir().unwrap();
    let mut job = make(from.path());
    (job.checkpoint_share, job.parameters.chunk, job.overwrite) = (f64::INFINITY, Some((75, 65)), false);
    let expected = undisturbed(&job);
    let mut stopped = 0;
    for n in 1..=3 {
        let to = tempfile::tempdir().unwrap();
        let job = Options { output: Some(to.path().join("out")), ..job.clone() };
        assert_eq!(stop(&job, n, refresh).kind, Kind::Interrupted);
        let (_, notes) = resume(&job, &Settings::threads(2)).unwrap();
        stopped += u32::from(notes.iter().any(|note| note.starts_with("goes on")));
        assert!(files(to.path()) == expected, "refresh {n}");
    }
    assert!(stopped >= 2, "{stopped}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut job = make(directory.path());
    job.parameters.scales = Some(Scales::new(&[0.0, 131.0]).unwrap());
    let refused = |job: &Options| deconvolve_with(job, &Settings::inline(), &Events::silent()).unwrap_err();
    let error = refused(&job);
    assert!(error.message.contains("--scales: 131 pixels are more than the image has"), "{error}");
    // Another method does not look at them.
    job.parameters.niter = 3;
    run(&Options { method: Method::Clark, ..job.clone() });
    job.parameters.scales = None;
    for bias in [0.0, -1.0, 1.01, f64::NAN] {
        job.parameters.scale_bias = bias;
        assert!(refused(&job).message.contains("--scale-bias"));
    }
}

#[test]
fn the_products_say_which_scales_they_have() {
    let directory = tempfile::tempdir().unwrap();
    let mut job = make(directory.path());
    job.parameters.niter = 10;
    assert_eq!(run(&job).summary.planes[0].scales, Some(vec![0.0, 8.0, 20.0]));
    let header = std::fs::read(directory.path().join("out-model.fits")).unwrap();
    let text = String::from_utf8_lossy(&header[..11_520]).replace("HISTORY ", "");
    assert!(text.contains("scale-bias=0.9") && text.contains("scales 0,8,20"), "{text}");
    job.parameters.scales = None;
    let chosen = run(&job).summary.planes[0].scales.clone().unwrap();
    assert!(chosen.len() > 1 && chosen[0] == 0.0 && chosen[1] > 8.0, "{chosen:?}");
    assert_eq!(run(&Options { method: Method::Clark, ..job }).summary.planes[0].scales, None);
}
