//! What the user sets of an algorithm.

use crate::kernel::{NoiseSpectrum, Regularization, Scales, Signs};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How the balance λ of a filter is found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// It is given.
    Given(f64),
    /// From the noise and the strength of the sky.
    Noise,
    /// By generalised cross-validation.
    Gcv,
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Balance::Given(balance) => balance.fmt(f),
            Balance::Noise => f.write_str("noise"),
            Balance::Gcv => f.write_str("gcv"),
        }
    }
}

/// What is assumed of the sky beyond the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Boundary {
    /// There is none, and the dirty image is a crop of its convolution.
    Linear,
    /// It is that in the frame, again and again.
    Periodic,
}

impl Boundary {
    /// All there are.
    pub const ALL: &[Boundary] = &[Boundary::Linear, Boundary::Periodic];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Boundary::Linear => "linear",
            Boundary::Periodic => "periodic",
        }
    }
}

/// What the user sets of an algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// The most components that CLEAN may find in a plane.
    pub niter: u64,
    /// The part of a peak that CLEAN takes at once (loop gain), 0 to 1.
    pub gain: f32,
    /// CLEAN stops where the largest absolute residual is at most this, in the unit of the dirty image; 0 is off.
    pub threshold: f64,
    /// CLEAN stops where it is at most this many times the noise; 0 is off.
    pub nsigma: f64,
    /// λ of a filter, or how it is found.
    pub balance: Balance,
    /// Standard deviation of the noise of the dirty image, in its unit; none: it is measured.
    pub noise: Option<f64>,
    /// How the power of the noise goes with the frequency; none: natural, but white for a filter of periodic data.
    pub noise_spectrum: Option<NoiseSpectrum>,
    /// What a filter holds to be small; none: the method's own.
    pub regularization: Option<Regularization>,
    /// δ of huber, in the unit of the dirty image per pixel; none: from the noise.
    pub delta: Option<f64>,
    /// What a filter assumes beyond the frame.
    pub boundary: Boundary,
    /// The most iterations of a method that is no CLEAN; none: the method's own.
    pub iterations: Option<u64>,
    /// The part of the dirty image that may be left of the equations when they count as solved.
    pub tolerance: f64,
    /// Draws of the sky that a sampler keeps, if they are independent enough; none: the method's own.
    pub samples: Option<u64>,
    /// Where random numbers begin.
    pub seed: u64,
    /// Is the standard deviation of the model's pixels a product?
    pub model_uncertainty: bool,
    /// Rows and columns of a chunk for minor cycles; none: the method's own.
    pub chunk: Option<(usize, usize)>,
    /// Pixels of halo around a chunk; none: the method's own.
    pub overlap: Option<usize>,
    /// The scales of multiscale CLEAN; none: [chosen](super::scales()) from beam and image.
    pub scales: Option<Scales>,
    /// How much multiscale CLEAN favours small scales: less than 1 does.
    pub scale_bias: f64,
    /// Of which signs components may be.
    pub signs: Signs,
    /// CLEAN first goes down to this many times the noise, then on where it has found components; none: it does not.
    pub auto_mask: Option<f64>,
    /// The noise is measured in boxes of so many beams; none: in the plane as a whole.
    pub local_rms: Option<f64>,
}

impl Parameters {
    /// Those that the command line has where nothing is said.
    pub const DEFAULT: Parameters = Parameters {
        niter: 1_000_000,
        gain: 0.1,
        threshold: 0.0,
        nsigma: 5.0,
        balance: Balance::Noise,
        noise: None,
        noise_spectrum: None,
        regularization: None,
        delta: None,
        boundary: Boundary::Linear,
        iterations: None,
        tolerance: 3e-4,
        samples: None,
        seed: 1,
        model_uncertainty: false,
        chunk: None,
        overlap: None,
        scales: None,
        scale_bias: 0.9,
        signs: Signs::Both,
        auto_mask: None,
        local_rms: None,
    };

    /// What `nsigma` is with an automatic mask, if nothing is said.
    pub const NSIGMA_INSIDE: f64 = 3.0;
}
