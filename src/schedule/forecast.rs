//! What graphs will need, found by running them on paper: the same state machine, without any payload.

use super::{Schedule, Site};
use crate::error::{Error, Kind, Result};
use crate::event::KeyMap;
use crate::graph::{Graph, Ledger, Memory, Place, ease, predict_of, working_set};
use crate::kernel::Payload;
use crate::store::{Pool, Transfer};

/// What graphs that run one after the other will need.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Forecast {
    /// The most bytes of the buffer pool, with everything in memory.
    pub peak_bytes: usize,
    /// The bytes with which none are given back to the system and taken again: what the pool has if it may.
    pub ease_bytes: usize,
    /// The least bytes in which they can run at all, with the rest in scratch.
    pub least_bytes: usize,
    /// The most bytes of a device's memory.
    pub device_bytes: usize,
    /// Tasks and chunks of the largest graph.
    pub largest: (usize, usize),
}

/// What goes to scratch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScratchForecast {
    /// Bytes of the scratch file.
    pub bytes: u64,
    /// Bytes read and bytes written by each of the graphs.
    pub traffic: Vec<(u64, u64)>,
}

/// What graphs of one client will need with so many workers.
pub fn forecast(graphs: &[Graph], workers: usize) -> Forecast {
    let (mut resident, mut there) = (KeyMap::default(), KeyMap::default());
    let mut forecast = Forecast::default();
    for graph in graphs {
        let ledger = Ledger::of(graph);
        let prediction = predict_of(graph, &ledger, &resident, workers);
        forecast.peak_bytes = forecast.peak_bytes.max(prediction.peak_bytes());
        forecast.ease_bytes = forecast.ease_bytes.max(ease(graph, &ledger, &resident, workers));
        forecast.least_bytes = forecast.least_bytes.max(working_set(graph, &resident));
        let chunks = graph.tasks.iter().map(|task| task.inputs.len() + task.outputs.len()).sum();
        forecast.largest = forecast.largest.max((graph.tasks.len(), chunks));
        if graph.tasks.iter().any(|task| task.place != Place::Memory) {
            let ledger = Ledger::in_memory(graph, Memory::Device);
            let prediction = predict_of(graph, &ledger, &there, 1);
            forecast.device_bytes = forecast.device_bytes.max(prediction.peak_bytes());
        }
        for (memory, kept) in [(Memory::Host, &mut resident), (Memory::Device, &mut there)] {
            kept.retain(|key, _| !graph.release.contains(key));
            kept.extend(graph.kept_in(memory));
        }
    }
    forecast.ease_bytes = forecast.ease_bytes.max(forecast.peak_bytes);
    forecast
}

/// What goes to scratch where they may have so many bytes of the buffer pool: as one worker would run them, which with
/// several is so to a few tasks.
///
/// # Errors
/// Of kind `Memory`, if they do not fit at all.
pub fn forecast_scratch(graphs: Vec<Graph>, workers: usize, budget: usize) -> Result<ScratchForecast> {
    let pool = Pool::new(false);
    let mut schedule = Schedule::new(workers, None, budget);
    let mut traffic = Vec::with_capacity(graphs.len());
    for graph in graphs {
        schedule.submit(0, graph, &pool)?;
        let mut moved = (0, 0);
        while schedule.is_under_way() {
            if let Some(next) = Site::ALL.iter().find_map(|site| schedule.next_task(*site)) {
                let outputs = next.task.outputs.iter().map(|_| Payload::Empty).collect();
                let (at, owned) = ((next.client, next.position), next.owned.is_some());
                drop(next.shared);
                schedule.end(at, &next.task, owned, outputs, &pool);
            } else if let Some(transfer) = schedule.next_transfer(&pool) {
                match &transfer {
                    Transfer::In(_, shape, _) => moved.0 += shape.bytes() as u64,
                    Transfer::Out(_, _, slot) => moved.1 += slot.bytes as u64,
                }
                schedule.transferred(transfer, Some(Payload::Empty), &pool);
            } else if !Site::ALL.iter().any(|site| schedule.has_task(*site)) {
                return Err(Error::new(Kind::Memory, format!("a task does not fit into {budget} bytes")));
            }
        }
        traffic.push(moved);
    }
    Ok(ScratchForecast { bytes: schedule.scratch_bytes(), traffic })
}
