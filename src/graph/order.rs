//! A static order that keeps few bytes alive.

use super::{Graph, predict};
use std::collections::HashMap;

/// The graph with its tasks in the order in which one worker should run them.
///
/// Two orders are tried, the one in which the tasks were made and a depth-first walk from the results, which ends
/// what it has begun before it begins anything else; the one with the lower predicted peak is taken.
pub fn order(graph: Graph) -> Graph {
    let made = topological(&graph, (0..graph.tasks.len()).collect());
    let deep = depth_first(&graph);
    let peak = |order: &[usize]| predict(&arranged(graph.clone(), order), &HashMap::new(), 1).peak_bytes();
    if made == deep || peak(&made) < peak(&deep) { arranged(graph, &made) } else { arranged(graph, &deep) }
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
fn depth_first(graph: &Graph) -> Vec<usize> {
    let needs = needs(graph);
    let mut is_needed = vec![false; graph.tasks.len()];
    needs.iter().flatten().for_each(|&i| is_needed[i] = true);
    topological(graph, (0..graph.tasks.len()).filter(|&i| !is_needed[i]).collect())
}

/// The tasks below `roots`, each after what it needs.
fn topological(graph: &Graph, roots: Vec<usize>) -> Vec<usize> {
    let needs = needs(graph);
    let mut seen = vec![false; graph.tasks.len()];
    let mut order = Vec::with_capacity(graph.tasks.len());
    for root in roots {
        let mut path: Vec<(usize, usize)> = Vec::new();
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
