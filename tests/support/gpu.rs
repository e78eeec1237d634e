//! Kernels run on a device, the software one where there is no other.

use super::poisoned;
use deconv::device::{Gpu, Wanted};
use deconv::error::Result;
use deconv::kernel::twin::run;
use deconv::kernel::{Download, Kernel, OnDevice, Payload, Shape, Upload};

/// A device for a test; none where there is none, which the environment may forbid (`DECONV_REQUIRE_GPU=1`).
pub fn gpu() -> Option<Gpu> {
    gpu_with(None)
}

/// The same, with so many bytes of memory.
pub fn gpu_with(memory: Option<u64>) -> Option<Gpu> {
    match Gpu::open(Wanted { software: true, memory }) {
        Ok(gpu) => Some(gpu),
        Err(error) if std::env::var_os("DECONV_REQUIRE_GPU").is_some_and(|value| value == "1") => {
            panic!("DECONV_REQUIRE_GPU is set, but {error}")
        }
        Err(error) => {
            println!("SKIPPED: {error}");
            None
        }
    }
}

/// The outputs of a kernel that a device is expected to run; see [`try_on`].
pub fn run_on(gpu: &Gpu, kernel: &Kernel, inputs: Vec<Payload>) -> Vec<Payload> {
    try_on(gpu, kernel, inputs).expect("the device runs the kernel")
}

/// The only output of a kernel that a device is expected to run.
pub fn run_one_on(gpu: &Gpu, kernel: impl Into<Kernel>, inputs: Vec<Payload>) -> Payload {
    let mut outputs = run_on(gpu, &kernel.into(), inputs);
    assert_eq!(outputs.len(), 1);
    outputs.remove(0)
}

/// The outputs of a kernel as a device makes them, all inputs and outputs in memory. What is on the device is full of NaN before it is
/// written. A first input that is changed in place becomes the first output.
pub fn try_on(gpu: &Gpu, kernel: &Kernel, inputs: Vec<Payload>) -> Result<Vec<Payload>> {
    assert!(kernel.device_work_bytes(&gpu.facts()).is_some(), "{} does not suit the device", kernel.name());
    let mut inputs = inputs.iter().map(|input| there(gpu, input)).collect::<Result<Vec<_>>>()?;
    let mut outputs = kernel.outputs().iter().map(|shape| there(gpu, &poisoned(shape))).collect::<Result<Vec<_>>>()?;
    if kernel.in_place() {
        outputs[0] = inputs.remove(0);
    }
    let inputs: Vec<&Payload> = inputs.iter().collect();
    run(gpu, kernel, &inputs, &mut outputs)?;
    outputs.iter().map(|output| back(gpu, output)).collect()
}

/// A payload on the device; a small one as it is.
pub fn there(gpu: &Gpu, payload: &Payload) -> Result<Payload> {
    let shape = match payload {
        Payload::Real(block) => Shape::Real { rows: block.dim().0, cols: block.dim().1 },
        Payload::Complex(block) => Shape::Complex { rows: block.dim().0, cols: block.dim().1 },
        small => return Ok(small.clone()),
    };
    let mut outputs = [Payload::Device(OnDevice { chunk: gpu.chunk(shape.bytes())?, shape })];
    run(gpu, &Upload { shape }.into(), &[payload], &mut outputs)?;
    let [there] = outputs;
    Ok(there)
}

/// A payload in memory again.
pub fn back(gpu: &Gpu, payload: &Payload) -> Result<Payload> {
    let Payload::Device(there) = payload else { return Ok(payload.clone()) };
    let mut outputs = [poisoned(&there.shape)];
    run(gpu, &Download { shape: there.shape }.into(), &[payload], &mut outputs)?;
    let [back] = outputs;
    Ok(back)
}
