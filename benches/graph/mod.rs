//! The same transforms as a task graph through the scheduler.

use deconv::array::{ArrayIds, Builder, ChunkedArray, Grid, Padding, Spectrum, image_strip};
use deconv::error::Result;
use deconv::event::{Events, Key};
use deconv::graph::Graph;
use deconv::kernel::Payload;
use deconv::schedule::{Client, Settings, run};
use std::time::Instant;

/// Graphs of one run that are not timed: they fill the pool of buffers.
const WARM_UP: usize = 1;

/// A client that transforms a plane forward and back, again and again. The spectrum is kept, so that the two are not
/// fused into one pass, which the bare kernels do not do either.
struct ThereAndBack {
    ids: ArrayIds,
    image: Option<ChunkedArray>,
    kept: Vec<Key>,
    size: usize,
    left: usize,
    since: Instant,
    times: Vec<f64>,
}

/// Milliseconds of `repetitions` transforms forward and back of a plane of `size`², each with the making of its graph.
pub fn times(size: usize, threads: usize, repetitions: usize) -> Vec<f64> {
    let mut client = ThereAndBack {
        ids: ArrayIds::of_client(0),
        image: None,
        kept: Vec::new(),
        size,
        left: WARM_UP + repetitions,
        since: Instant::now(),
        times: Vec::new(),
    };
    run(&mut [&mut client], &Settings::threads(threads), &Events::silent()).expect("the transforms know no error");
    client.times.split_off(WARM_UP)
}

impl Client for ThereAndBack {
    fn peak_bytes(&self, _workers: usize) -> usize {
        0
    }

    fn advance(&mut self, _answers: Vec<Payload>) -> Result<Option<Graph>> {
        let shape = (self.size, self.size);
        let mut b = Builder::new(&mut self.ids);
        let Some(image) = &self.image else {
            let image = ChunkedArray::fill(&mut b, Grid::strips(shape, image_strip(shape, usize::MAX)), 1.0);
            b.keep(image.keys());
            self.image = Some(image);
            return Ok(Some(b.finish()));
        };
        if !self.kept.is_empty() {
            self.times.push(self.since.elapsed().as_secs_f64() * 1e3);
        }
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.since = Instant::now();
        let spectrum = Spectrum::of(&mut b, image, (0, 0), Padding::at_least(self.size, self.size));
        let back = spectrum.inverse(&mut b, image.grid());
        b.release(std::mem::take(&mut self.kept));
        self.kept = spectrum.keys().chain(back.keys()).collect();
        b.keep(self.kept.iter().copied());
        Ok(Some(b.finish()))
    }
}
