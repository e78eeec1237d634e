//! Work for a device, recorded before it is done.

use super::{Chunk, Gpu, Shader};
use crate::error::Result;
use wgpu::{
    BindGroupDescriptor, BindGroupEntry, BufferDescriptor, BufferUsages, CommandBuffer, CommandEncoder,
    CommandEncoderDescriptor, ComputePassDescriptor, SubmissionIndex,
};

/// Commands that are done in their order, once they are submitted. It owns all that they use until then.
pub struct Recorder<'g> {
    gpu: &'g Gpu,
    encoder: CommandEncoder,
    uses: Vec<Chunk>,
}

impl<'g> Recorder<'g> {
    pub(super) fn new(gpu: &'g Gpu) -> Recorder<'g> {
        let encoder = gpu.device.create_command_encoder(&CommandEncoderDescriptor::default());
        Recorder { gpu, encoder, uses: Vec::new() }
    }

    /// The device.
    pub fn gpu(&self) -> &'g Gpu {
        self.gpu
    }

    /// Runs a shader in so many workgroups, with these parameters and buffers.
    ///
    /// # Panics
    /// If they are not what the shader declares.
    pub fn dispatch(&mut self, shader: &'static Shader, parameters: &[u8], buffers: &[&Chunk], groups: [u32; 3]) {
        assert_eq!((parameters.len(), buffers.len()), (shader.parameters, shader.buffers.len()), "{}", shader.name);
        let pipeline = self.gpu.pipeline(shader);
        let size = (parameters.len() as u64).next_multiple_of(16);
        let usage = BufferUsages::STORAGE;
        let held =
            self.gpu.device.create_buffer(&BufferDescriptor { label: None, size, usage, mapped_at_creation: true });
        if let Ok(mut mapped) = held.slice(..).get_mapped_range_mut() {
            mapped.slice(..parameters.len()).copy_from_slice(parameters);
        }
        held.unmap();
        let bound = std::iter::once(&held).chain(buffers.iter().map(|chunk| chunk.buffer())).zip(0..);
        let entries: Vec<BindGroupEntry<'_>> =
            bound.map(|(buffer, binding)| BindGroupEntry { binding, resource: buffer.as_entire_binding() }).collect();
        let layout = pipeline.get_bind_group_layout(0);
        let descriptor = BindGroupDescriptor { label: None, layout: &layout, entries: &entries };
        let group = self.gpu.device.create_bind_group(&descriptor);
        let mut pass = self.encoder.begin_compute_pass(&ComputePassDescriptor::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(groups[0], groups[1], groups[2]);
        drop(pass);
        self.uses.extend(buffers.iter().map(|chunk| (*chunk).clone()));
    }

    /// Sets the first so many bytes of a chunk to zero.
    pub fn clear(&mut self, chunk: &Chunk, bytes: usize) {
        let bytes = (bytes as u64).next_multiple_of(4).min(chunk.bytes());
        self.encoder.clear_buffer(chunk.buffer(), 0, Some(bytes));
        self.uses.push(chunk.clone());
    }

    /// Copies so many bytes of a chunk, from byte `at.0` on, to another one, from byte `at.1` on; all whole numbers of four.
    pub fn copy(&mut self, from: &Chunk, to: &Chunk, at: (usize, usize), bytes: usize) {
        self.encoder.copy_buffer_to_buffer(from.buffer(), at.0 as u64, to.buffer(), at.1 as u64, Some(bytes as u64));
        self.uses.extend([from.clone(), to.clone()]);
    }

    /// Hands the commands to the device.
    ///
    /// # Errors
    /// Of kind `Device`, if it is lost.
    pub fn submit(self) -> Result<SubmissionIndex> {
        let gpu = self.gpu;
        gpu.submit(vec![self.finish()])
    }

    /// The commands, to be handed to the device later.
    pub fn finish(self) -> Recorded {
        Recorded { commands: self.encoder.finish(), uses: self.uses }
    }
}

/// Commands that have been recorded, with all that they use.
pub struct Recorded {
    commands: CommandBuffer,
    /// A chunk that is let go may be used for something else.
    uses: Vec<Chunk>,
}

impl Gpu {
    /// Hands recorded commands to the device, all at once and in their order.
    ///
    /// # Errors
    /// Of kind `Device`, if it is lost.
    pub fn submit(&self, recorded: Vec<Recorded>) -> Result<SubmissionIndex> {
        self.check()?;
        let (commands, uses): (Vec<CommandBuffer>, Vec<Vec<Chunk>>) =
            recorded.into_iter().map(|recorded| (recorded.commands, recorded.uses)).unzip();
        let submission = self.queue.submit(commands);
        drop(uses);
        self.check()?;
        Ok(submission)
    }
}
