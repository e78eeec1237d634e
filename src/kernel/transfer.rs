//! Chunks on their way between the machine's memory and a device's.
//!
//! What these do is to be there: a chunk is the same numbers in either memory.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Takes a chunk to a device.
///
/// Input: pixels or part of a spectrum, in memory. Output: the same, on the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// What it is.
    pub shape: Shape,
}

/// Takes a chunk back from a device.
///
/// Input: pixels or part of a spectrum, on the device. Output: the same, in memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Download {
    /// What it is.
    pub shape: Shape,
}

impl Operation for Upload {
    fn outputs(&self) -> Vec<Shape> {
        vec![self.shape]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        copy(call);
        Ok(())
    }
}

impl Operation for Download {
    fn outputs(&self) -> Vec<Shape> {
        vec![self.shape]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        copy(call);
        Ok(())
    }
}

/// Without a device both memories are one.
fn copy(call: &mut Call<'_>) {
    call.outputs[0].as_mut_bytes().copy_from_slice(call.inputs[0].as_bytes());
}
