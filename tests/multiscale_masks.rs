//! Components of several sizes that are kept to some pixels, or to one sign.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Method, StopReason};
use deconv::job::Options;
use deconv::kernel::{Scales, Signs};
use ndarray::Array2;
use std::path::Path;
use support::fits::Fits;
use support::job::{Done, run};
use support::observed::observe;
use support::oracle::{Beam, convolve, peak};

const SHAPE: (usize, usize) = (110, 120);

/// Extended sources of both signs, and points of both, left and right.
fn job(directory: &Path) -> Options {
    let blob = |y: usize, x: usize, at: (f64, f64), width: f64| {
        (-((y as f64 - at.0).powi(2) + (x as f64 - at.1).powi(2)) / (2.0 * width * width)).exp()
    };
    let mut sky = Array2::from_shape_fn(SHAPE, |(y, x)| {
        0.01 * blob(y, x, (50.0, 52.0), 6.0) - 0.006 * blob(y, x, (60.0, 85.0), 5.0)
    });
    for (at, flux) in [((30, 30), 0.5), ((80, 90), 0.4), ((90, 20), -0.2), ((20, 95), -0.1)] {
        sky[at] += flux;
    }
    let seen = |dy: i64, dx: i64| {
        let r = (dy as f64).hypot(dx as f64);
        0.98 * (-r * r / 9.0).exp() + 0.02 * (0.5 * r).cos() * (-r / 30.0).exp()
    };
    let mut job = observe(directory, &sky, seen, 3e-4);
    (job.method, job.overwrite, job.components) = (Method::Multiscale, true, Some(directory.join("list.csv")));
    (job.parameters.niter, job.parameters.nsigma, job.parameters.overlap) = (20_000, 4.0, Some(20));
    job.parameters.scales = Some(Scales::new(&[0.0, 8.0, 20.0]).unwrap());
    job
}

/// A component of a list: column, row, flux, scale.
type Listed = (usize, usize, f64, f64);

fn listed(job: &Options) -> Vec<Listed> {
    let text = std::fs::read_to_string(job.components.as_ref().unwrap()).unwrap();
    let lines = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    lines
        .map(|f| (f[0].parse().unwrap(), f[1].parse().unwrap(), f[4].parse().unwrap(), f[5].parse().unwrap()))
        .collect()
}

fn check_residual(job: &Options, done: &Done) {
    let expected =
        Fits::read(&job.dirty).plane(0) - convolve(&done.model.plane(0), &Beam::new(&Fits::read(&job.psf).plane(0)));
    assert!(peak(&(done.residual.plane(0) - expected)) < 1e-5);
}

/// Runs it on a plane as a whole and on chunks.
fn runs(job: &Options, check: impl Fn(&Done, &[Listed])) {
    for chunk in [None, Some((55, 60))] {
        let mut job = job.clone();
        job.parameters.chunk = chunk;
        let done = run(&job);
        check_residual(&job, &done);
        check(&done, &listed(&job));
    }
}

fn of_every_scale(list: &[Listed]) -> bool {
    [0.0, 8.0, 20.0].iter().all(|scale| list.iter().any(|listed| listed.3 == *scale))
}

#[test]
fn centres_of_components_stay_inside_a_mask() {
    let directory = tempfile::tempdir().unwrap();
    let mut job = job(directory.path());
    runs(&job, |_, list| assert!(of_every_scale(list) && list.iter().any(|&(x, ..)| x >= 60)));
    let inside = |y: usize, x: usize| x < 60 && (y, x) != (30, 30);
    let mask = Fits::new(&[("RA---SIN", SHAPE.1), ("DEC--SIN", SHAPE.0)], |_, y, x| f64::from(u8::from(inside(y, x))));
    job.mask = Some(mask.write(directory.path().join("mask.fits")));
    runs(&job, |done, list| {
        assert!(of_every_scale(list) && list.iter().all(|&(x, y, ..)| inside(y, x)), "{list:?}");
        assert_eq!(done.summary.planes[0].mask_pixels, Some(60 * 110 - 1));
        // The shapes reach further than their centres.
        let beyond = done.model.plane(0).indexed_iter().filter(|&((_, x), &flux)| x >= 60 && flux != 0.0).count();
        assert!(beyond > 0);
    });
    // Inside an automatic mask each scale has its own places: none is found where there was not one of its size.
    (job.mask, job.parameters.auto_mask, job.parameters.nsigma) = (None, Some(8.0), 8.0);
    let shallow = run(&job);
    let places =
        |list: Vec<Listed>| list.into_iter().map(|(x, y, _, scale)| (x, y, scale as usize)).collect::<Vec<_>>();
    let first = places(listed(&job));
    job.parameters.nsigma = 4.0;
    let deep = run(&job);
    let [a, b] = [&shallow, &deep].map(|done| done.summary.planes[0].clone());
    assert!(b.iterations > a.iterations && b.peak_after < a.peak_after, "{a:?} {b:?}");
    let second = places(listed(&job));
    assert!(second.iter().all(|place| first.contains(place)), "{} and {}", first.len(), second.len());
}

#[test]
fn components_are_of_the_signs_that_they_may_have() {
    let directory = tempfile::tempdir().unwrap();
    let job = job(directory.path());
    let with = |signs| {
        let mut job = job.clone();
        job.parameters.signs = signs;
        job
    };
    runs(&with(Signs::Both), |done, list| {
        assert!(list.iter().any(|listed| listed.2 < 0.0));
        assert!(list.iter().any(|listed| listed.2 < 0.0 && listed.3 > 0.0));
        assert_eq!(done.summary.planes[0].stop_reason, StopReason::Nsigma);
    });
    runs(&with(Signs::Positive), |done, list| {
        assert!(of_every_scale(list) && list.iter().all(|listed| listed.2 > 0.0));
        assert_eq!(done.summary.planes[0].stop_reason, StopReason::Nsigma);
        // What is below zero is left alone, but for sidelobes.
        let residual = done.residual.plane(0);
        assert!(residual[(90, 20)] < -0.15 && residual[(30, 30)].abs() < 0.01, "{}", residual[(90, 20)]);
        let highest = residual.iter().fold(0.0f64, |high, &pixel| high.max(pixel));
        assert!((done.summary.planes[0].peak_after / highest - 1.0).abs() < 1e-5);
    });
    runs(&with(Signs::UntilNegative), |done, list| {
        assert!(!list.is_empty() && list.iter().all(|listed| listed.2 > 0.0), "{list:?}");
        let plane = &done.summary.planes[0];
        assert_eq!(plane.stop_reason, StopReason::Negative);
        assert!(plane.iterations > 10 && plane.peak_after > 0.1, "{plane:?}");
    });
}
