//! What a twin is given to do its work.

use super::super::payload::{OnDevice, Payload};
use super::super::{Kernel, Shape};
use crate::device::{Chunk, Gpu, Recorded, Recorder, Shader, Submission};
use crate::error::{Error, Result};
use bytemuck::{Pod, Zeroable};

/// The inputs and outputs of one run of a kernel on a device, and the commands that it is made of.
pub struct Recording<'a> {
    pub(super) gpu: &'a Gpu,
    recorder: Recorder<'a>,
    inputs: &'a [&'a Payload],
    outputs: &'a mut [Payload],
}

/// Runs a kernel on a device. Outputs of pixels and spectra are there, on the device with the right shape and unknown contents; those of
/// a [`Download`](super::super::Download) in memory. Small outputs are `Payload::Empty`. What is made on the device is there for all that is
/// submitted later; it is done when what is returned is.
///
/// # Errors
/// Of kind `Device`, if the device fails; those of the kernel.
pub fn run(gpu: &Gpu, kernel: &Kernel, inputs: &[&Payload], outputs: &mut [Payload]) -> Result<Submission> {
    gpu.submit(vec![record(gpu, kernel, inputs, outputs)?])
}

/// What [`run`] does, not handed to the device yet.
///
/// # Errors
/// Those of [`run`].
pub(super) fn record(gpu: &Gpu, kernel: &Kernel, inputs: &[&Payload], outputs: &mut [Payload]) -> Result<Recorded> {
    let twin = kernel.twin().ok_or_else(|| Error::internal(format!("no device runs {}", kernel.name())))?;
    let mut recording = Recording { gpu, recorder: gpu.recorder(), inputs, outputs };
    twin.record(&mut recording)?;
    Ok(recording.recorder.finish())
}

impl<'a> Recording<'a> {
    /// The device.
    pub fn gpu(&self) -> &Gpu {
        self.gpu
    }

    /// Input `i`, wherever it is.
    pub fn input(&self, i: usize) -> &'a Payload {
        self.inputs[i]
    }

    /// How many inputs there are.
    pub fn inputs(&self) -> usize {
        self.inputs.len()
    }

    /// Input `i` on the device.
    pub fn chunk(&self, i: usize) -> Chunk {
        self.inputs[i].on_device().chunk.clone()
    }

    /// Rows and columns of input `i` on the device, and the numbers from the start of one row to the next.
    pub fn dim(&self, i: usize) -> (usize, usize, usize) {
        dim(self.inputs[i].on_device())
    }

    /// Output `i` on the device.
    pub fn made(&self, i: usize) -> Chunk {
        self.outputs[i].on_device().chunk.clone()
    }

    /// Rows and columns of output `i` on the device, and the numbers from the start of one row to the next.
    pub fn made_dim(&self, i: usize) -> (usize, usize, usize) {
        dim(self.outputs[i].on_device())
    }

    /// How many outputs there are.
    pub fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// Output `i`, which is small or in memory.
    pub fn output(&mut self, i: usize) -> &mut Payload {
        &mut self.outputs[i]
    }

    /// Working memory of so many bytes, with unknown contents, until the commands are done. What a twin takes of it is not more than it
    /// says in [`Twin::work_bytes`](super::Twin::work_bytes).
    ///
    /// # Errors
    /// Of kind `Device`, if there is none.
    pub fn work(&self, bytes: usize) -> Result<Chunk> {
        self.gpu.chunk(bytes)
    }

    /// Working memory that holds these numbers.
    ///
    /// # Errors
    /// Of kind `Device`.
    pub fn list<T: Pod>(&self, numbers: &[T]) -> Result<Chunk> {
        let chunk = self.gpu.chunk(size_of_val(numbers))?;
        self.gpu.upload(bytemuck::cast_slice(numbers), &chunk)?;
        Ok(chunk)
    }

    /// Runs a shader in so many workgroups.
    pub fn dispatch<P: Pod>(&mut self, shader: &'static Shader, parameters: P, buffers: &[&Chunk], groups: [u32; 3]) {
        self.recorder.dispatch(shader, bytemuck::bytes_of(&parameters), buffers, groups);
    }

    /// Sets the first so many bytes of a chunk to zero.
    pub fn clear(&mut self, chunk: &Chunk, bytes: usize) {
        self.recorder.clear(chunk, bytes);
    }

    /// Copies so many bytes of a chunk, from byte `at.0` on, to another one, from byte `at.1` on; all whole numbers of four.
    pub fn copy_part(&mut self, from: &Chunk, to: &Chunk, at: (usize, usize), bytes: usize) {
        self.recorder.copy(from, to, at, bytes);
    }

    /// Does what has been recorded, and waits until it is done.
    ///
    /// # Errors
    /// Of kind `Device`.
    pub fn finish(&mut self) -> Result<()> {
        let submission = std::mem::replace(&mut self.recorder, self.gpu.recorder()).submit()?;
        self.gpu.wait(Some(submission))
    }

    /// Does what has been recorded and reads so many numbers of a chunk.
    ///
    /// # Errors
    /// Of kind `Device`.
    pub fn read<T: Pod + Zeroable>(&mut self, chunk: &Chunk, count: usize) -> Result<Vec<T>> {
        std::mem::replace(&mut self.recorder, self.gpu.recorder()).submit()?;
        let mut numbers = vec![T::zeroed(); count];
        self.gpu.download(chunk, bytemuck::cast_slice_mut(&mut numbers))?;
        Ok(numbers)
    }
}

fn dim(there: &OnDevice) -> (usize, usize, usize) {
    match there.shape {
        Shape::Real { rows, cols } | Shape::Complex { rows, cols } => (rows, cols, there.shape.stride()),
        Shape::Small(_) | Shape::Device(_) => (0, 0, 0),
    }
}
