//! What a graph will need, known before it runs.

use super::{Graph, Task};
use crate::event::Key;
use crate::kernel::Shape;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Bytes of the buffer pool that one task needs beside the inputs that are already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Price {
    /// At its worst moment, its outputs included.
    pub during: usize,
    /// After it, for its outputs.
    pub after: usize,
}

/// Price of a task. `takes_over` says that its first kernel works in place in the buffer of its first input, which
/// nobody else needs.
pub fn price(task: &Task, takes_over: bool) -> Price {
    let (mut live, mut peak) = (0usize, 0usize);
    let mut previous = 0;
    for (i, step) in task.steps.iter().enumerate() {
        let shapes = step.kernel.outputs();
        let outputs: usize = shapes.iter().map(Shape::pooled_bytes).sum();
        let in_own = step.kernel.in_place() && if i == 0 { takes_over } else { step.joins_at == Some(0) };
        let inherited = if in_own { shapes.first().map_or(0, Shape::pooled_bytes) } else { 0 };
        let scratch = step.kernel.scratch_bytes();
        let scratch = if scratch == 0 { 0 } else { crate::kernel::Buffer::size_class(scratch) };
        peak = peak.max(live + outputs - inherited + scratch);
        live = live + outputs - inherited;
        if i > 0 && !in_own {
            live -= previous;
        }
        // What the first step took over was paid for by the input; from here on it is this task's.
        previous = if i == 0 { outputs - inherited } else { outputs };
    }
    Price { during: peak, after: task.shapes().iter().map(Shape::pooled_bytes).sum() }
}

/// The predicted memory of one graph with a number of tasks in flight, in bytes of the buffer pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Prediction {
    /// Kept chunks when the graph starts.
    pub resident: usize,
    /// The most that the graph holds when one worker runs it in static order, the resident chunks included.
    pub sequential: usize,
    /// What tasks that run ahead of the static order may take in addition, together.
    pub ahead: usize,
}

impl Prediction {
    /// The most bytes that the graph can ever hold: the scheduler keeps the promise whatever the timing.
    pub fn peak_bytes(&self) -> usize {
        self.sequential + self.ahead
    }
}

/// Predicts a graph in its present order, with these kept chunks (key → bytes) and so many workers.
///
/// The oldest unfinished task in static order may always run; the others are *ahead* of it and may hold no more
/// than `ahead` bytes together until the order has caught up with them. So `sequential + ahead` holds for any
/// timing.
pub fn predict(graph: &Graph, resident: &HashMap<Key, usize>, workers: usize) -> Prediction {
    let mut uses = graph.uses();
    for key in &graph.keep {
        *uses.entry(*key).or_insert(0) += 1;
    }
    for key in resident.keys().filter(|key| !graph.release.contains(key)) {
        *uses.entry(*key).or_insert(0) += 1;
    }
    let mut live: HashMap<Key, usize> = resident.clone();
    let start: usize = live.values().sum();
    let (mut now, mut peak, mut dearest) = (start, start, 0);
    for task in &graph.tasks {
        let takes_over = task.in_place() && task.inputs.first().is_some_and(|key| uses.get(key) == Some(&1));
        let Price { during, .. } = price(task, takes_over);
        peak = peak.max(now + during);
        dearest = dearest.max(during);
        for (key, shape) in task.outputs.iter().zip(task.shapes()) {
            if uses.get(key).is_some_and(|&n| n > 0) {
                live.insert(*key, shape.pooled_bytes());
                now += shape.pooled_bytes();
            }
        }
        for key in &task.inputs {
            let left = uses.get_mut(key).expect("every input is counted");
            *left -= 1;
            if *left == 0 {
                now -= live.remove(key).unwrap_or(0);
            }
        }
    }
    let others = workers.saturating_sub(1).min(graph.tasks.len().saturating_sub(1));
    Prediction { resident: start, sequential: peak, ahead: AHEAD * others * dearest }
}

/// How many of the dearest tasks a worker may have run ahead, finished ones that wait for the order included.
const AHEAD: usize = 2;
