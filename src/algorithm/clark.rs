//! Clark's CLEAN (Clark 1980, A&A 89, 377): minor cycles with a patch of the PSF on chunks of the plane, and a refresh of
//! the whole plane by transforms.
//!
//! A minor cycle works on a chunk with its halo and subtracts only the patch of the PSF around its peak. What it cannot
//! see, sidelobes outside the patch and outside the chunk, grows with the flux that a cycle takes; so a cycle ends at a
//! level that follows the worst value of the PSF outside the patch, and the refresh mends the rest exactly.
//!
//! Clark keeps a list of the pixels above the level. Here a chunk stays whole, and the highest value of each segment of
//! its rows stands for the list: finding the next peak costs as little, and a pixel that rises above the level in the
//! cycle is not missed.

use super::clean::{Clean, Style};
use super::{Pace, Parameters, Plane, Psf, Saved};
use crate::array::Grid;
use crate::image::rect::Rect;

/// Pixels from the peak to the edge of the patch.
pub const PATCH: usize = 64;

/// Rows and columns of a chunk.
const CHUNK: usize = 512;

/// A cycle goes down to this many times the worst value outside the patch, as a part of its first peak …
const DEPTH_PER_SIDELOBE: f64 = 3.0;

/// … but never deeper, nor less deep, than these parts.
const DEPTHS: (f64, f64) = (0.03, 0.7);

/// A cycle has at most so many components …
const ITERATIONS: u64 = 50_000;

/// … or one for so many pixels of a large plane.
const PIXELS_AN_ITERATION: usize = 256;

/// A cycle may find so many times the components that are kept of it: chunks search on their own, and which of theirs are
/// the brightest is known at the end. To search in vain is cheaper than another refresh.
const SPARE: f64 = 2.0;

/// A task touches about so many pixels, some tens of milliseconds of work.
const PIXELS_A_TASK: usize = 200_000_000;

/// Clark's CLEAN of a plane, or of some as one, from the begin or from where it was saved.
pub fn new(planes: Vec<Plane>, parameters: Parameters, saved: Option<Saved>) -> Clean {
    let shape = planes[0].dirty.grid().shape;
    let patch = |reach: Rect| Rect::new(0, 0, 1, 1).grow(PATCH).intersect(&reach).unwrap_or(reach);
    let patches: Vec<Rect> = planes.iter().map(|plane| patch(plane.psf.reach.offsets)).collect();
    // As the plane needs it that has the worst PSF.
    let worst = |what: fn(&Psf) -> f64| planes.iter().map(|plane| what(&plane.psf)).fold(0.0, f64::max);
    let depth = (DEPTH_PER_SIDELOBE * worst(|psf| psf.outside_patch)).clamp(DEPTHS.0, DEPTHS.1);
    let grid = Grid::new(shape, parameters.chunk.unwrap_or((CHUNK, CHUNK)));
    // A plane that is one chunk has nothing around it.
    let halo = if grid.len() == 1 { 0 } else { parameters.overlap.unwrap_or(PATCH) };
    let iterations = ITERATIONS.max((shape.0 * shape.1 / PIXELS_AN_ITERATION) as u64);
    // A point of height h has Ω ln(h / level) pixels above a level, Ω being the lobe's solid angle, and takes about
    // ln(h / level) / gain components; anything wider takes more a pixel.
    let pixels_a_component = SPARE * f64::from(parameters.gain) * worst(|psf| psf.lobe);
    let pixels_a_component = (grid.len() > 1).then_some(pixels_a_component);
    let style = Style {
        grid: grid.with_halo(halo),
        pace: Pace { depth, iterations, pixels_a_component },
        task_iterations: (PIXELS_A_TASK / patches.iter().map(Rect::pixels).sum::<usize>()) as u64,
        patches,
        scales: None,
    };
    Clean::new(planes, parameters, style, saved)
}
