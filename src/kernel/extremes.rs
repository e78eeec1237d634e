//! The smallest and the largest numbers of a chunk of pixels and of a part of a spectrum.
//!
//! Smallest and largest do not depend on any order: what makes the chunks' numbers into those of the plane is up to
//! whoever is told them.

use super::operation::{Call, Operation};
use super::payload::{Payload, Shape};
use crate::error::Result;
use multiversion::multiversion;
use serde::{Deserialize, Serialize};

/// The smallest and the largest of the unblanked pixels of a chunk.
///
/// Input: pixels. Output: two numbers, the smallest and the largest; +∞ and −∞ where every pixel is blank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PixelExtremes {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
}

impl Operation for PixelExtremes {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(2 * size_of::<f64>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let pixels = call.inputs[0].real();
        let (mut low, mut high) = NONE;
        for row in (0..self.rows).map(|y| pixels.row(y)) {
            extend(&mut low, &mut high, row);
        }
        call.outputs[0] = Payload::Numbers(vec![lowest(low.iter()), highest(high.iter())]);
        Ok(())
    }
}

/// How far a part of a spectrum is from being real and not negative.
///
/// Input: a column strip of a spectrum, `columns` lines of `length` numbers. Output: three numbers, the smallest and the
/// largest real part and the largest absolute imaginary part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpectrumExtremes {
    /// Number of spectrum columns in the strip: the rows of the transposed block.
    pub columns: usize,
    /// Number of vertical frequencies.
    pub length: usize,
}

impl Operation for SpectrumExtremes {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(3 * size_of::<f64>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let spectrum = call.inputs[0].complex();
        let (mut low, mut high) = NONE;
        for column in 0..self.columns {
            extend(&mut low, &mut high, bytemuck::cast_slice(&spectrum.row(column)[..self.length]));
        }
        // Real parts are in the even lanes, imaginary ones in the odd lanes.
        let part = |from: usize| (low[from..].iter().step_by(2), high[from..].iter().step_by(2));
        let ((low, high), (below, above)) = (part(0), part(1));
        let imaginary = highest(above).max(-lowest(below)).max(0.0);
        call.outputs[0] = Payload::Numbers(vec![lowest(low), highest(high), imaginary]);
        Ok(())
    }
}

/// Numbers side by side, so that the compiler can use vector registers; an even count.
const LANES: usize = 16;

/// The smallest and the largest of no numbers at all.
const NONE: ([f32; LANES], [f32; LANES]) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES]);

/// Of each lane the smallest and the largest so far and of these numbers, the first of which is in the first lane. Blank
/// ones (NaN) are passed over.
#[multiversion(targets("x86_64+avx2"))]
fn extend(low: &mut [f32; LANES], high: &mut [f32; LANES], numbers: &[f32]) {
    let (body, tail) = numbers.as_chunks::<LANES>();
    let (mut least, mut most) = (*low, *high);
    for numbers in body {
        for lane in 0..LANES {
            least[lane] = if numbers[lane] < least[lane] { numbers[lane] } else { least[lane] };
            most[lane] = if numbers[lane] > most[lane] { numbers[lane] } else { most[lane] };
        }
    }
    for (lane, number) in tail.iter().enumerate() {
        (least[lane], most[lane]) = (least[lane].min(*number), most[lane].max(*number));
    }
    (*low, *high) = (least, most);
}

fn lowest<'a>(numbers: impl Iterator<Item = &'a f32>) -> f64 {
    numbers.copied().fold(f32::INFINITY, f32::min).into()
}

fn highest<'a>(numbers: impl Iterator<Item = &'a f32>) -> f64 {
    numbers.copied().fold(f32::NEG_INFINITY, f32::max).into()
}
