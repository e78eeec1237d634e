//! The map from key to chunk: where each one is, and when it may go.

use super::slots::{Slot, Slots};
use crate::event::{Key, KeyMap};
use crate::kernel::{Payload, Shape};
use std::sync::Arc;

/// The chunks that exist now, each with the number of uses it still has before it: one for every task that will
/// read it, one for being kept.
///
/// A chunk is in memory, in scratch, or on its way between them. One that has once been written to scratch, or was read
/// from there, keeps its slot there until its last use: to leave the memory again it need not be written.
#[derive(Debug, Default)]
pub struct Store {
    chunks: KeyMap<Entry>,
    slots: Slots,
    bytes: usize,
    /// Bytes on a device.
    there: usize,
    small: usize,
    most_small: usize,
    leaving: usize,
}

#[derive(Debug)]
struct Entry {
    place: Place,
    shape: Shape,
    /// Bytes beside the buffer pool.
    small: usize,
    uses: usize,
    slot: Option<Slot>,
}

#[derive(Debug)]
enum Place {
    Memory(Arc<Payload>),
    /// In memory still, while it is written.
    Leaving(Arc<Payload>),
    Scratch,
    /// In scratch still, while it is read; its memory is taken.
    Coming,
}

impl Entry {
    /// Bytes of the buffer pool.
    fn bytes(&self) -> usize {
        self.shape.pooled_bytes()
    }

    /// Bytes on a device.
    fn there(&self) -> usize {
        if let Shape::Device(bytes) = self.shape { bytes } else { 0 }
    }
}

/// What is to be done with the scratch file.
#[derive(Debug)]
pub enum Transfer {
    /// Write the chunk to the slot.
    Out(Key, Arc<Payload>, Slot),
    /// Read the chunk, which has this shape, from the slot.
    In(Key, Shape, Slot),
}

impl Store {
    /// Puts a chunk in for so many uses. One that nobody will use is handed straight back.
    pub fn insert(&mut self, key: Key, payload: Payload, shape: Shape, uses: usize) -> Option<Payload> {
        if uses == 0 {
            return Some(payload);
        }
        let small = payload.small_bytes();
        self.bytes += shape.pooled_bytes();
        self.small += small;
        self.most_small = self.most_small.max(self.small);
        let entry = Entry { place: Place::Memory(Arc::new(payload)), shape, small, uses, slot: None };
        self.there += entry.there();
        self.chunks.insert(key, entry);
        None
    }

    /// Is the chunk there, wherever it is?
    pub fn contains(&self, key: Key) -> bool {
        self.chunks.contains_key(&key)
    }

    /// Adds uses to a chunk that is there.
    pub fn add_uses(&mut self, key: Key, uses: usize) {
        if let Some(entry) = self.chunks.get_mut(&key) {
            entry.uses += uses;
        }
    }

    /// The chunk, to read, if it is in memory.
    pub fn get(&self, key: Key) -> Option<Arc<Payload>> {
        match &self.chunks.get(&key)?.place {
            Place::Memory(payload) | Place::Leaving(payload) => Some(payload.clone()),
            Place::Scratch | Place::Coming => None,
        }
    }

    /// Is the chunk in memory, to stay?
    pub fn is_at_hand(&self, key: Key) -> bool {
        self.chunks.get(&key).is_some_and(|entry| matches!(entry.place, Place::Memory(_)))
    }

    /// Bytes that must be read from scratch before the chunk can be used.
    pub fn bytes_to_read(&self, key: Key) -> usize {
        self.chunks.get(&key).filter(|entry| matches!(entry.place, Place::Scratch)).map_or(0, |entry| entry.bytes())
    }

    /// Is one use left?
    pub fn is_last_use(&self, key: Key) -> bool {
        self.chunks.get(&key).is_some_and(|entry| entry.uses == 1)
    }

    /// The chunk itself, if this is its last use and it is in memory.
    pub fn take_last(&mut self, key: Key) -> Option<Payload> {
        if self.is_last_use(key) && self.is_at_hand(key) { self.remove(key) } else { None }
    }

    /// Ends one use of a chunk; hands it back when that was the last and it is in memory.
    pub fn end_use(&mut self, key: Key) -> Option<Payload> {
        let entry = self.chunks.get_mut(&key)?;
        entry.uses -= 1;
        // What is on its way goes when it has arrived.
        let moves = matches!(entry.place, Place::Leaving(_) | Place::Coming);
        if entry.uses > 0 || moves { None } else { self.remove(key) }
    }

    fn remove(&mut self, key: Key) -> Option<Payload> {
        let entry = self.chunks.remove(&key)?;
        if let Some(slot) = entry.slot {
            self.slots.give(slot);
        }
        let bytes = entry.bytes();
        self.small -= entry.small;
        self.there -= entry.there();
        match entry.place {
            Place::Memory(payload) => {
                self.bytes -= bytes;
                Some(Arc::into_inner(payload).expect("a chunk is read only while it has uses"))
            }
            _ => None,
        }
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Is it empty?
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Bytes of the buffer pool that its chunks have, those included for which memory is taken already.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes that its chunks have on a device: that is an account of its own.
    pub fn device_bytes(&self) -> usize {
        self.there
    }

    /// Bytes that its chunks have beside the buffer pool: how many components there are nobody knows beforehand.
    ///
    /// What was once taken for them stays with the process: malloc keeps small pieces for later use.
    pub fn small_bytes(&self) -> usize {
        self.small.max(self.most_small / Payload::COPIES)
    }

    /// Bytes of it that will be free when what is being written has been.
    pub fn leaving_bytes(&self) -> usize {
        self.leaving
    }

    /// The most bytes that the scratch file ever had.
    pub fn scratch_bytes(&self) -> u64 {
        self.slots.bytes()
    }

    /// The chunks that could leave the memory now, with their bytes and whether they need not be written for that.
    pub fn movable(&self) -> impl Iterator<Item = (Key, usize, bool)> + '_ {
        self.chunks.iter().filter_map(|(key, entry)| match &entry.place {
            Place::Memory(payload) if entry.bytes() > 0 && Arc::strong_count(payload) == 1 => {
                Some((*key, entry.bytes(), entry.slot.is_some()))
            }
            _ => None,
        })
    }

    /// The chunk is to leave the memory: it is handed back if scratch has it already; otherwise it must be written.
    pub fn evict(&mut self, key: Key) -> Option<Eviction> {
        let entry = self.chunks.get_mut(&key)?;
        let Place::Memory(payload) = std::mem::replace(&mut entry.place, Place::Scratch) else { return None };
        if entry.slot.is_some() {
            self.bytes -= entry.bytes();
            return Some(Eviction::Gone(Arc::into_inner(payload).expect("what is read does not leave")));
        }
        entry.place = Place::Leaving(payload.clone());
        self.leaving += entry.bytes();
        Some(Eviction::Write(Transfer::Out(key, payload, self.slots.take(entry.bytes()))))
    }

    /// The chunk is wanted in memory, which is taken from now on.
    pub fn fetch(&mut self, key: Key) -> Option<Transfer> {
        let entry = self.chunks.get_mut(&key).filter(|entry| matches!(entry.place, Place::Scratch))?;
        let slot = entry.slot?;
        entry.place = Place::Coming;
        self.bytes += entry.bytes();
        Some(Transfer::In(key, entry.shape, slot))
    }

    /// A chunk has been written. It stays in memory until that is wanted; it is handed back if its last use has ended
    /// meanwhile.
    pub fn written(&mut self, key: Key, slot: Slot) -> Option<Payload> {
        let entry = self.chunks.get_mut(&key)?;
        entry.slot = Some(slot);
        if let Place::Leaving(payload) = std::mem::replace(&mut entry.place, Place::Scratch) {
            entry.place = Place::Memory(payload);
            self.leaving -= entry.bytes();
        }
        if entry.uses == 0 { self.remove(key) } else { None }
    }

    /// A chunk has been read. It is handed back if its last use has ended meanwhile.
    pub fn read(&mut self, key: Key, payload: Payload) -> Option<Payload> {
        let Some(entry) = self.chunks.get_mut(&key) else { return Some(payload) };
        entry.place = Place::Memory(Arc::new(payload));
        if entry.uses == 0 { self.remove(key) } else { None }
    }
}

/// How a chunk leaves the memory.
#[derive(Debug)]
pub enum Eviction {
    /// It has left.
    Gone(Payload),
    /// It must be written first.
    Write(Transfer),
}
