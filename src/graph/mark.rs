//! Says which tasks run on a device.

use super::place::Residency;
use super::{Graph, Numbering, Place};
use crate::kernel::Kernel;

/// Where a kernel that a device can run is best run.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// On the device: this is what it is for.
    Anchor,
    /// Where what it reads is.
    Follower,
    /// Where what it makes is read.
    Leader,
}

fn role(kernel: &Kernel) -> Role {
    match kernel {
        Kernel::RowForward(_) | Kernel::ColumnForward(_) | Kernel::ColumnInverse(_) | Kernel::RowInverse(_) => {
            Role::Anchor
        }
        Kernel::Fill(_) | Kernel::Scatter(_) | Kernel::Assemble(_) => Role::Leader,
        _ => Role::Follower,
    }
}

/// The graph, not fused yet, with the tasks on the device that it is for, and those that would else have to have chunks carried: transforms
/// are, what reads a chunk that is on the device is, and what is read there alone is.
pub(super) fn mark(mut graph: Graph, device: &Residency) -> Graph {
    let facts = device.facts();
    let work: Vec<Option<(Role, usize)>> = graph
        .tasks
        .iter()
        .map(|task| {
            let [step] = &task.steps[..] else { return None };
            Some((role(&step.kernel), step.kernel.device_work_bytes(&facts)?))
        })
        .collect();
    let numbering = Numbering::of(&graph);
    let is_there = |graph: &Graph, number: usize| match numbering.maker(number) {
        Some(maker) => graph.tasks[maker].place != Place::Memory && is_large(graph, &numbering, number),
        None => device.has(&numbering.external()[number - numbering.made()]),
    };
    for (i, work) in work.iter().enumerate() {
        let Some((role, bytes)) = *work else { continue };
        let follows = || numbering.inputs(i).any(|number| is_there(&graph, number));
        if role == Role::Anchor || role == Role::Follower && follows() {
            graph.tasks[i].place = Place::Device(bytes);
        }
    }
    let readers = numbering.readers();
    for (i, work) in work.iter().enumerate().rev() {
        let Some((Role::Leader, bytes)) = *work else { continue };
        let reads = |&reader: &u32| graph.tasks[reader as usize].place != Place::Memory;
        let mut made = numbering.outputs(i);
        if made.all(|number| !readers.of(number).is_empty() && readers.of(number).iter().all(reads)) {
            graph.tasks[i].place = Place::Device(bytes);
        }
    }
    graph
}

/// Is a chunk that is made pixels or part of a spectrum?
fn is_large(graph: &Graph, numbering: &Numbering, number: usize) -> bool {
    let Some(maker) = numbering.maker(number) else { return false };
    let at = number - numbering.outputs(maker).start;
    graph.tasks[maker].made()[at].pooled_bytes() > 0
}
