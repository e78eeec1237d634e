//! The job scripts themselves, run by bash with stubs for the batch system.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::cluster::{Cluster, read_json};
use support::fits::Fits;

fn kill(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([format!("-{signal}"), pid.to_string()]).status().unwrap().success());
}

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(120), "{what} does not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn ended(mut child: Child) -> i32 {
    let mut status = None;
    until("the end of the job", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    let status = status.unwrap();
    status.code().unwrap_or_else(|| -status.signal().unwrap())
}

#[test]
fn an_element_runs_and_is_done() {
    let cluster = Cluster::new();
    cluster.images(&["a", "b"]);
    cluster.array("slurm", &[]);
    let first = cluster.run_job(2);
    assert_eq!(first.status, Some(0), "{first:?}");
    assert!(first.out.contains("element 2, job 101_2, node node_1, try 1 of 10"), "{first:?}");
    let record = cluster.record(2);
    assert_eq!((&record["step"], &record["status"], &record["tries"]), (&"ended".into(), &0.into(), &1.into()));
    assert_eq!((&record["job"], &record["host"]), (&"101_2".into(), &"node_1".into()));
    assert_eq!(cluster.place.names("out"), ["b-image.fits", "b-model.fits", "b-residual.fits"]);
    cluster.place.done("--output here");
    for product in ["image", "model", "residual"] {
        let read = |name: String| Fits::read(&cluster.place.path(&name)).pixels;
        let (ours, here) = (read(format!("out/b-{product}.fits")), read(format!("here-{product}.fits")));
        assert!(ours.iter().zip(&here).all(|(a, b)| a.to_bits() == b.to_bits()), "{product}");
    }
    let summary = read_json(&cluster.place.path("jobs/elements/2-summary.json"));
    assert_eq!(summary["threads"], 4);
    let before = cluster.place.listing();
    let again = cluster.run_job(2);
    assert_eq!((again.status, again.out.as_str()), (Some(0), "element 2 is done already\n"));
    assert!(before == cluster.place.listing());
}

#[test]
fn names_that_mean_something_to_a_shell() {
    let cluster = Cluster::new();
    let name = "it's `id` $HOME \"q\"\n;#&|<>(x)\\ é {} 100% !";
    cluster.images(&[name]);
    std::fs::create_dir(cluster.place.path("job dir's $x")).unwrap();
    let dirty = format!("in/{name}-dirty.fits");
    let (psf, output) = (format!("in/{name}-psf.fits"), format!("out/{name}"));
    cluster.done(&[
        "submit",
        "pbs",
        "--dirty",
        &dirty,
        "--psf",
        &psf,
        "--output",
        &output,
        "--niter",
        "8",
        "--job-dir",
        "job dir's $x/jobs",
        "--setup",
        "export SET_UP=\"it's\"",
    ]);
    let job = cluster.place.path("job dir's $x/jobs");
    let mut command = Command::new("bash");
    let output = command.arg(job.join("job.sh")).env("PATH", cluster.search_path()).output().unwrap();
    let log = std::fs::read_to_string(job.join("logs/1.log")).unwrap();
    assert!(output.status.success(), "{output:?} {log}");
    let products = ["image", "model", "residual"].map(|product| format!("{name}-{product}.fits"));
    assert_eq!(cluster.place.names("out"), products);
    assert!(cluster.done(&["gather", "job dir's $x/jobs"]).out.contains("element of 1: 1 done"));
}

/// What became of an element whose run ended so: exit status of the job, step and status written down, and requeues.
fn after(program: &str, more: &[&str]) -> (Option<i32>, String, i64, Vec<String>) {
    let cluster = Cluster::new();
    cluster.images(&["a", "b"]);
    cluster.array("slurm", more);
    cluster.replace_program(program);
    let ended = cluster.run_job(1);
    let record = cluster.record(1);
    let step = record["step"].as_str().unwrap().to_string();
    (ended.status, step, record["status"].as_i64().unwrap(), cluster.log("scontrol"))
}

#[test]
fn what_ends_how() {
    let requeued = || vec!["requeue 101_1".to_string()];
    assert_eq!(after("exit 75", &[]), (Some(75), "requeued".into(), 75, requeued()));
    assert_eq!(after("kill -KILL $$", &[]), (Some(75), "requeued".into(), 137, requeued()));
    assert_eq!(after("exit 75", &["--tries", "1"]), (Some(75), "ended".into(), 75, vec![]));
    assert_eq!(after("exit 1", &[]), (Some(1), "ended".into(), 1, vec![]));
    assert_eq!(after("exit 2", &[]), (Some(2), "ended".into(), 2, vec![]));
    assert_eq!(
        after("exit 0", &["--setup", "false", "--setup", "echo $NOT_SET"]),
        (Some(0), "ended".into(), 0, vec![])
    );
    let no_module = after("exit 0", &["--module", "none/1.0"]);
    assert_eq!((no_module.0, no_module.1.as_str(), no_module.2), (Some(78), "ended", 78));
    let no_scratch = after("exit 0", &["--local-scratch", "/none/$USER"]);
    assert_eq!((no_scratch.0, no_scratch.2), (Some(78), 78));
}

#[test]
fn what_the_run_is_given() {
    let cluster = Cluster::new();
    cluster.images(&["a", "b"]);
    std::fs::create_dir(cluster.place.path("disk of 7")).unwrap();
    let scratch = format!("{}/disk of $SLURM_JOB_ID", cluster.place.path(".").canonicalize().unwrap().display());
    cluster.array("slurm", &["--overwrite", "--threads", "3", "--memory", "300MiB", "--local-scratch", &scratch]);
    cluster.replace_program("printf '%s\\n' \"$@\" >\"${0%/*}/words\"; echo \"$TMPDIR\" >\"${0%/*}/tmp\"; exit 75");
    let words = || {
        cluster.run_job(1);
        std::fs::read_to_string(cluster.place.path("words")).unwrap().lines().map(String::from).collect::<Vec<_>>()
    };
    // What is to be overwritten is overwritten at the first begin, and gone on with once there is a checkpoint of its own.
    std::fs::write(cluster.place.path("out/a.checkpoint"), "of an earlier run").unwrap();
    let first = words();
    let tail =
        ["--threads", "3", "--memory", "300MiB", "--scratch", &scratch.replace("$SLURM_JOB_ID", "7"), "--overwrite"];
    assert_eq!(first[first.len() - 7..], tail, "{first:?}");
    assert!(!cluster.place.path("out/a.checkpoint").exists());
    assert_eq!(words().last().unwrap(), "--overwrite");
    std::fs::write(cluster.place.path("out/a.checkpoint"), "its own").unwrap();
    assert_eq!(words()[first.len() - 1..], ["--overwrite", "--resume"]);
    let tmp = std::fs::read_to_string(cluster.place.path("tmp")).unwrap();
    assert_eq!(tmp.trim_end(), scratch.replace("$SLURM_JOB_ID", "7"));
    (3..11).for_each(|_| drop(words()));
    let worn_out = cluster.run_job(1);
    assert_eq!(worn_out.status, Some(1));
    assert!(worn_out.err.contains("has begun 10 times and is not done"), "{worn_out:?}");
    assert_eq!(cluster.record(1)["tries"], 10);
}

/// A run that takes some seconds, with a checkpoint at every refresh.
fn slow(cluster: &Cluster) {
    let noise = |_, y, x| f64::from(support::noise(9, 1000 * y + x));
    Fits::new(&[("RA---SIN", 256), ("DEC--SIN", 256)], noise).write(cluster.place.path("dirty.fits"));
    Fits::new(&[("RA---SIN", 1), ("DEC--SIN", 1)], |_, _, _| 1.0).write(cluster.place.path("psf.fits"));
}

const SLOW: [&str; 12] = [
    "--beam",
    "3,3,0",
    "--nsigma",
    "0",
    "--niter",
    "1000000",
    "--gain",
    "0.05",
    "--checkpoint-share",
    "1e9",
    "--threads",
    "2",
];

#[test]
fn a_run_that_is_stopped_and_killed_ends_with_the_same_bits() {
    let cluster = Cluster::new();
    slow(&cluster);
    let run = [&["--dirty", "dirty.fits", "--psf", "psf.fits"], SLOW.as_slice()].concat();
    cluster.done(&[run.as_slice(), &["--output", "local", "-q"]].concat());
    cluster.done(&[&["submit", "slurm", "--output", "x", "--job-dir", "jobs"], run.as_slice()].concat());
    let begin = || {
        let child = cluster.job(1).stdout(Stdio::null()).spawn().unwrap();
        let written = || std::fs::metadata(cluster.place.path("x.checkpoint")).ok()?.modified().ok();
        let before = written();
        until("a checkpoint", || written() > before);
        child
    };
    let stopped = begin();
    kill("USR1", stopped.id());
    assert_eq!(ended(stopped), 75);
    assert_eq!((&cluster.record(1)["step"], &cluster.record(1)["status"]), (&"requeued".into(), &75.into()));
    assert_eq!(cluster.log("scontrol"), ["requeue 101_1"]);

    let cancelled = begin();
    assert_eq!(cluster.states()[0].0, "running", "its files are locked");
    kill("TERM", cancelled.id());
    assert_eq!(ended(cancelled), 75);
    assert_eq!((&cluster.record(1)["step"], cluster.log("scontrol").len()), (&"ended".into(), 1));

    let killed = begin();
    let of_job = Command::new("pgrep").args(["-P", &killed.id().to_string()]).output().unwrap();
    let pids = String::from_utf8(of_job.stdout).unwrap();
    kill("KILL", killed.id());
    pids.lines().for_each(|pid| kill("KILL", pid.parse().unwrap()));
    assert_eq!(ended(killed), -9);
    assert_eq!(cluster.record(1)["step"], "begun");
    until("the end of the run", || cluster.states()[0] == ("unknown".into(), "not known whether it runs".into()));

    let last = cluster.run_job(1);
    assert_eq!(last.status, Some(0), "{last:?}");
    assert_eq!(cluster.record(1)["tries"], 4);
    for product in ["image", "model", "residual"] {
        let read = |name: String| std::fs::read(cluster.place.path(&name)).unwrap();
        assert!(read(format!("x-{product}.fits")) == read(format!("local-{product}.fits")), "{product}");
    }
    assert!(cluster.done(&["gather", "jobs"]).out.contains("1 done"));
}

#[test]
fn pbs_has_a_timer_and_submits_itself() {
    let cluster = Cluster::new();
    slow(&cluster);
    let run = ["--dirty", "dirty.fits", "--psf", "psf.fits", "--output", "x", "--niter", "100000000000"];
    let job = ["submit", "pbs", "--job-dir", "jobs", "--walltime", "60", "--grace", "58"];
    cluster.done(&[job.as_slice(), &run, &SLOW[..4], &SLOW[6..]].concat());
    let child = cluster.job(1).env("PBS_JOBID", "55.server").env("PBS_ARRAY_INDEX", "1").spawn().unwrap();
    let status = ended(child);
    let log = std::fs::read_to_string(cluster.place.path("jobs/logs/1.log")).unwrap();
    assert_eq!(status, 75, "{log}");
    assert_eq!(cluster.log("qsub"), ["-v DECONV_ELEMENT=1 job.sh"]);
    let next = std::fs::read_to_string(cluster.place.path("jobs/elements/1.next")).unwrap();
    assert_eq!(next, "101\n");
    assert_eq!((&cluster.record(1)["job"], &cluster.record(1)["step"]), (&"55.server".into(), &"requeued".into()));
    assert!(cluster.place.path("x.checkpoint").exists());
    cluster.queue("Job Id: 101.server\n    Job_Name = deconv\n    job_state = Q\n");
    assert_eq!(cluster.states()[0], ("waiting".into(), "was stopped, is to go on".into()));
    assert!(log.contains("submitted again as job 101") && log.contains("is to go on as another job"), "{log}");
}
