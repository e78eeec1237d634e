//! What is known of a device before anything runs on it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What decides how work is laid out for a device; plain data, so that graphs can be placed where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Bytes of its memory that may be used.
    pub room: u64,
    /// The most bytes that a shader sees of one buffer.
    pub largest: u64,
}

/// What sort of device an adapter stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    /// A graphics processor with memory of its own.
    Discrete,
    /// A graphics processor that shares the machine's memory.
    Integrated,
    /// A graphics processor of a virtual machine.
    Virtual,
    /// No graphics processor: a program that does its work on the processor.
    Software,
    /// It does not say.
    Other,
}

impl Sort {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Sort::Discrete => "discrete",
            Sort::Integrated => "integrated",
            Sort::Virtual => "virtual",
            Sort::Software => "software",
            Sort::Other => "other",
        }
    }
}

/// An adapter and its limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdapterFacts {
    /// What it calls itself.
    pub name: String,
    /// What sort of device it is.
    pub sort: Sort,
    /// Through what it is spoken to: Vulkan or Metal.
    pub interface: String,
    /// Its driver, with the version.
    pub driver: String,
    /// Bytes of its own memory; none where that is not told.
    pub memory_bytes: Option<u64>,
    /// The most bytes of one buffer.
    pub buffer_bytes: u64,
    /// The most bytes that a shader sees of one buffer.
    pub binding_bytes: u64,
    /// Bytes that the invocations of a workgroup share.
    pub workgroup_bytes: u32,
    /// The most invocations of a workgroup.
    pub workgroup_invocations: u32,
    /// What it lacks to be of use here; none: nothing.
    pub lacks: Option<String>,
}

impl AdapterFacts {
    /// What work on it has to go by, where so many bytes of its memory may be used; else a part of those it has.
    ///
    /// Memory of its own it shares with a screen at most; memory of the machine with everything else.
    pub fn facts(&self, memory: Option<u64>) -> Facts {
        const UNKNOWN: u64 = 2 << 30;
        let own = match self.sort {
            Sort::Discrete | Sort::Virtual => self.memory_bytes.map(|bytes| bytes / 10 * 9),
            _ => self.memory_bytes.map(|bytes| bytes / 4),
        };
        Facts { room: memory.or(own).unwrap_or(UNKNOWN), largest: self.binding_bytes.min(self.buffer_bytes) }
    }
}

impl fmt::Display for AdapterFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.name, self.sort.name(), self.interface)
    }
}

/// How fast a device's memory is, and how fast it is reached, in bytes a second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bandwidth {
    /// Within its memory, what is read and what is written together.
    pub copy_bytes_per_s: f64,
    /// From the machine's memory to its own.
    pub upload_bytes_per_s: f64,
    /// From its memory to the machine's.
    pub download_bytes_per_s: f64,
}

/// Which device is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// May it be a software one? That is no faster than the processor, but shows that the shaders are right.
    pub software: bool,
    /// Bytes of its memory that may be used; none: most of them.
    pub memory: Option<u64>,
}

impl Wanted {
    /// A device that is worth it, or any where the environment says `DECONV_SOFTWARE_GPU=1`.
    pub fn usual(memory: Option<u64>) -> Wanted {
        Wanted { software: std::env::var_os("DECONV_SOFTWARE_GPU").is_some_and(|value| value == "1"), memory }
    }

    /// Why an adapter is not taken; none: it is, if there is no better one.
    pub fn refusal(&self, adapter: &AdapterFacts) -> Option<String> {
        match (&adapter.lacks, adapter.sort) {
            (Some(lacks), _) => Some(format!("{adapter} is of no use: {lacks}")),
            (None, Sort::Software) if !self.software => Some(format!("{adapter} is no graphics processor")),
            _ => None,
        }
    }
}
