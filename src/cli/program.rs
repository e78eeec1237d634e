//! What the program can be asked for: a deconvolution, or one of the commands beside it.

use super::arguments::Arguments;
use super::bench::BenchArguments;
use super::devices::DevicesArguments;
use super::gather::GatherArguments;
use super::restore::RestoreArguments;
use super::simulate::SimulateArguments;
use super::status::StatusArguments;
use super::submit::SubmitArguments;
use clap::{Args, CommandFactory, FromArgMatches, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

/// What the program is asked for.
#[derive(Debug)]
pub enum Request {
    /// A deconvolution.
    Deconvolve(Box<Arguments>),
    /// Something else.
    Other(Command),
}

/// The commands beside the deconvolution, which needs none.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what the program understands of FITS files: axes, cell, beam, planes, and what a PSF is worth
    Info(InfoArguments),

    /// Say how near the products of runs come to the truth of a synthetic observation
    Score(ScoreArguments),

    /// Say what a run with these options will take of memory, scratch and disk, and run nothing
    Plan(Box<PlanArguments>),

    /// Restore a model that is there already: model * beam + residual, the residual read or made
    Restore(Box<RestoreArguments>),

    /// Make batch jobs of runs that cannot be lost: for one image, or an array of jobs for many
    Submit(Box<SubmitArguments>),

    /// Say where the elements of a job directory stand
    Status(StatusArguments),

    /// See whether the elements of a job directory are all done and their products whole
    Gather(GatherArguments),

    /// Make a synthetic observation with a known truth: dirty image, PSF, sky, restored truth, noise
    Simulate(Box<SimulateArguments>),

    /// Measure which chunk size is fastest, and what it costs: a job over chunks, overlaps, threads, methods
    Bench(Box<BenchArguments>),

    /// Say which graphics processors there are, which one --device gpu takes, and how fast it is
    Devices(DevicesArguments),

    /// Print the completions for a shell
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// The shell
        shell: Shell,
    },

    /// Print the manual page, for man(1)
    Man {
        /// The command that it is to be about [default: the program itself]
        command: Option<String>,
    },

    /// Print docs/cli.md
    #[command(hide = true)]
    Reference,
}

const COMPLETIONS: &str = "For bash: deconv completions bash > ~/.local/share/bash-completion/completions/deconv";

/// What `deconv info` takes.
#[derive(Debug, Args)]
#[command(after_help = INFO)]
pub struct InfoArguments {
    /// FITS images
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// Print a JSON array with an object for every file
    #[arg(long)]
    pub json: bool,

    /// Show every plane, not only the first 20
    #[arg(short, long)]
    pub verbose: bool,
}

const INFO: &str = "\
Rows and columns are counted from 0. sigma is 1.4826 x the median absolute deviation.

A plane is taken for a PSF if its largest absolute value is 1 to a thousandth. Of a PSF the main lobe is the ellipse \
around the peak with axes of 2.5 x the FWHM of the fitted beam; what is outside is a sidelobe. The transfer function is \
that of the convolution with images of the PSF's own size, and of half that size: its smallest real part over its largest. \
CLEAN converges where it is not negative.

Exit status: 0 done, 1 if any of the files cannot be used (the others are shown), 2 wrong usage, 130 interrupted.";

/// What `deconv plan` takes: the options of a run.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,

    /// The run.
    #[command(flatten)]
    pub run: Arguments,
}

/// What `deconv score` takes.
#[derive(Debug, Args)]
#[command(after_help = SCORE)]
pub struct ScoreArguments {
    /// Directory of the synthetic observation: meta.json, truth_restored.fits, noise.fits
    #[arg(long, value_name = "DIR")]
    pub truth: PathBuf,

    /// What the products' names begin with, as --output of a run had it
    #[arg(value_name = "PREFIX", required_unless_present = "model", conflicts_with = "model")]
    pub prefixes: Vec<PathBuf>,

    /// Model in Jy/pixel, instead of a PREFIX
    #[arg(long, value_name = "FILE", requires = "residual")]
    pub model: Option<PathBuf>,

    /// Residual in Jy/beam that belongs to --model
    #[arg(long, value_name = "FILE", requires = "model")]
    pub residual: Option<PathBuf>,

    /// Restored image in Jy/beam that belongs to --model [default: model convolved with the truth's beam, plus residual]
    #[arg(long, value_name = "FILE", requires = "model")]
    pub image: Option<PathBuf>,

    /// Print a JSON array with an object for every PREFIX
    #[arg(long)]
    pub json: bool,
}

const SCORE: &str = "\
The error is model * beam + residual - truth, with the beam of the truth (BMAJ, BMIN and BPA of meta.json), convolved \
linearly. fidelity rms (fid_rms in JSON) is its standard deviation, without the edges (fid_rms_inner) that without a tenth of \
rows and columns on every side, the largest error (fid_max) its largest absolute value, the error of the model \
(fid_model_rms) the standard deviation of model * beam - truth. The error beyond the noise (beyond_noise_rms) is the root \
of the mean square of error - noise.

Flux recovered (flux_recovered) is the sum of the model over the flux of the true sky, negative flux (negative_flux, \
negative_share) the sum of the model's pixels below zero and its part of the sum of all absolute values, dynamic range \
(dynamic_range) the largest absolute value of the restored image over the standard deviation of the residual.

Pixels that are blank in residual or truth are left out of every figure that they enter and are counted (blank); blank \
pixels of the model count as zero.

Exit status: 0 done, 1 if anything cannot be scored (the others are), 2 wrong usage, 130 interrupted.";

impl Request {
    /// What the command line asks for. On wrong usage, `--help` and `--version` it ends the process.
    pub fn parse() -> Request {
        let matches = program().get_matches();
        let request = if matches.subcommand().is_some() {
            Command::from_arg_matches(&matches).map(Request::Other)
        } else {
            Arguments::from_arg_matches(&matches).map(|arguments| Request::Deconvolve(Box::new(arguments)))
        };
        request.unwrap_or_else(|error| error.format(&mut program()).exit())
    }
}

/// The whole command line, from which completions, manual page and reference are made.
pub fn program() -> clap::Command {
    let main = Arguments::command();
    // Those of the commands would take their place.
    let about = main.get_about().cloned().unwrap_or_default();
    let long_about = main.get_long_about().cloned().unwrap_or_default();
    Command::augment_subcommands(main)
        .about(about)
        .long_about(long_about)
        .subcommand_required(false)
        .arg_required_else_help(false)
        .args_conflicts_with_subcommands(true)
        .subcommand_negates_reqs(true)
}
