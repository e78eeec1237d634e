//! Textbook CLEAN (Högbom 1974, A&AS 15, 417): the definition that faster variants are held against.
//!
//! The plane is one chunk and the PSF is whole, so that a minor cycle is exact up to rounding; the refresh takes even
//! that away and is where noise, progress and divergence are looked at.

use super::clean::{Clean, Style};
use super::{Pace, Parameters, Plane, Saved};
use crate::array::Grid;

/// A cycle cleans down to this part of its first peak: deeper than that, the noise is to be estimated anew.
const DEPTH: f64 = 0.2;

/// A cycle has at most so many components, so that the best state is never far back.
const ITERATIONS: u64 = 500;

/// A task touches about so many pixels, some tens of milliseconds of work.
const PIXELS_A_TASK: u64 = 100_000_000;

/// The textbook's CLEAN of a plane, from the begin or from where it was saved.
pub fn new(plane: Plane, parameters: Parameters, saved: Option<Saved>) -> Clean {
    let shape = plane.dirty.grid().shape;
    let style = Style {
        grid: Grid::whole(shape),
        patch: plane.psf.reach.offsets,
        pace: Pace { depth: DEPTH, iterations: ITERATIONS, pixels_a_component: None },
        task_iterations: (PIXELS_A_TASK / (shape.0 * shape.1) as u64).max(1),
        scales: None,
    };
    Clean::new(plane, parameters, style, saved)
}
