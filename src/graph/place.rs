//! Takes chunks where they are read: between the machine's memory and a device's.
//!
//! The graph is gone through in its order, with what is on the device at each moment. A task on the device has what it reads taken there
//! first; where there is no room for that and for what it makes, the chunks leave whose next use there is furthest away (Belady 1966, IBM
//! Systems Journal 5, 78). A task for which there is no room at all runs in memory.

use super::price::Memory;
use super::{Graph, Place, Prices, Task};
use crate::device::Facts;
use crate::event::{Key, KeyMap};
use crate::kernel::Shape;

/// What a client has on a device, from graph to graph: for each chunk that is kept, by the name that the client knows, where it is.
///
/// It follows from the graphs alone, so that a rehearsal knows it too.
#[derive(Debug, Clone)]
pub struct Residency {
    facts: Facts,
    kept: KeyMap<Kept>,
}

/// Where a kept chunk is: under which name, on the device or in memory.
#[derive(Debug, Clone, Copy)]
struct Kept {
    shape: Shape,
    there: bool,
    key: Key,
}

impl Residency {
    /// Nothing is on such a device.
    pub fn new(facts: Facts) -> Residency {
        Residency { facts, kept: KeyMap::default() }
    }

    /// What is known of the device.
    pub fn facts(&self) -> Facts {
        self.facts
    }

    /// Is a kept chunk on the device?
    pub fn has(&self, key: &Key) -> bool {
        self.kept.get(key).is_some_and(|kept| kept.there)
    }

    /// The graph with its transfers; see [`Graph::placed`].
    pub(super) fn place(&mut self, graph: Graph, new_array: &mut dyn FnMut() -> u64) -> Graph {
        let mut placer = Placer::new(&graph, self, new_array);
        graph.tasks.into_iter().enumerate().for_each(|(i, task)| placer.task(i, task));
        let answers = graph.answers.into_iter().map(|key| placer.here(key)).collect();
        let (mut keep, mut release) = (Vec::new(), Vec::new());
        for key in graph.release {
            match self.kept.remove(&key) {
                Some(kept) => release.push(kept.key),
                None => release.push(key),
            }
            placer.chunks.remove(&key);
        }
        for key in graph.keep.into_iter().filter(|key| !placer.chunks.contains_key(key)) {
            keep.push(key);
        }
        let mut kept: Vec<(Key, Chunk)> = placer.chunks.into_iter().filter(|(_, chunk)| chunk.kept).collect();
        kept.sort_unstable_by_key(|(key, _)| *key);
        for (name, chunk) in kept {
            let Some(key) = chunk.there.or(chunk.here) else { continue };
            let now = Kept { shape: chunk.shape, there: chunk.there.is_some(), key };
            match self.kept.insert(name, now) {
                Some(before) if before.key == key => {}
                before => {
                    keep.push(key);
                    release.extend(before.map(|before| before.key));
                }
            }
        }
        Graph { tasks: placer.tasks, keep, answers, release, given: graph.given }
    }
}

/// A chunk of pixels or part of a spectrum, and its copies.
struct Chunk {
    shape: Shape,
    there: Option<Key>,
    here: Option<Key>,
    /// The tasks that read it, on the device and in memory, in order; `usize::MAX` for whoever is told it.
    read_there: Vec<usize>,
    read_here: Vec<usize>,
    /// Does it stay after the graph?
    kept: bool,
}

impl Chunk {
    fn new(shape: Shape) -> Chunk {
        Chunk { shape, there: None, here: None, read_there: Vec::new(), read_here: Vec::new(), kept: false }
    }

    fn bytes(&self) -> u64 {
        self.shape.pooled_bytes() as u64
    }

    /// The next task after `i` that reads it on the device.
    fn next_there(&self, i: usize) -> Option<usize> {
        self.read_there.iter().copied().find(|&reader| reader > i)
    }

    /// Does anybody want it after task `i`, wherever it is?
    fn is_wanted(&self, i: usize) -> bool {
        self.kept || self.next_there(i).is_some() || self.read_here.iter().any(|&reader| reader > i)
    }

    /// Is the copy on the device of use after task `i`?
    fn is_wanted_there(&self, i: usize) -> bool {
        self.kept || self.next_there(i).is_some() || self.here.is_none() && self.is_wanted(i)
    }
}

/// A walk through a graph.
struct Placer<'a> {
    room: u64,
    /// Bytes on the device now.
    used: u64,
    chunks: KeyMap<Chunk>,
    tasks: Vec<Task>,
    new_array: &'a mut dyn FnMut() -> u64,
}

impl<'a> Placer<'a> {
    fn new(graph: &Graph, device: &Residency, new_array: &'a mut dyn FnMut() -> u64) -> Placer<'a> {
        let mut placer = Placer {
            room: device.facts.room,
            used: 0,
            chunks: KeyMap::default(),
            tasks: Vec::with_capacity(graph.tasks.len()),
            new_array,
        };
        for (name, kept) in &device.kept {
            let mut chunk = Chunk { kept: true, ..Chunk::new(kept.shape) };
            *(if kept.there { &mut chunk.there } else { &mut chunk.here }) = Some(kept.key);
            placer.used += if kept.there { chunk.bytes() } else { 0 };
            placer.chunks.insert(*name, chunk);
        }
        placer.note_uses(graph);
        placer
    }

    fn note_uses(&mut self, graph: &Graph) {
        for task in &graph.tasks {
            let made = task.outputs.iter().zip(task.made()).filter(|(_, shape)| shape.pooled_bytes() > 0);
            made.for_each(|(key, shape)| drop(self.chunks.insert(*key, Chunk::new(shape))));
        }
        for (i, task) in graph.tasks.iter().enumerate() {
            for key in &task.inputs {
                let Some(chunk) = self.chunks.get_mut(key) else { continue };
                if task.place == Place::Memory { chunk.read_here.push(i) } else { chunk.read_there.push(i) }
            }
        }
        for key in &graph.keep {
            self.chunks.entry(*key).and_modify(|chunk| chunk.kept = true);
        }
        for key in &graph.release {
            self.chunks.entry(*key).and_modify(|chunk| chunk.kept = false);
        }
        for key in &graph.answers {
            self.chunks.entry(*key).and_modify(|chunk| chunk.read_here.push(usize::MAX));
        }
    }

    /// The next task, with the transfers before it.
    fn task(&mut self, i: usize, mut task: Task) {
        if task.place != Place::Memory && !self.make_room(i, &task) {
            task.place = Place::Memory;
        }
        let is_there = task.place != Place::Memory;
        let read = task.inputs.clone();
        task.inputs = read.iter().map(|&key| if is_there { self.there(key) } else { self.here(key) }).collect();
        for key in &task.outputs {
            let Some(chunk) = self.chunks.get_mut(key) else { continue };
            self.used += if is_there { chunk.bytes() } else { 0 };
            *(if is_there { &mut chunk.there } else { &mut chunk.here }) = Some(*key);
        }
        let made = task.outputs.clone();
        self.tasks.push(task);
        read.iter().chain(&made).for_each(|key| self.retire(i, key));
    }

    /// Lets the copies of a chunk go that nobody needs after task `i`.
    fn retire(&mut self, i: usize, key: &Key) {
        let Some(chunk) = self.chunks.get_mut(key) else { return };
        if chunk.there.is_some() && !chunk.is_wanted_there(i) {
            self.used -= chunk.bytes();
            chunk.there = None;
        }
    }

    /// The name under which a chunk can be read on the device, to which it is taken if it is not there; that of a small one as it is.
    fn there(&mut self, key: Key) -> Key {
        let Some(chunk) = self.chunks.get_mut(&key) else { return key };
        if let (None, Some(here)) = (chunk.there, chunk.here) {
            let there = Key { array: (self.new_array)(), chunk: 0 };
            chunk.there = Some(there);
            self.used += chunk.bytes();
            self.tasks.push(Task::upload(chunk.shape, here, there));
        }
        chunk.there.unwrap_or(key)
    }

    /// The name under which a chunk can be read in memory.
    fn here(&mut self, key: Key) -> Key {
        let Some(chunk) = self.chunks.get_mut(&key) else { return key };
        if let (None, Some(there)) = (chunk.here, chunk.there) {
            let here = Key { array: (self.new_array)(), chunk: 0 };
            chunk.here = Some(here);
            self.tasks.push(Task::download(chunk.shape, there, here));
        }
        chunk.here.unwrap_or(key)
    }

    /// Lets chunks leave the device until there is room for task `i`. Is there any?
    fn make_room(&mut self, i: usize, task: &Task) -> bool {
        let need = self.need(i, task);
        let can_leave = |(key, chunk): &(&Key, &Chunk)| chunk.there.is_some() && !task.inputs.contains(key);
        let most: u64 = self.chunks.iter().filter(can_leave).map(|(_, chunk)| chunk.bytes()).sum();
        if (self.used + need).saturating_sub(most) > self.room {
            return false;
        }
        while self.used + need > self.room {
            let last = |&(key, chunk): &(&Key, &Chunk)| (chunk.next_there(i).is_none(), chunk.next_there(i), *key);
            let Some(key) = self.chunks.iter().filter(can_leave).max_by_key(last).map(|(key, _)| *key) else {
                return false;
            };
            if self.chunks[&key].is_wanted(i) {
                self.here(key);
            }
            if let Some(chunk) = self.chunks.get_mut(&key) {
                chunk.there = None;
                self.used -= chunk.bytes();
            }
        }
        true
    }

    /// Bytes of the device that task `i` needs beside what is there.
    fn need(&self, i: usize, task: &Task) -> u64 {
        let mut read: Vec<&Key> = task.inputs.iter().collect();
        read.sort_unstable();
        read.dedup();
        let chunks = read.iter().filter_map(|key| self.chunks.get(key));
        let to_come: u64 = chunks.filter(|chunk| chunk.there.is_none()).map(Chunk::bytes).sum();
        let once = |first: &&Key| task.inputs.iter().filter(|key| key == first).count() == 1;
        let first = task.inputs.first().filter(once).and_then(|key| self.chunks.get(key));
        let takes_over = task.in_place() && first.is_some_and(|chunk| !chunk.is_wanted_there(i));
        to_come + Prices::in_memory(task, Memory::Device).of(takes_over).during as u64
    }
}
