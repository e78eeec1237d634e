//! What a graph will need, known before it runs.

use super::ledger::{Account, Ledger};
use super::{Graph, Place, Task};
use crate::event::{Key, KeyMap};
use crate::kernel::{Buffer, Kernel, Shape};
use serde::{Deserialize, Serialize};

/// The memory that is spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// The machine's.
    Host,
    /// A device's.
    Device,
    /// Both, as if they were one.
    Both,
}

impl Memory {
    /// Is what a kernel of a task makes in it, as far as it is not small?
    fn has(self, task: &Task, kernel: &Kernel) -> bool {
        match self {
            Memory::Host => !task.is_there(kernel),
            Memory::Device => task.is_there(kernel),
            Memory::Both => true,
        }
    }

    /// Bytes of it that a kernel of a task works with beside inputs and outputs.
    fn scratch(self, task: &Task, kernel: &Kernel) -> usize {
        match (self, task.place) {
            (Memory::Device, Place::Device(work)) => work,
            (Memory::Host, Place::Memory) | (Memory::Both, _) => Buffer::size_class(kernel.scratch_bytes()),
            _ => 0,
        }
    }
}

/// Bytes of the buffer pool that one task needs beside the inputs that are already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Price {
    /// At its worst moment, its outputs included.
    pub during: usize,
    /// After it, for its outputs, as far as they are not in the buffer of an input that it took over.
    pub after: usize,
}

/// The prices of a task: where it copies its first input, where it takes it over. The same if it does neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// Where it copies its first input.
    pub copying: Price,
    /// Where its first kernel works in place in the buffer of its first input, which nobody else needs.
    pub taking: Price,
}

impl Prices {
    /// The prices of a task.
    pub fn new(task: &Task) -> Prices {
        Prices::in_memory(task, Memory::Host)
    }

    /// The prices of a task in bytes of one memory.
    pub fn in_memory(task: &Task, memory: Memory) -> Prices {
        let mut steps = Vec::new();
        step_bytes(task, memory, &mut steps, &mut Vec::new());
        Prices::of_steps(&steps)
    }

    /// The price where the first input is taken over, or where it is not.
    pub fn of(&self, takes_over: bool) -> Price {
        if takes_over { self.taking } else { self.copying }
    }

    pub(super) fn of_steps(steps: &[StepBytes]) -> Prices {
        let copying = price(steps, false);
        let taking = if steps.first().is_some_and(|step| step.in_place) { price(steps, true) } else { copying };
        Prices { copying, taking }
    }
}

/// Bytes of the buffer pool of one step of a task.
pub(super) struct StepBytes {
    outputs: usize,
    /// Those of its first output.
    first: usize,
    scratch: usize,
    /// Does its kernel work in place of its first input?
    in_place: bool,
    /// Is that what the step before it made?
    is_previous: bool,
}

/// Bytes of the steps of a task in one memory, and the sizes of the buffers that it takes there added to `fresh`; the bytes there of each
/// chunk that it makes.
pub(super) fn step_bytes(
    task: &Task,
    memory: Memory,
    steps: &mut Vec<StepBytes>,
    fresh: &mut Vec<usize>,
) -> Vec<usize> {
    let mut made = Vec::new();
    steps.clear();
    for (i, step) in task.steps.iter().enumerate() {
        let has = memory.has(task, &step.kernel);
        let bytes = |shape: &Shape| if has { shape.pooled_bytes() } else { 0 };
        made = step.kernel.outputs().iter().map(bytes).collect::<Vec<usize>>();
        let (in_place, is_previous) = (has && step.kernel.in_place(), i > 0 && step.joins_at == Some(0));
        let scratch = memory.scratch(task, &step.kernel);
        fresh.extend(made.iter().copied().skip(usize::from(in_place && is_previous)).chain([scratch]));
        let first = made.first().copied().unwrap_or(0);
        steps.push(StepBytes { outputs: made.iter().sum(), first, scratch, in_place, is_previous });
    }
    made
}

/// The price of a task; `takes_over` says whether its first kernel works in the buffer of its first input.
fn price(steps: &[StepBytes], takes_over: bool) -> Price {
    // Signed: a chain that takes its first input over and soon gives that buffer back ends with less than it began.
    let (mut live, mut peak) = (0isize, 0isize);
    let mut previous = 0;
    for (i, step) in steps.iter().enumerate() {
        let outputs = step.outputs as isize;
        let in_own = step.in_place && if i == 0 { takes_over } else { step.is_previous };
        let inherited = if in_own { step.first as isize } else { 0 };
        peak = peak.max(live + outputs - inherited + step.scratch as isize);
        live += outputs - inherited;
        if i > 0 && !in_own {
            live -= previous;
        }
        previous = outputs;
    }
    Price { during: peak.max(0) as usize, after: live.max(0) as usize }
}

/// The predicted memory of one graph with a number of tasks in flight, in bytes of the buffer pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Prediction {
    /// Kept chunks when the graph starts.
    pub resident: usize,
    /// The most that the graph holds when one worker runs it in static order, the resident chunks included.
    pub sequential: usize,
    /// What tasks that run ahead of the static order may take in addition, together.
    pub ahead: usize,
}

impl Prediction {
    /// The most bytes that the graph can ever hold: the scheduler keeps the promise whatever the timing.
    pub fn peak_bytes(&self) -> usize {
        self.sequential + self.ahead
    }
}

/// Predicts a graph in its present order, with these kept chunks (key → bytes) and so many workers.
///
/// The oldest unfinished task in static order may always run; the others are *ahead* of it and may hold no more
/// than `ahead` bytes together until the order has caught up with them. So `sequential + ahead` holds for any
/// timing, and one worker that runs the graph in its order needs `sequential` to the byte.
pub fn predict(graph: &Graph, resident: &KeyMap<usize>, workers: usize) -> Prediction {
    predict_of(graph, &Ledger::of(graph), resident, workers)
}

/// [`predict`] with the ledger of the graph.
pub fn predict_of(graph: &Graph, ledger: &Ledger, resident: &KeyMap<usize>, workers: usize) -> Prediction {
    let Sequential { start, peak, dearest } = sequential_peak(graph, ledger, 0..graph.tasks.len(), resident);
    let others = workers.saturating_sub(1).min(graph.tasks.len().saturating_sub(1));
    Prediction { resident: start, sequential: peak, ahead: AHEAD * others * dearest }
}

/// The least bytes of the buffer pool in which a graph can run at all, everything else being in scratch: what its dearest
/// task reads, makes and works with, and the answers, which stay in memory. `resident` are the kept chunks it may read.
pub fn working_set(graph: &Graph, resident: &KeyMap<usize>) -> usize {
    let made = graph.tasks.iter().flat_map(|task| task.outputs.iter().copied().zip(task.shapes()));
    let mut bytes: KeyMap<usize> = made.map(|(key, shape)| (key, shape.pooled_bytes())).collect();
    bytes.extend(resident);
    let of = |key: &Key| bytes.get(key).copied().unwrap_or(0);
    let whole = |task: &Task| task.inputs.iter().map(of).sum::<usize>() + Prices::new(task).copying.during;
    let answers: usize = graph.answers.iter().map(of).sum();
    graph.tasks.iter().map(whole).max().unwrap_or(0) + answers
}

/// How many of the dearest tasks a worker may have run ahead, finished ones that wait for the order included.
const AHEAD: usize = 2;

/// What one worker needs for a graph.
pub(super) struct Sequential {
    /// Kept chunks at the start.
    start: usize,
    /// The most bytes at any moment.
    pub(super) peak: usize,
    /// The most bytes that a task adds to what is there before it.
    dearest: usize,
}

/// Follows one worker through the graph's tasks in an order in which they can run.
pub(super) fn sequential_peak(
    graph: &Graph,
    ledger: &Ledger,
    order: impl Iterator<Item = usize>,
    resident: &KeyMap<usize>,
) -> Sequential {
    let mut account = Account::open(graph, ledger, resident);
    let start: usize = account.at_start.iter().sum();
    let (mut now, mut peak, mut dearest) = (start, start, 0);
    for task in order {
        let Price { during, .. } = ledger.prices(task).of(account.takes_over(task));
        peak = peak.max(now + during);
        dearest = dearest.max(during);
        let (mut gone, mut come) = (0, 0);
        account.run(task, |bytes| gone += bytes, |bytes| come += bytes);
        now = now + come - gone;
    }
    Sequential { start, peak, dearest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Combine, Fill, GaussianMultiply, MeasureRows, Multiply};

    fn key(array: u64) -> Key {
        Key { array, chunk: 0 }
    }

    fn in_place() -> Task {
        let combine = Combine { rows: 64, cols: 64, left: 1.0, right: 1.0 };
        Task::new(combine.into(), vec![key(1), key(2)], vec![key(3)])
    }

    #[test]
    fn a_kernel_in_place_costs_a_copy_or_nothing() {
        assert_eq!(Prices::new(&in_place()).copying, Price { during: 16384, after: 16384 });
        assert_eq!(Prices::new(&in_place()).taking, Price { during: 0, after: 0 });
    }

    #[test]
    fn a_chain_counts_what_its_kernels_hand_on() {
        let measure = MeasureRows { at: crate::image::rect::Rect::plane(64, 64), ignored: None };
        let mut graph = Graph { tasks: vec![in_place()], answers: vec![key(4)], ..Graph::default() };
        graph.tasks.push(Task::new(measure.into(), vec![key(3)], vec![key(4)]));
        let chain = &super::super::fuse(graph).tasks[0];
        assert_eq!(chain.steps.len(), 2);
        assert_eq!(Prices::new(chain).copying, Price { during: 16384, after: 0 });
        assert_eq!(Prices::new(chain).taking, Price { during: 0, after: 0 });
    }

    #[test]
    fn working_memory_counts_as_a_whole_buffer() {
        let (columns, length) = (3, 100);
        let gauss = GaussianMultiply { columns, length, first_column: 0, row_length: 10, covariance: [1.0, 0.0, 1.0] };
        let task = Task::new(gauss.into(), vec![key(1)], vec![key(2)]);
        assert_eq!(Prices::new(&task).taking, Price { during: Buffer::size_class(800), after: 0 });
        let multiply = Task::new(Multiply { columns, length }.into(), vec![key(1), key(2)], vec![key(3)]);
        assert_eq!(Prices::new(&task).copying.during, Prices::new(&multiply).copying.during + Buffer::size_class(800));
    }

    #[test]
    fn what_is_released_unread_is_not_there() {
        let fill = Task::new(Fill { rows: 64, cols: 64, value: 0.0 }.into(), vec![], vec![key(2)]);
        let graph = Graph { tasks: vec![fill], keep: vec![key(2)], release: vec![key(1)], ..Graph::default() };
        let resident = KeyMap::from_iter([(key(1), 16384), (key(9), 64)]);
        let prediction = predict(&graph, &resident, 1);
        assert_eq!(prediction, Prediction { resident: 64, sequential: 64 + 16384, ahead: 0 });
    }
}
