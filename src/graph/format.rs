//! Graphs as bytes, for another process or another day.

use super::Graph;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// The number of this format; one more with every change of a kernel's parameters.
const FORMAT: u32 = 4;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Preamble {
    format: u32,
    version: String,
    instruction_set: String,
}

impl Preamble {
    fn ours() -> Preamble {
        let version = env!("CARGO_PKG_VERSION").to_string();
        Preamble { format: FORMAT, version, instruction_set: instruction_set().to_string() }
    }
}

/// The instruction set that decides the bits of a transform on this machine: rustfft picks it at run time.
pub fn instruction_set() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx") && is_x86_feature_detected!("fma") {
            return "x86_64 avx fma";
        }
        if is_x86_feature_detected!("sse4.1") {
            return "x86_64 sse4.1";
        }
    }
    std::env::consts::ARCH
}

/// A graph as bytes, with the format's number, the crate's version and the instruction set before it.
///
/// # Errors
/// Of kind `Internal`, if a graph cannot be written in the format.
pub fn encode(graph: &Graph) -> Result<Vec<u8>> {
    postcard::to_allocvec(&(Preamble::ours(), graph)).map_err(|e| Error::internal(format!("graph not encoded: {e}")))
}

/// The graph that [`encode`] made these bytes of.
///
/// # Errors
/// If they are not a graph, or one of another format, version or instruction set.
pub fn decode(bytes: &[u8]) -> Result<Graph> {
    let broken = |e| Error::internal(format!("these bytes are no task graph: {e}"));
    let (preamble, rest): (Preamble, &[u8]) = postcard::take_from_bytes(bytes).map_err(broken)?;
    let ours = Preamble::ours();
    if preamble != ours {
        return Err(Error::internal(format!("the task graph is of {preamble:?}, this program of {ours:?}"))
            .remedy("use the same build on the same kind of machine"));
    }
    let (graph, rest) = postcard::take_from_bytes(rest).map_err(broken)?;
    if !rest.is_empty() {
        return Err(Error::internal(format!("{} bytes after the end of a task graph", rest.len())));
    }
    Ok(graph)
}
