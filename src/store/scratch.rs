//! The file in which chunks wait that do not fit the memory.

use super::slots::Slot;
use crate::error::{Error, Result};
use crate::image::reserve_space;
use crate::kernel::Payload;
use std::collections::HashMap;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A scratch file without a name: nobody else finds it, and it is gone with the process, however that ends.
///
/// It is read and written at given places, never mapped: mapped pages would count as resident, and a full disk under
/// a map is a signal, not an error.
#[derive(Debug)]
pub struct Scratch {
    directory: PathBuf,
    file: File,
    /// CRC-32 of what was written at each place.
    sums: Mutex<HashMap<u64, u32>>,
    read: AtomicU64,
    written: AtomicU64,
}

impl Scratch {
    /// An empty scratch file in a directory, with room for so many bytes.
    ///
    /// # Errors
    /// Of kind `Output`, if the directory cannot be written to or has not so much space.
    pub fn create(directory: &Path, bytes: u64) -> Result<Scratch> {
        let failed = |error: std::io::Error| failed(directory, &error, bytes);
        let file = tempfile::tempfile_in(directory).map_err(failed)?;
        reserve_space(&file, bytes.max(1)).map_err(failed)?;
        let (sums, read, written) = Default::default();
        Ok(Scratch { directory: directory.to_path_buf(), file, sums, read, written })
    }

    fn sums(&self) -> MutexGuard<'_, HashMap<u64, u32>> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a chunk.
    ///
    /// # Errors
    /// Of kind `Output`, if the disk is full or fails.
    pub fn write(&self, payload: &Payload, slot: Slot) -> Result<()> {
        let bytes = payload.as_bytes();
        let write = self.file.write_all_at(bytes, slot.offset);
        write.map_err(|error| failed(&self.directory, &error, bytes.len() as u64))?;
        self.sums().insert(slot.offset, crc32fast::hash(bytes));
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Reads a chunk into a payload of its shape.
    ///
    /// # Errors
    /// Of kind `Output`, if the disk fails, or if these are not the bytes that were written.
    pub fn read(&self, payload: &mut Payload, slot: Slot) -> Result<()> {
        let bytes = payload.as_mut_bytes();
        let changed = || {
            Error::output(&self.directory, "a scratch file there has not the content that was written to it")
                .remedy("the disk may be failing: give another directory with --scratch")
        };
        self.file.read_exact_at(bytes, slot.offset).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => changed(),
            _ => failed(&self.directory, &error, bytes.len() as u64),
        })?;
        if self.sums().get(&slot.offset) != Some(&crc32fast::hash(bytes)) {
            return Err(changed());
        }
        self.read.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Bytes read and bytes written so far.
    pub fn traffic(&self) -> (u64, u64) {
        (self.read.load(Ordering::Relaxed), self.written.load(Ordering::Relaxed))
    }
}

fn failed(directory: &Path, error: &std::io::Error, bytes: u64) -> Error {
    let failed = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Error::output(directory, format!("no space for scratch: {bytes} bytes more are needed"))
                .remedy("free space, give another directory with --scratch, or more memory with --memory")
        }
        _ => Error::output(directory, format!("scratch cannot be used there: {error}"))
            .remedy("give another directory with --scratch"),
    };
    failed.because(error)
}
