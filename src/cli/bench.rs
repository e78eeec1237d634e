//! `deconv bench`: its options, and the table at its end.

use super::arguments::Arguments;
use super::bytes::parse_bytes;
use super::run::tell;
use super::table::columns;
use crate::algorithm::Method;
use crate::bench::{self, Chunk, Finding, Input, Options, Report};
use crate::error::{Bytes, Error, Kind, Result};
use crate::figure::number::decimal;
use crate::job::{self, Choice, Hardware, Profile};
use crate::schedule::Scheduler;
use clap::{Args, Parser};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What `deconv bench` takes.
#[derive(Debug, Args)]
#[command(after_help = ENDING)]
pub struct BenchArguments {
    /// Dirty image (FITS)
    #[arg(long, value_name = "FILE", help_heading = "Input", requires = "psf", conflicts_with = "simulate")]
    pub dirty: Option<PathBuf>,

    /// PSF of the dirty image (FITS)
    #[arg(long, value_name = "FILE", help_heading = "Input", requires = "dirty")]
    pub psf: Option<PathBuf>,

    /// Without files: make an observation of so many rows and columns, as deconv simulate does, and remove it at the end
    #[arg(long, value_name = "SIZE", default_value_t = 2048, help_heading = "Input")]
    pub simulate: usize,

    /// Methods, with commas between them
    #[arg(long, value_name = "LIST", default_value = "clark", help_heading = "Sweep", value_delimiter = ',', value_parser = parse_method)]
    pub methods: Vec<Method>,

    /// Chunks: pixels a side, or whole for the image as one [default: 64,128 and so on up to the image, and whole]
    #[arg(long, value_name = "LIST", help_heading = "Sweep", value_delimiter = ',', value_parser = parse_chunk)]
    pub chunks: Vec<Chunk>,

    /// Overlaps of chunks, pixels [default: the method's own]
    #[arg(long, value_name = "LIST", help_heading = "Sweep", value_delimiter = ',')]
    pub overlaps: Vec<usize>,

    /// Numbers of worker threads, or all for one a core; 1,all shows the parallel efficiency
    #[arg(long, value_name = "LIST", default_value = "all", help_heading = "Sweep", value_delimiter = ',', value_parser = parse_threads)]
    pub threads: Vec<usize>,

    /// Executors: threads, inline
    #[arg(long, value_name = "LIST", default_value = "threads", help_heading = "Sweep", value_delimiter = ',', value_parser = parse_scheduler)]
    pub schedulers: Vec<Scheduler>,

    /// Storage strips: bytes, such as 1MiB, or usual for as many as suit the plane
    #[arg(long, value_name = "LIST", default_value = "usual", help_heading = "Sweep", value_delimiter = ',', value_parser = parse_strip)]
    pub strips: Vec<Strip>,

    /// How often the whole sweep is measured; medians count
    #[arg(long, value_name = "N", default_value_t = 3, help_heading = "Sweep")]
    pub reps: usize,

    /// Give up what takes more than so many times the best of its method so far (2 s at least)
    #[arg(long, value_name = "TIMES", default_value_t = 20.0, help_heading = "Sweep")]
    pub give_up: f64,

    /// Measure --chunk auto beside the chunks, and say whether it is within 10 % of the best of them
    #[arg(long, help_heading = "Sweep")]
    pub check_auto: bool,

    /// Write PREFIX.csv, PREFIX.json and PREFIX.png
    #[arg(long, value_name = "PREFIX", default_value = "bench", help_heading = "Output")]
    pub output: PathBuf,

    /// Replace files that exist
    #[arg(long, help_heading = "Output")]
    pub overwrite: bool,

    /// Directory for what is made and removed again: the observation, and the products of the runs [default: that of PREFIX]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub scratch: Option<PathBuf>,

    /// Keep what was found to be fastest for this machine: $DECONV_PROFILE, or deconv/profile.json in $XDG_CONFIG_HOME or ~/.config
    #[arg(long, help_heading = "Output")]
    pub save_profile: bool,

    /// Print what is kept there, and measure nothing
    #[arg(long, help_heading = "Output", exclusive = true)]
    pub show_profile: bool,

    /// Say nothing but errors
    #[arg(short, long, help_heading = "Messages")]
    pub quiet: bool,

    /// Further options of each run, as in -- --niter 20000 --nsigma 0 --memory 4GiB
    #[arg(last = true, value_name = "OPTIONS OF A RUN", help_heading = "Input")]
    pub run: Vec<OsString>,
}

const ENDING: &str = "\
Each point of the sweep is run by a process of its own, whose products are removed. The sweep is repeated as a whole, so that what else \
the machine does meanwhile falls on all points. A row is appended to PREFIX.csv after every run; PREFIX.json has all of them and what \
follows from them. A point that fails is recorded, and the sweep goes on; Ctrl-C ends it and keeps what was measured.

Idle is the part of the workers' time in which no processor worked for them, scheduling the part that is neither idle nor in kernels; \
efficiency the time of one thread over (threads x the time of several). The difference at borders is what the chunks of a cycle \
predicted wrongly of the residual there (rms), which the next refresh puts right.

What --save-profile keeps is followed by later runs where it changes no bit (storage strips), and by --chunk auto, on machines of \
the same kind (cores, model, caches), with as many threads, and planes whose side is at most twice as long or short.

Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.";

/// Bytes of a storage strip, or none: as many as suit the plane.
pub type Strip = Option<usize>;

fn parse_method(text: &str) -> std::result::Result<Method, String> {
    let names = || Method::ALL.iter().map(|method| method.name()).collect::<Vec<_>>().join(", ");
    Method::ALL
        .iter()
        .find(|method| method.name() == text)
        .copied()
        .ok_or_else(|| format!("the methods are {}", names()))
}

fn parse_chunk(text: &str) -> std::result::Result<Chunk, String> {
    match text {
        "whole" => Ok(Chunk::Whole),
        side => side.parse().map(Chunk::Side).map_err(|_| "give pixels a side, or whole".into()),
    }
}

fn parse_threads(text: &str) -> std::result::Result<usize, String> {
    match text {
        "all" => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
        count => count.parse().map_err(|_| "give a number, or all".into()),
    }
}

fn parse_scheduler(text: &str) -> std::result::Result<Scheduler, String> {
    match text {
        "threads" => Ok(Scheduler::Threads),
        "inline" => Ok(Scheduler::Inline),
        _ => Err("the schedulers are threads and inline".into()),
    }
}

fn parse_strip(text: &str) -> std::result::Result<Strip, String> {
    if text == "usual" { Ok(None) } else { parse_bytes(text).map(Some) }
}

impl BenchArguments {
    /// The sweep that is asked for.
    fn options(&self) -> Result<Options> {
        let input = match (&self.dirty, &self.psf) {
            (Some(dirty), Some(psf)) => Input::Files { dirty: dirty.clone(), psf: psf.clone() },
            _ => Input::Simulated(self.simulate),
        };
        self.check_run()?;
        Ok(Options {
            input,
            methods: self.methods.clone(),
            chunks: self.chunks.clone(),
            overlaps: self.overlaps.clone(),
            threads: self.threads.clone(),
            schedulers: self.schedulers.clone(),
            strips: self.strips.clone(),
            reps: self.reps,
            give_up: self.give_up,
            check_auto: self.check_auto,
            output: self.output.clone(),
            overwrite: self.overwrite,
            scratch: self.scratch.clone(),
            profile: if self.save_profile { Some(profile_path()?) } else { None },
            run: self.run.clone(),
        })
    }

    /// Would a run take its further options beside those of the sweep?
    fn check_run(&self) -> Result<()> {
        let swept = ["--dirty=x", "--psf=x", "--output=x", "--summary=x", "--method=clark", "--quiet"];
        let swept =
            swept.into_iter().chain(["--scheduler=threads", "--threads=1", "--chunk=1", "--overlap=1", "--strip=1"]);
        let words = std::iter::once("deconv".into()).chain(swept.map(OsString::from)).chain(self.run.iter().cloned());
        let run = match Arguments::try_parse_from(words) {
            Ok(arguments) => arguments.options()?,
            Err(error) => {
                let what =
                    error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_string();
                return Err(Error::usage(format!("the options of a run after --: {what}"))
                    .remedy("deconv --help lists them; what is swept, and files, are options of bench"));
            }
        };
        // A method that does not take them is recorded as one that fails, if another does.
        let checks = self.methods.iter().map(|&method| job::Options { method, ..run.clone() }.check());
        checks.reduce(|one, other| one.or_else(|error| other.map_err(|_| error))).unwrap_or(Ok(()))
    }
}

fn profile_path() -> Result<PathBuf> {
    job::profile_path().ok_or_else(|| {
        Error::usage("--save-profile, --show-profile: there is no place for a profile")
            .remedy("name a file in the variable DECONV_PROFILE")
    })
}

/// Measures what is asked for, and tells what was found.
///
/// # Errors
/// Those of [`bench::bench`].
pub fn bench(arguments: &BenchArguments, cancel: &Arc<AtomicBool>) -> Result<()> {
    if arguments.show_profile {
        return show_profile(&profile_path()?);
    }
    let options = arguments.options()?;
    let say = |line: &str| {
        if !arguments.quiet {
            eprintln!("{line}")
        }
    };
    let report = bench::bench(&options, &say, cancel)?;
    if !arguments.quiet {
        tell(table(&report).as_bytes());
    }
    if report.is_stopped {
        let message = "stopped on request; what was measured is in the files";
        return Err(Error::new(Kind::Interrupted, message).about(&options.output));
    }
    Ok(())
}

/// What was found, a line a point, and what is recommended.
fn table(report: &Report) -> String {
    let head = ["method", "chunk", "overlap", "threads", "strip", "time, s", "lowest", "highest", "CPU, s", "memory"];
    let more =
        ["predicted", "tasks", "scheduling", "idle", "efficiency", "refreshes", "border rms", "residual rms", ""];
    let mut rows = vec![head.into_iter().chain(more).map(String::from).collect::<Vec<String>>()];
    rows.extend(report.findings.iter().map(|finding| line(report, finding)));
    let lost = report.lost.iter().map(|(point, why)| {
        let chunk = point.chunk.map_or(String::new(), |chunk| format!(", chunk {chunk}"));
        format!("{}{chunk}: {why}\n", point.method.name())
    });
    let words = report.words.iter().map(|line| format!("{line}\n"));
    columns(&rows) + &lost.collect::<String>() + "\n" + &words.collect::<String>()
}

fn line(report: &Report, finding: &Finding) -> Vec<String> {
    let point = finding.point;
    let middle = finding.middle();
    let seconds = finding.spread(|run| run.wall_s);
    let number = |number: f64| decimal(number, 3);
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let bytes = |bytes: usize| Bytes(bytes as u64).to_string();
    let [rows, cols] = middle.chunk;
    let chunk = match point.chunk {
        Some(Chunk::Side(side)) => side.to_string(),
        Some(Chunk::Auto) => format!("auto: {rows} x {cols}"),
        Some(Chunk::Whole) | None => "whole".into(),
    };
    vec![
        point.method.name().into(),
        chunk,
        middle.overlap.to_string(),
        if point.is_on_threads() { point.threads.to_string() } else { "inline".into() },
        point.strip.map_or("usual".into(), bytes),
        number(seconds.median),
        number(seconds.low),
        number(seconds.high),
        number(finding.spread(|run| run.cpu_s).median),
        bytes(finding.spread(|run| run.peak_bytes as f64).median as usize),
        bytes(middle.predicted_bytes),
        middle.tasks.to_string(),
        percent(finding.spread(|run| run.scheduler_share).median),
        percent(finding.spread(|run| run.idle_share).median),
        report.efficiency(finding).map_or("-".into(), percent),
        middle.refreshes.to_string(),
        middle.border_rms.map_or("-".into(), number),
        number(middle.residual_rms),
        if report.best.contains(&point) { "best".into() } else { String::new() },
    ]
}

/// What is kept of which machines.
fn show_profile(path: &Path) -> Result<()> {
    let profile = Profile::read(path)?
        .ok_or_else(|| Error::input(path, "there is no profile").remedy("deconv bench --save-profile makes one"))?;
    let here = Hardware::here();
    let mut text = format!("{}\n", path.display());
    for known in &profile.machines {
        let this = if known.machine == here { " (this machine)" } else { "" };
        text.push_str(&format!("{}{this}\n", known.machine));
        for best in &known.best {
            let choice = match best.choice {
                Choice::Chunk([rows, cols]) => format!("chunk {rows} x {cols}"),
                Choice::Strip(Some(bytes)) => format!("strips of {}", Bytes(bytes as u64)),
                Choice::Strip(None) => "usual strips".into(),
            };
            let ([rows, cols], threads) = (best.plane, best.threads);
            let (name, seconds) = (best.method.name(), decimal(best.seconds, 3));
            text.push_str(&format!("  {name}, {rows} x {cols}, threads {threads}: {choice}, {seconds} s\n"));
        }
    }
    if !profile.machines.iter().any(|known| known.machine == here) {
        text.push_str(&format!("nothing is known of this machine: {here}\n"));
    }
    tell(text.as_bytes());
    Ok(())
}
