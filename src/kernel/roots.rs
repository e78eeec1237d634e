//! The root of the sum of squares over planes: what a pixel counts where polarizations are joined.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::Result;
use multiversion::multiversion;
use serde::{Deserialize, Serialize};

/// Pixel by pixel the root of the sum of squares of some planes.
///
/// Inputs: `planes` times `rows` × `cols` pixels. Output: as many pixels as one of them: √Σ p², squared, added up in the order of
/// the planes and rooted in f64 and rounded once; blank (NaN) where any of them is. Where all but one are 0, or there is one, that is its
/// absolute value to the bit: squares are exact in f64, and so is the root of an exact square.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RootOfSquares {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
}

impl Operation for RootOfSquares {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.rows, cols: self.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let made = call.outputs[0].real_mut();
        for y in 0..self.rows {
            let rows: Vec<&[f32]> = call.inputs.iter().map(|plane| plane.real().row(y)).collect();
            roots(&rows, made.row_mut(y));
        }
        Ok(())
    }
}

/// The root of the sum of squares of some numbers, as [`RootOfSquares`] has it.
pub fn root(numbers: impl Iterator<Item = f32>) -> f32 {
    numbers.map(square).sum::<f64>().sqrt() as f32
}

fn square(number: f32) -> f64 {
    f64::from(number) * f64::from(number)
}

/// Numbers side by side in the loop: two AVX2 registers of f64.
const LANES: usize = 8;

/// The roots of the sums of squares of the numbers of some rows, each as long as that of the roots at least.
#[multiversion(targets("x86_64+avx2"))]
pub fn roots(rows: &[&[f32]], made: &mut [f32]) {
    let length = made.len();
    let (body, rest) = made.as_chunks_mut::<LANES>();
    for (k, made) in body.iter_mut().enumerate() {
        let mut sums = [0.0f64; LANES];
        for row in rows {
            let numbers = &row.as_chunks::<LANES>().0[k];
            for lane in 0..LANES {
                sums[lane] += square(numbers[lane]);
            }
        }
        for lane in 0..LANES {
            made[lane] = sums[lane].sqrt() as f32;
        }
    }
    for (x, made) in (length / LANES * LANES..length).zip(rest) {
        *made = root(rows.iter().map(|row| row[x]));
    }
}
