//! Buffers that are used again: touching fresh memory costs as much as half a transform.

use crate::error::Result;
use crate::kernel::{Block, Buffer, Payload, Shape};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Hands out buffers by size class and takes them back.
///
/// What it holds, in use and idle together, stays below its limit as long as what is in use does: before a fresh
/// buffer would go over it, idle ones of other sizes are given back to the system.
#[derive(Debug)]
pub struct Pool {
    inner: Mutex<Inner>,
    poison: bool,
}

#[derive(Debug, Default)]
struct Inner {
    idle: BTreeMap<usize, Vec<Buffer>>,
    idle_bytes: usize,
    used_bytes: usize,
    peak_bytes: usize,
    limit: usize,
}

impl Pool {
    /// An empty pool. With `poison`, buffers are handed out full of NaN, so that tests find kernels that do not
    /// write all of their outputs.
    pub fn new(poison: bool) -> Pool {
        Pool { inner: Mutex::new(Inner { limit: usize::MAX, ..Inner::default() }), poison }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the bytes to stay below and gives idle buffers back to the system where it is exceeded.
    pub fn set_limit(&self, bytes: usize) {
        let mut inner = self.lock();
        inner.limit = bytes;
        inner.shrink(0);
    }

    /// The most bytes that were ever in use.
    pub fn peak_bytes(&self) -> usize {
        self.lock().peak_bytes
    }

    /// Bytes that are in use now.
    pub fn used_bytes(&self) -> usize {
        self.lock().used_bytes
    }

    /// A buffer of at least so many bytes, with unknown contents.
    ///
    /// # Errors
    /// Of kind `Memory`, if the system refuses it.
    pub fn take(&self, bytes: usize) -> Result<Buffer> {
        let class = Buffer::size_class(bytes);
        let idle = self.lock().take(class);
        let mut buffer = match idle {
            Some(buffer) => buffer,
            None => Buffer::zeroed(class).inspect_err(|_| self.lock().used_bytes -= class)?,
        };
        if self.poison {
            buffer.poison();
        }
        Ok(buffer)
    }

    /// A payload of that shape, with unknown contents.
    ///
    /// # Errors
    /// Those of [`Pool::take`].
    pub fn payload(&self, shape: &Shape) -> Result<Payload> {
        Ok(match *shape {
            Shape::Real { rows, cols } => {
                Payload::Real(Block::in_buffer(self.take(shape.bytes())?, rows, cols, shape.stride()))
            }
            Shape::Complex { rows, cols } => {
                Payload::Complex(Block::in_buffer(self.take(shape.bytes())?, rows, cols, shape.stride()))
            }
            Shape::Small(_) | Shape::Device(_) => Payload::Empty,
        })
    }

    /// A copy of a payload in a buffer of its own.
    ///
    /// # Errors
    /// Those of [`Pool::take`].
    pub fn copy(&self, payload: &Payload) -> Result<Payload> {
        Ok(match payload {
            Payload::Real(block) => Payload::Real(block.copy_into(self.take(size_of_val(block.strided()))?)),
            Payload::Complex(block) => Payload::Complex(block.copy_into(self.take(size_of_val(block.strided()))?)),
            small => small.clone(),
        })
    }

    /// A payload leaves for good, to a client: it is no longer the pool's.
    pub fn part_with(&self, payload: &Payload) {
        let bytes = match payload {
            Payload::Real(block) => Buffer::size_class(size_of_val(block.strided())),
            Payload::Complex(block) => Buffer::size_class(size_of_val(block.strided())),
            _ => 0,
        };
        self.lock().used_bytes -= bytes;
    }

    /// Takes a buffer back.
    pub fn give(&self, buffer: Buffer) {
        self.lock().give(buffer);
    }

    /// Takes back what a payload had of the pool.
    pub fn recycle(&self, payload: Payload) {
        if let Some(buffer) = payload.into_buffer() {
            self.give(buffer);
        }
    }
}

impl Inner {
    fn take(&mut self, class: usize) -> Option<Buffer> {
        let idle = self.idle.get_mut(&class).and_then(Vec::pop);
        match &idle {
            Some(_) => self.idle_bytes -= class,
            None => self.shrink(class),
        }
        self.used_bytes += class;
        self.peak_bytes = self.peak_bytes.max(self.used_bytes);
        idle
    }

    fn give(&mut self, buffer: Buffer) {
        self.used_bytes -= buffer.bytes();
        self.idle_bytes += buffer.bytes();
        self.idle.entry(buffer.bytes()).or_default().push(buffer);
        self.shrink(0);
    }

    /// Drops idle buffers, the largest first, until `more` bytes fit below the limit or none is left.
    fn shrink(&mut self, more: usize) {
        while self.used_bytes + self.idle_bytes + more > self.limit {
            let Some(mut entry) = self.idle.last_entry() else { return };
            match entry.get_mut().pop() {
                Some(buffer) => self.idle_bytes -= buffer.bytes(),
                None => drop(entry.remove()),
            }
        }
    }
}
