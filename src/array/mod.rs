//! Lazy chunked arrays: operations append tasks to a graph, nothing runs.

mod builder;
mod chunked;
mod convolve;
mod fft;
mod grid;
mod measure;
mod posterior;
mod split;

pub use builder::{ArrayIds, Builder};
pub use chunked::{ChunkedArray, Source};
pub use convolve::{Convolution, PsfReach};
pub use fft::{Padding, Spectrum, image_strip};
pub use grid::Grid;
pub use measure::median_and_mad;
