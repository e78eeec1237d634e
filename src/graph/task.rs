//! One task: kernels, what they read, what they make.

use crate::event::Key;
use crate::kernel::{Download, Kernel, Shape, Upload};
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

/// Where a task runs, and where what it makes is afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Place {
    /// On a core, in the machine's memory.
    #[default]
    Memory,
    /// On a device and in its memory, of which it needs so many bytes beside inputs and outputs. What is small is in the machine's memory
    /// all the same, and so is what is [taken back](Download).
    Device(usize),
}

/// Kernels that run one after the other on one worker: one, or after fusing a chain of them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Task {
    /// The chain.
    pub steps: Vec<Step>,
    /// All chunks that it reads, in the order in which the steps take them.
    pub inputs: Vec<Key>,
    /// The chunks that its last step makes.
    pub outputs: Vec<Key>,
    /// Where it runs.
    pub place: Place,
}

impl Task {
    /// A task of one kernel.
    pub fn new(kernel: Kernel, inputs: Vec<Key>, outputs: Vec<Key>) -> Task {
        let takes = inputs.len() as u32;
        Task { steps: vec![Step { kernel, takes, joins_at: None }], inputs, outputs, place: Place::Memory }
    }

    /// A task that takes a chunk of this shape to the device.
    pub fn upload(shape: Shape, from: Key, to: Key) -> Task {
        Task { place: Place::Device(0), ..Task::new(Upload { shape }.into(), vec![from], vec![to]) }
    }

    /// A task that takes a chunk of this shape back from the device.
    pub fn download(shape: Shape, from: Key, to: Key) -> Task {
        Task { place: Place::Device(0), ..Task::new(Download { shape }.into(), vec![from], vec![to]) }
    }

    /// Shapes of its outputs, wherever they are.
    pub fn made(&self) -> Vec<Shape> {
        self.steps.last().map_or_else(Vec::new, |step| step.kernel.outputs())
    }

    /// Shapes of its outputs as the machine's memory sees them.
    pub fn shapes(&self) -> Vec<Shape> {
        let mut shapes = self.made();
        if self.steps.last().is_some_and(|step| self.is_there(&step.kernel)) {
            let there = shapes.iter_mut().filter(|shape| shape.pooled_bytes() > 0);
            there.for_each(|shape| *shape = Shape::Device(shape.bytes()));
        }
        shapes
    }

    /// Is what one of its kernels makes on the device, as far as it is not small?
    pub fn is_there(&self, kernel: &Kernel) -> bool {
        self.place != Place::Memory && !matches!(kernel, Kernel::Download(_))
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
