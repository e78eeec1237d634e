//! Which bytes of a scratch file are whose: arithmetic only.

use std::collections::BTreeMap;

/// A piece of a scratch file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Its first byte.
    pub offset: u64,
    /// How many bytes of it are in use.
    pub bytes: usize,
}

/// The pieces of a scratch file that are free, and how long the file has become.
///
/// Slots come in sizes a sixteenth of a power of two apart, so that chunks of nearly the same size use each other's.
#[derive(Debug, Default)]
pub struct Slots {
    free: BTreeMap<u64, Vec<u64>>,
    end: u64,
}

impl Slots {
    /// A free slot for so many bytes; the file grows if there is none.
    pub fn take(&mut self, bytes: usize) -> Slot {
        let class = class(bytes);
        let offset = self.free.get_mut(&class).and_then(Vec::pop).unwrap_or_else(|| {
            self.end += class;
            self.end - class
        });
        Slot { offset, bytes }
    }

    /// The slot is free again.
    pub fn give(&mut self, slot: Slot) {
        self.free.entry(class(slot.bytes)).or_default().push(slot.offset);
    }

    /// The most bytes that the file ever had.
    pub fn bytes(&self) -> u64 {
        self.end
    }
}

/// Bytes of the slot that a chunk gets.
fn class(bytes: usize) -> u64 {
    let bytes = (bytes as u64).max(4096);
    let step = (bytes.next_power_of_two() / 32).max(4096);
    bytes.next_multiple_of(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_do_not_overlap_and_are_used_again() {
        let mut slots = Slots::default();
        let sizes = [1, 4096, 4097, 1_064_960, 1_081_344, 100_000_000];
        let taken: Vec<Slot> = sizes.iter().map(|&bytes| slots.take(bytes)).collect();
        for pair in taken.windows(2) {
            assert!(pair[0].offset + pair[0].bytes as u64 <= pair[1].offset);
        }
        let end = slots.bytes();
        assert!(end as usize <= sizes.iter().map(|bytes| bytes + bytes / 16 + 4096).sum::<usize>());
        slots.give(taken[3]);
        assert_eq!(slots.take(1_081_344).offset, taken[3].offset, "of nearly the same size");
        assert_eq!(slots.bytes(), end);
    }
}
