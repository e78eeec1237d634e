//! Names of chunks.

use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

/// Names one chunk of one array: two integers, so that a graph of a million tasks stays small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The array; unique in a run.
    pub array: u64,
    /// The chunk in the array.
    pub chunk: u32,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}/{}", self.array >> 32, self.array & 0xffff_ffff, self.chunk)
    }
}

/// What belongs to keys.
pub type KeyMap<T> = HashMap<Key, T, BuildHasherDefault<KeyHasher>>;

/// A set of keys.
pub type KeySet = HashSet<Key, BuildHasherDefault<KeyHasher>>;

/// Hashes the two small integers of a key by multiplication: a graph of a hundred thousand tasks looks up millions of
/// keys, which nobody chooses with bad intent.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(32) ^ number).wrapping_mul(0xf135_7aea_2e62_a9c5);
    }

    /// A product is mixed best in its highest bits, a table wants good lowest ones too.
    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 29)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::BuildHasher;

    #[test]
    fn neighbouring_keys_spread_over_a_table() {
        let hash = |array, chunk| BuildHasherDefault::<KeyHasher>::default().hash_one(Key { array, chunk });
        for client in [0u64, 1, 77] {
            let keys = (0..64).flat_map(|array| (0..64).map(move |chunk| ((client << 32) + array, chunk)));
            let hashes: Vec<u64> = keys.map(|(array, chunk)| hash(array, chunk)).collect();
            // 4096 keys in a table of 8192 places: drawn at random they would take 3223 different ones.
            let places: HashSet<u64> = hashes.iter().map(|hash| hash % 8192).collect();
            let tags: HashSet<u64> = hashes.iter().map(|hash| hash >> 57).collect();
            assert!(places.len() > 2900 && tags.len() == 128, "{} {}", places.len(), tags.len());
        }
    }
}
