//! A picture in memory, and its PNG.

use crate::error::{Error, Result};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

/// Red, green, blue.
pub type Colour = [u8; 3];

/// Paper.
pub const WHITE: Colour = [255, 255, 255];

/// Text and frames.
pub const INK: Colour = [20, 20, 20];

/// Text that says less.
pub const SOFT_INK: Colour = [96, 96, 96];

/// A rectangle of a picture: its left upper corner and its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Area {
    /// First column.
    pub x: usize,
    /// First row, counted from above.
    pub y: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Area {
    /// One past the last column.
    pub fn right(&self) -> usize {
        self.x + self.width
    }

    /// One past the last row.
    pub fn bottom(&self) -> usize {
        self.y + self.height
    }
}

/// A picture; rows from above. What is drawn outside of it is not drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    /// White paper.
    pub fn new(width: usize, height: usize) -> Canvas {
        Canvas { width, height, pixels: vec![255; 3 * width * height] }
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The colour of a pixel; that of paper outside of the picture.
    pub fn get(&self, x: usize, y: usize) -> Colour {
        match self.index(x as i64, y as i64) {
            Some(i) => [self.pixels[i], self.pixels[i + 1], self.pixels[i + 2]],
            None => WHITE,
        }
    }

    /// Gives a pixel a colour.
    pub fn set(&mut self, x: i64, y: i64, colour: Colour) {
        if let Some(i) = self.index(x, y) {
            self.pixels[i..i + 3].copy_from_slice(&colour);
        }
    }

    /// Covers a part of a pixel, 0 to 255, with a colour.
    pub fn cover(&mut self, x: i64, y: i64, colour: Colour, part: u8) {
        if let Some(i) = self.index(x, y) {
            for (old, new) in self.pixels[i..i + 3].iter_mut().zip(colour) {
                let sum = u32::from(*old) * u32::from(255 - part) + u32::from(new) * u32::from(part);
                *old = ((sum + 127) / 255) as u8;
            }
        }
    }

    /// Fills a rectangle.
    pub fn fill(&mut self, area: Area, colour: Colour) {
        for y in area.y..area.bottom() {
            for x in area.x..area.right() {
                self.set(x as i64, y as i64, colour);
            }
        }
    }

    /// A line of one pixel around a rectangle, outside of it.
    pub fn frame(&mut self, area: Area, colour: Colour) {
        let (left, top) = (area.x as i64 - 1, area.y as i64 - 1);
        let (right, bottom) = (area.right() as i64, area.bottom() as i64);
        for x in left..=right {
            self.set(x, top, colour);
            self.set(x, bottom, colour);
        }
        for y in top..=bottom {
            self.set(left, y, colour);
            self.set(right, y, colour);
        }
    }

    /// The picture as a PNG. The same picture gives the same bytes.
    ///
    /// # Errors
    /// Of kind `Internal`, if it has no pixels or too many.
    pub fn png(&self) -> Result<Vec<u8>> {
        let failed = |error: &dyn std::fmt::Display| Error::internal(format!("a picture cannot be encoded: {error}"));
        let (width, height) = (u32::try_from(self.width), u32::try_from(self.height));
        let (width, height) = (width.map_err(|e| failed(&e))?, height.map_err(|e| failed(&e))?);
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes)
            .write_image(&self.pixels, width, height, ExtendedColorType::Rgb8)
            .map_err(|e| failed(&e))?;
        Ok(bytes)
    }

    fn index(&self, x: i64, y: i64) -> Option<usize> {
        let inside = x >= 0 && y >= 0 && x < self.width as i64 && y < self.height as i64;
        inside.then(|| 3 * (y as usize * self.width + x as usize))
    }
}
