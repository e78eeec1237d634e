//! Do two images have the same pixels on the sky?

use super::input::Image;
use super::sky::Sky;
use crate::error::{Error, Result};

/// Places of pixels may differ by so many pixels: headers are written with a few digits.
const SHIFT: f64 = 0.1;

impl Image {
    /// Looks whether the planes of this image have the pixels of those of another one: as many rows and columns, at the
    /// same places on the sky. Of an image whose places are not known, only the size of the pixels is looked at, if it is
    /// known.
    ///
    /// # Errors
    /// Of kind `Input`, if they have not.
    pub fn check_same_pixels(&self, of: &Image) -> Result<()> {
        let wrong = |what: String, other: String| {
            let message = format!("{what}, but in {} {other}", of.path().display());
            Error::input(self.path(), message)
                .remedy("give files of the same size and coordinates: regrid one of them first")
        };
        let ((rows, cols), (down, across)) = (self.shape(), of.shape());
        if (rows, cols) != (down, across) {
            return Err(wrong(format!("has {rows} x {cols} pixels"), format!("there are {down} x {across}")));
        }
        let (cell, other) = (self.cell(), of.cell());
        let differ = |a: f64, b: f64| (a / b - 1.0).abs() > 1e-3;
        if cell.known && other.known && (differ(cell.x, other.x) || differ(cell.y, other.y)) {
            let size = |x: f64, y: f64| format!("{:.6} x {:.6} arcsec", x * 3600.0, y * 3600.0);
            return Err(wrong(
                format!("its cell is {}", size(cell.x, cell.y)),
                format!("it is {}", size(other.x, other.y)),
            ));
        }
        let (Some(here), Some(there)) = (Sky::of(self), Sky::of(of)) else { return Ok(()) };
        if !here.has_frame_of(&there) {
            let frame = |sky: &Sky| format!("{} {}", sky.longitude(), sky.frame()).trim().to_string();
            return Err(wrong(format!("its coordinates are {}", frame(&here)), format!("they are {}", frame(&there))));
        }
        let corners = [(0, 0), (0, cols - 1), (rows - 1, 0), (rows - 1, cols - 1), (rows / 2, cols / 2)];
        for (y, x) in corners.map(|(y, x)| (y as f64, x as f64)) {
            let both = (here.at(y, x), there.at(y, x));
            let apart = match both {
                (None, None) => 0.0,
                (Some(a), Some(b)) => {
                    let turned = (a.0 - b.0 + 180.0).rem_euclid(360.0) - 180.0;
                    (turned * a.1.to_radians().cos() / cell.x).hypot((a.1 - b.1) / cell.y)
                }
                _ => f64::INFINITY,
            };
            if apart > SHIFT {
                let place = |at: Option<(f64, f64)>| {
                    at.map_or("off the sky".into(), |(lon, lat)| format!("at {lon:.6}, {lat:.6} deg"))
                };
                let pixel = format!("its pixel in row {y} and column {x} is {}", place(both.0));
                return Err(wrong(pixel, format!("it is {}", place(both.1))));
            }
        }
        Ok(())
    }
}
