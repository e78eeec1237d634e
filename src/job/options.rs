//! What the user asks for.

use super::components::Format;
use crate::algorithm::{Method, Parameters};
use crate::error::{Error, Result};
use crate::image::Beam;
use crate::schedule::Scheduler;
use std::path::{Path, PathBuf};

/// More threads than any machine has cores would only be in each other's way.
const MOST_THREADS: usize = 1024;

/// A job. The names are those of the command line.
#[derive(Debug, Clone)]
pub struct Options {
    /// The dirty image.
    pub dirty: PathBuf,
    /// Its PSF.
    pub psf: PathBuf,
    /// The model that the job starts from; none: an empty one.
    pub model: Option<PathBuf>,
    /// What the names of the products begin with; none: the dirty file's stem, in the current directory.
    pub output: Option<PathBuf>,
    /// May products replace files?
    pub overwrite: bool,
    /// The algorithm.
    pub method: Method,
    /// Its parameters.
    pub parameters: Parameters,
    /// The restoring beam: widths in degrees; for an image without WCS their number of arcsec is taken for pixels.
    pub beam: Option<Beam>,
    /// The executor.
    pub scheduler: Scheduler,
    /// Worker threads; none: one a core.
    pub threads: Option<usize>,
    /// Bytes of memory that the process may have; none: a share of what can be had.
    pub memory: Option<usize>,
    /// Where chunks go that do not fit the memory; none: beside the output.
    pub scratch: Option<PathBuf>,
    /// Where the summary goes as JSON.
    pub summary: Option<PathBuf>,
    /// Where the list of components goes; its ending says the format.
    pub components: Option<PathBuf>,
    /// Is a figure drawn?
    pub png: bool,
    /// The synthetic observation that the products are scored against; none: they are not.
    pub truth: Option<PathBuf>,
    /// Does the job go on from the checkpoint of an earlier run, if there is one?
    pub resume: bool,
    /// The part of the run's time that checkpoints may take; infinite: one is written at every refresh.
    pub checkpoint_share: f64,
}

/// The part of a run's time that checkpoints may take, if nothing else is said.
pub const CHECKPOINT_SHARE: f64 = 0.02;

impl Options {
    /// A job on two files, with what the command line has where nothing is said.
    pub fn new(dirty: PathBuf, psf: PathBuf) -> Options {
        Options {
            dirty,
            psf,
            model: None,
            output: None,
            overwrite: false,
            method: Method::Clark,
            parameters: Parameters::DEFAULT,
            beam: None,
            scheduler: Scheduler::Threads,
            threads: None,
            memory: None,
            scratch: None,
            summary: None,
            components: None,
            png: false,
            truth: None,
            resume: false,
            checkpoint_share: CHECKPOINT_SHARE,
        }
    }

    /// The images that the job reads, each with what it is.
    pub fn inputs(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let model = self.model.iter().map(|model| ("a model", model.as_path()));
        [("a dirty image", self.dirty.as_path()), ("a PSF", self.psf.as_path())].into_iter().chain(model)
    }

    /// Looks whether the numbers make sense.
    ///
    /// # Errors
    /// Of kind `Usage`, naming the option.
    pub fn check(&self) -> Result<()> {
        let Parameters { gain, threshold, nsigma, balance, .. } = self.parameters;
        if !(gain > 0.0 && gain <= 1.0) {
            return Err(Error::usage(format!("--gain {gain}: must be above 0 and at most 1")));
        }
        for (name, number) in [("--threshold", threshold), ("--nsigma", nsigma), ("--balance", balance)] {
            if !(number.is_finite() && number >= 0.0) {
                return Err(Error::usage(format!("{name} {number}: must be a number that is not negative")));
            }
        }
        check_threads(self.threads)?;
        if self.parameters.chunk.is_some_and(|(rows, cols)| rows == 0 || cols == 0) {
            return Err(Error::usage("--chunk: a chunk has at least one pixel"));
        }
        if self.method == Method::Wiener && self.model.is_some() {
            return Err(Error::usage("--model: wiener has its solution in one step and starts from nothing")
                .remedy("leave --model out, or choose another --method"));
        }
        if let Some(path) = &self.components {
            Format::of(path)?;
            if self.method == Method::Wiener {
                return Err(Error::usage("--components: wiener makes a model of pixels, not of components")
                    .remedy("leave --components out, or choose another --method"));
            }
        }
        if self.checkpoint_share.is_nan() || self.checkpoint_share < 0.0 {
            return Err(Error::usage("--checkpoint-share: must be a number that is not negative"));
        }
        Ok(())
    }
}

/// Looks whether a number of worker threads makes sense.
///
/// # Errors
/// Of kind `Usage`.
pub(crate) fn check_threads(threads: Option<usize>) -> Result<()> {
    match threads.filter(|threads| !(1..=MOST_THREADS).contains(threads)) {
        None => Ok(()),
        Some(threads) => Err(Error::usage(format!("--threads {threads}: must be from 1 to {MOST_THREADS}"))
            .remedy("leave it out for one a core")),
    }
}
