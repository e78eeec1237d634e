//! A sweep from its options to its files.

use super::child::Runner;
use super::findings::{Contest, Finding, contests, efficiency, efficiency_of, findings};
use super::options::{Input, Options, Point};
use super::picture::plot;
use super::record::{Files, Outcome, Row, objects};
use super::words::words;
use crate::error::{Error, Kind, Result};
use crate::event::Events;
use crate::figure::draw_plot;
use crate::figure::number::decimal;
use crate::image::Image;
use crate::job::{Best, Choice, Hardware, Profile};
use crate::simulate;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// What came of a sweep.
#[derive(Debug)]
pub struct Report {
    /// What was found of each point.
    pub findings: Vec<Finding>,
    /// The points that were not measured, with why.
    pub lost: Vec<(Point, String)>,
    /// Sentences that recommend.
    pub words: Vec<String>,
    /// The fastest points, one a method.
    pub best: Vec<Point>,
    /// Was it stopped before its end?
    pub is_stopped: bool,
}

impl Report {
    /// Parallel efficiency of a point, where the same was measured on one thread.
    pub fn efficiency(&self, of: &Finding) -> Option<f64> {
        efficiency(&self.findings, of)
    }
}

/// No point is given up before so many seconds.
const PATIENCE: f64 = 2.0;

/// Processes that run beside a sweep, at its begin, from which on its times are not worth much.
const BUSY: f64 = 0.5;

/// The format of the JSON file.
const FORMAT: u32 = 1;

/// Measures a sweep, and tells of each run in a line. Every result is in the files when the next run begins; where `cancel` stops it,
/// what is there is a report nevertheless.
///
/// # Errors
/// If the options, the inputs or the files do not allow it, or if no point could be measured.
pub fn bench(options: &Options, tell: &dyn Fn(&str), cancel: &Arc<AtomicBool>) -> Result<Report> {
    options.check()?;
    let given: Vec<&Path> = match &options.input {
        Input::Files { dirty, psf } => vec![dirty, psf],
        Input::Simulated(_) => Vec::new(),
    };
    let shape = match &options.input {
        Input::Simulated(size) => (*size, *size),
        Input::Files { dirty, psf } => Image::open(psf).and(Image::open(dirty))?.shape(),
    };
    let files = Files::new(&options.output, &given, options.overwrite)?;
    // One that cannot be used is told before anything is measured.
    let profile = options.profile.as_deref().map(Profile::read).transpose()?.flatten().unwrap_or_else(Profile::empty);
    let directory = workplace(options)?;
    let inputs = inputs(options, directory.path(), cancel)?;
    let runner =
        Runner { inputs: [&inputs[0], &inputs[1]], shape, options: &options.run, directory: directory.path(), cancel };
    let points = options.points(shape);
    let load = load();
    if let Some(load) = load.filter(|load| *load > BUSY) {
        tell(&format!("others use this machine (load {load:.1}): times, idling and scheduling are theirs too"));
    }
    let mut sweep = Sweep { options, shape, points, files, rows: Vec::new(), load };
    let is_stopped = match sweep.run(&runner, tell) {
        Err(error) if error.kind == Kind::Interrupted && !sweep.rows.is_empty() => true,
        ended => ended.map(|()| false)?,
    };
    sweep.end(is_stopped, profile)
}

/// A directory for what goes again.
fn workplace(options: &Options) -> Result<tempfile::TempDir> {
    let beside = options.output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let directory = options.scratch.as_deref().unwrap_or(beside);
    let made = tempfile::Builder::new().prefix(".deconv-bench-").tempdir_in(directory);
    made.map_err(|error| {
        Error::output(directory, format!("no directory can be made there: {error}")).remedy("give another --scratch")
    })
}

/// The dirty image and its PSF, which are made if need be.
fn inputs(options: &Options, directory: &Path, cancel: &Arc<AtomicBool>) -> Result<[PathBuf; 2]> {
    match &options.input {
        Input::Files { dirty, psf } => Ok([dirty.clone(), psf.clone()]),
        Input::Simulated(size) => {
            let made = directory.join("sky");
            simulate::simulate(&simulate::Options::new(*size, 1, made.clone()), &Events::silent(), cancel)?;
            Ok([made.join("dirty.fits"), made.join("psf.fits")])
        }
    }
}

/// Processes that ran, on the average of the last minute; none where the system does not say.
fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

/// A sweep under way.
struct Sweep<'a> {
    options: &'a Options,
    shape: (usize, usize),
    points: Vec<Point>,
    files: Files,
    rows: Vec<Row>,
    load: Option<f64>,
}

impl Sweep<'_> {
    /// Runs all points, again and again.
    fn run(&mut self, runner: &Runner<'_>, tell: &dyn Fn(&str)) -> Result<()> {
        let all = self.points.len() * self.options.reps;
        for repetition in 1..=self.options.reps {
            for (i, point) in self.points.clone().iter().enumerate() {
                if self.is_lost(point).is_some() {
                    continue;
                }
                let outcome = runner.run(point, self.limit(point))?;
                let efficiency = efficiency_of(&self.rows, point, repetition, &outcome);
                let row = Row { point: *point, repetition, efficiency, outcome };
                tell(&format!("{} of {all}: {}", (repetition - 1) * self.points.len() + i + 1, told(&row)));
                self.files.append(&row, self.shape)?;
                self.rows.push(row);
                self.files.replace(&self.json(false, &[], &[]))?;
            }
        }
        Ok(())
    }

    /// Why a point is not measured again, if it is not.
    fn is_lost(&self, point: &Point) -> Option<String> {
        self.rows.iter().filter(|row| row.point == *point).find_map(|row| match &row.outcome {
            Outcome::Done(_) => None,
            Outcome::Failed(message) => Some(message.clone()),
            Outcome::GivenUp(seconds) => Some(format!("given up after {} s", decimal(*seconds, 3))),
        })
    }

    /// How long is waited for a point: so many times the best of its method.
    fn limit(&self, point: &Point) -> Option<Duration> {
        let alike = self.rows.iter().filter(|row| row.point.method == point.method);
        let best = alike.filter_map(|row| row.measured()).map(|run| run.wall_s).reduce(f64::min)?;
        Duration::try_from_secs_f64((self.options.give_up * best).max(PATIENCE)).ok()
    }

    /// What is known as JSON.
    fn json(&self, is_whole: bool, findings: &[Finding], contests: &[Contest<'_>]) -> Value {
        let points = findings.iter().map(|finding| {
            json!({
                "point": objects(&[Row {
                    point: finding.point,
                    repetition: finding.runs.len(),
                    efficiency: efficiency(findings, finding),
                    outcome: Outcome::Done(Box::new(finding.middle())),
                }], self.shape)[0],
                "seconds": [finding.spread(|run| run.wall_s).low, finding.seconds(), finding.spread(|run| run.wall_s).high],
            })
        });
        json!({
            "format": FORMAT,
            "version": env!("CARGO_PKG_VERSION"),
            "machine": Hardware::here(),
            "load": self.load,
            "image": match &self.options.input {
                Input::Files { dirty, psf } => json!({"dirty": dirty, "psf": psf}),
                Input::Simulated(size) => json!({"simulated": size}),
            },
            "options": self.options.run.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>(),
            "complete": is_whole,
            "runs": objects(&self.rows, self.shape),
            "points": points.collect::<Vec<Value>>(),
            "methods": contests.iter().map(Contest::json).collect::<Vec<Value>>(),
            "recommendation": contests.iter().flat_map(|contest| words(contest, self.shape)).collect::<Vec<String>>(),
        })
    }

    /// Draws, recommends, and keeps what was found.
    fn end(self, is_stopped: bool, mut profile: Profile) -> Result<Report> {
        let findings = findings(&self.points, &self.rows);
        let lost = self.points.iter().filter_map(|point| Some((*point, self.is_lost(point)?)));
        let lost: Vec<(Point, String)> = lost.collect();
        if findings.is_empty() {
            let why = lost.first().map_or("", |(_, why)| why.as_str());
            let message = format!("no run ended well: {why}");
            return Err(Error::new(Kind::Input, message).remedy("run it once without bench, with the same options"));
        }
        let contests = contests(&findings);
        self.files.replace(&self.json(!is_stopped, &findings, &contests))?;
        let (machine, (rows, cols)) = (Hardware::here(), self.shape);
        let title = format!("deconv {}, {rows} x {cols}", env!("CARGO_PKG_VERSION"));
        let options = self.options.run.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        let caption = format!("{machine}; medians and ranges of {} runs a point. {options}", self.options.reps);
        self.files.draw(&draw_plot(&plot(title, caption, &findings)).png()?)?;
        if let Some(path) = self.options.profile.as_deref().filter(|_| !is_stopped) {
            contests
                .iter()
                .flat_map(|contest| kept(contest, self.shape))
                .for_each(|best| profile.remember(&machine, best));
            profile.write(path)?;
        }
        let words = contests.iter().flat_map(|contest| words(contest, self.shape)).collect();
        let best = contests.iter().map(|contest| contest.best.point).collect();
        Ok(Report { words, best, lost, is_stopped, findings })
    }
}

/// What the profile is to know of a contest.
fn kept(contest: &Contest<'_>, shape: (usize, usize)) -> Vec<Best> {
    let best = |choice: Choice| Best {
        method: contest.method,
        threads: contest.threads,
        plane: shape.into(),
        choice,
        seconds: contest.best.seconds(),
        version: env!("CARGO_PKG_VERSION").into(),
    };
    let chunk = contest.has_chunks().then(|| best(Choice::Chunk(contest.best.chunk())));
    let strip = contest.strip().map(|(strip, _)| best(Choice::Strip(strip)));
    chunk.into_iter().chain(strip).collect()
}

/// A run in a line.
fn told(row: &Row) -> String {
    let Point { method, chunk, overlap, strip, threads, .. } = row.point;
    let words = [
        Some(method.name().to_string()),
        chunk.map(|chunk| format!("chunk {chunk}")),
        overlap.map(|pixels| format!("overlap {pixels}")),
        strip.map(|bytes| format!("strip {bytes}")),
        Some(match row.point.is_on_threads() {
            true => format!("threads {threads}"),
            false => "inline".into(),
        }),
    ];
    let ended = match &row.outcome {
        Outcome::Done(run) => format!("{} s", decimal(run.wall_s, 3)),
        Outcome::Failed(message) => format!("failed: {message}"),
        Outcome::GivenUp(seconds) => format!("given up after {} s", decimal(*seconds, 3)),
    };
    format!("{}: {ended}", words.into_iter().flatten().collect::<Vec<String>>().join(", "))
}
