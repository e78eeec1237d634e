//! Memory for chunks: 64-byte aligned, read as f32 or as complex f32.

use crate::error::{Error, Kind, Result};
use bytemuck::{Pod, Zeroable};
use memmap2::MmapMut;

/// One cache line; a vector of them is aligned to 64 bytes without any unsafe code.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; LINE]);

const LINE: usize = 64;

/// Buffers from this size on are rounded up to whole pages, so that few sizes exist.
const PAGE: usize = 4096;

/// Buffers of these sizes are rounded up to an eighth of a power of two: the blocks between row and column transforms, of
/// which there are many, so that those of the forward transform serve the inverse one as well.
const BLOCKS: std::ops::Range<usize> = 64 << 10..2 << 20;

/// Buffers from this size on ask for the system's large pages: to touch fresh memory takes a tenth of the time then.
const LARGE_PAGE: usize = 2 << 20;

/// Buffers from this size on are pages of the system's own, which are its again at once when they are given back: what
/// malloc frees it may keep, and nobody could promise how much memory the process has.
const OWN_PAGES: usize = 32 << 10;

/// A piece of memory, aligned to 64 bytes, whose contents are whatever its last user left.
#[derive(Debug)]
pub struct Buffer {
    memory: Memory,
}

#[derive(Debug)]
enum Memory {
    Lines(Vec<Line>),
    Pages(MmapMut),
}

impl Buffer {
    /// Bytes that a buffer asked to hold `bytes` really takes: its size class.
    pub fn size_class(bytes: usize) -> usize {
        let step = match bytes {
            0..PAGE => LINE,
            _ if BLOCKS.contains(&bytes) => (bytes + 1).next_power_of_two() / 16,
            _ => PAGE,
        };
        bytes.next_multiple_of(step)
    }

    /// A fresh buffer of the size class of `bytes`, all zero.
    ///
    /// # Errors
    /// Of kind `Memory`, if the system has no such piece of memory.
    pub fn zeroed(bytes: usize) -> Result<Buffer> {
        let class = Buffer::size_class(bytes);
        let refused = |why: String| {
            Error::new(Kind::Memory, format!("the system refuses {class} bytes of memory: {why}"))
                .remedy("raise the limit that is set for the process (ulimit -v), or give a smaller --memory")
        };
        let memory = if class < OWN_PAGES {
            let mut lines = Vec::new();
            lines.try_reserve_exact(class / LINE).map_err(|error| refused(error.to_string()))?;
            lines.resize(class / LINE, Line::zeroed());
            Memory::Lines(lines)
        } else {
            Memory::Pages(own_pages(class).map_err(|error| refused(error.to_string()))?)
        };
        Ok(Buffer { memory })
    }

    /// No memory at all.
    pub fn empty() -> Buffer {
        Buffer { memory: Memory::Lines(Vec::new()) }
    }

    /// Its size in bytes.
    pub fn bytes(&self) -> usize {
        self.as_bytes().len()
    }

    /// Its contents.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.memory {
            Memory::Lines(lines) => bytemuck::cast_slice(lines),
            Memory::Pages(pages) => pages,
        }
    }

    /// Its contents, to be changed.
    pub fn as_mut_bytes(&mut self) -> &mut [u8] {
        match &mut self.memory {
            Memory::Lines(lines) => bytemuck::cast_slice_mut(lines),
            Memory::Pages(pages) => pages,
        }
    }

    /// Its contents as numbers of type `T`.
    pub fn as_slice<T: Pod>(&self) -> &[T] {
        bytemuck::cast_slice(self.as_bytes())
    }

    /// Its contents as numbers of type `T`, to be changed.
    pub fn as_mut_slice<T: Pod>(&mut self) -> &mut [T] {
        bytemuck::cast_slice_mut(self.as_mut_bytes())
    }

    /// Fills it with NaN, so that a kernel that forgets to write a pixel is found out.
    pub fn poison(&mut self) {
        self.as_mut_slice::<f32>().fill(f32::NAN);
    }
}

fn own_pages(bytes: usize) -> std::io::Result<MmapMut> {
    let pages = MmapMut::map_anon(bytes)?;
    #[cfg(target_os = "linux")]
    if bytes >= LARGE_PAGE {
        // A system without them says so: small ones do as well.
        let _ = pages.advise(memmap2::Advice::HugePage);
    }
    Ok(pages)
}

impl Clone for Buffer {
    /// # Panics
    /// If the system has no memory for it.
    fn clone(&self) -> Buffer {
        let mut copy = Buffer::zeroed(self.bytes()).expect("memory for the copy of a chunk");
        copy.as_mut_bytes().copy_from_slice(self.as_bytes());
        copy
    }
}
