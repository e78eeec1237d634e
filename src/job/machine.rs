//! What this process has of the machine.

use nix::sys::resource::{UsageWho, getrusage};

/// Seconds of processor time that the process has used, over all of its threads.
pub fn cpu_seconds() -> f64 {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return 0.0 };
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 * 1e-6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// Bytes of memory that the process has now.
pub fn resident_bytes() -> usize {
    proc_bytes("/proc/self/status", "VmRSS:").unwrap_or(0)
}

/// The most bytes of memory that the process ever had.
pub fn peak_resident_bytes() -> usize {
    // The figure of getrusage includes, on Linux, what the parent had at the fork.
    proc_bytes("/proc/self/status", "VmHWM:")
        .unwrap_or_else(|| getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.max_rss() as usize * 1024))
}

/// Bytes of memory that can be had without swapping; none where the system does not say.
pub fn available_bytes() -> Option<usize> {
    proc_bytes("/proc/meminfo", "MemAvailable:")
}

/// A figure in kB of a file such as /proc/meminfo, in bytes.
fn proc_bytes(file: &str, name: &str) -> Option<usize> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<usize>().ok().map(|kilobytes| kilobytes * 1024)
}
