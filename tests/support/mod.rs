//! Running a kernel by hand: what an executor does, with every output and the working memory poisoned.
//! For tests of whole jobs: [`fits`] files, the slow but plain [`oracle`] in f64, and the [`job`] itself.
#![allow(dead_code)]

pub mod bar;
pub mod cluster;
pub mod dense;
pub mod dice;
pub mod drawn;
pub mod files;
pub mod filter_job;
pub mod filters;
pub mod fits;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod job;
pub mod minor;
pub mod observed;
pub mod oracle;
pub mod posterior;
pub mod program;
pub mod resume;
pub mod script;
pub mod splits;
pub mod uv;

use deconv::error::Result;
use deconv::kernel::{Block, Buffer, Call, Kernel, Payload, Shape};
use num_complex::Complex32;
use std::sync::atomic::AtomicBool;

/// The outputs of a kernel that is expected to run; see [`try_kernel`].
pub fn run_kernel(kernel: &Kernel, inputs: Vec<Payload>) -> Vec<Payload> {
    try_kernel(kernel, inputs).expect("the kernel runs")
}

/// The outputs of a kernel. A first input that is changed in place is moved into the first output.
pub fn try_kernel(kernel: &Kernel, mut inputs: Vec<Payload>) -> Result<Vec<Payload>> {
    let mut outputs: Vec<Payload> = kernel.outputs().iter().map(poisoned).collect();
    if kernel.in_place() {
        outputs[0] = inputs.remove(0);
    }
    let mut scratch = Buffer::zeroed(kernel.scratch_bytes()).expect("memory for a test");
    scratch.poison();
    let inputs: Vec<&Payload> = inputs.iter().collect();
    let cancel = AtomicBool::new(false);
    kernel.run(&mut Call { inputs: &inputs, outputs: &mut outputs, scratch: &mut scratch, cancel: &cancel })?;
    Ok(outputs)
}

/// The only output of a kernel.
pub fn run_one(kernel: impl Into<Kernel>, inputs: Vec<Payload>) -> Payload {
    let mut outputs = run_kernel(&kernel.into(), inputs);
    assert_eq!(outputs.len(), 1);
    outputs.remove(0)
}

/// A payload of a shape, full of NaN.
pub fn poisoned(shape: &Shape) -> Payload {
    let mut buffer = Buffer::zeroed(shape.pooled_bytes()).expect("memory for a test");
    buffer.poison();
    match *shape {
        Shape::Real { rows, cols } => Payload::Real(Block::in_buffer(buffer, rows, cols, shape.stride())),
        Shape::Complex { rows, cols } => Payload::Complex(Block::in_buffer(buffer, rows, cols, shape.stride())),
        Shape::Small(_) | Shape::Device(_) => Payload::Empty,
    }
}

/// Pixels from a function of row and column.
pub fn real(rows: usize, cols: usize, value: impl Fn(usize, usize) -> f32) -> Payload {
    let mut payload = poisoned(&Shape::Real { rows, cols });
    payload.real_mut().view_mut().indexed_iter_mut().for_each(|((y, x), pixel)| *pixel = value(y, x));
    payload
}

/// Part of a spectrum from a function of row and column.
pub fn complex(rows: usize, cols: usize, value: impl Fn(usize, usize) -> Complex32) -> Payload {
    let mut payload = poisoned(&Shape::Complex { rows, cols });
    payload.complex_mut().view_mut().indexed_iter_mut().for_each(|((y, x), number)| *number = value(y, x));
    payload
}

/// A number between −1 and 1 that depends on seed and index only (SplitMix64).
pub fn noise(seed: u64, index: usize) -> f32 {
    (bits(seed, index) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
}

/// 64 random bits that depend on seed and index only (SplitMix64).
pub fn bits(seed: u64, index: usize) -> u64 {
    let mut z =
        seed.wrapping_mul(0xD1B5_4A32_D192_ED03).wrapping_add((index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Sizes at which loops go wrong.
pub const AWKWARD: [(usize, usize); 7] = [(1, 1), (1, 13), (17, 1), (7, 11), (2, 256), (3, 257), (31, 37)];
