//! How much memory a job may take, and what it takes beside the chunks.

use super::machine;
use crate::error::{Error, Kind, Result};
use crate::schedule::{PORTERS, Scheduler, ScratchPlace, Settings};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Of the memory that can be had, the part that a job may take.
const SHARE: f64 = 0.8;

/// What the process grows by when it begins to work: code that is touched first then, plans of transforms. This and the
/// figures below are measured, on planes of 512² to 8192² with one to four workers, and rounded up.
const BASE: usize = 9 << 19;

/// What a thread takes: its stack, what malloc keeps for it, the buffers in which it reads and writes files.
const THREAD: usize = 7 << 18;

/// What a task takes in a graph, in the state machine and in the store, and each chunk that it reads or makes.
const TASK: usize = 2400;
const CHUNK: usize = 500;

/// What a thread reserves of the address space, whether it uses it or not: its stack, and what malloc sets aside for it.
const RESERVED: usize = 66 << 20;

/// The bytes that the process may have in all: as many as the user says, or a share of what the machine, or the cgroup of
/// a batch job, has; never more than a limit of the address space leaves.
///
/// # Errors
/// Of kind `Memory`, if that limit leaves nothing: small allocations would fail, which ends a process without a word.
pub fn granted(asked: Option<usize>, settings: &Settings) -> Result<usize> {
    let threads = match settings.scheduler {
        Scheduler::Inline => 0,
        Scheduler::Threads => settings.workers() + PORTERS,
    };
    let address = machine::address_bytes().map(|left| left.saturating_sub((threads + 1) * RESERVED));
    if address == Some(0) {
        let message = format!("the limit of the address space (ulimit -v) leaves no memory beside {threads} threads");
        let remedy = "raise it, or choose fewer --threads";
        return Err(Error::new(Kind::Memory, message).remedy(remedy));
    }
    let share = |bytes: usize| (bytes as f64 * SHARE) as usize;
    let available = [machine::available_bytes(), machine::cgroup_bytes(), address];
    let asked = asked.or_else(|| available.into_iter().flatten().min().map(share)).unwrap_or(usize::MAX);
    Ok(asked.min(address.unwrap_or(usize::MAX)))
}

/// What a job takes beside the chunks: so many threads, and graphs of so many tasks and chunks.
pub fn overhead(threads: usize, (tasks, chunks): (usize, usize)) -> usize {
    BASE + threads * THREAD + tasks * TASK + chunks * CHUNK
}

/// An executor that may take so much memory, or a share of what can be had, less what the process has now;
/// without `threads` one worker a core.
///
/// # Errors
/// Of kind `Memory`, if a limit of the address space leaves nothing.
pub(crate) fn settings(
    scheduler: Scheduler,
    threads: Option<usize>,
    memory: Option<usize>,
    cancel: &Arc<AtomicBool>,
) -> Result<Settings> {
    reckon(scheduler, threads, memory, cancel).map(|(settings, _)| settings)
}

/// [`settings`], and the bytes that the process has now.
pub fn reckon(
    scheduler: Scheduler,
    threads: Option<usize>,
    memory: Option<usize>,
    cancel: &Arc<AtomicBool>,
) -> Result<(Settings, usize)> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Where nothing better is known.
    let scratch = Some(ScratchPlace { directory: std::env::temp_dir(), bytes: 0 });
    let settings =
        Settings { scheduler, scratch, cancel: cancel.clone(), ..Settings::threads(threads.unwrap_or(cores)) };
    let granted = granted(memory, &settings)?;
    let before = machine::resident_bytes();
    Ok((Settings { budget: granted.saturating_sub(before), ..settings }, before))
}
