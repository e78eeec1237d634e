//! Image deconvolution for radio astronomy, on lazy chunked arrays and one task scheduler.
//!
//! The program `deconv` is a thin shell around this library: [`job::deconvolve`] takes [`job::Options`] and does what
//! the command line does.
//!
//! # Conventions
//!
//! - A plane is a 2-D array of f32 in row-major order: row = latitude (declination), column = longitude (right
//!   ascension), whatever the order of the axes in the file. Pixels are counted from 0.
//! - Transforms are unscaled forward; the inverse is scaled, so that it undoes the forward one. Frequencies are in cycles per
//!   pixel. A real transform of a padded frame of L rows and K columns has K / 2 + 1 columns and is stored
//!   transposed: one line of L numbers a column.
//! - A PSF has its peak, of value 1, wherever it is found; in a padded frame it is moved to pixel (0, 0), and what lies
//!   before it wraps around.
//! - A dirty image and a residual are in Jy per dirty beam, a model in Jy/pixel, a restored image in Jy per restoring
//!   beam; where the file has another unit than Jy/beam, all are in that one.
//! - Position angles are in degrees from north through east.
//! - A blank pixel is NaN: it is never cleaned, counts as zero in a convolution, and is blank again in residual and
//!   restored image.
//!
//! # Map
//!
//! Imports point downward only (a test holds this): [`cli`] → [`cluster`], [`mod@bench`] → [`simulate`] → [`job`] → [`figure`], [`diagnose`], [`algorithm`],
//! [`schedule`] → [`mod@array`] → [`graph`] → [`store`] → [`kernel`] → [`image`], [`device`] → [`event`] → [`error`].
//! `ARCHITECTURE.md` says what is in each room.

pub mod algorithm;
pub mod array;
pub mod bench;
pub mod cli;
pub mod cluster;
pub mod device;
pub mod diagnose;
pub mod error;
pub mod event;
pub mod figure;
pub mod graph;
pub mod image;
pub mod job;
pub mod kernel;
pub mod schedule;
pub mod simulate;
pub mod store;
