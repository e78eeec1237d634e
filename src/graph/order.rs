//! A static order that keeps few bytes alive.

use super::Graph;
use super::price::sequential_peak;
use crate::event::KeyMap;

/// The graph with its tasks in the order in which one worker should run them.
///
/// Two orders are tried, the one in which the tasks were made and a depth-first walk from the results, which ends
/// what it has begun before it begins anything else; each as it is, and with reductions as soon as what they read has been
/// made, while it is at hand. The one with the lowest predicted peak is taken, of equal ones the last of these.
pub fn order(graph: Graph) -> Graph {
    let needs = needs(&graph);
    let made = topological(&needs, 0..graph.tasks.len());
    let deep = depth_first(&needs);
    let [made_eager, deep_eager] = [&made, &deep].map(|order| reductions_first(&graph, &needs, order));
    let peak = |order: &Vec<usize>| {
        let tasks = order.iter().map(|&i| &graph.tasks[i]);
        std::cmp::Reverse(sequential_peak(&graph, tasks, &KeyMap::default()).peak)
    };
    let mut orders = vec![made, deep, made_eager, deep_eager];
    orders.dedup();
    let best = orders.into_iter().max_by_key(peak).unwrap_or_default();
    arranged(graph, &best)
}

/// An order in which tasks that make only small things come as soon as they can, after the last of what they read.
fn reductions_first(graph: &Graph, needs: &[Vec<usize>], order: &[usize]) -> Vec<usize> {
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    let mut waits: Vec<usize> = needs.iter().map(Vec::len).collect();
    let reduces: Vec<bool> =
        graph.tasks.iter().map(|task| task.shapes().iter().all(|shape| shape.pooled_bytes() == 0)).collect();
    needs.iter().enumerate().for_each(|(task, needs)| needs.iter().for_each(|&need| readers[need].push(task)));
    let mut placed = vec![false; needs.len()];
    let mut eager = Vec::with_capacity(order.len());
    for &task in order {
        let mut next = vec![task];
        while let Some(task) = next.pop() {
            if std::mem::replace(&mut placed[task], true) {
                continue;
            }
            eager.push(task);
            for &reader in &readers[task] {
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

/// For each task, the tasks that make what it reads, in the order of its inputs.
fn needs(graph: &Graph) -> Vec<Vec<usize>> {
    let makers = graph.makers();
    graph.tasks.iter().map(|task| task.inputs.iter().filter_map(|key| makers.get(key).copied()).collect()).collect()
}

/// Post-order walk from the tasks that nothing in the graph depends on, in the order in which they were made.
fn depth_first(needs: &[Vec<usize>]) -> Vec<usize> {
    let mut is_needed = vec![false; needs.len()];
    needs.iter().flatten().for_each(|&i| is_needed[i] = true);
    topological(needs, (0..needs.len()).filter(|&i| !is_needed[i]))
}

/// The tasks below `roots`, each after what it needs.
fn topological(needs: &[Vec<usize>], roots: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut seen = vec![false; needs.len()];
    let mut order = Vec::with_capacity(needs.len());
    let mut path: Vec<(usize, usize)> = Vec::new();
    for root in roots {
        if !std::mem::replace(&mut seen[root], true) {
            path.push((root, 0));
        }
        while let Some((task, next)) = path.last_mut() {
            match needs[*task].get(*next) {
                Some(&need) => {
                    *next += 1;
                    if !std::mem::replace(&mut seen[need], true) {
                        path.push((need, 0));
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
