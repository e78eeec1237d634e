//! How much memory spares fresh memory.

use super::{Graph, Task, price};
use crate::event::{Key, KeyMap, KeySet};
use crate::kernel::{Buffer, Shape};
use std::collections::BTreeMap;

/// Bytes of the buffer pool with which a graph runs at ease in its present order, with these kept chunks (key → bytes) and so
/// many workers.
///
/// A buffer of one size does not serve where another is wanted. Where the pool may have as many bytes in buffers of each size
/// as are ever in use, it has never to give one back to the system to make room for another, and to touch fresh memory, which
/// costs as much as to transform what is in it. Together that is more than the graph needs at its worst moment, which
/// [`predict`](super::predict) tells.
pub fn ease(graph: &Graph, resident: &KeyMap<usize>, workers: usize) -> usize {
    most_by_size(graph, resident).values().sum::<usize>() + beside(graph, workers)
}

/// Bytes in buffers of each size (size → bytes).
type BySize = BTreeMap<usize, usize>;

/// What one worker has in use at most in buffers of each size.
fn most_by_size(graph: &Graph, resident: &KeyMap<usize>) -> BySize {
    let mut books = Books::open(graph, resident);
    for task in &graph.tasks {
        books.run(task);
    }
    books.most
}

/// The larger of two, size by size.
fn raise(most: &mut BySize, other: &BySize) {
    for (size, bytes) in other {
        let entry = most.entry(*size).or_default();
        *entry = (*entry).max(*bytes);
    }
}

/// Bytes that several workers take beyond what one uses, as measured: each of the others what the second dearest task takes. The
/// dearest may be one of a kind, which no other can run beside.
fn beside(graph: &Graph, workers: usize) -> usize {
    let (mut dearest, mut second) = (0, 0);
    for task in &graph.tasks {
        let during = price(task, task.in_place()).during;
        (dearest, second) = (dearest.max(during), second.max(during.min(dearest)));
    }
    workers.saturating_sub(1) * second
}

/// What is in use while one worker goes through a graph.
struct Books {
    uses: KeyMap<usize>,
    live: KeyMap<usize>,
    now: BySize,
    most: BySize,
}

impl Books {
    fn open(graph: &Graph, resident: &KeyMap<usize>) -> Books {
        let release: KeySet = graph.release.iter().copied().collect();
        let mut uses = graph.uses();
        let stay = resident.keys().filter(|key| !release.contains(key));
        for key in graph.keep.iter().chain(&graph.answers).chain(stay) {
            *uses.entry(*key).or_insert(0) += 1;
        }
        let mut books = Books { uses, live: KeyMap::default(), now: BySize::new(), most: BySize::new() };
        resident.iter().for_each(|(key, bytes)| books.add(*key, *bytes));
        books.most = books.now.clone();
        books
    }

    fn add(&mut self, key: Key, bytes: usize) {
        if bytes > 0 && self.uses.contains_key(&key) {
            self.live.insert(key, bytes);
            *self.now.entry(bytes).or_default() += bytes;
        }
    }

    fn run(&mut self, task: &Task) {
        let takes_over = task.in_place() && task.inputs.first().is_some_and(|key| self.uses.get(key) == Some(&1));
        let mut during = self.now.clone();
        fresh(task, takes_over).for_each(|bytes| *during.entry(bytes).or_default() += bytes);
        raise(&mut self.most, &during);
        for key in &task.inputs {
            let Some(left) = self.uses.get_mut(key) else { continue };
            *left -= 1;
            if *left == 0
                && let Some(bytes) = self.live.remove(key)
            {
                self.now.entry(bytes).and_modify(|now| *now -= bytes);
            }
        }
        for (key, shape) in task.outputs.iter().zip(task.shapes()) {
            self.add(*key, shape.pooled_bytes());
        }
    }
}

/// The buffers that a task takes, as if it kept all of them to its end.
fn fresh(task: &Task, takes_over: bool) -> impl Iterator<Item = usize> + '_ {
    task.steps.iter().enumerate().flat_map(move |(i, step)| {
        let in_own = step.kernel.in_place() && if i == 0 { takes_over } else { step.joins_at == Some(0) };
        let outputs: Vec<usize> = step.kernel.outputs().iter().map(Shape::pooled_bytes).collect();
        let scratch = Buffer::size_class(step.kernel.scratch_bytes());
        outputs.into_iter().skip(usize::from(in_own)).chain([scratch]).filter(|bytes| *bytes > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Fill;

    #[test]
    fn sizes_are_added_up_though_they_are_not_in_use_together() {
        let key = |array| Key { array, chunk: 0 };
        let fill = |rows, array| Task::new(Fill { rows, cols: 1024, value: 0.0 }.into(), vec![], vec![key(array)]);
        let measure = |rows, from, to| {
            let at = crate::image::rect::Rect::plane(rows, 1024);
            Task::new(crate::kernel::MeasureRows { at, ignored: None }.into(), vec![key(from)], vec![key(to)])
        };
        let tasks = vec![fill(2, 1), measure(2, 1, 2), fill(4, 3), fill(4, 4), measure(4, 3, 5), measure(4, 4, 6)];
        let graph = Graph { tasks, answers: [2, 5, 6].map(key).to_vec(), ..Graph::default() };
        let resident = KeyMap::from_iter([(key(9), 8192)]);
        assert_eq!(most_by_size(&graph, &resident), BySize::from([(8192, 16384), (16384, 32768)]));
    }
}
