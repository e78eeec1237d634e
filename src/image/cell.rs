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

    /// The cell that a header gives for the sky axes of an image.
    ///
    /// A rotated coordinate system keeps its cell sizes; the rotation itself is not followed.
    pub fn from_header(header: &Header, axes: &Axes) -> Cell {
        if !axes.sky_known() {
            return Cell::UNKNOWN;
        }
        match (step(header, axes.lon(), axes.lat()), step(header, axes.lat(), axes.lon())) {
            (Some(x), Some(y)) => Cell { x, y, known: true },
            _ => Cell::UNKNOWN,
        }
    }
}

/// Degrees a pixel along one sky axis (0-based), given the other.
fn step(header: &Header, axis: usize, other: usize) -> Option<f64> {
    let (i, j) = (axis + 1, other + 1);
    let matrix = |name: &str, row, col| header.number(&format!("{name}{row}_{col}"));
    let step = match header.number(&format!("CDELT{i}")) {
        Some(delta) => delta * if matrix("PC", i, i).is_some_and(|pc| pc < 0.0) { -1.0 } else { 1.0 },
        None => {
            let diagonal = matrix("CD", i, i)?;
            diagonal.hypot(matrix("CD", j, i).unwrap_or(0.0)).copysign(diagonal)
        }
    };
    let degrees = step * degrees_per(&header.text(&format!("CUNIT{i}")).unwrap_or_default());
    (degrees.is_finite() && degrees != 0.0).then_some(degrees)
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
        Cell::from_header(&header, &Axes::from_header(&header, &[8, 8]))
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
    fn unknown_without_sky_axes_or_steps() {
        assert_eq!(cell(&["CDELT1  = 1.0", "CDELT2  = 1.0"]), Cell::UNKNOWN);
        assert_eq!(cell(&["CTYPE1  = 'RA'", "CTYPE2  = 'DEC'", "CDELT1  = 0.0", "CDELT2  = 1.0"]), Cell::UNKNOWN);
    }
}
