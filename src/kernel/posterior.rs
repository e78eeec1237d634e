//! Draws of a sky from its posterior, given a dirty image with noise of the covariance σ² A and a Gaussian prior.
//!
//! With the transfer function s of the PSF, the prior's R and λ = σ² / τ² the posterior has the mean (A + λR)⁻¹ d and the covariance
//! σ² (A + λR)⁻¹. Where A is one product for each cell, so is the draw ([`PosteriorDraw`]); where it is not, the solution of a system
//! whose right-hand side is perturbed is one ([`Perturbation`]; Orieux, Féron and Giovannelli 2012, IEEE Signal Process. Lett. 19, 65).

use super::cells::{CellFacts, Cells, SUMS, is_own, transfer};
use super::normals::hermitian;
use super::operation::{Call, Operation};
use super::payload::{Payload, Shape};
use super::prior::Prior;
use super::random::Random;
use crate::error::Result;
use multiversion::multiversion;
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

/// A draw of a periodic sky, less a reference, and what it tells of σ and τ.
///
/// Inputs: D, a column strip of the spectrum of the dirty image; H, the same of the PSF. Outputs: the spectrum of x − x₀, with x₀ =
/// D / (s + `reference` R) where there are data and 0 elsewhere; [sums](super::cells) of x. Cell by cell, each has a mean and a variance of
///
/// - D / (s + λR) and P σ² / (s + λR), where s is above the cut of `cells`;
/// - 0 and P τ² / R elsewhere: there are no data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PosteriorDraw {
    /// The strip; its P is the number of pixels of the frame.
    pub cells: Cells,
    /// Standard deviation of the noise of a pixel, in the unit of the dirty image; above 0.
    pub sigma: f64,
    /// Strength of the sky, in the unit of the model: the standard deviation of a pixel where R is 1; above 0.
    pub tau: f64,
    /// λ of the sky that is taken off.
    pub reference: f64,
    /// The seed.
    pub seed: u64,
    /// Which of its streams.
    pub stream: u64,
}

/// Lines of f64 in the working memory: R of the rows, R of a column, and the deviates.
const LINES: usize = 4;

impl Operation for PosteriorDraw {
    fn outputs(&self) -> Vec<Shape> {
        vec![self.cells.shape(), self.cells.sums_shape()]
    }

    fn scratch_bytes(&self) -> usize {
        LINES * self.cells.length * size_of::<f64>()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let mut lines = Lines::new(&self.cells.facts.prior, self.cells.length, call.scratch.as_mut_slice());
        let random = Random::new(self.seed, self.stream);
        let (made, numbers) = call.outputs.split_at_mut(1);
        let mut all = Vec::with_capacity(self.cells.columns * SUMS);
        for line in 0..self.cells.columns {
            let column = self.cells.first_column + line;
            lines.go_to(column, self.cells.row_length, &random);
            let (dirty, psf) = (call.inputs[0].complex().row(line), call.inputs[1].complex().row(line));
            draw(self, (dirty, psf), &mut lines, made[0].complex_mut().row_mut(line));
            all.extend(self.cells.sums(column, (lines.re, lines.im), psf, lines.power));
        }
        numbers[0] = Payload::Numbers(all);
        Ok(())
    }
}

/// What is needed of the rows of a column.
struct Lines<'a> {
    prior: &'a Prior,
    /// What the vertical frequencies have of R.
    along: &'a [f64],
    /// R.
    power: &'a mut [f64],
    /// Deviates.
    re: &'a mut [f64],
    im: &'a mut [f64],
}

impl<'a> Lines<'a> {
    fn new(prior: &'a Prior, length: usize, memory: &'a mut [f64]) -> Lines<'a> {
        let (along, memory) = memory.split_at_mut(length);
        let (power, memory) = memory.split_at_mut(length);
        let (re, im) = memory.split_at_mut(length);
        Lines { prior, along: Prior::axis(length, along), power, re, im: &mut im[..length] }
    }

    /// Fills R and deviates of a column of the spectrum of rows of so many samples.
    fn go_to(&mut self, column: usize, row_length: usize, random: &Random) {
        self.prior.line(Prior::along(column, row_length), self.along, self.power);
        hermitian(random, column, is_own(column, row_length), self.re, self.im);
    }
}

/// x − x₀ of a column; in place of the deviates, what the cells add to the [sums](Cells::sums). Without branches, so that a compiler makes
/// vectors of it.
#[multiversion(targets("x86_64+avx2"))]
fn draw(
    kernel: &PosteriorDraw,
    (dirty, psf): (&[Complex32], &[Complex32]),
    lines: &mut Lines<'_>,
    made: &mut [Complex32],
) {
    let (facts, reference) = (&kernel.cells.facts, kernel.reference);
    let lambda = (kernel.sigma / kernel.tau).powi(2);
    let variance = facts.pixels * kernel.sigma * kernel.sigma;
    let deviates = lines.re.iter_mut().zip(lines.im.iter_mut()).zip(&*lines.power);
    for (((d, h), made), ((re, im), &power)) in dirty.iter().zip(psf).zip(made).zip(deviates) {
        let (s, held) = (facts.known(*h), lambda * power);
        let inverse = 1.0 / (s + held);
        let (weight, size) = (if s > 0.0 { inverse } else { 0.0 }, (variance * inverse).sqrt());
        let mean = (weight * f64::from(d.re), weight * f64::from(d.im));
        let deviation = (size * *re, size * *im);
        // In place of D − s x, the difference of two numbers that are nearly alike.
        let left = (held * mean.0 - s * deviation.0, held * mean.1 - s * deviation.1);
        let sky = (mean.0 + deviation.0, mean.1 + deviation.1);
        *re = CellFacts::sky(s, power * (sky.0 * sky.0 + sky.1 * sky.1));
        *im = facts.noise(s, power, left.0 * left.0 + left.1 * left.1);
        let moved = (reference * power - held) / (s + reference * power);
        *made = Complex32::new((moved * mean.0 + deviation.0) as f32, (moved * mean.1 + deviation.1) as f32);
    }
}

/// The spectrum of noise of the covariance A + λR, where A is known in a frame that is larger than the image: with its inverse transform η,
/// cut to the image, the solutions of (A + λR) x = d + σ η are draws of the posterior.
///
/// Input: H, a column strip of the spectrum of the PSF. Output: as many numbers, `scale` × √(s + `balance` × R) z, E|z|² = 1; √ of the
/// number of pixels of the frame as scale makes it noise of this covariance, of variance 1 for a PSF of peak 1 and λ = 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Perturbation {
    /// Number of spectrum columns in the strip: the rows of the transposed block.
    pub columns: usize,
    /// Number of vertical frequencies.
    pub length: usize,
    /// Horizontal frequency of the first line.
    pub first_column: usize,
    /// Number of columns of the frame.
    pub row_length: usize,
    /// R.
    pub prior: Prior,
    /// λ.
    pub balance: f64,
    /// Factor of all numbers.
    pub scale: f64,
    /// The seed.
    pub seed: u64,
    /// Which of its streams.
    pub stream: u64,
}

impl Operation for Perturbation {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Complex { rows: self.columns, cols: self.length }]
    }

    fn scratch_bytes(&self) -> usize {
        LINES * self.length * size_of::<f64>()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let mut lines = Lines::new(&self.prior, self.length, call.scratch.as_mut_slice());
        let random = Random::new(self.seed, self.stream);
        let (psf, made) = (call.inputs[0].complex(), call.outputs[0].complex_mut());
        for line in 0..self.columns {
            lines.go_to(self.first_column + line, self.row_length, &random);
            perturb((self.scale, self.balance), psf.row(line), &lines, made.row_mut(line));
        }
        Ok(())
    }
}

/// A column of a perturbation.
#[multiversion(targets("x86_64+avx2"))]
fn perturb((scale, balance): (f64, f64), psf: &[Complex32], lines: &Lines<'_>, made: &mut [Complex32]) {
    let deviates = lines.re.iter().zip(&*lines.im).zip(&*lines.power);
    for ((h, made), ((re, im), power)) in psf.iter().zip(made).zip(deviates) {
        let size = scale * (transfer(*h) + balance * power).sqrt();
        *made = Complex32::new((size * re) as f32, (size * im) as f32);
    }
}
