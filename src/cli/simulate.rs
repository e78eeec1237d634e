//! `deconv simulate`: its options, and what it says at the end.

use super::execution::Execution;
use crate::simulate::{Convolved, Meta, Options, Telescope};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::path::PathBuf;

/// What `deconv simulate` takes.
#[derive(Debug, Args)]
#[command(after_help = FILES)]
pub struct SimulateArguments {
    /// Rows and columns of the images; even, best a product of small primes
    #[arg(long, value_name = "N", help_heading = "Observation")]
    pub size: usize,

    /// Where random numbers begin: another seed, another sky, noise and (meerkat) array
    #[arg(long, default_value_t = 1, help_heading = "Observation")]
    pub seed: u64,

    /// The array that observes
    #[arg(long, default_value = "meerkat", help_heading = "Observation", value_parser = telescopes())]
    pub array: Telescope,

    /// Width of a pixel in arcsec [default: 1.2 for meerkat, 0.8 for vla-b]
    #[arg(long, value_name = "ARCSEC", help_heading = "Observation")]
    pub cell: Option<f64>,

    /// Briggs' robustness of the weights, from -5 (uniform) to 5 (natural); density is counted in cells of 1 / (2 N
    /// cell) wavelengths
    #[arg(long, value_name = "R", default_value_t = 0.0, help_heading = "Observation", allow_hyphen_values = true)]
    pub robust: f64,

    /// The track is from minus this hour angle to it
    #[arg(long, value_name = "HOURS", default_value_t = 3.0, help_heading = "Observation")]
    pub ha: f64,

    /// Standard deviation of the noise in Jy/beam
    #[arg(long, value_name = "JY", default_value_t = 1e-5, help_heading = "Observation")]
    pub noise: f64,

    /// Number of points; 0 is none [default: 300 N / 1024]
    #[arg(long, value_name = "COUNT", help_heading = "Observation")]
    pub nsrc: Option<usize>,

    /// Put points on pixels
    #[arg(long, help_heading = "Observation")]
    pub on_grid: bool,

    /// How the sky is convolved: linearly with the PSF of twice the image's size, linearly with psf.fits (zero outside),
    /// or periodically with psf.fits
    #[arg(long, default_value = "full", help_heading = "Observation", value_parser = convolutions())]
    pub conv: Convolved,

    /// The directory for the files; made if it is missing
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub output: PathBuf,

    /// Write psf2n.fits too, the PSF of twice the image's size: every sidelobe that is in dirty.fits
    #[arg(long, help_heading = "Output")]
    pub psf_twice: bool,

    /// Replace files that exist
    #[arg(long, help_heading = "Output")]
    pub overwrite: bool,

    /// How it is run.
    #[command(flatten)]
    pub execution: Execution,

    /// Say nothing but errors
    #[arg(short, long, help_heading = "Messages")]
    pub quiet: bool,
}

const FILES: &str = "\
dirty.fits: the dirty image, Jy/beam, with noise. psf.fits: its PSF, N x N, peak 1 at row and column N / 2. psf2n.fits: the \
same of 2 N x 2 N. sky.fits: the sky, Jy/pixel, points in the nearest pixel. truth_restored.fits: the sky, points where they \
are, convolved with the Gaussian that fits the PSF (BMAJ, BMIN, BPA of all headers), Jy/beam. noise.fits: what was added. \
catalog.csv: column and row of each point in pixels counted from 0, flux in Jy. meta.json: numbers.

The array tracks a field for 240 steps of time in 16 channels; samples are counted in the nearest of 2 N x 2 N cells. Noise \
has the same coverage and weights as the PSF; --noise is what its standard deviation is expected to be. Points lie in \
the inner 80 %, with fluxes from 30 uJy to 300 mJy, dN/dS ~ S^-1.7; extended are 5 Gaussians and 2 disks of fixed sizes in \
arcsec. Between pixels, points are gridded to better than 3e-6 of their flux at all frequencies that are sampled (with --conv linear, 1e-4: a PSF that is cut off has some that are not). The \
files do not depend on threads.

Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted. What fails leaves no file behind.";

impl SimulateArguments {
    /// The simulation that is asked for.
    pub fn options(&self) -> Options {
        Options {
            size: self.size,
            seed: self.seed,
            output: self.output.clone(),
            overwrite: self.overwrite,
            psf_twice: self.psf_twice,
            telescope: self.array,
            convolved: self.conv,
            cell: self.cell,
            robust: self.robust,
            hours: self.ha,
            noise: self.noise,
            sources: self.nsrc,
            on_grid: self.on_grid,
            scheduler: self.execution.scheduler(),
            threads: self.execution.threads,
            memory: self.execution.memory,
            scratch: self.execution.scratch.clone(),
        }
    }
}

/// What is said at the end.
pub fn ending(meta: &Meta, arguments: &SimulateArguments) -> String {
    let Meta { n, bmaj_arcsec, bmin_arcsec, bpa_deg, nsrc, point_flux, extended_flux, .. } = meta;
    let Meta { dirty_peak, dirty_rms, noise_rms, seconds, .. } = meta;
    format!(
        "{n} x {n} in {}: beam {bmaj_arcsec:.3} x {bmin_arcsec:.3} arcsec, PA {bpa_deg:.1} deg; {nsrc} points of {point_flux:.4} \
         Jy, extended {extended_flux:.4} Jy; dirty peak {dirty_peak:.4e}, rms {dirty_rms:.4e}, noise {noise_rms:.4e} Jy/beam; \
         {seconds:.2} s\n",
        arguments.output.display()
    )
}

fn telescopes() -> impl TypedValueParser<Value = Telescope> {
    PossibleValuesParser::new(Telescope::ALL.map(Telescope::name))
        .map(|name| *Telescope::ALL.iter().find(|array| array.name() == name).unwrap_or(&Telescope::Meerkat))
}

fn convolutions() -> impl TypedValueParser<Value = Convolved> {
    PossibleValuesParser::new(Convolved::ALL.map(Convolved::name))
        .map(|name| *Convolved::ALL.iter().find(|conv| conv.name() == name).unwrap_or(&Convolved::Full))
}
