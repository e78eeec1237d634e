//! Sums over the cells of a spectrum that tell how strong noise and sky are.
//!
//! A dirty image d = A x + n has noise of the covariance σ² A: at each cell k of the spectrum, D = s X + N with E|N|² = P σ² s, s being
//! the transfer function of the PSF and P the number of pixels, and the prior of the sky is E|X|² = P τ² / R. So Σ R |X|² / P is
//! τ² times a χ² with as many degrees of freedom as there are cells, and Σ |D − s X|² / (s P) is that of σ² (Orieux, Giovannelli and Rodet
//! 2010, with the noise of an interferometer in place of white noise).

use super::operation::{Call, Operation};
use super::payload::{Payload, Shape};
use super::prior::Prior;
use crate::error::Result;
use num_complex::{Complex32, Complex64};
use serde::{Deserialize, Serialize};

/// What the cells of a spectrum tell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CellFacts {
    /// Number of pixels P that the powers are divided by, so that variances are those of a pixel.
    pub pixels: f64,
    /// R.
    pub prior: Prior,
    /// A cell with a transfer function of no more than this carries no data.
    pub cut: f64,
    /// The noise is seen in cells that carry data, and in which R is more than this times the transfer function.
    pub gate: f64,
}

/// A column strip of a spectrum: `columns` lines of `length` numbers: line j is the horizontal frequency `first_column` + j of rows of
/// `row_length` samples. Of a spectrum of real pixels that is one half; cells whose conjugates are not in it count twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cells {
    /// Number of spectrum columns in the strip: the rows of the transposed block.
    pub columns: usize,
    /// Number of vertical frequencies.
    pub length: usize,
    /// Horizontal frequency of the first line.
    pub first_column: usize,
    /// Number of columns of the frame.
    pub row_length: usize,
    /// What they tell.
    pub facts: CellFacts,
}

/// Numbers that are made of each column: Σ R |X|² / P over the cells that carry data, their number, Σ |D − s X|² / (s P) over those in
/// which the noise is seen, their number.
pub const SUMS: usize = 4;

/// The transfer function at a cell, from the spectrum of the PSF: what is below zero or not real comes of a PSF that is cut off.
pub fn transfer(psf: Complex32) -> f64 {
    f64::from(psf.re).max(0.0)
}

/// A number of a spectrum in f64.
pub fn wide(number: Complex32) -> Complex64 {
    Complex64::new(f64::from(number.re), f64::from(number.im))
}

impl Cells {
    /// The strip.
    pub fn shape(&self) -> Shape {
        Shape::Complex { rows: self.columns, cols: self.length }
    }

    /// Room for the sums of all columns.
    pub fn sums(&self) -> Shape {
        Shape::Small(self.columns * SUMS * size_of::<f64>())
    }

    /// Bytes of one axis of R.
    pub fn scratch_bytes(&self) -> usize {
        self.length * size_of::<f64>()
    }

    /// Does a column hold its own conjugates?
    pub fn is_own(&self, column: usize) -> bool {
        is_own(column, self.row_length)
    }
}

/// Does a column of the spectrum of rows of so many samples hold the conjugates of its own numbers?
pub fn is_own(column: usize, row_length: usize) -> bool {
    column == 0 || 2 * column == row_length
}

/// The sums of a column, as they grow.
#[derive(Debug, Default)]
pub struct ColumnSums([f64; SUMS]);

impl ColumnSums {
    /// Adds |X|² at a cell that carries data.
    pub fn add_sky(&mut self, facts: &CellFacts, power: f64, sky: f64) {
        self.0[0] += power * sky / facts.pixels;
        self.0[1] += 1.0;
    }

    /// Adds |D − s X|² at a cell that carries data, if the noise is seen there.
    pub fn add_noise(&mut self, facts: &CellFacts, power: f64, transfer: f64, left: f64) {
        if power > facts.gate * transfer {
            self.0[2] += left / (transfer * facts.pixels);
            self.0[3] += 1.0;
        }
    }

    /// The sums, each cell as often as it counts.
    pub fn finish(self, cells: &Cells, column: usize) -> [f64; SUMS] {
        let times = if cells.is_own(column) { 1.0 } else { 2.0 };
        self.0.map(|sum| times * sum)
    }
}

/// Which of the sums a spectrum is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpectrumOf {
    /// The sky, X.
    Sky,
    /// What it leaves of the dirty image, D − s X.
    Residual,
}

/// What a spectrum tells of the strength of sky or noise.
///
/// Inputs: the spectrum's strip; the same strip of the spectrum of the PSF. Output: [`SUMS`] numbers for each column, those of the other
/// kind 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SumCells {
    /// The strip.
    pub cells: Cells,
    /// What it is of.
    pub of: SpectrumOf,
}

impl Operation for SumCells {
    fn outputs(&self) -> Vec<Shape> {
        vec![self.cells.sums()]
    }

    fn scratch_bytes(&self) -> usize {
        self.cells.scratch_bytes()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let Cells { columns, length, first_column, row_length, facts } = self.cells;
        let (spectrum, psf) = (call.inputs[0].complex(), call.inputs[1].complex());
        let along = Prior::axis(length, call.scratch.as_mut_slice());
        let mut numbers = Vec::with_capacity(columns * SUMS);
        for column in 0..columns {
            let across = Prior::along(first_column + column, row_length);
            let mut sums = ColumnSums::default();
            for ((number, h), down) in spectrum.row(column).iter().zip(psf.row(column)).zip(along) {
                let (s, power) = (transfer(*h), facts.prior.power(across, *down));
                if s > facts.cut {
                    let square = wide(*number).norm_sqr();
                    match self.of {
                        SpectrumOf::Sky => sums.add_sky(&facts, power, square),
                        SpectrumOf::Residual => sums.add_noise(&facts, power, s, square),
                    }
                }
            }
            numbers.extend(sums.finish(&self.cells, first_column + column));
        }
        call.outputs[0] = Payload::Numbers(numbers);
        Ok(())
    }
}

/// The sums of a whole spectrum, or of several.
///
/// Inputs: the sums of the columns of each strip, strips from the first column up. Output: [`SUMS`] numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MergeCells {}

impl Operation for MergeCells {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(SUMS * size_of::<f64>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let mut totals = vec![0.0; SUMS];
        for column in call.inputs.iter().flat_map(|strip| strip.numbers().as_chunks::<SUMS>().0) {
            totals.iter_mut().zip(column).for_each(|(total, sum)| *total += sum);
        }
        call.outputs[0] = Payload::Numbers(totals);
        Ok(())
    }
}
