//! One submitted graph: which tasks wait, which are ready, how far the static order has come.

use super::ready::{Prices, Ready};
use crate::error::Result;
use crate::event::{Key, KeyMap};
use crate::graph::{Graph, Prediction, Price, Task, check, ease, predict, price};
use std::sync::Arc;

/// A graph under way.
///
/// Its *frontier* is the first task in static order that has not ended. Tasks beyond it run ahead of the order: what
/// they hold is charged to an allowance until the frontier has passed them. What is left by tasks before the frontier is
/// also there when one worker runs the graph in its order, and counts in its peak. So the predicted peak is kept
/// whatever the timing (see [`predict`]).
///
/// A task ahead of the order that works in place of its last input adds nothing: the input would be there too. One that
/// must copy it, because a task before it still reads it, keeps the copy charged when the frontier reaches it: one
/// worker would not have made it.
#[derive(Debug)]
pub struct Run {
    tasks: Vec<Arc<Task>>,
    prices: Vec<Prices>,
    kept: KeyMap<usize>,
    answers: Vec<Key>,
    prediction: Prediction,
    ease: usize,
    waits: Vec<usize>,
    readers: KeyMap<Vec<usize>>,
    uses: KeyMap<usize>,
    ready: Ready,
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
    pub fn new(graph: Graph, resident: &KeyMap<usize>, workers: usize) -> Result<Run> {
        check(&graph)?;
        let prediction = predict(&graph, resident, workers);
        let ease = ease(&graph, resident, workers);
        let makers = graph.makers();
        let mut readers: KeyMap<Vec<usize>> = KeyMap::default();
        let mut waits = vec![0; graph.tasks.len()];
        for (i, task) in graph.tasks.iter().enumerate() {
            for key in &task.inputs {
                waits[i] += usize::from(makers.contains_key(key));
                readers.entry(*key).or_default().push(i);
            }
        }
        let mut uses = graph.uses();
        let kept = graph.kept_bytes();
        for key in kept.keys().chain(&graph.answers) {
            *uses.entry(*key).or_insert(0) += 1;
        }
        let prices: Vec<Prices> = graph.tasks.iter().map(prices).collect();
        let mut ready = Ready::default();
        let at_start = (0..waits.len()).filter(|&position| waits[position] == 0);
        at_start.for_each(|position| ready.insert(position, &prices[position]));
        let n = graph.tasks.len();
        Ok(Run {
            tasks: graph.tasks.into_iter().map(Arc::new).collect(),
            prices,
            kept,
            answers: graph.answers,
            prediction,
            ease,
            waits,
            readers,
            uses,
            ready,
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

    /// How many uses a chunk made by this graph has before it.
    pub fn uses(&self, key: &Key) -> usize {
        self.uses.get(key).copied().unwrap_or(0)
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
        self.prices.get(self.frontier).is_some_and(|prices| self.ready.contains(self.frontier, prices))
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
        self.prices[position].of(takes_over)
    }

    /// The first task in static order that has not begun and reads the chunk.
    pub fn next_use(&self, key: Key) -> Option<usize> {
        let readers = self.readers.get(&key)?;
        let passed = readers.partition_point(|&position| position < self.frontier);
        readers[passed..].iter().copied().find(|&position| !self.begun[position])
    }

    /// The task starts.
    pub fn start(&mut self, position: usize, takes_over: bool) {
        self.begun[position] = true;
        self.ready.remove(position, &self.prices[position]);
        if position != self.frontier {
            self.charge(position, self.prices[position].of(takes_over).during);
        }
    }

    /// The task, which took over its first input or did not, has ended.
    pub fn end(&mut self, position: usize, took_over: bool) {
        self.ended[position] = true;
        self.left -= 1;
        if position > self.frontier {
            self.charge(position, self.prices[position].of(took_over).after);
        }
        while self.ended.get(self.frontier) == Some(&true) {
            self.charge(self.frontier, 0);
            self.frontier += 1;
        }
        if self.frontier < self.tasks.len() {
            let beyond = self.charges[self.frontier].saturating_sub(self.prices[self.frontier].taking.during);
            self.charge(self.frontier, beyond);
        }
        for key in &self.tasks[position].outputs {
            for &reader in self.readers.get(key).into_iter().flatten() {
                self.waits[reader] -= 1;
                if self.waits[reader] == 0 {
                    self.ready.insert(reader, &self.prices[reader]);
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

fn prices(task: &Task) -> Prices {
    let copying = price(task, false);
    let taking = if task.in_place() { price(task, true) } else { copying };
    Prices { copying, taking }
}
