//! The map from key to chunk, and when a chunk may go.

use crate::event::{Key, KeyMap};
use crate::kernel::Payload;
use std::sync::Arc;

/// The chunks that exist now, each with the number of uses it still has before it: one for every task that will
/// read it, one for being kept.
#[derive(Debug, Default)]
pub struct Store {
    chunks: KeyMap<Entry>,
}

#[derive(Debug)]
struct Entry {
    payload: Arc<Payload>,
    uses: usize,
}

impl Store {
    /// Puts a chunk in for so many uses. One that nobody will use is handed straight back.
    pub fn insert(&mut self, key: Key, payload: Payload, uses: usize) -> Option<Payload> {
        if uses == 0 {
            return Some(payload);
        }
        self.chunks.insert(key, Entry { payload: Arc::new(payload), uses });
        None
    }

    /// Is the chunk there?
    pub fn contains(&self, key: Key) -> bool {
        self.chunks.contains_key(&key)
    }

    /// Adds uses to a chunk that is there.
    pub fn add_uses(&mut self, key: Key, uses: usize) {
        if let Some(entry) = self.chunks.get_mut(&key) {
            entry.uses += uses;
        }
    }

    /// The chunk, to read.
    pub fn get(&self, key: Key) -> Option<Arc<Payload>> {
        self.chunks.get(&key).map(|entry| entry.payload.clone())
    }

    /// Is one use left?
    pub fn is_last_use(&self, key: Key) -> bool {
        self.chunks.get(&key).is_some_and(|entry| entry.uses == 1)
    }

    /// The chunk itself, if this is its last use.
    pub fn take_last(&mut self, key: Key) -> Option<Payload> {
        if self.is_last_use(key) { self.remove(key) } else { None }
    }

    /// Ends one use of a chunk; hands it back when that was the last.
    pub fn end_use(&mut self, key: Key) -> Option<Payload> {
        let entry = self.chunks.get_mut(&key)?;
        entry.uses -= 1;
        if entry.uses > 0 { None } else { self.remove(key) }
    }

    fn remove(&mut self, key: Key) -> Option<Payload> {
        let entry = self.chunks.remove(&key)?;
        Some(Arc::into_inner(entry.payload).expect("a chunk is read only while it has uses"))
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Is it empty?
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }
}
