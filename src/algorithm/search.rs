//! Where CLEAN looks for components, and what it measures for that.

use super::{Parameters, Plane};
use crate::array::{Builder, ChunkedArray, Grid};
use crate::image::rect::Rect;
use crate::kernel::{Score, Signs};

/// The search for components in a plane.
#[derive(Debug, Clone)]
pub struct Search {
    mask: Option<ChunkedArray>,
    signs: Signs,
    /// Is the noise among what decides when to stop?
    noise: bool,
}

impl Search {
    /// In a plane, by the parameters of a run.
    pub fn new(plane: &Plane, parameters: &Parameters) -> Search {
        Search { mask: plane.mask.clone(), signs: parameters.signs, noise: parameters.nsigma > 0.0 }
    }

    /// What pixels are multiplied by in the search, on a grid; none if all count as they are.
    pub fn weights(&self, b: &mut Builder<'_>, grid: Grid) -> Option<ChunkedArray> {
        let mask = self.mask.as_ref()?;
        Some(if mask.grid() == grid { mask.clone() } else { mask.rechunk(b, grid, 0.0) })
    }

    /// Appends the measuring of a residual, of its noise too where that decides: six times over all pixels. Its answers, the
    /// last of the graph, are read by [`super::Measured::read`].
    pub fn measure(&self, b: &mut Builder<'_>, residual: &ChunkedArray) {
        let stats = residual.stats(b, None);
        b.answer(stats);
        if self.is_narrowed() {
            let weights = self.weights(b, residual.grid());
            let others: Vec<&ChunkedArray> = weights.iter().collect();
            let score = |at: Rect| Score { rows: at.rows, cols: at.cols, signs: self.signs }.into();
            let stats = residual.map(b, &others, score).stats(b, None);
            b.answer(stats);
        }
        if self.noise {
            let (_, mad) = residual.median_and_mad(b);
            b.answer(mad);
        }
    }

    /// How many answers the measuring has.
    pub fn answers(&self) -> usize {
        1 + usize::from(self.is_narrowed()) + usize::from(self.noise)
    }

    /// Is there a pixel of the plane that might not be found, or not for what it is?
    fn is_narrowed(&self) -> bool {
        self.mask.is_some() || self.signs == Signs::Positive
    }
}
