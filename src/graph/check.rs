//! Is a graph one that can be run at all?

use super::{Graph, Numbering, Task};
use crate::error::{Error, Result};
use crate::event::{Key, KeySet};

/// Looks whether a scheduler can run a graph as it stands; a graph may come from another process.
///
/// # Errors
/// Of kind `Internal`, if it has no tasks, if a chunk is made twice, if a task comes before one that it needs or does
/// not fit its kernels, if what is given is made or given once more, or if something is wanted that the graph does not
/// make.
pub fn check(graph: &Graph, numbering: &Numbering) -> Result<()> {
    if graph.tasks.is_empty() {
        return Err(Error::internal("a graph without tasks"));
    }
    if let Some(key) = numbering.twice() {
        return Err(Error::internal(format!("a graph makes chunk {key} twice")));
    }
    for (i, task) in graph.tasks.iter().enumerate() {
        if !is_whole(task) {
            let name = task.name();
            return Err(Error::internal(format!(
                "the inputs and outputs of a task are not those of its kernels, {name}"
            )));
        }
        if let Some(input) = numbering.needs(i).position(|maker| maker >= i) {
            let key = task.inputs.iter().filter(|key| made(numbering, key)).nth(input).unwrap_or(&task.inputs[0]);
            return Err(Error::internal(format!("a graph out of order: chunk {key} is read before it is made")));
        }
    }
    let mut given = KeySet::default();
    if let Some((key, _)) = graph.given.iter().find(|(key, _)| made(numbering, key) || !given.insert(*key)) {
        return Err(Error::internal(format!("chunk {key} is given to a graph that has it already")));
    }
    match graph.keep.iter().chain(&graph.answers).find(|key| !made(numbering, key)) {
        Some(key) => Err(Error::internal(format!("chunk {key} is wanted of a graph that does not make it"))),
        None => Ok(()),
    }
}

/// Does a task of the graph make the chunk?
fn made(numbering: &Numbering, key: &Key) -> bool {
    numbering.number(key).is_some_and(|number| number < numbering.made())
}

/// Do the numbers of inputs and outputs fit the kernels?
fn is_whole(task: &Task) -> bool {
    let taken: usize = task.steps.iter().map(|step| step.takes as usize).sum();
    let Some((first, rest)) = task.steps.split_first() else { return false };
    let joined = rest.iter().all(|step| step.joins_at.is_some_and(|at| at <= step.takes));
    let single = task.steps[..rest.len()].iter().all(|step| step.kernel.outputs().len() == 1);
    let has_place = !first.kernel.in_place() || first.takes > 0;
    let made = task.steps[rest.len()].kernel.outputs().len();
    taken == task.inputs.len()
        && first.joins_at.is_none()
        && joined
        && single
        && has_place
        && made == task.outputs.len()
}
