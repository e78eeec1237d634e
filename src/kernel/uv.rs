//! Spectra that follow from a uv coverage: the PSF's, the weighting of a sky's, noise.
//!
//! A coverage is a list of the sampled cells of a spectrum with their numbers of samples. A cell of n samples has the Briggs
//! weight W(n) = n / (1 + n d), d being the `density` factor (Briggs 1995). Cells lie in the half of the uv plane that is stored,
//! and the Nyquist frequencies, which are their own conjugates, are not sampled. Column 0 holds each of its cells twice, at row
//! k and at row −k.

use super::operation::{Call, Operation};
use super::payload::{Block, Shape};
use super::random::Random;
use crate::error::{Error, Result};
use num_complex::Complex32;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A sampled cell of a spectrum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UvCell {
    /// Its horizontal frequency.
    pub column: u32,
    /// Its vertical frequency, in the order 0, 1 … −1.
    pub row: u32,
    /// Samples in it; not zero.
    pub count: u32,
}

/// What is sampled of a column strip of a spectrum, and how it is weighted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UvStrip {
    /// Horizontal frequency of the strip's first column.
    pub first_column: usize,
    /// Number of columns.
    pub columns: usize,
    /// Number of vertical frequencies, Ly.
    pub length: usize,
    /// The sampled cells, by column and then by row.
    pub cells: Arc<[UvCell]>,
    /// Factor d of the weights; 0 is natural weighting.
    pub density: f64,
}

impl UvCell {
    /// Its Briggs weight n / (1 + n d).
    pub fn weight(&self, density: f64) -> f64 {
        let n = f64::from(self.count);
        n / (1.0 + n * density)
    }

    /// Standard deviation of the sum of its weighted samples, each of which has one of 1: √n / (1 + n d).
    pub fn deviation(&self, density: f64) -> f64 {
        self.weight(density) / f64::from(self.count).sqrt()
    }
}

impl UvStrip {
    fn shape(&self) -> Shape {
        Shape::Complex { rows: self.columns, cols: self.length }
    }

    /// Puts what `value` makes of a number into every sampled cell, and zero everywhere else.
    fn fill(&self, spectrum: &mut Block<Complex32>, value: impl Fn(Complex32, &UvCell) -> Complex32) -> Result<()> {
        let mut cells = self.cells.iter().peekable();
        for column in 0..self.columns {
            let (line, mut next) = (spectrum.row_mut(column), 0);
            while let Some(cell) = cells.next_if(|cell| cell.column as usize == self.first_column + column) {
                let row = cell.row as usize;
                if row < next || row >= self.length {
                    return Err(Error::internal("the cells of a uv strip are out of order"));
                }
                line[next..row].fill(Complex32::ZERO);
                line[row] = value(line[row], cell);
                next = row + 1;
            }
            line[next..].fill(Complex32::ZERO);
        }
        match cells.next() {
            None => Ok(()),
            Some(_) => Err(Error::internal("a uv strip has a cell that is not in it")),
        }
    }
}

/// The spectrum of the PSF of a uv coverage, its peak at pixel (0, 0).
///
/// No input. Output: a column strip of a spectrum: `scale` × W(n) where it is sampled, zero elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UvTransfer {
    /// The coverage.
    pub uv: UvStrip,
    /// Lx Ly / Σ W over the whole uv plane makes it a PSF of peak 1.
    pub scale: f64,
}

impl Operation for UvTransfer {
    fn outputs(&self) -> Vec<Shape> {
        vec![self.uv.shape()]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let weight = |cell: &UvCell| (self.scale * cell.weight(self.uv.density)) as f32;
        self.uv.fill(call.outputs[0].complex_mut(), |_, cell| weight(cell).into())
    }
}

/// Multiplies a spectrum with that of a PSF: the dirty image of a sky.
///
/// Input: a column strip of a spectrum. Output: the strip, in its place, times `scale` × W(n) where it is sampled, zero elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UvMultiply {
    /// The coverage.
    pub uv: UvStrip,
    /// As in [`UvTransfer`].
    pub scale: f64,
}

impl Operation for UvMultiply {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![self.uv.shape()]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let weight = |cell: &UvCell| (self.scale * cell.weight(self.uv.density)) as f32;
        self.uv.fill(call.outputs[0].complex_mut(), |number, cell| number * weight(cell))
    }
}

/// The spectrum of the noise of weighted samples, each of which has the same independent noise: normally distributed in every
/// cell, with a variance in proportion to n (W(n) / n)².
///
/// No input. Output: a column strip of a spectrum: `scale` × √n / (1 + n d) × z where it is sampled, zero elsewhere. E|z|² is
/// 1, and z is drawn by the cell's own place, from the stream `stream` of `seed`; it is Hermitian, so that the image is real.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UvNoise {
    /// The coverage.
    pub uv: UvStrip,
    /// Lx Ly σ / √(Σ (√n / (1 + n d))²), over the whole uv plane, makes it noise of standard deviation σ.
    pub scale: f64,
    /// The seed.
    pub seed: u64,
    /// Which of its streams.
    pub stream: u64,
}

impl Operation for UvNoise {
    fn outputs(&self) -> Vec<Shape> {
        vec![self.uv.shape()]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let random = Random::new(self.seed, self.stream);
        self.uv.fill(call.outputs[0].complex_mut(), |_, cell| self.draw(&random, cell))
    }
}

impl UvNoise {
    fn draw(&self, random: &Random, cell: &UvCell) -> Complex32 {
        let (column, row, length) = (cell.column as usize, cell.row as usize, self.uv.length);
        // In column 0 the rows k and −k are conjugates.
        let mirrored = column == 0 && 2 * row > length;
        let drawn_row = if mirrored { length - row } else { row };
        let (re, im) = random.normals((column as u64) << 32 | drawn_row as u64);
        let size = self.scale * cell.deviation(self.uv.density);
        if (column, row) == (0, 0) {
            return ((size * re) as f32).into();
        }
        let half = size * std::f64::consts::FRAC_1_SQRT_2;
        let number = Complex32::new((half * re) as f32, (half * im) as f32);
        if mirrored { number.conj() } else { number }
    }
}
