//! Makes one task of tasks that can only run one after the other.

use super::{Graph, Numbering, Place, Step, Task};

/// The graph with linear chains fused: where a task's only output is read once, by a task that reads nothing else
/// made in this graph, the two become one. No parallelism is lost, what flows between them stays in the cache and
/// is never counted as resident.
pub fn fuse(graph: Graph) -> Graph {
    let numbering = Numbering::of(&graph);
    let mut uses = numbering.reads();
    // What others see is as good as read by one more.
    graph
        .keep
        .iter()
        .chain(&graph.answers)
        .filter_map(|key| numbering.number(key))
        .for_each(|number| uses[number] += 1);
    let follows = |task: usize| -> Option<usize> {
        let mut made = numbering.inputs(task).filter(|&number| number < numbering.made());
        let number = made.next()?;
        let maker = numbering.maker(number)?;
        let alone = made.next().is_none() && uses[number] == 1 && numbering.outputs(maker).len() == 1;
        let apart = |task: usize| graph.tasks[task].place == Place::Memory;
        (alone && apart(task) == apart(maker)).then_some(maker)
    };
    let before: Vec<Option<usize>> = (0..graph.tasks.len()).map(follows).collect();
    let mut swallowed = vec![false; before.len()];
    before.iter().flatten().for_each(|&i| swallowed[i] = true);
    let mut tasks: Vec<Option<Task>> = graph.tasks.into_iter().map(Some).collect();
    let ends = (0..before.len()).filter(|&i| !swallowed[i]);
    let fused = ends.filter_map(|end| chain(end, &before, &mut tasks)).collect();
    Graph { tasks: fused, ..graph }
}

/// Joins the tasks of the chain that ends with task `end`.
fn chain(end: usize, before: &[Option<usize>], tasks: &mut [Option<Task>]) -> Option<Task> {
    let mut members = vec![end];
    while let Some(previous) = before[members[members.len() - 1]] {
        members.push(previous);
    }
    let mut links = members.into_iter().rev().filter_map(|i| tasks[i].take());
    let mut fused = links.next()?;
    for task in links {
        append(&mut fused, task);
    }
    Some(fused)
}

fn append(fused: &mut Task, mut next: Task) {
    let joint = fused.outputs[0];
    let at = next.inputs.iter().position(|key| *key == joint).expect("a chain's task reads the one before it");
    next.inputs.remove(at);
    let mut steps: Vec<Step> = next.steps;
    steps[0].takes -= 1;
    steps[0].joins_at = Some(at as u32);
    fused.steps.extend(steps);
    fused.inputs.extend(next.inputs);
    fused.outputs = next.outputs;
    if let (Place::Device(work), Place::Device(next)) = (&mut fused.place, next.place) {
        *work = next.max(*work);
    }
}
