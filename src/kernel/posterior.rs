//! Draws of a sky from its posterior, given a dirty image with noise of the covariance σ² A and a Gaussian prior.
//!
//! With the transfer function s of the PSF, the prior's R and λ = σ² / τ² the posterior has the mean (A + λR)⁻¹ d and the covariance
//! σ² (A + λR)⁻¹. Where A is one product for each cell, so is the draw ([`PosteriorDraw`]); where it is not, the solution of a system
//! whose right-hand side is perturbed is one ([`Perturbation`]; Orieux, Féron and Giovannelli 2012, IEEE Signal Process. Lett. 19, 65).

use super::cells::{Cells, ColumnSums, SUMS, is_own, transfer, wide};
use super::operation::{Call, Operation};
use super::payload::{Payload, Shape};
use super::prior::Prior;
use super::random::{Place, Random};
use crate::error::Result;
use num_complex::{Complex32, Complex64};
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
    /// Standard deviation of the noise of a pixel, in the unit of the dirty image.
    pub sigma: f64,
    /// Strength of the sky, in the unit of the model: the standard deviation of a pixel where R is 1.
    pub tau: f64,
    /// λ of the sky that is taken off.
    pub reference: f64,
    /// The seed.
    pub seed: u64,
    /// Which of its streams.
    pub stream: u64,
}

impl Operation for PosteriorDraw {
    fn outputs(&self) -> Vec<Shape> {
        vec![self.cells.shape(), self.cells.sums()]
    }

    fn scratch_bytes(&self) -> usize {
        self.cells.scratch_bytes()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let Cells { columns, length, first_column, row_length, facts } = self.cells;
        let along = Prior::axis(length, call.scratch.as_mut_slice());
        let random = Random::new(self.seed, self.stream);
        let (made, numbers) = call.outputs.split_at_mut(1);
        let mut all = Vec::with_capacity(columns * SUMS);
        for line in 0..columns {
            let (column, made) = (first_column + line, made[0].complex_mut().row_mut(line));
            let across = Prior::along(column, row_length);
            let mut sums = ColumnSums::default();
            let inputs = call.inputs[0].complex().row(line).iter().zip(call.inputs[1].complex().row(line));
            for (row, (((d, h), made), down)) in inputs.zip(made).zip(along).enumerate() {
                let cell = (wide(*d), transfer(*h), facts.prior.power(across, *down));
                let place = Place { column, row, length, own: self.cells.is_own(column) };
                let drawn = self.draw(
                    cell,
                    |size| {
                        let (re, im) = random.hermitian(place, size);
                        Complex64::new(re, im)
                    },
                    &mut sums,
                );
                *made = Complex32::new(drawn.re as f32, drawn.im as f32);
            }
            all.extend(sums.finish(&self.cells, column));
        }
        numbers[0] = Payload::Numbers(all);
        Ok(())
    }
}

impl PosteriorDraw {
    /// x − x₀ at a cell, with a deviate of a size.
    fn draw(
        &self,
        (d, s, power): (Complex64, f64, f64),
        deviate: impl Fn(f64) -> Complex64,
        sums: &mut ColumnSums,
    ) -> Complex64 {
        let facts = self.cells.facts;
        let variance = facts.pixels * self.sigma * self.sigma;
        let lambda = (self.sigma / self.tau).powi(2);
        if s <= facts.cut {
            return deviate((variance / (lambda * power)).sqrt());
        }
        let precision = s + lambda * power;
        let (mean, deviation) = (d / precision, deviate((variance / precision).sqrt()));
        sums.add_sky(&facts, power, (mean + deviation).norm_sqr());
        // D − s x, without the difference of two numbers that are nearly alike.
        sums.add_noise(&facts, power, s, (mean * (lambda * power) - deviation * s).norm_sqr());
        mean * ((self.reference - lambda) * power / (s + self.reference * power)) + deviation
    }
}

/// The spectrum of noise of the covariance A + λR, in whose place A is known in a larger frame: with its inverse transform η, cut to the
/// image, (A + λR) x = d + σ η gives draws of the posterior.
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
        self.length * size_of::<f64>()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let random = Random::new(self.seed, self.stream);
        let along = Prior::axis(self.length, call.scratch.as_mut_slice());
        let (psf, made) = (call.inputs[0].complex(), call.outputs[0].complex_mut());
        for line in 0..self.columns {
            let column = self.first_column + line;
            let across = Prior::along(column, self.row_length);
            let own = is_own(column, self.row_length);
            for (row, ((h, made), down)) in psf.row(line).iter().zip(made.row_mut(line)).zip(along).enumerate() {
                let power = self.balance * self.prior.power(across, *down);
                let place = Place { column, row, length: self.length, own };
                let (re, im) = random.hermitian(place, self.scale * (transfer(*h) + power).sqrt());
                *made = Complex32::new(re as f32, im as f32);
            }
        }
        Ok(())
    }
}
