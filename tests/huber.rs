//! Edge-preserving deconvolution: whole jobs against a slow minimisation in f64.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Balance, Boundary, Method, StopReason};
use deconv::event::Events;
use deconv::job::{Options, deconvolve};
use deconv::kernel::{Regularization, Signs};
use ndarray::{Array1, Array2};
use std::path::Path;
use std::sync::Arc;
use support::fits::Fits;
use support::job::{Done, options, run, same_bytes_from_every_scheduler};
use support::observed::{observe, psf};
use support::oracle::{Beam, convolve};
use support::program::Place;
use support::{noise, oracle};

const SHAPE: (usize, usize) = (12, 11);

/// λ, δ and the flat term.
const ENERGY: (f64, f64, f64) = (0.2, 0.01, 1e-4);

/// A PSF whose transfer function is nowhere negative.
fn value(dy: i64, dx: i64) -> f64 {
    let r2 = (dy * dy) as f64 + 0.7 * (dx * dx) as f64;
    0.6 * (-r2 / 1.5).exp() + 0.4 * (-r2 / 9.0).exp()
}

/// A point, a ramp with an edge, and something negative.
fn sky() -> Array2<f64> {
    Array2::from_shape_fn(SHAPE, |(y, x)| match (y, x) {
        (2, 8) => 1.0,
        (9, 2) => -0.3,
        (4..=8, 3..=6) => 0.2 + 0.02 * x as f64,
        _ => 0.0,
    })
}

fn job(directory: &Path) -> Options {
    let mut job = observe(directory, &sky(), value, 0.02);
    (job.method, job.overwrite) = (Method::Huber, true);
    let parameters = &mut job.parameters;
    (parameters.balance, parameters.delta) = (Balance::Given(ENERGY.0), Some(ENERGY.1));
    (parameters.noise, parameters.tolerance, parameters.iterations) = (Some(0.01), 1e-6, Some(3000));
    job
}

/// The slow way: the minimum of ½ xᵀAx − xᵀd + λ Σ φ(Gx) + ½ μ xᵀx over the pixels of `seen`, of which none is negative if `positive`,
/// by a projected gradient with momentum that begins anew where it leads uphill (O'Donoghue & Candès 2015).
fn minimum(dirty: &Array2<f64>, seen: &Array2<bool>, positive: bool, wraps: bool) -> Array2<f64> {
    let (rows, cols) = dirty.dim();
    let n = rows * cols;
    let offset = |a: usize, b: usize, n: usize| {
        let off = a as i64 - b as i64;
        if wraps { (off + n as i64 / 2).rem_euclid(n as i64) - n as i64 / 2 } else { off }
    };
    let matrix = Array2::from_shape_fn((n, n), |(p, q)| {
        value(offset(p / cols, q / cols, rows), offset(p % cols, q % cols, cols))
    });
    let data: Array1<f64> = dirty.iter().copied().collect();
    let seen: Vec<bool> = seen.iter().copied().collect();
    let (balance, delta, flat) = ENERGY;
    // Of each pixel of a frame one larger all around, the differences to its left and above.
    let differences = |x: &Array1<f64>, pull: &mut Array1<f64>| {
        let at = |y: i64, x: i64| {
            let inside = wraps || (0..rows as i64).contains(&y) && (0..cols as i64).contains(&x);
            inside.then(|| (y.rem_euclid(rows as i64) * cols as i64 + x.rem_euclid(cols as i64)) as usize)
        };
        let last = i64::from(!wraps);
        for (y, c) in (0..rows as i64 + last).flat_map(|y| (0..cols as i64 + last).map(move |c| (y, c))) {
            for (here, there) in [(at(y, c), at(y, c - 1)), (at(y, c), at(y - 1, c))] {
                let value = |at: Option<usize>| at.map_or(0.0, |at| x[at]);
                let slope = balance * (value(here) - value(there)).clamp(-delta, delta);
                here.into_iter().for_each(|at| pull[at] += slope);
                there.into_iter().for_each(|at| pull[at] -= slope);
            }
        }
    };
    let slope = |x: &Array1<f64>| {
        let mut slope = matrix.dot(x) - &data + flat * x;
        differences(x, &mut slope);
        slope
    };
    let steepest = matrix.rows().into_iter().map(|row| row.sum()).fold(0.0, f64::max) + 8.0 * balance + flat;
    let (mut x, mut ahead, mut momentum) = (Array1::<f64>::zeros(n), Array1::<f64>::zeros(n), 1.0f64);
    for _ in 0..20_000 {
        let mut next = &ahead - &(slope(&ahead) / steepest);
        for (pixel, seen) in next.iter_mut().zip(&seen) {
            *pixel = if !seen || positive && *pixel < 0.0 { 0.0 } else { *pixel };
        }
        let uphill = (&ahead - &next).dot(&(&next - &x)) > 0.0;
        let then = if uphill { 1.0 } else { 0.5 + (0.25 + momentum * momentum).sqrt() };
        ahead = &next + &((&next - &x) * if uphill { 0.0 } else { (momentum - 1.0) / then });
        (x, momentum) = (next, then);
    }
    Array2::from_shape_vec((rows, cols), x.to_vec()).unwrap()
}

fn dirty(job: &Options) -> Array2<f64> {
    Fits::read(&job.dirty).plane(0)
}

/// A model is that minimum, and its residual is exact.
fn check(job: &Options, done: &Done, expected: &Array2<f64>) {
    let model = done.model.plane(0);
    let off = oracle::peak(&(&model - expected));
    assert!(off < 2e-4, "off by {off}: {model} {expected}");
    assert_eq!(done.summary.planes[0].stop_reason, StopReason::Solved);
    assert!(done.summary.planes[0].iterations > 3);
    let residual = oracle::without_blanks(&(dirty(job) - convolve(&model, &Beam::new(&Fits::read(&job.psf).plane(0)))));
    assert!(oracle::peak(&(oracle::without_blanks(&done.residual.plane(0)) - residual)) < 1e-6);
}

#[test]
fn the_model_is_the_minimum_of_its_energy() {
    let directory = tempfile::tempdir().unwrap();
    let mut job = job(directory.path());
    let all = Array2::from_elem(SHAPE, true);
    for (positive, signs) in [(false, Signs::Both), (true, Signs::Positive)] {
        job.parameters.signs = signs;
        let done = run(&job);
        check(&job, &done, &minimum(&dirty(&job), &all, positive, false));
        assert_eq!(done.model.pixels.iter().any(|&pixel| pixel < 0.0), !positive);
    }
}

#[test]
fn the_minimum_of_periodic_data_is_that_of_a_torus() {
    let directory = tempfile::tempdir().unwrap();
    let mut job = job(directory.path());
    job.parameters.boundary = Boundary::Periodic;
    let all = Array2::from_elem(SHAPE, true);
    for (positive, signs) in [(false, Signs::Both), (true, Signs::Positive)] {
        job.parameters.signs = signs;
        let model = run(&job).model.plane(0);
        let off = oracle::peak(&(&model - &minimum(&dirty(&job), &all, positive, true)));
        assert!(off < 2e-4, "off by {off}");
    }
}

#[test]
fn blank_pixels_and_those_outside_a_mask_hold_no_sky() {
    let directory = tempfile::tempdir().unwrap();
    let mut job = job(directory.path());
    let blank = |y: usize, x: usize| (y, x) == (5, 5) || y == 11 && x < 4;
    let masked = |y: usize, x: usize| x == 0 || (y, x) == (7, 7);
    let before = dirty(&job);
    let axes = [("RA---SIN", SHAPE.1), ("DEC--SIN", SHAPE.0)];
    Fits::new(&axes, |_, y, x| if blank(y, x) { f64::NAN } else { before[(y, x)] }).write(job.dirty.clone());
    let mask = Fits::new(&axes, |_, y, x| f64::from(u8::from(!masked(y, x))));
    job.mask = Some(mask.write(directory.path().join("mask.fits")));
    let seen = Array2::from_shape_fn(SHAPE, |(y, x)| !blank(y, x) && !masked(y, x));
    let expected = minimum(&oracle::without_blanks(&dirty(&job)), &seen, false, false);
    let done = run(&job);
    check(&job, &done, &expected);
    assert!(done.model.plane(0).iter().zip(&seen).all(|(&pixel, &seen)| seen || pixel == 0.0));
}

#[test]
fn where_every_difference_is_noise_it_is_wiener_hunt() {
    let directory = tempfile::tempdir().unwrap();
    let mut job = job(directory.path());
    // The flat term is then that of the filter.
    (job.parameters.balance, job.parameters.delta) = (Balance::Given(0.1), Some(1e3));
    let huber = run(&job).model.plane(0);
    (job.method, job.parameters.delta, job.parameters.noise) = (Method::WienerHunt, None, None);
    job.parameters.regularization = Some(Regularization::Gradient);
    let off = oracle::peak(&(&huber - &run(&job).model.plane(0)));
    assert!(off < 1e-4, "off by {off}");
}

/// A disk with a sharp edge and noise that went through the same coverage, as a job.
fn disk(directory: &Path, seed: u64, level: f64) -> (Options, Array2<f64>) {
    let (size, width) = (64, 6.0);
    let gaussian = |width: f64| move |dy: i64, dx: i64| (-((dy * dy + dx * dx) as f64) / (2.0 * width)).exp();
    let sky = Array2::from_shape_fn((size, size), |(y, x)| {
        let far = (y as f64 - 31.0).hypot(x as f64 - 33.0);
        if far < 14.0 { 1.0 } else { 0.0 }
    });
    let mut job = observe(directory, &sky, gaussian(width), 0.0);
    // The PSF is this Gaussian's convolution with itself.
    let root = psf((2 * size, 2 * size), gaussian(width / 2.0)).plane(0);
    let strength = level / root.iter().map(|value| value * value).sum::<f64>().sqrt();
    let white = Array2::from_shape_fn((size, size), |(y, x)| 3f64.sqrt() * f64::from(noise(seed, y * size + x)));
    let made = convolve(&white, &Beam::new(&root)) * strength + dirty(&job);
    Fits::new(&[("RA---SIN", size), ("DEC--SIN", size)], |_, y, x| made[(y, x)]).write(job.dirty.clone());
    job.overwrite = true;
    (job, sky)
}

#[test]
fn edges_are_sharper_than_those_of_wiener_hunt() {
    let directory = tempfile::tempdir().unwrap();
    for (seed, level, part) in [(1, 0.05, 0.4), (2, 0.2, 0.7), (3, 1.0, 0.95)] {
        let (mut job, sky) = disk(directory.path(), seed, level);
        let mut errors = |method, regularization| {
            (job.method, job.parameters.regularization) = (method, regularization);
            let off = run(&job).model.plane(0) - &sky;
            let rms = |near: bool| {
                let at = |y: usize, x: usize| ((y as f64 - 31.0).hypot(x as f64 - 33.0) - 14.0).abs() < 3.0;
                let there: Vec<f64> =
                    off.indexed_iter().filter(|((y, x), _)| at(*y, *x) == near).map(|(_, off)| off * off).collect();
                (there.iter().sum::<f64>() / there.len() as f64).sqrt()
            };
            [rms(true), rms(false)]
        };
        let huber = errors(Method::Huber, None);
        let hunt = errors(Method::WienerHunt, Some(Regularization::Gradient));
        assert!(huber[0] < part * hunt[0] && huber[1] < 2.0 * hunt[1], "{level}: {huber:?} {hunt:?}");
    }
}

#[test]
fn the_bits_do_not_depend_on_threads_nor_on_the_order() {
    let directory = tempfile::tempdir().unwrap();
    let mut job = job(directory.path());
    (job.parameters.iterations, job.parameters.signs) = (Some(4), Signs::Positive);
    same_bytes_from_every_scheduler(&job, &[None]);
    job.parameters.boundary = Boundary::Periodic;
    same_bytes_from_every_scheduler(&job, &[None]);
}

#[test]
fn strips_and_scratch_change_no_bit_and_the_forecast_holds() {
    let place = Place::simulated(1024);
    let files = |place: &Place| {
        ["image", "model", "residual"].map(|name| std::fs::read(place.path(&format!("out-{name}.fits"))).unwrap())
    };
    let run = |budget: &str| {
        let job = "--dirty dirty.fits --psf psf.fits --method huber --no-negative --iterations 2 --overwrite";
        let ended = place.run(&format!("{job} --output out --quiet --summary s.json --memory {budget}"));
        assert_eq!(ended.status, Some(0), "{ended:?}");
        let summary: serde_json::Value = serde_json::from_slice(&std::fs::read(place.path("s.json")).unwrap()).unwrap();
        let said = place.run(&format!("plan {job} --output out --json --memory {budget}"));
        let said: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        (summary, said["scratch_bytes"].as_u64().unwrap(), files(&place))
    };
    let (summary, scratch, expected) = run("2GiB");
    assert_eq!((scratch, &summary["scratch"]["written_bytes"]), (0, &0.into()));
    let (summary, scratch, found) = run("40MiB");
    assert!(found == expected);
    let written = |name: &str| summary["scratch"][name].as_u64().unwrap();
    assert!(written("written_bytes") > 0 && written("peak_bytes") <= scratch + (4 << 20), "{summary}");
}

#[test]
fn it_ends_where_it_may_not_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut job = job(directory.path());
    let plane = |job: &Options| run(job).summary.planes[0].clone();
    job.parameters.iterations = Some(3);
    let summary = plane(&job);
    assert_eq!((summary.stop_reason, summary.iterations), (StopReason::Iterations, 3));
    assert_eq!(summary.filter.unwrap().delta, Some(ENERGY.1));
    job.time_limit = Some(1e-9);
    let summary = plane(&job);
    assert_eq!((summary.stop_reason, summary.iterations), (StopReason::TimeLimit, 0));
    (job.time_limit, job.parameters.iterations) = (None, Some(0));
    assert_eq!(plane(&job).stop_reason, StopReason::Iterations);
    // Nothing there: nothing is found.
    let axes = [("RA---SIN", SHAPE.1), ("DEC--SIN", SHAPE.0)];
    Fits::new(&axes, |_, _, _| 0.0).write(job.dirty.clone());
    job.parameters = deconv::algorithm::Parameters::DEFAULT;
    for boundary in [Boundary::Linear, Boundary::Periodic] {
        job.parameters.boundary = boundary;
        assert!(run(&job).model.pixels.iter().all(|&pixel| pixel == 0.0));
    }
}

#[test]
fn what_does_not_go_with_it_is_refused() {
    let refused = |change: &dyn Fn(&mut Options), part: &str| {
        let mut job = options("dirty.fits".into(), "psf.fits".into(), "out".into());
        job.method = Method::Huber;
        change(&mut job);
        let error = deconvolve(&job, &Events::silent(), &Arc::default()).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    refused(&|job| job.parameters.delta = Some(0.0), "--delta 0");
    refused(&|job| job.parameters.delta = Some(f64::NAN), "--delta NaN");
    refused(&|job| job.parameters.balance = Balance::Gcv, "--balance gcv does not go with huber");
    refused(&|job| job.parameters.balance = Balance::Given(0.0), "--balance 0 does not go with huber");
    refused(&|job| job.parameters.regularization = Some(Regularization::Flat), "--regularization does not");
    refused(&|job| job.parameters.signs = Signs::UntilNegative, "--stop-on-negative does not");
    refused(&|job| (job.method, job.parameters.delta) = (Method::Wiener, Some(1.0)), "--delta: only huber");
    refused(&|job| (job.method, job.parameters.delta) = (Method::Clark, Some(1.0)), "--delta: clark is no filter");
}
