//! Richardson–Lucy against its definitions in f64, what holds of every iteration, and what is refused.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Method, Parameters, StopReason};
use deconv::event::What;
use deconv::job::{Options, is_finished};
use deconv::schedule::Settings;
use ndarray::{Array2, s};
use std::path::Path;
use support::fits::Fits;
use support::job::{Done, options, run, same_bytes_from_every_scheduler};
use support::noise;
use support::observed::observe;
use support::oracle::{Beam, convolve, peak, without_blanks};
use support::program::{Place, dirty};
use support::resume::{files, resume, stop, undisturbed};

/// An oblong PSF that is not the same the other way round, nor at the edge of its file.
fn lopsided(dy: i64, dx: i64) -> f64 {
    let gaussian = |dy: f64, dx: f64| (-(dy * dy / 3.0 + dx * dx / 5.0)).exp();
    gaussian(dy as f64, dx as f64) + 0.2 * gaussian(dy as f64 - 3.0, dx as f64 + 2.0)
}

/// Points and a disk.
fn sky(y: usize, x: usize) -> f64 {
    let disk = (y as f64 - 30.0).hypot(x as f64 - 20.0) < 7.0;
    let point = [(9, 40, 6.0), (20, 45, 3.0), (21, 8, 9.0)].into_iter().find(|&(row, col, _)| (row, col) == (y, x));
    0.3 * f64::from(u8::from(disk)) + point.map_or(0.0, |(.., flux)| flux)
}

/// So many iterations on a sky of 45 × 52 pixels with noise between plus and minus `level`, blank pixels, and a step below zero if so.
fn job(directory: &Path, iterations: u64, level: f64, below: f64) -> Options {
    let sky = Array2::from_shape_fn((45, 52), |(y, x)| sky(y, x));
    let job = observe(directory, &sky, lopsided, level);
    let mut image = Fits::read(&job.dirty);
    for (i, pixel) in image.pixels.iter_mut().enumerate() {
        let (y, x) = (i / 52, i % 52);
        if (5..9).contains(&y) && (37..39).contains(&x) || (y + x == 70) {
            *pixel = f32::NAN;
        } else if y > 40 && x > 40 {
            *pixel -= below as f32;
        }
    }
    image.write(job.dirty.clone());
    let parameters = Parameters { iterations: Some(iterations), ..Parameters::DEFAULT };
    Options { method: Method::RichardsonLucy, parameters, overwrite: true, ..job }
}

/// The definition: pixels that are blank are outside the frame, those below zero hold nothing, `inside` is where the model may be.
fn definition(dirty: &Array2<f64>, beam: &Beam, inside: &Array2<f64>, iterations: u64) -> Array2<f64> {
    let (rows, cols) = beam.pixels.dim();
    let turned = Beam {
        pixels: beam.pixels.slice(s![..;-1, ..;-1]).to_owned(),
        peak: (rows - 1 - beam.peak.0, cols - 1 - beam.peak.1),
    };
    let frame = dirty.mapv(|pixel| f64::from(u8::from(!pixel.is_nan())));
    let data = without_blanks(dirty).mapv(|pixel| pixel.max(0.0));
    let weights = convolve(&frame, &turned);
    let mut model = &frame * inside;
    for _ in 0..iterations {
        let ratio = &data / &convolve(&model, beam).mapv(|shown| shown.max(1e-9)) * &frame;
        model = model * convolve(&ratio, &turned) / &weights;
    }
    model
}

/// The residual is what the model leaves, and blank where the dirty image is.
fn check_residual(job: &Options, done: &Done) {
    let (dirty, beam) = (Fits::read(&job.dirty).plane(0), Beam::new(&Fits::read(&job.psf).plane(0)));
    let expected = &dirty - &convolve(&done.model.plane(0), &beam);
    for (found, expected) in done.residual.plane(0).iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-5 || (found.is_nan() && expected.is_nan()), "{found} {expected}");
    }
}

#[test]
fn it_is_the_definition_with_blanks_and_data_below_zero() {
    let directory = tempfile::tempdir().unwrap();
    for (iterations, level, below) in [(1, 0.0, 0.0), (12, 0.0, 0.0), (12, 0.05, 0.4), (40, 0.05, 0.0)] {
        let job = job(directory.path(), iterations, level, below);
        let done = run(&job);
        let dirty = Fits::read(&job.dirty).plane(0);
        let beam = Beam::new(&Fits::read(&job.psf).plane(0));
        let expected = definition(&dirty, &beam, &Array2::ones(dirty.dim()), iterations);
        let off = peak(&(&done.model.plane(0) - &expected));
        assert!(off < 3e-5 * peak(&expected), "{iterations} {level} {below}: {off} of {}", peak(&expected));
        check_residual(&job, &done);
        let summary = &done.summary.planes[0];
        assert_eq!((summary.stop_reason, summary.iterations), (StopReason::Iterations, iterations));
        assert_eq!(summary.mask_pixels, None);
        let history = done.image.history();
        assert!(history.contains(&format!("deconv method=richardson-lucy iterations={iterations}")), "{history}");
        assert!(history.contains("stopped: iterations"), "{history}");
        let told = done.summary.notes.iter().any(|note| note.contains("below zero count as 0"));
        assert_eq!(told, below > 0.0, "{:?}", done.summary.notes);
    }
}

/// `skimage.restoration.richardson_lucy(image, psf, num_iter, clip=False)`, as it is written there, by sums.
fn skimage(image: &Array2<f64>, psf: &Array2<f64>, iterations: u64) -> Array2<f64> {
    let same = |image: &Array2<f64>, psf: &Array2<f64>| {
        let (rows, cols) = psf.dim();
        support::oracle::convolve_directly(image, &Beam { pixels: psf.clone(), peak: ((rows - 1) / 2, (cols - 1) / 2) })
    };
    let mirror = psf.slice(s![..;-1, ..;-1]).to_owned();
    let mut deconvolved = Array2::from_elem(image.dim(), 0.5);
    for _ in 0..iterations {
        let convolved = same(&deconvolved, psf) + 1e-12;
        let relative = image / &convolved;
        deconvolved *= &same(&relative, &mirror);
    }
    deconvolved
}

#[test]
fn it_is_that_of_scikit_image_far_from_the_edges() {
    let directory = tempfile::tempdir().unwrap();
    // scikit-image does not divide by A^T 1, which is the sum of the PSF where the edge is far; here nothing gets near to it.
    let sky = |y: usize, x: usize| match (y, x) {
        (18, 20) => 1.0,
        (23, 24) => 0.7,
        _ if (17..22).contains(&y) && (22..27).contains(&x) => 0.1,
        _ => 0.0,
    };
    let sky = Array2::from_shape_fn((41, 45), |(y, x)| sky(y, x));
    let gaussian = |dy: i64, dx: i64| (-(dy * dy) as f64 / 4.0 - (dx * dx) as f64 / 6.0 - (dy * dx) as f64 / 9.0).exp();
    let near = |dy: i64, dx: i64| if dy.abs().max(dx.abs()) <= 5 { gaussian(dy, dx) } else { 0.0 };
    let mut job = observe(directory.path(), &sky, near, 0.0);
    job.method = Method::RichardsonLucy;
    let psf = Array2::from_shape_fn((11, 11), |(y, x)| gaussian(y as i64 - 5, x as i64 - 5));
    // Rounding in the file is not to be deconvolved.
    let mut image = Fits::read(&job.dirty);
    image.pixels.iter_mut().filter(|pixel| pixel.abs() < 1e-6).for_each(|pixel| *pixel = 0.0);
    image.write(job.dirty.clone());
    let expected = skimage(&image.plane(0), &(&psf / psf.sum()), 30) / psf.sum();
    let done = run(&job);
    assert_eq!(done.summary.planes[0].iterations, 30, "the default");
    // A PSF that ends where it is nothing lacks nothing.
    assert_eq!(done.summary.notes, [] as [&str; 0]);
    let off = peak(&(&done.model.plane(0) - &expected));
    assert!(off < 1e-4 * peak(&expected), "{off} of {}", peak(&expected));
}

#[test]
fn every_iteration_conserves_flux_and_none_is_negative() {
    let directory = tempfile::tempdir().unwrap();
    let mut last = f64::INFINITY;
    for iterations in [1, 2, 5, 20, 60] {
        let job = job(directory.path(), iterations, 0.05, 0.0);
        let done = run(&job);
        assert!(done.model.pixels.iter().all(|&flux| flux >= 0.0));
        let (dirty, residual) = (Fits::read(&job.dirty).plane(0), done.residual.plane(0));
        let data = without_blanks(&dirty).mapv(|pixel| pixel.max(0.0)).sum();
        let shown = without_blanks(&(&dirty - &residual)).sum();
        assert!((shown / data - 1.0).abs() < 1e-5, "{iterations}: {shown} of {data}");
        let rms = done.summary.planes[0].rms_after;
        assert!(rms < last, "{iterations}: {rms}, {last} before");
        last = rms;
    }
}

#[test]
fn a_sky_is_recovered_better_than_the_dirty_image_shows_it() {
    let directory = tempfile::tempdir().unwrap();
    let job = job(directory.path(), 60, 0.02, 0.0);
    let done = run(&job);
    let (dirty, truth) = (Fits::read(&job.dirty).plane(0), Array2::from_shape_fn((45, 52), |(y, x)| sky(y, x)));
    let seen = dirty.mapv(|pixel| f64::from(u8::from(!pixel.is_nan())));
    let area: f64 = Beam::new(&Fits::read(&job.psf).plane(0)).pixels.sum();
    let off = |image: &Array2<f64>| ((image - &truth) * &seen).mapv(|value| value * value).sum().sqrt();
    let (before, after) = (off(&(without_blanks(&dirty) / area)), off(&done.model.plane(0)));
    assert!(after < 0.5 * before, "{after}, {before} before");
}

#[test]
fn blank_edges_are_a_smaller_frame() {
    let directory = tempfile::tempdir().unwrap();
    let job = job(directory.path(), 15, 0.05, 0.0);
    let whole = Fits::read(&job.dirty);
    let (top, left) = (6, 9);
    let mut blank = whole.clone();
    blank.pixels.iter_mut().enumerate().filter(|(i, _)| i / 52 < top || i % 52 < left).for_each(|(_, p)| *p = f32::NAN);
    let plane = whole.plane(0);
    let cut = Fits::new(&[("RA---SIN", 52 - left), ("DEC--SIN", 45 - top)], |_, y, x| plane[(y + top, x + left)]);
    blank.write(job.dirty.clone());
    let found = run(&job);
    cut.write(job.dirty.clone());
    let expected = run(&job).model.plane(0);
    let model = found.model.plane(0);
    let off = peak(&(&model.slice(s![top.., left..]) - &expected));
    assert!(off < 1e-5 * peak(&expected), "{off} of {}", peak(&expected));
    let blanks = blank.plane(0).mapv(f64::is_nan);
    assert!(model.iter().zip(&blanks).all(|(&flux, &blank)| !blank || flux == 0.0));
    assert!(found.residual.plane(0).mapv(f64::is_nan) == blanks);
}

#[test]
fn outside_the_mask_the_model_is_zero() {
    let directory = tempfile::tempdir().unwrap();
    let job = job(directory.path(), 12, 0.05, 0.0);
    let mask =
        Fits::new(&[("RA---SIN", 52), ("DEC--SIN", 45)], |_, y, x| f64::from(u8::from((y + x) % 7 != 3 && x > 3)));
    let inside = mask.plane(0);
    let job = Options { mask: Some(mask.write(directory.path().join("mask.fits"))), ..job };
    let done = run(&job);
    let (dirty, beam) = (Fits::read(&job.dirty).plane(0), Beam::new(&Fits::read(&job.psf).plane(0)));
    let model = done.model.plane(0);
    assert!(model.iter().zip(&inside).all(|(&flux, &inside)| inside == 1.0 || flux == 0.0));
    let expected = definition(&dirty, &beam, &inside, 12);
    assert!(peak(&(&model - &expected)) < 3e-5 * peak(&expected));
    check_residual(&job, &done);
    assert_eq!(Fits::read(&directory.path().join("out-mask.fits")).plane(0), inside);
    let pixels = inside.iter().zip(&dirty).filter(|(inside, pixel)| **inside == 1.0 && !pixel.is_nan()).count();
    assert_eq!(done.summary.planes[0].mask_pixels, Some(pixels as u64));
    // Where nothing may be, nothing is.
    Fits { pixels: vec![0.0; mask.pixels.len()], ..mask }.write(directory.path().join("mask.fits"));
    let done = run(&job);
    assert_eq!(done.summary.planes[0].stop_reason, StopReason::NothingToClean);
    assert!(done.model.pixels.iter().all(|&flux| flux == 0.0));
}

#[test]
fn it_ends_where_there_is_nothing_or_nothing_more_or_no_time() {
    let directory = tempfile::tempdir().unwrap();
    let perfect = job(directory.path(), 1_000_000, 0.0, 0.0);
    // A PSF of one pixel: the first iteration is the solution.
    Fits::new(&[("RA---SIN", 9), ("DEC--SIN", 9)], |_, y, x| f64::from(u8::from((y, x) == (4, 4))))
        .write(perfect.psf.clone());
    let beam = Some(deconv::image::Beam { major: 3.0 / 3600.0, minor: 3.0 / 3600.0, pa: 0.0 });
    let done = run(&Options { beam, ..perfect.clone() });
    let plane = &done.summary.planes[0];
    assert_eq!(plane.stop_reason, StopReason::Stalled);
    assert!(plane.iterations < 20 && plane.rms_after < 1e-5 * plane.peak_before, "{plane:?}");
    assert!(
        !done.summary.notes.iter().any(|note| note.contains("this PSF does not allow")),
        "{:?}",
        done.summary.notes
    );

    let late = run(&Options { time_limit: Some(1e-9), ..job(directory.path(), 9, 0.05, 0.0) });
    assert_eq!((late.summary.planes[0].stop_reason, late.summary.planes[0].iterations), (StopReason::TimeLimit, 0));
    assert!(late.model.pixels.iter().all(|&flux| flux == 0.0));

    let negative = job(directory.path(), 9, 0.0, 0.0);
    let mut image = Fits::read(&negative.dirty);
    image.pixels.iter_mut().for_each(|pixel| *pixel = -pixel.abs());
    image.write(negative.dirty.clone());
    let done = run(&negative);
    assert_eq!(done.summary.planes[0].stop_reason, StopReason::NothingToClean);
    assert!(done.residual.plane(0).iter().zip(&image.plane(0)).all(|(a, b)| a == b || (a.is_nan() && b.is_nan())));
}

#[test]
fn the_same_bytes_from_every_scheduler() {
    let directory = tempfile::tempdir().unwrap();
    same_bytes_from_every_scheduler(&job(directory.path(), 7, 0.05, 0.3), &[None]);
}

#[test]
fn a_stopped_cube_keeps_the_planes_that_are_done() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let axes = [("RA---SIN", 48), ("DEC--SIN", 40), ("STOKES", 3)];
    dirty(&axes).write(from.path().join("dirty.fits"));
    let gaussian = |y: usize, x: usize| lopsided(y as i64 - 20, x as i64 - 24);
    Fits::new(&axes[..2], |_, y, x| gaussian(y, x)).write(from.path().join("psf.fits"));
    let job = options(from.path().join("dirty.fits"), from.path().join("psf.fits"), to.path().join("out"));
    let parameters = Parameters { iterations: Some(5), ..Parameters::DEFAULT };
    let job = Options { method: Method::RichardsonLucy, parameters, checkpoint_share: f64::INFINITY, ..job };
    let expected = undisturbed(&job);
    stop(&job, 8, |what| matches!(what, What::Refreshed { .. }));
    let other = Parameters { iterations: Some(6), ..job.parameters };
    let refused = resume(&Options { parameters: other, ..job.clone() }, &Settings::inline()).unwrap_err();
    assert!(refused.to_string().contains("--iterations"), "{refused}");
    let (_, notes) = resume(&job, &Settings::threads(2)).unwrap();
    assert!(notes.iter().any(|note| note.contains("of 3 planes 1 are done")), "{notes:?}");
    assert!(files(to.path()) == expected);
    assert!(is_finished(&Options { resume: true, ..job }));
}

#[test]
fn psfs_that_are_negative_are_refused() {
    let place = Place::new();
    let job = "--dirty dirty.fits --psf psf.fits --method richardson-lucy --output a";
    let remedy = "--method wiener or clark";
    // Planes are looked at side by side: which of the two is told is not known.
    let says = ["psf.fits: plane ", " of the PSF has negative sidelobes, down to -", "% of its peak", remedy];
    place.refused(job, 1, &says);
    place.refused(&format!("plan {job}"), 1, &["psf.fits", "negative sidelobes", remedy]);
    let axes = [("RA---SIN", 96), ("DEC--SIN", 80)];
    let write = |below: f64| {
        let noisy = |y: usize, x: usize| below * f64::from(noise(5, y * 96 + x));
        Fits::new(&axes, |_, y, x| lopsided(y as i64 - 40, x as i64 - 48) + noisy(y, x)).write(place.path("psf.fits"));
    };
    // Rounding and noise are none.
    write(9e-4);
    assert_eq!(place.run(&format!("{job} --iterations 3 --quiet --overwrite")).status, Some(0));
    write(3e-3);
    place.refused(&format!("{job} --overwrite"), 1, &["psf.fits", "down to -0.2"]);
    // Nowhere very negative, but a dirty beam: it lacks the spacing of zero.
    Fits::new(&axes, |_, y, x| {
        let far = (y as f64 - 40.0).hypot(x as f64 - 48.0);
        0.3 * lopsided(y as i64 - 40, x as i64 - 48) + if far == 0.0 { 0.7 } else { -0.9e-3 }
    })
    .write(place.path("psf.fits"));
    place.refused(&format!("{job} --overwrite"), 1, &["psf.fits", "as a dirty beam does", remedy]);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let place = Place::new();
    let job = "--dirty dirty.fits --psf psf.fits --output a";
    let others =
        ["--model psf.fits", "--components c.csv", "--auto-mask", "--local-rms", "--no-negative", "--stop-on-negative"];
    for option in others.into_iter().chain(["--join-polarizations"]) {
        let name = option.split(' ').next().unwrap();
        place.refused(&format!("{job} --method richardson-lucy {option}"), 2, &[name, "richardson-lucy"]);
    }
    place.refused(&format!("{job} --method richardson-lucy --iterations 0"), 2, &["--iterations 0", "at least 1"]);
    for method in ["clark", "hogbom"] {
        place.refused(&format!("{job} --method {method} --iterations 5"), 2, &["--iterations", method]);
    }
}
