//! Runs one task on the calling thread.

use super::Assignment;
use super::retry::persist;
use crate::error::{Error, Kind, Result};
use crate::event::Events;
use crate::graph::Step;
use crate::kernel::{Buffer, Call, Payload};
use crate::store::Pool;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
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
}

/// An input of a step: its own to change, or somebody else's too.
enum Input {
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

/// Runs an assignment's chain of kernels: what it made, and the time that its kernels took. A panic becomes an error; every
/// error names its task.
///
/// A kernel that fails for a reason that may pass is run again, up to three times with pauses of 0.1, 0.5 and 2 seconds, and
/// that is told. Kernels that read and write files change nothing in place and write all of their outputs, so that they
/// can be run again as they are.
///
/// # Errors
/// The first error of its kernels that does not pass.
pub fn perform(
    assignment: Assignment,
    pool: &Pool,
    cancel: &AtomicBool,
    fault: Option<&Fault>,
    events: &Events,
) -> Result<(Vec<Payload>, Spent)> {
    let task = assignment.task.clone();
    let chain = AssertUnwindSafe(|| run_chain(assignment, pool, cancel, fault, events));
    let result = catch_unwind(chain).unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
    result.map_err(|error| error.in_task(format!("{} {}", task.name(), task.outputs[0])))
}

fn run_chain(
    assignment: Assignment,
    pool: &Pool,
    cancel: &AtomicBool,
    fault: Option<&Fault>,
    events: &Events,
) -> Result<(Vec<Payload>, Spent)> {
    let owned = assignment.owned.into_iter().map(Input::Owned);
    let mut waiting: VecDeque<Input> = owned.chain(assignment.shared.into_iter().map(Input::Shared)).collect();
    let mut outputs: Vec<Payload> = Vec::new();
    let mut spent = Spent::with_capacity(assignment.task.steps.len());
    for step in &assignment.task.steps {
        let mut inputs: Vec<Input> = waiting.drain(..step.takes as usize).collect();
        if let (Some(at), Some(previous)) = (step.joins_at, outputs.pop()) {
            inputs.insert(at as usize, Input::Owned(previous));
        }
        let start = Instant::now();
        outputs = run_step(step, inputs, pool, cancel, fault, events)?;
        spent.push((step.kernel.name(), start.elapsed().as_secs_f64()));
    }
    Ok((outputs, spent))
}

fn run_step(
    step: &Step,
    mut inputs: Vec<Input>,
    pool: &Pool,
    cancel: &AtomicBool,
    fault: Option<&Fault>,
    events: &Events,
) -> Result<Vec<Payload>> {
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
    let mut call = Call { inputs: &views, outputs: &mut outputs, scratch: &mut scratch, cancel };
    let fault = fault.filter(|fault| fault.kernel == step.kernel.name()).map(|fault| fault.mode);
    persist(cancel, events, |attempt| {
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
