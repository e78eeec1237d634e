//! Generalised cross-validation of a filter's balance.

use super::operation::{Call, Operation};
use super::payload::{Payload, Shape};
use super::prior::{Prior, Strip};
use super::wiener::NoiseSpectrum;
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// For each λ of a scan what generalised cross-validation needs (Golub, Heath and Wahba 1979, Technometrics 21, 215), over the
/// frequencies at which Re H is above `least`: those that nobody measured carry no data, and must not count.
///
/// With m the part of the data that the filter predicts, the score of λ is Σ n⁻¹ |(1 − m) D|² / (Σ (1 − m))²: of natural noise
/// 1 − m = λR / (s + λR) and its power n = s, of white noise 1 − m = λR / (|H|² + λR) and n = 1.
///
/// Inputs: D, a column strip of the spectrum of the dirty image; H, the same strip of the PSF's. Output: for each column two sums a
/// λ, the one above and the one below, to be added up column by column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Where the strip lies.
    pub strip: Strip,
    /// R; its λ is multiplied by those of the scan.
    pub prior: Prior,
    /// What the noise is like.
    pub noise: NoiseSpectrum,
    /// The transfer function of the least that counts as measured.
    pub least: f64,
}

impl Validation {
    /// How many λ are looked at.
    pub const STEPS: usize = 33;

    /// Numbers a column.
    pub const WIDTH: usize = 2 * Validation::STEPS;

    /// λ of a step as a part of the prior's: four a decade, from 1e-6 to 100.
    pub fn factor(step: usize) -> f64 {
        10f64.powf(step as f64 / 4.0 - 6.0)
    }

    /// The step with the lowest score, of sums over a whole spectrum.
    pub fn best(sums: &[f64]) -> usize {
        let score = |step: usize| sums[2 * step] / sums[2 * step + 1].powi(2);
        (0..Validation::STEPS).min_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap_or(0)
    }
}

impl Operation for Validation {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(Validation::WIDTH * self.strip.columns * size_of::<f64>())]
    }

    fn scratch_bytes(&self) -> usize {
        self.strip.table_bytes()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let table = call.scratch.as_mut_slice::<f64>();
        self.strip.fill(table);
        let factors: Vec<f64> = (0..Validation::STEPS).map(Validation::factor).collect();
        let (dirty, psf) = (call.inputs[0].complex(), call.inputs[1].complex());
        let mut sums = vec![0.0; Validation::WIDTH * self.strip.columns];
        for (column, sums) in sums.chunks_exact_mut(Validation::WIDTH).enumerate() {
            let weight = self.strip.weight(column);
            let added = self.strip.added(&self.prior, column, table);
            for ((d, h), added) in dirty.row(column).iter().zip(psf.row(column)).zip(added) {
                let s = f64::from(h.re);
                if s <= self.least {
                    continue;
                }
                let (power, transfer) = (f64::from(d.re).powi(2) + f64::from(d.im).powi(2), f64::from(h.im).hypot(s));
                let (power, transfer) = match self.noise {
                    NoiseSpectrum::Natural => (power / s, s),
                    NoiseSpectrum::White => (power, transfer * transfer),
                };
                for (pair, factor) in sums.chunks_exact_mut(2).zip(&factors) {
                    let left = factor * added / (transfer + factor * added);
                    pair[0] += weight * power * left * left;
                    pair[1] += weight * left;
                }
            }
        }
        call.outputs[0] = Payload::Numbers(sums);
        Ok(())
    }
}
