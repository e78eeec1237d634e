//! Wiener's filter.

use super::operation::{Call, Operation};
use super::payload::Shape;
use super::prior::{Prior, Strip};
use crate::error::Result;
use multiversion::multiversion;
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

/// How the power of the noise goes with the frequency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseSpectrum {
    /// As the transfer function: that of a dirty image of naturally weighted visibilities, of covariance σ² A.
    Natural,
    /// Not at all.
    White,
}

impl NoiseSpectrum {
    /// All there are.
    pub const ALL: &[NoiseSpectrum] = &[NoiseSpectrum::Natural, NoiseSpectrum::White];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            NoiseSpectrum::Natural => "natural",
            NoiseSpectrum::White => "white",
        }
    }
}

/// Wiener's filter, frequency by frequency, of a dirty image with the spectrum D and a PSF with the spectrum H:
///
/// - of white noise conj(H)·D / (|H|² + λR) (Hunt 1973, IEEE Trans. Comput. C-22, 805), as scikit-image's `restoration.wiener` has
///   it with R = |`reg`|²; a frequency that neither PSF nor prior knows of (|H|² + λR = 0) is 0;
/// - of natural noise D / (s + λR), s = max(Re H, 0); where s is not above `least` nothing was measured, and it is 0.
///
/// Inputs: D, a column strip; H, the same strip. Output: the spectrum of the model, in the place of D.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wiener {
    /// Where the strip lies.
    pub strip: Strip,
    /// λ and R: the power of the noise over that of the sky, in the unit of H² or H (1 for a PSF with a sum of 1).
    pub prior: Prior,
    /// What the noise is like.
    pub noise: NoiseSpectrum,
    /// The transfer function of the least that counts as measured.
    pub least: f64,
}

impl Operation for Wiener {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Complex { rows: self.strip.columns, cols: self.strip.length }]
    }

    fn scratch_bytes(&self) -> usize {
        2 * self.strip.table_bytes()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let (table, added) = call.scratch.as_mut_slice::<f64>().split_at_mut(self.strip.length);
        self.strip.fill(table);
        let psf = call.inputs[0].complex();
        let dirty = call.outputs[0].complex_mut();
        for column in 0..self.strip.columns {
            let of_prior = self.strip.added(&self.prior, column, table);
            added.iter_mut().zip(of_prior).for_each(|(added, prior)| *added = prior);
            let (dirty, psf) = (dirty.row_mut(column), psf.row(column));
            match self.noise {
                NoiseSpectrum::White => white(dirty, psf, added),
                NoiseSpectrum::Natural => natural(dirty, psf, added, self.least),
            }
        }
        Ok(())
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn natural(dirty: &mut [Complex32], psf: &[Complex32], added: &[f64], least: f64) {
    for ((number, h), added) in dirty.iter_mut().zip(psf).zip(added) {
        let transfer = f64::from(h.re);
        // Divided in any case: a branch would keep the compiler from doing several at once.
        let weight = (transfer + added).recip();
        *number *= if transfer > least { weight as f32 } else { 0.0 };
    }
}

/// In f64, since the squares of frequencies that a PSF hardly measures are below what f32 can hold.
#[multiversion(targets("x86_64+avx2"))]
fn white(dirty: &mut [Complex32], psf: &[Complex32], added: &[f64]) {
    for ((number, h), added) in dirty.iter_mut().zip(psf).zip(added) {
        let (d_re, d_im) = (f64::from(number.re), f64::from(number.im));
        let (h_re, h_im) = (f64::from(h.re), f64::from(h.im));
        let power = h_re * h_re + h_im * h_im + added;
        let weight = if power == 0.0 { 0.0 } else { 1.0 / power };
        // conj(H) D
        let (re, im) = (h_re * d_re + h_im * d_im, h_re * d_im - h_im * d_re);
        *number = Complex32::new((re * weight) as f32, (im * weight) as f32);
    }
}
