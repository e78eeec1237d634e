//! Wiener's filter.

use super::operation::{Call, Operation};
use super::payload::Shape;
use super::prior::{Prior, Strip};
use crate::error::Result;
use num_complex::{Complex32, Complex64};
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
        self.strip.table_bytes()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let table = call.scratch.as_mut_slice::<f64>();
        self.strip.fill(table);
        let psf = call.inputs[0].complex();
        let dirty = call.outputs[0].complex_mut();
        for column in 0..self.strip.columns {
            let added = self.strip.added(&self.prior, column, table);
            for ((d, h), added) in dirty.row_mut(column).iter_mut().zip(psf.row(column)).zip(added) {
                *d = match self.noise {
                    NoiseSpectrum::White => white(*d, *h, added),
                    NoiseSpectrum::Natural => self.natural(*d, h.re, added),
                };
            }
        }
        Ok(())
    }
}

impl Wiener {
    fn natural(&self, dirty: Complex32, transfer: f32, added: f64) -> Complex32 {
        let transfer = f64::from(transfer);
        if transfer > self.least { dirty * ((transfer + added).recip() as f32) } else { Complex32::ZERO }
    }
}

/// In f64, since the squares of frequencies that a PSF hardly measures are below what f32 can hold.
fn white(dirty: Complex32, psf: Complex32, added: f64) -> Complex32 {
    let d = Complex64::new(f64::from(dirty.re), f64::from(dirty.im));
    let h = Complex64::new(f64::from(psf.re), f64::from(psf.im));
    let power = h.norm_sqr() + added;
    let weight = if power == 0.0 { 0.0 } else { 1.0 / power };
    let model = h.conj() * d * weight;
    Complex32::new(model.re as f32, model.im as f32)
}
