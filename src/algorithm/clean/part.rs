//! A plane of a CLEAN run: the only one, or one of those that are cleaned as one.

use crate::algorithm::Plane;
use crate::array::{Builder, ChunkedArray};
use crate::image::rect::Rect;

/// A plane, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub plane: Plane,
    /// The part of its PSF that a minor cycle sees, as offsets from the peak.
    pub seen: Rect,
    /// That part in one chunk, once it is kept; components of several sizes need others.
    pub patch: Option<ChunkedArray>,
    pub residual: ChunkedArray,
}

impl Part {
    /// Without any component: the residual is the dirty image.
    pub fn new(plane: Plane, seen: Rect) -> Part {
        let residual = plane.dirty.clone();
        Part { plane, seen, patch: None, residual }
    }

    /// Appends the reading of the part of the PSF that minor cycles see, and keeps it.
    pub fn keep_patch(&mut self, b: &mut Builder<'_>) {
        let psf = self.plane.psf.part(&self.seen);
        let patch = ChunkedArray::from_fits(b, &psf, psf.from.rows);
        b.keep(patch.keys());
        self.patch = Some(patch);
    }

    /// Says that the residual that is kept may go; the dirty image is needed for the next one.
    pub fn release_residual(&self, b: &mut Builder<'_>) {
        if self.residual != self.plane.dirty {
            b.release(self.residual.keys());
        }
    }
}
