//! The operator of the normal equations, and what makes them easier to solve.

use super::operation::{Call, Operation};
use super::payload::Shape;
use super::prior::{Prior, Strip};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// A spectrum times max(Re H, 0) + λ R, or divided by that.
///
/// Between padding and cropping this is A + λR: A the convolution with the PSF, of which what is negative is left out, so that it
/// has no negative eigenvalue, whatever rounding or cropping have done to the PSF. Divided by, in a frame of the image's size and with
/// something added, it is near its inverse: a preconditioner (Chan 1988, SIAM J. Sci. Stat. Comput. 9, 766).
///
/// Inputs: the strip; H, the same strip of the PSF's spectrum. Output: the strip, in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Normal {
    /// Where the strip lies.
    pub strip: Strip,
    /// λ and R.
    pub prior: Prior,
    /// What is added at every frequency, in the unit of H.
    pub added: f64,
    /// Is it divided by?
    pub inverse: bool,
}

impl Operation for Normal {
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
        let spectrum = call.outputs[0].complex_mut();
        for column in 0..self.strip.columns {
            let added = self.strip.added(&self.prior, column, table);
            for ((number, h), prior) in spectrum.row_mut(column).iter_mut().zip(psf.row(column)).zip(added) {
                let factor = h.re.max(0.0) + (prior + self.added) as f32;
                *number *= if self.inverse { factor.recip() } else { factor };
            }
        }
        Ok(())
    }
}
