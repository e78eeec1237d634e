//! One run of a sweep, as a process of its own.

use super::options::{Chunk, Point};
use super::record::{Measured, Outcome};
use crate::algorithm::Seams;
use crate::error::{Error, Result};
use crate::schedule::{KernelTime, Scheduler};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often it is looked whether a run has ended.
const LOOK: Duration = Duration::from_millis(5);

/// What all runs of a sweep have in common.
#[derive(Debug)]
pub struct Runner<'a> {
    /// The dirty image and its PSF.
    pub inputs: [&'a Path; 2],
    /// Rows and columns of a plane.
    pub shape: (usize, usize),
    /// Further options of each run.
    pub options: &'a [OsString],
    /// A directory for what is made and goes again.
    pub directory: &'a Path,
    /// Set to stop.
    pub cancel: &'a AtomicBool,
}

/// Of the summary of a run what is looked at.
#[derive(Debug, Deserialize)]
struct Told {
    chunk: [usize; 2],
    overlap: usize,
    strip_bytes: Option<usize>,
    threads: usize,
    wall_s: f64,
    cpu_s: f64,
    run_s: f64,
    run_cpu_s: f64,
    peak_rss_bytes: usize,
    predicted_peak_bytes: usize,
    tasks: u64,
    kernels: BTreeMap<String, KernelTime>,
    planes: Vec<ToldPlane>,
}

#[derive(Debug, Deserialize)]
struct ToldPlane {
    iterations: u64,
    refreshes: u64,
    stop_reason: String,
    peak_after: f64,
    rms_after: f64,
    seams: Option<Seams>,
}

impl Runner<'_> {
    /// Runs a point, and ends it where it takes longer than `limit`.
    ///
    /// # Errors
    /// If no process can be started, or `Interrupted`.
    pub fn run(&self, point: &Point, limit: Option<Duration>) -> Result<Outcome> {
        let directory = self.directory.join("run");
        std::fs::create_dir_all(&directory).map_err(|error| failed(&directory, &error))?;
        let outcome = self.run_in(&directory, point, limit);
        // What was not removed goes with the directory that it is in.
        let _ = std::fs::remove_dir_all(&directory);
        outcome
    }

    fn run_in(&self, directory: &Path, point: &Point, limit: Option<Duration>) -> Result<Outcome> {
        let messages = directory.join("messages");
        let summary = directory.join("summary.json");
        let program = std::env::current_exe()
            .map_err(|error| Error::internal(format!("the program's own file cannot be found: {error}")))?;
        let mut command = Command::new(&program);
        command.args(self.arguments(point, directory, &summary)).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(File::create(&messages).map_err(|error| failed(&messages, &error))?);
        if point.chunk != Some(Chunk::Auto) {
            // What is measured shall not depend on what was measured before.
            command.env("DECONV_PROFILE", "");
        }
        let ended = self.wait(command, &program, limit)?;
        let Some(status) = ended else { return Ok(Outcome::GivenUp(limit.unwrap_or_default().as_secs_f64())) };
        if !status.success() {
            return Ok(Outcome::Failed(complaint(&messages, status)));
        }
        let text = std::fs::read_to_string(&summary).map_err(|error| failed(&summary, &error))?;
        let told =
            serde_json::from_str(&text).map_err(|e| Error::internal(format!("a summary cannot be read: {e}")))?;
        Ok(Outcome::Done(Box::new(measured(told))))
    }

    /// The command line of a point.
    fn arguments(&self, point: &Point, directory: &Path, summary: &Path) -> Vec<OsString> {
        let output = directory.join("out");
        let [dirty, psf] = self.inputs;
        let files = [("--dirty", dirty), ("--psf", psf), ("--output", &output), ("--summary", summary)];
        let files = files.into_iter().flat_map(|(option, path)| [option.into(), path.into()]);
        let (rows, cols) = self.shape;
        let chunk = point.chunk.map(|chunk| match chunk {
            Chunk::Whole => format!("{rows}x{cols}"),
            chunk => chunk.to_string(),
        });
        let threads = (point.scheduler == Scheduler::Threads).then_some(point.threads);
        let given = [
            ("--method", Some(point.method.name().into())),
            ("--scheduler", Some(point.scheduler_name().into())),
            ("--threads", threads.map(|threads| threads.to_string())),
            ("--chunk", chunk),
            ("--overlap", point.overlap.map(|pixels| pixels.to_string())),
            ("--strip", point.strip.map(|bytes| bytes.to_string())),
        ];
        let given = given.into_iter().filter_map(|(option, value)| Some([option.into(), value?.into()])).flatten();
        files.chain(given).chain(["--quiet".into()]).chain(self.options.iter().cloned()).collect()
    }

    /// Waits for a process; none if it took too long and was ended.
    fn wait(&self, mut command: Command, program: &Path, limit: Option<Duration>) -> Result<Option<ExitStatus>> {
        let begun = Instant::now();
        let mut child = command.spawn().map_err(|error| failed(program, &error))?;
        loop {
            let ended = child.try_wait().map_err(|error| failed(program, &error))?;
            let (stopped, late) =
                (self.cancel.load(Ordering::Relaxed), limit.is_some_and(|limit| begun.elapsed() > limit));
            // A Ctrl-C at a terminal reaches both: what it ended tells nothing.
            if stopped || (late && ended.is_none()) {
                // It may have ended in the meantime.
                let _ = child.kill();
                child.wait().map_err(|error| failed(program, &error))?;
            }
            match ended {
                _ if stopped => return Err(Error::interrupted()),
                Some(status) => return Ok(Some(status)),
                None if late => return Ok(None),
                None => std::thread::sleep(LOOK),
            }
        }
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::output(path, format!("a run cannot be made: {error}")).remedy("check --scratch and the space left there")
}

/// What a run that failed said.
fn complaint(messages: &PathBuf, status: ExitStatus) -> String {
    let text = std::fs::read(messages).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let words: Vec<&str> = text.lines().map(|line| line.trim().trim_start_matches("deconv: ")).collect();
    if words.is_empty() { status.to_string() } else { words.join("; ") }
}

/// The figures of a run from its summary.
fn measured(told: Told) -> Measured {
    let kernel_s = told.kernels.values().map(|time| time.seconds).sum::<f64>();
    let workers_s = (told.run_s * told.threads as f64).max(f64::MIN_POSITIVE);
    // Kernels are timed by the clock, so that both can come out below nothing where others use the processors.
    let idle_share = (1.0 - told.run_cpu_s / workers_s).clamp(0.0, 1.0);
    let scheduler_share = (1.0 - kernel_s / workers_s - idle_share).max(0.0);
    let largest = |numbers: &mut dyn Iterator<Item = f64>| numbers.fold(0.0, f64::max);
    let seams =
        |of: fn(&Seams) -> f64| told.planes.iter().filter_map(|plane| plane.seams.as_ref().map(of)).reduce(f64::max);
    let mut reasons: Vec<&str> = told.planes.iter().map(|plane| plane.stop_reason.as_str()).collect();
    reasons.dedup();
    Measured {
        chunk: told.chunk,
        overlap: told.overlap,
        strip: told.strip_bytes,
        wall_s: told.wall_s,
        cpu_s: told.cpu_s,
        run_s: told.run_s,
        kernel_s,
        scheduler_share,
        idle_share,
        peak_bytes: told.peak_rss_bytes,
        predicted_bytes: told.predicted_peak_bytes,
        tasks: told.tasks,
        refreshes: told.planes.iter().map(|plane| plane.refreshes).sum(),
        components: told.planes.iter().map(|plane| plane.iterations).sum(),
        border_rms: seams(|seams| seams.border_rms),
        border_max: seams(|seams| seams.border_max),
        inside_rms: seams(|seams| seams.inside_rms),
        residual_rms: largest(&mut told.planes.iter().map(|plane| plane.rms_after)),
        residual_peak: largest(&mut told.planes.iter().map(|plane| plane.peak_after)),
        stopped: reasons.join(" "),
    }
}
