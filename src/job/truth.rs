//! A synthetic observation whose sky is known: what the products of a run are held against.

use super::plan::beam_reach;
use crate::error::{Error, Result};
use crate::image::{Beam, Cell, Image, ProductKind};
use crate::kernel::is_sampled;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The files of a synthetic observation that a score needs.
pub const FILES: [&str; 3] = ["meta.json", "truth_restored.fits", "noise.fits"];

/// Of a directory as `deconv simulate` and `scripts/synth/gen_synth.py` write it.
#[derive(Debug)]
pub struct Truth {
    /// The true sky ⊛ the beam.
    pub restored: Image,
    /// The noise in the dirty image.
    pub noise: Image,
    /// Covariance of the beam, pixels².
    pub covariance: [f64; 3],
    /// Pixels from its centre beyond which the beam counts as nothing.
    pub reach: usize,
    /// Flux of the whole sky in Jy.
    pub flux: f64,
    meta: PathBuf,
    cell: f64,
}

/// What is needed of `meta.json`.
#[derive(Debug, Deserialize)]
struct Meta {
    cell_arcsec: f64,
    bmaj_arcsec: f64,
    bmin_arcsec: f64,
    bpa_deg: f64,
    point_flux: f64,
    extended_flux: f64,
}

const MAKE_ONE: &str = "give a directory that `deconv simulate` or scripts/synth/gen_synth.py wrote to the end";

impl Truth {
    /// Of a directory.
    ///
    /// # Errors
    /// Of kind `Input`, if one of its files is missing or makes no sense, or if they do not go together.
    pub fn open(directory: &Path) -> Result<Truth> {
        if !directory.is_dir() {
            return Err(Error::input(directory, "is not a directory").remedy(MAKE_ONE));
        }
        let [meta, restored, noise] = FILES.map(|name| directory.join(name));
        let Meta { cell_arcsec, bmaj_arcsec, bmin_arcsec, bpa_deg, point_flux, extended_flux } = read(&meta)?;
        let wrong = |what: String| Error::input(&meta, what).remedy(MAKE_ONE);
        if !(cell_arcsec.is_finite() && cell_arcsec > 0.0) {
            return Err(wrong(format!("a cell_arcsec of {cell_arcsec} makes no sense")));
        }
        let flux = point_flux + extended_flux;
        if !flux.is_finite() {
            return Err(wrong(format!("a flux of {point_flux} + {extended_flux} Jy makes no sense")));
        }
        let open = |path: &Path| Image::open(path).map_err(|error| error.remedy(MAKE_ONE));
        let (restored, noise) = (open(&restored)?, open(&noise)?);
        let covariance = Beam::sensible(bmaj_arcsec / cell_arcsec, bmin_arcsec / cell_arcsec, bpa_deg)
            .map(|beam| beam.covariance(&Cell::UNKNOWN))
            .filter(|covariance| fits(*covariance, restored.shape()))
            .ok_or_else(|| {
                let beam = format!("{bmaj_arcsec} x {bmin_arcsec} arcsec, PA {bpa_deg} deg");
                wrong(format!("a beam of {beam} makes no sense for cells of {cell_arcsec} arcsec"))
            })?;
        let reach = beam_reach(covariance);
        let truth = Truth { restored, noise, covariance, reach, flux, meta, cell: cell_arcsec };
        truth.check(&truth.restored, ProductKind::Image)?;
        truth.check(&truth.noise, ProductKind::Residual)?;
        Ok(truth)
    }

    /// Can an image be held against it as a product of this kind?
    ///
    /// # Errors
    /// Of kind `Input`, if the image has another shape, more than one plane, another cell or another unit.
    pub fn check(&self, image: &Image, kind: ProductKind) -> Result<()> {
        let wrong = |what: String| {
            Err(Error::input(image.path(), what)
                .remedy("give the products of a run on the dirty image of that directory"))
        };
        let ((rows, cols), (ours, across)) = (image.shape(), self.restored.shape());
        if (rows, cols) != (ours, across) {
            let truth = self.restored.path().display();
            return wrong(format!("is {rows} x {cols} pixels, but the truth {truth} is {ours} x {across}"));
        }
        if image.planes() != 1 {
            return wrong(format!("has {} planes, and the truth is a single one", image.planes()));
        }
        let cell = image.cell();
        let other = |step: f64| ((step.abs() * 3600.0 / self.cell) - 1.0).abs() > 1e-3;
        if cell.known && (other(cell.x) || other(cell.y)) {
            let sides = format!("{:.6} x {:.6} arcsec", cell.x.abs() * 3600.0, cell.y.abs() * 3600.0);
            return wrong(format!("its cell is {sides}, but {} has {} arcsec", self.meta.display(), self.cell));
        }
        if !kind.has_unit(image.unit(), "Jy/beam") {
            let right = kind.unit_of("Jy/beam");
            return wrong(format!("its unit is {}, where the truth needs {right}", image.unit()));
        }
        Ok(())
    }
}

/// Can an image of this shape be convolved with a Gaussian?
fn fits(covariance: [f64; 3], shape: (usize, usize)) -> bool {
    is_sampled(covariance) && beam_reach(covariance) <= 4 * shape.0.max(shape.1).max(64)
}

fn read(path: &Path) -> Result<Meta> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::input(path, format!("cannot be read: {error}")).remedy(MAKE_ONE))?;
    serde_json::from_str(&text)
        .map_err(|error| Error::input(path, format!("does not describe an observation: {error}")).remedy(MAKE_ONE))
}
