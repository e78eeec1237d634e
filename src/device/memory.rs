//! Buffers of a device, used again, within a budget.

use crate::error::{Error, Kind, Result};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wgpu::{Buffer, BufferDescriptor, BufferUsages, Device, ErrorFilter};

/// The memory of a device: what of it is in use, and buffers that wait to be used again.
///
/// A buffer may be handed out again as soon as all work that uses it has been submitted: what comes later in the queue is done later.
#[derive(Debug)]
pub(super) struct Memory {
    device: Device,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    idle: BTreeMap<u64, Vec<Buffer>>,
    idle_bytes: u64,
    used_bytes: u64,
    peak_bytes: u64,
    limit: u64,
    starved: bool,
}

/// Sizes of buffers are whole such pieces, so that a buffer serves where nearly the same size is wanted.
const PIECE: u64 = 256;

impl Memory {
    pub(super) fn new(device: Device, limit: u64) -> Memory {
        Memory { device, inner: Mutex::new(Inner { limit, ..Inner::default() }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes in use now, and the most that ever were.
    pub(super) fn used(&self) -> (u64, u64) {
        let inner = self.lock();
        (inner.used_bytes, inner.peak_bytes)
    }

    /// For tests: from now on there is none left.
    pub(super) fn starve(&self) {
        self.lock().starved = true;
    }

    /// A buffer of at least so many bytes, with unknown contents.
    ///
    /// # Errors
    /// Of kind `Device`, if the budget or the device has no such piece.
    pub(super) fn take(self: &Arc<Memory>, bytes: u64) -> Result<Chunk> {
        let class = bytes.max(1).next_multiple_of(PIECE);
        let idle = self.lock().take(class)?;
        let buffer = match idle {
            Some(buffer) => buffer,
            None => self.fresh(class).inspect_err(|_| self.lock().used_bytes -= class)?,
        };
        Ok(Chunk { inner: Arc::new(Held { buffer: Some(buffer), memory: self.clone() }) })
    }

    fn fresh(&self, bytes: u64) -> Result<Buffer> {
        let scope = self.device.push_error_scope(ErrorFilter::OutOfMemory);
        let other = self.device.push_error_scope(ErrorFilter::Validation);
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let buffer =
            self.device.create_buffer(&BufferDescriptor { label: None, size: bytes, usage, mapped_at_creation: false });
        let errors = [pollster::block_on(other.pop()), pollster::block_on(scope.pop())];
        match errors.into_iter().flatten().next() {
            None => Ok(buffer),
            Some(error) => Err(refused(bytes, &error.to_string())),
        }
    }
}

fn refused(bytes: u64, why: &str) -> Error {
    Error::new(Kind::Device, format!("the device has no {bytes} bytes of memory left: {why}"))
        .remedy("give a smaller --gpu-memory, or --device cpu")
}

impl Inner {
    fn take(&mut self, class: u64) -> Result<Option<Buffer>> {
        if self.starved || self.used_bytes + class > self.limit {
            return Err(refused(class, &format!("{} of {} are in use", self.used_bytes, self.limit)));
        }
        let idle = self.idle.get_mut(&class).and_then(Vec::pop);
        match &idle {
            Some(_) => self.idle_bytes -= class,
            None => self.shrink(class),
        }
        self.used_bytes += class;
        self.peak_bytes = self.peak_bytes.max(self.used_bytes);
        Ok(idle)
    }

    fn give(&mut self, buffer: Buffer) {
        let bytes = buffer.size();
        self.used_bytes -= bytes;
        self.idle_bytes += bytes;
        self.idle.entry(bytes).or_default().push(buffer);
        self.shrink(0);
    }

    /// Lets idle buffers go, the largest first, until `more` bytes fit below the limit or none is left.
    fn shrink(&mut self, more: u64) {
        while self.used_bytes + self.idle_bytes + more > self.limit {
            let Some(mut entry) = self.idle.last_entry() else { return };
            match entry.get_mut().pop() {
                Some(buffer) => self.idle_bytes -= buffer.size(),
                None => drop(entry.remove()),
            }
        }
    }
}

/// A piece of a device's memory. It goes back when its last owner lets it go.
#[derive(Debug, Clone)]
pub struct Chunk {
    inner: Arc<Held>,
}

#[derive(Debug)]
struct Held {
    /// None only while it is dropped.
    buffer: Option<Buffer>,
    memory: Arc<Memory>,
}

impl Chunk {
    /// Its size in bytes.
    pub fn bytes(&self) -> u64 {
        self.buffer().size()
    }

    pub(super) fn buffer(&self) -> &Buffer {
        self.inner.buffer.as_ref().expect("a chunk has its buffer until it is dropped")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            self.memory.lock().give(buffer);
        }
    }
}
