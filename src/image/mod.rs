//! FITS images.
pub mod rect;
