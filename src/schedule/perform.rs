//! Runs one task on the calling thread.

use super::Assignment;
use super::retry::persist;
use super::there::run_step_there;
use crate::device::Gpu;
use crate::error::{Error, Kind, Result};
use crate::event::Events;
use crate::graph::{Place, Step};
use crate::kernel::{Buffer, Call, Payload};
use crate::store::Pool;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A failure that a test asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The kernel that is to fail, by name.
    pub kernel: String,
    /// How it fails.
    pub mode: FaultMode,
}

/// How a test wants a kernel to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultMode {
    /// By an error.
    Error,
    /// By a panic.
    Panic,
    /// In every task by so many errors that may pass, before it is run.
    Passing(u32),
    /// By the loss of the device, where it runs there.
    Lost,
    /// For want of the device's memory, where it runs there.
    Starved,
}

/// An input of a step: its own to change, or somebody else's too.
pub(super) enum Input {
    Owned(Payload),
    Shared(Arc<Payload>),
}

impl AsRef<Payload> for Input {
    fn as_ref(&self) -> &Payload {
        match self {
            Input::Owned(payload) => payload,
            Input::Shared(payload) => payload,
        }
    }
}

/// Seconds that each kernel of a chain took, by name.
pub type Spent = Vec<(&'static str, f64)>;

/// What a worker has to do its work with.
pub struct Bench<'a> {
    /// Where buffers come from.
    pub pool: &'a Pool,
    /// Set when the run is to stop.
    pub cancel: &'a AtomicBool,
    /// A failure that a test asks for.
    pub fault: Option<&'a Fault>,
    /// Who is told of new tries.
    pub events: &'a Events,
    /// The device, if there is one.
    pub device: Option<&'a Gpu>,
    /// When the last task on the device was done: what the next one takes is counted from there, or from its begin.
    pub last: &'a Mutex<Instant>,
}

impl Bench<'_> {
    /// How a test wants a kernel to fail, if it does.
    pub(super) fn fault(&self, kernel: &str) -> Option<FaultMode> {
        self.fault.filter(|fault| fault.kernel == kernel).map(|fault| fault.mode)
    }
}

/// Runs an assignment's chain of kernels: what it made, and the time that its kernels took. A panic becomes an error; every
/// error names its task.
///
/// A kernel that fails for a reason that may pass is run again, up to three times with pauses of 0.1, 0.5 and 2 seconds, and
/// that is told. Kernels that read and write files change nothing in place and write all of their outputs, so that they
/// can be run again as they are.
///
/// # Errors
/// The first error of its kernels that does not pass.
pub fn perform(assignment: Assignment, bench: &Bench<'_>) -> Result<(Vec<Payload>, Spent)> {
    let task = assignment.task.clone();
    let chain = AssertUnwindSafe(|| run_chain(assignment, bench));
    let result = catch_unwind(chain).unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
    result.map_err(|error| error.in_task(format!("{} {}", task.name(), task.outputs[0])))
}

fn run_chain(assignment: Assignment, bench: &Bench<'_>) -> Result<(Vec<Payload>, Spent)> {
    let owned = assignment.owned.into_iter().map(Input::Owned);
    let mut waiting: VecDeque<Input> = owned.chain(assignment.shared.into_iter().map(Input::Shared)).collect();
    let mut outputs: Vec<Payload> = Vec::new();
    let mut spent = Spent::with_capacity(assignment.task.steps.len());
    let is_there = assignment.task.place != Place::Memory;
    for step in &assignment.task.steps {
        let mut inputs: Vec<Input> = waiting.drain(..step.takes as usize).collect();
        if let (Some(at), Some(previous)) = (step.joins_at, outputs.pop()) {
            inputs.insert(at as usize, Input::Owned(previous));
        }
        let start = Instant::now();
        outputs = if is_there { run_step_there(step, inputs, bench)? } else { run_step(step, inputs, bench)? };
        let seconds = if is_there { since_last(start, bench.last) } else { start.elapsed().as_secs_f64() };
        spent.push((step.kernel.name(), seconds));
    }
    Ok((outputs, spent))
}

/// Seconds that something on the device took which began to be worked at then, and is done now: no longer than since what was done last.
fn since_last(start: Instant, last: &Mutex<Instant>) -> f64 {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let before = std::mem::replace(&mut *last, Instant::now());
    last.duration_since(before.max(start)).as_secs_f64()
}

fn run_step(step: &Step, mut inputs: Vec<Input>, bench: &Bench<'_>) -> Result<Vec<Payload>> {
    let pool = bench.pool;
    let mut outputs: Vec<Payload> = Vec::new();
    if step.kernel.in_place() {
        outputs.push(match inputs.remove(0) {
            Input::Owned(payload) => payload,
            Input::Shared(payload) => pool.copy(&payload)?,
        });
    }
    for shape in &step.kernel.outputs()[outputs.len()..] {
        outputs.push(pool.payload(shape)?);
    }
    let bytes = step.kernel.scratch_bytes();
    let mut scratch = if bytes == 0 { Buffer::empty() } else { pool.take(bytes)? };
    let views: Vec<&Payload> = inputs.iter().map(AsRef::as_ref).collect();
    let mut call = Call { inputs: &views, outputs: &mut outputs, scratch: &mut scratch, cancel: bench.cancel };
    let fault = bench.fault(step.kernel.name());
    persist(bench.cancel, bench.events, |attempt| {
        let done = fail(fault, attempt).and_then(|()| step.kernel.run(&mut call));
        // What was changed in place cannot be made again.
        done.map_err(|error| Error { passing: error.passing && !step.kernel.in_place(), ..error })
    })?;
    if bytes > 0 {
        pool.give(scratch);
    }
    for input in inputs {
        if let Input::Owned(payload) = input {
            pool.recycle(payload);
        }
    }
    Ok(outputs)
}

/// The failure that a test asks for, if it does.
pub(super) fn fail(fault: Option<FaultMode>, attempt: u32) -> Result<()> {
    match fault {
        Some(FaultMode::Panic) => panic!("a panic that a test asked for"),
        Some(FaultMode::Error) => Err(Error::internal("an error that a test asked for")),
        Some(FaultMode::Passing(times)) if attempt < times => {
            Err(Error { passing: true, ..Error::new(Kind::Output, "an error that a test asked for") })
        }
        _ => Ok(()),
    }
}

/// The error that a panic becomes.
pub(super) fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Error::internal(format!("the program failed: {}", text.unwrap_or("a panic without a message")))
        .remedy("this is a bug: please report it with the command line")
}
