//! How much memory a job may take, and what it takes beside the chunks.

use super::machine;

/// Of the memory that can be had, the part that a job may take.
const SHARE: f64 = 0.8;

/// What the process grows by when it begins to work: code that is touched first then, plans of transforms. This and the
/// figures below are measured, on planes of 512² to 8192² with one to four workers, and rounded up.
const BASE: usize = 9 << 19;

/// What a thread takes: its stack, what malloc keeps for it, the buffers in which it reads and writes files.
const THREAD: usize = 7 << 18;

/// What a task takes in a graph, in the state machine and in the store, and each chunk that it reads or makes.
const TASK: usize = 700;
const CHUNK: usize = 500;

/// The bytes that the process may have in all: as many as the user says, or a share of what the machine, or the cgroup of
/// a batch job, has.
pub fn granted(asked: Option<usize>) -> usize {
    let share = |bytes: usize| (bytes as f64 * SHARE) as usize;
    let available = [machine::available_bytes(), machine::cgroup_bytes(), machine::address_bytes()];
    asked.or_else(|| available.into_iter().flatten().min().map(share)).unwrap_or(usize::MAX)
}

/// What a job takes beside the chunks: so many threads, and graphs of so many tasks and chunks.
pub fn overhead(threads: usize, (tasks, chunks): (usize, usize)) -> usize {
    BASE + threads * THREAD + tasks * TASK + chunks * CHUNK
}
