//! How something is to be run: the options that every command has which runs tasks.

use super::bytes::parse_bytes;
use crate::schedule::Scheduler;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Executor, threads, memory and scratch.
#[derive(Debug, Args)]
pub struct Execution {
    /// Run tasks on the calling thread alone, or on a pool of threads
    #[arg(long, value_enum, default_value_t = SchedulerName::Threads, help_heading = "Execution")]
    scheduler: SchedulerName,

    /// Worker threads [default: one a core]
    #[arg(long, value_name = "N", help_heading = "Execution")]
    pub threads: Option<usize>,

    /// Memory that the process may have, such as 512MiB or 4GiB; what does not fit goes to scratch [default: 0.8 of what the
    /// machine, or the cgroup of a batch job, has left]
    #[arg(long, value_name = "SIZE", help_heading = "Execution", value_parser = parse_bytes)]
    pub memory: Option<usize>,

    /// Directory for what does not fit the memory; a fast local disk is best [default: that of the products]
    #[arg(long, value_name = "DIR", help_heading = "Execution")]
    pub scratch: Option<PathBuf>,
}

/// Names of executors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SchedulerName {
    /// The calling thread alone
    Inline,
    /// A pool of threads
    Threads,
}

impl Execution {
    /// The executor.
    pub fn scheduler(&self) -> Scheduler {
        match self.scheduler {
            SchedulerName::Inline => Scheduler::Inline,
            SchedulerName::Threads => Scheduler::Threads,
        }
    }
}
