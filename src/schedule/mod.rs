//! Runs graphs: one state machine that knows no threads, and the executors around it.
//!
//! A [`Client`] (one plane of an image) submits a graph, is told its answers, and submits the next, until it is done.
//! Several clients are under way at once; the tasks of all their graphs share the workers.

mod forecast;
mod perform;
mod porters;
mod ready;
mod retry;
mod run;
mod settings;
mod spill;
mod state;
mod there;
mod workers;

pub use forecast::{Forecast, ScratchForecast, forecast, forecast_scratch};
pub use perform::{Bench, Fault, FaultMode, Spent, perform};
pub use porters::PORTERS;
pub use run::Run;
pub use settings::{KernelTime, Report, Scheduler, ScratchPlace, ScratchReport, Settings};
pub use state::{Assignment, Finished, Schedule};
pub use workers::run;

use crate::error::Result;
use crate::graph::Graph;
use crate::kernel::Payload;

/// Where workers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// On the cores: they run the tasks in memory.
    Memory,
    /// At the device: they hand it its tasks, and carry chunks there and back.
    Device,
}

impl Site {
    /// Both.
    pub const ALL: &[Site] = &[Site::Memory, Site::Device];
}

/// Someone who submits graphs one after the other.
pub trait Client: Send {
    /// The most bytes of the buffer pool that any of its graphs will need with so many workers.
    fn peak_bytes(&self, workers: usize) -> usize;

    /// The most bytes of the device's memory that any of its graphs will need.
    fn device_bytes(&self) -> usize {
        0
    }

    /// Told the answers of its last graph (at first: none), it says what to run next, or that it is done. Called on
    /// the worker that ended the graph.
    ///
    /// # Errors
    /// End the whole run.
    fn advance(&mut self, answers: Vec<Payload>) -> Result<Option<Graph>>;
}

/// A client with a single graph, for tests and for measurements.
#[derive(Debug)]
pub struct OneGraph {
    graph: Option<Graph>,
    peak: usize,
    /// The answers, once it has run.
    pub answers: Vec<Payload>,
}

impl OneGraph {
    /// The client of a graph that has been through its passes.
    pub fn new(graph: Graph, workers: usize) -> OneGraph {
        let peak = crate::graph::predict(&graph, &Default::default(), workers).peak_bytes();
        OneGraph { graph: Some(graph), peak, answers: Vec::new() }
    }
}

impl Client for OneGraph {
    fn peak_bytes(&self, _workers: usize) -> usize {
        self.peak
    }

    fn advance(&mut self, answers: Vec<Payload>) -> Result<Option<Graph>> {
        self.answers = answers;
        Ok(self.graph.take())
    }
}
