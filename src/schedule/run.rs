//! One submitted graph: which tasks wait, which are ready, how far the static order has come.

use super::ready::Ready;
use crate::error::Result;
use crate::event::{Key, KeyMap};
use crate::graph::{Graph, Ledger, Memory, Place, Prediction, Price, Prices, Readers, Task, check, ease, predict_of};
use crate::kernel::Shape;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A graph under way.
///
/// Its *frontier* is the first task in static order that has not ended. Tasks beyond it run ahead of the order: what
/// they hold is charged to an allowance until the frontier has passed them. What is left by tasks before the frontier is
/// also there when one worker runs the graph in its order, and counts in its peak. So the predicted peak is kept
/// whatever the timing (see [`predict`](crate::graph::predict)).
///
/// A task ahead of the order that works in place of its last input adds nothing: the input would be there too. One that
/// must copy it, because a task before it still reads it, keeps the copy charged when the frontier reaches it: one
/// worker would not have made it.
///
/// Tasks on the device start in static order, whatever those in memory do: for that order its memory was shared out.
#[derive(Debug)]
pub struct Run {
    tasks: Vec<Arc<Task>>,
    ledger: Ledger,
    kept: KeyMap<usize>,
    answers: Vec<Key>,
    prediction: Prediction,
    ease: usize,
    waits: Vec<u32>,
    readers: Readers,
    uses: Vec<u32>,
    ready: Ready,
    /// The tasks on the device that have not begun, with their prices there.
    there: BTreeMap<usize, Prices>,
    begun: Vec<bool>,
    ended: Vec<bool>,
    frontier: usize,
    charges: Vec<usize>,
    charged: usize,
    left: usize,
}

impl Run {
    /// Starts a graph in static order with these kept chunks of its client.
    ///
    /// # Errors
    /// If the graph cannot be run; see [`check`].
    pub fn new(graph: Graph, ledger: Ledger, resident: &KeyMap<usize>, workers: usize) -> Result<Run> {
        let numbering = &ledger.numbering;
        check(&graph, numbering)?;
        let prediction = predict_of(&graph, &ledger, resident, workers);
        let ease = ease(&graph, &ledger, resident, workers);
        let n = graph.tasks.len();
        let waits: Vec<u32> = (0..n).map(|task| numbering.needs(task).count() as u32).collect();
        let mut uses = numbering.reads();
        let kept = graph.kept_bytes();
        kept.keys().chain(&graph.answers).filter_map(|key| numbering.number(key)).for_each(|number| uses[number] += 1);
        let mut ready = Ready::default();
        let is_there = |position: &usize| graph.tasks[*position].place != Place::Memory;
        let there = (0..n).filter(is_there).map(|i| (i, Prices::in_memory(&graph.tasks[i], Memory::Device))).collect();
        let at_start = (0..n).filter(|position| waits[*position] == 0 && !is_there(position));
        at_start.for_each(|position| ready.insert(position, ledger.prices(position)));
        Ok(Run {
            tasks: graph.tasks.into_iter().map(Arc::new).collect(),
            readers: numbering.readers(),
            ledger,
            kept,
            answers: graph.answers,
            prediction,
            ease,
            waits,
            uses,
            ready,
            there,
            begun: vec![false; n],
            ended: vec![false; n],
            frontier: 0,
            charges: vec![0; n],
            charged: 0,
            left: n,
        })
    }

    /// The task at a position of the static order.
    pub fn task(&self, position: usize) -> &Arc<Task> {
        &self.tasks[position]
    }

    /// The bytes with which it runs at ease.
    pub fn ease(&self) -> usize {
        self.ease
    }

    /// What was predicted for it.
    pub fn prediction(&self) -> &Prediction {
        &self.prediction
    }

    /// The results that its client is told.
    pub fn answers(&self) -> &[Key] {
        &self.answers
    }

    /// The chunks that stay after it, with their bytes.
    pub fn kept(&self) -> &KeyMap<usize> {
        &self.kept
    }

    /// What a task makes: the shape of each chunk, and how many uses it has before it.
    pub fn outputs(&self, position: usize) -> impl Iterator<Item = (Shape, usize)> + '_ {
        let numbers = self.ledger.numbering.outputs(position);
        numbers.map(|number| (self.ledger.shape(number), self.uses[number] as usize))
    }

    /// The first ready task that may start now without breaking the promised peak. `takes_over` says of a task whether
    /// it would work in place of its first input now.
    pub fn first_to_start(&self, takes_over: impl Fn(&Task) -> bool) -> Option<usize> {
        if self.is_frontier_ready() {
            return Some(self.frontier);
        }
        self.ready.first(self.allowance(), |position| takes_over(&self.tasks[position]))
    }

    /// All ready tasks that may start now.
    pub fn all_to_start(&self, takes_over: impl Fn(&Task) -> bool) -> Vec<usize> {
        let ahead = self.ready.all(self.allowance(), |position| takes_over(&self.tasks[position]));
        let ahead = ahead.filter(|&position| position != self.frontier);
        self.is_frontier_ready().then_some(self.frontier).into_iter().chain(ahead).collect()
    }

    fn is_frontier_ready(&self) -> bool {
        let waits = self.waits.get(self.frontier).is_some_and(|waits| *waits == 0);
        waits && !self.begun[self.frontier] && !self.there.contains_key(&self.frontier)
    }

    /// The next task on the device, if it may start now as far as the machine's memory goes.
    pub fn next_there(&self) -> Option<usize> {
        let (&position, _) = self.there.first_key_value()?;
        let may = position == self.frontier || self.price(position, false).during <= self.allowance();
        (may && self.is_ready(position)).then_some(position)
    }

    /// Is it the next task on the device?
    pub fn is_next_there(&self, position: usize) -> bool {
        self.there.keys().next() == Some(&position)
    }

    /// What a task on the device that has not begun costs of its memory; none for all others.
    pub fn price_there(&self, position: usize, takes_over: bool) -> Option<Price> {
        self.there.get(&position).map(|prices| prices.of(takes_over))
    }

    /// What tasks ahead of the order may take now.
    fn allowance(&self) -> usize {
        self.prediction.ahead.saturating_sub(self.charged)
    }

    /// The next tasks in static order that have not begun, at most so many.
    pub fn next_tasks(&self, most: usize) -> impl Iterator<Item = usize> + '_ {
        (self.frontier..self.tasks.len()).filter(|&position| !self.begun[position]).take(most)
    }

    /// Has everything been made that the task, which has not begun, reads?
    pub fn is_ready(&self, position: usize) -> bool {
        self.waits[position] == 0
    }

    /// What the task costs where it takes over its first input, or where it does not.
    pub fn price(&self, position: usize, takes_over: bool) -> Price {
        self.ledger.prices(position).of(takes_over)
    }

    /// The first task in static order that has not begun and reads the chunk.
    pub fn next_use(&self, key: Key) -> Option<usize> {
        let readers = self.readers.of(self.ledger.numbering.number(&key)?);
        let passed = readers.partition_point(|&position| (position as usize) < self.frontier);
        readers[passed..].iter().map(|&position| position as usize).find(|&position| !self.begun[position])
    }

    /// The task starts.
    pub fn start(&mut self, position: usize, takes_over: bool) {
        self.begun[position] = true;
        if self.there.remove(&position).is_none() {
            self.ready.remove(position, self.ledger.prices(position));
        }
        if position != self.frontier {
            self.charge(position, self.price(position, takes_over).during);
        }
    }

    /// The task, which took over its first input or did not, has ended.
    pub fn end(&mut self, position: usize, took_over: bool) {
        self.ended[position] = true;
        self.left -= 1;
        if position > self.frontier {
            self.charge(position, self.price(position, took_over).after);
        }
        while self.ended.get(self.frontier) == Some(&true) {
            self.charge(self.frontier, 0);
            self.frontier += 1;
        }
        if self.frontier < self.tasks.len() {
            let beyond = self.charges[self.frontier].saturating_sub(self.price(self.frontier, true).during);
            self.charge(self.frontier, beyond);
        }
        for number in self.ledger.numbering.outputs(position) {
            for &reader in self.readers.of(number) {
                let reader = reader as usize;
                self.waits[reader] -= 1;
                if self.waits[reader] == 0 && !self.there.contains_key(&reader) {
                    self.ready.insert(reader, self.ledger.prices(reader));
                }
            }
        }
    }

    /// Have all its tasks ended?
    pub fn is_done(&self) -> bool {
        self.left == 0
    }

    fn charge(&mut self, position: usize, bytes: usize) {
        self.charged = self.charged - self.charges[position] + bytes;
        self.charges[position] = bytes;
    }
}
