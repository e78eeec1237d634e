//! What is carried between the machine's memory and a device's: in pieces, two under way at a time, so that little memory is needed for it.

use super::{Chunk, Gpu};
use crate::error::{Error, Kind, Result};
use std::collections::VecDeque;
use std::sync::PoisonError;
use std::sync::mpsc::{Receiver, channel};
use wgpu::{Buffer, BufferDescriptor, BufferUsages, CommandEncoderDescriptor, Device, MapMode, SubmissionIndex};

/// Bytes of a piece.
const PIECE: usize = 8 << 20;

/// Bytes of the machine's memory that carrying takes, both ways together.
pub const STAGING_BYTES: usize = 4 * PIECE;

/// Buffers that the machine can read.
pub(super) struct Staging {
    buffers: [Buffer; 2],
}

impl Staging {
    pub(super) fn new(device: &Device) -> Staging {
        let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        let descriptor = BufferDescriptor { label: None, size: PIECE as u64, usage, mapped_at_creation: false };
        Staging { buffers: [device.create_buffer(&descriptor), device.create_buffer(&descriptor)] }
    }
}

/// A piece that is on its way to the machine's memory.
struct Coming<'b> {
    buffer: &'b Buffer,
    bytes: usize,
    submission: SubmissionIndex,
    mapped: Receiver<bool>,
}

impl Gpu {
    /// Writes bytes to the begin of a chunk. What is in the chunk afterwards is there for all work that is submitted later.
    ///
    /// # Errors
    /// Of kind `Device`, if it is lost.
    pub fn upload(&self, bytes: &[u8], to: &Chunk) -> Result<()> {
        self.check()?;
        let mut under_way: VecDeque<SubmissionIndex> = VecDeque::new();
        for (i, piece) in bytes.chunks(PIECE).enumerate() {
            if under_way.len() == 2 {
                self.wait(under_way.pop_front())?;
            }
            let at = (i * PIECE) as u64;
            match piece.len() % 4 {
                0 => self.queue.write_buffer(to.buffer(), at, piece),
                _ => self.queue.write_buffer(to.buffer(), at, &padded(piece)),
            }
            under_way.push_back(self.queue.submit([]));
        }
        self.check()
    }

    /// Reads the first bytes of a chunk, once all work is done that was submitted before.
    ///
    /// # Errors
    /// Of kind `Device`, if it is lost.
    pub fn download(&self, from: &Chunk, to: &mut [u8]) -> Result<()> {
        self.check()?;
        let staging = self.staging.lock().unwrap_or_else(PoisonError::into_inner);
        let pieces = to.len().div_ceil(PIECE);
        let length = |i: usize| PIECE.min(to.len() - i * PIECE);
        let lengths: Vec<usize> = (0..pieces).map(length).collect();
        let mut coming = VecDeque::new();
        for (i, piece) in to.chunks_mut(PIECE).enumerate() {
            while coming.len() < 2 && i + coming.len() < pieces {
                let next = i + coming.len();
                coming.push_back(self.fetch(from, next, lengths[next], &staging.buffers[next % 2])?);
            }
            if let Some(next) = coming.pop_front() {
                self.receive(next, piece)?;
            }
        }
        Ok(())
    }

    fn fetch<'b>(&self, from: &Chunk, piece: usize, bytes: usize, buffer: &'b Buffer) -> Result<Coming<'b>> {
        let mut encoder = self.device.create_command_encoder(&CommandEncoderDescriptor::default());
        let whole = (bytes as u64).next_multiple_of(4);
        encoder.copy_buffer_to_buffer(from.buffer(), (piece * PIECE) as u64, buffer, 0, Some(whole));
        let submission = self.queue.submit([encoder.finish()]);
        self.check()?;
        let (tell, mapped) = channel();
        // Who no longer waits needs not be told.
        buffer.slice(..whole).map_async(MapMode::Read, move |result| {
            let _ = tell.send(result.is_ok());
        });
        Ok(Coming { buffer, bytes, submission, mapped })
    }

    fn receive(&self, coming: Coming<'_>, to: &mut [u8]) -> Result<()> {
        self.wait(Some(coming.submission))?;
        let failed = || Error::new(Kind::Device, format!("{} gives nothing back", self.adapter()));
        if !coming.mapped.recv().unwrap_or(false) {
            return Err(failed());
        }
        let whole = (coming.bytes as u64).next_multiple_of(4);
        let mapped = coming.buffer.slice(..whole).get_mapped_range().map_err(|_| failed())?;
        to.copy_from_slice(&mapped[..coming.bytes]);
        drop(mapped);
        coming.buffer.unmap();
        Ok(())
    }
}

/// Bytes, and as many more as make whole numbers of four.
fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(4), 0);
    padded
}
