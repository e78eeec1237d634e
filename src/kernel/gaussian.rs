//! A convolution with a Gaussian, in the Fourier domain.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Multiplies a column strip of a spectrum with the discrete Fourier transform of a sampled Gaussian of peak 1.
///
/// The Gaussian is g(x, y) = exp(−½ rᵀ C⁻¹ r), r = (x, y) = (column, row) counted from pixel 0, made periodic with
/// the size of the plane, and C is `covariance`. By Poisson's summation formula its transform is the sum of
///
/// T(fx, fy) = 2π √det C · exp(−2π² (xx fx² + 2 xy fx fy + yy fy²))
///
/// over all aliases (fx + m, fy + n) of a frequency, m and n whole numbers, f in cycles per pixel. Aliases at which T
/// is below 1e-9 of its peak are left out: a Gaussian of σ > 1.4 pixels has none that count, a narrow one has many.
///
/// Input: the strip, `columns` lines of `length` numbers: line j belongs to the horizontal frequency
/// `first_column` + j of rows of `row_length` samples, number k of a line to the vertical frequency k of columns of
/// `length` samples (the second half stands for the negative frequencies). Output: the strip, in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GaussianMultiply {
    /// Number of spectrum columns in the strip: the rows of the transposed block.
    pub columns: usize,
    /// Number of vertical frequencies, and of rows of the padded plane.
    pub length: usize,
    /// Horizontal frequency of the first line.
    pub first_column: usize,
    /// Number of columns of the padded plane.
    pub row_length: usize,
    /// Covariance C of the Gaussian: [xx, xy, yy] in pixels², x along rows and y along columns.
    pub covariance: [f64; 3],
}

/// T is left out where it is below exp(−NEGLIGIBLE) of its peak; this is 1e-9.
pub(super) const NEGLIGIBLE: f64 = 20.723_265_836_946_41;

/// Variance in pixels² below which a Gaussian is refused: it would have hundreds of aliases, and is a single pixel.
const NARROWEST: f64 = 0.01;

impl Operation for GaussianMultiply {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Complex { rows: self.columns, cols: self.length }]
    }

    fn scratch_bytes(&self) -> usize {
        self.length * size_of::<f64>()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        self.check()?;
        let transfer = &mut call.scratch.as_mut_slice::<f64>()[..self.length];
        let spectrum = call.outputs[0].complex_mut();
        for column in 0..self.columns {
            self.transfer(self.first_column + column, transfer);
            for (number, t) in spectrum.row_mut(column).iter_mut().zip(&*transfer) {
                *number *= *t as f32;
            }
        }
        Ok(())
    }
}

impl GaussianMultiply {
    /// Is the covariance that of a Gaussian which is not too narrow to be sampled?
    pub(super) fn check(&self) -> Result<()> {
        let [xx, xy, yy] = self.covariance;
        if is_sampled(self.covariance) {
            return Ok(());
        }
        Err(Error::internal(format!("a Gaussian of covariance {xx}, {xy}, {yy} pixels² cannot be sampled")))
    }

    /// The sum of T and its aliases for each vertical frequency at a horizontal one.
    pub(super) fn transfer(&self, column: usize, sums: &mut [f64]) {
        let (peak, _, v) = self.fall();
        let fall = (-2.0 * v / (self.length as f64).powi(2)).exp();
        sums.fill(0.0);
        for (least, ridge) in self.ridges(column) {
            let left = (NEGLIGIBLE - least).max(0.0);
            let n = self.length as f64;
            let (first, last) = whole_numbers(ridge * n, 1.0, (left / v).sqrt() * n).into_inner();
            for row in (first..=last).step_by(STEPS) {
                let steps = STEPS.min((last - row) as usize + 1);
                let away = row as f64 / n - ridge;
                let start = peak * (-(least + v * away * away)).exp();
                let ratio = (-v * (2.0 * away + 1.0 / n) / n).exp();
                add_gaussian((start, ratio, fall), row.rem_euclid(self.length as i64) as usize, steps, sums);
            }
        }
    }

    /// The peak of T, u and v: −ln(T / peak) is u fx² at the fy where it is smallest, fy = −(xy / yy) fx, and grows by v (fy − that)².
    pub(super) fn fall(&self) -> (f64, f64, f64) {
        let [xx, xy, yy] = self.covariance;
        let det = xx * yy - xy * xy;
        (2.0 * PI * det.sqrt(), 2.0 * PI * PI * det / yy, 2.0 * PI * PI * yy)
    }

    /// Of the aliases of a horizontal frequency the smallest −ln(T / peak), and at which vertical one it is, aliases or not.
    pub(super) fn ridges(&self, column: usize) -> impl Iterator<Item = (f64, f64)> + use<> {
        let ([_, xy, yy], (_, u, _)) = (self.covariance, self.fall());
        let (column, row_length) = (column as f64, self.row_length as f64);
        whole_numbers(-column, row_length, (NEGLIGIBLE / u).sqrt()).map(move |alias| {
            let fx = column / row_length + alias as f64;
            (u * fx * fx, -(xy / yy) * fx)
        })
    }
}

/// So many values of a Gaussian follow from the first one: then it is computed anew, so that rounding stays below 1e-12.
const STEPS: usize = 128;

/// Adds values of a Gaussian to a line from place `at` on, around its end: the first one, the ratio of the second one to it, and what
/// that ratio is multiplied by from one to the next.
fn add_gaussian((mut value, mut ratio, fall): (f64, f64, f64), mut at: usize, steps: usize, line: &mut [f64]) {
    for _ in 0..steps {
        line[at] += value;
        value *= ratio;
        ratio *= fall;
        at = if at + 1 < line.len() { at + 1 } else { 0 };
    }
}

/// Is a covariance ([xx, xy, yy], pixels²) that of a Gaussian which is not too narrow to be sampled?
pub fn is_sampled([xx, xy, yy]: [f64; 3]) -> bool {
    let narrow = 0.5 * (xx + yy - (xx - yy).hypot(2.0 * xy));
    narrow >= NARROWEST && narrow.is_finite()
}

/// The whole numbers m with |m·`unit` − `centre`| ≤ `reach`·`unit`.
fn whole_numbers(centre: f64, unit: f64, reach: f64) -> std::ops::RangeInclusive<i64> {
    (centre / unit - reach).ceil() as i64..=(centre / unit + reach).floor() as i64
}
