//! One submitted graph: which tasks wait, which are ready, how far the static order has come.

use crate::error::{Error, Result};
use crate::event::Key;
use crate::graph::{Graph, Prediction, Task, predict, price};
use std::collections::HashMap;
use std::sync::Arc;

/// A graph under way.
///
/// Its *frontier* is the first task in static order that has not ended. Tasks beyond it run ahead of the order: what
/// they hold is charged to an allowance until the frontier has passed them, and what is before the frontier holds no
/// more than in a sequential run. So the predicted peak is kept whatever the timing (see [`predict`]).
#[derive(Debug)]
pub struct Run {
    tasks: Vec<Arc<Task>>,
    kept: HashMap<Key, usize>,
    answers: Vec<Key>,
    prediction: Prediction,
    waits: Vec<usize>,
    readers: HashMap<Key, Vec<usize>>,
    uses: HashMap<Key, usize>,
    ended: Vec<bool>,
    frontier: usize,
    charges: Vec<usize>,
    charged: usize,
    left: usize,
}

impl Run {
    /// Starts a graph in static order with these kept chunks of its client. Ready tasks are those of
    /// [`Run::ready_at_start`].
    ///
    /// # Errors
    /// If a task reads a chunk of the same graph that only a later task makes.
    pub fn new(graph: Graph, resident: &HashMap<Key, usize>, workers: usize) -> Result<Run> {
        let prediction = predict(&graph, resident, workers);
        let makers = graph.makers();
        let mut readers: HashMap<Key, Vec<usize>> = HashMap::new();
        let mut waits = vec![0; graph.tasks.len()];
        for (i, task) in graph.tasks.iter().enumerate() {
            for key in &task.inputs {
                match makers.get(key) {
                    Some(&maker) if maker >= i => return Err(Error::internal("a graph was submitted out of order")),
                    Some(_) => {
                        waits[i] += 1;
                        readers.entry(*key).or_default().push(i);
                    }
                    None => {}
                }
            }
        }
        let mut uses = graph.uses();
        for key in graph.keep.iter().chain(&graph.answers) {
            *uses.entry(*key).or_insert(0) += 1;
        }
        let n = graph.tasks.len();
        let kept = graph.kept_bytes();
        Ok(Run {
            tasks: graph.tasks.into_iter().map(Arc::new).collect(),
            kept,
            answers: graph.answers,
            prediction,
            waits,
            readers,
            uses,
            ended: vec![false; n],
            frontier: 0,
            charges: vec![0; n],
            charged: 0,
            left: n,
        })
    }

    /// Positions of the tasks that wait for nothing.
    pub fn ready_at_start(&self) -> Vec<usize> {
        (0..self.tasks.len()).filter(|&i| self.waits[i] == 0).collect()
    }

    /// The task at a position of the static order.
    pub fn task(&self, position: usize) -> &Arc<Task> {
        &self.tasks[position]
    }

    /// What was predicted for it.
    pub fn prediction(&self) -> &Prediction {
        &self.prediction
    }

    /// The small results that its client is told.
    pub fn answers(&self) -> &[Key] {
        &self.answers
    }

    /// The chunks that stay after it, with their bytes.
    pub fn kept(&self) -> &HashMap<Key, usize> {
        &self.kept
    }

    /// How many uses a chunk made by this graph has before it.
    pub fn uses(&self, key: &Key) -> usize {
        self.uses.get(key).copied().unwrap_or(0)
    }

    /// May this ready task start now without breaking the promised peak?
    pub fn may_start(&self, position: usize, takes_over: bool) -> bool {
        position == self.frontier
            || self.charged + price(&self.tasks[position], takes_over).during <= self.prediction.ahead
    }

    /// The task starts.
    pub fn start(&mut self, position: usize, takes_over: bool) {
        if position != self.frontier {
            self.charge(position, price(&self.tasks[position], takes_over).during);
        }
    }

    /// The task has ended; positions of the tasks that became ready.
    pub fn end(&mut self, position: usize) -> Vec<usize> {
        self.ended[position] = true;
        self.left -= 1;
        if position > self.frontier {
            self.charge(position, price(&self.tasks[position], false).after);
        }
        while self.ended.get(self.frontier) == Some(&true) {
            self.charge(self.frontier, 0);
            self.frontier += 1;
        }
        if self.frontier < self.tasks.len() {
            self.charge(self.frontier, 0);
        }
        let mut ready = Vec::new();
        for key in &self.tasks[position].outputs {
            for &reader in self.readers.get(key).into_iter().flatten() {
                self.waits[reader] -= 1;
                if self.waits[reader] == 0 {
                    ready.push(reader);
                }
            }
        }
        ready
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
