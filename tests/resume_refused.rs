//! What a run does not go on from, what it makes good, and what is tried again.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Balance, Method, Parameters};
use deconv::error::{Error, Kind};
use deconv::event::{Events, What};
use deconv::image::Beam;
use deconv::job::{Options, deconvolve_with, is_finished};
use deconv::schedule::{Fault, FaultMode, Settings};
use std::collections::BTreeMap;
use std::path::PathBuf;
use support::resume::{Notes, PRODUCTS, checkpoint, files, inputs, refresh, resume, small, stop, undisturbed};
use tempfile::TempDir;

/// A job, and the directories of its inputs and of its products.
struct Stopped {
    from: TempDir,
    to: TempDir,
    job: Options,
    expected: BTreeMap<String, Vec<u8>>,
}

impl Stopped {
    /// A job on so many planes that was stopped at its n-th refresh.
    fn at(planes: usize, n: u64) -> Stopped {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        inputs(from.path(), planes);
        let job = small(from.path(), to.path());
        let expected = undisturbed(&job);
        let error = stop(&job, n, refresh);
        assert_eq!(error.kind, Kind::Interrupted);
        assert!(error.message.contains("out.checkpoint") && error.remedy.unwrap().contains("--resume"));
        Stopped { from, to, job, expected }
    }

    /// Its second plane is under way, its first one done.
    fn in_the_second_plane() -> Stopped {
        Stopped::at(2, 4)
    }

    fn checkpoint(&self) -> PathBuf {
        checkpoint(&self.job)
    }

    /// A job is refused with these words, and no file is touched.
    fn refused(&self, job: &Options, words: &[&str]) -> Error {
        let before = (files(self.from.path()), files(self.to.path()));
        let error = deconvolve_with(job, &Settings::inline(), &Events::silent()).unwrap_err();
        assert!(words.iter().all(|word| error.to_string().contains(word)), "{error} instead of {words:?}");
        assert!((files(self.from.path()), files(self.to.path())) == before, "{error}");
        error
    }

    /// It is gone on with, and ends as it should; what was noted.
    fn goes_on(&self) -> String {
        let (_, notes) = resume(&self.job, &Settings::inline()).unwrap();
        assert!(files(self.to.path()) == self.expected, "{:?}", files(self.to.path()).keys());
        notes.join("\n")
    }

    fn resuming(&self) -> Options {
        Options { resume: true, ..self.job.clone() }
    }
}

#[test]
fn other_options_are_refused() {
    let stopped = Stopped::at(1, 2);
    let job = stopped.resuming();
    let with = |change: fn(&mut Parameters)| {
        let mut parameters = job.parameters;
        change(&mut parameters);
        Options { parameters, ..job.clone() }
    };
    let refused = |job: Options, theirs: &str, ours: &str| {
        let words = format!("the checkpoint is of {theirs}, this run of {ours}");
        let error = stopped.refused(&job, &[&words, "out.checkpoint", "--overwrite"]);
        assert_eq!(error.kind.exit_status(), 1);
    };
    refused(with(|p| p.gain = 0.2), "--gain 0.1", "--gain 0.2");
    refused(Options { planes: Some((0, 0)), ..job.clone() }, "--planes of all", "--planes 0-0");
    refused(with(|p| p.niter = 401), "--niter 400", "--niter 401");
    refused(with(|p| p.threshold = 0.5), "--threshold 0", "--threshold 0.5");
    refused(with(|p| p.nsigma = 0.0), "--nsigma 0.3", "--nsigma 0");
    refused(with(|p| p.balance = Balance::Given(0.2)), "--balance noise", "--balance 0.2");
    refused(with(|p| p.chunk = None), "--chunk 24x24", "--chunk chosen by the method");
    refused(with(|p| p.overlap = Some(9)), "--overlap 8", "--overlap 9");
    refused(Options { method: Method::Hogbom, ..job.clone() }, "--method clark", "--method hogbom");
    let beam = Some(Beam { major: 3.0 / 3600.0, minor: 3.0 / 3600.0, pa: 0.0 });
    refused(Options { beam, ..job.clone() }, "--beam chosen by the method", "--beam 0.000833");
    std::fs::copy(&job.dirty, stopped.from.path().join("copy.fits")).unwrap();
    std::fs::copy(&job.psf, stopped.from.path().join("psf2.fits")).unwrap();
    let from = stopped.from.path();
    for (other, option) in [("copy.fits", "--dirty"), ("psf2.fits", "--psf")] {
        let (old, new) = (if option == "--dirty" { &job.dirty } else { &job.psf }, from.join(other));
        let facts = [old, &new].map(|path| format!("{option} {}", path.display()));
        let dirty = if option == "--dirty" { new.clone() } else { job.dirty.clone() };
        let psf = if option == "--psf" { new } else { job.psf.clone() };
        refused(Options { dirty, psf, ..job.clone() }, &facts[0], &facts[1]);
    }
    stopped.goes_on();
}

#[test]
fn other_inputs_are_refused() {
    let stopped = Stopped::at(1, 2);
    for (file, what) in [(&stopped.job.dirty, "a dirty image"), (&stopped.job.psf, "a PSF")] {
        let whole = std::fs::read(file).unwrap();
        let mut other = whole.clone();
        // A bit of a pixel far from the PSF's peak.
        other[2880 + 4 * 44 * 4 + 7] ^= 1;
        std::fs::write(file, &other).unwrap();
        let words = format!("the checkpoint is of {what} with the CRC-32 ");
        stopped.refused(&stopped.resuming(), &[&words, "this run of"]);
        other.extend([0; 2880]);
        std::fs::write(file, &other).unwrap();
        let words =
            format!("the checkpoint is of {what} of {} bytes, this run of {what} of {}", whole.len(), other.len());
        stopped.refused(&stopped.resuming(), &[&words]);
        std::fs::write(file, whole).unwrap();
    }
    stopped.goes_on();
}

/// A checkpoint of which a text was replaced by one of the same length, with the right sum.
fn forged(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    let mut bytes = bytes.to_vec();
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[16..]);
    bytes[12..16].copy_from_slice(&crc.sum().to_le_bytes());
    bytes
}

#[test]
fn another_program_s_or_a_damaged_checkpoint_is_refused() {
    let stopped = Stopped::at(1, 2);
    let good = std::fs::read(stopped.checkpoint()).unwrap();
    let refused = |bytes: &[u8], words: &[&str]| {
        std::fs::write(stopped.checkpoint(), bytes).unwrap();
        stopped.refused(&stopped.resuming(), &[words, &["out.checkpoint", "--overwrite"]].concat());
    };
    let version = env!("CARGO_PKG_VERSION");
    let other = "9".repeat(version.len());
    let set = deconv::graph::instruction_set();
    let vax = format!("{:<width$}", "vax", width = set.len());
    refused(&forged(&good, version, &other), &[&format!("of deconv {other}, this run of deconv {version}")]);
    refused(&forged(&good, set, &vax), &["a machine with vax", &format!("this run of a machine with {set}")]);
    refused(&forged(&good, "24x24 pixels", "25x24 pixels"), &["chunks of 25x24 pixels", "chunks of 24x24 pixels"]);
    refused(&forged(&good, "a padded frame of", "A padded frame of"), &["is of A padded frame of", "run of a padded"]);
    for at in [16, good.len() / 2, good.len() - 1] {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        refused(&bytes, &["damaged"]);
    }
    for length in [0, 5, 12, 16, 100, good.len() - 1] {
        refused(&good[..length], &[if length < 8 { "no checkpoint" } else { "cut short" }]);
    }
    refused(&[&good[..], b"x"].concat(), &["damaged"]);
    refused(b"some notes of mine, of more than sixteen bytes", &["is no checkpoint of this program"]);
    let mut newer = good.clone();
    newer[8] += 1;
    refused(&newer, &[&format!("format {}", newer[8]), &format!("reads {}", good[8])]);
    std::fs::write(stopped.checkpoint(), &good).unwrap();
    stopped.goes_on();
}

#[test]
fn a_checkpoint_is_neither_overlooked_nor_kept_for_ever() {
    let stopped = Stopped::at(1, 2);
    stopped.refused(&stopped.job, &["a run has been stopped here", "--resume", "--overwrite"]);
    let anew = Options { overwrite: true, ..stopped.job.clone() };
    deconvolve_with(&anew, &Settings::inline(), &Events::silent()).unwrap();
    assert!(files(stopped.to.path()) == stopped.expected);
    assert!(is_finished(&stopped.resuming()));
    // Of the finished run nothing can be gone on with, and what it wrote stays.
    stopped.refused(&stopped.resuming(), &["exists already"]);
    // What a stopped run finds under its names is not its own.
    std::fs::remove_file(stopped.to.path().join("out-model.fits")).unwrap();
    assert!(!is_finished(&stopped.resuming()));
    stopped.refused(&stopped.resuming(), &["exists already"]);
    for name in PRODUCTS {
        let _ = std::fs::remove_file(stopped.to.path().join(format!("out-{name}.fits")));
    }
    assert!(stopped.goes_on().contains("there is no checkpoint"));
}

#[test]
fn before_the_first_refresh_there_is_nothing_to_go_on_from() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    inputs(from.path(), 1);
    let job = small(from.path(), to.path());
    let error = stop(&job, 1, |what| matches!(what, What::PlaneStarted { .. }));
    assert_eq!((error.kind, error.message.as_str()), (Kind::Interrupted, "stopped on request; nothing was written"));
    assert!(files(to.path()).is_empty());
    // A short run writes no checkpoint unless it is stopped.
    let writes = Options { checkpoint_share: deconv::job::CHECKPOINT_SHARE, ..job.clone() };
    let beside = to.path().to_path_buf();
    let seen = move || assert!(!files(&beside).contains_key("out.checkpoint"));
    let at = support::resume::At { n: 4, seen: 0.into(), like: refresh, then: Box::new(seen) };
    deconvolve_with(&writes, &Settings::inline(), &Events::new(vec![Box::new(at)])).unwrap();
}

#[test]
fn no_checkpoint_is_of_an_input_that_was_changed_meanwhile() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    inputs(from.path(), 1);
    let job = small(from.path(), to.path());
    let dirty = job.dirty.clone();
    let grow = move || {
        let bytes = [std::fs::read(&dirty).unwrap(), vec![0; 2880]].concat();
        std::fs::write(&dirty, bytes).unwrap();
    };
    let at = support::resume::At { n: 1, seen: 0.into(), like: refresh, then: Box::new(grow) };
    let notes = Notes::default();
    let events = Events::new(vec![Box::new(at), Box::new(notes.clone())]);
    deconvolve_with(&job, &Settings::inline(), &events).unwrap();
    let told = |note: &&String| note.ends_with("an input was changed during the run");
    assert_eq!(notes.0.lock().unwrap().iter().filter(told).count(), 1);
    assert!(files(to.path()) == undisturbed(&job));
}

#[test]
fn pixels_that_are_not_as_they_were_are_made_anew() {
    for product in PRODUCTS {
        for changed in [true, false] {
            let stopped = Stopped::in_the_second_plane();
            let part = stopped.to.path().join(format!(".out-{product}.fits.part"));
            let mut bytes = std::fs::read(&part).unwrap();
            // The header comes last, so the first byte that is not 0 is one of the first plane.
            let at = bytes.iter().position(|&byte| byte != 0).unwrap();
            bytes[at] ^= 1;
            if changed {
                std::fs::write(&part, &bytes).unwrap()
            } else {
                std::fs::remove_file(&part).unwrap()
            }
            let notes = stopped.goes_on();
            assert!(notes.contains("of 2 planes 0 are done and 1 under way"), "{notes}");
        }
    }
    let notes = Stopped::in_the_second_plane().goes_on();
    assert!(notes.contains("of 2 planes 1 are done and 1 under way"), "{notes}");
}

#[test]
fn a_run_that_was_killed_while_it_published_goes_on() {
    // All planes are done, and a figure cannot be written: everything but the names is there.
    let stopped = Stopped::at(1, 2);
    let figure = stopped.to.path().join("out.png");
    let with_figure = Options { png: true, ..stopped.resuming() };
    let blocked = stopped.to.path().join(".out.png.part");
    std::fs::create_dir(&blocked).unwrap();
    let error = deconvolve_with(&with_figure, &Settings::inline(), &Events::silent()).unwrap_err();
    assert!(error.kind == Kind::Output && error.to_string().contains("--resume"), "{error}");
    std::fs::remove_dir(&blocked).unwrap();
    for (count, linked) in [(1, false), (2, false), (3, false), (1, true)] {
        let to = tempfile::tempdir().unwrap();
        for (name, bytes) in files(stopped.to.path()) {
            std::fs::write(to.path().join(name), bytes).unwrap();
        }
        for name in &["model", "residual", "image"][..count] {
            let [part, whole] =
                [format!(".out-{name}.fits.part"), format!("out-{name}.fits")].map(|n| to.path().join(n));
            if linked { std::fs::hard_link(part, whole) } else { std::fs::rename(part, whole) }.unwrap();
        }
        // The prefix is a part of the fingerprint.
        let back = stopped.to.path().with_extension("kept");
        std::fs::rename(stopped.to.path(), &back).unwrap();
        std::fs::rename(to.path(), stopped.to.path()).unwrap();
        stopped.goes_on();
        assert!(!figure.exists());
        std::fs::remove_dir_all(stopped.to.path()).unwrap();
        std::fs::rename(&back, stopped.to.path()).unwrap();
    }
    // A file of that name that is somebody else's is not touched.
    std::fs::write(stopped.to.path().join("out-model.fits"), "precious").unwrap();
    stopped.refused(&stopped.resuming(), &["out-model.fits: exists already"]);
}

#[test]
fn two_runs_do_not_write_the_same_files() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    inputs(from.path(), 1);
    let job = small(from.path(), to.path());
    let second = job.clone();
    let try_it = move || {
        let error = deconvolve_with(&second, &Settings::inline(), &Events::silent()).unwrap_err();
        assert!(error.message.contains("is being written by another run"), "{error}");
    };
    let starts = |what: &What| matches!(what, What::PlaneStarted { .. });
    let at = support::resume::At { n: 1, seen: 0.into(), like: starts, then: Box::new(try_it) };
    deconvolve_with(&job, &Settings::inline(), &Events::new(vec![Box::new(at)])).unwrap();
    assert!(files(to.path()) == undisturbed(&job));
}

#[test]
fn a_run_that_goes_back_to_its_best_state_does_so_when_it_is_gone_on_with() {
    let place = support::program::Place::new();
    let to = tempfile::tempdir().unwrap();
    let job = small(place.path("").as_path(), to.path());
    let parameters = Parameters { niter: 90_000, gain: 0.005, nsigma: 0.0, ..job.parameters };
    let job = Options { method: Method::Hogbom, parameters, ..job };
    let expected = undisturbed(&job);
    let mut stopped_by = Vec::new();
    for n in [2, 6, 10, 12, 16, 20, 24, 28, 36, 44] {
        assert_eq!(stop(&job, n, refresh).kind, Kind::Interrupted);
        let (summary, notes) = resume(&job, &Settings::threads(2)).unwrap();
        assert!(notes.iter().any(|note| note.starts_with("goes on")));
        assert!(files(to.path()) == expected, "refresh {n}");
        stopped_by.extend(summary.planes.iter().map(|plane| plane.stop_reason.to_string()));
        for name in PRODUCTS {
            std::fs::remove_file(to.path().join(format!("out-{name}.fits"))).unwrap();
        }
    }
    assert!(stopped_by.iter().any(|reason| reason == "stalled"), "{stopped_by:?}");
}

#[test]
fn what_may_pass_is_tried_again_three_times() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    inputs(from.path(), 1);
    let job = small(from.path(), to.path());
    let expected = undisturbed(&job);
    let failing = |kernel: &str, times| {
        let fault = Fault { kernel: kernel.into(), mode: FaultMode::Passing(times) };
        Settings { fault: Some(fault), ..Settings::threads(3) }
    };
    for (kernel, times) in [("ReadSection", 1), ("WriteSection", 1), ("WriteSection", 2), ("WriteSection", 3)] {
        let notes = Notes::default();
        let events = Events::new(vec![Box::new(notes.clone())]);
        deconvolve_with(&Options { overwrite: true, ..job.clone() }, &failing(kernel, times), &events).unwrap();
        assert!(files(to.path()) == expected, "{kernel} {times}");
        let notes = notes.0.lock().unwrap();
        let tries =
            |attempt: u32| notes.iter().filter(|note| note.starts_with(&format!("trying again {attempt}"))).count();
        assert!((1..=times).all(|attempt| tries(attempt) >= 3) && tries(times + 1) == 0, "{notes:?}");
    }
    files(to.path()).keys().for_each(|name| std::fs::remove_file(to.path().join(name)).unwrap());
    let error = deconvolve_with(&job, &failing("WriteSection", 4), &Events::silent()).unwrap_err();
    assert!(error.passing && error.message.contains("an error that a test asked for"), "{error}");
    assert!(error.to_string().contains("--resume") && error.kind.exit_status() == 1, "{error}");
    assert!(checkpoint(&job).exists());
    let (_, notes) = resume(&job, &Settings::threads(2)).unwrap();
    assert!(notes.iter().any(|note| note.starts_with("goes on")));
    assert!(files(to.path()) == expected);
}
