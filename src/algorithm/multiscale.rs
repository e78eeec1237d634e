//! Multiscale CLEAN (T. J. Cornwell 2008, IEEE JSTSP 2, 793; A. R. Offringa & O. Smirnov 2017, MNRAS 471, 301): components
//! of several sizes, each found where the residual convolved with its shape is highest.
//!
//! What a component of scale s at a pixel can take away of ½ χ² is R_s² / 2 P_ss(0), where R_s is the residual convolved with the
//! shape of the scale, and P_ss the PSF convolved with it twice. So the score of a pixel at a scale is |R_s| / √P_ss(0), times
//! a bias for small scales. Noise that went through the same uv coverage as the PSF has the same rms in the scores of all
//! scales before the bias, and that of points is the residual itself: levels mean the same at every scale.
//!
//! Minor cycles run on chunks as those of Clark's CLEAN do, with patches of the P_st.

use super::clean::{Clean, Style};
use super::scales::ScaleSpace;
use super::{PATCH, Pace, Parameters, Plane, Psf, Saved};
use crate::array::Grid;
use crate::image::rect::Rect;
use crate::kernel::{MOST_SCALES, Scales};

/// Rows and columns of a chunk.
const CHUNK: usize = 1024;

/// A cycle has at most so many components.
const ITERATIONS: u64 = 50_000;

/// The scales of a run on a plane of this shape: those that are asked for, or points, twice the FWHM of the beam, and its
/// doubles up to an eighth of the shorter side of the plane, and of a chunk: larger ones need halos that are too large.
pub fn scales(parameters: &Parameters, psf: &Psf, shape: (usize, usize)) -> Scales {
    let largest = shape.0.min(shape.1).min(CHUNK) as f64 / 8.0;
    let mut all = vec![0.0];
    let mut scale = (2.0 * psf.width).ceil().max(3.0);
    while scale <= largest && all.len() < MOST_SCALES {
        all.push(scale);
        scale *= 2.0;
    }
    parameters.scales.unwrap_or_else(|| Scales::new(&all).unwrap_or(Scales::POINTS))
}

/// Multiscale CLEAN of one plane, from the begin or from where it was saved.
pub fn new(planes: Vec<Plane>, parameters: Parameters, saved: Option<Saved>) -> Clean {
    let plane = &planes[0];
    let shape = plane.dirty.grid().shape;
    let space = ScaleSpace::new(plane, scales(&parameters, &plane.psf, shape), parameters.scale_bias, PATCH);
    let grid = Grid::new(shape, parameters.chunk.unwrap_or((CHUNK, CHUNK)));
    let halo = if grid.len() == 1 { 0 } else { parameters.overlap.unwrap_or(space.influence()) };
    let style = Style {
        grid: grid.with_halo(halo),
        // Those of the scales are made by themselves.
        patches: vec![Rect::new(0, 0, 1, 1)],
        // How deep is known once the PSF has been convolved with the scales.
        pace: Pace { depth: 1.0, iterations: ITERATIONS, pixels_a_component: None },
        task_iterations: ITERATIONS,
        scales: Some(space),
    };
    Clean::new(planes, parameters, style, saved)
}
