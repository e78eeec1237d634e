//! Which devices this machine has, and how fast the one is that a job would take.

use super::options::check_gpu_memory;
use super::refresh::refresh_seconds;
use crate::device::{AdapterFacts, Bandwidth, Gpu, Wanted, adapters};
use crate::error::Result;
use crate::schedule::Settings;
use serde::Serialize;
use std::sync::Arc;

/// What is to be found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterOptions {
    /// Is the device to be measured, not only named?
    pub measure: bool,
    /// Rows and columns of the planes whose transforms are measured.
    pub sides: Vec<usize>,
    /// Rows and columns of the planes of which a refresh is measured, on the device and on the cores.
    pub refreshes: Vec<usize>,
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
    /// How fast it refreshes a residual, beside the cores.
    pub refresh: Vec<MeasuredRefresh>,
}

/// How long a refresh of CLEAN takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeasuredRefresh {
    /// Rows and columns of the plane.
    pub side: usize,
    /// Threads of the cores.
    pub threads: usize,
    /// Seconds on the cores.
    pub cpu_s: f64,
    /// Seconds on the device, the residual's way back included.
    pub device_s: f64,
}

/// How fast a device transforms a real plane forward and back, which must give the plane back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeasuredFft {
    /// Rows and columns of the plane.
    pub side: usize,
    /// Seconds that it takes; none: it cannot be done.
    pub seconds: Option<f64>,
    /// What copies would take that read and write the plane once a pass, as a part of the seconds.
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
        Some(_) if options.measure => Some(measured(Arc::new(Gpu::open(wanted)?), options)?),
        _ => None,
    };
    Ok(Adapters { adapters, chosen, refusal, measured })
}

/// Measures a device.
fn measured(gpu: Arc<Gpu>, options: &AdapterOptions) -> Result<MeasuredDevice> {
    let bandwidth = gpu.bandwidth()?;
    let copy = bandwidth.copy_bytes_per_s;
    let fft = options.sides.iter().map(|&side| fft(&gpu, side, copy)).collect::<Result<_>>()?;
    let refresh = options.refreshes.iter().map(|&side| refresh(&gpu, side)).collect::<Result<_>>()?;
    Ok(MeasuredDevice { room_bytes: gpu.facts().room, bandwidth, fft, refresh })
}

/// Measures a refresh on the cores and on a device.
fn refresh(gpu: &Arc<Gpu>, side: usize) -> Result<MeasuredRefresh> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = Settings::threads(threads);
    let device = Settings { device: Some(gpu.clone()), ..cores.clone() };
    let (cpu_s, device_s) = (refresh_seconds(side, &cores)?, refresh_seconds(side, &device)?);
    Ok(MeasuredRefresh { side, threads, cpu_s, device_s })
}

/// Measures the transform of a plane on a device that copies so many bytes a second.
#[cfg(feature = "gpu")]
fn fft(gpu: &Gpu, side: usize, copy: f64) -> Result<MeasuredFft> {
    use crate::kernel::twin::fft::passes;
    use crate::kernel::twin::measure::{Chain, Round};
    let round = Round { side, frame: side, multiplied: false };
    if let Some(refusal) = round.refusal(&gpu.facts()) {
        return Ok(MeasuredFft { side, seconds: None, share: None, refusal: Some(refusal) });
    }
    let chain = Chain::new(gpu, round)?;
    chain.check()?;
    let seconds = chain.seconds()?;
    let (of_rows, of_columns) = passes(side, side);
    // There and back; each pass reads the plane and writes it.
    let bytes = (2 * (of_rows + of_columns) * 2 * size_of::<f32>() * side * side) as f64;
    Ok(MeasuredFft { side, seconds: Some(seconds), share: Some(bytes / copy / seconds), refusal: None })
}

#[cfg(not(feature = "gpu"))]
fn fft(gpu: &Gpu, _: usize, _: f64) -> Result<MeasuredFft> {
    match *gpu {}
}
