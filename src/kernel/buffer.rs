//! Memory for chunks: 64-byte aligned, read as f32 or as complex f32.

use crate::error::{Error, Kind, Result};
use bytemuck::{Pod, Zeroable};
use memmap2::MmapMut;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use std::sync::OnceLock;

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

/// Buffers from this size on ask for the system's large pages: to touch fresh memory takes a tenth of the time then. Linux (seen with
/// 6.18) lays maps of whole ones, and no others, where large pages can be, so that as many are mapped; what is beyond the buffer is never touched.
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
    /// The first so many bytes of a map.
    Pages(MmapMut, usize),
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
            Memory::Pages(own_pages(class).map_err(|error| refused(error.to_string()))?, class)
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
            Memory::Pages(pages, bytes) => &pages[..*bytes],
        }
    }

    /// Its contents, to be changed.
    pub fn as_mut_bytes(&mut self) -> &mut [u8] {
        match &mut self.memory {
            Memory::Lines(lines) => bytemuck::cast_slice_mut(lines),
            Memory::Pages(pages, bytes) => &mut pages[..*bytes],
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
    let large = bytes >= LARGE_PAGE;
    let pages = MmapMut::map_anon(if large && is_roomy() { bytes.next_multiple_of(LARGE_PAGE) } else { bytes })?;
    #[cfg(target_os = "linux")]
    if large {
        // A system without them says so: small ones do as well.
        let _ = pages.advise_range(memmap2::Advice::HugePage, 0, bytes - bytes % LARGE_PAGE);
    }
    Ok(pages)
}

/// May a process map more than it touches? Not where that is counted: a limit of its address space, or a system that promises no more
/// memory than it has.
fn is_roomy() -> bool {
    static ROOMY: OnceLock<bool> = OnceLock::new();
    *ROOMY.get_or_init(|| {
        let unlimited = getrlimit(Resource::RLIMIT_AS).is_ok_and(|(limit, _)| limit == RLIM_INFINITY);
        let strict = std::fs::read_to_string("/proc/sys/vm/overcommit_memory").is_ok_and(|mode| mode.trim() == "2");
        unlimited && !strict
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_has_the_bytes_of_its_class_whatever_is_mapped() {
        for bytes in [0, 1, 5000, 33 << 10, 1 << 20, LARGE_PAGE - 1, LARGE_PAGE, LARGE_PAGE + 1, 5 * LARGE_PAGE / 2] {
            let mut buffer = Buffer::zeroed(bytes).expect("memory for a test");
            assert_eq!(buffer.bytes(), Buffer::size_class(bytes));
            assert!(buffer.as_bytes().iter().all(|byte| *byte == 0));
            buffer.poison();
            assert_eq!(buffer.as_slice::<f32>().iter().filter(|number| number.is_nan()).count(), buffer.bytes() / 4);
        }
    }
}
