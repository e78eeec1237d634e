//! Wiener's filters as whole jobs: their models are the solutions that they are said to be.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Balance, Boundary, Method, StopReason};
use deconv::job::Options;
use deconv::kernel::{NoiseSpectrum, Prior, Regularization};
use ndarray::{Array2, s};
use std::path::Path;
use support::filter_job::{filter, periodic, plane, seen, solution, with_sidelobes, without_negatives};
use support::fits::Fits;
use support::job::{Done, run};
use support::noise;
use support::oracle::{Beam, convolve, peak, without_blanks};

/// Something to filter: noise, and a source.
fn image((rows, cols): (usize, usize), seed: u64) -> Array2<f64> {
    Array2::from_shape_fn((rows, cols), |(y, x)| {
        let (dy, dx) = (y as f64 - rows as f64 / 3.0, x as f64 - cols as f64 / 2.0);
        (2.0 * (-(dy * dy + dx * dx) / 4.0).exp() + 0.3 * f64::from(noise(seed, y * cols + x))) as f32 as f64
    })
}

fn with_regularization(mut job: Options, regularization: Regularization) -> Options {
    (job.method, job.parameters.regularization) = (Method::WienerHunt, Some(regularization));
    job
}

/// Runs a job to its very solution, whose residual is exact.
fn solve(job: &Options) -> Done {
    let done = run(job);
    let facts = &done.summary.planes[0];
    assert_eq!(facts.stop_reason, StopReason::Solved, "{facts:?}");
    assert!(facts.filter.unwrap().accuracy <= job.parameters.tolerance, "{facts:?}");
    let dirty = Fits::read(&job.dirty).plane(0);
    let beam = Beam::new(&Fits::read(&job.psf).plane(0));
    let (model, residual) = (done.model.plane(0), done.residual.plane(0));
    let expected = &dirty - &convolve(&model, &beam);
    for (at, &found) in residual.indexed_iter() {
        let off = (found - expected[at]).abs();
        assert!(off < 1e-5 * peak(&dirty).max(peak(&model)) || found.is_nan() && dirty[at].is_nan(), "{at:?}: {off}");
    }
    done
}

fn assert_near(found: &Array2<f64>, expected: &Array2<f64>, part: f64, what: &str) {
    let off = peak(&(found - expected)) / peak(expected);
    assert!(off < part && found.iter().all(|pixel| pixel.is_finite()), "{what}: off by {off}");
}

#[test]
fn the_linear_model_solves_the_equations() {
    let (directory, dirty) = (tempfile::tempdir().unwrap(), image((12, 15), 1));
    for shape in [(24, 30), (23, 29), (12, 15), (13, 16), (7, 9), (6, 8), (1, 1), (40, 41)] {
        let psf = with_sidelobes(shape);
        for (&regularization, balance) in Regularization::ALL.iter().flat_map(|r| [(r, 0.05), (r, 1.0)]) {
            let job = filter(directory.path(), &dirty, &psf, Balance::Given(balance));
            let done = solve(&with_regularization(job, regularization));
            let prior = Prior::raised(balance, regularization);
            let expected = solution(&dirty, &Beam::new(&psf.plane(0)), done.summary.padded[0], prior);
            assert_near(&done.model.plane(0), &expected, 1e-4, &format!("{shape:?} {prior:?}"));
        }
    }
}

#[test]
fn wiener_is_hunt_with_a_flat_prior() {
    let directory = tempfile::tempdir().unwrap();
    let psf = with_sidelobes((24, 30));
    for balance in [Balance::Given(0.1), Balance::Noise, Balance::Gcv] {
        let job = filter(directory.path(), &image((12, 15), 2), &psf, balance);
        let wiener = solve(&job);
        let hunt = solve(&with_regularization(job, Regularization::Flat));
        assert!(wiener.model.pixels == hunt.model.pixels, "{balance:?}");
    }
}

/// Pixels that are blank without any order.
fn pierced(mut dirty: Array2<f64>) -> Array2<f64> {
    dirty.indexed_iter_mut().filter(|((y, x), _)| (7 * y + 3 * x) % 11 < 3).for_each(|(_, pixel)| *pixel = f64::NAN);
    dirty
}

#[test]
fn blank_pixels_are_no_part_of_the_equations() {
    let directory = tempfile::tempdir().unwrap();
    let (dirty, psf) = (pierced(image((12, 15), 3)), with_sidelobes((24, 30)));
    for &regularization in Regularization::ALL {
        let job = filter(directory.path(), &dirty, &psf, Balance::Given(0.1));
        let done = solve(&with_regularization(job, regularization));
        let prior = Prior::raised(0.1, regularization);
        let expected = solution(&dirty, &Beam::new(&psf.plane(0)), done.summary.padded[0], prior);
        assert_near(&done.model.plane(0), &expected, 1e-4, &format!("{regularization:?}"));
        let model = done.model.plane(0);
        assert!(model.indexed_iter().all(|(at, &value)| (value == 0.0) == dirty[at].is_nan()));
    }
}

#[test]
fn blank_borders_are_as_good_as_none() {
    let directory = tempfile::tempdir().unwrap();
    let (cut, psf) = (image((11, 13), 4), without_negatives((60, 60)));
    let mut dirty = Array2::from_elem((16, 18), f64::NAN);
    dirty.slice_mut(s![2..13, 1..14]).assign(&cut);
    for &regularization in Regularization::ALL {
        let model = |dirty: &Array2<f64>| {
            let job = filter(directory.path(), dirty, &psf, Balance::Given(0.05));
            solve(&with_regularization(job, regularization)).model.plane(0)
        };
        let (whole, alone) = (model(&dirty), model(&cut));
        assert_near(&whole.slice(s![2..13, 1..14]).to_owned(), &alone, 2e-5, &format!("{regularization:?}"));
        assert_eq!(whole.iter().filter(|pixel| **pixel != 0.0).count(), cut.len());
    }
}

/// A mask of a plane: some of its pixels.
fn masked(job: &Options, directory: &Path, inside: impl Fn(usize, usize) -> bool) -> Options {
    let shape = Fits::read(&job.dirty).shape();
    let mask = Array2::from_shape_fn(shape, |(y, x)| if inside(y, x) { 1.0 } else { 0.0 });
    Options { mask: Some(plane(&mask).write(directory.join("mask.fits"))), ..job.clone() }
}

#[test]
fn pixels_outside_a_mask_are_no_part_of_the_equations() {
    let directory = tempfile::tempdir().unwrap();
    let (mut dirty, psf) = (image((12, 15), 5), with_sidelobes((24, 30)));
    dirty[(4, 6)] = f64::NAN;
    let inside = |y: usize, x: usize| (y as f64 - 5.0).hypot(x as f64 - 7.0) < 4.5;
    for balance in [Balance::Given(0.1), Balance::Noise, Balance::Gcv] {
        let job = filter(directory.path(), &dirty, &psf, balance);
        let done = solve(&masked(&job, directory.path(), inside));
        let mut seen = dirty.clone();
        seen.indexed_iter_mut().filter(|((y, x), _)| !inside(*y, *x)).for_each(|(_, pixel)| *pixel = f64::NAN);
        let prior = Prior::raised(done.summary.planes[0].filter.unwrap().balance, Regularization::Flat);
        let expected = solution(&seen, &Beam::new(&psf.plane(0)), done.summary.padded[0], prior);
        assert_near(&done.model.plane(0), &expected, 1e-4, &format!("{balance:?}"));
        let model = done.model.plane(0);
        assert!(model.indexed_iter().all(|(at, &value)| (value == 0.0) == seen[at].is_nan()));
        // What is outside is not solved for, but seen.
        assert_eq!(done.residual.plane(0).iter().filter(|pixel| pixel.is_nan()).count(), 1);
    }
}

#[test]
fn the_periodic_model_is_one_transform() {
    let directory = tempfile::tempdir().unwrap();
    for (i, shape) in [(12, 15), (9, 8), (1, 14), (11, 1)].into_iter().enumerate() {
        let dirty = image(shape, 6 + i as u64);
        for size in [(24, 30), (12, 15), (9, 8), (6, 8), (7, 5), (41, 40)] {
            let psf = with_sidelobes(size);
            let beam = Beam::new(&psf.plane(0));
            for (&regularization, white) in Regularization::ALL.iter().flat_map(|r| [(r, true), (r, false)]) {
                let job = filter(directory.path(), &dirty, &psf, Balance::Given(0.02));
                let mut job = with_regularization(job, regularization);
                job.parameters.boundary = Boundary::Periodic;
                job.parameters.noise_spectrum = (!white).then_some(NoiseSpectrum::Natural);
                let done = run(&job);
                assert_eq!(done.summary.padded[0], [shape.0, shape.1]);
                assert_eq!(
                    (done.summary.planes[0].iterations, done.summary.planes[0].stop_reason),
                    (1, StopReason::Solved)
                );
                let prior = if white { Prior::bare } else { Prior::raised }(0.02, regularization);
                let model = periodic(&dirty, &beam, prior, white);
                let what = format!("{shape:?} {size:?} {regularization:?} {white}");
                assert_near(&done.model.plane(0), &model, 2e-5, &what);
                let transfer = beam.within(shape).spectrum(shape);
                let left = support::oracle::plane(support::oracle::spectrum(&model) * transfer);
                let off = peak(&(&dirty - &left - done.residual.plane(0)));
                assert!(off < 2e-5 * peak(&dirty), "{what}: the residual is off by {off}");
            }
        }
    }
}

#[test]
fn the_periodic_model_goes_with_a_shift() {
    let directory = tempfile::tempdir().unwrap();
    let (dirty, psf) = (image((12, 15), 7), with_sidelobes((12, 15)));
    let turned = Array2::from_shape_fn(dirty.dim(), |(y, x)| dirty[((y + 5) % 12, (x + 11) % 15)]);
    for balance in [Balance::Given(0.05), Balance::Noise, Balance::Gcv] {
        let model = |dirty: &Array2<f64>| {
            let mut job = filter(directory.path(), dirty, &psf, balance);
            job.parameters.boundary = Boundary::Periodic;
            run(&job).model.plane(0)
        };
        let (straight, found) = (model(&dirty), model(&turned));
        let expected = Array2::from_shape_fn(dirty.dim(), |(y, x)| straight[((y + 5) % 12, (x + 11) % 15)]);
        assert_near(&found, &expected, 1e-5, &format!("{balance:?}"));
    }
}

/// A job for each boundary and noise spectrum.
fn ways(job: &Options) -> Vec<Options> {
    let ways = [(Boundary::Linear, None), (Boundary::Linear, Some(NoiseSpectrum::White)), (Boundary::Periodic, None)];
    let ways = ways.into_iter().chain([(Boundary::Periodic, Some(NoiseSpectrum::Natural))]);
    ways.map(|(boundary, noise_spectrum)| {
        let mut job = job.clone();
        (job.parameters.boundary, job.parameters.noise_spectrum) = (boundary, noise_spectrum);
        job
    })
    .collect()
}

#[test]
fn the_model_is_linear_in_the_image() {
    let directory = tempfile::tempdir().unwrap();
    let (a, b, psf) = (image((12, 15), 8), image((12, 15), 9), with_sidelobes((24, 30)));
    let models = |dirty: &Array2<f64>| -> Vec<Array2<f64>> {
        let job = filter(directory.path(), dirty, &psf, Balance::Given(0.1));
        ways(&job).iter().map(|job| run(job).model.plane(0)).collect()
    };
    let both = models(&(&a * 2.0 - &b));
    for ((both, a), b) in both.iter().zip(models(&a)).zip(models(&b)) {
        assert_near(both, &(a * 2.0 - b), 1e-4, "2 a − b");
    }
}

#[test]
fn the_unit_does_not_matter() {
    let directory = tempfile::tempdir().unwrap();
    let (dirty, psf) = (image((12, 15), 10), with_sidelobes((24, 30)));
    for balance in [Balance::Noise, Balance::Gcv] {
        let models = |scale: f64| -> Vec<(f64, Array2<f64>)> {
            let job = filter(directory.path(), &(&dirty * scale), &psf, balance);
            let done = ways(&job).into_iter().map(|job| run(&job));
            done.map(|done| (done.summary.planes[0].filter.unwrap().balance, done.model.plane(0) / scale)).collect()
        };
        let expected = models(1.0);
        assert!(expected.iter().all(|(balance, _)| *balance > 0.0));
        // In powers of 2 without any rounding.
        for power in [-40, -3, 50] {
            assert!(models(f64::powi(2.0, power)) == expected, "{balance:?} {power}");
        }
    }
}

#[test]
fn white_noise_in_a_linear_frame_is_a_padded_transform() {
    let directory = tempfile::tempdir().unwrap();
    let (dirty, psf) = (pierced(image((12, 15), 11)), with_sidelobes((24, 30)));
    let mut job = filter(directory.path(), &dirty, &psf, Balance::Given(0.2));
    job.parameters.noise_spectrum = Some(NoiseSpectrum::White);
    let done = run(&job);
    let [rows, cols] = done.summary.padded[0];
    let expected = support::oracle::wiener(&dirty, &seen(&Beam::new(&psf.plane(0)), dirty.dim()), (rows, cols), 0.2);
    assert_near(&done.model.plane(0), &expected, 2e-5, "padded");
    assert!(without_blanks(&done.residual.plane(0)).iter().all(|pixel| pixel.is_finite()));
}
