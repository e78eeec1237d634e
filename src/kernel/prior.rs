//! What is assumed of a sky before it is seen: how its power falls with the frequency.

use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Which differences between pixels a prior holds to be small: R in the energy ½ xᵀRx.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Regularization {
    /// None, but the pixels themselves: R = 1, a white sky.
    Flat,
    /// Differences of neighbours: R = GᵀG, power that falls as 1/k².
    Gradient,
    /// The Laplacian, of which the centre is 4 and the four neighbours −1: R = LᵀL, power that falls as 1/k⁴ (Hunt 1973).
    Laplacian,
}

impl Regularization {
    /// All there are.
    pub const ALL: &[Regularization] = &[Regularization::Flat, Regularization::Gradient, Regularization::Laplacian];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Regularization::Flat => "flat",
            Regularization::Gradient => "gradient",
            Regularization::Laplacian => "laplacian",
        }
    }

    /// R at a frequency at which the Laplacian's transfer function is this.
    fn of(self, laplacian: f64) -> f64 {
        match self {
            Regularization::Flat => 1.0,
            Regularization::Gradient => laplacian,
            Regularization::Laplacian => laplacian * laplacian,
        }
    }
}

/// What is added to the transfer function: `balance` × (R(k) + `floor`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Prior {
    /// λ: the power of the noise over that of the sky.
    pub balance: f64,
    /// R.
    pub regularization: Regularization,
    /// What R is raised by, so that it is above zero at k = 0, where a PSF that sums to nothing does not hold the sky either.
    pub floor: f64,
}

impl Prior {
    /// What a prior that has nothing to say at k = 0 is raised by.
    pub const FLOOR: f64 = 1e-3;

    /// One that is above zero everywhere.
    pub fn raised(balance: f64, regularization: Regularization) -> Prior {
        let floor = if regularization == Regularization::Flat { 0.0 } else { Prior::FLOOR };
        Prior { balance, regularization, floor }
    }

    /// One that is R alone.
    pub fn bare(balance: f64, regularization: Regularization) -> Prior {
        Prior { balance, regularization, floor: 0.0 }
    }

    /// The same with another balance.
    pub fn with(self, balance: f64) -> Prior {
        Prior { balance, ..self }
    }
}

/// Where a column strip of a spectrum lies in the plane of frequencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strip {
    /// Number of spectrum columns in the strip: the rows of the transposed block.
    pub columns: usize,
    /// Number of vertical frequencies.
    pub length: usize,
    /// Horizontal frequency of the first line.
    pub first_column: usize,
    /// Number of columns of the plane.
    pub row_length: usize,
}

impl Strip {
    /// Bytes of the table that [`Strip::fill`] makes.
    pub fn table_bytes(&self) -> usize {
        self.length * size_of::<f64>()
    }

    /// Fills a table, one number a vertical frequency, with the vertical part of the Laplacian's transfer function.
    pub fn fill(&self, table: &mut [f64]) {
        table[..self.length].iter_mut().enumerate().for_each(|(k, number)| *number = part(k, self.length));
    }

    /// What a prior adds at each frequency of a column of the strip; `table` is that of [`Strip::fill`].
    pub fn added<'a>(&self, prior: &Prior, column: usize, table: &'a [f64]) -> impl Iterator<Item = f64> + use<'a> {
        let (prior, across) = (*prior, part(self.first_column + column, self.row_length));
        let added = move |down: &f64| prior.balance * (prior.regularization.of(across + down) + prior.floor);
        table[..self.length].iter().map(added)
    }

    /// In how many columns of the whole spectrum the numbers of a column stand: that of a negative frequency is not stored.
    pub fn weight(&self, column: usize) -> f64 {
        let at = self.first_column + column;
        if at == 0 || 2 * at == self.row_length { 1.0 } else { 2.0 }
    }
}

/// 2 − 2 cos(2πk/n), which is 4 sin²(πk/n) without its rounding near 0.
pub(super) fn part(k: usize, n: usize) -> f64 {
    let sine = (PI * k as f64 / n as f64).sin();
    4.0 * sine * sine
}
