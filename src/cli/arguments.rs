//! The options of the command line. Their names are a contract.

use super::beam::parse_beam;
use super::bytes::parse_bytes;
use crate::algorithm::{Method, Parameters};
use crate::job::{CHECKPOINT_SHARE, Options};
use crate::schedule::Scheduler;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Deconvolve a radio image: a dirty image and its PSF (dirty beam) in, model, residual and restored image out.
///
/// Every Stokes and channel plane is deconvolved, each with its own PSF plane or with the only one.
#[derive(Debug, Parser)]
#[command(name = "deconv", version, max_term_width = 100, after_help = EXIT_STATUS)]
pub struct Arguments {
    /// Dirty image (FITS)
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub dirty: PathBuf,

    /// PSF of the dirty image (FITS), of any size, same cell
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub psf: PathBuf,

    /// CLEAN: start from this model (FITS, per pixel, such as an earlier PREFIX-model.fits or one of CASA or WSClean) instead
    /// of an empty one; of the same size and coordinates; what is found is added to it, blank pixels count as 0
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub model: Option<PathBuf>,

    /// Write PREFIX-model.fits, PREFIX-residual.fits and PREFIX-image.fits; after a last / the dirty file's stem is added
    /// [default: the dirty file's stem, in the current directory]
    #[arg(long, value_name = "PREFIX", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Replace files that exist
    #[arg(long, help_heading = "Output")]
    pub overwrite: bool,

    /// Go on from PREFIX.checkpoint, which a run leaves that is stopped or killed, and end with the same products; without
    /// a checkpoint start anew, after a finished run do nothing
    #[arg(long, help_heading = "Output")]
    pub resume: bool,

    /// Restoring beam: FWHM of both axes in arcsec (in pixels without WCS; a unit may be added: 0.1deg,5arcsec,20) and
    /// position angle in degrees, north through east [default: the header's, else the BEAMS table's, else a fit]
    #[arg(long, value_name = "MAJ,MIN,PA", help_heading = "Output", allow_hyphen_values = true)]
    pub beam: Option<String>,

    /// Write what was done as JSON
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub summary: Option<PathBuf>,

    /// CLEAN: write the components of the model as the file's ending says: .fits (table), .csv, .reg (DS9 regions), .txt or
    /// .skymodel (text sky model of WSClean and DP3)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub components: Option<PathBuf>,

    /// Draw dirty image, residual, restored image and model into PREFIX.png; a cube fills PREFIX-2.png and so on, 4
    /// planes each
    #[arg(long, help_heading = "Output")]
    pub png: bool,

    /// Score the products against the synthetic observation in a directory, in table and summary: see deconv score
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub truth: Option<PathBuf>,

    /// How to deconvolve
    #[arg(long, default_value = "clark", help_heading = "Method", value_parser = methods())]
    pub method: Method,

    /// CLEAN: most components a plane; meant as a last resort, --nsigma or --threshold should end it before
    #[arg(long, value_name = "N", default_value_t = 1_000_000, help_heading = "Method")]
    pub niter: u64,

    /// CLEAN: the part of a peak that is taken at once
    #[arg(long, default_value_t = 0.1, help_heading = "Method")]
    pub gain: f32,

    /// CLEAN: stop where the largest absolute residual is at most this, in the unit of the dirty image; 0 is off
    #[arg(long, value_name = "JY", default_value_t = 0.0, help_heading = "Method")]
    pub threshold: f64,

    /// CLEAN: stop where the largest absolute residual is at most this many times the noise (1.4826 x the median
    /// absolute deviation of the residual, estimated anew at every refresh); 0 is off
    #[arg(long, value_name = "S", default_value_t = 5.0, help_heading = "Method")]
    pub nsigma: f64,

    /// Wiener: regularisation, added to the squared modulus of the PSF's transfer function
    #[arg(long, default_value_t = 0.1, help_heading = "Method")]
    pub balance: f64,

    /// Size of the chunks in which minor cycles run, N or ROWSxCOLUMNS [default: chosen by the method]
    #[arg(long, value_name = "N|NxM", help_heading = "Execution", value_parser = parse_chunk)]
    pub chunk: Option<(usize, usize)>,

    /// Pixels that a chunk sees beyond its edges [default: chosen by the method]
    #[arg(long, value_name = "N", help_heading = "Execution")]
    pub overlap: Option<usize>,

    /// Run tasks on the calling thread alone, or on a pool of threads
    #[arg(long, value_enum, default_value_t = SchedulerName::Threads, help_heading = "Execution")]
    pub scheduler: SchedulerName,

    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N", help_heading = "Execution")]
    pub threads: Option<usize>,

    /// For tests: the part of the time that checkpoints may take
    #[arg(long, value_name = "PART", default_value_t = CHECKPOINT_SHARE, hide = true, help_heading = "Execution")]
    pub checkpoint_share: f64,

    /// Memory that the process may have, such as 512MiB or 4GiB; what does not fit goes to scratch [default: 0.8 of what the
    /// machine, or the cgroup of a batch job, has left]
    #[arg(long, value_name = "SIZE", help_heading = "Execution", value_parser = parse_bytes)]
    pub memory: Option<usize>,

    /// Directory for what does not fit the memory; a fast local disk is best [default: that of the products]
    #[arg(long, value_name = "DIR", help_heading = "Execution")]
    pub scratch: Option<PathBuf>,

    /// Show progress: a live line on a terminal, plain lines elsewhere
    #[arg(long, value_enum, default_value_t = ProgressName::Auto, help_heading = "Messages")]
    pub progress: ProgressName,

    /// Say more: a line for every refresh
    #[arg(short, long, help_heading = "Messages", conflicts_with = "quiet")]
    pub verbose: bool,

    /// Say nothing but errors
    #[arg(short, long, help_heading = "Messages")]
    pub quiet: bool,
}

const EXIT_STATUS: &str = "\
Exit status: 0 done, 1 failed, 2 wrong usage, 75 stopped by SIGTERM or SIGUSR1, 130 interrupted.

A run that is stopped, and one that fails at writing, can be gone on with if its residual has been refreshed once: it leaves \
PREFIX.checkpoint and its unfinished products, as hidden files. A long run writes its checkpoint now and then, so that it can \
be gone on with when it is killed, too. Give the same command with --resume. Where nothing can be gone on with, a run that \
fails leaves no file behind.";

/// Names of executors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchedulerName {
    /// The calling thread alone
    Inline,
    /// A pool of threads
    Threads,
}

/// When to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressName {
    /// A live line if standard error is a terminal, plain lines if not
    Auto,
    /// A live line, terminal or not
    Always,
    /// No progress; notes are shown still
    Never,
}

impl Arguments {
    /// The job that is asked for.
    ///
    /// # Errors
    /// Of kind `Usage`, if a value cannot be read.
    pub fn options(&self) -> crate::error::Result<Options> {
        Ok(Options {
            dirty: self.dirty.clone(),
            psf: self.psf.clone(),
            model: self.model.clone(),
            output: self.output.clone(),
            overwrite: self.overwrite,
            method: self.method,
            parameters: Parameters {
                niter: self.niter,
                gain: self.gain,
                threshold: self.threshold,
                nsigma: self.nsigma,
                balance: self.balance,
                chunk: self.chunk,
                overlap: self.overlap,
            },
            beam: self.beam.as_deref().map(parse_beam).transpose()?,
            scheduler: match self.scheduler {
                SchedulerName::Inline => Scheduler::Inline,
                SchedulerName::Threads => Scheduler::Threads,
            },
            threads: self.threads,
            memory: self.memory,
            scratch: self.scratch.clone(),
            summary: self.summary.clone(),
            components: self.components.clone(),
            png: self.png,
            truth: self.truth.clone(),
            resume: self.resume,
            checkpoint_share: self.checkpoint_share,
        })
    }
}

fn methods() -> impl TypedValueParser<Value = Method> {
    PossibleValuesParser::new(Method::ALL.iter().map(|method| method.name()))
        .map(|name| *Method::ALL.iter().find(|method| method.name() == name).unwrap_or(&Method::Hogbom))
}

/// `N` or `ROWSxCOLUMNS`.
fn parse_chunk(text: &str) -> Result<(usize, usize), String> {
    let number = |part: &str| part.trim().parse::<usize>().map_err(|e| format!("{part}: {e}"));
    match text.split_once(['x', 'X']) {
        Some((rows, cols)) => Ok((number(rows)?, number(cols)?)),
        None => number(text).map(|n| (n, n)),
    }
}
