//! The end of a submission: is all there, and whole? What is lost is submitted again.

use super::cubes::make_cubes;
use super::manifest::{Element, Manifest};
use super::queue::{self, whole_name};
use super::record::{Record, Step, replace};
use super::standing::{Standing, State, Status, status};
use super::submissions::{Submission, Submissions};
use crate::error::{Error, Result};
use crate::image::check_whole;
use serde::Serialize;
use serde_json::Value;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// What `deconv gather` found, and did.
#[derive(Debug)]
pub struct Gathered {
    /// Where elements stand. Those that were submitted again wait.
    pub standings: Vec<Standing>,
    /// The jobs that were submitted, the last of them the next gather job.
    pub submitted: Vec<Submission>,
    /// The products that were made of those of several elements.
    pub cubes: Vec<PathBuf>,
    /// The elements that are lost and have begun, or were submitted, as often as they may.
    pub given_up: Vec<usize>,
}

/// What is told of a plane of an element, or of an element that is not done.
#[derive(Debug, Serialize)]
struct Row {
    element: usize,
    origin: String,
    state: State,
    plane: String,
    stop_reason: String,
    iterations: Option<u64>,
    peak_after: Option<f64>,
    rms_after: Option<f64>,
    model_flux: Option<f64>,
    seconds: Option<f64>,
    run_seconds: Option<f64>,
    cpu_seconds: Option<f64>,
    memory_bytes: Option<u64>,
    tries: u32,
    node: String,
}

/// Looks at every element of a job directory, verifies the products of those that are done, writes `summary.csv` and
/// `summary.json` there, submits again what is lost, if asked to, and makes the products of images whose planes were several
/// elements' one.
///
/// # Errors
/// Of kind `Input`, if it is no job directory; of kind `Output`, if the summary cannot be written, if another process gathers
/// there, if the batch system takes no jobs, or if products cannot be made one.
pub fn gather(directory: &Path, resubmit: bool) -> Result<Gathered> {
    let _lock = lock(directory)?;
    let mut found = status(directory)?;
    let mut rows = Vec::new();
    for standing in &mut found.standings {
        let element = &found.manifest.elements[standing.element - 1];
        let summary = match standing.state {
            State::Done => look(element),
            _ => Ok(Value::Null),
        };
        let summary = summary.unwrap_or_else(|error| {
            (standing.state, standing.why) = (State::Lost, format!("was done, but {}", said(&error)));
            Value::Null
        });
        rows.extend(rows_of(standing, &summary));
    }
    write(directory, &rows)?;
    let (mut submitted, mut given_up) = (Vec::new(), Vec::new());
    if resubmit {
        (submitted, given_up) = submit_again(directory, &mut found)?;
    }
    let cubes = make_cubes(directory, &found.manifest, &found.standings)?;
    Ok(Gathered { standings: found.standings, submitted, cubes, given_up })
}

/// One process at a time gathers.
fn lock(directory: &Path) -> Result<File> {
    let path = directory.join(".gather.lock");
    if !directory.join("manifest.json").exists() {
        // With what is to be said of it.
        Manifest::read(directory)?;
    }
    let failed = |error: std::io::Error| Error::output(&path, format!("cannot be written: {error}")).because(&error);
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            Err(Error::output(directory, "another deconv gather is at work here").remedy("wait for its end"))
        }
        _ => Ok(file),
    }
}

/// Are the products of an element there and whole? Its summary.
fn look(element: &Element) -> Result<Value> {
    for path in &element.products {
        if path.extension().is_some_and(|ending| ending == "fits") {
            check_whole(path)?;
        } else if std::fs::metadata(path).map_or(0, |metadata| metadata.len()) == 0 {
            return Err(Error::input(path, "is missing or empty"));
        }
    }
    let wrong = |what: String| Error::input(&element.summary, what);
    let text = std::fs::read(&element.summary).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let summary: Value = serde_json::from_slice(&text).map_err(|error| wrong(format!("is damaged: {error}")))?;
    match summary["planes"].as_array() {
        Some(planes) if !planes.is_empty() => Ok(summary),
        _ => Err(wrong("is no summary of a run".into())),
    }
}

/// An error in one line.
fn said(error: &Error) -> String {
    let file = error.file.as_deref().map(|file| format!("{} ", file.display())).unwrap_or_default();
    format!("{file}{}", error.message)
}

fn rows_of(standing: &Standing, summary: &Value) -> Vec<Row> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let row = |plane: &Value| Row {
        element: standing.element,
        origin: standing.origin.clone(),
        state: standing.state,
        plane: text(&plane["name"]),
        stop_reason: text(&plane["stop_reason"]),
        iterations: plane["iterations"].as_u64(),
        peak_after: plane["peak_after"].as_f64(),
        rms_after: plane["rms_after"].as_f64(),
        model_flux: plane["model_flux"].as_f64(),
        seconds: plane["seconds"].as_f64(),
        run_seconds: summary["wall_s"].as_f64(),
        cpu_seconds: summary["cpu_s"].as_f64(),
        memory_bytes: summary["peak_rss_bytes"].as_u64(),
        tries: standing.tries,
        node: standing.node.clone().unwrap_or_default(),
    };
    match summary["planes"].as_array() {
        Some(planes) => planes.iter().map(row).collect(),
        None => vec![row(&Value::Null)],
    }
}

fn write(directory: &Path, rows: &[Row]) -> Result<()> {
    let failed = |error: String| Error::internal(format!("no summary: {error}"));
    let json = serde_json::to_string_pretty(rows).map_err(|error| failed(error.to_string()))?;
    replace(&directory.join("summary.json"), json + "\n")?;
    let mut table = csv::Writer::from_writer(Vec::new());
    rows.iter().try_for_each(|row| table.serialize(row)).map_err(|error| failed(error.to_string()))?;
    replace(&directory.join("summary.csv"), table.into_inner().map_err(|error| failed(error.to_string()))?)
}

/// Submits what is lost, and a gather job after that and after what still waits or runs, unless one is to come anyway. Returns the
/// jobs, and the elements that may not begin again.
fn submit_again(directory: &Path, found: &mut Status) -> Result<(Vec<Submission>, Vec<usize>)> {
    let Status { manifest, submissions, standings, is_to_gather } = found;
    let (mut again, mut others, mut given_up) = (Vec::new(), Vec::new(), Vec::new());
    for standing in standings.iter() {
        match standing.state {
            State::Lost | State::Unknown if is_worn_out(manifest, submissions, standing) => {
                given_up.push(standing.element);
            }
            State::Lost | State::Unknown => again.push((standing.element, standing.tries)),
            State::Waiting if standing.job.is_none() => again.push((standing.element, standing.tries)),
            State::Waiting | State::Running => {
                others.extend(standing.job.as_deref().map(|job| whole_name(manifest.system, job)));
            }
            State::Done | State::Failed => {}
        }
    }
    others.sort();
    others.dedup();
    for &(number, _) in &again {
        let was_done = Record::read(directory, number)?.filter(Record::is_done);
        if let Some(record) = was_done {
            // Its products are not what it made.
            let record = Record { step: Step::Requeued, status: None, anew: true, ..record };
            record.write(directory, number)?;
        }
    }
    if again.is_empty() && (others.is_empty() || *is_to_gather) {
        return Ok((Vec::new(), given_up));
    }
    let submitted = queue::submit(manifest, directory, &again, &others, submissions)?;
    for standing in standings.iter_mut() {
        if again.iter().any(|(number, _)| *number == standing.element) {
            (standing.state, standing.why) = (State::Waiting, format!("{}; submitted again", standing.why));
        }
    }
    Ok((submitted, given_up))
}

/// Has an element begun, or been submitted, as often as it may?
fn is_worn_out(manifest: &Manifest, submissions: &Submissions, standing: &Standing) -> bool {
    standing.tries >= manifest.tries || submissions.count_of(standing.element) >= manifest.tries as usize
}
