//! Leaves out what nobody asked for.

use super::{Graph, Numbering};

/// The graph without the tasks that neither an answer nor a kept chunk depends on.
pub fn cull(mut graph: Graph) -> Graph {
    let numbering = Numbering::of(&graph);
    let mut wanted = vec![false; graph.tasks.len()];
    let maker = |key| numbering.number(key).and_then(|number| numbering.maker(number));
    let mut pending: Vec<usize> = graph.keep.iter().chain(&graph.answers).filter_map(maker).collect();
    while let Some(task) = pending.pop() {
        if !std::mem::replace(&mut wanted[task], true) {
            pending.extend(numbering.needs(task));
        }
    }
    let mut wanted = wanted.into_iter();
    graph.tasks.retain(|_| wanted.next().unwrap_or(false));
    graph
}
