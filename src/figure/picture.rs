//! What is shown of one plane: its four panels and their two scales.

use super::panel::{Panel, Reduce, Zoom};
use super::scale::Scale;
use crate::error::Result;
use crate::image::Image;

/// One plane of a figure: its images, and what is told of it.
#[derive(Debug, Clone)]
pub struct Plane<'a> {
    /// The dirty image.
    pub dirty: &'a Image,
    /// The model.
    pub model: &'a Image,
    /// The residual.
    pub residual: &'a Image,
    /// The restored image.
    pub restored: &'a Image,
    /// The number of the plane, in all of them.
    pub index: usize,
    /// Covariance [xx, xy, yy] (σ², not FWHM²) of the restoring beam in pixels², y upwards.
    pub covariance: [f64; 3],
    /// Is its flux of both signs by its nature, as that of Stokes Q, U and V?
    pub signed: bool,
    /// What it is called; nothing if the title of the figure says so.
    pub name: String,
    /// What is told of it, above its panels.
    pub caption: String,
    /// What is told beside the names of the panels, in the order of [`NAMES`].
    pub remarks: [String; 4],
}

/// The panels.
pub const NAMES: [&str; 4] = ["Dirty", "Residual", "Restored", "Model"];

/// Place of the model among the panels; the others share a scale.
pub const MODEL: usize = 3;

/// Place of the restored image among the panels.
pub const RESTORED: usize = 2;

/// The panels of a plane, and how their values become colours.
#[derive(Debug, Clone)]
pub struct Picture {
    /// In the order of [`NAMES`].
    pub panels: [Panel; 4],
    /// The scale of dirty, residual and restored image.
    pub brightness: Scale,
    /// The scale of the model.
    pub components: Scale,
    /// The units of both.
    pub units: [String; 2],
}

impl Picture {
    /// Reads the images of a plane.
    ///
    /// # Errors
    /// Of kind `Input`, if one cannot be read.
    pub fn of(plane: &Plane<'_>, zoom: &Zoom) -> Result<Picture> {
        let read = |image: &Image, reduce: Reduce| Panel::read(image, plane.index, zoom, reduce);
        let [dirty, residual, restored] = [
            read(plane.dirty, Reduce::Mean)?,
            read(plane.residual, Reduce::Mean)?,
            read(plane.restored, Reduce::Mean)?,
        ];
        let model = read(plane.model, Reduce::Extreme)?;
        let noise = [residual.noise(), restored.noise()].into_iter().find(|noise| *noise > 0.0).unwrap_or(0.0);
        let (low, high) = range(&restored);
        let two_sided = plane.signed || Scale::is_two_sided(low, high, noise);
        let all = [range(&dirty), range(&residual), (low, high)];
        let (low, high) = all.iter().fold((0.0f64, 0.0f64), |all, one| (all.0.min(one.0), all.1.max(one.1)));
        let brightness = match two_sided {
            true => Scale::two_sided(-high.max(-low), high.max(-low), 2.0 * noise),
            false => Scale::one_sided(low, high, noise),
        };
        let (low, high) = range(&model);
        let components = Scale::two_sided(low, high, model_anchor(&model));
        let model = seen(model, zoom);
        let units = [plane.restored.unit().to_string(), plane.model.unit().to_string()];
        Ok(Picture { panels: [dirty, residual, restored, model], brightness, components, units })
    }

    /// The scale of a panel.
    pub fn scale(&self, panel: usize) -> &Scale {
        if panel == MODEL { &self.components } else { &self.brightness }
    }

    /// Has any panel a blank pixel?
    pub fn has_blanks(&self) -> bool {
        self.panels.iter().any(|panel| panel.values.iter().any(|value| !value.is_finite()))
    }
}

/// Smallest and largest value of a panel; 0 and 0 if it has none.
fn range(panel: &Panel) -> (f64, f64) {
    let range = panel.finite().fold(None, |range: Option<(f32, f32)>, value| {
        Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
    });
    range.map_or((0.0, 0.0), |(low, high)| (f64::from(low), f64::from(high)))
}

/// Where the scale of a model becomes logarithmic: below its components, or at the noise where it has no zeros.
fn model_anchor(model: &Panel) -> f64 {
    let noise = model.noise();
    if noise > 0.0 {
        return 2.0 * noise;
    }
    let mut components: Vec<f32> = model.finite().map(f32::abs).filter(|value| *value > 0.0).collect();
    components.sort_unstable_by(f32::total_cmp);
    // So that a component among the faintest tenth has a colour that differs from white.
    components.get(components.len() / 10).map_or(0.0, |faint| f64::from(*faint) / 10.0)
}

/// The model with components large enough to be seen.
fn seen(model: Panel, zoom: &Zoom) -> Panel {
    if zoom.grow.0.min(zoom.grow.1) < DOT { model.grown(1) } else { model }
}

/// Pixels of the picture that a component measures at least.
const DOT: usize = 4;
