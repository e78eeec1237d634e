//! Kernels on a device: each a twin of the kernel of the same name, with a shader of `shaders/`.
//!
//! A twin makes what its kernel makes, to rounding, of the same inputs, laid out the same way: rows of a block are
//! [`Shape::stride`](super::Shape::stride) numbers apart, in either memory. Chunks of pixels and spectra are on the device; small
//! inputs are in memory, and small outputs are read back.

mod counts;
pub mod fft;
pub mod measure;
mod pixels;
mod places;
mod powers;
mod recording;
mod shapes;
mod spectra;
mod sums;
mod transfer;

pub use recording::{Recording, run};

use super::Kernel;
use crate::device::{Facts, Shader};
use crate::error::Result;

/// A kernel that a device can run.
pub trait Twin {
    /// Can such a device run it with these parameters?
    fn suits(&self, facts: &Facts) -> bool {
        let _ = facts;
        true
    }

    /// Bytes of the device's memory that it needs beside inputs and outputs.
    fn work_bytes(&self) -> usize {
        0
    }

    /// Records what is to be done. As in [`Operation::run`](super::Operation::run) every number of every output is written, and the first
    /// input of a kernel that works in place is the first output.
    ///
    /// # Errors
    /// Of kind `Device`, if the device fails.
    fn record(&self, recording: &mut Recording<'_>) -> Result<()>;
}

macro_rules! twins {
    ($($name:ident),* $(,)?) => {
        impl Kernel {
            /// The names of the kernels that devices can run.
            pub const TWINS: &[&str] = &[$(stringify!($name)),*];

            /// The kernel as a device runs it, if any can.
            pub fn twin(&self) -> Option<&dyn Twin> {
                match self {
                    $(Kernel::$name(kernel) => Some(kernel),)*
                    _ => None,
                }
            }
        }
    };
}

twins! {
    Fill,
    KeepSign,
    Combine,
    Ratio,
    Rescale,
    Assemble,
    Scatter,
    Multiply,
    Correlate,
    GaussianMultiply,
    ScaleMultiply,
    Wiener,
    Normal,
    ZeroBlanks,
    Within,
    AddSquares,
    MeasureRows,
    DotRows,
    Histogram,
    CountLevels,
    PixelExtremes,
    SpectrumExtremes,
    TransferSums,
    PriorPower,
    Validation,
    NoisePower,
    Spread,
    Upload,
    Download,
    RowForward,
    ColumnForward,
    ColumnInverse,
    RowInverse,
}

/// All shaders.
pub const SHADERS: &[&Shader] = &[
    &fft::FFT,
    &fft::FFT_OF_PIXELS,
    &fft::FFT_TO_PIXELS,
    &fft::LAY,
    &fft::rows::SPLIT_SPECTRUM,
    &fft::rows::JOIN_SPECTRUM,
    &pixels::FILL,
    &pixels::KEEP_SIGN,
    &pixels::COMBINE,
    &pixels::RATIO,
    &pixels::RESCALE,
    &pixels::ZERO_BLANKS,
    &pixels::WITHIN,
    &pixels::ADD_SQUARES,
    &pixels::SPREAD,
    &sums::MEASURE_ROWS,
    &sums::DOT_ROWS,
    &counts::HISTOGRAM,
    &counts::COUNT_LEVELS,
    &counts::EXTREMES,
    &powers::TRANSFER_SUMS,
    &powers::PRIOR_POWER,
    &powers::VALIDATION,
    &powers::NOISE_POWER,
    &places::ASSEMBLE,
    &places::SCATTER,
    &spectra::MULTIPLY,
    &spectra::WIENER,
    &spectra::NORMAL,
    &shapes::GAUSSIAN_MULTIPLY,
    &shapes::SCALE_LINES,
    &shapes::SCALE_MULTIPLY,
];
