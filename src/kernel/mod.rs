//! The numeric operations on chunks: one file each, one list of them all.
//!
//! A kernel is a struct of plain parameters. Adding one is a new file and a word in the list below.

pub mod buffer;
pub mod operation;
pub mod payload;
pub mod stats;

pub use buffer::Buffer;
pub use operation::{Call, Operation};
pub use payload::{Block, Component, Payload, Shape};

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
}
