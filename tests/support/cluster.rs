//! A batch system of stubs, which write down what they are given, and job directories for it.
#![allow(clippy::unwrap_used)] // A test may panic.

use super::program::{Ended, Place};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A [`Place`] with a directory `bin` of stubs, which come first in PATH.
pub struct Cluster {
    /// The place.
    pub place: Place,
}

/// Says which job it has made; with `refuse` there, it takes none.
const SUBMIT: &str = r#"
printf '%s\n' "$*" >>"$here/${0##*/}.log"
[ "$*" != --version ] || exit 0
if [ -e "$here/refuse" ]; then echo "no such account" >&2; exit 1; fi
echo x >>"$here/jobs"
echo $((100 + $(wc -l <"$here/jobs")))
"#;

/// Prints the queue that a test has written; without one it cannot be asked.
const LOOK: &str = r#"
printf '%s\n' "$*" >>"$here/${0##*/}.log"
[ -e "$here/queue" ] || { echo "cannot contact the controller" >&2; exit 1; }
cat "$here/queue"
"#;

/// Writes down what it is asked; with `refuse` there, it does nothing.
const CONTROL: &str = r#"
printf '%s\n' "$*" >>"$here/${0##*/}.log"
[ ! -e "$here/refuse" ]
"#;

impl Cluster {
    /// With `dirty.fits` and `psf.fits`, and all stubs.
    pub fn new() -> Cluster {
        let cluster = Cluster { place: Place::new() };
        std::fs::create_dir(cluster.place.path("bin")).unwrap();
        for (name, text) in
            [("sbatch", SUBMIT), ("qsub", SUBMIT), ("squeue", LOOK), ("qstat", LOOK), ("scontrol", CONTROL)]
        {
            cluster.executable(&format!("bin/{name}"), &format!("here=${{0%/*}}{text}"));
        }
        cluster
    }

    /// Writes a script of bash that can be run.
    pub fn executable(&self, name: &str, text: &str) -> PathBuf {
        let path = self.place.path(name);
        std::fs::write(&path, format!("#!/bin/bash\n{text}")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Copies the two images to `in/NAME-dirty.fits` and `in/NAME-psf.fits`, and makes `out`.
    pub fn images(&self, names: &[&str]) {
        for directory in ["in", "out"] {
            std::fs::create_dir_all(self.place.path(directory)).unwrap();
        }
        for name in names {
            for part in ["dirty", "psf"] {
                let copy = self.place.path(&format!("in/{name}-{part}.fits"));
                std::fs::copy(self.place.path(&format!("{part}.fits")), copy).unwrap();
            }
        }
    }

    /// PATH with the stubs first.
    pub fn search_path(&self) -> String {
        format!("{}:{}", self.place.path("bin").display(), std::env::var("PATH").unwrap())
    }

    /// Runs the program with the stubs.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = self.place.command("");
        Ended::from(command.args(arguments).env("PATH", self.search_path()).output().unwrap())
    }

    /// Runs it, expects that it succeeds.
    pub fn done(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.status, Some(0), "{arguments:?}: {ended:?}");
        ended
    }

    /// Writes the job directory `jobs` of an array on `in/*-dirty.fits`, for Slurm or PBS.
    pub fn array(&self, system: &str, more: &[&str]) -> Ended {
        let run = ["--dirty", "in/*-dirty.fits", "--psf", "in/{}-psf.fits", "--output", "out/{}", "--niter", "8"];
        self.done(&[&["submit", system, "--job-dir", "jobs"], run.as_slice(), more].concat())
    }

    /// A command that runs the job script of `jobs` for an element, as Slurm would.
    pub fn job(&self, element: usize) -> Command {
        let mut command = Command::new("bash");
        command.arg(self.place.path("jobs/job.sh")).env("PATH", self.search_path()).env("HOSTNAME", "node 1");
        command.env("SLURM_JOB_ID", "7").env("SLURM_ARRAY_JOB_ID", "101");
        command.env("SLURM_ARRAY_TASK_ID", element.to_string()).current_dir("/");
        command
    }

    /// Runs it to its end.
    pub fn run_job(&self, element: usize) -> Ended {
        Ended::from(self.job(element).output().unwrap())
    }

    /// Has the job script run something else than the program.
    pub fn replace_program(&self, text: &str) {
        let stub = self.executable("stub", text);
        let path = self.place.path("jobs/job.sh");
        let script = std::fs::read_to_string(&path).unwrap();
        let line = script.lines().find(|line| line.starts_with("deconv=")).unwrap();
        std::fs::write(&path, script.replace(line, &format!("deconv='{}'", stub.display()))).unwrap();
    }

    /// What an element wrote down.
    pub fn record(&self, element: usize) -> Value {
        read_json(&self.place.path(&format!("jobs/elements/{element}.json")))
    }

    /// Writes down something for an element, in place of its script.
    pub fn write_record(&self, element: usize, step: &str, status: &str, tries: u32) {
        let text = format!(
            "{{\"step\":\"{step}\",\"status\":{status},\"tries\":{tries},\"anew\":false,\"job\":\"101_{element}\",\
             \"host\":\"n1\",\"begun\":5,\"ended\":{}}}\n",
            if step == "begun" { "null" } else { "9" }
        );
        std::fs::write(self.place.path(&format!("jobs/elements/{element}.json")), text).unwrap();
    }

    /// What `deconv status jobs` says: state and reason of each element.
    pub fn states(&self) -> Vec<(String, String)> {
        let status: Value = serde_json::from_str(&self.done(&["status", "jobs", "--json"]).out).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_string();
        let elements = status["elements"].as_array().unwrap();
        elements.iter().map(|element| (text(&element["state"]), text(&element["why"]))).collect()
    }

    /// The lines that a stub has written down.
    pub fn log(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.place.path(&format!("bin/{name}.log"))).unwrap_or_default();
        text.lines().map(String::from).collect()
    }

    /// Says what the queue holds.
    pub fn queue(&self, text: &str) {
        std::fs::write(self.place.path("bin/queue"), text).unwrap();
    }
}

/// A file of JSON.
pub fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}
