//! Which devices this machine has, and how fast the one is that a job would take.

use super::options::check_gpu_memory;
use crate::device::{AdapterFacts, Bandwidth, Gpu, Wanted, adapters};
use crate::error::Result;
use serde::Serialize;

/// What is to be found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterOptions {
    /// Is the device to be measured, not only named?
    pub measure: bool,
    /// Rows and columns of the planes whose transforms are measured.
    pub sides: Vec<usize>,
    /// Bytes of the device's memory that may be used; none: most of them.
    pub memory: Option<usize>,
}

/// The adapters of this machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adapters {
    /// All of them, the best ones first.
    pub adapters: Vec<AdapterFacts>,
    /// The number of the one that a job would take, counted from 0; none: it would work on the CPU.
    pub chosen: Option<usize>,
    /// Why none would be taken, if none is.
    #[serde(skip)]
    pub refusal: Option<String>,
    /// What was measured of it, if anything was.
    pub measured: Option<MeasuredDevice>,
}

/// How fast a device is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeasuredDevice {
    /// Bytes of its memory that may be used.
    pub room_bytes: u64,
    /// How fast its memory is.
    #[serde(flatten)]
    pub bandwidth: Bandwidth,
    /// How fast it transforms.
    pub fft: Vec<MeasuredFft>,
}

/// How fast a device transforms a real plane forward and back, which must give the plane back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeasuredFft {
    /// Rows and columns of the plane.
    pub side: usize,
    /// Seconds that it takes; none: it cannot be done.
    pub seconds: Option<f64>,
    /// What a copy would take, if rows and columns were read and written once each, there and back, as a part of the seconds.
    pub share: Option<f64>,
    /// Why it cannot be done, if it cannot.
    pub refusal: Option<String>,
}

/// Looks for the adapters of this machine, and measures the one that a job would take.
///
/// # Errors
/// Of kind `Usage`, if the device has too little memory to use; of kind `Device`, if it fails, or transforms wrongly.
pub fn find_adapters(options: &AdapterOptions) -> Result<Adapters> {
    check_gpu_memory(options.memory)?;
    let wanted = Wanted::usual(options.memory.map(|bytes| bytes as u64));
    let adapters = adapters();
    let refusals: Vec<Option<String>> = adapters.iter().map(|adapter| wanted.refusal(adapter)).collect();
    let chosen = refusals.iter().position(Option::is_none);
    let refusal = refusals.into_iter().flatten().next_back().filter(|_| chosen.is_none());
    let measured = match chosen {
        Some(_) if options.measure => Some(measured(&Gpu::open(wanted)?, &options.sides)?),
        _ => None,
    };
    Ok(Adapters { adapters, chosen, refusal, measured })
}

/// Measures a device.
fn measured(gpu: &Gpu, sides: &[usize]) -> Result<MeasuredDevice> {
    let bandwidth = gpu.bandwidth()?;
    let fft = sides.iter().map(|&side| fft(gpu, side, bandwidth.copy_bytes_per_s)).collect::<Result<_>>()?;
    Ok(MeasuredDevice { room_bytes: gpu.facts().room, bandwidth, fft })
}

/// Measures the transform of a plane on a device that copies so many bytes a second.
#[cfg(feature = "gpu")]
fn fft(gpu: &Gpu, side: usize, copy: f64) -> Result<MeasuredFft> {
    use crate::kernel::twin::measure::{Chain, Round};
    let round = Round { side, frame: side, multiplied: false };
    if let Some(refusal) = round.refusal(&gpu.facts()) {
        return Ok(MeasuredFft { side, seconds: None, share: None, refusal: Some(refusal) });
    }
    let chain = Chain::new(gpu, round)?;
    chain.check()?;
    let seconds = chain.seconds()?;
    // Four passes, each of which reads the plane and writes it.
    let bytes = (4 * 2 * size_of::<f32>() * side * side) as f64;
    Ok(MeasuredFft { side, seconds: Some(seconds), share: Some(bytes / copy / seconds), refusal: None })
}

#[cfg(not(feature = "gpu"))]
fn fft(gpu: &Gpu, _: usize, _: f64) -> Result<MeasuredFft> {
    match *gpu {}
}
