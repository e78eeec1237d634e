//! What a refresh of CLEAN takes, measured: from the list of a model's components to the residual, in the machine's memory, and what is
//! measured of it.

use crate::algorithm::Model;
use crate::array::{ArrayIds, Builder, ChunkedArray, Convolution, Grid, Padding, PsfReach, Spectrum};
use crate::error::Result;
use crate::event::{Events, Key};
use crate::graph::Graph;
use crate::kernel::{Component, Payload, Random, Scales};
use crate::schedule::{self, Client, Settings};
use std::collections::VecDeque;
use std::time::Instant;

/// How often it is done; the first time does not count.
const ROUNDS: usize = 4;

/// Components of the model, at random places.
const COMPONENTS: usize = 10_000;

/// The least seconds that a refresh of a square plane takes in this way, with a PSF of the plane's size.
///
/// # Errors
/// Those of the tasks.
pub fn refresh_seconds(side: usize, settings: &Settings) -> Result<f64> {
    let mut client = Refreshes::new(side, settings);
    schedule::run(&mut [&mut client], settings, &Events::silent())?;
    Ok(client.least)
}

/// A client that refreshes a residual again and again.
struct Refreshes {
    graphs: VecDeque<Graph>,
    begun: Option<Instant>,
    least: f64,
    peak: schedule::Forecast,
}

impl Refreshes {
    fn new(side: usize, settings: &Settings) -> Refreshes {
        let shape = (side, side);
        let reach = PsfReach::new(shape, shape, (side / 2, side / 2));
        let frame = Convolution::padding(shape, &reach, 0);
        // As few strips as the device can bind, or as many as suit the cores.
        let facts = settings.device.as_ref().map(|gpu| gpu.facts());
        let frame = facts.map_or(frame, |facts| frame.in_strips(Some((facts.largest as usize).min(1 << 40))));
        let mut ids = ArrayIds::of_client(0).on_device(facts);
        let grid = Grid::strips(shape, frame.image_strip(shape));
        let mut graphs = VecDeque::new();
        let mut b = Builder::new(&mut ids);
        let dirty = ChunkedArray::fill(&mut b, grid, 1.0);
        let psf = Spectrum::of(&mut b, &dirty, (0, 0), frame);
        b.keep(dirty.keys().chain(psf.keys()));
        let list = b.give(components(side));
        graphs.push_back(b.finish());
        for _ in 0..=ROUNDS {
            let mut b = Builder::new(&mut ids);
            refresh(&mut b, (&dirty, &psf, list), frame);
            graphs.push_back(b.finish());
        }
        let peak = schedule::forecast(graphs.make_contiguous(), settings.workers());
        Refreshes { graphs, begun: None, least: f64::INFINITY, peak }
    }
}

fn components(side: usize) -> Vec<Component> {
    let random = Random::new(1, 1);
    let place = |i: usize| (random.uniform(i as u64) * (side * side) as f64) as usize;
    let mut places: Vec<usize> = (0..COMPONENTS).map(place).collect();
    places.sort_unstable();
    places.dedup();
    let component =
        |at: usize| Component { y: (at / side) as u32, x: (at % side) as u32, scale: 0, flux: 1.0 + (at % 7) as f32 };
    places.into_iter().map(component).collect()
}

fn refresh(b: &mut Builder<'_>, (dirty, psf, list): (&ChunkedArray, &Spectrum, Key), frame: Padding) {
    let grid = dirty.grid();
    let model = Model::Components { list, entries: COMPONENTS, scales: Scales::POINTS, grid }.pixels(b);
    let shown = Spectrum::of(b, &model, (0, 0), frame).multiply(b, psf).inverse(b, grid);
    let residual = shown.combine(b, -1.0, dirty, 1.0);
    let stats = residual.stats(b, None);
    b.answer(stats);
    let (_, mad) = residual.median_and_mad(b);
    b.answer(mad);
    // It is what minor cycles read.
    residual.keys().for_each(|key| b.answer(key));
}

impl Client for Refreshes {
    fn peak_bytes(&self, _workers: usize) -> usize {
        self.peak.peak_bytes
    }

    fn device_bytes(&self) -> usize {
        self.peak.device_bytes
    }

    fn advance(&mut self, _: Vec<Payload>) -> Result<Option<Graph>> {
        if let Some(begun) = self.begun {
            self.least = self.least.min(begun.elapsed().as_secs_f64());
        }
        self.begun = (self.graphs.len() <= ROUNDS).then(Instant::now);
        Ok(self.graphs.pop_front())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_takes_some_time() {
        let begun = Instant::now();
        let seconds = refresh_seconds(40, &Settings::threads(2)).expect("cores refresh");
        assert!(seconds > 0.0 && seconds < begun.elapsed().as_secs_f64() / ROUNDS as f64, "{seconds}");
    }
}
