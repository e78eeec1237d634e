//! Task graphs as plain data, and the passes over them.
//!
//! A graph is made by operations on arrays, culled, fused, put in a static order and priced, and only then given to
//! a scheduler. Every pass is a pure function; none changes a result.

mod check;
mod cull;
mod ease;
mod format;
mod fuse;
mod ledger;
mod numbering;
mod order;
mod price;
mod task;

pub use check::check;
pub use cull::cull;
pub use ease::ease;
pub use format::{decode, encode, instruction_set};
pub use fuse::fuse;
pub use ledger::Ledger;
pub use numbering::{Numbering, Readers};
pub use order::order;
pub use price::{Prediction, Price, Prices, predict, predict_of, working_set};
pub use task::{Step, Task};

use crate::event::{Key, KeyMap, KeySet};
use crate::kernel::Component;
use serde::{Deserialize, Serialize};

/// Tasks, what of theirs is wanted, and what may go.
///
/// Inputs that no task of the graph makes are external: chunks that an earlier graph kept, or that are given with it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Graph {
    /// The tasks; an order in which they can run, once [`order()`] has been over it.
    pub tasks: Vec<Task>,
    /// Chunks that stay in the store for later graphs.
    pub keep: Vec<Key>,
    /// Results, small as a rule, that are handed to whoever submitted the graph, in this order.
    pub answers: Vec<Key>,
    /// Kept chunks of earlier graphs that nobody needs after this one.
    pub release: Vec<Key>,
    /// Lists of components that come with the graph. They are there before it as if an earlier graph had kept them: until
    /// this one or a later one releases them.
    pub given: Vec<(Key, Vec<Component>)>,
}

impl Graph {
    /// The graph that is run: culled, fused and in static order.
    pub fn optimised(self) -> Graph {
        order(fuse(cull(self)))
    }

    /// The chunks that stay after it, with their bytes of the buffer pool.
    pub fn kept_bytes(&self) -> KeyMap<usize> {
        let keep: KeySet = self.keep.iter().copied().collect();
        let keeps = |task: &&Task| task.outputs.iter().any(|key| keep.contains(key));
        let made = self.tasks.iter().filter(keeps).flat_map(|task| task.outputs.iter().copied().zip(task.shapes()));
        made.filter(|(key, _)| keep.contains(key)).map(|(key, shape)| (key, shape.pooled_bytes())).collect()
    }
}
