//! What tasks have made: the buffer pool and the map from key to chunk.

mod chunks;
mod pool;

pub use chunks::Store;
pub use pool::Pool;
