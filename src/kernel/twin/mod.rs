//! Kernels on a device: each a twin of the kernel of the same name, with a shader of `shaders/`.
//!
//! A twin makes what its kernel makes, to rounding, of the same inputs, laid out the same way: rows of a block are
//! [`Shape::stride`](super::Shape::stride) numbers apart, in either memory. Chunks of pixels and spectra are on the device; small
//! inputs are in memory, and small outputs are read back.

pub mod measure;
mod pixels;
mod recording;
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
    Combine,
    Upload,
    Download,
}

/// All shaders.
pub const SHADERS: &[&Shader] = &[&pixels::COMBINE];
