//! How much memory spares fresh memory.

use super::Graph;
use super::ledger::{Account, Ledger};
use super::price::others;
use crate::event::KeyMap;
use std::collections::BTreeMap;

/// Bytes of the buffer pool with which a graph runs at ease in its present order, with these kept chunks (key → bytes) and so
/// many workers.
///
/// A buffer of one size does not serve where another is wanted. Where the pool may have as many bytes in buffers of each size
/// as are ever in use, it has never to give one back to the system to make room for another, and to touch fresh memory, which
/// costs as much as to transform what is in it. Together that is more than the graph needs at its worst moment, which
/// [`predict`](super::predict) tells.
pub fn ease(graph: &Graph, ledger: &Ledger, resident: &KeyMap<usize>, workers: usize) -> usize {
    most_by_size(graph, ledger, resident).values().sum::<usize>() + beside(graph, ledger, workers)
}

/// Bytes in buffers of each size (size → bytes).
type BySize = BTreeMap<usize, usize>;

/// What one worker has in use at most in buffers of each size.
fn most_by_size(graph: &Graph, ledger: &Ledger, resident: &KeyMap<usize>) -> BySize {
    let mut account = Account::open(graph, ledger, resident);
    let mut books = Books::default();
    account.at_start.iter().for_each(|&bytes| books.come(bytes));
    for task in 0..graph.tasks.len() {
        let fresh = || ledger.fresh(task, account.takes_over(task));
        fresh().for_each(|bytes| books.come(bytes));
        fresh().for_each(|bytes| books.go(bytes));
        let mut come = Vec::new();
        account.run(task, |bytes| books.go(bytes), |bytes| come.push(bytes));
        come.into_iter().for_each(|bytes| books.come(bytes));
    }
    books.most
}

/// Bytes that several workers take beyond what one uses, as measured: each of the others what the second dearest task takes. The
/// dearest may be one of a kind, which no other can run beside.
fn beside(graph: &Graph, ledger: &Ledger, workers: usize) -> usize {
    let (mut dearest, mut second) = (0, 0);
    for task in 0..graph.tasks.len() {
        let during = ledger.prices(task).taking.during;
        (dearest, second) = (dearest.max(during), second.max(during.min(dearest)));
    }
    others(graph, workers) * second
}

/// What is in use.
#[derive(Default)]
struct Books {
    now: BySize,
    most: BySize,
}

impl Books {
    fn come(&mut self, bytes: usize) {
        if bytes > 0 {
            let now = self.now.entry(bytes).or_default();
            *now += bytes;
            let most = self.most.entry(bytes).or_default();
            *most = (*now).max(*most);
        }
    }

    fn go(&mut self, bytes: usize) {
        self.now.entry(bytes).and_modify(|now| *now -= bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Key;
    use crate::graph::Task;
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
        assert_eq!(most_by_size(&graph, &Ledger::of(&graph), &resident), BySize::from([(8192, 16384), (16384, 32768)]));
    }
}
