//! The batch system, asked by its own commands.

use super::manifest::Manifest;
use super::submissions::{Submission, Submissions};
use super::system::System;
use crate::error::{Error, Kind, Result};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};

/// What the batch system says of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It waits for its turn.
    Waits,
    /// It runs.
    Runs,
    /// It is not there any more.
    Gone,
    /// Nothing: the batch system cannot be asked from here.
    Nothing,
}

/// The jobs that the batch system has.
#[derive(Debug)]
pub struct Queue {
    /// By name; none if it cannot be asked.
    jobs: Option<BTreeMap<String, Said>>,
}

impl Queue {
    /// Asks for these jobs, arrays by the name of the whole array.
    pub fn ask(system: System, jobs: &[String]) -> Queue {
        if jobs.is_empty() {
            return Queue { jobs: Some(BTreeMap::new()) };
        }
        let jobs = match system {
            System::Slurm => squeue(jobs),
            System::Pbs => qstat(jobs),
        };
        Queue { jobs }
    }

    /// A batch system that cannot be asked.
    pub fn silent() -> Queue {
        Queue { jobs: None }
    }

    /// What it says of a job.
    pub fn of(&self, job: &str) -> Said {
        match &self.jobs {
            None => Said::Nothing,
            Some(jobs) => jobs.get(plain(job)).copied().unwrap_or(Said::Gone),
        }
    }
}

/// What it calls an element of an array.
pub fn element_name(system: System, job: &str, element: usize) -> String {
    match system {
        System::Slurm => format!("{job}_{element}"),
        // 12[].server becomes 12[3].server.
        System::Pbs if job.contains("[]") => job.replacen("[]", &format!("[{element}]"), 1),
        System::Pbs => format!("{job}[{element}]"),
    }
}

/// What it calls the array that an element is of, or a job that is none.
pub fn whole_name(system: System, job: &str) -> String {
    match (system, job.split_once('_'), job.split_once('[')) {
        (System::Slurm, Some((array, _)), _) => array.to_string(),
        (System::Pbs, _, Some((array, rest))) => {
            format!("{array}[]{}", rest.split_once(']').map_or("", |(_, server)| server))
        }
        _ => job.to_string(),
    }
}

/// A name without the server's.
fn plain(job: &str) -> &str {
    job.split('.').next().unwrap_or(job)
}

fn squeue(jobs: &[String]) -> Option<BTreeMap<String, Said>> {
    let output = command("squeue").args(["-h", "-r", "-o", "%i %T", "-j"]).arg(jobs.join(",")).output().ok()?;
    if !output.status.success() {
        // Of a single job that it does not know any more it says so.
        let gone = String::from_utf8_lossy(&output.stderr).contains("Invalid job id");
        return gone.then(BTreeMap::new);
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = |state: &str| match state {
        // One that completes may be about to be requeued.
        "RUNNING" | "SUSPENDED" | "STOPPED" | "SIGNALING" | "STAGE_OUT" | "COMPLETING" => Said::Runs,
        "PENDING" | "CONFIGURING" | "REQUEUED" | "REQUEUE_HOLD" | "REQUEUE_FED" | "RESV_DEL_HOLD" => Said::Waits,
        _ => Said::Gone,
    };
    let line = |line: &str| line.split_once(' ').map(|(job, state)| (job.to_string(), said(state.trim())));
    Some(text.lines().filter_map(line).collect())
}

fn qstat(jobs: &[String]) -> Option<BTreeMap<String, Said>> {
    let output = command("qstat").args(["-f", "-t"]).args(jobs).output().ok()?;
    // It fails where it knows one of them no more, and tells of the others.
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success()
        && !complaint.lines().all(|line| line.contains("Unknown Job Id") || line.contains("finished"))
    {
        return None;
    }
    let said = |state: &str| match state {
        "R" | "S" | "U" | "E" | "B" => Said::Runs,
        "Q" | "H" | "W" | "T" | "M" => Said::Waits,
        _ => Said::Gone,
    };
    let mut found = BTreeMap::new();
    let mut job = None;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let Some(name) = line.trim().strip_prefix("Job Id:") {
            job = Some(plain(name.trim()).to_string());
        }
        if let Some(state) = line.trim().strip_prefix("job_state =") {
            found.extend(job.take().map(|job| (job, said(state.trim()))));
        }
    }
    Some(found)
}

/// Is there a batch system to submit to?
///
/// # Errors
/// Of kind `Output`, if its command is not there.
pub fn check_there(system: System) -> Result<()> {
    let name = system.submit_command();
    match command(name).arg("--version").output() {
        Err(error) => Err(not_there(name, &error)),
        Ok(_) => Ok(()),
    }
}

/// Submits elements of a job directory, each with how often it has begun, and a gather job after them and after `others`.
///
/// # Errors
/// Of kind `Output`, if the batch system does not take them. What it took is written down.
pub fn submit(
    manifest: &Manifest,
    directory: &Path,
    elements: &[(usize, u32)],
    others: &[String],
    known: &mut Submissions,
) -> Result<Vec<Submission>> {
    let begin = known.jobs.len();
    for (options, elements, is_array) in portions(manifest, elements) {
        let job = hand_over(manifest.system, directory, &options, "job.sh")?;
        known.add(directory, Submission { job, elements, is_array })?;
    }
    let after: Vec<String> =
        known.jobs[begin..].iter().map(|job| job.job.clone()).chain(others.iter().cloned()).collect();
    let condition = format!("afterany:{}", after.join(":"));
    let options = match manifest.system {
        System::Slurm => vec![format!("--dependency={condition}")],
        System::Pbs => vec!["-W".into(), format!("depend={condition}")],
    };
    let job = hand_over(manifest.system, directory, &options, "gather.sh")?;
    known.add(directory, Submission { job, elements: Vec::new(), is_array: false })?;
    Ok(known.jobs[begin..].to_vec())
}

/// Options of the submit command, the elements that it runs with them, and whether they are an array.
type Portion = (Vec<String>, Vec<(usize, u32)>, bool);

/// The jobs that some elements make: Slurm takes any of them as one array; PBS takes ranges, and one alone as a job.
fn portions(manifest: &Manifest, elements: &[(usize, u32)]) -> Vec<Portion> {
    if elements.is_empty() {
        return Vec::new();
    }
    if !manifest.is_array() {
        return vec![(Vec::new(), elements.to_vec(), false)];
    }
    let limit = manifest.max_running.map_or(String::new(), |most| format!("%{most}"));
    let runs: Vec<&[(usize, u32)]> = elements.chunk_by(|a, b| a.0 + 1 == b.0).collect();
    let range = |run: &[(usize, u32)]| match run {
        [(one, _)] => one.to_string(),
        [(first, _), .., (last, _)] => format!("{first}-{last}"),
        [] => String::new(),
    };
    match manifest.system {
        System::Slurm => {
            let ranges: Vec<String> = runs.into_iter().map(range).collect();
            vec![(vec![format!("--array={}{limit}", ranges.join(","))], elements.to_vec(), true)]
        }
        System::Pbs => runs
            .into_iter()
            .map(|run| match run {
                [(one, _)] => (vec!["-v".into(), format!("DECONV_ELEMENT={one}")], run.to_vec(), false),
                _ => (vec!["-J".into(), format!("{}{limit}", range(run))], run.to_vec(), true),
            })
            .collect(),
    }
}

/// Hands a script of a job directory to the batch system; returns what that calls the job.
fn hand_over(system: System, directory: &Path, options: &[String], script: &str) -> Result<String> {
    let name = system.submit_command();
    let parsable = ["--parsable"].into_iter().filter(|_| system == System::Slurm);
    let mut command = command(name);
    command.args(parsable).args(options).arg(script).current_dir(directory);
    let output = command.output().map_err(|error| not_there(name, &error))?;
    let Output { status, stdout, stderr } = &output;
    let said = String::from_utf8_lossy(stdout);
    // 12, or 12;cluster
    let job = said.lines().last().and_then(|line| line.trim().split(';').next()).unwrap_or_default();
    if !status.success() || job.is_empty() || job.contains(char::is_whitespace) {
        let complaint = format!("{}{}", String::from_utf8_lossy(stderr), said);
        let message = format!("{name} does not take {script}: {}", complaint.trim());
        let again =
            format!("mend that, then submit what is here with deconv gather {} --resubmit", directory.display());
        return Err(Error::new(Kind::Output, message).about(directory).remedy(again));
    }
    Ok(job.into())
}

fn not_there(name: &str, error: &std::io::Error) -> Error {
    let why = match error.kind() {
        ErrorKind::NotFound => "is not found".into(),
        _ => format!("cannot be run: {error}"),
    };
    Error::new(Kind::Output, format!("{name} {why}: nothing is submitted"))
        .remedy("give the command where jobs are submitted, on a login node of the cluster")
}

/// A command of the batch system, without what a job around this process knows of itself: that is not about the job to come.
fn command(name: &str) -> Command {
    const KEPT: [&str; 8] = [
        "SLURM_CONF",
        "SLURM_JWT",
        "SLURM_CLUSTERS",
        "PBS_CONF_FILE",
        "PBS_DEFAULT",
        "PBS_SERVER",
        "PBS_EXEC",
        "PBS_HOME",
    ];
    let mut command = Command::new(name);
    for (variable, _) in std::env::vars_os() {
        let known = variable.to_string_lossy();
        let of_job = ["SLURM_", "PBS_", "DECONV_ELEMENT"].iter().any(|begin| known.starts_with(begin));
        if of_job && !KEPT.contains(&known.as_ref()) {
            command.env_remove(&variable);
        }
    }
    command
}
