//! Where the operations on arrays append their tasks.

use crate::device::Facts;
use crate::event::Key;
use crate::graph::{Graph, Residency, Task};
use crate::kernel::{Component, Kernel};

/// Gives out the numbers of arrays.
#[derive(Debug, Clone)]
pub struct ArrayIds {
    next: u64,
    device: Option<Residency>,
}

impl ArrayIds {
    /// Numbers for one client (one plane) of a run; no two clients share any.
    pub fn of_client(client: usize) -> ArrayIds {
        ArrayIds { next: (client as u64) << 32, device: None }
    }

    /// The same for a client whose graphs run on such a device, if on any, as far as that suits them.
    pub fn on_device(self, facts: Option<Facts>) -> ArrayIds {
        ArrayIds { device: facts.map(Residency::new), ..self }
    }

    fn next(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }
}

/// A graph in the making.
#[derive(Debug)]
pub struct Builder<'a> {
    ids: &'a mut ArrayIds,
    graph: Graph,
}

impl<'a> Builder<'a> {
    /// An empty graph whose arrays get these numbers.
    pub fn new(ids: &'a mut ArrayIds) -> Builder<'a> {
        Builder { ids, graph: Graph::default() }
    }

    /// The number of a new array.
    pub fn new_array(&mut self) -> u64 {
        self.ids.next()
    }

    /// Appends a task.
    pub fn task(&mut self, kernel: impl Into<Kernel>, inputs: Vec<Key>, outputs: Vec<Key>) {
        self.graph.tasks.push(Task::new(kernel.into(), inputs, outputs));
    }

    /// Appends a task with one output that is an array of its own, such as a number.
    pub fn single(&mut self, kernel: impl Into<Kernel>, inputs: Vec<Key>) -> Key {
        let key = Key { array: self.new_array(), chunk: 0 };
        self.task(kernel, inputs, vec![key]);
        key
    }

    /// Says that these chunks stay in the store after the graph.
    pub fn keep(&mut self, keys: impl IntoIterator<Item = Key>) {
        self.graph.keep.extend(keys);
    }

    /// Says that a small result is handed to the client when the graph is done.
    pub fn answer(&mut self, key: Key) {
        self.graph.answers.push(key);
    }

    /// A list of components that comes with the graph, kept until it is released.
    pub fn give(&mut self, components: Vec<Component>) -> Key {
        let key = Key { array: self.new_array(), chunk: 0 };
        self.graph.given.push((key, components));
        key
    }

    /// Says that these kept chunks of earlier graphs may go.
    pub fn release(&mut self, keys: impl IntoIterator<Item = Key>) {
        self.graph.release.extend(keys);
    }

    /// The graph as it was appended, before any pass.
    pub fn unoptimised(self) -> Graph {
        self.graph
    }

    /// The graph, ready to be submitted.
    pub fn finish(self) -> Graph {
        let Some(mut device) = self.ids.device.take() else { return self.graph.optimised() };
        let placed = self.graph.placed(&mut device, &mut || self.ids.next());
        self.ids.device = Some(device);
        placed
    }
}
