//! One run of the program, as a process of its own.

use super::Case;
use deconv::schedule::KernelTime;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// The figures of a run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Seconds of the whole process, from its start to its end.
    pub process_s: f64,
    /// What it says of itself.
    pub told: Told,
}

/// Of a run's summary what is looked at.
#[derive(Debug, Clone, Deserialize)]
pub struct Told {
    /// Seconds from the first task to the last.
    pub run_s: f64,
    /// Processor time of these, all threads.
    pub run_cpu_s: f64,
    /// The most memory that the process had.
    pub peak_rss_bytes: f64,
    /// The instruction set that the transforms use.
    pub instruction_set: String,
    kernels: BTreeMap<String, KernelTime>,
    planes: Vec<Plane>,
}

#[derive(Debug, Clone, Deserialize)]
struct Plane {
    iterations: u64,
    refreshes: u64,
}

impl Told {
    /// Components found, or iterations of a solver; all planes.
    pub fn iterations(&self) -> u64 {
        self.planes.iter().map(|plane| plane.iterations).sum()
    }

    /// Exact recomputations of the residual; all planes.
    pub fn refreshes(&self) -> u64 {
        self.planes.iter().map(|plane| plane.refreshes).sum()
    }

    /// Seconds of the kernels, minor cycles apart, over the passes through the plane that are most of them: refreshes of a CLEAN,
    /// iterations of a solver. Of the clock, of all threads together.
    pub fn pass_s(&self) -> f64 {
        let is_minor = |name: &str| name.ends_with("Cycle");
        let (minor, others): (Vec<_>, Vec<_>) = self.kernels.iter().partition(|(name, _)| is_minor(name));
        let passes = if minor.is_empty() { self.iterations() } else { self.refreshes() };
        others.iter().map(|(_, time)| time.seconds).sum::<f64>() / passes.max(1) as f64
    }
}

/// Runs it with its products in a directory, from which they are removed again.
pub fn run(case: &Case, work: &Path) -> Run {
    let directory = work.join("run");
    std::fs::create_dir_all(&directory).expect("a directory for a run");
    let summary = directory.join("summary.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_deconv"));
    command.arg("--dirty").arg(&case.inputs[0]).arg("--psf").arg(&case.inputs[1]);
    command.arg("--output").arg(directory.join("out")).arg("--summary").arg(&summary).arg("--quiet");
    // What was measured on this machine before shall not choose strips.
    command.args(&case.options).env("DECONV_PROFILE", "").stdin(Stdio::null());
    let start = Instant::now();
    let ended = command.output().expect("a process of the program");
    let process_s = start.elapsed().as_secs_f64();
    assert!(ended.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ended.stderr));
    let text = std::fs::read_to_string(&summary).expect("the summary of a run");
    std::fs::remove_dir_all(&directory).expect("leave to remove what was made");
    Run { process_s, told: serde_json::from_str(&text).expect("a summary with its figures") }
}
