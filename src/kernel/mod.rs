//! The numeric operations on chunks: one file each, one list of them all.
//!
//! A kernel is a struct of plain parameters. Adding one is a new file and a word in the list below.

pub mod assemble;
pub mod blank;
pub mod buffer;
pub mod combine;
pub mod components;
pub mod correlate;
pub mod dot;
pub mod eager;
pub mod extremes;
pub mod fft;
pub mod fill;
pub mod fits;
pub mod gain;
pub mod gaussian;
pub mod gridding;
pub mod highest;
pub mod joined;
pub mod lazy;
pub mod levels;
pub mod mask;
pub mod measured;
pub mod merge;
pub mod minor;
pub mod multiply;
pub mod multiscale;
pub mod noise;
pub mod normal;
pub mod normals;
pub mod operation;
pub mod payload;
pub mod peaks;
pub mod positions;
pub mod posterior;
pub mod prior;
pub mod quantile;
pub mod random;
pub mod ratio;
pub mod rescale;
pub mod restore;
pub mod roots;
pub mod scale;
pub mod scatter;
pub mod score;
pub mod seam;
pub mod sign;
pub mod simd;
pub mod sky;
pub mod split;
pub mod spread;
pub mod stack;
pub mod stats;
pub mod transfer;
#[cfg(feature = "gpu")]
pub mod twin;
pub mod uv;
pub mod validation;
pub mod wiener;

pub use assemble::Tiles;
pub use buffer::Buffer;
pub use gaussian::is_sampled;
pub use levels::level_of;
pub use measured::{RowStats, Stats};
pub use minor::CycleEnd;
pub use operation::{Call, Operation};
pub use payload::{Block, Component, OnDevice, Payload, Shape};
pub use posterior::CellFacts;
pub use prior::{Prior, Regularization, Strip};
pub use quantile::{ROUNDS, VALUE, mad_to_sigma};
pub use random::Random;
pub use scale::{MOST_SCALES, Scales};
pub use score::Signs;
pub use seam::Lines;
pub use sky::{Drawing, ExtendedSource, Form, PointSource};
pub use split::{Penalty, Split, Term};
pub use uv::{UvCell, UvStrip};
pub use wiener::NoiseSpectrum;

use crate::device::Facts;
use crate::error::Result;
use serde::{Deserialize, Serialize};

macro_rules! kernels {
    ($($(#[$doc:meta])* $name:ident from $module:ident),* $(,)?) => {
        $(pub use $module::$name;)*

        /// Any kernel, as data.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub enum Kernel {
            $($(#[$doc])* $name($name)),*
        }

        impl Kernel {
            /// Names of all kernels.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// The kernel's name.
            pub fn name(&self) -> &'static str {
                match self { $(Kernel::$name(_) => stringify!($name)),* }
            }

            /// See [`Operation::IN_PLACE`].
            pub fn in_place(&self) -> bool {
                match self { $(Kernel::$name(_) => <$name as Operation>::IN_PLACE),* }
            }

            /// See [`Operation::outputs`].
            pub fn outputs(&self) -> Vec<Shape> {
                match self { $(Kernel::$name(kernel) => kernel.outputs()),* }
            }

            /// See [`Operation::scratch_bytes`].
            pub fn scratch_bytes(&self) -> usize {
                match self { $(Kernel::$name(kernel) => kernel.scratch_bytes()),* }
            }

            /// See [`Operation::run`].
            ///
            /// # Errors
            /// Those of the kernel.
            pub fn run(&self, call: &mut Call<'_>) -> Result<()> {
                match self { $(Kernel::$name(kernel) => kernel.run(call)),* }
            }
        }

        $(impl From<$name> for Kernel {
            fn from(kernel: $name) -> Kernel { Kernel::$name(kernel) }
        })*
    };
}

kernels! {
    /// Statistics of the rows of a chunk.
    MeasureRows from stats,
    /// Statistics of a plane from those of its rows.
    MergeRows from stats,
    /// Counts of one round of a search for a median.
    Histogram from quantile,
    /// The choice of one round of a search for a median.
    Select from quantile,
    /// How many pixels have which absolute value.
    CountLevels from levels,
    /// The same of a whole plane.
    MergeLevels from levels,
    /// The smallest and the largest pixel of a chunk.
    PixelExtremes from extremes,
    /// The smallest and the largest number of a part of a spectrum.
    SpectrumExtremes from extremes,
    /// Pixels of one value.
    Fill from fill,
    /// The pixels of one sign.
    KeepSign from sign,
    /// A weighted sum of two chunks.
    Combine from combine,
    /// A dirty image over what a model shows.
    Ratio from ratio,
    /// A model times a correction.
    Rescale from rescale,
    /// A rectangle of a plane from the chunks it touches.
    Assemble from assemble,
    /// Components added up pixel by pixel.
    AddComponents from components,
    /// The pixels of components.
    Scatter from scatter,
    /// Components convolved with the restoring beam.
    RestoreComponents from restore,
    /// The product of two spectra.
    Multiply from multiply,
    /// The product of a spectrum with the conjugate of another.
    Correlate from correlate,
    /// A spectrum times that of a Gaussian.
    GaussianMultiply from gaussian,
    /// A spectrum times that of the shape of a scale.
    ScaleMultiply from scale,
    /// Wiener's filter of a spectrum.
    Wiener from wiener,
    /// The operator of the normal equations, or nearly its inverse.
    Normal from normal,
    /// What a PSF and a filter do to noise and sky.
    TransferSums from gain,
    /// How strong a sky is where it was measured.
    PriorPower from gain,
    /// Cross-validation of a filter's balance.
    Validation from validation,
    /// Inner products of rows.
    DotRows from dot,
    /// Rows of numbers added up.
    AddNumbers from dot,
    /// Blank pixels taken for zero.
    ZeroBlanks from blank,
    /// Pixels made blank where a weight is zero.
    Within from blank,
    /// A draw of a periodic sky from its posterior.
    PosteriorDraw from posterior,
    /// The spectrum of what perturbs a right-hand side for a draw.
    Perturbation from posterior,
    /// How strong the noise is in a residual.
    NoisePower from posterior,
    /// The squares of pixels added to others.
    AddSquares from spread,
    /// The standard deviation of each pixel.
    Spread from spread,
    /// A term of an energy, split off: where it stands after an iteration.
    SplitStep from split,
    /// How it pulls the pixels.
    SplitPull from split,
    /// A strip of a made-up sky.
    Sky from sky,
    /// A spectrum without what gridding points did to it.
    GriddingCorrection from gridding,
    /// The spectrum of the PSF of a uv coverage.
    UvTransfer from uv,
    /// A spectrum as a uv coverage samples it.
    UvMultiply from uv,
    /// The spectrum of noise.
    UvNoise from uv,
    /// Where components may be found.
    Mask from mask,
    /// What the pixels of a residual count in the search for components.
    Score from score,
    /// Where the components of a model are.
    Positions from positions,
    /// The noise in the boxes of a band.
    NoiseBoxes from noise,
    /// The noise in all boxes.
    NoiseMap from noise,
    /// Weights by the noise around each pixel.
    Weigh from noise,
    /// A CLEAN minor cycle on a chunk.
    MinorCycle from minor,
    /// A CLEAN minor cycle on a chunk of several planes that are cleaned as one.
    JoinedCycle from joined,
    /// The chunks of several planes as one.
    Stack from stack,
    /// The root of the sum of squares of several planes.
    RootOfSquares from roots,
    /// A multiscale CLEAN minor cycle on a chunk.
    MultiscaleCycle from multiscale,
    /// What a chunk predicted of the residual, beside what it is.
    Seam from seam,
    /// The components of all chunks in one list.
    MergeComponents from merge,
    /// Pixels from a FITS file.
    ReadSection from fits,
    /// Pixels that were put aside, read again.
    ReadTarget from fits,
    /// Pixels to a FITS file.
    WriteSection from fits,
    /// A chunk taken to a device.
    Upload from transfer,
    /// A chunk taken back from a device.
    Download from transfer,
    /// Transforms of rows, transposed into blocks.
    RowForward from fft,
    /// Transforms of columns, gathered from blocks.
    ColumnForward from fft,
    /// Inverse transforms of columns, transposed into blocks.
    ColumnInverse from fft,
    /// Inverse transforms of rows, gathered from blocks.
    RowInverse from fft,
}

impl Kernel {
    /// Bytes of a device's memory that it needs beside inputs and outputs where it runs there; none if it does not run on such a
    /// device.
    pub fn device_work_bytes(&self, facts: &Facts) -> Option<usize> {
        let fits = |bytes: usize| bytes as u64 <= facts.largest;
        if !self.outputs().iter().all(|shape| fits(shape.pooled_bytes())) {
            return None;
        }
        #[cfg(feature = "gpu")]
        return self.twin().filter(|twin| twin.suits(facts)).map(|twin| twin.work_bytes());
        #[cfg(not(feature = "gpu"))]
        None
    }
}
