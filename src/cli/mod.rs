//! The command line: what is asked for, and how the answer is told. It does no work itself.

mod arguments;
mod beam;
mod run;
mod table;

pub use arguments::Arguments;
pub use run::run;
