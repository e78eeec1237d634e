//! Regions of an image, from the files of DS9 (`.reg`) and CASA (`.crtf`), as shapes among its pixels.
//!
//! The shapes of a file become plain data in pixels once ([`Regions::read`]); which pixels of a row they hold is arithmetic
//! ([`Regions::fill`]), so that a mask can be made a strip at a time. A pixel is in a shape if its centre is.

pub mod area;
mod crtf;
mod ds9;
mod number;
mod place;

pub use area::Area;

use super::input::Image;
use super::rect::Rect;
use crate::error::{Error, Result};
use place::{Drawn, Pixels};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Shapes that hold pixels, one after the other: where a pixel is in several, the last one decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Regions {
    /// Are pixels that no shape holds inside?
    pub elsewhere: bool,
    /// The shapes, each with whether the pixels that it holds are inside.
    pub shapes: Vec<(bool, Area)>,
}

impl Regions {
    /// The regions of a file, in the pixels of an image. A file that begins with `#CRTF` is one of CASA, any other one of DS9.
    ///
    /// DS9's excluded shapes go before its included ones; CASA's shapes are taken in their order. Where the first of them excludes (for
    /// DS9: where all do), everything else is inside.
    ///
    /// # Errors
    /// Of kind `Input`, naming the line, if it cannot be read or understood, or if it is in coordinates that the image has not.
    pub fn read(path: &Path, image: &Image) -> Result<Regions> {
        let bytes = std::fs::read(path)
            .map_err(|error| Error::input(path, format!("cannot be opened: {error}")).remedy("check the name"))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Error::input(path, "is no text").remedy("give a region file of DS9 or CASA"))?;
        let casa = text.starts_with("#CRTF");
        let wrong = |line: usize, what: String| {
            Error::input(path, format!("line {line}: {what}"))
                .remedy("shapes are circle, ellipse, box, polygon and annulus, as DS9 and CASA write them")
        };
        let drawn = if casa { crtf::read(&text, image.planes() == 1) } else { ds9::read(&text) };
        let mut drawn = drawn.map_err(|(line, what)| wrong(line, what))?;
        if drawn.is_empty() {
            return Err(Error::input(path, "holds no region").remedy("draw one, or leave --mask-region out"));
        }
        if !casa {
            drawn.sort_by_key(|one| !one.include);
        }
        let pixels = Pixels::of(image);
        let area = |one: &Drawn| pixels.area(one).map_err(|what| wrong(one.line, what));
        let shapes: Vec<(bool, Area)> =
            drawn.iter().map(|one| area(one).map(|area| (one.include, area))).collect::<Result<_>>()?;
        Ok(Regions { elsewhere: !shapes[0].0, shapes })
    }

    /// Those that touch a rectangle of the plane; within it they hold the same pixels.
    pub fn within(&self, at: &Rect) -> Regions {
        let shapes = self.shapes.iter().filter(|(_, area)| area.touches(at)).cloned().collect();
        Regions { elsewhere: self.elsewhere, shapes }
    }

    /// Says of the pixels of row `y` from column `x0` on which are inside: 1, or else 0.
    pub fn fill(&self, y: i64, x0: i64, row: &mut [f32]) {
        let value = |inside: bool| f32::from(u8::from(inside));
        row.fill(value(self.elsewhere));
        let mut spans = Vec::new();
        for (inside, area) in &self.shapes {
            spans.clear();
            area.spans(y as f64, &mut spans);
            for &(from, to) in &spans {
                // A cast of what lies far off, or of NaN, stays within range.
                let first = ((from.ceil() - x0 as f64).max(0.0) as usize).min(row.len());
                let end = ((to.floor() - x0 as f64 + 1.0).max(0.0) as usize).min(row.len());
                if first < end {
                    row[first..end].fill(value(*inside));
                }
            }
        }
    }
}
