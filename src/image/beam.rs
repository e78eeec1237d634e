//! A beam on the sky and as a covariance in pixels.

use super::cell::Cell;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An elliptical Gaussian beam.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Beam {
    /// Full width at half maximum along the major axis, in degrees; in pixels where the cell is not known.
    pub major: f64,
    /// Full width at half maximum along the minor axis, in the same unit.
    pub minor: f64,
    /// Angle of the major axis in degrees, from north (latitude) through east (growing longitude).
    pub pa: f64,
}

/// Where a beam comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BeamSource {
    /// The user gave it.
    Option,
    /// BMAJ, BMIN and BPA of the header, or the HISTORY of AIPS in it.
    Header,
    /// The BEAMS table beside the image.
    Table,
    /// A Gaussian was fitted to the PSF.
    Fit,
}

impl fmt::Display for BeamSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BeamSource::Option => "--beam",
            BeamSource::Header => "header",
            BeamSource::Table => "BEAMS table",
            BeamSource::Fit => "fit to the PSF",
        })
    }
}

/// FWHM² over σ² of a Gaussian: 8 ln 2.
const FWHM2: f64 = 8.0 * std::f64::consts::LN_2;

impl Beam {
    /// The beam with these widths and angle, unless they are nonsense: not finite, not positive, minor above major.
    pub fn sensible(major: f64, minor: f64, pa: f64) -> Option<Beam> {
        let sound = major.is_finite() && minor > 0.0 && major >= minor && pa.is_finite();
        sound.then_some(Beam { major, minor, pa })
    }

    /// Its covariance [xx, xy, yy] (σ², not FWHM²) in pixels², x along columns and y along rows of the array.
    pub fn covariance(&self, cell: &Cell) -> [f64; 3] {
        let (sin, cos) = self.pa.to_radians().sin_cos();
        let (a, b) = (self.major * self.major / FWHM2, self.minor * self.minor / FWHM2);
        // The major axis points to (longitude, latitude) = (sin, cos), the minor axis to (cos, -sin).
        let lon = a * sin * sin + b * cos * cos;
        let mixed = (a - b) * sin * cos;
        let lat = a * cos * cos + b * sin * sin;
        [lon / (cell.x * cell.x), mixed / (cell.x * cell.y), lat / (cell.y * cell.y)]
    }

    /// The beam with a covariance [xx, xy, yy] in pixels²; its angle is in (-90, 90] degrees.
    pub fn from_covariance(cov: [f64; 3], cell: &Cell) -> Beam {
        let (lon, mixed, lat) = (cov[0] * cell.x * cell.x, cov[1] * cell.x * cell.y, cov[2] * cell.y * cell.y);
        let mean = (lon + lat) / 2.0;
        let spread = ((lon - lat) / 2.0).hypot(mixed);
        // Twice the angle from latitude towards longitude is the direction of (lat - lon, 2 mixed).
        let pa = (2.0 * mixed).atan2(lat - lon).to_degrees() / 2.0;
        let pa = if pa <= -90.0 { pa + 180.0 } else { pa };
        Beam { major: (FWHM2 * (mean + spread)).sqrt(), minor: (FWHM2 * (mean - spread).max(0.0)).sqrt(), pa }
    }

    /// Are two beams the same to one part in a million?
    pub fn same(&self, other: &Beam) -> bool {
        let near = |a: f64, b: f64, scale: f64| (a - b).abs() <= 1e-6 * scale;
        let turned = (self.pa - other.pa).rem_euclid(180.0);
        // The angle of a round beam means nothing.
        let round = near(self.major, self.minor, self.major);
        near(self.major, other.major, self.major)
            && near(self.minor, other.minor, self.minor)
            && (round || near(turned.min(180.0 - turned), 0.0, 90.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covariance_and_back() {
        let cell = Cell { x: -0.001, y: 0.002, known: true };
        for pa in [-89.0, -45.0, 0.0, 19.5, 60.0, 90.0] {
            let beam = Beam { major: 0.01, minor: 0.004, pa };
            let back = Beam::from_covariance(beam.covariance(&cell), &cell);
            assert!(back.same(&beam), "{beam:?} {back:?}");
            assert!(back.pa > -90.0 && back.pa <= 90.0);
        }
    }

    #[test]
    fn north_through_east_turns_left() {
        // Longitude grows to the left: a beam at +45° goes up to the left, so x and y are anticorrelated.
        let beam = Beam { major: 4.0, minor: 2.0, pa: 45.0 };
        let [xx, xy, yy] = beam.covariance(&Cell::UNKNOWN);
        assert!(xy < 0.0 && (xx - yy).abs() < 1e-12);
        let upright = Beam { pa: 0.0, ..beam }.covariance(&Cell::UNKNOWN);
        assert!((upright[2] * FWHM2 - 16.0).abs() < 1e-12 && (upright[0] * FWHM2 - 4.0).abs() < 1e-12);
    }

    #[test]
    fn nonsense_is_no_beam() {
        for (major, minor, pa) in
            [(0.0, 0.0, 0.0), (1.0, 2.0, 0.0), (f64::NAN, 1.0, 0.0), (1.0, -1.0, 0.0), (1.0, 1.0, f64::NAN)]
        {
            assert_eq!(Beam::sensible(major, minor, pa), None);
        }
        assert!(Beam::sensible(2.0, 1.0, 200.0).is_some());
    }
}
