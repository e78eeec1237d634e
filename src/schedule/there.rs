//! Runs one kernel on the device.

use super::perform::{Bench, Input};
use crate::error::{Error, Result};
use crate::graph::Step;
use crate::kernel::Payload;

#[cfg(feature = "gpu")]
pub(super) use with::run_step_there;

/// What a build without devices answers.
#[cfg(not(feature = "gpu"))]
pub(super) fn run_step_there(step: &Step, _: Vec<Input>, _: &Bench<'_>) -> Result<Vec<Payload>> {
    Err(Error::internal(format!("{} was placed on a device, of which this build knows none", step.kernel.name())))
}

#[cfg(feature = "gpu")]
mod with {
    use super::super::perform::{FaultMode, fail};
    use super::*;
    use crate::device::Gpu;
    use crate::kernel::twin::run;
    use crate::kernel::{Kernel, OnDevice, Shape};

    /// Runs a kernel on the device and waits until it is done.
    pub(in super::super) fn run_step_there(
        step: &Step,
        mut inputs: Vec<Input>,
        bench: &Bench<'_>,
    ) -> Result<Vec<Payload>> {
        let gpu = bench.device.ok_or_else(|| Error::internal("a task was placed on a device, but there is none"))?;
        match bench.fault(step.kernel.name()) {
            Some(FaultMode::Lost) => gpu.lose(),
            Some(FaultMode::Starved) => gpu.starve(),
            fault => fail(fault, 0)?,
        }
        let first = if step.kernel.in_place() { Some(inputs.remove(0)) } else { None };
        let mut outputs = Vec::new();
        for shape in step.kernel.outputs() {
            outputs.push(match (&step.kernel, shape) {
                (_, Shape::Small(_) | Shape::Device(_)) => Payload::Empty,
                (Kernel::Download(_), _) => bench.pool.payload(&shape)?,
                _ if first.is_some() && outputs.is_empty() => Payload::Empty,
                _ => Payload::Device(OnDevice { chunk: gpu.chunk(shape.bytes())?, shape }),
            });
        }
        if let Some(first) = first {
            outputs[0] = changeable(gpu, first)?;
        }
        let views: Vec<&Payload> = inputs.iter().map(AsRef::as_ref).collect();
        let submission = run(gpu, &step.kernel, &views, &mut outputs)?;
        gpu.wait(Some(submission))?;
        let owned =
            inputs.into_iter().filter_map(|input| if let Input::Owned(owned) = input { Some(owned) } else { None });
        owned.for_each(|payload| bench.pool.recycle(payload));
        Ok(outputs)
    }

    /// A chunk that nobody else has: itself, or a copy.
    fn changeable(gpu: &Gpu, input: Input) -> Result<Payload> {
        let shared = match input {
            Input::Owned(payload) => return Ok(payload),
            Input::Shared(payload) => payload,
        };
        let there = shared.on_device();
        let chunk = gpu.chunk(there.shape.bytes())?;
        let mut recorder = gpu.recorder();
        recorder.copy(&there.chunk, &chunk, (0, 0), there.shape.bytes());
        recorder.submit()?;
        Ok(Payload::Device(OnDevice { chunk, shape: there.shape }))
    }
}
