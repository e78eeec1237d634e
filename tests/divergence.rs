//! PSFs that are not the one that the image was seen with: CLEAN ends by itself, and no worse than it began.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Method, StopReason};
use deconv::job::Options;
use ndarray::Array2;
use std::path::Path;
use support::fits::Fits;
use support::job::{Done, run};
use support::observed::{observe, psf};
use support::oracle::{Beam, convolve, deviation, peak};
use support::program::Ended;

const SHAPE: (usize, usize) = (96, 110);

/// The whole PSF reaches over the image from every pixel.
const WHOLE: (usize, usize) = (2 * SHAPE.0, 2 * SHAPE.1);

/// Rows and columns from a peak within which the PSF is its main lobe.
const LOBE: f64 = 4.0;

/// The main lobe and sidelobes that reach everywhere.
fn seen(dy: f64, dx: f64) -> f64 {
    let r = dy.hypot(dx);
    0.95 * (-r * r / 6.0).exp() + 0.05 * (0.8 * r).cos() * (-r / 30.0).exp()
}

/// Points and an extended source.
fn sky() -> Array2<f64> {
    let mut sky = Array2::from_shape_fn(SHAPE, |(y, x)| {
        0.01 * (-((y as f64 - 40.0).powi(2) + (x as f64 - 70.0).powi(2)) / 60.0).exp()
    });
    for (at, flux) in [((20, 30), 1.0), ((70, 25), 0.4), ((55, 90), -0.2), ((42, 66), 0.1)] {
        sky[at] += flux;
    }
    sky
}

/// PSFs with which the image was not seen, each with a name.
fn wrong() -> Vec<(&'static str, Fits)> {
    let own = |dy: i64, dx: i64| seen(dy as f64, dx as f64);
    let brighter = |times: f64| {
        move |dy: i64, dx: i64| {
            let far = (dy as f64).hypot(dx as f64) > LOBE;
            own(dy, dx) * if far { times } else { 1.0 }
        }
    };
    let of_cell = |cell: f64| move |dy: i64, dx: i64| seen(cell * dy as f64, cell * dx as f64);
    // All but its peak is a pixel further on.
    let slipped = |dy: i64, dx: i64| if (dy, dx) == (0, 0) { 1.0 } else { 0.99 * own(dy, dx - 1) };
    vec![
        ("half as large as the image", psf((SHAPE.0 / 2, SHAPE.1 / 2), own)),
        ("a quarter of it", psf((SHAPE.0 / 4, SHAPE.1 / 4), own)),
        ("of cells a third larger", psf(WHOLE, of_cell(1.3))),
        ("of cells a quarter smaller", psf(WHOLE, of_cell(1.0 / 1.3))),
        ("with sidelobes a pixel off", psf(WHOLE, slipped)),
        ("with sidelobes three times as bright", psf(WHOLE, brighter(3.0))),
        ("with sidelobes twelve times as bright", psf(WHOLE, brighter(12.0))),
        ("with sidelobes of the wrong sign", psf(WHOLE, brighter(-3.0))),
    ]
}

/// A job that stops for no other reason than that it gets no better, or is far below the noise.
fn job(directory: &Path) -> Options {
    let job = observe(directory, &sky(), |dy, dx| seen(dy as f64, dx as f64), 1e-3);
    let parameters = deconv::algorithm::Parameters { niter: 100_000, nsigma: 2.0, overlap: Some(10), ..job.parameters };
    Options { parameters, overwrite: true, ..job }
}

/// The ways in which planes are cleaned: by every method that can diverge, as a whole and in chunks.
const WAYS: [(Method, Option<(usize, usize)>); 5] = [
    (Method::Hogbom, None),
    (Method::Clark, None),
    (Method::Clark, Some((48, 55))),
    (Method::Multiscale, None),
    (Method::Multiscale, Some((48, 55))),
];

/// Products are no worse than the dirty image, and belong together.
fn check(what: &str, job: &Options, done: &Done) {
    let plane = &done.summary.planes[0];
    let (dirty, residual) = (Fits::read(&job.dirty).plane(0), done.residual.plane(0));
    println!("{what}: {} after {} and {} refreshes", plane.stop_reason, plane.iterations, plane.refreshes);
    println!("  peak {} rms {}, then {} {}", peak(&dirty), deviation(&dirty), peak(&residual), deviation(&residual));
    assert!(deviation(&residual) <= (1.0 + 1e-6) * deviation(&dirty), "{what}");
    assert!(peak(&residual) <= peak(&dirty), "{what}");
    assert!(peak(&done.image.plane(0)) < 2.0 * peak(&dirty), "{what}: {}", peak(&done.image.plane(0)));
    assert!(plane.refreshes < 300, "{what}: {} refreshes", plane.refreshes);
    let beam = Beam::new(&Fits::read(&job.psf).plane(0));
    let expected = dirty - convolve(&done.model.plane(0), &beam);
    assert!(peak(&(&residual - &expected)) < 1e-5, "{what}: the residual is not that of the model");
}

#[test]
fn a_psf_that_is_not_the_image_s_makes_nothing_worse() {
    let directory = tempfile::tempdir().unwrap();
    let mut job = job(directory.path());
    let mut reasons = Vec::new();
    for (name, psf) in wrong() {
        job.psf = psf.write(directory.path().join("wrong.fits"));
        for (method, chunk) in WAYS {
            (job.method, job.parameters.chunk) = (method, chunk);
            let done = run(&job);
            let what = format!("{} {chunk:?}, PSF {name}", method.name());
            check(&what, &job, &done);
            let reason = done.summary.planes[0].stop_reason;
            assert!(
                matches!(reason, StopReason::Diverged | StopReason::Stalled | StopReason::Nsigma),
                "{what}: {reason}"
            );
            reasons.push((method, reason));
        }
    }
    for method in [Method::Hogbom, Method::Clark, Method::Multiscale] {
        assert!(reasons.contains(&(method, StopReason::Diverged)), "{method:?}: {reasons:?}");
    }
}

#[test]
fn a_peak_off_the_middle_is_no_other_psf() {
    let directory = tempfile::tempdir().unwrap();
    let mut job = job(directory.path());
    let off = psf((WHOLE.0 + 8, WHOLE.1 + 8), |dy, dx| seen((dy + 1) as f64, (dx - 3) as f64));
    for (method, chunk) in WAYS {
        (job.method, job.parameters.chunk, job.parameters.nsigma) = (method, chunk, 4.0);
        let middle = run(&job);
        let off = run(&Options { psf: off.write(directory.path().join("off.fits")), ..job.clone() });
        let [a, b] = [&middle, &off].map(|done| done.summary.planes[0].clone());
        assert_eq!((a.stop_reason, b.stop_reason), (StopReason::Nsigma, StopReason::Nsigma), "{method:?}");
        assert!((a.rms_after / b.rms_after - 1.0).abs() < 1e-3, "{method:?}: {} {}", a.rms_after, b.rms_after);
        assert!(peak(&(&middle.image.plane(0) - &off.image.plane(0))) < 1e-3, "{method:?}");
    }
}

#[test]
fn the_program_says_that_it_diverged_and_succeeds() {
    let directory = tempfile::tempdir().unwrap();
    job(directory.path());
    let (_, psf) = wrong().into_iter().find(|(name, _)| name.contains("twelve")).unwrap();
    psf.write(directory.path().join("psf.fits"));
    for method in ["hogbom", "clark", "multiscale"] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_deconv"));
        command.args(["--dirty", "dirty.fits", "--psf", "psf.fits", "--method", method, "--overwrite"]);
        let ended = Ended::from(command.current_dir(directory.path()).output().unwrap());
        assert_eq!(ended.status, Some(0), "{ended:?}");
        assert!(ended.out.contains("diverged"), "{}", ended.out);
    }
}
