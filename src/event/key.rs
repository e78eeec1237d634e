//! Names of chunks.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Names one chunk of one array: two integers, so that a graph of a million tasks stays small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The array; unique in a run.
    pub array: u64,
    /// The chunk in the array.
    pub chunk: u32,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}/{}", self.array >> 32, self.array & 0xffff_ffff, self.chunk)
    }
}
