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
use multiversion::multiversion;
use num_complex::Complex32;
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
#[inline(always)]
pub fn transfer(psf: Complex32) -> f64 {
    f64::from(psf.re).max(0.0)
}

impl CellFacts {
    /// The transfer function of a cell, or 0 of one that carries no data.
    #[inline(always)]
    pub fn known(&self, psf: Complex32) -> f64 {
        let s = transfer(psf);
        if s > self.cut { s } else { 0.0 }
    }

    /// Is the noise seen in a cell of this R?
    #[inline(always)]
    fn is_seen(&self, s: f64, power: f64) -> bool {
        (s > 0.0) & (power > self.gate * s)
    }

    /// What a cell of R |X|² adds to the first of the sums, if it carries data.
    #[inline(always)]
    pub fn sky(s: f64, square: f64) -> f64 {
        if s > 0.0 { square } else { 0.0 }
    }

    /// What a cell of |D − s X|² adds to the third of the sums, if the noise is seen there.
    #[inline(always)]
    pub fn noise(&self, s: f64, power: f64, square: f64) -> f64 {
        if self.is_seen(s, power) { square / s } else { 0.0 }
    }
}

impl Cells {
    /// The strip.
    pub fn shape(&self) -> Shape {
        Shape::Complex { rows: self.columns, cols: self.length }
    }

    /// Room for the sums of all columns.
    pub fn sums_shape(&self) -> Shape {
        Shape::Small(self.columns * SUMS * size_of::<f64>())
    }
}

/// Does a column of the spectrum of rows of so many samples hold the conjugates of its own numbers?
pub fn is_own(column: usize, row_length: usize) -> bool {
    column == 0 || 2 * column == row_length
}

impl Cells {
    /// The sums of a column, from what its cells add to the first and to the third of them, and from its part of the PSF's spectrum and R.
    pub fn sums(&self, column: usize, (sky, noise): (&[f64], &[f64]), psf: &[Complex32], power: &[f64]) -> [f64; SUMS] {
        let times = if is_own(column, self.row_length) { 1.0 } else { 2.0 };
        let (known, seen) = count(&self.facts, psf, power);
        [add_up(sky) / self.facts.pixels, known as f64, add_up(noise) / self.facts.pixels, seen as f64]
            .map(|sum| times * sum)
    }
}

/// How many cells of a column carry data, and in how many of those the noise is seen.
#[multiversion(targets("x86_64+avx2"))]
fn count(facts: &CellFacts, psf: &[Complex32], power: &[f64]) -> (u64, u64) {
    let (mut known, mut seen) = (0, 0);
    for (h, power) in psf.iter().zip(power) {
        let s = facts.known(*h);
        known += u64::from(s > 0.0);
        seen += u64::from(facts.is_seen(s, *power));
    }
    (known, seen)
}

/// Sums side by side, so that a compiler can use vector registers and the order stays fixed.
const LANES: usize = 8;

#[multiversion(targets("x86_64+avx2"))]
fn add_up(numbers: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (body, tail) = numbers.as_chunks::<LANES>();
    for chunk in body {
        sums.iter_mut().zip(chunk).for_each(|(sum, number)| *sum += number);
    }
    sums.iter().chain(tail).sum()
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
        vec![self.cells.sums_shape()]
    }

    fn scratch_bytes(&self) -> usize {
        4 * self.cells.length * size_of::<f64>()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let Cells { columns, length, first_column, row_length, facts } = self.cells;
        let (along, memory) = call.scratch.as_mut_slice().split_at_mut(length);
        let (power, memory) = memory.split_at_mut(length);
        let (sky, noise) = memory.split_at_mut(length);
        let (along, noise) = (Prior::axis(length, along), &mut noise[..length]);
        let mut numbers = Vec::with_capacity(columns * SUMS);
        for line in 0..columns {
            let column = first_column + line;
            facts.prior.line(Prior::along(column, row_length), along, power);
            let (spectrum, psf) = (call.inputs[0].complex().row(line), call.inputs[1].complex().row(line));
            squares(&facts, (spectrum, psf), power, (sky, noise));
            let [sky, known, noise, seen] = self.cells.sums(column, (sky, noise), psf, power);
            numbers.extend(match self.of {
                SpectrumOf::Sky => [sky, known, 0.0, 0.0],
                SpectrumOf::Residual => [0.0, 0.0, noise, seen],
            });
        }
        call.outputs[0] = Payload::Numbers(numbers);
        Ok(())
    }
}

/// What the cells of a column add to the sums, if their numbers are of a sky, and if they are of a residual.
#[multiversion(targets("x86_64+avx2"))]
fn squares(
    facts: &CellFacts,
    (spectrum, psf): (&[Complex32], &[Complex32]),
    power: &[f64],
    (sky, noise): (&mut [f64], &mut [f64]),
) {
    let made = sky.iter_mut().zip(noise);
    for (((number, h), power), (sky, noise)) in spectrum.iter().zip(psf).zip(power).zip(made) {
        let s = facts.known(*h);
        let square = f64::from(number.re) * f64::from(number.re) + f64::from(number.im) * f64::from(number.im);
        *sky = CellFacts::sky(s, power * square);
        *noise = facts.noise(s, *power, square);
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
