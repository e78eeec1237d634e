//! What a filter does to noise and sky, as sums over a spectrum.
//!
//! Sums are kept for each column in f64, to be added up column by column ([`super::AddNumbers`]), so that they do not depend on
//! the strips that the spectrum is stored in. A column that stands for a negative frequency too counts twice.

use super::gaussian::GaussianMultiply;
use super::operation::{Call, Operation};
use super::payload::{Payload, Shape};
use super::prior::{Prior, Strip};
use super::wiener::NoiseSpectrum;
use crate::error::Result;
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

/// What a PSF and a filter do to white noise and to a sky.
///
/// Input: H, a column strip of the PSF's spectrum. Output: for each column [`TransferSums::WIDTH`] sums over its frequencies, s being
/// |H| with white noise and max(Re H, 0) with natural noise:
///
/// - Σ s², of a white sky's power in the dirty image;
/// - Σ s and Σ s R, of which the quotient is the mean of R where the sky is seen;
/// - Σ g², g what noise of unit variance a pixel becomes in model ⊛ beam + residual: of natural noise √s (B + λR) / (s + λR), of white
///   noise |B H* + λR| / (|H|² + λR), B the transfer function of the restoring beam. Where both parts of a denominator are 0 so is g.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransferSums {
    /// Where the strip lies.
    pub strip: Strip,
    /// λ and R of the filter.
    pub prior: Prior,
    /// What the noise is like.
    pub noise: NoiseSpectrum,
    /// Covariance of the restoring beam: [xx, xy, yy] in pixels²; none: g is not asked for, and is 0.
    pub covariance: Option<[f64; 3]>,
}

impl TransferSums {
    /// Numbers a column.
    pub const WIDTH: usize = 4;

    /// The transfer function of the restoring beam in a column; zero if it is not asked for.
    fn beam(&self, column: usize, transfer: &mut [f64]) {
        match self.gaussian() {
            None => transfer.fill(0.0),
            Some(gaussian) => gaussian.transfer(self.strip.first_column + column, transfer),
        }
    }

    /// The multiplication with the restoring beam's transfer function, if it is asked for.
    pub(super) fn gaussian(&self) -> Option<GaussianMultiply> {
        let Strip { columns, length, first_column, row_length } = self.strip;
        self.covariance.map(|covariance| GaussianMultiply { columns, length, first_column, row_length, covariance })
    }

    /// s and g² of one frequency.
    fn terms(&self, h: Complex32, added: f64, beam: f64) -> (f64, f64) {
        let (re, im) = (f64::from(h.re), f64::from(h.im));
        let (s, numerator, denominator) = match self.noise {
            NoiseSpectrum::Natural => {
                let s = re.max(0.0);
                (s, s.sqrt() * (beam + added), s + added)
            }
            NoiseSpectrum::White => (re.hypot(im), (beam * re + added).hypot(beam * im), re * re + im * im + added),
        };
        let gain = if denominator == 0.0 || self.covariance.is_none() { 0.0 } else { numerator / denominator };
        (s, gain * gain)
    }
}

impl Operation for TransferSums {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(TransferSums::WIDTH * self.strip.columns * size_of::<f64>())]
    }

    fn scratch_bytes(&self) -> usize {
        2 * self.strip.table_bytes()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let (table, beam) = call.scratch.as_mut_slice::<f64>().split_at_mut(self.strip.length);
        let beam = &mut beam[..self.strip.length];
        self.strip.fill(table);
        let psf = call.inputs[0].complex();
        let mut sums = Vec::with_capacity(TransferSums::WIDTH * self.strip.columns);
        for column in 0..self.strip.columns {
            self.beam(column, beam);
            let added = self.strip.added(&self.prior, column, table);
            let bare = self.strip.added(&self.prior.with(1.0), column, table);
            let mut sum = [0.0; TransferSums::WIDTH];
            for (((h, added), r), beam) in psf.row(column).iter().zip(added).zip(bare).zip(&*beam) {
                let (s, gain) = self.terms(*h, added, *beam);
                sum.iter_mut().zip([s * s, s, s * r, gain]).for_each(|(sum, term)| *sum += term);
            }
            sums.extend(sum.map(|sum| self.strip.weight(column) * sum));
        }
        call.outputs[0] = Payload::Numbers(sums);
        Ok(())
    }
}

/// How strong a filter's model is where it was measured, in the terms of a prior, and what a sky and the noise would have made of it.
///
/// Inputs: X, a column strip of the spectrum of a model; H, the same strip of the PSF's. Output: for each column
/// [`PriorPower::WIDTH`] sums over the frequencies at which Re H is above `least`: Σ R |X|², Σ t and Σ n. A pixel with a sky of variance
/// τ²/R and noise of variance σ² adds τ² Σ t + σ² Σ n to the first sum: with s the transfer function, of natural noise t = s² / (s + λR)² and
/// n = R s / (s + λR)², of white noise t = |H|⁴ / (|H|² + λR)² and n = R |H|² / (|H|² + λR)².
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PriorPower {
    /// Where the strip lies.
    pub strip: Strip,
    /// λ and R of the filter.
    pub prior: Prior,
    /// What the noise is like.
    pub noise: NoiseSpectrum,
    /// The transfer function of the least that counts as measured.
    pub least: f64,
}

impl PriorPower {
    /// Numbers a column.
    pub const WIDTH: usize = 3;

    /// t and n of one frequency; `bare` is R.
    fn terms(&self, h: Complex32, bare: f64) -> [f64; 2] {
        let (re, im) = (f64::from(h.re), f64::from(h.im));
        let seen = match self.noise {
            NoiseSpectrum::Natural => re,
            NoiseSpectrum::White => re * re + im * im,
        };
        let part = seen / (seen + self.prior.balance * bare);
        [part * part, bare * part * part / seen]
    }
}

impl Operation for PriorPower {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(PriorPower::WIDTH * self.strip.columns * size_of::<f64>())]
    }

    fn scratch_bytes(&self) -> usize {
        self.strip.table_bytes()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let table = call.scratch.as_mut_slice::<f64>();
        self.strip.fill(table);
        let (model, psf) = (call.inputs[0].complex(), call.inputs[1].complex());
        let mut sums = Vec::with_capacity(PriorPower::WIDTH * self.strip.columns);
        for column in 0..self.strip.columns {
            let bare = self.strip.added(&self.prior.with(1.0), column, table);
            let mut sum = [0.0; PriorPower::WIDTH];
            for ((x, h), r) in model.row(column).iter().zip(psf.row(column)).zip(bare) {
                if f64::from(h.re) <= self.least {
                    continue;
                }
                let [sky, noise] = self.terms(*h, r);
                let power = r * (f64::from(x.re).powi(2) + f64::from(x.im).powi(2));
                sum.iter_mut().zip([power, sky, noise]).for_each(|(sum, term)| *sum += term);
            }
            sums.extend(sum.map(|sum| self.strip.weight(column) * sum));
        }
        call.outputs[0] = Payload::Numbers(sums);
        Ok(())
    }
}
