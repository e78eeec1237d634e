//! The components of the planes that are done, in a hidden file, until all are.

use crate::error::{Error, Result};
use crate::image::Hidden;
use crate::kernel::Component;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Bytes of a component.
const ENTRY: usize = 14;

/// Components that are read or written at once.
const PIECE: usize = 1 << 16;

/// Where the components of a plane are in a spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The first byte.
    start: u64,
    /// Number of components.
    count: u64,
    /// CRC-32 of their bytes.
    sum: u32,
}

/// A hidden file with the components of planes, in the order in which these are done. A checkpoint counts on it.
#[derive(Debug)]
pub struct Spool {
    hidden: Hidden,
    end: Mutex<u64>,
}

impl Spool {
    /// An empty one, hidden as a file of this name would be until it is whole.
    ///
    /// # Errors
    /// Of kind `Output`, if it cannot be made.
    pub fn create(path: &Path) -> Result<Spool> {
        Ok(Spool { hidden: Hidden::create(path)?, end: Mutex::default() })
    }

    /// The one that an earlier run has left, of which these places are to stay; an empty one if there is none.
    ///
    /// # Errors
    /// Of kind `Output`, if it cannot be opened or made, or if another run is writing it.
    pub fn adopt(path: &Path, places: impl Iterator<Item = Place>) -> Result<Spool> {
        let Some(hidden) = Hidden::adopt(path, false)? else { return Spool::create(path) };
        let end = places.map(|place| place.start + place.count * ENTRY as u64).max().unwrap_or(0);
        Ok(Spool { hidden, end: Mutex::new(end) })
    }

    /// The file stays when this is dropped.
    pub fn leave(&mut self) {
        self.hidden.leave();
    }

    /// Appends the components of a plane.
    ///
    /// # Errors
    /// Of kind `Output`.
    pub fn append(&self, components: &[Component]) -> Result<Place> {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, mut hasher) = (*end, crc32fast::Hasher::new());
        for piece in components.chunks(PIECE) {
            let bytes: Vec<u8> = piece.iter().flat_map(bytes_of).collect();
            hasher.update(&bytes);
            self.hidden.file().write_all_at(&bytes, *end).map_err(|error| self.hidden.failed(&error))?;
            *end += bytes.len() as u64;
        }
        Ok(Place { start, count: components.len() as u64, sum: hasher.finalize() })
    }

    /// The components of a plane.
    ///
    /// # Errors
    /// Of kind `Output`, if they are not there as they were appended.
    pub fn read(&self, place: &Place) -> Result<Vec<Component>> {
        let gone = || Error::output(self.hidden.temporary(), "was changed during the run: the components are lost");
        let length = self.hidden.file().metadata().map_err(|error| self.hidden.failed(&error))?.len();
        let bytes = place.count.saturating_mul(ENTRY as u64);
        if place.start.saturating_add(bytes) > length {
            return Err(gone());
        }
        let mut components = Vec::with_capacity(place.count as usize);
        let (mut hasher, mut at, mut left) = (crc32fast::Hasher::new(), place.start, place.count as usize);
        while left > 0 {
            let mut piece = vec![0; ENTRY * left.min(PIECE)];
            self.hidden.file().read_exact_at(&mut piece, at).map_err(|error| self.hidden.failed(&error))?;
            hasher.update(&piece);
            components.extend(piece.as_chunks().0.iter().map(component_of));
            (at, left) = (at + piece.len() as u64, left - piece.len() / ENTRY);
        }
        if hasher.finalize() == place.sum { Ok(components) } else { Err(gone()) }
    }

    /// Are the components of a plane there as they were appended?
    pub fn holds(&self, place: &Place) -> bool {
        self.read(place).is_ok()
    }
}

fn bytes_of(component: &Component) -> [u8; ENTRY] {
    let mut bytes = [0; ENTRY];
    bytes[..4].copy_from_slice(&component.y.to_le_bytes());
    bytes[4..8].copy_from_slice(&component.x.to_le_bytes());
    bytes[8..10].copy_from_slice(&component.scale.to_le_bytes());
    bytes[10..].copy_from_slice(&component.flux.to_le_bytes());
    bytes
}

fn component_of(b: &[u8; ENTRY]) -> Component {
    Component {
        y: u32::from_le_bytes([b[0], b[1], b[2], b[3]]),
        x: u32::from_le_bytes([b[4], b[5], b[6], b[7]]),
        scale: u16::from_le_bytes([b[8], b[9]]),
        flux: f32::from_le_bytes([b[10], b[11], b[12], b[13]]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(count: u32) -> Vec<Component> {
        (0..count).map(|i| Component { y: i / 7, x: 70_000 * i, scale: i as u16, flux: 0.1 - i as f32 }).collect()
    }

    #[test]
    fn what_was_appended_is_read() -> Result<()> {
        let directory = tempfile::tempdir().map_err(|e| Error::internal(e.to_string()))?;
        let path = directory.path().join("x.components");
        let mut spool = Spool::create(&path)?;
        let lists = [list(3), Vec::new(), list(70_001), list(1)];
        let places = lists.iter().map(|list| spool.append(list)).collect::<Result<Vec<_>>>()?;
        assert!(places.iter().zip(&lists).rev().all(|(place, list)| spool.read(place).as_ref() == Ok(list)));
        spool.leave();
        drop(spool);
        // What no checkpoint knows is written over.
        let spool = Spool::adopt(&path, places[..2].iter().copied())?;
        let other: Vec<Component> = list(4).into_iter().rev().collect();
        let again = spool.append(&other)?;
        assert_eq!(spool.read(&again), Ok(other));
        assert!(spool.holds(&places[0]) && spool.holds(&places[1]) && !spool.holds(&places[2]));
        let outside = Place { start: u64::MAX, ..again };
        assert!(!spool.holds(&outside) && !spool.holds(&Place { count: u64::MAX / 2, ..again }));
        Ok(())
    }
}
