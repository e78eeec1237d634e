//! What of a job is left to the machine: storage strips, which change no bit, and the chunks of `--chunk auto`.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Method, Parameters};
use deconv::event::Events;
use deconv::job::{Best, Choice, Hardware, Options, Profile, deconvolve, deconvolve_with};
use deconv::schedule::{Scheduler, Settings};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::job::{on_set, products};
use support::program::{Place, psf};
use support::resume::{files, inputs, refresh, resume, small, stop, undisturbed};

/// A profile of this machine that says a chunk for planes of a size, worked on by one thread.
fn profile(path: PathBuf, plane: (usize, usize), chunk: usize) -> PathBuf {
    let mut profile = Profile::empty();
    let choice = Choice::Chunk([chunk, chunk]);
    let (method, version) = (Method::Clark, String::new());
    let best = Best { method, threads: 1, plane: plane.into(), choice, seconds: 1.0, version };
    profile.remember(&Hardware::here(), best);
    profile.write(&path).unwrap();
    path
}

#[test]
fn strips_change_no_bit() {
    let directory = tempfile::tempdir().unwrap();
    for method in [Method::Clark, Method::Multiscale, Method::Wiener, Method::Huber] {
        let job = on_set("meerkat-sim", directory.path().join("out"));
        let parameters = Parameters { niter: 100, iterations: Some(3), ..job.parameters };
        let parameters = if method.is_clean() { Parameters { iterations: None, ..parameters } } else { parameters };
        let job = Options { method, parameters, overwrite: true, ..job };
        let run = |strip: Option<usize>| {
            let summary = deconvolve(&Options { strip, ..job.clone() }, &Events::silent(), &Arc::default()).unwrap();
            assert_eq!(summary.strip_bytes, strip);
            let done = products(&job, summary);
            (files(directory.path()), done.summary.tasks)
        };
        let (usual, tasks) = run(None);
        for (strip, is_finer) in [(1, true), (20_000, true), (64 << 20, false)] {
            let (found, more) = run(Some(strip));
            // Headers do not speak of strips.
            assert!(found == usual, "{method:?} {strip}");
            assert_eq!(more > tasks, is_finer, "{method:?} {strip}: {more} {tasks}");
        }
    }
}

#[test]
fn strips_keep_to_the_memory() {
    let place = Place::simulated(1024);
    let run = |output: &str, options: &str| {
        let files = format!("--dirty dirty.fits --psf psf.fits --output {output} --summary {output}.json");
        let ended = place.run(&format!("{files} --threads 2 --niter 100 --nsigma 0 -q {options}"));
        assert_eq!(ended.status, Some(0), "{ended:?}");
        let text = std::fs::read(place.path(&format!("{output}.json"))).unwrap();
        serde_json::from_slice::<serde_json::Value>(&text).unwrap()
    };
    let product = |output: &str| std::fs::read(place.path(&format!("{output}-image.fits"))).unwrap();
    let wide = run("wide", "--strip 1GiB");
    let tight = run("tight", "--strip 1GiB --memory 40MiB");
    assert_eq!((&wide["strip_bytes"], &tight["strip_bytes"]), (&(1 << 30).into(), &(1 << 30).into()));
    assert!(tight["peak_rss_bytes"].as_u64().unwrap() <= 40 << 20, "{tight}");
    assert!(tight["tasks"].as_u64() > wide["tasks"].as_u64(), "{tight} {wide}");
    assert!(product("wide") == product("tight"));
}

#[test]
fn without_a_profile_the_chunk_is_that_of_the_model() {
    let place = Place::simulated(512);
    let auto = |threads: usize, method: Method| {
        let parameters = Parameters { niter: 50, ..Parameters::DEFAULT };
        let job = Options {
            output: Some(place.path("out")),
            overwrite: true,
            auto_chunk: true,
            method,
            parameters,
            threads: Some(threads),
            profile: Some(place.path("none.json")),
            ..Options::new(place.path("dirty.fits"), place.path("psf.fits"))
        };
        deconvolve(&job, &Events::silent(), &Arc::default()).unwrap()
    };
    let (one, eight) = (auto(1, Method::Clark), auto(8, Method::Clark));
    assert!(one.chunk[0] >= eight.chunk[0] && eight.chunk[0] < 512, "{:?} {:?}", one.chunk, eight.chunk);
    assert!(one.notes.iter().any(|note| note.starts_with("--chunk auto: ")), "{:?}", one.notes);
    let whole = auto(2, Method::Hogbom);
    assert_eq!(whole.chunk, [512, 512]);
    let note = "hogbom works on a plane as a whole: --chunk and --overlap change nothing";
    assert!(whole.notes.iter().any(|other| other == note), "{:?}", whole.notes);
}

#[test]
fn a_chunk_of_a_profile_is_cut_to_what_the_memory_allows() {
    let place = Place::new();
    let side = 1536;
    let axes = [("RA---SIN", side), ("DEC--SIN", side)];
    support::program::dirty(&axes).write(place.path("large.fits"));
    psf(&[("RA---SIN", 64), ("DEC--SIN", 64)]).write(place.path("small.fits"));
    let job = Options {
        output: Some(place.path("out")),
        auto_chunk: true,
        scheduler: Scheduler::Inline,
        memory: Some(32 << 20),
        profile: Some(profile(place.path("p.json"), (side, side), side)),
        parameters: Parameters { niter: 20, ..Parameters::DEFAULT },
        ..Options::new(place.path("large.fits"), place.path("small.fits"))
    };
    let summary = deconvolve(&job, &Events::silent(), &Arc::default()).unwrap();
    assert!(summary.chunk[0] < side && summary.chunk[0] >= 64, "{:?}", summary.chunk);
    let enough = Options { memory: None, overwrite: true, ..job };
    assert_eq!(deconvolve(&enough, &Events::silent(), &Arc::default()).unwrap().chunk, [side, side]);
}

/// A job of `small` whose chunks are those of a profile.
fn tuned(from: &Path, to: &Path, profile: PathBuf) -> Options {
    let job = small(from, to);
    let parameters = Parameters { chunk: None, ..job.parameters };
    Options { parameters, auto_chunk: true, profile: Some(profile), ..job }
}

#[test]
fn a_run_goes_on_with_the_chunks_that_it_was_begun_with() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    inputs(from.path(), 2);
    let expected = undisturbed(&small(from.path(), to.path()));
    let job = tuned(from.path(), to.path(), profile(from.path().join("p.json"), (48, 44), 24));
    assert!(undisturbed(&job) == expected);
    stop(&job, 4, refresh);
    // Another machine finds another chunk, or nothing.
    profile(from.path().join("p.json"), (48, 44), 16);
    let other = undisturbed(&job);
    assert!(other != expected, "the profile is not read");
    let (summary, notes) = resume(&job, &Settings::inline()).unwrap();
    assert!(files(to.path()) == expected);
    assert_eq!(summary.chunk, [24, 24]);
    assert!(notes.iter().any(|note| note == "--chunk auto: 24 x 24, as the run was begun with"), "{notes:?}");
}

#[test]
fn a_run_with_auto_is_one_with_its_chunk() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    inputs(from.path(), 1);
    let job = tuned(from.path(), to.path(), profile(from.path().join("p.json"), (48, 44), 24));
    let told = small(from.path(), to.path());
    let expected = undisturbed(&told);
    stop(&job, 2, refresh);
    let other = Options { parameters: Parameters { chunk: Some((16, 16)), ..told.parameters }, ..told.clone() };
    let error = resume(&other, &Settings::inline()).unwrap_err();
    assert!(error.message.contains("of --chunk 24x24, this run of --chunk 16x16"), "{error}");
    resume(&told, &Settings::inline()).unwrap();
    assert!(files(to.path()) == expected);
    // And a run of the method's own chunk is gone on with as it is.
    let own = Options { parameters: Parameters { chunk: None, ..told.parameters }, overwrite: true, ..told };
    let expected = undisturbed(&own);
    stop(&own, 2, refresh);
    let auto = Options { auto_chunk: true, profile: job.profile, ..own };
    resume(&auto, &Settings::inline()).unwrap();
    assert!(files(to.path()) == expected);
    deconvolve_with(&auto, &Settings::inline(), &Events::silent()).unwrap();
    assert!(files(to.path()) != expected);
}
