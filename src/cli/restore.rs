//! `deconv restore`: a model that is there already, restored.

use super::beam::parse_beam;
use super::execution::Execution;
use super::table::{Short, columns};
use crate::error::Result;
use crate::job::{RestoreOptions, RestoredPlane, Shown};
use clap::{ArgGroup, Args};
use std::path::PathBuf;

/// What `deconv restore` takes.
#[derive(Debug, Args)]
#[command(after_help = FILES, group = ArgGroup::new("shown").required(true).args(["residual", "dirty"]))]
pub struct RestoreArguments {
    /// Model (FITS, per pixel), such as PREFIX-model.fits of a run, or one of CASA or WSClean
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub model: PathBuf,

    /// Residual of the model (FITS, per beam), such as PREFIX-residual.fits of a run
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub residual: Option<PathBuf>,

    /// Dirty image, from which the residual is made with --psf: dirty - PSF * model; it is written too
    #[arg(long, value_name = "FILE", help_heading = "Input", requires = "psf")]
    pub dirty: Option<PathBuf>,

    /// PSF of the dirty image; with --residual only its beam is taken, where neither --beam nor the residual tells one
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub psf: Option<PathBuf>,

    /// Write PREFIX-image.fits, and with --dirty PREFIX-residual.fits; after a last / the stem of the dirty image is added, or that
    /// of the residual without its -residual
    #[arg(long, value_name = "PREFIX", help_heading = "Output")]
    pub output: PathBuf,

    /// Replace files that exist
    #[arg(long, help_heading = "Output")]
    pub overwrite: bool,

    /// Restoring beam: FWHM of both axes in arcsec (in pixels without WCS; a unit may be added: 0.1deg,5arcsec,20) and
    /// position angle in degrees, north through east [default: the header's, else the BEAMS table's, of residual or dirty
    /// image, else of the PSF, else a fit to the PSF]
    #[arg(long, value_name = "MAJ,MIN,PA", help_heading = "Output", allow_hyphen_values = true)]
    pub beam: Option<String>,

    /// How it is run.
    #[command(flatten)]
    pub execution: Execution,

    /// Say nothing but errors
    #[arg(short, long, help_heading = "Messages")]
    pub quiet: bool,
}

const FILES: &str = "\
The restored image is model * beam + residual, as a run writes it, with axes and header of the residual or dirty image. The \
model must have the same size and coordinates; one with a single plane serves all; its blank pixels count as 0.

Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted. What fails leaves no file behind.";

impl RestoreArguments {
    /// What is asked for.
    ///
    /// # Errors
    /// Of kind `Usage`, if a value cannot be read.
    pub fn options(&self) -> Result<RestoreOptions> {
        let shown = match (&self.residual, &self.dirty, &self.psf) {
            (Some(residual), _, psf) => Shown::Residual(residual.clone(), psf.clone()),
            (None, Some(dirty), Some(psf)) => Shown::Dirty(dirty.clone(), psf.clone()),
            _ => return Err(crate::error::Error::usage("give --residual, or --dirty and --psf")),
        };
        Ok(RestoreOptions {
            model: self.model.clone(),
            shown,
            beam: self.beam.as_deref().map(parse_beam).transpose()?,
            output: self.output.clone(),
            overwrite: self.overwrite,
            scheduler: self.execution.scheduler(),
            threads: self.execution.threads,
            memory: self.execution.memory,
            scratch: self.execution.scratch.clone(),
        })
    }
}

/// What is said at the end: the planes, a line each.
pub fn ending(planes: &[RestoredPlane]) -> String {
    let head = ["plane", "beam", "PA", "of", "model flux", "residual peak", "residual rms"];
    let mut rows = vec![head.map(String::from).to_vec()];
    rows.extend(planes.iter().map(|plane| {
        let beam = &plane.beam;
        vec![
            plane.name.clone(),
            format!("{} x {} {}", Short(beam.major), Short(beam.minor), beam.unit),
            format!("{:.1}", beam.pa),
            beam.source.clone(),
            Short(plane.model_flux).to_string(),
            Short(plane.residual_peak).to_string(),
            Short(plane.residual_rms).to_string(),
        ]
    }));
    columns(&rows)
}
