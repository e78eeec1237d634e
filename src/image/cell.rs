//! The size of a pixel on the sky.

use super::axes::Axes;
use super::header::Header;
use serde::{Deserialize, Serialize};

/// Signed size of a pixel along longitude (columns) and latitude (rows).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Degrees a pixel along longitude; negative where longitude grows to the left, as usual. -1 if not known.
    pub x: f64,
    /// Degrees a pixel along latitude. 1 if not known.
    pub y: f64,
    /// Does the header say so? If not, the cell is one pixel and lengths are in pixels instead of degrees.
    pub known: bool,
}

impl Cell {
    /// The cell of an image whose header does not tell it: lengths are in pixels.
    pub const UNKNOWN: Cell = Cell { x: -1.0, y: 1.0, known: false };

    /// The cell that a header gives for the sky axes of an image; else what the header has instead, as in "the image …".
    ///
    /// A rotated coordinate system keeps its cell sizes; the rotation itself is not followed.
    ///
    /// # Errors
    /// If it has no WCS, or one that makes no sense.
    pub fn from_header(header: &Header, axes: &Axes) -> Result<Cell, String> {
        if !axes.sky_known() {
            let names: Vec<&str> = axes.list().iter().map(|axis| axis.name.as_str()).collect();
            return Err(match names.iter().all(|name| name.is_empty()) {
                true => "has no WCS".into(),
                false => {
                    format!("has a WCS without a pair of sky axes ({})", names.join(", ").trim_end_matches([' ', ',']))
                }
            });
        }
        let step = |axis, other| {
            // CD goes before CDELT, as the standard has it; but some writers leave nonsense in one of them.
            let steps = [step(header, axis, other, true), step(header, axis, other, false)];
            let sound = steps.iter().flatten().find(|step| step.is_finite() && **step != 0.0);
            sound.copied().ok_or_else(|| match header.plain(&format!("CDELT{}", axis + 1)) {
                Some(value) => format!("has a WCS that makes no sense (CDELT{} = {value})", axis + 1),
                None => "has a WCS without cell sizes".into(),
            })
        };
        Ok(Cell { x: step(axes.lon(), axes.lat())?, y: step(axes.lat(), axes.lon())?, known: true })
    }
}

/// Degrees a pixel along one sky axis (0-based), given the other: from CD, or from CDELT and PC.
fn step(header: &Header, axis: usize, other: usize, cd: bool) -> Option<f64> {
    let (i, j) = (axis + 1, other + 1);
    let matrix = |name: &str, row: usize| header.number(&format!("{name}{row}_{i}"));
    let delta = |row: usize| header.number(&format!("CDELT{row}"));
    // What one pixel along the axis does to the coordinate on a row of the matrix.
    let part = |row: usize| {
        let own = if row == i { 1.0 } else { 0.0 };
        let part = match cd {
            true => matrix("CD", row).unwrap_or(0.0),
            false => delta(row).unwrap_or(1.0) * matrix("PC", row).unwrap_or(own),
        };
        // A coordinate that the pixel does not change has no say, even if its CDELT is nonsense.
        let sound = row == i || part.is_finite();
        (if sound { part } else { 0.0 }) * degrees_per(&header.text(&format!("CUNIT{row}")).unwrap_or_default())
    };
    let stated = if cd { matrix("CD", i).or(matrix("CD", j)) } else { delta(i).or(matrix("PC", i)) };
    stated.map(|_| part(i).hypot(part(j)).copysign(part(i)))
}

/// Degrees in one of a unit of angle; 1 for a unit that is not known, since degrees are the rule.
pub fn degrees_per(unit: &str) -> f64 {
    match unit.trim().to_ascii_lowercase().as_str() {
        "arcmin" => 1.0 / 60.0,
        "arcsec" => 1.0 / 3600.0,
        "mas" => 1.0 / 3.6e6,
        "rad" => 180.0 / std::f64::consts::PI,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(cards: &[&str]) -> Cell {
        let header = Header::new(cards.iter().map(|card| (*card).to_string()).collect());
        Cell::from_header(&header, &Axes::from_header(&header, &[8, 8])).unwrap_or(Cell::UNKNOWN)
    }

    #[test]
    fn from_cdelt_and_from_a_matrix() {
        let sky = ["CTYPE1  = 'DEC--SIN'", "CTYPE2  = 'RA---SIN'"];
        let delta = [sky[0], sky[1], "CDELT1  = 1D-3", "CDELT2  = -0.06", "CUNIT2  = 'arcmin'"];
        assert_eq!(cell(&delta), Cell { x: -0.001, y: 0.001, known: true });
        let matrix = [sky[0], sky[1], "CD1_1   = 0.25", "CD2_2   = -0.5"];
        assert_eq!(cell(&matrix), Cell { x: -0.5, y: 0.25, known: true });
    }

    #[test]
    fn from_a_matrix_beside_cdelt() {
        let sky = ["CTYPE1  = 'RA---SIN'", "CTYPE2  = 'DEC--SIN'"];
        // As astropy writes a matrix, and as HST and DSS do.
        let pc = ["CDELT1  = 1.0", "CDELT2  = 1.0", "PC1_1   = -0.25", "PC2_2   = 0.5"];
        assert_eq!(cell(&[&sky[..], &pc].concat()), Cell { x: -0.25, y: 0.5, known: true });
        let cd = ["CDELT1  = 1.0", "CDELT2  = 1.0", "CD1_1   = -0.3", "CD2_1   = 0.4", "CD2_2   = 0.5"];
        assert_eq!(cell(&[&sky[..], &cd].concat()), Cell { x: -0.5, y: 0.5, known: true });
        let zero = ["CDELT1  = -0.25", "CDELT2  = 0.5", "CD1_1   = 0.0", "CD2_2   = 0.0"];
        assert_eq!(cell(&[&sky[..], &zero].concat()), Cell { x: -0.25, y: 0.5, known: true });
    }

    #[test]
    fn why_it_is_unknown() {
        let why = |cards: &[&str]| {
            let header = Header::new(cards.iter().map(|card| (*card).to_string()).collect());
            Cell::from_header(&header, &Axes::from_header(&header, &[8, 8])).unwrap_err()
        };
        assert_eq!(why(&[]), "has no WCS");
        assert_eq!(why(&["CTYPE1  = 'FOO'", "CDELT1  = 1.0"]), "has a WCS without a pair of sky axes (FOO)");
        let sky = ["CTYPE1  = 'RA---SIN'", "CTYPE2  = 'DEC--SIN'"];
        assert_eq!(why(&sky), "has a WCS without cell sizes");
        let nan = [sky[0], sky[1], "CDELT1  = NaN / deg", "CDELT2  = 1.0"];
        assert_eq!(why(&nan), "has a WCS that makes no sense (CDELT1 = NaN)");
    }

    #[test]
    fn unknown_without_sky_axes_or_steps() {
        assert_eq!(cell(&["CDELT1  = 1.0", "CDELT2  = 1.0"]), Cell::UNKNOWN);
        assert_eq!(cell(&["CTYPE1  = 'RA'", "CTYPE2  = 'DEC'", "CDELT1  = 0.0", "CDELT2  = 1.0"]), Cell::UNKNOWN);
    }
}
