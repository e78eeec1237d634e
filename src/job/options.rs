//! What the user asks for.

use super::components::Format;
use super::device::Device;
use crate::algorithm::{Balance, Boundary, Method, Parameters};
use crate::error::{Bytes, Error, Result};
use crate::image::{Beam, ProductKind};
use crate::kernel::{NoiseSpectrum, Regularization, Signs};
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
    /// The planes of the dirty image that are worked on, counted from 0, the last one included; none: all of them.
    pub planes: Option<(usize, usize)>,
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
    /// Where transforms and what belongs to them are done.
    pub device: Device,
    /// Bytes of the device's memory that may be used; none: most of them.
    pub gpu_memory: Option<usize>,
    /// Are chunks to be those that are fastest here, instead of those of the parameters?
    pub auto_chunk: bool,
    /// Bytes of a storage strip; none: as the profile says, or as many as suit the plane.
    pub strip: Option<usize>,
    /// Where is kept what was measured to be fastest on this machine; none: nothing is known.
    pub profile: Option<PathBuf>,
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
            planes: None,
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
            device: Device::Cpu,
            gpu_memory: None,
            auto_chunk: false,
            strip: None,
            profile: None,
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

    /// The products that it makes.
    pub fn kinds(&self) -> Vec<ProductKind> {
        let mask = self.is_masked().then_some(ProductKind::Mask);
        let sampled = self.method == Method::UnsupervisedWiener;
        let spread = sampled.then_some(ProductKind::Uncertainty);
        let of_model = (sampled && self.parameters.model_uncertainty).then_some(ProductKind::ModelUncertainty);
        let always = [ProductKind::Model, ProductKind::Residual, ProductKind::Image];
        always.into_iter().chain(mask).chain(spread).chain(of_model).collect()
    }

    /// The number of products.
    pub fn products(&self) -> usize {
        self.kinds().len()
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
        let Parameters { gain, threshold, nsigma, scale_bias, auto_mask, local_rms, .. } = self.parameters;
        let Parameters { balance, noise, tolerance, .. } = self.parameters;
        let balance = if let Balance::Given(balance) = balance { balance } else { 0.0 };
        if !(gain > 0.0 && gain <= 1.0) {
            return Err(Error::usage(format!("--gain {gain}: must be above 0 and at most 1")));
        }
        if !(scale_bias > 0.0 && scale_bias <= 1.0) {
            return Err(Error::usage(format!("--scale-bias {scale_bias}: must be above 0 and at most 1")));
        }
        for (name, number) in [
            ("--threshold", threshold),
            ("--nsigma", nsigma),
            ("--balance", balance),
            ("--noise", noise.unwrap_or(0.0)),
        ] {
            if !(number.is_finite() && number >= 0.0) {
                return Err(Error::usage(format!("{name} {number}: must be a number that is not negative")));
            }
        }
        if !(0.0..1.0).contains(&tolerance) {
            return Err(Error::usage(format!("--tolerance {tolerance}: must be at least 0 and below 1")));
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
        self.check_method()?;
        if local_rms.is_some() && self.method == Method::Multiscale {
            return Err(Error::usage("--local-rms: multiscale measures the noise in the plane as a whole")
                .remedy("leave it out, or choose --method clark"));
        }
        self.check_joined()?;
        self.check_device()?;
        check_threads(self.threads)?;
        if self.parameters.chunk.is_some_and(|(rows, cols)| rows == 0 || cols == 0) {
            return Err(Error::usage("--chunk: a chunk has at least one pixel"));
        }
        if let Some(path) = &self.components {
            Format::of(path)?;
        }
        if self.checkpoint_share.is_nan() || self.checkpoint_share < 0.0 {
            return Err(Error::usage("--checkpoint-share: must be a number that is not negative"));
        }
        Ok(())
    }

    /// Does all that is asked for go with the method?
    fn check_method(&self) -> Result<()> {
        let Parameters { auto_mask, local_rms, signs, .. } = self.parameters;
        let Parameters { noise, noise_spectrum, regularization, delta, boundary, iterations, .. } = self.parameters;
        let name = self.method.name();
        let positive = self.method.needs_positive_psf();
        let sign = if positive { "its model is never below zero" } else { "its pixels are of both signs" };
        let only_clean = [
            ("--auto-mask", auto_mask.is_some(), "it finds no components, all of its pixels are solved for at once"),
            ("--local-rms", local_rms.is_some(), "the noise is measured in the plane as a whole"),
            ("--no-negative", signs == Signs::Positive && self.method != Method::Huber, sign),
            ("--stop-on-negative", signs == Signs::UntilNegative, sign),
            ("--model", self.model.is_some(), "it starts from nothing"),
            ("--components", self.components.is_some(), "it makes a model of pixels, not of components"),
        ];
        let only_filters = [
            ("--noise", noise.is_some()),
            ("--noise-spectrum", noise_spectrum.is_some()),
            ("--regularization", regularization.is_some()),
            ("--delta", delta.is_some()),
            ("--boundary", boundary == Boundary::Periodic),
            ("--iterations", iterations.is_some() && !positive),
        ];
        if positive && iterations == Some(0) {
            return Err(Error::usage("--iterations 0: must be at least 1"));
        }
        if (self.method.is_clean() || positive)
            && let Some((option, _)) = only_filters.into_iter().find(|(_, given)| *given)
        {
            return Err(Error::usage(format!("{option}: {name} is no filter, this is for filters"))
                .remedy("leave it out, or choose --method wiener or wiener-hunt"));
        }
        if self.method.is_clean() {
            return Ok(());
        }
        if let Some((option, _, why)) = only_clean.into_iter().find(|(_, given, _)| *given) {
            return Err(Error::usage(format!("{option} does not go with {name}: {why}"))
                .remedy("leave it out, or choose a --method that is a CLEAN"));
        }
        if positive { Ok(()) } else { self.check_filter() }
    }

    /// Do the numbers of a filter make sense, and does one go with the other?
    fn check_filter(&self) -> Result<()> {
        let Parameters { balance, noise, noise_spectrum, regularization, boundary, .. } = self.parameters;
        if noise.is_some() && balance != Balance::Noise && self.method != Method::Huber {
            return Err(Error::usage("--noise: the balance does not follow from the noise if --balance is given")
                .remedy("leave one of them out"));
        }
        self.check_sampler()?;
        if self.method == Method::Wiener && regularization.is_some_and(|prior| prior != Regularization::Flat) {
            return Err(Error::usage("--regularization: wiener has a flat prior").remedy("choose --method wiener-hunt"));
        }
        self.check_huber()?;
        let one_transform = boundary == Boundary::Periodic || noise_spectrum == Some(NoiseSpectrum::White);
        let masked = self.mask.is_some() || self.mask_region.is_some() || self.border > 0.0;
        if one_transform && masked {
            return Err(Error::usage("a mask: one transform solves for all pixels of a plane")
                .remedy("leave the mask out, or leave out --boundary periodic and --noise-spectrum white"));
        }
        Ok(())
    }

    /// Does all that is asked for go with unsupervised-wiener, or with not being that?
    fn check_sampler(&self) -> Result<()> {
        if self.method != Method::UnsupervisedWiener {
            return Ok(());
        }
        let Parameters { balance, noise_spectrum, samples, .. } = self.parameters;
        let wrong = |option: &str, why: &str| {
            Err(Error::usage(format!("{option}: unsupervised-wiener {why}")).remedy("leave it out"))
        };
        if balance != Balance::Noise {
            return wrong("--balance", "finds the balance by itself");
        }
        if noise_spectrum == Some(NoiseSpectrum::White) {
            return wrong("--noise-spectrum", "knows natural noise alone");
        }
        if samples.is_some_and(|draws| draws < 2) {
            return wrong("--samples", "needs two of them at least");
        }
        Ok(())
    }

    /// Does all that is asked for go with huber, or with not being that?
    fn check_huber(&self) -> Result<()> {
        let Parameters { balance, noise_spectrum, regularization, delta, .. } = self.parameters;
        if self.method != Method::Huber {
            return match delta {
                None => Ok(()),
                Some(_) => Err(Error::usage("--delta: only huber tells noise from edges").remedy("leave it out")),
            };
        }
        if let Some(delta) = delta.filter(|delta| !(delta.is_finite() && *delta > 0.0)) {
            return Err(Error::usage(format!("--delta {delta}: must be a number above 0")));
        }
        let against = [
            ("--regularization", regularization.is_some(), "its prior is one of differences of neighbours"),
            ("--noise-spectrum white", noise_spectrum == Some(NoiseSpectrum::White), "its noise is natural"),
            ("--balance gcv", balance == Balance::Gcv, "that is for filters that are linear"),
            ("--balance 0", balance == Balance::Given(0.0), "it would have no prior"),
        ];
        match against.into_iter().find(|(_, given, _)| *given) {
            None => Ok(()),
            Some((option, _, why)) => {
                Err(Error::usage(format!("{option} does not go with huber: {why}")).remedy("leave it out"))
            }
        }
    }

    /// Is the device's memory that of a device, and enough to begin with?
    fn check_device(&self) -> Result<()> {
        if self.gpu_memory.is_some() && self.device == Device::Cpu {
            return Err(Error::usage("--gpu-memory: the job has no device")
                .remedy("leave it out, or give --device gpu or auto"));
        }
        check_gpu_memory(self.gpu_memory)
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

/// Is it enough memory of a device to begin with?
pub(super) fn check_gpu_memory(bytes: Option<usize>) -> Result<()> {
    const LEAST: usize = 64 << 20;
    match bytes.filter(|bytes| *bytes < LEAST) {
        Some(_) => Err(Error::usage(format!("--gpu-memory: a device needs {} at least", Bytes(LEAST as u64)))),
        None => Ok(()),
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
