//! Synthetic observations with a known truth: `deconv simulate`.
//!
//! A [`Telescope`] looks at a made-up sky of points and extended sources for some hours; what it samples of the uv plane gives
//! the PSF, the dirty image and its noise. Nothing holds a plane: images and spectra are chunked arrays, made where they are needed and
//! written a section at a time. Random numbers are counted, so the files do not depend on threads or memory.
//!
//! Definitions, with G = 2N (or N, if `periodic`), in the names of the files:
//!
//! - *uv coverage*: samples are counted in the nearest of G × G cells of 1 / (G cell) wavelengths; a cell of n samples has the Briggs
//!   weight W = n / (1 + n d), d = (5 · 10⁻ᴿ)² Σn / Σn² (sums over all cells).
//! - `psf2n.fits`: the inverse transform of W over its peak, ΣW / G²; `psf.fits` is its central N × N.
//! - `sky.fits`: Jy/pixel, points in the nearest pixel. V is the spectrum of the sky with points where they are (see
//!   [`crate::kernel::gridding`] for the accuracy).
//! - `dirty.fits`: V times the PSF's spectrum, plus `noise.fits`; the linear convolution with psf2n.fits. (`linear`: with
//!   psf.fits, to 1e-4 of a point's flux, since a PSF that is cut off has something at frequencies at which points are gridded
//!   badly; `periodic`: the periodic convolution with psf.fits.)
//! - `noise.fits`: normally distributed in every cell with a variance in proportion to n (W / n)², scaled so that a pixel's standard
//!   deviation is expected to be `noise`; that of one image is not that to the digit.
//! - `truth_restored.fits`: V times the spectrum of the Gaussian of peak 1 that fits the PSF's main lobe.

mod coverage;
mod files;
mod meta;
mod model;
mod observation;
mod options;
mod run;
mod telescope;

pub use coverage::Coverage;
pub use meta::Meta;
pub use options::{Convolved, Options};
pub use run::{simulate, simulate_with};
pub use telescope::Telescope;
