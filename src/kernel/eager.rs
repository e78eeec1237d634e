//! A residual whose highest pixel is kept known while the PSF is subtracted here and there, at once.

use super::highest::{Highest, Search};
use super::minor::Residual;
use super::payload::Block;
use crate::image::rect::Rect;
use multiversion::multiversion;

/// A residual from which PSFs are subtracted at once.
pub struct EagerResidual<'a> {
    chunk: &'a mut Block<f32>,
    /// The PSF, and where its pixels lie as seen from its peak.
    psf: (&'a Block<f32>, Rect),
    highest: Highest<'a>,
}

impl<'a> EagerResidual<'a> {
    /// Of a chunk, and a PSF whose pixels lie so as seen from its peak, in the working memory of [`Highest`].
    pub fn new(
        chunk: &'a mut Block<f32>,
        psf: (&'a Block<f32>, Rect),
        search: Search<'a>,
        numbers: &'a mut [f32],
    ) -> EagerResidual<'a> {
        let (rows, cols) = chunk.dim();
        let mut highest = Highest::new((rows, cols), search, numbers);
        highest.update(chunk.strided(), &Rect::plane(rows, cols));
        EagerResidual { chunk, psf, highest }
    }
}

impl Residual for EagerResidual<'_> {
    fn peak(&mut self) -> f32 {
        self.highest.peak()
    }

    fn find(&self, peak: f32) -> (usize, usize) {
        self.highest.find(self.chunk.strided(), peak)
    }

    fn value(&self, _plane: usize, (y, x): (usize, usize)) -> f32 {
        self.chunk.row(y)[x]
    }

    fn subtract(&mut self, _plane: usize, (y, x): (usize, usize), flux: f32) {
        let ((rows, cols), offsets) = (self.chunk.dim(), self.psf.1);
        let at = Rect { y0: y as i64 + offsets.y0, x0: x as i64 + offsets.x0, ..offsets };
        if let Some(touched) = at.intersect(&Rect::plane(rows, cols)) {
            subtract(self.chunk, (self.psf.0, at), &touched, flux);
            self.highest.update(self.chunk.strided(), &touched);
        }
    }
}

/// Subtracts from some pixels of a chunk, `touched`, a PSF that lies at `at`, times `flux`.
///
/// Not row by row in turn with [`Highest::update`]: a load of pixels whose stores are on their way would have to wait for them.
#[multiversion(targets("x86_64+avx2"))]
pub fn subtract(chunk: &mut Block<f32>, (psf, at): (&Block<f32>, Rect), touched: &Rect, flux: f32) {
    let (from, first) = (touched.x0 as usize, (touched.x0 - at.x0) as usize);
    for y in touched.y0..touched.y1() {
        let psf = &psf.row((y - at.y0) as usize)[first..][..touched.cols];
        let pixels = &mut chunk.row_mut(y as usize)[from..][..touched.cols];
        pixels.iter_mut().zip(psf).for_each(|(pixel, psf)| *pixel -= flux * psf);
    }
}
