//! What this process has of the machine.

use nix::sys::resource::{RLIM_INFINITY, Resource, UsageWho, getrlimit, getrusage};
use std::path::{Path, PathBuf};

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

/// Bytes of memory that the cgroup of this process, or one above it, leaves; none without a limit.
///
/// Pages of files that were read or written count as used by a cgroup, but go when memory is short.
pub fn cgroup_bytes() -> Option<usize> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    groups.lines().filter_map(|line| left_in(Path::new("/sys/fs/cgroup"), line)).min()
}

/// What the cgroups of a line of /proc/self/cgroup leave: `0::/path` (version 2) or `7:memory:/path` (version 1).
fn left_in(root: &Path, line: &str) -> Option<usize> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, path) = (fields.next()?, fields.next()?);
    // With the groups below, as the limits and what is used.
    let (root, limit, used, cached) = match controllers {
        "" => (root.to_path_buf(), "memory.max", "memory.current", ["inactive_file ", "active_file "]),
        names if names.split(',').any(|name| name == "memory") => {
            let cached = ["total_inactive_file ", "total_active_file "];
            (root.join("memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", cached)
        }
        _ => return None,
    };
    let number = |path: PathBuf| std::fs::read_to_string(path).ok()?.trim().parse::<usize>().ok();
    let left = |group: &Path| {
        let files: usize = std::fs::read_to_string(group.join("memory.stat")).ok().map_or(0, |text| {
            let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<usize>().ok());
            cached.into_iter().filter_map(line).sum()
        });
        let used = number(group.join(used))?.saturating_sub(files);
        Some(number(group.join(limit))?.saturating_sub(used))
    };
    let group = root.join(path.trim_start_matches('/'));
    // Inside a container the path may name what only its host sees: then the root is the group.
    group.ancestors().take_while(|group| group.starts_with(&root)).filter_map(left).min()
}

/// Bytes that a limit of the address space (`ulimit -v`) leaves; none without one.
pub fn address_bytes() -> Option<usize> {
    let (limit, _) = getrlimit(Resource::RLIMIT_AS).ok()?;
    if limit == RLIM_INFINITY {
        return None;
    }
    Some((limit as usize).saturating_sub(proc_bytes("/proc/self/status", "VmSize:")?))
}

/// A figure in kB of a file such as /proc/meminfo, in bytes.
fn proc_bytes(file: &str, name: &str) -> Option<usize> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<usize>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::unwrap_used)] // A test may panic.
    fn the_narrowest_cgroup_counts() {
        let root = tempfile::tempdir().unwrap();
        let group = root.path().join("slurm/job_7");
        std::fs::create_dir_all(&group).unwrap();
        let write = |directory: &Path, name: &str, text: &str| std::fs::write(directory.join(name), text).unwrap();
        assert_eq!(left_in(root.path(), "0::/slurm/job_7"), None, "nothing is known");
        write(&group, "memory.max", "max\n");
        write(&group, "memory.current", "1000\n");
        assert_eq!(left_in(root.path(), "0::/slurm/job_7"), None, "no limit");
        write(group.parent().unwrap(), "memory.max", "50000\n");
        write(group.parent().unwrap(), "memory.current", "30000\n");
        write(group.parent().unwrap(), "memory.stat", "anon 5\ninactive_file 8000\nactive_file 2000\n");
        assert_eq!(left_in(root.path(), "0::/slurm/job_7"), Some(30_000));
        write(&group, "memory.max", "9000\n");
        assert_eq!(left_in(root.path(), "0::/slurm/job_7"), Some(8000));
        let old = root.path().join("memory/pbs");
        std::fs::create_dir_all(&old).unwrap();
        write(&old, "memory.limit_in_bytes", "700\n");
        write(&old, "memory.usage_in_bytes", "900\n");
        assert_eq!(left_in(root.path(), "7:memory:/pbs"), Some(0));
        write(&old, "memory.stat", "inactive_file 1\ntotal_inactive_file 300\ntotal_active_file 50\n");
        assert_eq!(left_in(root.path(), "7:memory:/pbs"), Some(150));
        assert_eq!(left_in(root.path(), "3:cpu,cpuacct:/pbs"), None);
        assert_eq!(left_in(root.path(), "nonsense"), None);
    }
}
