//! What is measured.

use crate::algorithm::Method;
use crate::error::{Error, Result};
use crate::schedule::Scheduler;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// A sweep. The names are those of the command line.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is deconvolved.
    pub input: Input,
    /// The methods.
    pub methods: Vec<Method>,
    /// The chunks; none: powers of two from 64 pixels up to the image, and the image as one.
    pub chunks: Vec<Chunk>,
    /// The overlaps, pixels; none: the method's own.
    pub overlaps: Vec<usize>,
    /// Numbers of worker threads.
    pub threads: Vec<usize>,
    /// The executors.
    pub schedulers: Vec<Scheduler>,
    /// Storage strips, bytes, or as many as suit the plane.
    pub strips: Vec<Option<usize>>,
    /// How often each point is measured.
    pub reps: usize,
    /// A point that takes more than so many times the best of its method is given up.
    pub give_up: f64,
    /// Is `--chunk auto` measured beside them?
    pub check_auto: bool,
    /// What the names of the files begin with.
    pub output: PathBuf,
    /// May they replace files?
    pub overwrite: bool,
    /// The directory for inputs that are made and for products, which go again; none: that of the files.
    pub scratch: Option<PathBuf>,
    /// The profile that is to know what was found; none: none is.
    pub profile: Option<PathBuf>,
    /// Further options of each run.
    pub run: Vec<OsString>,
}

/// What is deconvolved.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// These files.
    Files {
        /// The dirty image.
        dirty: PathBuf,
        /// Its PSF.
        psf: PathBuf,
    },
    /// An observation of so many rows and columns, as `deconv simulate` makes it.
    Simulated(usize),
}

/// A chunk of the sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunk {
    /// So many rows and columns.
    Side(usize),
    /// The plane as one.
    Whole,
    /// What `--chunk auto` takes.
    Auto,
}

impl fmt::Display for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Chunk::Side(pixels) => pixels.fmt(f),
            Chunk::Whole => f.pad("whole"),
            Chunk::Auto => f.pad("auto"),
        }
    }
}

/// A way to run the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// The method.
    pub method: Method,
    /// The chunk; none of a method that works on a plane as a whole.
    pub chunk: Option<Chunk>,
    /// The overlap; none: the method's own.
    pub overlap: Option<usize>,
    /// The storage strips; none: as many as suit the plane.
    pub strip: Option<usize>,
    /// The executor.
    pub scheduler: Scheduler,
    /// Worker threads.
    pub threads: usize,
}

impl Point {
    /// The same with another chunk.
    pub fn with(self, chunk: Option<Chunk>) -> Point {
        Point { chunk, ..self }
    }

    /// Is it one that users have who ask for no more than a method and a chunk: on threads?
    pub fn is_on_threads(&self) -> bool {
        self.scheduler == Scheduler::Threads
    }

    /// The name of its executor.
    pub fn scheduler_name(&self) -> &'static str {
        match self.scheduler {
            Scheduler::Inline => "inline",
            Scheduler::Threads => "threads",
        }
    }
}

/// The smallest chunk of a sweep that is not told which.
const SMALLEST: usize = 64;

/// More repetitions than that tell nothing new.
const MOST_REPS: usize = 1000;

impl Options {
    /// Looks whether the numbers make sense.
    ///
    /// # Errors
    /// Of kind `Usage`, naming the option.
    pub fn check(&self) -> Result<()> {
        let wrong = |text: String| Err(Error::usage(text));
        if !(1..=MOST_REPS).contains(&self.reps) {
            return wrong(format!("--reps {}: must be from 1 to {MOST_REPS}", self.reps));
        }
        if self.give_up.is_nan() || self.give_up <= 1.0 {
            return wrong(format!("--give-up {}: must be above 1", self.give_up));
        }
        if self.chunks.contains(&Chunk::Side(0)) {
            return wrong("--chunks 0: a chunk has at least one pixel".into());
        }
        self.threads.iter().try_for_each(|&threads| crate::job::check_threads(Some(threads)))?;
        match self.input {
            Input::Simulated(size) => crate::simulate::Options::new(size, 1, PathBuf::new()).check().map_err(|error| {
                let message = error.message.replace("--size", "--simulate");
                Error { message, ..error }
            }),
            Input::Files { .. } => Ok(()),
        }
    }

    /// The points of the sweep on planes of this shape, each once, those on fewer threads first.
    pub fn points(&self, shape: (usize, usize)) -> Vec<Point> {
        let mut points: Vec<Point> = Vec::new();
        let mut threads = self.threads.clone();
        threads.sort_unstable();
        for &method in &self.methods {
            for &scheduler in &self.schedulers {
                for &strip in &self.strips {
                    for (chunk, overlap) in self.cuts(method, shape) {
                        for &threads in &threads {
                            let threads = if scheduler == Scheduler::Inline { 1 } else { threads };
                            points.push(Point { method, chunk, overlap, strip, scheduler, threads });
                        }
                    }
                }
            }
        }
        let mut known = Vec::new();
        points.retain(|point| {
            let is_new = !known.contains(point);
            known.push(*point);
            is_new
        });
        points
    }

    /// The chunks and overlaps of a method on planes of this shape.
    fn cuts(&self, method: Method, (rows, cols): (usize, usize)) -> Vec<(Option<Chunk>, Option<usize>)> {
        if !method.is_chunked() {
            return vec![(None, None)];
        }
        let longer = rows.max(cols);
        let powers = std::iter::successors(Some(SMALLEST), |side| Some(2 * side)).take_while(|&side| side < longer);
        let own = powers.map(Chunk::Side).chain([Chunk::Whole]);
        let asked = if self.chunks.is_empty() { own.collect() } else { self.chunks.clone() };
        let overlaps: Vec<Option<usize>> = match self.overlaps[..] {
            [] => vec![None],
            _ => self.overlaps.iter().copied().map(Some).collect(),
        };
        let mut cuts = Vec::new();
        for chunk in asked {
            match chunk {
                // There is nothing around it.
                Chunk::Side(side) if side >= longer => cuts.push((Some(Chunk::Whole), None)),
                Chunk::Whole => cuts.push((Some(Chunk::Whole), None)),
                chunk => cuts.extend(overlaps.iter().map(|&overlap| (Some(chunk), overlap))),
            }
        }
        cuts.extend(self.check_auto.then_some((Some(Chunk::Auto), None)));
        cuts
    }
}
