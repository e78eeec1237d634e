//! The products, and their units, from the unit of the dirty image.

use serde::{Deserialize, Serialize};

/// Which of the products of a deconvolution a file is; it decides unit and beam.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProductKind {
    /// The model of the sky, per pixel.
    Model,
    /// What the model leaves of the dirty image.
    Residual,
    /// The restored image: model with the restoring beam, plus residual.
    Image,
    /// Where components might be found: 1, and 0 elsewhere.
    Mask,
    /// How well the model is known, convolved with the restoring beam: its posterior standard deviation, per beam.
    Uncertainty,
    /// How well the model is known: its posterior standard deviation, per pixel.
    ModelUncertainty,
}

impl ProductKind {
    /// The unit of such a product of a dirty image in this unit: per pixel for the model, else as it is.
    pub fn unit_of(self, dirty: &str) -> String {
        of_product(dirty, self)
    }

    /// Is such a product one per beam, which its header tells?
    pub fn has_beam(self) -> bool {
        matches!(self, ProductKind::Residual | ProductKind::Image | ProductKind::Uncertainty)
    }

    /// Is such a product one per pixel, whatever the beam?
    fn is_per_pixel(self) -> bool {
        matches!(self, ProductKind::Model | ProductKind::ModelUncertainty)
    }

    /// Is this the unit of such a product of an image in the unit `dirty`, in whatever spelling? None at all is taken for it.
    pub fn has_unit(self, unit: &str, dirty: &str) -> bool {
        let same = match self {
            ProductKind::Model | ProductKind::ModelUncertainty => {
                unit.trim().eq_ignore_ascii_case(self.unit_of(dirty).trim())
            }
            ProductKind::Residual | ProductKind::Image | ProductKind::Uncertainty => {
                self.unit_of(unit) == self.unit_of(dirty)
            }
            ProductKind::Mask => false,
        };
        same || unit.trim().is_empty()
    }
}

/// The unit of a product.
///
/// `X/beam` stays `X/beam` for residual and restored image and becomes `X/pixel` for the model; an empty unit counts
/// as `Jy/beam`. Any other unit `U` is kept, and the model is in `U.beam/pixel`. Standard deviations are in the units of what they are
/// of. A mask has none.
pub fn of_product(dirty: &str, kind: ProductKind) -> String {
    if kind == ProductKind::Mask {
        return String::new();
    }
    let Some(brightness) = per_beam(dirty) else {
        return if kind.is_per_pixel() { format!("{dirty}.beam/pixel") } else { dirty.to_string() };
    };
    let per = if kind.is_per_pixel() { "pixel" } else { "beam" };
    format!("{brightness}/{per}")
}

/// What the unit of a product is to say beside it.
pub fn comment(dirty: &str, kind: ProductKind) -> String {
    let brightness = per_beam(dirty);
    match kind {
        ProductKind::Model => "model: what each pixel holds".into(),
        ProductKind::Mask => "mask: components may be where it is 1".into(),
        ProductKind::Uncertainty => "standard deviation of model with beam".into(),
        ProductKind::ModelUncertainty => "standard deviation of the model".into(),
        ProductKind::Residual => match brightness {
            Some(brightness) => format!("{brightness} per dirty beam"),
            None => "as in the dirty image".into(),
        },
        ProductKind::Image => match brightness {
            Some(brightness) => format!("{brightness} per restoring beam"),
            None => "as in the dirty image".into(),
        },
    }
}

/// The `X` of a unit that is `X/beam`, in whatever spelling, if it is one.
fn per_beam(unit: &str) -> Option<String> {
    let lower = unit.trim().to_ascii_lowercase();
    let brightness = ["/beam", "beam-1", "beam^-1", "beam**-1", "beam**(-1)"]
        .iter()
        .find_map(|per| lower.strip_suffix(per))
        .map(|rest| unit.trim()[..rest.len()].trim_end_matches([' ', '.', '*']).to_string());
    let brightness = match (brightness, lower.as_str()) {
        (Some(brightness), _) => brightness,
        (None, "" | "jy") => "Jy".into(),
        (None, _) => return None,
    };
    Some(if brightness.eq_ignore_ascii_case("jy") { "Jy".into() } else { brightness })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        let model = |unit| of_product(unit, ProductKind::Model);
        assert_eq!(model("JY/BEAM"), "Jy/pixel");
        assert_eq!(model("mJy/beam"), "mJy/pixel");
        assert_eq!(model("Jy beam-1"), "Jy/pixel");
        assert_eq!(model(""), "Jy/pixel");
        assert_eq!(model("K"), "K.beam/pixel");
        assert_eq!(of_product("JY/BEAM", ProductKind::Image), "Jy/beam");
        assert_eq!(of_product("K", ProductKind::Residual), "K");
        for unit in ["JY/BEAM", "mJy beam-1", "", "K"] {
            assert_eq!(of_product(unit, ProductKind::Uncertainty), of_product(unit, ProductKind::Image));
            assert_eq!(of_product(unit, ProductKind::ModelUncertainty), model(unit));
        }
        assert!(ProductKind::Uncertainty.has_beam() && !ProductKind::ModelUncertainty.has_beam());
        let same = |kind: ProductKind, units: [&str; 3]| units.map(|unit| kind.has_unit(unit, "Jy/beam"));
        assert_eq!(same(ProductKind::Model, ["", "JY/PIXEL ", "Jy/beam"]), [true, true, false]);
        assert_eq!(same(ProductKind::Residual, ["Jy beam-1", "", "mJy/beam"]), [true, true, false]);
        assert!(
            ProductKind::Model.has_unit("MJY/PIXEL", "mJy/beam")
                && !ProductKind::Model.has_unit("Jy/pixel", "mJy/beam")
        );
        assert_eq!(comment("mJy/beam", ProductKind::Residual), "mJy per dirty beam");
    }
}
