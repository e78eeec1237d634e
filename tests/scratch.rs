//! What goes wrong with scratch, products and inputs while a job is larger than its memory: a clear error, the inputs
//! untouched, nothing half-written, never a wrong image.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::error::Kind;
use deconv::event::{Events, What};
use deconv::job::deconvolve_with;
use deconv::schedule::Settings;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use support::program::{Ended, Place};
use support::resume::{self, At};

/// A job that goes to scratch in every one of its many cycles.
const JOB: &str = "--dirty dirty.fits --psf psf.fits --niter 20000 --nsigma 0 --gain 0.02 --chunk 128 --overlap 16 \
                   --memory 24MiB --threads 2";
const PRODUCTS: [&str; 3] = ["image", "model", "residual"];

fn products(place: &Place, prefix: &str) -> Vec<Vec<u8>> {
    PRODUCTS.iter().map(|name| fs::read(place.path(&format!("{prefix}-{name}.fits"))).unwrap()).collect()
}

fn inputs(place: &Place) -> Vec<Vec<u8>> {
    ["dirty.fits", "psf.fits"].iter().map(|name| fs::read(place.path(name)).unwrap()).collect()
}

/// The products of a run that nothing disturbs and that has memory enough.
fn expected(place: &Place) -> Vec<Vec<u8>> {
    fs::create_dir(place.path("good")).unwrap();
    let ended = place.run(&format!("{} --output good/x -q", JOB.replace("24MiB", "1GiB")));
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let products = products(place, "good/x");
    fs::remove_dir_all(place.path("good")).unwrap();
    products
}

/// A run that has got so far that there is something in scratch, and stands still.
struct Halted {
    child: Child,
    said: BufReader<std::process::ChildStderr>,
}

impl Halted {
    fn new(place: &Place, arguments: &str) -> Halted {
        let mut command = place.command(&format!("{JOB} {arguments} --verbose"));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("of at most") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "the run ended at once");
        }
        let halted = Halted { child, said };
        halted.send("STOP");
        halted
    }

    fn send(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Its scratch file, by the only name that it has.
    fn scratch(&self) -> PathBuf {
        let open = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().map(|entry| entry.unwrap().path());
        // Images that another test of this process reads with cfitsio are inherited: they are not meant.
        let ours = |path: &PathBuf| {
            let to = fs::read_link(path).unwrap_or_default().to_string_lossy().into_owned();
            to.contains("/scratch/") && to.ends_with(" (deleted)")
        };
        let mut found: Vec<PathBuf> = open.filter(ours).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    /// Lets it go on to its end.
    fn end(mut self) -> Ended {
        self.send("CONT");
        let mut err = String::new();
        self.said.read_to_string(&mut err).unwrap();
        Ended { status: self.child.wait().unwrap().code(), out: String::new(), err }
    }
}

fn failed(ended: &Ended, parts: &[&str]) {
    assert_eq!(ended.status, Some(1), "{ended:?}");
    for part in parts {
        assert!(ended.err.contains(part), "no {part:?} in {ended:?}");
    }
    assert!(!ended.err.contains("panicked") && !ended.err.contains("this is a bug"), "{ended:?}");
}

fn no_products(place: &Place, directory: &str) {
    let names = place.names(directory);
    assert!(!names.iter().any(|name| name.ends_with(".fits") && name.starts_with("out")), "{names:?}");
}

/// Goes on with a run, or begins anew where it left nothing: the same bits either way.
fn goes_on(place: &Place, expected: &[Vec<u8>], memory: &str) {
    let ended = place.run(&format!("{} --output out --resume", JOB.replace("24MiB", memory)));
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(products(place, "out") == expected);
}

#[test]
fn scratch_that_loses_its_content() {
    let place = Place::simulated(1024);
    let (before, expected) = (inputs(&place), expected(&place));
    type Harm = fn(&File);
    let harms: [Harm; 2] = [
        |file| {
            let junk = vec![0x5a; 1 << 20];
            let length = file.metadata().unwrap().len();
            (0..length).step_by(junk.len()).for_each(|at| file.write_all_at(&junk, at).unwrap());
        },
        |file| file.set_len(0).unwrap(),
    ];
    fs::create_dir(place.path("scratch")).unwrap();
    for harm in harms {
        let halted = Halted::new(&place, "--output out --scratch scratch");
        harm(&File::options().write(true).open(halted.scratch()).unwrap());
        let ended = halted.end();
        failed(&ended, &["scratch: a scratch file there has not the content that was written", "--scratch"]);
        no_products(&place, ".");
        goes_on(&place, &expected, "26MiB");
        PRODUCTS.iter().for_each(|name| fs::remove_file(place.path(&format!("out-{name}.fits"))).unwrap());
    }
    assert_eq!(place.names("scratch"), Vec::<String>::new());
    assert!(inputs(&place) == before);
}

#[test]
fn a_scratch_directory_that_goes_is_not_missed() {
    let place = Place::simulated(1024);
    let expected = expected(&place);
    fs::create_dir(place.path("scratch")).unwrap();
    let halted = Halted::new(&place, "--output out --scratch scratch");
    halted.scratch();
    // The file has no name: the directory is empty.
    fs::remove_dir(place.path("scratch")).unwrap();
    let ended = halted.end();
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(products(&place, "out") == expected);
}

#[test]
fn scratch_directories_that_cannot_be() {
    let place = Place::simulated(512);
    let job = format!("{} --output out", JOB.replace("24MiB", "21MiB"));
    place.refused(&format!("{job} --scratch none"), 1, &["none: is not a directory", "--scratch"]);
    place.refused(&format!("{job} --scratch psf.fits"), 1, &["psf.fits: is not a directory", "--scratch"]);
    if fs::exists("/proc").unwrap() {
        place.refused(&format!("{job} --scratch /proc"), 1, &["/proc: scratch cannot be used there", "--scratch"]);
    }
}

#[test]
fn a_full_disk() {
    let place = Place::simulated(1024);
    let before = place.listing();
    fs::create_dir(place.path("small")).unwrap();
    let mount = "mount -t tmpfs -o size=2m tmpfs small";
    let unshared = |script: &str, arguments: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(env!("CARGO_BIN_EXE_deconv"));
        command.args(arguments.split_whitespace()).current_dir(place.path(".")).output()
    };
    if !unshared(mount, "").is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: no file system can be mounted here");
        return;
    }
    let job = format!("{JOB} --output out --scratch small");
    let ended = Ended::from(unshared(&format!("{mount} && exec \"$0\" \"$@\""), &job).unwrap());
    failed(&ended, &["small: no space for scratch", "free space", "--scratch", "--memory"]);
    fs::remove_dir(place.path("small")).unwrap();
    assert!(place.listing() == before, "{:?}", place.names("."));
}

/// Runs the job under a limit that the shell sets.
fn limited(place: &Place, limit: &str, arguments: &str) -> Ended {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("{limit}; exec \"$0\" \"$@\"")]).arg(env!("CARGO_BIN_EXE_deconv"));
    Ended::from(command.args(arguments.split_whitespace()).current_dir(place.path(".")).output().unwrap())
}

#[test]
fn a_limit_of_file_sizes() {
    let place = Place::simulated(1024);
    let before = place.listing();
    for (kib, file) in [(1000, "out-"), (6000, "scratch cannot be used")] {
        let ended = limited(&place, &format!("ulimit -f {kib}"), &format!("{JOB} --output out --overwrite"));
        failed(&ended, &["File too large", file]);
        assert!(place.listing() == before, "{:?}", place.names("."));
    }
}

#[test]
fn a_limit_of_the_address_space() {
    let place = Place::simulated(1024);
    let before = place.listing();
    let (mut refused, mut done) = (0, 0);
    for kib in
        [14_000, 17_000, 20_000, 26_000, 30_000, 60_000, 92_000, 156_000, 284_000, 350_000, 365_000, 450_000, 700_000]
    {
        let job = format!("{} --output out --overwrite --quiet", JOB.replace("20000", "500"));
        let limit = format!("ulimit -v {kib}");
        if limited(&place, &limit, "--version").status != Some(0) {
            // The loader does not even begin the program.
            continue;
        }
        let ended = limited(&place, &limit, &job);
        if ended.status == Some(0) {
            done += 1;
            PRODUCTS.iter().for_each(|name| fs::remove_file(place.path(&format!("out-{name}.fits"))).unwrap());
        } else {
            failed(&ended, &["the limit of the address space (ulimit -v) leaves", "raise it"]);
            refused += 1;
        }
        assert!(place.listing() == before, "{kib}: {:?}", place.names("."));
    }
    assert!(refused > 3 && done > 0, "{refused} refused, {done} done");
}

#[test]
fn an_output_directory_that_goes() {
    let place = Place::simulated(1024);
    let before = place.listing();
    fs::create_dir(place.path("out")).unwrap();
    let halted = Halted::new(&place, "--output out/out");
    fs::remove_dir_all(place.path("out")).unwrap();
    failed(&halted.end(), &["out/", "cannot be written"]);
    assert!(place.listing() == before, "{:?}", place.names("."));
}

#[test]
fn an_input_that_is_cut_short() {
    for name in ["dirty.fits", "psf.fits"] {
        let mut refused = 0;
        for n in 1.. {
            let place = tempfile::tempdir().unwrap();
            resume::inputs(place.path(), 1);
            let job = resume::small(place.path(), place.path());
            let expected = resume::undisturbed(&job);
            let input = place.path().join(name);
            let happened = Arc::new(AtomicBool::new(false));
            let (cut, short) = (input.clone(), happened.clone());
            let then = move || {
                File::options().write(true).open(&cut).unwrap().set_len(5760).unwrap();
                short.store(true, Ordering::SeqCst);
            };
            // At the beginning of every graph.
            let like = |what: &What| matches!(what, What::GraphSubmitted { .. });
            let at = At { n, seen: AtomicU64::new(0), like, then: Box::new(then) };
            match deconvolve_with(&job, &Settings::inline(), &Events::new(vec![Box::new(at)])) {
                Ok(_) => assert!(expected.iter().all(|(name, bytes)| resume::files(place.path())[name] == *bytes)),
                Err(error) => {
                    refused += 1;
                    assert_eq!((error.kind, error.file.as_deref()), (Kind::Input, Some(input.as_path())), "{error}");
                    assert!(!resume::files(place.path()).keys().any(|name| name.starts_with("out-")), "{name}, {n}");
                }
            }
            if !happened.load(Ordering::SeqCst) {
                assert!(n > 5, "{n} graphs");
                break;
            }
        }
        assert!(refused > 0, "{name} was never missed");
    }
}

#[test]
fn killed_and_gone_on_with_in_other_memory() {
    let place = Place::simulated(1024);
    let (before, expected) = (inputs(&place), expected(&place));
    fs::create_dir(place.path("scratch")).unwrap();
    let mut gone_on = 0;
    for (moment, memory) in [(0, "2GiB"), (100, "30MiB"), (300, "28MiB"), (600, "26MiB"), (900, "50MiB")] {
        let mut halted = Halted::new(&place, "--output out --scratch scratch --checkpoint-share 1e9");
        halted.send("CONT");
        std::thread::sleep(Duration::from_millis(moment));
        halted.child.kill().unwrap();
        let killed = halted.child.wait().unwrap().signal() == Some(9);
        assert_eq!(place.names("scratch"), Vec::<String>::new());
        if killed {
            gone_on += u32::from(place.path("out.checkpoint").exists());
            goes_on(&place, &expected, memory);
        }
        assert!(products(&place, "out") == expected, "{memory} after {moment} ms");
        PRODUCTS.iter().for_each(|name| fs::remove_file(place.path(&format!("out-{name}.fits"))).unwrap());
        assert_eq!(place.names("."), ["dirty.fits", "psf.fits", "scratch"]);
    }
    assert!(gone_on > 1, "{gone_on} runs left a checkpoint");
    assert!(inputs(&place) == before);
}

#[test]
fn two_runs_share_a_scratch_directory() {
    let place = Place::simulated(1024);
    let (before, expected) = (inputs(&place), expected(&place));
    fs::create_dir(place.path("scratch")).unwrap();
    let start = |prefix| Halted::new(&place, &format!("--output {prefix} --scratch scratch"));
    let (a, b) = (start("a"), start("b"));
    assert_ne!(fs::metadata(a.scratch()).unwrap().len(), 0);
    b.send("CONT");
    for (halted, prefix) in [(a, "a"), (b, "b")] {
        let ended = halted.end();
        assert_eq!(ended.status, Some(0), "{ended:?}");
        assert!(products(&place, prefix) == expected);
    }
    assert_eq!(place.names("scratch"), Vec::<String>::new());
    assert!(inputs(&place) == before);
}
