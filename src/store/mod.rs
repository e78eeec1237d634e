//! What tasks have made: the buffer pool, the map from key to chunk, and the scratch file for what does not fit.

mod chunks;
mod pool;
mod scratch;
mod slots;

pub use chunks::{Eviction, Store, Transfer};
pub use pool::Pool;
pub use scratch::Scratch;
pub use slots::Slot;
