//! The prior of a sky: how much power it has at each frequency.

use serde::{Deserialize, Serialize};
use std::f64::consts::PI;
use std::fmt;

/// What a regularization holds down, as a function R of the frequency (kx, ky), in radians per pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Regularization {
    /// All frequencies alike: R = 1.
    Flat,
    /// Differences between neighbours: R = 4 − 2 cos kx − 2 cos ky.
    Gradient,
    /// The Laplacian: R = (4 − 2 cos kx − 2 cos ky)², as scikit-image has it.
    Laplacian,
}

impl fmt::Display for Regularization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Regularization::Flat => "flat",
            Regularization::Gradient => "gradient",
            Regularization::Laplacian => "laplacian",
        })
    }
}

/// A Gaussian prior of a sky: independent frequencies, each of variance τ² / R.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Prior {
    /// The shape of R.
    pub regularization: Regularization,
    /// What is added to it, so that the mean of the sky has a variance too; of no account where it is flat.
    pub floor: f64,
}

impl Prior {
    /// R, from what both axes have of 4 − 2 cos kx − 2 cos ky.
    pub fn power(&self, along_x: f64, along_y: f64) -> f64 {
        let gradient = along_x + along_y;
        match self.regularization {
            Regularization::Flat => 1.0,
            Regularization::Gradient => gradient + self.floor,
            Regularization::Laplacian => gradient * gradient + self.floor,
        }
    }

    /// R of a column, from what its horizontal frequency has of it and what the vertical ones have.
    pub fn line(&self, across: f64, along: &[f64], power: &mut [f64]) {
        power.iter_mut().zip(along).for_each(|(power, down)| *power = self.power(across, *down));
    }

    /// What an axis of `length` samples has of it at the frequency of that number: 2 − 2 cos k.
    pub fn along(number: usize, length: usize) -> f64 {
        4.0 * (PI * number as f64 / length as f64).sin().powi(2)
    }

    /// The same of all frequencies of an axis, in working memory.
    pub fn axis(length: usize, memory: &mut [f64]) -> &[f64] {
        let axis = &mut memory[..length];
        axis.iter_mut().enumerate().for_each(|(number, along)| *along = Prior::along(number, length));
        axis
    }
}
