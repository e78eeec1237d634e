//! The restoring beam of the command line.

use crate::error::{Error, Result};
use crate::image::Beam;

/// `MAJ,MIN,PA`: two widths with or without unit, and degrees.
///
/// Without a unit the widths stand in arcsec. The result is in degrees; for an image without WCS the job takes the
/// number of arcsec for one of pixels.
///
/// # Errors
/// Of kind `Usage`, saying what is wrong with it.
pub fn parse_beam(text: &str) -> Result<Beam> {
    let wrong = |why: &str| {
        Error::usage(format!("--beam {text}: {why}"))
            .remedy("give it as MAJ,MIN,PA, such as 2.9,2.6,19.5 (arcsec, arcsec, deg)")
    };
    let [major, minor, pa] = text.split(',').collect::<Vec<_>>()[..] else {
        return Err(wrong("three numbers are needed"));
    };
    let width = |part: &str| width(part.trim()).ok_or_else(|| wrong(&format!("{part} is not a width")));
    let angle = pa.trim().trim_end_matches("deg").trim_end();
    let angle: f64 = angle.parse().map_err(|_| wrong(&format!("{pa} is not an angle")))?;
    Beam::sensible(width(major)?, width(minor)?, angle)
        .ok_or_else(|| wrong("the widths must be positive, the first not below the second"))
}

/// A width in degrees.
fn width(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 6] =
        [("arcsec", 3600.0), ("arcmin", 60.0), ("asec", 3600.0), ("amin", 60.0), ("deg", 1.0), ("\"", 3600.0)];
    let with_unit = UNITS.iter().find_map(|(unit, per_degree)| Some((text.strip_suffix(unit)?.trim_end(), per_degree)));
    let (number, per_degree) = with_unit.unwrap_or((text, &3600.0));
    number.parse::<f64>().ok().map(|number| number / per_degree)
}
