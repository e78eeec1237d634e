//! `deconv restore`, against the restored image of the run whose model it is, and against convolutions in f64.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Method, Parameters};
use deconv::event::Events;
use deconv::image::Beam as SkyBeam;
use deconv::job::{Options, RestoreOptions, RestoredPlane, Shown, restore, restore_with};
use deconv::schedule::{Scheduler, Settings};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::fits::{Fits, copy_without_beams};
use support::job::{Done, SETS, data, on_set, run};
use support::noise;
use support::oracle::{Beam, convolve, peak};
use support::program::{Place, psf};
use support::resume::{files, inputs, small};

/// What is restored of a run, under a name of its own.
fn of(job: &Options, shown: Shown, name: &str) -> RestoreOptions {
    let output = job.output.as_ref().unwrap();
    RestoreOptions {
        model: with_ending(output, "-model.fits"),
        shown,
        beam: job.beam,
        output: output.with_file_name(name),
        overwrite: false,
        scheduler: Scheduler::Threads,
        threads: Some(2),
        memory: None,
        scratch: None,
    }
}

fn with_ending(prefix: &Path, ending: &str) -> PathBuf {
    let mut path = prefix.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

fn residual(job: &Options) -> Shown {
    Shown::Residual(with_ending(job.output.as_ref().unwrap(), "-residual.fits"), None)
}

fn dirty(job: &Options) -> Shown {
    Shown::Dirty(job.dirty.clone(), job.psf.clone())
}

fn restored(options: &RestoreOptions) -> Vec<RestoredPlane> {
    restore(options, &Events::silent(), &Arc::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The pixels are the same, blanks where blanks are, to this part of the largest one.
fn check_same(what: &str, ours: &Fits, theirs: &Fits, tolerance: f64) {
    for plane in 0..theirs.planes() {
        let (a, b) = (ours.plane(plane), theirs.plane(plane));
        assert!(a.iter().zip(&b).all(|(a, b)| a.is_nan() == b.is_nan()), "{what}: other blanks");
        let off = peak(&(&a - &b));
        assert!(off <= tolerance * peak(&b), "{what}, plane {plane}: off by {off}");
    }
}

/// Restores a run's model from the residual and from the dirty image, and looks whether that gives the run's own products.
fn check(what: &str, job: &Options, done: &Done) {
    let made = of(job, dirty(job), "made");
    let planes = restored(&made);
    let image = Fits::read(&with_ending(&made.output, "-image.fits"));
    // Where there are few components a run adds them up one by one; what is restored is convolved by transforms.
    check_same(what, &image, &done.image, 1e-6);
    check_same(what, &Fits::read(&with_ending(&made.output, "-residual.fits")), &done.residual, 0.0);
    for (plane, summary) in planes.iter().zip(&done.summary.planes) {
        assert_eq!((&plane.name, &plane.beam.major), (&summary.name, &summary.beam.major));
        assert_eq!((plane.model_flux, plane.residual_rms), (summary.model_flux, summary.rms_after), "{what}");
    }
    let read = of(job, residual(job), "read");
    restored(&read);
    let image = Fits::read(&with_ending(&read.output, "-image.fits"));
    check_same(what, &image, &done.image, 1e-6);
    assert_eq!((image.value("BMAJ"), image.value("BUNIT")), (done.image.value("BMAJ"), done.image.value("BUNIT")));
    assert!(image.cards.iter().any(|card| card.starts_with("HISTORY") && card.contains("restore: ")), "{what}");
    assert!(!with_ending(&read.output, "-residual.fits").exists());
}

#[test]
fn what_is_restored_is_what_the_run_restored() {
    for set in SETS {
        for method in [Method::Clark, Method::Wiener] {
            let directory = tempfile::tempdir().unwrap();
            let job = Options { method, ..on_set(set, directory.path().join("run")) };
            check(&format!("{set}, {}", method.name()), &job, &run(&job));
        }
    }
}

#[test]
fn planes_blanks_and_a_beam_of_ones_own() {
    let directory = tempfile::tempdir().unwrap();
    inputs(directory.path(), 3);
    let beam = Some(SkyBeam { major: 4.0 / 3600.0, minor: 2.5 / 3600.0, pa: 30.0 });
    let job = Options { beam, ..small(directory.path(), directory.path()) };
    check("three planes", &job, &run(&job));
}

#[test]
fn against_the_definition_with_a_dense_model_of_one_plane() {
    let directory = tempfile::tempdir().unwrap();
    inputs(directory.path(), 2);
    let at = |name: &str| directory.path().join(name);
    let value = |y: usize, x: usize| if (y * x) % 11 == 3 { f64::NAN } else { f64::from(noise(9, 100 * y + x)) };
    Fits::new(&[("RA---SIN", 44), ("DEC--SIN", 48)], |_, y, x| value(y, x)).write(at("m-model.fits"));
    let job = Options { output: Some(at("m")), ..small(directory.path(), directory.path()) };
    // Without any other, the beam is fitted to the PSF.
    let shown = [Shown::Residual(job.dirty.clone(), Some(job.psf.clone())), dirty(&job)];
    let (model, psf) =
        (Fits::read(&at("m-model.fits")).plane(0).mapv(|v| if v.is_nan() { 0.0 } else { v }), Fits::read(&job.psf));
    for (shown, name) in shown.into_iter().zip(["read", "made"]) {
        let planes = restored(&of(&job, shown, name));
        assert!(planes[1].beam.source.contains("fit"), "{planes:?}");
        let beam = (planes[1].beam.major, planes[1].beam.minor, planes[1].beam.pa);
        let image = Fits::read(&at(&format!("{name}-image.fits")));
        let gaussian = Beam::gaussian(model.dim(), image.cell(), beam);
        let dirty = Fits::read(&job.dirty).plane(1);
        let residual = if name == "read" { dirty } else { dirty - convolve(&model, &Beam::new(&psf.plane(0))) };
        let expected = convolve(&model, &gaussian) + residual;
        let off = peak(&(&image.plane(1) - &expected));
        assert!(off <= 1e-5 * peak(&expected), "{name}: off by {off}");
    }
}

#[test]
fn the_bits_depend_on_neither_threads_nor_memory() {
    let directory = tempfile::tempdir().unwrap();
    inputs(directory.path(), 3);
    let job = small(directory.path(), directory.path());
    run(&job);
    for shown in [residual(&job), dirty(&job)] {
        let products = |settings: &Settings| {
            let to = tempfile::tempdir().unwrap();
            let options = RestoreOptions { output: to.path().join("out"), ..of(&job, shown.clone(), "x") };
            restore_with(&options, settings, &Events::silent()).unwrap();
            files(to.path())
        };
        let expected = products(&Settings::inline());
        assert_eq!(expected.len(), if matches!(shown, Shown::Dirty(..)) { 2 } else { 1 });
        assert!(products(&Settings::threads(2)) == expected);
        assert!(products(&Settings { shuffle: Some(7), poison: true, ..Settings::threads(3) }) == expected);
    }
}

/// The least memory that would do, in MiB, as the program says where it was granted too little.
fn least(text: &str) -> u64 {
    text.split("the least that would do is ").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn little_memory_is_enough_and_too_little_is_refused() {
    let place = Place::simulated(1024);
    let run = "--dirty dirty.fits --psf psf.fits --niter 500 --output run --quiet";
    assert_eq!(place.run(run).status, Some(0));
    for shown in ["--residual run-residual.fits", "--dirty dirty.fits --psf psf.fits"] {
        let restore = format!("restore --model run-model.fits {shown} --quiet --threads 2");
        place.refused(
            &format!("{restore} --output no --memory 6MiB"),
            1,
            &["does not fit into", "give --memory", "run-residual.fits"]
                .map(|part| if part.starts_with("run") { shown.split(' ').nth(1).unwrap() } else { part }),
        );
        let least = least(&place.run(&format!("{restore} --output no --memory 6MiB")).err);
        assert_eq!(place.run(&format!("{restore} --output much")).status, Some(0));
        let ended = place.run(&format!("{restore} --output little --memory {least}MiB"));
        assert_eq!(ended.status, Some(0), "{shown}, {least} MiB: {ended:?}");
        let read = |name: &str| std::fs::read(place.path(name)).unwrap();
        assert!(read("much-image.fits") == read("little-image.fits"), "{shown}");
        std::fs::remove_file(place.path("much-image.fits")).unwrap();
        std::fs::remove_file(place.path("little-image.fits")).unwrap();
    }
}

#[test]
fn what_cannot_be_restored() {
    let place = Place::new();
    let (ra, dec) = (("RA---SIN", 48), ("DEC--SIN", 40));
    Fits::new(&[ra, dec], |_, _, _| 1e-3).card("BUNIT   = 'JY/PIXEL'").write(place.path("m.fits"));
    Fits::new(&[ra, dec], |_, _, _| 1e-3).card("BUNIT   = 'JY/BEAM'").write(place.path("beam.fits"));
    Fits::new(&[("RA---SIN", 47), dec], |_, _, _| 1e-3).write(place.path("size.fits"));
    let plain = copy_without_beams(&place.path("dirty.fits"), place.path("plain.fits"));
    assert_eq!(Fits::read(&plain).value("BMAJ"), None);
    let refused =
        |arguments: &str, status: i32, parts: &[&str]| place.refused(&format!("restore {arguments}"), status, parts);
    refused("--model m.fits --output x", 2, &["--residual", "--dirty"]);
    refused("--model m.fits --dirty dirty.fits --output x", 2, &["--psf"]);
    refused("--model m.fits --dirty dirty.fits --psf psf.fits --residual plain.fits --output x", 2, &["--residual"]);
    refused("--model m.fits --residual plain.fits", 2, &["--output"]);
    refused("--residual plain.fits --output x", 2, &["--model"]);
    refused("--model m.fits --residual plain.fits --output x --beam=3,4,0", 2, &["--beam 3,4,0"]);
    refused("--model m.fits --residual plain.fits --output x --threads 0", 2, &["--threads 0"]);
    refused("--model m.fits --residual plain.fits --output x", 1, &["plain.fits", "no beam", "--beam", "--psf"]);
    refused(
        "--model size.fits --residual plain.fits --output x --beam 4,3,0",
        1,
        &["size.fits", "40 x 47", "plain.fits"],
    );
    refused("--model beam.fits --residual plain.fits --output x --beam 4,3,0", 1, &["beam.fits", "Jy/pixel"]);
    refused("--model m.fits --residual plain.fits --output x --beam 0.01,0.01,0", 1, &["plain.fits", "too narrow"]);
    refused("--model none.fits --residual plain.fits --output x --beam 4,3,0", 1, &["none.fits", "cannot be opened"]);
    refused("--model m.fits --residual plain.fits --output none/x --beam 4,3,0", 1, &["none/x-image.fits", "--output"]);
    std::fs::copy(place.path("m.fits"), place.path("x-image.fits")).unwrap();
    refused(
        "--model m.fits --residual plain.fits --output x --beam 4,3,0",
        1,
        &["x-image.fits", "exists", "--overwrite"],
    );
    refused(
        "--model x-image.fits --residual plain.fits --output x --beam 4,3,0 --overwrite",
        1,
        &["x-image.fits", "input"],
    );
    let ended = place.run("restore --model m.fits --residual plain.fits --output x --beam 4,3,0 --overwrite");
    assert!(ended.status == Some(0) && ended.out.contains("4.0000 x 3.0000 arcsec"), "{ended:?}");
    assert!(place.names(".").iter().all(|name| !name.contains("part")), "{:?}", place.names("."));
    refused(
        "--model m.fits --residual m.fits --output z --beam 4,3,0",
        1,
        &["m.fits", "as that of a model", "per beam"],
    );
    psf(&[ra, dec]).write(place.path("psf.fits"));
    let ended = place.run("restore --model m.fits --residual plain.fits --psf psf.fits --output y --quiet");
    assert!(ended.status == Some(0) && ended.out.is_empty(), "{ended:?}");
}

/// A run from a model to which nothing is added is the same thing in another way.
#[test]
fn a_run_that_adds_nothing_restores() {
    let directory = tempfile::tempdir().unwrap();
    let job = Options {
        model: Some(data("vla-3c273/dirty.fits")),
        parameters: Parameters { niter: 0, ..Parameters::DEFAULT },
        ..on_set("vla-3c273", directory.path().join("run"))
    };
    let mut options = of(&job, dirty(&job), "restored");
    options.model = data("vla-3c273/dirty.fits");
    let done = run(&job);
    restored(&options);
    let image = Fits::read(&with_ending(&options.output, "-image.fits"));
    check_same("nothing added", &image, &done.image, 0.0);
}

#[test]
fn a_directory_gets_the_name_of_what_is_restored() {
    let place = Place::new();
    place.done("--output run --quiet");
    std::fs::create_dir(place.path("new")).unwrap();
    let model = "restore --quiet --model run-model.fits --output new/";
    assert_eq!(place.run(&format!("{model} --residual run-residual.fits")).status, Some(0));
    assert_eq!(place.names("new"), ["run-image.fits"]);
    assert_eq!(place.run(&format!("{model} --dirty dirty.fits --psf psf.fits")).status, Some(0));
    assert_eq!(place.names("new"), ["dirty-image.fits", "dirty-residual.fits", "run-image.fits"]);
}
