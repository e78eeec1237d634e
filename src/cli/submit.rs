//! `deconv submit`: its options, and what it says.

use super::arguments::{Arguments, parse_time};
use crate::cluster::{JobOptions, Language, OptionKind, Prepared, Setting, System, prepare};
use crate::error::{Error, Result};
use crate::job::Options;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, CommandFactory, FromArgMatches, Parser};
use std::any::TypeId;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Options of a run that are the same for all elements, and that the script gives.
const OF_JOB: [&str; 5] = ["overwrite", "resume", "threads", "memory", "scratch"];

/// What `deconv submit` takes: how to submit, and the options of a run.
#[derive(Debug, Args)]
#[command(after_help = SUBMIT)]
pub struct SubmitArguments {
    /// The batch system: Slurm, or PBS Professional and OpenPBS
    #[arg(value_parser = systems())]
    system: System,

    /// Hand the scripts to the batch system, with sbatch or qsub; without it they are written alone
    #[arg(long, help_heading = "Job", conflicts_with = "dry_run")]
    submit: bool,

    /// Print the scripts and write nothing
    #[arg(long, help_heading = "Job")]
    dry_run: bool,

    /// Directory for scripts, logs and the states of the elements, which every node must see; it must not be there yet
    /// [default: PREFIX-job for one image, deconv-jobs for several]
    #[arg(long, value_name = "DIR", help_heading = "Job")]
    job_dir: Option<PathBuf>,

    /// Table of runs (CSV) instead of --dirty: in its first line the names of options without dashes, dirty among them
    /// (dirty,psf,output,mask,threshold), then a line for each run; what is empty is as on the command line
    #[arg(long, value_name = "FILE", help_heading = "Job", conflicts_with = "dirty")]
    manifest: Option<PathBuf>,

    /// Split each image with more planes than this into elements of at most so many; the products of all planes are made of
    /// theirs at the end. Figures and lists of components stay with the parts, in DIR/parts
    #[arg(long, value_name = "N", help_heading = "Job", conflicts_with = "planes")]
    planes_per_job: Option<usize>,

    /// Name of the job
    #[arg(long, default_value = "deconv", help_heading = "Job")]
    name: String,

    /// Account that is charged
    #[arg(long, help_heading = "Job")]
    account: Option<String>,

    /// Queue: Slurm's partition, PBS's queue
    #[arg(long, help_heading = "Job")]
    queue: Option<String>,

    /// Module to load before the run; may be given several times
    #[arg(long, value_name = "NAME", help_heading = "Job")]
    module: Vec<String>,

    /// Line of shell before the run, after the modules; may be given several times
    #[arg(long, value_name = "LINE", help_heading = "Job", allow_hyphen_values = true)]
    setup: Vec<String>,

    /// Where the batch system sends mail when a job fails and when all are gathered
    #[arg(long, value_name = "ADDRESS", help_heading = "Job")]
    mail: Option<String>,

    /// Walltime of each element: 2h, 90m, 3600 or H:MM:SS [default: 4 times an estimate from pixels, method and cores, at
    /// least 10 min]
    #[arg(long, value_name = "TIME", help_heading = "Job", value_parser = parse_walltime)]
    walltime: Option<u64>,

    /// So long before the walltime is over a run is told to write its checkpoint and goes on as a new job (Slurm may do so up
    /// to a minute earlier)
    #[arg(long, value_name = "SECONDS", default_value_t = 120, help_heading = "Job")]
    grace: u64,

    /// Directory on the node's own disk for what does not fit the memory; variables such as $SLURM_JOB_ID are filled in there
    /// [default: the node's $TMPDIR, else /tmp]
    #[arg(long, value_name = "DIR", help_heading = "Job", conflicts_with = "scratch")]
    local_scratch: Option<String>,

    /// The most elements that run at once
    #[arg(long, value_name = "N", help_heading = "Job")]
    max_running: Option<usize>,

    /// How often an element may begin: each walltime that is over, and each time that it is killed or lost, counts
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Job")]
    tries: u32,

    /// The run.
    #[command(flatten)]
    run: Settings,
}

const SUBMIT: &str = "\
Many images: --dirty may be a pattern in quotes, 'in/*-dirty.fits' (* and ? within a name, ** for directories). Each file that \
it matches is an element of a job array, and {} in the names of other files stands for what the wildcards matched: --psf \
'in/{}-psf.fits' --output 'out/{}'. With --manifest it stands for the name of the dirty image without directory and ending. \
Names are taken from the directory in which the command is given.

All inputs are opened and looked at, and the largest decides what each element is granted: memory as deconv plan foretells it, \
with --memory as much as that; --threads cores, or 4. The scripts say where each number comes from.

A job runs deconv with --resume. Before the walltime is over it is told to write its checkpoint, and the job goes on as another \
one; an element that is killed goes on, too. The last job, gather.sh, submits again what is lost. No element begins more often \
than --tries. With --overwrite an element replaces what is there when it begins, and not what it has made itself.

Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted. The job directory is written whole or not at all.";

/// The options of a run, as they were given.
#[derive(Debug)]
struct Settings(Vec<Setting>);

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Settings, clap::Error> {
        let command = Arguments::command();
        let given = |arg: &&Arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
        let mut settings = Vec::new();
        for arg in command.get_arguments().filter(given) {
            let kind = kind(arg);
            let raw = matches.get_raw(arg.get_id().as_str()).into_iter().flatten().next_back();
            let value = match raw.filter(|_| kind.takes_value).map(|raw| raw.to_str().ok_or(raw)).transpose() {
                Ok(value) => value.map(String::from),
                Err(raw) => {
                    let message = format!("--{} {}: is not UTF-8\n", kind.name, raw.to_string_lossy());
                    return Err(clap::Error::raw(ErrorKind::InvalidUtf8, message));
                }
            };
            settings.push(Setting::new(&kind.name, value, kind.is_file));
        }
        Ok(Settings(settings))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> std::result::Result<(), clap::Error> {
        *self = Settings::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Settings {
    fn augment_args(command: Command) -> Command {
        let unless_listed = |arg: Arg| arg.required(false).required_unless_present("manifest");
        Arguments::augment_args(command).mut_arg("dirty", unless_listed).mut_arg("psf", unless_listed)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Settings::augment_args(command)
    }
}

fn kind(arg: &Arg) -> OptionKind {
    let name = arg.get_long().unwrap_or_default().to_string();
    OptionKind {
        takes_value: arg.get_action().takes_values(),
        is_file: arg.get_value_parser().type_id() == TypeId::of::<PathBuf>(),
        of_job: OF_JOB.contains(&name.as_str()),
        name,
    }
}

/// The options of a run, and how they are read.
fn language() -> Language {
    Language { kinds: Arguments::command().get_arguments().map(kind).collect(), read }
}

fn read(words: &[String]) -> Result<Options> {
    let all = std::iter::once("deconv").chain(words.iter().map(String::as_str));
    let arguments = Arguments::try_parse_from(all).map_err(|error| {
        let text = error.to_string();
        Error::usage(text.lines().next().unwrap_or_default().trim_start_matches("error: "))
    })?;
    arguments.options()
}

/// Does what is asked for; what is to be said of it.
///
/// # Errors
/// If a run cannot be made, the job directory not written, or the jobs not submitted.
pub fn submit(arguments: &SubmitArguments, cancel: &Arc<AtomicBool>) -> Result<String> {
    let program = std::env::current_exe()
        .map_err(|error| Error::internal(format!("the program's own file is not known: {error}")))?;
    let prepared = prepare(&arguments.run.0, &arguments.job(), &language(), &program, cancel)?;
    if arguments.dry_run {
        return Ok(scripts(&prepared));
    }
    if arguments.submit {
        prepared.check_queue()?;
    }
    prepared.write()?;
    let mut text = written(&prepared);
    if !arguments.submit {
        let commands: String = prepared.commands.iter().map(|command| format!("  {command}\n")).collect();
        return Ok(text + "submit them with\n" + &commands);
    }
    let jobs: Vec<String> = prepared.submit()?.into_iter().map(|submission| submission.job).collect();
    text.push_str(&format!(
        "submitted as {}; deconv status {} says how far they are\nto take them back: {} {}\n",
        jobs.join(" and "),
        prepared.directory.display(),
        prepared.manifest.system.cancel_command(),
        // The one that would submit the others again goes first.
        jobs.iter().rev().cloned().collect::<Vec<_>>().join(" ")
    ));
    Ok(text)
}

fn written(prepared: &Prepared) -> String {
    let resources = &prepared.manifest.resources;
    let elements = match prepared.manifest.elements.len() {
        1 => "one element".to_string(),
        several => format!("{several} elements"),
    };
    format!(
        "{}: {elements}, each granted {} cores, {} MiB and {}\n  {}\n  {}\n",
        prepared.directory.display(),
        resources.cores,
        resources.granted_mib,
        resources.walltime(),
        resources.memory_reason,
        resources.walltime_reason
    )
}

/// The scripts, each below its name; of the elements' own ones the first.
fn scripts(prepared: &Prepared) -> String {
    let shown = |name: &str| name.ends_with(".sh") && (!name.starts_with("elements/") || name == "elements/1.sh");
    let names = ["job.sh", "elements/1.sh", "gather.sh"].into_iter().filter(|name| shown(name));
    let found = names.filter_map(|name| Some((name, prepared.files.get(name)?)));
    let mut text: String = found
        .map(|(name, script)| format!("==> {} <==\n{script}\n", prepared.directory.join(name).display()))
        .collect();
    match prepared.manifest.elements.len() {
        0 | 1 => {}
        several => text.push_str(&format!("and the like of elements/1.sh for {} more\n", several - 1)),
    }
    text
}

impl SubmitArguments {
    fn job(&self) -> JobOptions {
        JobOptions {
            system: self.system,
            directory: self.job_dir.clone(),
            table: self.manifest.clone(),
            name: self.name.clone(),
            account: self.account.clone(),
            queue: self.queue.clone(),
            modules: self.module.clone(),
            setup: self.setup.clone(),
            mail: self.mail.clone(),
            walltime_s: self.walltime,
            grace_s: self.grace,
            local_scratch: self.local_scratch.clone(),
            max_running: self.max_running,
            tries: self.tries,
            planes_per_job: self.planes_per_job,
        }
    }
}

fn systems() -> impl TypedValueParser<Value = System> {
    PossibleValuesParser::new(System::ALL.iter().map(|system| system.name()))
        .map(|name| *System::ALL.iter().find(|system| system.name() == name).unwrap_or(&System::Slurm))
}

/// Whole seconds: `2h`, `90m`, `3600`, or `H:MM:SS`.
fn parse_walltime(text: &str) -> std::result::Result<u64, String> {
    let wrong = || "give 2h, 90m, 3600 (seconds) or H:MM:SS, at least a minute".to_string();
    let seconds = match text.split(':').collect::<Vec<_>>()[..] {
        [hours, minutes, seconds] => {
            let number = |part: &str| part.parse::<u32>().map(f64::from).map_err(|_| wrong());
            number(hours)? * 3600.0 + number(minutes)? * 60.0 + number(seconds)?
        }
        _ => parse_time(text).map_err(|_| wrong())?,
    };
    if (60.0..1e9).contains(&seconds) { Ok(seconds as u64) } else { Err(wrong()) }
}
