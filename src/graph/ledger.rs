//! A graph with its chunks numbered and its tasks priced, and what is in memory while one worker goes through it.

use super::price::{Memory, Prices, step_bytes};
use super::{Graph, Numbering};
use crate::event::{KeyMap, KeySet};
use crate::kernel::Shape;

/// What passes over a graph want to know of its tasks and chunks, found once.
#[derive(Debug)]
pub struct Ledger {
    /// The chunks by number.
    pub numbering: Numbering,
    prices: Vec<Prices>,
    in_place: Vec<bool>,
    shapes: Vec<Shape>,
    /// Bytes of each chunk that is made.
    bytes: Vec<usize>,
    /// Bytes of the buffers that the tasks take, one after the other, and where each one's begin.
    fresh: Vec<usize>,
    fresh_from: Vec<usize>,
}

impl Ledger {
    /// Numbers a graph's chunks and prices its tasks in bytes of the machine's memory.
    pub fn of(graph: &Graph) -> Ledger {
        Ledger::in_memory(graph, Memory::Host)
    }

    /// The same in bytes of one memory.
    pub fn in_memory(graph: &Graph, memory: Memory) -> Ledger {
        let tasks = graph.tasks.len();
        let mut ledger = Ledger {
            numbering: Numbering::of(graph),
            prices: Vec::with_capacity(tasks),
            in_place: graph.tasks.iter().map(super::Task::in_place).collect(),
            shapes: Vec::with_capacity(tasks),
            bytes: Vec::with_capacity(tasks),
            fresh: Vec::with_capacity(tasks),
            fresh_from: Vec::with_capacity(tasks + 1),
        };
        let mut steps = Vec::new();
        for task in &graph.tasks {
            ledger.fresh_from.push(ledger.fresh.len());
            ledger.bytes.extend(step_bytes(task, memory, &mut steps, &mut ledger.fresh));
            ledger.shapes.extend(task.shapes());
            ledger.prices.push(Prices::of_steps(&steps));
        }
        ledger.fresh_from.push(ledger.fresh.len());
        ledger
    }

    /// The prices of a task.
    pub fn prices(&self, task: usize) -> &Prices {
        &self.prices[task]
    }

    /// Bytes of a chunk that is made.
    pub fn bytes(&self, number: usize) -> usize {
        self.bytes[number]
    }

    /// The shape of a chunk that is made, as the machine's memory sees it.
    pub fn shape(&self, number: usize) -> Shape {
        self.shapes[number]
    }

    /// Bytes of the buffers that a task takes, as if it kept all of them to its end. The first is that of what it makes in
    /// place of its first input; who takes that over takes none for it.
    pub fn fresh(&self, task: usize, takes_over: bool) -> impl Iterator<Item = usize> + '_ {
        let fresh = &self.fresh[self.fresh_from[task]..self.fresh_from[task + 1]];
        fresh[usize::from(takes_over)..].iter().copied().filter(|bytes| *bytes > 0)
    }
}

/// What is in memory while one worker goes through the tasks.
pub struct Account<'a> {
    ledger: &'a Ledger,
    /// The uses that each chunk still has before it.
    uses: Vec<u32>,
    bytes: Vec<usize>,
    /// Bytes of each chunk that is there at the start.
    pub at_start: Vec<usize>,
}

impl<'a> Account<'a> {
    /// Before the first task, with these kept chunks (key → bytes).
    pub fn open(graph: &Graph, ledger: &'a Ledger, resident: &KeyMap<usize>) -> Account<'a> {
        let numbering = &ledger.numbering;
        let release: KeySet = graph.release.iter().copied().collect();
        let mut uses = numbering.reads();
        for number in graph.keep.iter().chain(&graph.answers).filter_map(|key| numbering.number(key)) {
            uses[number] += 1;
        }
        let mut bytes = ledger.bytes.clone();
        bytes.resize(numbering.chunks(), 0);
        let mut at_start = Vec::with_capacity(resident.len());
        for (key, &size) in resident {
            let (number, stays) = (numbering.number(key), !release.contains(key));
            if let Some(number) = number {
                uses[number] += u32::from(stays);
                bytes[number] = size;
            }
            // What is released and not even read goes before the first task.
            if number.is_some() || stays {
                at_start.push(size);
            }
        }
        Account { ledger, uses, bytes, at_start }
    }

    /// Would the task work in place of its first input, because nobody else needs it?
    pub fn takes_over(&self, task: usize) -> bool {
        let first = || self.ledger.numbering.inputs(task).next();
        self.ledger.in_place[task] && first().is_some_and(|number| self.uses[number] == 1)
    }

    /// Runs a task. What it used last goes, and what somebody needs that it made comes: the bytes of each are told.
    pub fn run(&mut self, task: usize, mut goes: impl FnMut(usize), mut comes: impl FnMut(usize)) {
        let numbering = &self.ledger.numbering;
        for number in numbering.inputs(task) {
            self.uses[number] -= 1;
            if self.uses[number] == 0 {
                goes(self.bytes[number]);
            }
        }
        numbering.outputs(task).filter(|&number| self.uses[number] > 0).for_each(|number| comes(self.bytes[number]));
    }
}
