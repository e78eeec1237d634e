//! Runs one task on the calling thread.

use super::Assignment;
use crate::error::{Error, Result};
use crate::graph::Step;
use crate::kernel::{Buffer, Call, Payload};
use crate::store::Pool;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A failure that a test asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The kernel that is to fail, by name.
    pub kernel: String,
    /// By a panic; otherwise by an error.
    pub panics: bool,
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

/// Runs an assignment's chain of kernels. A panic becomes an error; every error names its task.
///
/// # Errors
/// The first error of its kernels.
pub fn perform(
    assignment: Assignment,
    pool: &Pool,
    cancel: &AtomicBool,
    fault: Option<&Fault>,
) -> Result<Vec<Payload>> {
    let task = assignment.task.clone();
    let chain = AssertUnwindSafe(|| run_chain(assignment, pool, cancel, fault));
    let result = catch_unwind(chain).unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
    result.map_err(|error| error.in_task(format!("{} {}", task.name(), task.outputs[0])))
}

fn run_chain(assignment: Assignment, pool: &Pool, cancel: &AtomicBool, fault: Option<&Fault>) -> Result<Vec<Payload>> {
    let owned = assignment.owned.into_iter().map(Input::Owned);
    let mut waiting: VecDeque<Input> = owned.chain(assignment.shared.into_iter().map(Input::Shared)).collect();
    let mut outputs: Vec<Payload> = Vec::new();
    for step in &assignment.task.steps {
        let mut inputs: Vec<Input> = waiting.drain(..step.takes as usize).collect();
        if let (Some(at), Some(previous)) = (step.joins_at, outputs.pop()) {
            inputs.insert(at as usize, Input::Owned(previous));
        }
        outputs = run_step(step, inputs, pool, cancel, fault)?;
    }
    Ok(outputs)
}

fn run_step(
    step: &Step,
    mut inputs: Vec<Input>,
    pool: &Pool,
    cancel: &AtomicBool,
    fault: Option<&Fault>,
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
    if let Some(fault) = fault.filter(|fault| fault.kernel == step.kernel.name()) {
        assert!(!fault.panics, "a panic that a test asked for");
        return Err(Error::internal("an error that a test asked for"));
    }
    step.kernel.run(&mut call)?;
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

/// The error that a panic becomes.
pub(super) fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Error::internal(format!("the program failed: {}", text.unwrap_or("a panic without a message")))
        .remedy("this is a bug: please report it with the command line")
}
