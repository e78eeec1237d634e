//! `--model`: a run that starts from a model, against runs that do it in one go and against convolutions in f64.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Method, Parameters, StopReason};
use deconv::event::Events;
use deconv::job::{Options, deconvolve_with};
use deconv::schedule::Settings;
use std::path::Path;
use support::fits::Fits;
use support::job::{Done, on_set, options, run};
use support::noise;
use support::oracle::{Beam, convolve, deviation, peak, without_blanks};
use support::program::{Place, psf};
use support::resume::{files, inputs, refresh, resume, small, stop, undisturbed};

const BOTH: &str = "--dirty dirty.fits --psf psf.fits --output x";

/// The job with so many iterations, from a model if one is given.
fn from(job: &Options, niter: u64, model: Option<&str>, output: &str) -> Options {
    let directory = job.output.as_ref().unwrap().parent().unwrap();
    Options {
        parameters: Parameters { niter, ..job.parameters },
        model: model.map(|name| directory.join(name)),
        output: Some(directory.join(output)),
        ..job.clone()
    }
}

/// The residual is that of the written model, and the restored image is made of both.
fn check_identity(what: &str, options: &Options, done: &Done) {
    let (dirty, beam) = (Fits::read(&options.dirty), Fits::read(&options.psf));
    let beam = Beam::new(&beam.plane(0));
    for plane in 0..dirty.planes() {
        let (model, residual, image) = (done.model.plane(plane), done.residual.plane(plane), done.image.plane(plane));
        let dirty = dirty.plane(plane);
        let off = peak(&(&residual - &(&dirty - &convolve(&model, &beam))));
        assert!(off <= 1e-6 * peak(&dirty), "{what}, plane {plane}: residual off by {off}");
        let widths = &done.summary.planes[plane].beam;
        let gaussian = Beam::gaussian(dirty.dim(), done.image.cell(), (widths.major, widths.minor, widths.pa));
        let off = peak(&(&image - &(convolve(&model, &gaussian) + &residual)));
        assert!(off <= 1e-5 * peak(&image), "{what}, plane {plane}: restored off by {off}");
    }
}

#[test]
fn n_and_m_iterations_are_n_plus_m() {
    let directory = tempfile::tempdir().unwrap();
    for (method, niter) in [(Method::Hogbom, 300), (Method::Clark, 2000)] {
        let job = Options { method, ..on_set("vla-3c273", directory.path().join(method.name())) };
        let names = ["whole", "half", "both"].map(|name| format!("{}-{name}", method.name()));
        let whole = run(&from(&job, niter, None, &names[0]));
        run(&from(&job, niter / 2, None, &names[1]));
        let model = format!("{}-model.fits", names[1]);
        let both = from(&job, niter / 2, Some(&model), &names[2]);
        let done = run(&both);
        check_identity(method.name(), &both, &done);
        assert_eq!(done.summary.planes[0].iterations, niter / 2);
        let history = done.model.cards.iter().filter(|card| card.starts_with("HISTORY")).map(|card| &card[8..]);
        assert!(history.collect::<String>().contains(&format!("from the model {model}")));
        let rms = |done: &Done| deviation(&done.residual.plane(0));
        let (one, two) = (rms(&whole), rms(&done));
        assert!(two <= 1.02 * one, "{}: rms {one} in one go, {two} in two", method.name());
        if method == Method::Hogbom {
            let (one, two) = (whole.model.plane(0), done.model.plane(0));
            assert!(peak(&(&one - &two)) <= 1e-5 * peak(&one), "the components are others");
        }
    }
}

/// Inputs of two planes, and a model of one for both: noise and blanks everywhere.
fn dense(directory: &Path) -> Options {
    inputs(directory, 2);
    let value = |y: usize, x: usize| {
        if (y + 2 * x).is_multiple_of(7) { f64::NAN } else { 1e-3 * f64::from(noise(5, 100 * y + x)) }
    };
    let model = Fits::new(&[("RA---SIN", 44), ("DEC--SIN", 48)], |_, y, x| value(y, x));
    model.card("BUNIT   = 'JY/PIXEL'").write(directory.join("model.fits"));
    Options { model: Some(directory.join("model.fits")), ..small(directory, directory) }
}

#[test]
fn a_dense_model_with_blanks() {
    let directory = tempfile::tempdir().unwrap();
    let job = dense(directory.path());
    for method in [Method::Clark, Method::Hogbom] {
        let job = Options { method, overwrite: true, ..job.clone() };
        let done = run(&job);
        check_identity(method.name(), &job, &done);
        assert!(done.summary.planes.iter().all(|plane| plane.iterations > 100), "{:?}", done.summary.planes);
    }
}

#[test]
fn a_model_to_which_nothing_is_added_stays_to_the_bit() {
    let directory = tempfile::tempdir().unwrap();
    let job = dense(directory.path());
    let done = run(&from(&job, 0, Some("model.fits"), "out"));
    check_identity("nothing added", &job, &done);
    assert_eq!(done.summary.planes[0].stop_reason, StopReason::Niter);
    let model = without_blanks(&Fits::read(&directory.path().join("model.fits")).plane(0));
    assert!((0..2).all(|plane| done.model.plane(plane) == model));
    // What is left of a model that explains everything is nothing to clean.
    let job = Options { parameters: Parameters { threshold: 1e3, ..job.parameters }, overwrite: true, ..job };
    let done = run(&job);
    assert_eq!(done.summary.planes[0].stop_reason, StopReason::NothingToClean);
    assert!(done.model.plane(1) == model);
}

#[test]
fn the_bits_do_not_depend_on_threads() {
    let directory = tempfile::tempdir().unwrap();
    let job = dense(directory.path());
    let expected = undisturbed(&job);
    for settings in [Settings::threads(2), Settings { shuffle: Some(3), poison: true, ..Settings::threads(3) }] {
        let to = tempfile::tempdir().unwrap();
        deconvolve_with(&Options { output: Some(to.path().join("out")), ..job.clone() }, &settings, &Events::silent())
            .unwrap();
        assert!(files(to.path()) == expected, "{settings:?}");
    }
}

#[test]
fn gone_on_with_the_bits_are_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let job = dense(directory.path());
    let expected = undisturbed(&job);
    for n in 1..6 {
        let to = tempfile::tempdir().unwrap();
        let job = Options { output: Some(to.path().join("out")), ..job.clone() };
        stop(&job, n, refresh);
        resume(&job, &Settings::threads(2)).unwrap();
        assert!(files(to.path()) == expected, "stopped at refresh {n}");
    }
}

#[test]
fn another_model_is_not_gone_on_with() {
    let directory = tempfile::tempdir().unwrap();
    let job = dense(directory.path());
    stop(&job, 3, refresh);
    let path = directory.path().join("model.fits");
    let error = resume(&Options { model: None, ..job.clone() }, &Settings::inline()).unwrap_err();
    assert!(error.message.contains("--model") && error.message.contains("that is empty"), "{error}");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[2880 + 3] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = resume(&job, &Settings::inline()).unwrap_err();
    assert!(error.message.contains("a model with the CRC-32"), "{error}");
}

#[test]
fn models_that_cannot_be_started_from() {
    let place = Place::new();
    let (ra, dec) = (("RA---SIN", 48), ("DEC--SIN", 40));
    let model = |axes: &[(&str, usize)]| Fits::new(axes, |_, _, _| 1e-3);
    let with = |name: &str, from: &str, to: &str| {
        let mut fits = model(&[ra, dec]);
        fits.cards.iter_mut().filter(|card| card.starts_with(from)).for_each(|card| *card = to.to_string());
        fits.write(place.path(name));
    };
    model(&[("RA---SIN", 47), dec]).write(place.path("size.fits"));
    model(&[ra, dec, ("STOKES", 3)]).write(place.path("planes.fits"));
    model(&[ra, dec]).card("BUNIT   = 'JY/BEAM '").write(place.path("unit.fits"));
    Fits::new(&[ra, dec], |_, _, _| f64::INFINITY).write(place.path("infinite.fits"));
    with("shifted.fits", "CRPIX1", "CRPIX1  = 26.0");
    with("cell.fits", "CDELT2", "CDELT2  = 3E-4");
    with("elsewhere.fits", "CRVAL2", "CRVAL2  = -30.0");
    psf(&[ra, dec]).card("BUNIT   = 'JY/PIXEL'").write(place.path("good.fits"));
    for (name, parts) in [
        ("size.fits", &["40 x 47 pixels", "dirty.fits there are 40 x 48", "same size"][..]),
        ("planes.fits", &["axis STOKES has length 3", "2 in the dirty image"]),
        ("unit.fits", &["unit is JY/BEAM", "in Jy/pixel", "PREFIX-model.fits"]),
        ("shifted.fits", &["pixel in row 0 and column 0", "deg"]),
        ("elsewhere.fits", &["pixel in row 0"]),
        ("cell.fits", &["its cell is", "dirty.fits"]),
        ("infinite.fits", &["infinite pixels"]),
        ("missing.fits", &["cannot be opened"]),
    ] {
        place.refused(&format!("{BOTH} --model {name}"), 1, &[&[name][..], parts].concat());
        if name != "infinite.fits" {
            place.refused(&format!("plan {BOTH} --model {name}"), 1, &[name]);
        }
    }
    place.refused(&format!("{BOTH} --model good.fits --method wiener"), 2, &["--model", "wiener"]);
    std::fs::rename(place.path("good.fits"), place.path("y-model.fits")).unwrap();
    let job = "--dirty dirty.fits --psf psf.fits --output y --overwrite --model y-model.fits";
    place.refused(job, 1, &["y-model.fits", "input of this run"]);
}

#[test]
fn a_model_without_wcs_or_in_other_digits_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    inputs(directory.path(), 1);
    let at = |name: &str| directory.path().join(name);
    let mut plain = Fits::new(&[("", 44), ("", 48)], |_, y, x| if (y, x) == (16, 14) { 0.5 } else { 0.0 });
    plain.write(at("plain.fits"));
    plain = Fits { axes: vec![("RA---SIN".into(), 44), ("DEC--SIN".into(), 48)], ..plain };
    plain.cards = Fits::new(&[("RA---SIN", 44), ("DEC--SIN", 48)], |_, _, _| 0.0).cards;
    for card in plain.cards.iter_mut().filter(|card| card.starts_with("CDELT")) {
        *card = card.replace("777", "778");
    }
    plain.write(at("digits.fits"));
    let job = options(at("dirty.fits"), at("psf.fits"), at("out"));
    let models = ["plain.fits", "digits.fits"].map(|name| run(&from(&job, 10, Some(name), name)).model.pixels);
    assert!(models[0] == models[1]);
}
