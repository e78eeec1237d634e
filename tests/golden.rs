//! Numbers that other programs, or definitions in f64, give for the same files.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Balance, Method, StopReason};
use deconv::kernel::NoiseSpectrum;
use support::bar::at_most;
use support::fits::{Fits, copy_without_beams};
use support::job::{Done, on_set, options, run};
use support::oracle::{self, Beam, deviation, peak};

/// What a residual and a model come to.
struct Figures {
    peak: f64,
    deviation: f64,
    flux: f64,
    components: usize,
}

/// CLEAN with so many components and nothing else to end it; the figures of the first plane.
fn clean(set: &str, niter: u64) -> (Done, Figures) {
    let directory = tempfile::tempdir().unwrap();
    let mut options = on_set(set, directory.path().join("out"));
    options.parameters.niter = niter;
    let done = run(&options);
    let (residual, model) = (done.residual.plane(0), done.model.plane(0));
    let components = model.iter().filter(|&&flux| flux != 0.0).count();
    let figures = Figures { peak: peak(&residual), deviation: deviation(&residual), flux: model.sum(), components };
    (done, figures)
}

fn assert_near(what: &str, found: f64, expected: f64, part: f64) {
    assert!((found / expected - 1.0).abs() <= part, "{what}: {found}, expected {expected} to {part}");
}

/// A bar: a figure is at most so many per cent off what is expected.
fn near(bar: &str, case: &str, found: f64, expected: f64, percent: f64) {
    at_most(&format!("{bar}, % off"), case, 100.0 * (found / expected - 1.0).abs(), percent);
}

/// Against CASA 6.7.0.31 `deconvolve` (3C 273, MeerKAT) and a textbook loop in f64 (NGC 5921), gain 0.1.
fn assert_figures(set: &str, niter: u64, expected: &Figures) {
    let (done, found) = clean(set, niter);
    let plane = &done.summary.planes[0];
    assert_eq!((plane.stop_reason, plane.iterations), (StopReason::Niter, niter), "{set}");
    let bar = format!("hogbom, {set}, {niter} iterations: residual peak, its std, model flux");
    near(&bar, "peak", found.peak, expected.peak, 0.5);
    near(&bar, "std", found.deviation, expected.deviation, 0.5);
    near(&bar, "flux", found.flux, expected.flux, 0.5);
    let bar = format!("hogbom, {set}, {niter} iterations: pixels of the model that are not zero");
    near(&bar, "", found.components as f64, expected.components as f64, 2.0);
    // The summary says what is in the files.
    assert_near("peak_after", plane.peak_after, found.peak, 1e-6);
    assert_near("rms_after", plane.rms_after, found.deviation, 1e-6);
    assert_near("model_flux", plane.model_flux, found.flux, 1e-6);
}

#[test]
fn clean_of_3c273_is_that_of_casa() {
    let expected = Figures { peak: 0.095823, deviation: 0.026808, flux: 34.7864, components: 191 };
    assert_figures("vla-3c273", 500, &expected);
    let expected = Figures { peak: 0.059599, deviation: 0.023060, flux: 33.9727, components: 621 };
    assert_figures("vla-3c273", 2000, &expected);
}

#[test]
fn clean_of_meerkat_is_that_of_casa() {
    let expected = Figures { peak: 0.00325615, deviation: 0.00118347, flux: 0.114055, components: 250 };
    assert_figures("meerkat-sim", 500, &expected);
    let expected = Figures { peak: 0.00224039, deviation: 0.00096239, flux: 0.158067, components: 841 };
    assert_figures("meerkat-sim", 2000, &expected);
}

#[test]
fn clean_of_a_blanked_plane_is_the_textbook_one() {
    let expected = Figures { peak: 0.0076309, deviation: 0.0014817, flux: 0.188678, components: 44 };
    assert_figures("vla-ngc5921", 100, &expected);
}

#[test]
fn too_deep_a_clean_goes_back_to_its_best_state() {
    let (done, found) = clean("vla-3c273", 20_000);
    let plane = &done.summary.planes[0];
    assert!(matches!(plane.stop_reason, StopReason::Diverged | StopReason::Stalled), "{:?}", plane.stop_reason);
    let ended = format!("{} after {} iterations", plane.stop_reason, plane.iterations);
    at_most(
        "hogbom, 3C 273 I, 20,000 iterations: residual std of the state it goes back to",
        &ended,
        found.deviation,
        0.0235,
    );
    assert_near("rms_after", plane.rms_after, found.deviation, 1e-6);
    assert!(plane.iterations < 20_000);
    // It says which level can be had.
    let note = done.summary.notes.iter().find(|note| note.starts_with("I: diverged") || note.starts_with("I: stalled"));
    assert!(note.is_some_and(|note| note.contains("rms")), "{:?}", done.summary.notes);
    let sidelobes = done.summary.notes.iter().any(|note| note.contains("128 rows") && note.contains("how deep"));
    assert!(sidelobes, "{:?}", done.summary.notes);
}

#[test]
fn the_noise_ends_a_clean_with_the_defaults() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = on_set("vla-3c273", directory.path().join("out"));
    options.parameters.niter = 1_000_000;
    options.parameters.nsigma = 5.0;
    let plane = run(&options).summary.planes[0].clone();
    assert_eq!(plane.stop_reason, StopReason::Nsigma);
    let ended = format!("{} after {} iterations", plane.peak_after, plane.iterations);
    at_most(
        "hogbom, 3C 273 I, the default stop: residual peak off 0.07 Jy/beam",
        &ended,
        (plane.peak_after - 0.07).abs(),
        0.005,
    );
    assert!((900..=1200).contains(&plane.iterations), "{}", plane.iterations);
}

/// The difference of two angles that mean the same half a turn apart.
fn turn(a: f64, b: f64) -> f64 {
    let turn = (a - b).rem_euclid(180.0);
    turn.min(180.0 - turn)
}

#[test]
fn fitted_beams_are_those_of_casa() {
    let directory = tempfile::tempdir().unwrap();
    let beams = |set: &str, strip: bool| {
        let mut options = on_set(set, directory.path().join(format!("{set}-{strip}")));
        options.parameters.niter = 1;
        if strip {
            options.psf = copy_without_beams(&options.psf, directory.path().join("psf.fits"));
        }
        let planes = run(&options).summary.planes;
        planes.into_iter().map(|plane| plane.beam).collect::<Vec<_>>()
    };
    for set in ["vla-3c273", "vla-ngc5921"] {
        let (stated, fitted) = (beams(set, false), beams(set, true));
        assert_eq!((stated.len(), fitted.len()), (4, 4));
        if set == "vla-3c273" {
            assert_near("major", stated[0].major, 2.897, 0.0005);
            assert_near("minor", stated[0].minor, 2.600, 0.0005);
            assert!(turn(stated[0].pa, 19.5) < 0.1);
        }
        for (stated, fitted) in stated.iter().zip(&fitted) {
            assert_eq!((stated.source.as_str(), fitted.source.as_str()), ("BEAMS table", "fit to the PSF"));
            let bar = "fitted beam: axes beside those of the BEAMS table";
            near(bar, &format!("{set}, major"), fitted.major, stated.major, 1.5);
            near(bar, &format!("{set}, minor"), fitted.minor, stated.minor, 1.5);
            // The beams are 11 % and 6 % longer than broad: their angle is known to some degrees only.
            assert!(turn(fitted.pa, stated.pa) < 4.0, "{set}: {fitted:?} {stated:?}");
        }
    }
}

#[test]
fn gaussian_beams_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let axes = [("RA---SIN", 96), ("DEC--SIN", 96)];
    let shapes =
        [(1.5, 1.5, 0.0), (1.8, 1.5, 30.0), (2.5, 1.6, -60.0), (4.0, 3.0, 88.0), (7.0, 3.0, 135.0), (10.0, 6.0, 10.0)];
    for (i, shape) in shapes.into_iter().enumerate() {
        let beam = Beam::gaussian((96, 96), (1.0, -1.0), shape);
        let at = |y: usize, x: usize| beam.pixels[(y + 95 - 48, x + 95 - 48)];
        let psf = Fits::new(&axes, |_, y, x| at(y, x)).write(directory.path().join(format!("psf{i}.fits")));
        let mut options = options(psf.clone(), psf, directory.path().join(format!("out{i}")));
        options.parameters.niter = 1;
        let found = run(&options).summary.planes[0].beam.clone();
        assert_eq!(found.source, "fit to the PSF");
        let (bar, case) = ("fitted Gaussians of 1.5 to 10 pixels", format!("{shape:?}"));
        near(&format!("{bar}: axes"), &case, found.major, shape.0, 1.0);
        near(&format!("{bar}: axes"), &case, found.minor, shape.1, 1.0);
        if shape.0 != shape.1 {
            at_most(&format!("{bar}: angle, degrees off"), &case, turn(found.pa, shape.2), 1.0);
        }
    }
}

#[test]
fn wiener_is_its_definition() {
    let directory = tempfile::tempdir().unwrap();
    for (i, (set, balance)) in [("vla-3c273", 0.1), ("vla-ngc5921", 3.0), ("meerkat-sim", 0.01)].into_iter().enumerate()
    {
        let mut options = on_set(set, directory.path().join(i.to_string()));
        options.method = Method::Wiener;
        options.parameters.balance = Balance::Given(balance);
        options.parameters.noise_spectrum = Some(NoiseSpectrum::White);
        let done = run(&options);
        let (dirty, psf) = (Fits::read(&options.dirty), Fits::read(&options.psf));
        for plane in 0..dirty.planes() {
            let summary = &done.summary.planes[plane];
            assert_eq!((summary.stop_reason, summary.iterations), (StopReason::Solved, 1));
            let [rows, cols] = done.summary.padded[plane];
            let expected = oracle::wiener(&dirty.plane(plane), &Beam::new(&psf.plane(plane)), (rows, cols), balance);
            let difference = peak(&(done.model.plane(plane) - &expected));
            assert!(difference <= 1e-5 * peak(&expected), "{set} {plane}: {difference} of {}", peak(&expected));
        }
    }
}
