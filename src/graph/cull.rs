//! Leaves out what nobody asked for.

use super::Graph;

/// The graph without the tasks that neither an answer nor a kept chunk depends on.
pub fn cull(mut graph: Graph) -> Graph {
    let makers = graph.makers();
    let mut wanted = vec![false; graph.tasks.len()];
    let mut pending: Vec<usize> =
        graph.keep.iter().chain(&graph.answers).filter_map(|key| makers.get(key).copied()).collect();
    while let Some(i) = pending.pop() {
        if !std::mem::replace(&mut wanted[i], true) {
            pending.extend(graph.tasks[i].inputs.iter().filter_map(|key| makers.get(key).copied()));
        }
    }
    let mut wanted = wanted.into_iter();
    graph.tasks.retain(|_| wanted.next().unwrap_or(false));
    graph
}
