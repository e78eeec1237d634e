//! The command line: what is asked for, and how the answer is told. It does no work itself.

mod arguments;
mod beam;
mod bench;
mod bytes;
mod chunk;
mod devices;
mod execution;
mod forecast;
mod gather;
mod generate;
mod info;
mod program;
mod restore;
mod run;
mod score;
mod simulate;
mod status;
mod submit;
mod table;

pub use program::Request;
pub use run::run;
