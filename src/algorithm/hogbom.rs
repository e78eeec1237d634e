//! Textbook CLEAN (Högbom 1974, A&AS 15, 417): the definition that faster variants are held against.
//!
//! The plane is one chunk and the PSF is whole, so that a minor cycle is exact up to rounding; the refresh takes even
//! that away and is where noise, progress and divergence are looked at.

use super::clean::{Clean, Style};
use super::{Pace, Parameters, Plane, Saved};
use crate::array::Grid;

/// A cycle cleans down to this part of its first peak: deeper than that, the noise is to be estimated anew.
const DEPTH: f64 = 0.2;

/// A cycle has at most a component for so many pixels …
const PIXELS_A_COMPONENT: u64 = 1000;

/// … but no fewer than the one, nor more than the other: a refresh costs as much as some hundred components, but those cost
/// the more the more of them have come since, and the best state shall never be far back.
const ITERATIONS: (u64, u64) = (500, 2000);

/// The textbook's CLEAN of a plane, or of some as one, from the begin or from where it was saved.
pub fn new(planes: Vec<Plane>, parameters: Parameters, saved: Option<Saved>) -> Clean {
    let shape = planes[0].dirty.grid().shape;
    let pixels = (shape.0 * shape.1) as u64;
    let iterations = (pixels / PIXELS_A_COMPONENT).clamp(ITERATIONS.0, ITERATIONS.1);
    let style = Style {
        grid: Grid::whole(shape),
        patches: planes.iter().map(|plane| plane.psf.reach.offsets).collect(),
        pace: Pace { depth: DEPTH, iterations, pixels_a_component: None },
        // One task a cycle: between two of them the whole plane would have to be brought up to date.
        task_iterations: iterations,
        scales: None,
    };
    Clean::new(planes, parameters, style, saved)
}
