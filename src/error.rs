//! One error for the whole program: what is wrong, in which file, what to do.
//!
//! It is plain data, so that it is the same whether it happened in this process or in another.

use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};

/// What sort of failure an [`Error`] is; it fixes the exit status of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The options contradict each other or cannot be used.
    Usage,
    /// An input file is missing, unreadable or not what it should be.
    Input,
    /// An output cannot be written.
    Output,
    /// The job does not fit the memory.
    Memory,
    /// The user asked the program to stop.
    Interrupted,
    /// The system asked the program to stop for now.
    Stopped,
    /// A graphics processor is missing, was lost, or has no memory left.
    Device,
    /// A task failed for a reason that is the program's own fault: a panic or a broken promise.
    Internal,
}

impl Kind {
    /// The exit status of a program that ends with this kind of error.
    ///
    /// | kind | status |
    /// | --- | --- |
    /// | `Usage` | 2 |
    /// | `Interrupted` | 130 |
    /// | `Stopped` | 75 (`EX_TEMPFAIL` of sysexits.h) |
    /// | every other | 1 |
    pub fn exit_status(self) -> u8 {
        match self {
            Kind::Usage => 2,
            Kind::Interrupted => 130,
            Kind::Stopped => 75,
            Kind::Input | Kind::Output | Kind::Memory | Kind::Device | Kind::Internal => 1,
        }
    }
}

/// A failure with its file and its remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// The sort of failure.
    pub kind: Kind,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The file it is about, if it is about one.
    pub file: Option<PathBuf>,
    /// What the user can do, if anything is known to help.
    pub remedy: Option<String>,
    /// The task that failed, if a task did.
    pub task: Option<String>,
    /// May the same thing succeed when it is tried again? See [`passes`].
    pub passing: bool,
}

/// A result with the program's one error.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of a kind with its message.
    pub fn new(kind: Kind, message: impl Into<String>) -> Error {
        Error { kind, message: message.into(), file: None, remedy: None, task: None, passing: false }
    }

    /// Options that cannot be used.
    pub fn usage(message: impl Into<String>) -> Error {
        Error::new(Kind::Usage, message)
    }

    /// An input file that cannot be used.
    pub fn input(file: &Path, message: impl Into<String>) -> Error {
        Error::new(Kind::Input, message).about(file)
    }

    /// An output that cannot be written.
    pub fn output(file: &Path, message: impl Into<String>) -> Error {
        Error::new(Kind::Output, message).about(file)
    }

    /// A fault of the program itself.
    pub fn internal(message: impl Into<String>) -> Error {
        Error::new(Kind::Internal, message)
    }

    /// The error of a run that was asked to stop.
    pub fn interrupted() -> Error {
        Error::new(Kind::Interrupted, "stopped on request; nothing was written")
    }

    /// The same error, naming a file.
    pub fn about(mut self, file: &Path) -> Error {
        self.file = Some(file.to_path_buf());
        self
    }

    /// The same error, with what to do about it.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Error {
        self.remedy = Some(remedy.into());
        self
    }

    /// The same error, which may pass if its cause [`passes`].
    pub fn because(mut self, cause: &std::io::Error) -> Error {
        self.passing = passes(cause);
        self
    }

    /// The same error, naming the task it happened in. A request to stop is no task's failure.
    pub fn in_task(mut self, task: impl Into<String>) -> Error {
        if self.kind != Kind::Interrupted {
            self.task = Some(task.into());
        }
        self
    }
}

/// May a failure of the system be gone the next moment: a device or a server that did not answer, a full disk?
pub fn passes(error: &std::io::Error) -> bool {
    const PASSING: [Errno; 8] = [
        Errno::EIO,
        Errno::EAGAIN,
        Errno::EINTR,
        Errno::ETIMEDOUT,
        Errno::ESTALE,
        Errno::EBUSY,
        Errno::ENOSPC,
        Errno::EDQUOT,
    ];
    error.raw_os_error().is_some_and(|number| PASSING.contains(&Errno::from_raw(number)))
}

/// A number of bytes as people read it: `512 MiB`, `1.25 GiB`.
#[derive(Debug, Clone, Copy)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = self.0 as f64 / (1 << 20) as f64;
        match mib {
            0.0..10.0 => write!(f, "{mib:.1} MiB"),
            10.0..1000.0 => write!(f, "{mib:.0} MiB"),
            _ => write!(f, "{:.2} GiB", mib / 1024.0),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", file.display())?;
        }
        f.write_str(&self.message)?;
        // The name of a task means something to those who mend the program, not to those who mend a file.
        if let Some(task) = self.task.as_ref().filter(|_| self.kind == Kind::Internal) {
            write!(f, " (in task {task})")?;
        }
        if let Some(remedy) = &self.remedy {
            write!(f, "\n  {remedy}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
