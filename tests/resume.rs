//! Runs that are killed or stopped and gone on with end with the bits of an undisturbed one.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::event::{Events, Listener};
use deconv::job::{Options, deconvolve_with};
use deconv::schedule::Settings;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::drawn::Dice;
use support::job::data;
use support::resume::{At, Counter, FILTERS, Job, PRODUCTS, files, inputs, resume, small, undisturbed};

/// What tells a child process of this test what to do: directories of inputs and products, and the event to die at.
const ORDER: &str = "DECONV_TEST_DIE_AT";

fn settings(n: u64) -> Settings {
    if n.is_multiple_of(3) { Settings::threads(2) } else { Settings::inline() }
}

/// Not a test: the process that dies.
#[test]
#[ignore = "started by the tests as a process of its own"]
fn child() {
    let order = std::env::var(ORDER).unwrap();
    let parts: Vec<&str> = order.split('\n').collect();
    let n: u64 = parts[2].parse().unwrap();
    let dies: Box<dyn Listener> =
        Box::new(At { n, seen: AtomicU64::new(0), like: |_| true, then: Box::new(|| std::process::abort()) });
    let job = FILTERS.into_iter().find(|(name, _)| *name == parts[4]).map_or(small as fn(&_, &_) -> _, |(_, job)| job);
    let job = Options { resume: parts[3] == "again", ..job(Path::new(parts[0]), Path::new(parts[1])) };
    deconvolve_with(&job, &settings(n), &Events::new(vec![dies])).unwrap();
}

/// Runs the job in a process that dies at an event; whether it did.
fn dies(from: &Path, to: &Path, n: u64, (again, job): (&str, &str)) -> bool {
    let order = format!("{}\n{}\n{n}\n{again}\n{job}", from.display(), to.display());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["child", "--exact", "--ignored"]).env(ORDER, order).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.current_dir(from).status().unwrap();
    assert!(status.success() || status.signal() == Some(6), "{status:?}");
    !status.success()
}

/// At every `step`th event.
fn killed_at_every_event(planes: usize, (name, small): Job, step: usize) {
    let from = tempfile::tempdir().unwrap();
    inputs(from.path(), planes);
    let expected = undisturbed(&small(from.path(), from.path()));
    let count = |n| {
        let to = tempfile::tempdir().unwrap();
        let counter = Counter::default();
        let events = Events::new(vec![Box::new(counter.clone())]);
        deconvolve_with(&small(from.path(), to.path()), &settings(n), &events).unwrap();
        counter.0.load(Ordering::SeqCst)
    };
    let events = count(0).max(count(1));
    assert!(events > 80, "{events} events");
    let gone_on = AtomicU64::new(0);
    let one = |n: u64| {
        let to = tempfile::tempdir().unwrap();
        // With threads fewer events may happen: all planes go side by side.
        let died = dies(from.path(), to.path(), n, ("new", name));
        assert!(died || n.is_multiple_of(3), "event {n} of {events} did not come");
        if !died {
            return;
        }
        if n % 7 == 5 {
            dies(from.path(), to.path(), n / 2 + 1, ("again", name));
        }
        let job = small(from.path(), to.path());
        if !expected.keys().all(|name| files(to.path()).contains_key(name)) {
            let (_, notes) = resume(&job, &settings(n + 1)).unwrap_or_else(|error| panic!("event {n}: {error}"));
            gone_on.fetch_add(u64::from(notes.iter().any(|note| note.starts_with("goes on"))), Ordering::SeqCst);
        }
        assert!(files(to.path()) == expected, "event {n}: {:?}", files(to.path()).keys());
    };
    std::thread::scope(|scope| {
        let half = |odd: u64| (1..=events).step_by(step).filter(|n| n % 2 == odd).for_each(one);
        scope.spawn(move || half(0));
        half(1);
    });
    let gone_on = gone_on.into_inner();
    assert!(gone_on > events / step as u64 / 3, "{gone_on} of {events} went on from a checkpoint");
}

#[test]
fn killed_at_every_event_of_an_image() {
    killed_at_every_event(1, ("clean", small), 1);
}

#[test]
fn killed_at_every_event_of_a_cube() {
    killed_at_every_event(2, ("clean", small), 1);
}

#[test]
fn killed_at_many_events_of_each_filter() {
    for (job, step) in FILTERS.into_iter().zip([83, 59, 131, 97, 83, 421, 107]) {
        // What is positive is Stokes I alone.
        killed_at_every_event(if job.0.starts_with("positive") { 1 } else { 2 }, job, step);
    }
}

/// The program on real data, in a way that takes it about a second.
fn program(directory: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deconv"));
    let options = "--method hogbom --gain 0.004 --niter 30000 --nsigma 0 --output out -v";
    command.arg("--dirty").arg(data("vla-3c273/dirty.fits")).arg("--psf").arg(data("vla-3c273/psf.fits"));
    command.args(options.split_whitespace()).args(more).current_dir(directory);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn products(directory: &Path) -> Vec<Vec<u8>> {
    PRODUCTS.iter().map(|name| std::fs::read(directory.join(format!("out-{name}.fits"))).unwrap()).collect()
}

fn finish(directory: &Path) {
    let output = program(directory, &["--resume"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(files(directory).len(), PRODUCTS.len());
}

#[test]
fn killed_at_twenty_random_moments() {
    let reference = tempfile::tempdir().unwrap();
    let start = Instant::now();
    assert!(program(reference.path(), &[]).output().unwrap().status.success());
    let whole = start.elapsed();
    let expected = products(reference.path());
    let mut dice = Dice::new(2024);
    let (mut kills, mut gone_on) = (0, 0);
    let mut place = tempfile::tempdir().unwrap();
    while kills < 20 {
        // From nothing on twice: the later ones come upon what the earlier ones left.
        let mut child =
            program(place.path(), &["--resume", "--checkpoint-share", "1e9"]).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(dice.below(1000) as f64 / 1000.0));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        if status.signal() == Some(9) {
            kills += 1;
            gone_on += u32::from(files(place.path()).contains_key("out.checkpoint"));
        } else {
            assert!(status.success(), "{status:?}");
            assert!(products(place.path()) == expected);
            place = tempfile::tempdir().unwrap();
        }
    }
    finish(place.path());
    assert!(products(place.path()) == expected);
    assert!(gone_on > 3, "{gone_on} of {kills} killed runs left a checkpoint");
}

fn send(child: &Child, signal: &str) {
    let kill = format!("kill -{signal} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

fn status_of(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + Duration::from_secs(120);
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    panic!("the signal was not heard");
}

#[test]
fn stopped_by_each_signal() {
    let reference = tempfile::tempdir().unwrap();
    assert!(program(reference.path(), &[]).output().unwrap().status.success());
    let expected = products(reference.path());
    for (signals, status) in [(&["TERM"][..], 75), (&["USR1"], 75), (&["INT"], 130), (&["TERM", "TERM", "USR1"], 75)] {
        let place = tempfile::tempdir().unwrap();
        // Two refreshes are enough to go on from.
        let mut child = program(place.path(), &[]).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.by_ref().filter(|line| line.contains("of at most")).nth(1).is_some());
        signals.iter().for_each(|signal| send(&child, signal));
        let said: Vec<String> = lines.collect();
        assert_eq!(status_of(&mut child), Some(status), "{signals:?}: {said:?}");
        let last = said[said.len() - 2..].join("");
        let expected_end =
            "deconv: stopped on request; its state is in out.checkpoint  give the same command with --resume to go on";
        assert_eq!(last, expected_end);
        assert_eq!(files(place.path()).len(), 4);
        finish(place.path());
        assert!(products(place.path()) == expected, "{signals:?}");
    }
}
