//! Wiener's filter.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::Result;
use num_complex::{Complex32, Complex64};
use serde::{Deserialize, Serialize};

/// conj(H)·D / (|H|² + `balance`), frequency by frequency: Wiener's filter for a flat prior and white noise, as
/// scikit-image's `restoration.wiener` has it with `reg` = 1.
///
/// Inputs: D, a column strip of the spectrum of the dirty image; H, the same strip of the spectrum of the PSF; both
/// `columns` lines of `length` numbers. Output: as many, in the place of D: the spectrum of the model. A frequency
/// that is measured by nobody (|H|² + `balance` = 0) is 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wiener {
    /// Number of spectrum columns in the strip: the rows of the transposed block.
    pub columns: usize,
    /// Number of vertical frequencies.
    pub length: usize,
    /// Power of the noise over that of the sky, in the unit of |H|² (1 for a PSF with a sum of 1); at least 0.
    pub balance: f64,
}

impl Operation for Wiener {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Complex { rows: self.columns, cols: self.length }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let psf = call.inputs[0].complex();
        let dirty = call.outputs[0].complex_mut();
        for column in 0..self.columns {
            for (d, h) in dirty.row_mut(column).iter_mut().zip(psf.row(column)) {
                *d = filter(*d, *h, self.balance);
            }
        }
        Ok(())
    }
}

/// In f64, since the squares of frequencies that a PSF hardly measures are below what f32 can hold.
fn filter(dirty: Complex32, psf: Complex32, balance: f64) -> Complex32 {
    let d = Complex64::new(f64::from(dirty.re), f64::from(dirty.im));
    let h = Complex64::new(f64::from(psf.re), f64::from(psf.im));
    let power = h.norm_sqr() + balance;
    let weight = if power == 0.0 { 0.0 } else { 1.0 / power };
    let model = h.conj() * d * weight;
    Complex32::new(model.re as f32, model.im as f32)
}
