//! A graph's chunks by number, so that passes over it look nothing up.

use super::Graph;
use crate::event::{Key, KeyMap};
use std::ops::Range;

/// The chunks of a graph by number: first what its tasks make, in their order, then what they read beside.
#[derive(Debug)]
pub struct Numbering {
    numbers: KeyMap<u32>,
    /// The task that makes each chunk that is made.
    makers: Vec<u32>,
    /// Number of the first output of each task, and of the first chunk that is not made.
    outputs_from: Vec<u32>,
    /// What the tasks read, one after the other; where each one's begins, and the end.
    inputs: Vec<u32>,
    inputs_from: Vec<u32>,
    /// The chunks that are not made.
    external: Vec<Key>,
    twice: Option<Key>,
}

impl Numbering {
    /// Numbers the chunks of a graph.
    pub fn of(graph: &Graph) -> Numbering {
        let (outputs, inputs) =
            graph.tasks.iter().fold((0, 0), |(o, i), task| (o + task.outputs.len(), i + task.inputs.len()));
        let mut numbering = Numbering {
            numbers: KeyMap::with_capacity_and_hasher(outputs, Default::default()),
            makers: Vec::with_capacity(outputs),
            outputs_from: vec![0],
            inputs: Vec::with_capacity(inputs),
            inputs_from: vec![0],
            external: Vec::new(),
            twice: None,
        };
        for (i, task) in graph.tasks.iter().enumerate() {
            task.outputs.iter().for_each(|key| numbering.make(*key, i));
            numbering.outputs_from.push(numbering.makers.len() as u32);
        }
        for task in &graph.tasks {
            task.inputs.iter().for_each(|key| numbering.read(*key));
            numbering.inputs_from.push(numbering.inputs.len() as u32);
        }
        numbering
    }

    fn make(&mut self, key: Key, task: usize) {
        let number = self.makers.len() as u32;
        if self.numbers.insert(key, number).is_some() {
            self.twice.get_or_insert(key);
        }
        self.makers.push(task as u32);
    }

    fn read(&mut self, key: Key) {
        let next = (self.makers.len() + self.external.len()) as u32;
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            self.external.push(key);
        }
        self.inputs.push(number);
    }

    /// How many chunks there are.
    pub fn chunks(&self) -> usize {
        self.makers.len() + self.external.len()
    }

    /// How many of them the graph makes: those with lower numbers.
    pub fn made(&self) -> usize {
        self.makers.len()
    }

    /// Chunks that are read but not made, in the order of their numbers, which begin with that of those that are made.
    pub fn external(&self) -> &[Key] {
        &self.external
    }

    /// A chunk that is made more than once.
    pub fn twice(&self) -> Option<Key> {
        self.twice
    }

    /// The number of a chunk that is made or read.
    pub fn number(&self, key: &Key) -> Option<usize> {
        self.numbers.get(key).map(|&number| number as usize)
    }

    /// The task that makes a chunk.
    pub fn maker(&self, number: usize) -> Option<usize> {
        self.makers.get(number).map(|&task| task as usize)
    }

    /// What a task makes.
    pub fn outputs(&self, task: usize) -> Range<usize> {
        self.outputs_from[task] as usize..self.outputs_from[task + 1] as usize
    }

    /// What a task reads, in its order.
    pub fn inputs(&self, task: usize) -> impl ExactSizeIterator<Item = usize> + '_ {
        let inputs = &self.inputs[self.inputs_from[task] as usize..self.inputs_from[task + 1] as usize];
        inputs.iter().map(|&number| number as usize)
    }

    /// The tasks that make what a task reads, in the order of its inputs.
    pub fn needs(&self, task: usize) -> impl Iterator<Item = usize> + '_ {
        self.inputs(task).filter_map(|number| self.maker(number))
    }

    /// How often the tasks read each chunk.
    pub fn reads(&self) -> Vec<u32> {
        let mut reads = vec![0; self.chunks()];
        self.inputs.iter().for_each(|&number| reads[number as usize] += 1);
        reads
    }

    /// The tasks that read each chunk, in their order.
    pub fn readers(&self) -> Readers {
        let mut from = vec![0; self.chunks() + 1];
        self.inputs.iter().for_each(|&number| from[number as usize + 1] += 1);
        (1..from.len()).for_each(|number| from[number] += from[number - 1]);
        let mut next = from.clone();
        let mut tasks = vec![0; self.inputs.len()];
        for task in 0..self.inputs_from.len() - 1 {
            for number in self.inputs(task) {
                tasks[next[number] as usize] = task as u32;
                next[number] += 1;
            }
        }
        Readers { from, tasks }
    }
}

/// Which tasks read which chunk.
#[derive(Debug)]
pub struct Readers {
    from: Vec<u32>,
    tasks: Vec<u32>,
}

impl Readers {
    /// The tasks that read a chunk, in their order; one that reads it twice comes twice.
    pub fn of(&self, number: usize) -> &[u32] {
        &self.tasks[self.from[number] as usize..self.from[number + 1] as usize]
    }
}
