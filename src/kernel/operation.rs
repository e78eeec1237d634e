//! What every kernel can do, and what it is given to do it.

use super::buffer::Buffer;
use super::payload::{Payload, Shape};
use crate::error::{Error, Result};
use std::sync::atomic::{AtomicBool, Ordering};

/// One numeric operation on chunks: a struct of plain parameters that says what it makes and makes it.
///
/// It says what it needs before it runs, from its parameters alone, so that a graph can be priced before it is run.
pub trait Operation {
    /// Does it change its first input in place? Then the executor puts that input, or a copy of it where somebody
    /// else still needs it, into the first output, and the other inputs follow in `Call::inputs`.
    const IN_PLACE: bool = false;

    /// Kind and size of each output.
    fn outputs(&self) -> Vec<Shape>;

    /// Bytes of working memory that it needs beside inputs and outputs.
    fn scratch_bytes(&self) -> usize {
        0
    }

    /// Runs it. Outputs of pixels and spectra are there with the right shape and unknown contents: every number
    /// must be written. Small outputs are `Payload::Empty` and are to be assigned.
    ///
    /// # Errors
    /// Whatever kept it from its result.
    fn run(&self, call: &mut Call<'_>) -> Result<()>;
}

/// The inputs, outputs and working memory of one run of a kernel.
pub struct Call<'a> {
    /// The inputs in the order of the task; without the first where that is changed in place.
    pub inputs: &'a [&'a Payload],
    /// The outputs in the order of the task.
    pub outputs: &'a mut [Payload],
    /// Working memory of at least `scratch_bytes`, with unknown contents.
    pub scratch: &'a mut Buffer,
    /// Set when the run is to stop.
    pub cancel: &'a AtomicBool,
}

impl Call<'_> {
    /// An error if the run was asked to stop: long kernels look at it now and then.
    ///
    /// # Errors
    /// Of kind `Interrupted`.
    pub fn check_cancelled(&self) -> Result<()> {
        check_cancelled(self.cancel)
    }
}

/// [`Call::check_cancelled`] where the rest of the call is in use.
///
/// # Errors
/// Of kind `Interrupted`.
pub fn check_cancelled(cancel: &AtomicBool) -> Result<()> {
    if cancel.load(Ordering::Relaxed) { Err(Error::interrupted()) } else { Ok(()) }
}
