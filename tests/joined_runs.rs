//! `--join-polarizations` with masks, models to start from, checkpoints, lists of components, and what it does not go with.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Method, Parameters, StopReason};
use deconv::event::Events;
use deconv::job::{Options, deconvolve_with};
use deconv::schedule::Settings;
use ndarray::Array2;
use std::path::Path;
use support::fits::Fits;
use support::job::{Done, run};
use support::noise;
use support::oracle::{Beam, convolve, peak};
use support::program::{Place, dirty, psf};
use support::resume::{checkpoint, files, inputs, refresh, resume, small, stop};

/// A job on three polarizations of two channels, of 44 columns and 48 rows: each plane has sources of its own.
fn joined(from: &Path, to: &Path) -> Options {
    inputs(from, 1);
    let job = small(from, to);
    let beam = Fits::read(&job.psf);
    let psf = |y: usize, x: usize, row: usize, col: usize| beam.plane(0)[(24 + y - row, 22 + x - col)];
    let near = |y: usize, x: usize, row: usize, col: usize| y.abs_diff(row) < 20 && x.abs_diff(col) < 20;
    let at = |y, x, row, col| if near(y, x, row, col) { psf(y, x, row, col) } else { 0.0 };
    let axes = [("RA---SIN", 44), ("DEC--SIN", 48), ("STOKES", 3), ("FREQ", 2)];
    let made = Fits::new(&axes, |plane, y, x| {
        let sources = match plane % 3 {
            0 => at(y, x, 16, 14) - 0.4 * at(y, x, 30, 29),
            1 => 0.5 * at(y, x, 33, 10) - 0.1 * at(y, x, 16, 14),
            _ => 0.3 * at(y, x, 30, 29),
        };
        let noise = 3e-4 * f64::from(noise(plane as u64 + 1, 1000 * y + x));
        if (y, x) == (1, 2) { f64::NAN } else { sources + noise * (1 + plane) as f64 }
    });
    made.card("BUNIT   = 'JY/BEAM '").write(job.dirty.clone());
    Options { join_polarizations: true, ..job }
}

/// The same job with other products.
fn to(job: &Options, directory: &Path) -> Options {
    Options { output: Some(directory.join("out")), ..job.clone() }
}

fn undisturbed(job: &Options) -> (Vec<u64>, std::collections::BTreeMap<String, Vec<u8>>) {
    let quiet = tempfile::tempdir().unwrap();
    let summary = deconvolve_with(&to(job, quiet.path()), &Settings::inline(), &Events::silent()).unwrap();
    (summary.planes.iter().map(|plane| plane.refreshes).collect(), files(quiet.path()))
}

/// Stops a job at each of its refreshes, and goes on.
fn goes_on_from_everywhere(job: &Options) {
    let (refreshes, expected) = undisturbed(job);
    let all = refreshes[0] + refreshes[3];
    assert!(refreshes[0] > 1 && refreshes[3] > 1, "{refreshes:?}");
    for n in 1..all {
        let directory = tempfile::tempdir().unwrap();
        let job = to(job, directory.path());
        stop(&job, n, refresh);
        assert!(checkpoint(&job).exists(), "refresh {n}");
        let settings = if n % 2 == 0 { Settings::threads(2) } else { Settings::inline() };
        let (summary, notes) = resume(&job, &settings).unwrap();
        assert!(notes.iter().any(|note| note.starts_with("goes on")), "{notes:?}");
        assert!(files(directory.path()) == expected, "refresh {n} of {all}");
        assert!(summary.planes.iter().all(|plane| plane.joined.is_some()));
    }
}

#[test]
fn a_run_can_be_gone_on_with() {
    let from = tempfile::tempdir().unwrap();
    let job = joined(from.path(), from.path());
    goes_on_from_everywhere(&job);
    goes_on_from_everywhere(&Options { method: Method::Hogbom, ..job });
}

#[test]
fn an_automatic_mask_can_be_gone_on_with() {
    let from = tempfile::tempdir().unwrap();
    let job = joined(from.path(), from.path());
    let (nsigma, auto_mask) = (4.0, Some(40.0));
    let parameters = Parameters { niter: 20_000, nsigma, auto_mask, ..job.parameters };
    goes_on_from_everywhere(&Options { parameters, ..job });
}

#[test]
fn planes_that_are_not_as_they_were_are_made_anew_with_those_that_go_with_them() {
    let from = tempfile::tempdir().unwrap();
    let job = joined(from.path(), from.path());
    let (refreshes, expected) = undisturbed(&job);
    for damaged in [None, Some(0), Some(1), Some(2)] {
        let directory = tempfile::tempdir().unwrap();
        let job = to(&job, directory.path());
        stop(&job, refreshes[0] + 2, refresh);
        if let Some(plane) = damaged {
            let part = directory.path().join(".out-model.fits.part");
            let mut bytes = std::fs::read(&part).unwrap();
            // The header comes last; pixels of planes lie one after the other, and begin somewhere in the first half of the first.
            let first = bytes.iter().position(|&byte| byte != 0).unwrap();
            let at = first + plane * 44 * 48 * 4;
            bytes[at] ^= 1;
            std::fs::write(&part, &bytes).unwrap();
        }
        let (_, notes) = resume(&job, &Settings::inline()).unwrap();
        let done = if damaged.is_some() { 2 } else { 3 };
        let said = format!("of 6 planes {done} are done and 3 under way");
        assert!(notes.iter().any(|note| note.contains(&said)), "{notes:?}");
        assert!(files(directory.path()) == expected, "plane {damaged:?}");
    }
}

#[test]
fn a_run_without_it_is_not_gone_on_with() {
    let from = tempfile::tempdir().unwrap();
    let job = joined(from.path(), from.path());
    stop(&job, 2, refresh);
    let error = resume(&Options { join_polarizations: false, ..job }, &Settings::inline()).unwrap_err();
    assert!(error.message.contains("of --join-polarizations: yes, this run of --join-polarizations: no"), "{error}");
}

fn product(options: &Options, name: &str) -> Fits {
    Fits::read(&options.output.clone().unwrap().with_file_name(format!("out-{name}.fits")))
}

/// Pixels of a model that are not zero where a mask is.
fn outside(done: &Done, mask: impl Fn(usize, usize) -> bool) -> usize {
    let planes = 0..done.model.planes();
    let wrong =
        |plane: usize| done.model.plane(plane).indexed_iter().filter(|((y, x), f)| **f != 0.0 && !mask(*y, *x)).count();
    planes.map(wrong).sum()
}

#[test]
fn components_are_found_where_the_masks_of_all_planes_allow_it() {
    let from = tempfile::tempdir().unwrap();
    let job = Options { overwrite: true, ..joined(from.path(), from.path()) };
    let column = |plane: usize, y: usize, x: usize| (y + 2 * x) % 7 != plane % 3;
    let file = from.path().join("mask.fits");
    for stokes in [1, 3] {
        let axes = [("RA---SIN", 44), ("DEC--SIN", 48), ("STOKES", stokes)];
        // Products of such numbers are no numbers of f32.
        let value = |plane, y, x| if column(plane, y, x) { 1e-30 } else { f64::NAN };
        Fits { cards: Vec::new(), ..Fits::new(&axes, value) }.write(file.clone());
        let mask = |y: usize, x: usize| (0..stokes).all(|plane| column(plane, y, x)) && (4..44).contains(&y);
        for method in [Method::Clark, Method::Hogbom] {
            let job = Options { mask: Some(file.clone()), border: 9.0, method, ..job.clone() };
            let inside = |y: usize, x: usize| mask(y, x) && (3..41).contains(&x);
            let done = run(&job);
            assert_eq!(outside(&done, inside), 0);
            let written = product(&job, "mask");
            let expected = Array2::from_shape_fn((48, 44), |(y, x)| f64::from(u8::from(inside(y, x))));
            for plane in 0..6 {
                assert_eq!(written.plane(plane), expected);
                assert!(peak(&done.model.plane(plane)) > 0.0);
                let summary = &done.summary.planes[plane];
                let blank = usize::from(inside(1, 2)) as u64;
                assert_eq!(summary.mask_pixels, Some(expected.sum() as u64 - blank));
                let inner = done.residual.plane(plane).mapv(|v| if v.is_nan() { 0.0 } else { v }) * &expected;
                assert!((summary.peak_after / peak(&inner) - 1.0).abs() < 1e-5, "{summary:?}");
            }
        }
    }
}

#[test]
fn an_automatic_mask_is_that_of_all_planes() {
    let from = tempfile::tempdir().unwrap();
    let job = joined(from.path(), from.path());
    let parameters = Parameters { niter: 20_000, nsigma: 4.0, auto_mask: Some(40.0), ..job.parameters };
    let job = Options { parameters, ..job };
    let done = run(&job);
    let written = product(&job, "mask");
    for plane in 0..6 {
        let summary = &done.summary.planes[plane];
        assert_eq!(summary.stop_reason, StopReason::Nsigma, "{summary:?}");
        assert_eq!(written.plane(plane), written.plane(plane / 3 * 3));
        let mask = written.plane(plane);
        assert!(mask.sum() >= 3.0);
        assert!(done.model.plane(plane).indexed_iter().all(|(at, flux)| *flux == 0.0 || mask[at] == 1.0));
        // Deeper than the first level where something was found.
        let joined = summary.joined.as_ref().unwrap();
        assert!(joined.peak_after < 5.0 * joined.rms_after, "{joined:?}");
    }
}

#[test]
fn a_model_is_started_from_and_components_are_listed() {
    let from = tempfile::tempdir().unwrap();
    let job = joined(from.path(), from.path());
    let path = |name: &str| from.path().join(name);
    let half = Options { parameters: Parameters { niter: 100, ..job.parameters }, ..job.clone() };
    run(&Options { output: Some(path("half")), ..half.clone() });
    let components = Some(path("list.csv"));
    let job = Options { model: Some(path("half-model.fits")), components, ..half };
    let done = run(&job);
    let (dirty, beam) = (Fits::read(&job.dirty), Beam::new(&Fits::read(&job.psf).plane(0)));
    for plane in 0..6 {
        let (blank, dirty) = (|v: f64| if v.is_nan() { 0.0 } else { v }, dirty.plane(plane));
        let expected = &dirty - &convolve(&done.model.plane(plane), &beam);
        let off = peak(&(&done.residual.plane(plane) - &expected));
        assert!(off <= 2e-6 * peak(&dirty.mapv(blank)), "plane {plane}: off by {off}");
        assert_eq!(done.summary.planes[plane].iterations, 100);
    }
    let text = std::fs::read_to_string(path("list.csv")).unwrap();
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().unwrap().split(',').collect();
    let find = |name: &str| head.iter().position(|head| *head == name).unwrap_or_else(|| panic!("{head:?}"));
    let (flux, plane) = (find("flux_jy"), find("plane"));
    let mut sums = [0.0; 6];
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        sums[fields[plane].parse::<usize>().unwrap()] += fields[flux].parse::<f64>().unwrap();
    }
    for (sum, summary) in sums.iter().zip(&done.summary.planes) {
        assert!((sum - summary.model_flux).abs() < 1e-4, "{sum} {}", summary.model_flux);
    }
}

#[test]
fn a_time_limit_ends_it_after_a_refresh() {
    let from = tempfile::tempdir().unwrap();
    let job = Options { time_limit: Some(1e-9), ..joined(from.path(), from.path()) };
    let done = run(&job);
    assert!(done.summary.planes.iter().all(|plane| plane.stop_reason == StopReason::TimeLimit), "{:?}", done.summary);
}

#[test]
fn what_it_does_not_go_with_is_refused() {
    let place = Place::new();
    let both = "--dirty dirty.fits --psf psf.fits --join-polarizations";
    for (option, reason) in [
        ("--method wiener", "each plane alone"),
        ("--method multiscale", "each plane alone"),
        ("--stop-on-negative", "both signs"),
        ("--no-negative", "both signs"),
        ("--local-rms", "in each as a whole"),
    ] {
        let parts = ["--join-polarizations does not go with", option, reason, "leave one of them out"];
        place.refused(&format!("{both} {option}"), 2, &parts);
        place.refused(&format!("plan {both} {option}"), 2, &parts[..1]);
    }
}

#[test]
fn the_program_says_what_it_does() {
    let place = Place::new();
    let axes = [("RA---SIN", 48), ("DEC--SIN", 40), ("STOKES", 3)];
    dirty(&axes).write(place.path("dirty.fits"));
    psf(&axes).write(place.path("psf.fits"));
    let ended = place.done("--join-polarizations --output x --summary s.json -v");
    assert!(ended.err.contains("plane I+Q+U: begins") && ended.err.contains("plane I+Q+U: done, niter"), "{ended:?}");
    let summary: serde_json::Value = serde_json::from_slice(&std::fs::read(place.path("s.json")).unwrap()).unwrap();
    assert_eq!(summary["join_polarizations"], true);
    assert_eq!(summary["planes"][2]["joined"]["planes"], serde_json::json!(["I", "Q", "U"]));
    assert_eq!(summary["planes"].as_array().unwrap().len(), 3);
    let ended = place.run("plan --dirty dirty.fits --psf psf.fits --join-polarizations");
    assert!(ended.status == Some(0) && ended.out.contains("memory at its peak"), "{ended:?}");
}
