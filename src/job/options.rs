//! What the user asks for.

use super::components::Format;
use crate::algorithm::{Method, Parameters};
use crate::error::{Error, Result};
use crate::image::Beam;
use crate::kernel::Signs;
use crate::schedule::Scheduler;
use std::path::{Path, PathBuf};

/// More threads than any machine has cores would only be in each other's way.
const MOST_THREADS: usize = 1024;

/// The noise of a box of fewer beams is not known well.
const LEAST_WINDOW: f64 = 5.0;

/// A box of more beams is larger than any image.
const MOST_WINDOW: f64 = 1e5;

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
    /// A FITS image of where components may be found; none: anywhere.
    pub mask: Option<PathBuf>,
    /// A region file of DS9 or CASA, in whose shapes components may be found; none: anywhere.
    pub mask_region: Option<PathBuf>,
    /// The part of rows and columns, in percent, on each side of a plane in which no component may be.
    pub border: f64,
    /// The algorithm.
    pub method: Method,
    /// Its parameters.
    pub parameters: Parameters,
    /// Are planes that differ in their polarization alone cleaned as one?
    pub join_polarizations: bool,
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
    /// Seconds after which no plane is cleaned any further; none: no limit.
    pub time_limit: Option<f64>,
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
            mask: None,
            mask_region: None,
            border: 0.0,
            method: Method::Clark,
            parameters: Parameters::DEFAULT,
            join_polarizations: false,
            beam: None,
            scheduler: Scheduler::Threads,
            threads: None,
            memory: None,
            scratch: None,
            summary: None,
            components: None,
            png: false,
            truth: None,
            time_limit: None,
            resume: false,
            checkpoint_share: CHECKPOINT_SHARE,
        }
    }

    /// Is there something that says where components may be found?
    pub fn is_masked(&self) -> bool {
        self.mask.is_some() || self.mask_region.is_some() || self.border > 0.0 || self.parameters.auto_mask.is_some()
    }

    /// The number of products.
    pub fn products(&self) -> usize {
        3 + usize::from(self.is_masked())
    }

    /// The files that are read, each with what it is.
    pub fn files(&self) -> Vec<(&'static str, &Path)> {
        let must = [("a dirty image", Some(&self.dirty)), ("a PSF", Some(&self.psf))];
        let may = [
            ("a model", self.model.as_ref()),
            ("a mask", self.mask.as_ref()),
            ("a region file", self.mask_region.as_ref()),
        ];
        must.into_iter().chain(may).filter_map(|(what, file)| Some((what, file?.as_path()))).collect()
    }

    /// Looks whether the numbers make sense.
    ///
    /// # Errors
    /// Of kind `Usage`, naming the option.
    pub fn check(&self) -> Result<()> {
        let Parameters { gain, threshold, nsigma, balance, scale_bias, auto_mask, local_rms, .. } = self.parameters;
        if !(gain > 0.0 && gain <= 1.0) {
            return Err(Error::usage(format!("--gain {gain}: must be above 0 and at most 1")));
        }
        if !(scale_bias > 0.0 && scale_bias <= 1.0) {
            return Err(Error::usage(format!("--scale-bias {scale_bias}: must be above 0 and at most 1")));
        }
        for (name, number) in [("--threshold", threshold), ("--nsigma", nsigma), ("--balance", balance)] {
            if !(number.is_finite() && number >= 0.0) {
                return Err(Error::usage(format!("{name} {number}: must be a number that is not negative")));
            }
        }
        if let Some(sigmas) = auto_mask.filter(|sigmas| !(sigmas.is_finite() && *sigmas > 0.0 && *sigmas >= nsigma)) {
            return Err(Error::usage(format!(
                "--auto-mask {sigmas}: must be above 0, and not below --nsigma ({nsigma})"
            )));
        }
        if let Some(beams) = local_rms.filter(|beams| !(LEAST_WINDOW..=MOST_WINDOW).contains(beams)) {
            let message = format!("--local-rms {beams}: must be from {LEAST_WINDOW} to {MOST_WINDOW} beams");
            return Err(Error::usage(message));
        }
        if let Some(seconds) = self.time_limit.filter(|seconds| !(*seconds > 0.0 && seconds.is_finite())) {
            return Err(Error::usage(format!("--time-limit {seconds}: must be a number above 0")));
        }
        if !(0.0..50.0).contains(&self.border) {
            return Err(Error::usage(format!("--border {}: must be at least 0 and below 50", self.border)));
        }
        let only_clean = [
            ("--mask", self.mask.is_some()),
            ("--mask-region", self.mask_region.is_some()),
            ("--border", self.border > 0.0),
            ("--time-limit", self.time_limit.is_some()),
            ("--auto-mask", auto_mask.is_some()),
            ("--local-rms", local_rms.is_some()),
            ("--no-negative", self.parameters.signs == Signs::Positive),
            ("--stop-on-negative", self.parameters.signs == Signs::UntilNegative),
        ];
        if let Some((name, _)) = only_clean.iter().find(|(_, given)| *given && self.method == Method::Wiener) {
            let message = format!("{name}: wiener finds no components, all of its pixels are solved for at once");
            return Err(Error::usage(message).remedy("leave it out, or choose a --method that is a CLEAN"));
        }
        if local_rms.is_some() && self.method == Method::Multiscale {
            return Err(Error::usage("--local-rms: multiscale measures the noise in the plane as a whole")
                .remedy("leave it out, or choose --method clark"));
        }
        self.check_joined()?;
        self.check_lucy()?;
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

    /// Does all else go with Richardson–Lucy, or with another method?
    fn check_lucy(&self) -> Result<()> {
        let Parameters { iterations, signs, auto_mask, local_rms, .. } = self.parameters;
        let name = self.method.name();
        if iterations == Some(0) {
            return Err(Error::usage("--iterations 0: must be at least 1"));
        }
        if self.method != Method::RichardsonLucy {
            return match iterations {
                None => Ok(()),
                Some(_) => Err(Error::usage(format!("--iterations: {name} does not count them"))
                    .remedy("leave it out; --niter limits the components of a CLEAN")),
            };
        }
        let (pixels, sign) = ("its model is of pixels, not of components", "its model is never below zero");
        let against = [
            ("--model", self.model.is_some(), "it starts from a flat sky"),
            ("--components", self.components.is_some(), pixels),
            ("--auto-mask", auto_mask.is_some(), pixels),
            ("--local-rms", local_rms.is_some(), pixels),
            ("--no-negative", signs == Signs::Positive, sign),
            ("--stop-on-negative", signs == Signs::UntilNegative, sign),
        ];
        match against.into_iter().find(|(_, given, _)| *given) {
            None => Ok(()),
            Some((option, _, reason)) => Err(Error::usage(format!("{option} does not go with {name}: {reason}"))
                .remedy("leave it out, or choose another --method")),
        }
    }

    /// Does all else go with joined polarizations?
    fn check_joined(&self) -> Result<()> {
        let Parameters { signs, local_rms, .. } = self.parameters;
        let signed = "polarized emission is of both signs by nature";
        let against = [
            (!self.method.joins(), format!("--method {}", self.method.name()), "it works on each plane alone"),
            (signs == Signs::Positive, "--no-negative".into(), signed),
            (signs == Signs::UntilNegative, "--stop-on-negative".into(), signed),
            (local_rms.is_some(), "--local-rms".into(), "the noise of joined planes is measured in each as a whole"),
        ];
        match against.into_iter().find(|(given, ..)| self.join_polarizations && *given) {
            None => Ok(()),
            Some((_, option, reason)) => {
                Err(Error::usage(format!("--join-polarizations does not go with {option}: {reason}"))
                    .remedy("leave one of them out; --method clark and hogbom can join polarizations"))
            }
        }
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
