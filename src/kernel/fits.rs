//! Pixels from and to FITS files.

use super::operation::{Call, Operation};
use super::payload::{Payload, Shape};
use crate::error::{Error, Kind, Result};
use crate::image::{Section, Target};
use serde::{Deserialize, Serialize};

/// The largest pixel that is computed with: a transform adds up all pixels of a plane, and f32 ends at 3.4e38.
const LARGEST: f32 = 1e30;

/// Reads a rectangle of a plane. Output: its pixels times `scale`; blank pixels are NaN, or zero if `zero_blanks`;
/// infinite ones, and those beyond 1e30, are an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadSection {
    /// What to read.
    pub section: Section,
    /// What to multiply the pixels by.
    pub scale: f32,
    /// Do blank pixels count as zero?
    pub zero_blanks: bool,
}

impl Operation for ReadSection {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.section.rows, cols: self.section.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let pixels = call.outputs[0].real_mut().strided_mut();
        self.section.read(pixels)?;
        check(pixels).map_err(|error| error.about(self.section.name()))?;
        if self.scale != 1.0 {
            pixels.iter_mut().for_each(|pixel| *pixel *= self.scale);
        }
        if self.zero_blanks {
            pixels.iter_mut().filter(|pixel| pixel.is_nan()).for_each(|pixel| *pixel = 0.0);
        }
        Ok(())
    }
}

/// Are all pixels blank or such as can be computed with?
fn check(pixels: &[f32]) -> Result<()> {
    let Some(wrong) = pixels.iter().find(|pixel| pixel.abs() > LARGEST) else { return Ok(()) };
    let message = match wrong.is_infinite() {
        true => "holds infinite pixels".into(),
        false => format!("holds pixels as large as {wrong:.1e}, more than can be computed with"),
    };
    Err(Error::new(Kind::Input, message).remedy("make them blank (NaN), or find out where they come from"))
}

/// Reads what a [`WriteSection`] has written, to the bit. Output: its pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadTarget {
    /// Where to read: whole rows, one after the other.
    pub target: Target,
}

impl Operation for ReadTarget {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.target.rect.rows, cols: self.target.rect.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        self.target.read(call.outputs[0].real_mut().strided_mut())
    }
}

/// Writes a rectangle of a plane. Input: its pixels. Output: one number, the ones'-complement sum of the 32-bit words
/// written, for the file's DATASUM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WriteSection {
    /// Where to write.
    pub target: Target,
}

impl Operation for WriteSection {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(size_of::<f64>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let sum = self.target.write(call.inputs[0].real().view())?;
        call.outputs[0] = Payload::Numbers(vec![f64::from(sum)]);
        Ok(())
    }
}
