//! Memory for chunks: 64-byte aligned, read as f32 or as complex f32.

use bytemuck::{Pod, Zeroable};

/// One cache line; a vector of them is aligned to 64 bytes without any unsafe code.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; LINE]);

const LINE: usize = 64;

/// Buffers from this size on are rounded up to whole pages, so that few sizes exist.
const PAGE: usize = 4096;

/// A piece of memory, aligned to 64 bytes, whose contents are whatever its last user left.
#[derive(Debug, Clone)]
pub struct Buffer {
    lines: Vec<Line>,
}

impl Buffer {
    /// Bytes that a buffer asked to hold `bytes` really takes: its size class.
    pub fn size_class(bytes: usize) -> usize {
        if bytes < PAGE { bytes.div_ceil(LINE) * LINE } else { bytes.div_ceil(PAGE) * PAGE }
    }

    /// A fresh buffer of the size class of `bytes`, all zero.
    pub fn zeroed(bytes: usize) -> Buffer {
        Buffer { lines: vec![Line::zeroed(); Buffer::size_class(bytes) / LINE] }
    }

    /// Its size in bytes.
    pub fn bytes(&self) -> usize {
        self.lines.len() * LINE
    }

    /// Its contents as numbers of type `T`.
    pub fn as_slice<T: Pod>(&self) -> &[T] {
        bytemuck::cast_slice(&self.lines)
    }

    /// Its contents as numbers of type `T`, to be changed.
    pub fn as_mut_slice<T: Pod>(&mut self) -> &mut [T] {
        bytemuck::cast_slice_mut(&mut self.lines)
    }

    /// Fills it with NaN, so that a kernel that forgets to write a pixel is found out.
    pub fn poison(&mut self) {
        self.as_mut_slice::<f32>().fill(f32::NAN);
    }
}
