//! Image deconvolution for radio astronomy.
#![doc = ""]
pub mod error;
pub mod image;
pub mod kernel;
