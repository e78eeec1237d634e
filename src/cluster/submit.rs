//! A submission, from the options to the files of its job directory.

use super::element::{Language, Run, Setting, absolute, absolute_path, runs, utf8, value};
use super::maker::{Made, Maker, Wishes, words};
use super::manifest::Manifest;
use super::queue;
use super::quote::{quoted, with_variables};
use super::resources::{CORES, Resources};
use super::script::{Blueprint, element_script};
use super::submissions::{Submission, Submissions};
use super::system::System;
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// How jobs are to be submitted.
#[derive(Debug, Clone)]
pub struct JobOptions {
    /// The batch system.
    pub system: System,
    /// The job directory; none: named after the output, or `deconv-jobs`.
    pub directory: Option<PathBuf>,
    /// A table of runs.
    pub table: Option<PathBuf>,
    /// The job's name.
    pub name: String,
    /// The account that is charged.
    pub account: Option<String>,
    /// Slurm's partition, PBS's queue.
    pub queue: Option<String>,
    /// Modules that are loaded before the run.
    pub modules: Vec<String>,
    /// Lines of shell before the run.
    pub setup: Vec<String>,
    /// Where mail goes.
    pub mail: Option<String>,
    /// Seconds of walltime; none: estimated.
    pub walltime_s: Option<u64>,
    /// Seconds before the end of the walltime at which the run is told to stop.
    pub grace_s: u64,
    /// The directory on the node for scratch; none: its `$TMPDIR`.
    pub local_scratch: Option<String>,
    /// The most elements that run at once.
    pub max_running: Option<usize>,
    /// How often an element may begin.
    pub tries: u32,
    /// The most planes of an image that an element works on; none: all of them.
    pub planes_per_job: Option<usize>,
}

impl JobOptions {
    /// Looks whether directives can be made of them, which know no quotes.
    fn check(&self) -> Result<()> {
        let given = [
            ("--name", Some(&self.name)),
            ("--account", self.account.as_ref()),
            ("--queue", self.queue.as_ref()),
            ("--mail", self.mail.as_ref()),
        ];
        let fits = |text: &str| {
            let in_word = |c: char| c.is_ascii_alphanumeric() || "._-+@:,/=".contains(c);
            !text.is_empty() && text.chars().all(in_word) && !text.starts_with('-')
        };
        if let Some((option, Some(text))) = given.into_iter().find(|(_, text)| text.is_some_and(|text| !fits(text))) {
            return Err(Error::usage(format!("{option} {text:?}: must be letters, digits and . _ - + @ : , / =")));
        }
        // PBS wants a letter.
        if !self.name.starts_with(|c: char| c.is_ascii_alphabetic()) || self.name.contains(['/', ':', ',', '@', '=']) {
            return Err(Error::usage(format!(
                "--name {:?}: must be letters, digits and . _ - +, a letter first",
                self.name
            )));
        }
        if self.tries == 0 || self.max_running == Some(0) || self.planes_per_job == Some(0) {
            return Err(Error::usage("--tries, --max-running and --planes-per-job: must be at least 1"));
        }
        match self.setup.iter().chain(&self.modules).any(|line| line.contains(['\n', '\0'])) {
            true => Err(Error::usage("--setup and --module: must be of one line").remedy("give one for each line")),
            false => Ok(()),
        }
    }
}

/// A submission whose inputs were looked at, but of which nothing is written.
#[derive(Debug)]
pub struct Prepared {
    /// What it is about.
    pub manifest: Manifest,
    /// The job directory.
    pub directory: PathBuf,
    /// The files to be written there, by name.
    pub files: BTreeMap<String, String>,
    /// The commands that submit it by hand.
    pub commands: [String; 3],
}

/// Settles a submission: opens all inputs, forecasts all runs, makes the scripts. `program` is what the jobs run.
///
/// # Errors
/// If options, inputs or outputs do not allow any of the runs, or if two would write the same file.
pub fn prepare(
    common: &[Setting],
    job: &JobOptions,
    language: &Language,
    program: &Path,
    cancel: &Arc<AtomicBool>,
) -> Result<Prepared> {
    job.check()?;
    let (of_job, common): (Vec<Setting>, Vec<Setting>) =
        common.iter().cloned().partition(|one| language.kind(&one.option).is_some_and(|kind| kind.of_job));
    let wishes = (language.read)(&words(&of_job, &["dirty=x", "psf=x"]))?;
    let runs = runs(&common, job.table.as_deref(), language)?;
    let directory = job_directory(job, &runs)?;
    let cores = wishes.threads.unwrap_or(CORES);
    let planes_per_job = job.planes_per_job;
    let mut maker = Maker::new(Wishes { language, run: &wishes, cores, directory: &directory, planes_per_job, cancel });
    for run in &runs {
        maker.add(run).map_err(|error| about(run, runs.len(), error))?;
    }
    let Made { elements, cubes, demand, .. } = maker.made;
    let resources = Resources::new(demand, wishes.memory, cores, job)?;
    let manifest = Manifest {
        format: Manifest::FORMAT,
        version: env!("CARGO_PKG_VERSION").into(),
        system: job.system,
        name: job.name.clone(),
        tries: job.tries,
        max_running: job.max_running,
        resources,
        elements,
        cubes,
    };
    let scratch = match (&job.local_scratch, &wishes.scratch) {
        (Some(asked), _) => with_variables(asked, "--local-scratch")?,
        (None, Some(asked)) => quoted(utf8(&absolute_path(asked)?)?),
        (None, None) => "${TMPDIR:-/tmp}".into(),
    };
    let anew = wishes.overwrite && !wishes.resume;
    let blueprint =
        Blueprint { manifest: &manifest, directory: utf8(&directory)?, program: utf8(program)?, scratch, anew, job };
    let files = files(&blueprint)?;
    let commands = blueprint.commands();
    Ok(Prepared { manifest, directory, files, commands })
}

/// The files of a job directory.
fn files(blueprint: &Blueprint<'_>) -> Result<BTreeMap<String, String>> {
    let manifest = blueprint.manifest;
    let text = serde_json::to_string_pretty(manifest).map_err(|e| Error::internal(format!("no manifest: {e}")))?;
    let mut files = BTreeMap::from([
        ("job.sh".to_string(), blueprint.job_script()),
        ("gather.sh".to_string(), blueprint.gather_script()),
        ("manifest.json".to_string(), text + "\n"),
    ]);
    if manifest.is_array() {
        let scripts = manifest.elements.iter().enumerate();
        files.extend(scripts.map(|(i, element)| (format!("elements/{}.sh", i + 1), element_script(element))));
    }
    Ok(files)
}

/// An error of a run, which says of which one if there are several.
fn about(run: &Run, runs: usize, error: Error) -> Error {
    match runs {
        1 => error,
        _ => Error { message: format!("{} (of the run of {})", error.message, run.origin), ..error },
    }
}

/// The job directory that is asked for, or one named after the only run's products.
fn job_directory(job: &JobOptions, runs: &[Run]) -> Result<PathBuf> {
    let named = match (&job.directory, runs) {
        (Some(asked), _) => absolute_path(asked)?,
        (None, [run]) => {
            let prefix = absolute(value(&run.settings, "output").unwrap_or("./"))?;
            let stem = if prefix.ends_with('/') { run.name.as_str() } else { "" };
            PathBuf::from(format!("{prefix}{stem}-job"))
        }
        (None, _) => absolute_path(Path::new("deconv-jobs"))?,
    };
    let given = || "choose another --job-dir";
    if named.symlink_metadata().is_ok() {
        return Err(Error::output(&named, "is there already: jobs may be at work on it")
            .remedy("choose another --job-dir, or remove it once deconv status says that none of them runs"));
    }
    match (named.parent(), named.file_name()) {
        (Some(parent), Some(_)) if parent.is_dir() => Ok(named),
        (Some(parent), Some(_)) => {
            Err(Error::output(&named, format!("the directory {} does not exist", parent.display())).remedy(given()))
        }
        _ => Err(Error::output(&named, "cannot be made").remedy(given())),
    }
}

impl Prepared {
    /// Writes the job directory, whole or not at all.
    ///
    /// # Errors
    /// Of kind `Output`.
    pub fn write(&self) -> Result<()> {
        let name = self.directory.file_name().unwrap_or_default().to_string_lossy();
        let hidden = self.directory.with_file_name(format!(".{name}.{}.part", std::process::id()));
        let made = self.write_into(&hidden).and_then(|()| std::fs::rename(&hidden, &self.directory));
        made.map_err(|error| {
            // There is nobody left to tell if it fails.
            let _ = std::fs::remove_dir_all(&hidden);
            Error::output(&self.directory, format!("cannot be written: {error}"))
                .remedy("name a --job-dir in a directory that you may write to, with space left")
                .because(&error)
        })
    }

    fn write_into(&self, directory: &Path) -> std::io::Result<()> {
        std::fs::create_dir(directory)?;
        let parts = Some("parts").filter(|_| !self.manifest.cubes.is_empty());
        ["elements", "logs"].into_iter().chain(parts).try_for_each(|name| std::fs::create_dir(directory.join(name)))?;
        self.files.iter().try_for_each(|(name, text)| std::fs::write(directory.join(name), text))
    }

    /// Is there a batch system to submit to?
    ///
    /// # Errors
    /// Of kind `Output`, if its command is not there.
    pub fn check_queue(&self) -> Result<()> {
        queue::check_there(self.manifest.system)
    }

    /// Hands all elements to the batch system, and a gather job after them.
    ///
    /// # Errors
    /// Of kind `Output`, if it does not take them.
    pub fn submit(&self) -> Result<Vec<Submission>> {
        let elements: Vec<(usize, u32)> = (1..=self.manifest.elements.len()).map(|number| (number, 0)).collect();
        queue::submit(&self.manifest, &self.directory, &elements, &[], &mut Submissions::default())
    }
}
