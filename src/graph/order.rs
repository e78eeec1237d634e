//! A static order that keeps few bytes alive.

use super::ledger::Ledger;
use super::price::{Memory, sequential_peak};
use super::{Graph, Numbering};
use crate::event::KeyMap;

/// The graph with its tasks in the order in which one worker should run them.
///
/// Two orders are tried, the one in which the tasks were made and a depth-first walk from the results, which ends
/// what it has begun before it begins anything else; each as it is, and with reductions as soon as what they read has been
/// made, while it is at hand. The one with the lowest predicted peak is taken, of equal ones the last of these.
pub fn order(graph: Graph) -> Graph {
    // Where the tasks are to run, their transfers are not in it yet: what is least in both memories is least in the one that counts.
    let ledger = Ledger::in_memory(&graph, Memory::Both);
    let numbering = &ledger.numbering;
    let tasks = graph.tasks.len();
    let made = topological(numbering, tasks, 0..tasks);
    let deep = depth_first(numbering, tasks);
    let [made_eager, deep_eager] = [&made, &deep].map(|order| reductions_first(&ledger, order));
    let peak = |order: &Vec<usize>| {
        std::cmp::Reverse(sequential_peak(&graph, &ledger, order.iter().copied(), &KeyMap::default()).peak)
    };
    let mut orders = vec![made, deep, made_eager, deep_eager];
    orders.dedup();
    let best = orders.into_iter().max_by_key(peak).unwrap_or_default();
    arranged(graph, &best)
}

/// An order in which tasks that make only small things come as soon as they can, after the last of what they read.
fn reductions_first(ledger: &Ledger, order: &[usize]) -> Vec<usize> {
    let (numbering, readers) = (&ledger.numbering, ledger.numbering.readers());
    let mut waits: Vec<usize> = (0..order.len()).map(|task| numbering.needs(task).count()).collect();
    let is_small = |number| ledger.bytes(number) == 0;
    let reduces: Vec<bool> = (0..order.len()).map(|task| numbering.outputs(task).all(is_small)).collect();
    let mut placed = vec![false; order.len()];
    let mut eager = Vec::with_capacity(order.len());
    let mut next = Vec::new();
    for &task in order {
        next.push(task);
        while let Some(task) = next.pop() {
            if std::mem::replace(&mut placed[task], true) {
                continue;
            }
            eager.push(task);
            for &reader in numbering.outputs(task).flat_map(|number| readers.of(number)) {
                let reader = reader as usize;
                waits[reader] -= 1;
                if waits[reader] == 0 && reduces[reader] {
                    next.push(reader);
                }
            }
        }
    }
    eager
}

fn arranged(graph: Graph, order: &[usize]) -> Graph {
    let mut tasks: Vec<Option<_>> = graph.tasks.into_iter().map(Some).collect();
    let tasks = order.iter().filter_map(|&i| tasks[i].take()).collect();
    Graph { tasks, ..graph }
}

/// Post-order walk from the tasks that nothing in the graph depends on, in the order in which they were made.
fn depth_first(numbering: &Numbering, tasks: usize) -> Vec<usize> {
    let mut is_needed = vec![false; tasks];
    (0..tasks).flat_map(|task| numbering.needs(task)).for_each(|need| is_needed[need] = true);
    topological(numbering, tasks, (0..tasks).filter(|&task| !is_needed[task]))
}

/// The tasks below `roots`, each after what it needs.
fn topological(numbering: &Numbering, tasks: usize, roots: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut seen = vec![false; tasks];
    let mut order = Vec::with_capacity(tasks);
    let mut path = Vec::new();
    for root in roots {
        if !std::mem::replace(&mut seen[root], true) {
            path.push((root, numbering.needs(root)));
        }
        while let Some((task, needs)) = path.last_mut() {
            match needs.next() {
                Some(need) => {
                    if !std::mem::replace(&mut seen[need], true) {
                        path.push((need, numbering.needs(need)));
                    }
                }
                None => {
                    order.push(*task);
                    path.pop();
                }
            }
        }
    }
    order
}
