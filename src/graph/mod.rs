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
mod mark;
mod numbering;
mod order;
mod place;
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
pub use place::Residency;
pub use price::{Memory, Prediction, Price, Prices, predict, predict_of, working_set};
pub use task::{Place, Step, Task};

use crate::event::{Key, KeyMap, KeySet};
use crate::kernel::{Component, Shape};
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

    /// The graph that is run where its client has a device: what suits it runs there, and what is read in the other memory is taken there
    /// by tasks of their own, of which each makes a new array. Whatever is kept is on the device while there is room.
    pub fn placed(self, device: &mut Residency, new_array: &mut dyn FnMut() -> u64) -> Graph {
        let marked = mark::mark(cull(self), device);
        device.place(order(fuse(marked)), new_array)
    }

    /// The chunks that stay after it, with their bytes of the buffer pool.
    pub fn kept_bytes(&self) -> KeyMap<usize> {
        self.kept_in(Memory::Host)
    }

    /// The chunks that stay after it, with their bytes in one memory.
    pub fn kept_in(&self, memory: Memory) -> KeyMap<usize> {
        let keep: KeySet = self.keep.iter().copied().collect();
        let keeps = |task: &&Task| task.outputs.iter().any(|key| keep.contains(key));
        let bytes = |shape: &Shape| match (shape, memory) {
            (Shape::Device(bytes), Memory::Device | Memory::Both) => *bytes,
            (_, Memory::Device) => 0,
            _ => shape.pooled_bytes(),
        };
        let made = self.tasks.iter().filter(keeps).flat_map(|task| task.outputs.iter().copied().zip(task.shapes()));
        made.filter(|(key, _)| keep.contains(key)).map(|(key, shape)| (key, bytes(&shape))).collect()
    }
}
