//! What a graph will need, known before it runs.

use super::{Graph, Task};
use crate::event::{Key, KeyMap, KeySet};
use crate::kernel::{Buffer, Shape};
use serde::{Deserialize, Serialize};

/// Bytes of the buffer pool that one task needs beside the inputs that are already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Price {
    /// At its worst moment, its outputs included.
    pub during: usize,
    /// After it, for its outputs, as far as they are not in the buffer of an input that it took over.
    pub after: usize,
}

/// Price of a task. `takes_over` says that its first kernel works in place in the buffer of its first input, which
/// nobody else needs.
pub fn price(task: &Task, takes_over: bool) -> Price {
    // Signed: a chain that takes its first input over and soon gives that buffer back ends with less than it began.
    let (mut live, mut peak) = (0isize, 0isize);
    let mut previous = 0;
    for (i, step) in task.steps.iter().enumerate() {
        let shapes = step.kernel.outputs();
        let outputs = shapes.iter().map(Shape::pooled_bytes).sum::<usize>() as isize;
        let in_own = step.kernel.in_place() && if i == 0 { takes_over } else { step.joins_at == Some(0) };
        let inherited = if in_own { shapes.first().map_or(0, Shape::pooled_bytes) as isize } else { 0 };
        let scratch = Buffer::size_class(step.kernel.scratch_bytes()) as isize;
        peak = peak.max(live + outputs - inherited + scratch);
        live += outputs - inherited;
        if i > 0 && !in_own {
            live -= previous;
        }
        previous = outputs;
    }
    Price { during: peak.max(0) as usize, after: live.max(0) as usize }
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
/// timing, and one worker that runs the graph in its order needs `sequential` to the byte.
pub fn predict(graph: &Graph, resident: &KeyMap<usize>, workers: usize) -> Prediction {
    let Sequential { start, peak, dearest } = sequential_peak(graph, graph.tasks.iter(), resident);
    let others = workers.saturating_sub(1).min(graph.tasks.len().saturating_sub(1));
    Prediction { resident: start, sequential: peak, ahead: AHEAD * others * dearest }
}

/// The least bytes of the buffer pool in which a graph can run at all, everything else being in scratch: what its dearest
/// task reads, makes and works with, and the answers, which stay in memory. `resident` are the kept chunks it may read.
pub fn working_set(graph: &Graph, resident: &KeyMap<usize>) -> usize {
    let made = graph.tasks.iter().flat_map(|task| task.outputs.iter().copied().zip(task.shapes()));
    let mut bytes: KeyMap<usize> = made.map(|(key, shape)| (key, shape.pooled_bytes())).collect();
    bytes.extend(resident);
    let of = |key: &Key| bytes.get(key).copied().unwrap_or(0);
    let whole = |task: &Task| task.inputs.iter().map(of).sum::<usize>() + price(task, false).during;
    let answers: usize = graph.answers.iter().map(of).sum();
    graph.tasks.iter().map(whole).max().unwrap_or(0) + answers
}

/// How many of the dearest tasks a worker may have run ahead, finished ones that wait for the order included.
const AHEAD: usize = 2;

/// What one worker needs for a graph.
pub(super) struct Sequential {
    /// Kept chunks at the start.
    start: usize,
    /// The most bytes at any moment.
    pub(super) peak: usize,
    /// The most bytes that a task adds to what is there before it.
    dearest: usize,
}

/// Follows one worker through the graph's tasks in an order in which they can run.
pub(super) fn sequential_peak<'a>(
    graph: &Graph,
    tasks: impl Iterator<Item = &'a Task>,
    resident: &KeyMap<usize>,
) -> Sequential {
    let release: KeySet = graph.release.iter().copied().collect();
    let keep: KeySet = graph.keep.iter().copied().collect();
    let mut uses = graph.uses();
    let stay = resident.keys().filter(|key| !release.contains(key));
    for key in keep.iter().chain(&graph.answers).chain(stay) {
        *uses.entry(*key).or_insert(0) += 1;
    }
    let mut live: KeyMap<usize> = resident.clone();
    // What is released and not even read goes before the first task.
    live.retain(|key, _| uses.contains_key(key));
    let start: usize = live.values().sum();
    let (mut now, mut peak, mut dearest) = (start, start, 0);
    for task in tasks {
        let takes_over = task.in_place() && task.inputs.first().is_some_and(|key| uses.get(key) == Some(&1));
        let Price { during, .. } = price(task, takes_over);
        peak = peak.max(now + during);
        dearest = dearest.max(during);
        for (key, shape) in task.outputs.iter().zip(task.shapes()) {
            if uses.contains_key(key) {
                live.insert(*key, shape.pooled_bytes());
                now += shape.pooled_bytes();
            }
        }
        for key in &task.inputs {
            if let Some(left) = uses.get_mut(key) {
                *left -= 1;
                if *left == 0 {
                    now -= live.remove(key).unwrap_or(0);
                }
            }
        }
    }
    Sequential { start, peak, dearest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Combine, Fill, GaussianMultiply, MeasureRows, Multiply};

    fn key(array: u64) -> Key {
        Key { array, chunk: 0 }
    }

    fn in_place() -> Task {
        let combine = Combine { rows: 64, cols: 64, left: 1.0, right: 1.0 };
        Task::new(combine.into(), vec![key(1), key(2)], vec![key(3)])
    }

    #[test]
    fn a_kernel_in_place_costs_a_copy_or_nothing() {
        assert_eq!(price(&in_place(), false), Price { during: 16384, after: 16384 });
        assert_eq!(price(&in_place(), true), Price { during: 0, after: 0 });
    }

    #[test]
    fn a_chain_counts_what_its_kernels_hand_on() {
        let measure = MeasureRows { at: crate::image::rect::Rect::plane(64, 64), ignored: None };
        let mut graph = Graph { tasks: vec![in_place()], answers: vec![key(4)], ..Graph::default() };
        graph.tasks.push(Task::new(measure.into(), vec![key(3)], vec![key(4)]));
        let chain = &super::super::fuse(graph).tasks[0];
        assert_eq!(chain.steps.len(), 2);
        assert_eq!(price(chain, false), Price { during: 16384, after: 0 });
        assert_eq!(price(chain, true), Price { during: 0, after: 0 });
    }

    #[test]
    fn working_memory_counts_as_a_whole_buffer() {
        let (columns, length) = (3, 100);
        let gauss = GaussianMultiply { columns, length, first_column: 0, row_length: 10, covariance: [1.0, 0.0, 1.0] };
        let task = Task::new(gauss.into(), vec![key(1)], vec![key(2)]);
        assert_eq!(price(&task, true), Price { during: Buffer::size_class(800), after: 0 });
        let multiply = Task::new(Multiply { columns, length }.into(), vec![key(1), key(2)], vec![key(3)]);
        assert_eq!(price(&task, false).during, price(&multiply, false).during + Buffer::size_class(800));
    }

    #[test]
    fn what_is_released_unread_is_not_there() {
        let fill = Task::new(Fill { rows: 64, cols: 64, value: 0.0 }.into(), vec![], vec![key(2)]);
        let graph = Graph { tasks: vec![fill], keep: vec![key(2)], release: vec![key(1)], ..Graph::default() };
        let resident = KeyMap::from_iter([(key(1), 16384), (key(9), 64)]);
        let prediction = predict(&graph, &resident, 1);
        assert_eq!(prediction, Prediction { resident: 64, sequential: 64 + 16384, ahead: 0 });
    }
}
