//! What is known of the runs of a sweep, as it comes: a row of a CSV file a run, and the whole as JSON.

use super::options::{Chunk, Point};
use crate::error::{Error, Result};
use crate::image::Hidden;
use crate::job::{check_free, check_names, with_ending};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The figures of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// Rows and columns of its chunks, as they were.
    pub chunk: [usize; 2],
    /// Their overlap.
    pub overlap: usize,
    /// Bytes that its strips were to have; none: as many as suit the plane.
    pub strip: Option<usize>,
    /// Seconds from begin to end.
    pub wall_s: f64,
    /// Seconds of processor time.
    pub cpu_s: f64,
    /// Seconds from the first task to the last.
    pub run_s: f64,
    /// Seconds that kernels took, over all workers.
    pub kernel_s: f64,
    /// The part of the workers' time that went into neither kernels nor waiting.
    pub scheduler_share: f64,
    /// The part of the workers' time in which they did nothing.
    pub idle_share: f64,
    /// The most memory that the process had.
    pub peak_bytes: usize,
    /// The most that it was predicted to have.
    pub predicted_bytes: usize,
    /// Tasks.
    pub tasks: u64,
    /// Refreshes of the residual, over all planes.
    pub refreshes: u64,
    /// Components, over all planes.
    pub components: u64,
    /// What chunks predicted wrongly of the residual at their borders (rms), of the worst plane; none where there is one chunk.
    pub border_rms: Option<f64>,
    /// The largest such difference.
    pub border_max: Option<f64>,
    /// The same on lines through the middles of chunks (rms).
    pub inside_rms: Option<f64>,
    /// Standard deviation of the residual, of the worst plane.
    pub residual_rms: f64,
    /// Largest absolute residual.
    pub residual_peak: f64,
    /// Why it stopped, plane by plane.
    pub stopped: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Well.
    Done(Box<Measured>),
    /// With an error.
    Failed(String),
    /// It took longer than was waited for it, so many seconds.
    GivenUp(f64),
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The way it was run.
    pub point: Point,
    /// Which one of this point, counted from 1.
    pub repetition: usize,
    /// Parallel efficiency, if it is known: from the run of this repetition on one thread.
    pub efficiency: Option<f64>,
    /// How it ended.
    pub outcome: Outcome,
}

impl Row {
    /// Its cells, each with the name of its column.
    pub fn cells(&self, shape: (usize, usize)) -> Vec<(&'static str, Value)> {
        let Point { method, chunk, overlap, strip, threads, .. } = self.point;
        let (status, message, measured) = match &self.outcome {
            Outcome::Done(measured) => ("done", None, Some(measured)),
            Outcome::Failed(message) => ("failed", Some(message.clone()), None),
            Outcome::GivenUp(seconds) => ("given up", Some(format!("after {seconds:.1} s")), None),
        };
        let chunk = chunk.map(|chunk: Chunk| chunk.to_string());
        let mut cells = vec![
            ("method", json!(method.name())),
            ("rows", json!(shape.0)),
            ("columns", json!(shape.1)),
            ("chunk", json!(chunk)),
            ("chunk_rows", json!(measured.map(|run| run.chunk[0]))),
            ("chunk_columns", json!(measured.map(|run| run.chunk[1]))),
            ("overlap", json!(measured.map(|run| run.overlap).or(overlap))),
            ("threads", json!(threads)),
            ("scheduler", json!(self.point.scheduler_name())),
            ("strip_bytes", json!(measured.and_then(|run| run.strip).or(strip))),
            ("repetition", json!(self.repetition)),
            ("status", json!(status)),
        ];
        let figure =
            |name: &'static str, of: fn(&Measured) -> Value| (name, measured.map_or(Value::Null, |run| of(run)));
        cells.extend([
            figure("wall_s", |run| json!(run.wall_s)),
            figure("cpu_s", |run| json!(run.cpu_s)),
            figure("run_s", |run| json!(run.run_s)),
            figure("kernel_s", |run| json!(run.kernel_s)),
            figure("peak_bytes", |run| json!(run.peak_bytes)),
            figure("predicted_bytes", |run| json!(run.predicted_bytes)),
            figure("tasks", |run| json!(run.tasks)),
            figure("scheduler_share", |run| json!(run.scheduler_share)),
            figure("idle_share", |run| json!(run.idle_share)),
            ("efficiency", json!(self.efficiency)),
            figure("refreshes", |run| json!(run.refreshes)),
            figure("components", |run| json!(run.components)),
            figure("border_rms", |run| json!(run.border_rms)),
            figure("border_max", |run| json!(run.border_max)),
            figure("inside_rms", |run| json!(run.inside_rms)),
            figure("residual_rms", |run| json!(run.residual_rms)),
            figure("residual_peak", |run| json!(run.residual_peak)),
            figure("stopped", |run| json!(run.stopped)),
            ("message", json!(message)),
        ]);
        cells
    }

    /// Its figures, if it ended well.
    pub fn measured(&self) -> Option<&Measured> {
        if let Outcome::Done(measured) = &self.outcome { Some(measured) } else { None }
    }
}

/// The files of a sweep.
#[derive(Debug)]
pub struct Files {
    csv: PathBuf,
    json: PathBuf,
    png: PathBuf,
    rows: Option<File>,
}

impl Files {
    /// The names that begin with a prefix, which must be free or may be replaced; nothing is written yet.
    ///
    /// # Errors
    /// Of kind `Output`.
    pub fn new(prefix: &Path, inputs: &[&Path], overwrite: bool) -> Result<Files> {
        let named = |ending: &str| with_ending(prefix, ending);
        let files = Files { csv: named(".csv"), json: named(".json"), png: named(".png"), rows: None };
        let all = [&files.csv, &files.json, &files.png];
        check_names(all.into_iter(), inputs.iter().map(|path| path.to_path_buf()), "--output")?;
        check_free(all.into_iter(), overwrite)?;
        Ok(files)
    }

    /// Appends a row to the CSV file, which begins with the first one.
    ///
    /// # Errors
    /// Of kind `Output`.
    pub fn append(&mut self, row: &Row, shape: (usize, usize)) -> Result<()> {
        let cells = row.cells(shape);
        let (names, values): (Vec<_>, Vec<_>) =
            cells.into_iter().map(|(name, value)| (name.into(), cell(&value))).unzip();
        let line = |cells: Vec<String>| cells.join(",") + "\n";
        let failed = |error: std::io::Error| {
            Error::output(&self.csv, format!("cannot be written: {error}"))
                .remedy("name a directory that you may write to")
        };
        let text = match self.rows {
            Some(_) => line(values),
            None => line(names) + &line(values),
        };
        let mut file = match self.rows.take() {
            Some(file) => file,
            None => File::create(&self.csv).map_err(failed)?,
        };
        file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).map_err(failed)?;
        self.rows = Some(file);
        Ok(())
    }

    /// Writes all that is known as JSON, instead of what was known before.
    ///
    /// # Errors
    /// Of kind `Output`.
    pub fn replace(&self, known: &Value) -> Result<()> {
        publish(&self.json, format!("{known:#}\n").as_bytes())
    }

    /// Writes the picture.
    ///
    /// # Errors
    /// Of kind `Output`.
    pub fn draw(&self, png: &[u8]) -> Result<()> {
        publish(&self.png, png)
    }
}

/// Writes a file so that there is the old one or the new one.
fn publish(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = Hidden::create(path)?;
    file.file().write_all(bytes).map_err(|error| file.failed(&error))?;
    file.publish(true)
}

/// The rows as JSON objects.
pub fn objects(rows: &[Row], shape: (usize, usize)) -> Vec<Value> {
    let object = |row: &Row| {
        let cells = row.cells(shape).into_iter().map(|(name, value)| (name.to_string(), value));
        Value::Object(cells.collect::<Map<String, Value>>())
    };
    rows.iter().map(object).collect()
}

/// A value as a cell of a CSV file: quoted where it must be, empty where there is none.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.contains([',', '"', '\n']) => format!("\"{}\"", text.replace('"', "\"\"")),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
