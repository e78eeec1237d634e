//! How a run is made, and what it took.

use super::Fault;
use crate::device::Gpu;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Which executor runs the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheduler {
    /// The calling thread alone: for debugging and as the reference.
    Inline,
    /// A pool of worker threads.
    Threads,
}

/// Where chunks go that do not fit the memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScratchPlace {
    /// The directory.
    pub directory: PathBuf,
    /// Bytes that are taken of its disk from the start.
    pub bytes: u64,
}

/// How a run is made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The executor.
    pub scheduler: Scheduler,
    /// Number of worker threads of [`Scheduler::Threads`].
    pub threads: usize,
    /// Bytes of the buffer pool that may be in use at any time. Several clients are under way only while all that they
    /// need fits; what one client needs beyond it goes to scratch.
    pub budget: usize,
    /// Where chunks go that do not fit.
    pub scratch: Option<ScratchPlace>,
    /// The device on which tasks run that are placed there, if any are.
    pub device: Option<Arc<Gpu>>,
    /// Set to stop the run.
    pub cancel: Arc<AtomicBool>,
    /// For tests: take ready tasks in an order drawn from this seed.
    pub shuffle: Option<u64>,
    /// For tests: hand out buffers full of NaN.
    pub poison: bool,
    /// For tests: let a kernel fail.
    pub fault: Option<Fault>,
}

impl Settings {
    /// A plain run on so many worker threads.
    pub fn threads(threads: usize) -> Settings {
        Settings {
            scheduler: Scheduler::Threads,
            threads: threads.max(1),
            budget: usize::MAX,
            scratch: None,
            device: None,
            cancel: Arc::default(),
            shuffle: None,
            poison: false,
            fault: None,
        }
    }

    /// A plain run on the calling thread.
    pub fn inline() -> Settings {
        Settings { scheduler: Scheduler::Inline, ..Settings::threads(1) }
    }

    /// Number of workers.
    pub fn workers(&self) -> usize {
        match self.scheduler {
            Scheduler::Inline => 1,
            Scheduler::Threads => self.threads.max(1),
        }
    }
}

/// What the runs of a kernel took, together.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct KernelTime {
    /// How often it ran.
    pub runs: u64,
    /// Seconds, added up over all workers.
    pub seconds: f64,
}

/// What a run took.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// Tasks run.
    pub tasks: u64,
    /// The most bytes the buffer pool was predicted to hold.
    pub predicted_peak_bytes: usize,
    /// The most bytes it held.
    pub peak_bytes: usize,
    /// What went to scratch.
    pub scratch: ScratchReport,
    /// The most bytes of the device's memory that it had.
    pub device_peak_bytes: u64,
    /// What the kernels took, by name.
    pub kernels: BTreeMap<&'static str, KernelTime>,
}

/// What went to scratch, all zero where everything fitted the memory.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ScratchReport {
    /// The most bytes that the scratch file had.
    pub peak_bytes: u64,
    /// Bytes read from it.
    pub read_bytes: u64,
    /// Bytes written to it.
    pub written_bytes: u64,
    /// The part of the workers' time in which they waited for it, 0 to 1.
    pub waiting_share: f64,
}
