//! Draws of a sky from its posterior, given a dirty image with noise of the covariance σ² A and a Gaussian prior, and what they tell of
//! the strengths of noise and sky.
//!
//! At each cell of a spectrum D = s X + N with E|N|² = P σ² s, s being the transfer function of the PSF and P the number of pixels, and
//! the prior of the sky is E|X|² = P τ² / R. With λ = σ² / τ² the posterior has the mean (A + λR)⁻¹ d and the covariance σ² (A + λR)⁻¹.
//! Where A is one product for each cell, so is the draw ([`PosteriorDraw`]); where it is not, the solution of a system whose right-hand
//! side is perturbed is one ([`Perturbation`]; Orieux, Féron and Giovannelli 2012, IEEE Signal Process. Lett. 19, 65). Given a draw,
//! Σ R |X|² / P is τ² times a χ² of as many degrees of freedom as it has cells, and Σ |D − s X|² / (s P) the same of σ² (Orieux,
//! Giovannelli and Rodet 2010, J. Opt. Soc. Am. A 27, 1593, with the noise of an interferometer in place of white noise).

use super::normals::hermitian;
use super::operation::{Call, Operation};
use super::payload::{Payload, Shape};
use super::prior::{Prior, Strip};
use super::random::Random;
use crate::error::Result;
use multiversion::multiversion;
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

/// Which cells of a spectrum tell of sky and noise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CellFacts {
    /// R; λ does not matter.
    pub prior: Prior,
    /// The transfer function of the least that counts as measured.
    pub least: f64,
    /// The noise is seen in cells that are measured, and in which R is more than this times the transfer function.
    pub gate: f64,
}

impl CellFacts {
    /// The transfer function of a cell, or 0 of one that is not measured.
    #[inline(always)]
    fn measured(&self, psf: Complex32) -> f64 {
        let s = f64::from(psf.re);
        if s > self.least { s } else { 0.0 }
    }

    /// Is the noise seen in a cell of this R?
    #[inline(always)]
    fn is_seen(&self, s: f64, power: f64) -> bool {
        (s > 0.0) & (power > self.gate * s)
    }

    /// What a cell of R |X|² adds to the sum over those that are measured.
    #[inline(always)]
    fn sky(s: f64, square: f64) -> f64 {
        if s > 0.0 { square } else { 0.0 }
    }

    /// What a cell of |D − s X|² adds to the sum over those in which the noise is seen.
    #[inline(always)]
    fn noise(&self, s: f64, power: f64, square: f64) -> f64 {
        if self.is_seen(s, power) { square / s } else { 0.0 }
    }
}

/// A draw of a periodic sky, less a reference, and what it tells of σ and τ.
///
/// Inputs: D, a column strip of the spectrum of the dirty image; H, the same strip of the PSF's. Outputs: the spectrum of x − x₀, x₀ =
/// D / (s + `reference` R) where it is measured and 0 elsewhere; for each column [`PosteriorDraw::WIDTH`] sums over its frequencies:
/// Σ R |X|² over those that are measured, their number, Σ |D − s X|² / s over those in which the noise is seen, their number. Each
/// cell has a mean and a variance of
///
/// - D / (s + λR) and P σ² / (s + λR), where it is measured;
/// - 0 and P τ² / R elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PosteriorDraw {
    /// Where the strip lies.
    pub strip: Strip,
    /// What its cells tell.
    pub facts: CellFacts,
    /// Number of pixels P of the frame.
    pub pixels: f64,
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

impl PosteriorDraw {
    /// Numbers a column.
    pub const WIDTH: usize = 4;
}

/// Lines of f64 in the working memory: what [`Strip::fill`] makes, R of a column, and two more.
const LINES: usize = 4;

impl Operation for PosteriorDraw {
    fn outputs(&self) -> Vec<Shape> {
        let Strip { columns, length, .. } = self.strip;
        let sums = Shape::Small(columns * PosteriorDraw::WIDTH * size_of::<f64>());
        vec![Shape::Complex { rows: columns, cols: length }, sums]
    }

    fn scratch_bytes(&self) -> usize {
        LINES * self.strip.table_bytes()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let mut lines = Lines::new(self.strip, call.scratch.as_mut_slice());
        let random = Random::new(self.seed, self.stream);
        let (made, numbers) = call.outputs.split_at_mut(1);
        let mut all = Vec::with_capacity(self.strip.columns * PosteriorDraw::WIDTH);
        for column in 0..self.strip.columns {
            let (dirty, psf) = (call.inputs[0].complex().row(column), call.inputs[1].complex().row(column));
            lines.go_to(column, &self.facts.prior.with(1.0));
            lines.draw(column, &random);
            draw(self, (dirty, psf), &mut lines, made[0].complex_mut().row_mut(column));
            let (measured, seen) = count(&self.facts, psf, lines.power);
            let sums = [add_up(lines.re), measured as f64, add_up(lines.im), seen as f64];
            all.extend(sums.map(|sum| self.strip.weight(column) * sum));
        }
        numbers[0] = Payload::Numbers(all);
        Ok(())
    }
}

/// What is needed of the rows of a column.
struct Lines<'a> {
    strip: Strip,
    table: &'a [f64],
    /// R, or λR.
    power: &'a mut [f64],
    /// Deviates, and what is made of them.
    re: &'a mut [f64],
    im: &'a mut [f64],
}

impl<'a> Lines<'a> {
    fn new(strip: Strip, memory: &'a mut [f64]) -> Lines<'a> {
        let (table, memory) = memory.split_at_mut(strip.length);
        let (power, memory) = memory.split_at_mut(strip.length);
        let (re, im) = memory.split_at_mut(strip.length);
        strip.fill(table);
        Lines { strip, table, power, re, im: &mut im[..strip.length] }
    }

    /// Fills in what a prior adds in a column of the strip.
    fn go_to(&mut self, column: usize, prior: &Prior) {
        let added = self.strip.added(prior, column, self.table);
        self.power.iter_mut().zip(added).for_each(|(power, added)| *power = added);
    }

    /// Fills in the deviates of a column of the strip.
    fn draw(&mut self, column: usize, random: &Random) {
        let own = self.strip.weight(column) == 1.0;
        hermitian(random, self.strip.first_column + column, own, self.re, self.im);
    }
}

/// x − x₀ of a column; in place of the deviates, what its cells add to the sums. Without branches, so that a compiler makes vectors of it.
#[multiversion(targets("x86_64+avx2"))]
fn draw(
    kernel: &PosteriorDraw,
    (dirty, psf): (&[Complex32], &[Complex32]),
    lines: &mut Lines<'_>,
    made: &mut [Complex32],
) {
    let (facts, reference) = (&kernel.facts, kernel.reference);
    let lambda = (kernel.sigma / kernel.tau).powi(2);
    let variance = kernel.pixels * kernel.sigma * kernel.sigma;
    let deviates = lines.re.iter_mut().zip(lines.im.iter_mut()).zip(&*lines.power);
    for (((d, h), made), ((re, im), &power)) in dirty.iter().zip(psf).zip(made).zip(deviates) {
        let (s, held) = (facts.measured(*h), lambda * power);
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

/// How many cells of a column are measured, and in how many of those the noise is seen.
#[multiversion(targets("x86_64+avx2"))]
fn count(facts: &CellFacts, psf: &[Complex32], power: &[f64]) -> (u64, u64) {
    let (mut measured, mut seen) = (0, 0);
    for (h, power) in psf.iter().zip(power) {
        let s = facts.measured(*h);
        measured += u64::from(s > 0.0);
        seen += u64::from(facts.is_seen(s, *power));
    }
    (measured, seen)
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

/// How strong the noise is in what a sky leaves of the dirty image.
///
/// Inputs: E = D − s X, a column strip of the spectrum of a residual; H, the same strip of the PSF's. Output: for each column
/// [`NoisePower::WIDTH`] sums over the frequencies at which the noise is seen: Σ |E|² / s, and their number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoisePower {
    /// Where the strip lies.
    pub strip: Strip,
    /// What its cells tell.
    pub facts: CellFacts,
}

impl NoisePower {
    /// Numbers a column.
    pub const WIDTH: usize = 2;
}

impl Operation for NoisePower {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(NoisePower::WIDTH * self.strip.columns * size_of::<f64>())]
    }

    fn scratch_bytes(&self) -> usize {
        LINES * self.strip.table_bytes()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let mut lines = Lines::new(self.strip, call.scratch.as_mut_slice());
        let mut sums = Vec::with_capacity(NoisePower::WIDTH * self.strip.columns);
        for column in 0..self.strip.columns {
            let (left, psf) = (call.inputs[0].complex().row(column), call.inputs[1].complex().row(column));
            lines.go_to(column, &self.facts.prior.with(1.0));
            noise(&self.facts, (left, psf), lines.power, lines.re);
            let (_, seen) = count(&self.facts, psf, lines.power);
            sums.extend([add_up(lines.re), seen as f64].map(|sum| self.strip.weight(column) * sum));
        }
        call.outputs[0] = Payload::Numbers(sums);
        Ok(())
    }
}

/// What the cells of a column add to the sum.
#[multiversion(targets("x86_64+avx2"))]
fn noise(facts: &CellFacts, (left, psf): (&[Complex32], &[Complex32]), power: &[f64], sum: &mut [f64]) {
    for (((left, h), &power), sum) in left.iter().zip(psf).zip(power).zip(sum) {
        let (re, im) = (f64::from(left.re), f64::from(left.im));
        *sum = facts.noise(facts.measured(*h), power, re * re + im * im);
    }
}

/// The spectrum of noise of the covariance A + λR, where A is known in a frame that is larger than the image: with its inverse transform η,
/// cut to the image, the solutions of (A + λR) x = d + σ η are draws of the posterior.
///
/// Input: H, a column strip of the spectrum of the PSF. Output: as many numbers, `scale` × √(max(Re H, 0) + λR) z, E|z|² = 1; √ of the
/// number of pixels of the frame as scale makes it noise of this covariance, of variance 1 for a PSF of peak 1 and λ = 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Perturbation {
    /// Where the strip lies.
    pub strip: Strip,
    /// λ and R.
    pub prior: Prior,
    /// Factor of all numbers.
    pub scale: f64,
    /// The seed.
    pub seed: u64,
    /// Which of its streams.
    pub stream: u64,
}

impl Operation for Perturbation {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Complex { rows: self.strip.columns, cols: self.strip.length }]
    }

    fn scratch_bytes(&self) -> usize {
        LINES * self.strip.table_bytes()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let mut lines = Lines::new(self.strip, call.scratch.as_mut_slice());
        let random = Random::new(self.seed, self.stream);
        let (psf, made) = (call.inputs[0].complex(), call.outputs[0].complex_mut());
        for column in 0..self.strip.columns {
            lines.go_to(column, &self.prior);
            lines.draw(column, &random);
            perturb(self.scale, psf.row(column), &lines, made.row_mut(column));
        }
        Ok(())
    }
}

/// A column of a perturbation.
#[multiversion(targets("x86_64+avx2"))]
fn perturb(scale: f64, psf: &[Complex32], lines: &Lines<'_>, made: &mut [Complex32]) {
    let deviates = lines.re.iter().zip(&*lines.im).zip(&*lines.power);
    for ((h, made), ((re, im), added)) in psf.iter().zip(made).zip(deviates) {
        let size = scale * (f64::from(h.re).max(0.0) + added).sqrt();
        *made = Complex32::new((size * re) as f32, (size * im) as f32);
    }
}
