//! One task: kernels, what they read, what they make.

use crate::event::Key;
use crate::kernel::{Kernel, Shape};
use serde::{Deserialize, Serialize};

/// A kernel in a task, and where its inputs come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The kernel.
    pub kernel: Kernel,
    /// How many of the task's inputs it takes, after those that earlier steps have taken.
    pub takes: u32,
    /// Where among its inputs the only output of the step before it comes in; none in a first step.
    pub joins_at: Option<u32>,
}

/// Kernels that run one after the other on one worker: one, or after fusing a chain of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The chain.
    pub steps: Vec<Step>,
    /// All chunks that it reads, in the order in which the steps take them.
    pub inputs: Vec<Key>,
    /// The chunks that its last step makes.
    pub outputs: Vec<Key>,
}

impl Task {
    /// A task of one kernel.
    pub fn new(kernel: Kernel, inputs: Vec<Key>, outputs: Vec<Key>) -> Task {
        let takes = inputs.len() as u32;
        Task { steps: vec![Step { kernel, takes, joins_at: None }], inputs, outputs }
    }

    /// Shapes of its outputs.
    pub fn shapes(&self) -> Vec<Shape> {
        self.steps.last().map_or_else(Vec::new, |step| step.kernel.outputs())
    }

    /// The names of its kernels.
    pub fn name(&self) -> String {
        self.steps.iter().map(|step| step.kernel.name()).collect::<Vec<_>>().join("+")
    }

    /// Does its first kernel change its first input in place?
    pub fn in_place(&self) -> bool {
        self.steps.first().is_some_and(|step| step.kernel.in_place())
    }
}
