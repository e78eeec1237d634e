//! What stands for a device where the program is built without any: types of which there are no values.

use super::{AdapterFacts, Bandwidth, Facts, Wanted};
use crate::error::{Error, Kind, Result};

/// Bytes of the machine's memory that carrying takes: none.
pub const STAGING_BYTES: usize = 0;

/// A device; there is none.
#[derive(Debug)]
pub enum Gpu {}

/// A piece of a device's memory; there is none.
#[derive(Debug, Clone)]
pub enum Chunk {}

/// All adapters of this machine that this build knows of: none.
pub fn adapters() -> Vec<AdapterFacts> {
    Vec::new()
}

impl Gpu {
    /// Refuses.
    ///
    /// # Errors
    /// Of kind `Device`, always.
    pub fn open(_: Wanted) -> Result<Gpu> {
        Err(Error::new(Kind::Device, "this program was built without the feature `gpu`"))
    }

    /// What it is.
    pub fn adapter(&self) -> &AdapterFacts {
        match *self {}
    }

    /// What work on it has to go by.
    pub fn facts(&self) -> Facts {
        match *self {}
    }

    /// How fast its memory is, and how fast it is reached.
    ///
    /// # Errors
    /// None.
    pub fn bandwidth(&self) -> Result<Bandwidth> {
        match *self {}
    }

    /// Bytes of its memory that are in use now, and the most that ever were.
    pub fn used_bytes(&self) -> (u64, u64) {
        match *self {}
    }
}

impl Chunk {
    /// Its size in bytes.
    pub fn bytes(&self) -> u64 {
        match *self {}
    }
}
