//! What sort of machine this is: what is measured on one holds for another of the same kind.

use crate::error::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// The properties of a machine that decide which way of working is fastest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardware {
    /// Cores that the process may use.
    pub cores: usize,
    /// What the processor calls itself.
    pub model: String,
    /// Bytes of a core's own cache, the larger one; none where the system does not say.
    pub l2_bytes: Option<usize>,
    /// Bytes of the cache that cores share; none where the system does not say.
    pub l3_bytes: Option<usize>,
}

impl Hardware {
    /// This machine.
    pub fn here() -> Hardware {
        let caches = Path::new("/sys/devices/system/cpu/cpu0/cache");
        Hardware {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            model: model(&std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default()),
            l2_bytes: cache_bytes(caches, "2"),
            l3_bytes: cache_bytes(caches, "3"),
        }
    }
}

impl fmt::Display for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = if self.cores == 1 { "1 core".into() } else { format!("{} cores", self.cores) };
        write!(f, "{cores} of {}", self.model)?;
        let caches = [("L2", self.l2_bytes), ("L3", self.l3_bytes)];
        let known = caches.into_iter().filter_map(|(name, bytes)| Some((name, bytes?)));
        known.into_iter().try_for_each(|(name, bytes)| write!(f, ", {name} {}", Bytes(bytes as u64)))
    }
}

/// The model of the first processor of /proc/cpuinfo; some architectures tell none.
fn model(text: &str) -> String {
    let value = |name: &str| {
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_string())
    };
    let part = || value("CPU part").map(|part| format!("{} part {part}", std::env::consts::ARCH));
    value("model name").or_else(part).unwrap_or_else(|| std::env::consts::ARCH.into())
}

/// Bytes of the cache of a level that holds data.
fn cache_bytes(caches: &Path, level: &str) -> Option<usize> {
    let read = |cache: &Path, name: &str| std::fs::read_to_string(cache.join(name)).ok().map(|text| text.trim().into());
    let found = std::fs::read_dir(caches).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut sizes = found.filter_map(|cache| {
        let holds: String = read(&cache, "type")?;
        let is = read(&cache, "level")? == level && holds != "Instruction";
        is.then(|| kilobytes(&read(&cache, "size")?)).flatten()
    });
    sizes.next()
}

/// `1024K` in bytes.
fn kilobytes(text: &str) -> Option<usize> {
    text.strip_suffix('K')?.parse::<usize>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test may panic.
    use super::*;

    #[test]
    fn processors_say_what_they_are() {
        assert_eq!(model("processor\t: 0\nmodel name\t: AMD EPYC\nmodel name\t: other\n"), "AMD EPYC");
        assert!(model("processor: 0\nCPU part\t: 0xd0c\n").ends_with(" part 0xd0c"));
        assert_eq!(model(""), std::env::consts::ARCH);
    }

    #[test]
    fn caches_are_found_by_level() {
        let root = tempfile::tempdir().unwrap();
        let caches = [("a", "1", "Data", "32K"), ("b", "2", "Instruction", "9K"), ("c", "2", "Unified", "1024K")];
        for (name, level, kind, size) in caches {
            let directory = root.path().join(name);
            std::fs::create_dir(&directory).unwrap();
            for (file, text) in [("level", level), ("type", kind), ("size", size)] {
                std::fs::write(directory.join(file), format!("{text}\n")).unwrap();
            }
        }
        assert_eq!((cache_bytes(root.path(), "2"), cache_bytes(root.path(), "3")), (Some(1 << 20), None));
        assert_eq!(cache_bytes(&root.path().join("none"), "2"), None);
    }

    #[test]
    fn it_is_told_in_words() {
        let machine = Hardware { cores: 2, model: "X".into(), l2_bytes: Some(1 << 20), l3_bytes: None };
        assert_eq!(machine.to_string(), "2 cores of X, L2 1.0 MiB");
    }
}
