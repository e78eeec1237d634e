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
mod workers;

pub use forecast::{Forecast, ScratchForecast, forecast, forecast_scratch};
pub use perform::{Fault, FaultMode, Spent, perform};
pub use porters::PORTERS;
pub use run::Run;
pub use settings::{KernelTime, Report, Scheduler, ScratchPlace, ScratchReport, Settings};
pub use state::{Assignment, Finished, Schedule};
pub use workers::run;

use crate::error::Result;
use crate::graph::Graph;
use crate::kernel::Payload;

/// Someone who submits graphs one after the other.
pub trait Client: Send {
    /// The most bytes of the buffer pool that any of its graphs will need with so many workers.
    fn peak_bytes(&self, workers: usize) -> usize;

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
