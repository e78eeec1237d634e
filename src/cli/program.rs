//! What the program can be asked for: a deconvolution, or one of the commands beside it.

use super::arguments::Arguments;
use super::simulate::SimulateArguments;
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

    /// Make a synthetic observation with a known truth: dirty image, PSF, sky, restored truth, noise
    Simulate(Box<SimulateArguments>),

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
