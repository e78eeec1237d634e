//! A graphics processor: what it is, its memory, and how shaders are run on it.
//!
//! It knows buffers, bytes and shaders, nothing of what they mean; kernels do. All work goes into one queue, in which it is done in
//! the order in which it was submitted.

mod facts;
mod shader;

#[cfg(feature = "gpu")]
mod adapter;
#[cfg(feature = "gpu")]
mod carry;
#[cfg(feature = "gpu")]
mod gpu;
#[cfg(feature = "gpu")]
mod measure;
#[cfg(feature = "gpu")]
mod memory;
#[cfg(feature = "gpu")]
mod recorder;

#[cfg(not(feature = "gpu"))]
mod absent;

pub use facts::{AdapterFacts, Bandwidth, Facts, Sort, Wanted};
pub use shader::{Access, Shader};

/// Work that has been handed to a device, by which it can be [waited](Gpu::wait) for.
#[cfg(feature = "gpu")]
pub type Submission = wgpu::SubmissionIndex;

#[cfg(feature = "gpu")]
pub use {
    adapter::adapters,
    carry::STAGING_BYTES,
    gpu::Gpu,
    measure::seconds,
    memory::Chunk,
    recorder::{Recorded, Recorder},
};

#[cfg(not(feature = "gpu"))]
pub use absent::{Chunk, Gpu, STAGING_BYTES, adapters};
