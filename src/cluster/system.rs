//! The batch systems.

use serde::{Deserialize, Serialize};

/// A batch system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// Slurm.
    Slurm,
    /// PBS Professional and OpenPBS.
    Pbs,
}

impl System {
    /// All of them.
    pub const ALL: &[System] = &[System::Slurm, System::Pbs];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            System::Slurm => "slurm",
            System::Pbs => "pbs",
        }
    }

    /// The command that hands a script to it.
    pub fn submit_command(self) -> &'static str {
        match self {
            System::Slurm => "sbatch",
            System::Pbs => "qsub",
        }
    }

    /// The command that takes a job back.
    pub fn cancel_command(self) -> &'static str {
        match self {
            System::Slurm => "scancel",
            System::Pbs => "qdel",
        }
    }
}
