//! What the user asks for.

use super::telescope::Telescope;
use crate::error::{Error, Result};
use crate::schedule::Scheduler;
use std::path::PathBuf;

/// A simulation. The names are those of the command line.
#[derive(Debug, Clone)]
pub struct Options {
    /// Rows and columns of the images.
    pub size: usize,
    /// Where random numbers begin.
    pub seed: u64,
    /// The directory for the files.
    pub output: PathBuf,
    /// May files be replaced?
    pub overwrite: bool,
    /// Is psf2n.fits written?
    pub psf_twice: bool,
    /// The telescope.
    pub telescope: Telescope,
    /// With which PSF the sky is convolved, and how.
    pub convolved: Convolved,
    /// Width of a pixel, arcsec; none: one that suits the telescope.
    pub cell: Option<f64>,
    /// Briggs' robustness.
    pub robust: f64,
    /// The track is from minus this hour angle to it, hours.
    pub hours: f64,
    /// Standard deviation of the noise, Jy/beam.
    pub noise: f64,
    /// Number of points; none: 300 for 1024 rows, and in proportion to them.
    pub sources: Option<usize>,
    /// Are points put on pixels?
    pub on_grid: bool,
    /// The executor.
    pub scheduler: Scheduler,
    /// Worker threads; none: one a core.
    pub threads: Option<usize>,
    /// Bytes of memory that the process may have; none: a share of what can be had.
    pub memory: Option<usize>,
    /// Where chunks go that do not fit the memory; none: to the files' directory.
    pub scratch: Option<PathBuf>,
}

/// How the sky is convolved with the PSF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convolved {
    /// Linear, with the PSF of twice the image's size.
    Full,
    /// Linear, with psf.fits, which is zero outside.
    Linear,
    /// Periodic, with psf.fits, on a uv grid of the image's size.
    Periodic,
}

impl Convolved {
    /// All there are.
    pub const ALL: [Convolved; 3] = [Convolved::Full, Convolved::Linear, Convolved::Periodic];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Convolved::Full => "full",
            Convolved::Linear => "linear",
            Convolved::Periodic => "periodic",
        }
    }
}

/// The smallest and the largest image, rows.
const SIZES: (usize, usize) = (64, 1 << 17);

/// More points than that are no points any more, but a background.
const MOST_SOURCES: usize = 1_000_000;

impl Options {
    /// The defaults of the command line.
    pub fn new(size: usize, seed: u64, output: PathBuf) -> Options {
        Options {
            size,
            seed,
            output,
            overwrite: false,
            psf_twice: false,
            telescope: Telescope::Meerkat,
            convolved: Convolved::Full,
            cell: None,
            robust: 0.0,
            hours: 3.0,
            noise: 1e-5,
            sources: None,
            on_grid: false,
            scheduler: Scheduler::Threads,
            threads: None,
            memory: None,
            scratch: None,
        }
    }

    /// Width of a pixel, arcsec.
    pub fn cell(&self) -> f64 {
        self.cell.unwrap_or(self.telescope.site().cell)
    }

    /// Number of points.
    pub fn sources(&self) -> usize {
        self.sources.unwrap_or(300 * self.size / 1024)
    }

    /// Looks whether the numbers make sense.
    ///
    /// # Errors
    /// Of kind `Usage`, naming the option.
    pub fn check(&self) -> Result<()> {
        let (least, most) = SIZES;
        if !(least..=most).contains(&self.size) || !self.size.is_multiple_of(2) {
            let message = format!("--size {}: must be an even number from {least} to {most}", self.size);
            return Err(Error::usage(message).remedy("a power of two, or a product of small primes, is fastest"));
        }
        let range = |name: &str, number: f64, low: f64, high: f64| match (low..=high).contains(&number) {
            true => Ok(()),
            false => Err(Error::usage(format!("{name} {number}: must be from {low} to {high}"))),
        };
        range("--cell", self.cell(), 1e-3, 3600.0)?;
        range("--robust", self.robust, -5.0, 5.0)?;
        range("--ha", self.hours, 0.0, 12.0)?;
        range("--noise", self.noise, 0.0, 1e6)?;
        if self.sources() > MOST_SOURCES {
            return Err(Error::usage(format!("--nsrc {}: must be at most {MOST_SOURCES}", self.sources())));
        }
        if self.psf_twice && self.convolved != Convolved::Full {
            let message = format!("--psf-twice: with --conv {} there is no PSF beyond psf.fits", self.convolved.name());
            return Err(Error::usage(message).remedy("leave one of the two out"));
        }
        crate::job::check_threads(self.threads)
    }
}
