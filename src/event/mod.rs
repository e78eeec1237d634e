//! What happens, when and where. Diagnostics only listen.

mod key;

pub use key::{Key, KeyHasher, KeyMap, KeySet};

use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Seconds since the run began.
    pub seconds: f64,
    /// What it was.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum What {
    /// A client's graph went to the scheduler.
    GraphSubmitted {
        /// Index of the client (the plane).
        client: usize,
        /// Number of tasks.
        tasks: usize,
        /// Predicted peak of its memory, bytes.
        peak_bytes: usize,
    },
    /// A task is done.
    TaskFinished {
        /// Index of the client (the plane).
        client: usize,
        /// Its first output.
        key: Key,
        /// Its kernels' names.
        name: String,
        /// Index of the worker that ran it.
        worker: usize,
        /// Seconds that it ran.
        seconds: f64,
        /// Bytes of its outputs.
        bytes: usize,
    },
    /// It is known what a job will take.
    Planned {
        /// The most bytes of memory that the process will have.
        peak_bytes: usize,
        /// The most that it may have.
        memory_bytes: usize,
        /// Bytes of scratch.
        scratch_bytes: u64,
        /// Bytes of the products.
        output_bytes: u64,
    },
    /// Work on a plane began, or on planes that are cleaned as one, which count as one here and below.
    PlaneStarted {
        /// Index of the plane, or of the first of them.
        plane: usize,
        /// Number of planes of the job.
        planes: usize,
        /// Its name, such as `I/3` or `I+Q+U+V`.
        name: String,
    },
    /// A CLEAN cycle of a plane ended with a refresh of its residual.
    Refreshed {
        /// Index of the plane.
        plane: usize,
        /// Components so far, or iterations of a method that makes pixels.
        iterations: u64,
        /// The most that there may be.
        niter: u64,
        /// Largest absolute value of the dirty image, in its own unit.
        first_peak: f64,
        /// Largest absolute residual, in the same unit.
        peak: f64,
        /// Standard deviation of the residual, in the same unit.
        rms: f64,
        /// The level at which cleaning ends as far as is known now, in the same unit.
        level: f64,
    },
    /// A plane is done.
    PlaneFinished {
        /// Index of the plane.
        plane: usize,
        /// Why it stopped.
        reason: String,
    },
    /// A task failed for a reason that may pass, and is tried again.
    TryingAgain {
        /// What failed.
        error: String,
        /// Which attempt this will be, after the first.
        attempt: u32,
        /// How many there may be, after the first.
        of: u32,
    },
    /// Something that the user should know.
    Note {
        /// Index of the plane it is about, if it is about one.
        plane: Option<usize>,
        /// The text.
        text: String,
    },
}

/// Someone who wants to know what happens.
pub trait Listener: Send + Sync {
    /// Hears of an event. Called from worker threads: must be quick and must not fail.
    fn hear(&self, event: &Event);
}

/// Where events are told: the clock and those who listen.
pub struct Events {
    start: Instant,
    listeners: Vec<Box<dyn Listener>>,
}

impl Events {
    /// A clock that starts now and the listeners to it.
    pub fn new(listeners: Vec<Box<dyn Listener>>) -> Events {
        Events { start: Instant::now(), listeners }
    }

    /// Nobody listens.
    pub fn silent() -> Events {
        Events::new(Vec::new())
    }

    /// Does anybody listen? Where not, events need not be made.
    pub fn heard(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Seconds since the run began.
    pub fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Tells everybody what happened.
    pub fn tell(&self, what: What) {
        if self.heard() {
            let event = Event { seconds: self.seconds(), what };
            for listener in &self.listeners {
                listener.hear(&event);
            }
        }
    }

    /// Tells everybody something that the user should know.
    pub fn note(&self, plane: Option<usize>, text: impl Into<String>) {
        self.tell(What::Note { plane, text: text.into() });
    }
}
