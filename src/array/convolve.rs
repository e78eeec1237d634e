//! The one place that convolves: A = crop · PSF · pad, the exact linear convolution seen through the frame.

use super::{Builder, ChunkedArray, Grid, Padding, Source, Spectrum};
use crate::event::Key;
use crate::image::rect::Rect;
use crate::kernel::{Normal, Prior, Strip};
use serde::{Deserialize, Serialize};

/// The part of a PSF that an image of a given size can see, along both axes.
///
/// Only offsets of less than the image's size join two of its pixels; what a larger PSF holds beyond is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PsfReach {
    /// Offsets (rows, columns) of the part's pixels from the PSF's peak; the corner is not positive.
    pub offsets: Rect,
    /// The same part in the PSF's own pixels.
    pub section: Rect,
}

impl PsfReach {
    /// For an image of `shape`, and a PSF of `psf` (rows, columns) with its peak at pixel `peak`.
    pub fn new(shape: (usize, usize), psf: (usize, usize), peak: (usize, usize)) -> PsfReach {
        let span = |n: usize, p: usize, c: usize| (c.min(n - 1), (p - 1 - c).min(n - 1));
        let (up, down) = span(shape.0, psf.0, peak.0);
        let (left, right) = span(shape.1, psf.1, peak.1);
        let (rows, cols) = (up + down + 1, left + right + 1);
        PsfReach {
            offsets: Rect::new(-(up as i64), -(left as i64), rows, cols),
            section: Rect::new((peak.0 - up) as i64, (peak.1 - left) as i64, rows, cols),
        }
    }

    /// How far it reaches from the peak (rows, columns), in pixels, on the longer side.
    pub fn reach(&self) -> (usize, usize) {
        let Rect { y0, x0, .. } = self.offsets;
        (-y0.min(1 - self.offsets.y1()) as usize, -x0.min(1 - self.offsets.x1()) as usize)
    }

    /// The part of it that a torus of this shape can hold.
    pub fn within(&self, shape: (usize, usize)) -> PsfReach {
        let span = |first: i64, last: i64, n: usize| ((-first).min(n as i64 / 2), last.min((n as i64 - 1) / 2));
        let Rect { y0, x0, .. } = self.offsets;
        let (up, down) = span(y0, self.offsets.y1() - 1, shape.0);
        let (left, right) = span(x0, self.offsets.x1() - 1, shape.1);
        let (rows, cols) = ((up + down + 1) as usize, (left + right + 1) as usize);
        let offsets = Rect::new(-up, -left, rows, cols);
        let section = Rect::new(self.section.y0 - up - y0, self.section.x0 - left - x0, rows, cols);
        PsfReach { offsets, section }
    }

    /// Does it hold every sidelobe that joins two pixels of an image of this shape?
    pub fn is_complete(&self, shape: (usize, usize)) -> bool {
        self.offsets.rows == 2 * shape.0 - 1 && self.offsets.cols == 2 * shape.1 - 1
    }
}

/// The convolution of images of one shape with one PSF.
#[derive(Debug, Clone)]
pub struct Convolution {
    psf: Spectrum,
}

impl Convolution {
    /// The frame in which a convolution is linear: per axis at least N + R, where R is the reach of the PSF, of which
    /// no more than N − 1 is seen, or, if that is larger, the reach of the restoring beam, which is periodic with the
    /// frame. Of the peak pixel c of a PSF of P pixels that is L ≥ N + min(N − 1, max(c, P − 1 − c)).
    pub fn padding(shape: (usize, usize), reach: &PsfReach, beam_reach: usize) -> Padding {
        let side = |n: usize, r: usize| n + r.min(n - 1).max(beam_reach);
        let (down, across) = reach.reach();
        Padding::at_least(side(shape.0, down), side(shape.1, across))
    }

    /// Appends the tasks that read the PSF (of `psf.from`, which is the section of `reach`) and transform it.
    pub fn of_psf(b: &mut Builder<'_>, psf: &Source<'_>, reach: &PsfReach, padding: Padding) -> Convolution {
        let strip = padding.image_strip((reach.section.rows, reach.section.cols));
        let psf = ChunkedArray::from_fits(b, psf, strip);
        let wrap = |offset: i64, length: usize| offset.rem_euclid(length as i64) as usize;
        let origin = (wrap(reach.offsets.y0, padding.rows), wrap(reach.offsets.x0, padding.cols));
        Convolution { psf: Spectrum::of(b, &psf, origin, padding) }
    }

    /// The PSF's spectrum.
    pub fn psf(&self) -> &Spectrum {
        &self.psf
    }

    /// The keys of what is to be kept for later graphs.
    pub fn keys(&self) -> impl Iterator<Item = Key> + use<> {
        self.psf.keys()
    }

    /// The spectrum of an image in the frame of this convolution.
    pub fn transform(&self, b: &mut Builder<'_>, image: &ChunkedArray) -> Spectrum {
        Spectrum::of(b, image, (0, 0), self.psf.padding())
    }

    /// A · image, on the image's own grid.
    pub fn apply(&self, b: &mut Builder<'_>, image: &ChunkedArray) -> ChunkedArray {
        let product = self.transform(b, image).multiply(b, &self.psf);
        product.inverse(b, image.grid())
    }

    /// (A + λR) · image with what is negative of A's transfer function left out (see [`Normal`]), on the image's own grid.
    pub fn normal(&self, b: &mut Builder<'_>, image: &ChunkedArray, prior: Prior) -> ChunkedArray {
        self.in_frame(b, image, |strip| Normal { strip, prior, added: 0.0, inverse: false })
    }

    /// The image, divided in the frame of this convolution by its transfer function, λR and what is added.
    pub fn preconditioned(&self, b: &mut Builder<'_>, image: &ChunkedArray, prior: Prior, added: f64) -> ChunkedArray {
        self.in_frame(b, image, |strip| Normal { strip, prior, added, inverse: true })
    }

    fn in_frame(&self, b: &mut Builder<'_>, image: &ChunkedArray, kernel: impl Fn(Strip) -> Normal) -> ChunkedArray {
        let product = self.transform(b, image).with(b, &self.psf, |strip| kernel(strip).into());
        product.inverse(b, image.grid())
    }

    /// Aᵀ · image, on the image's own grid: each pixel has the sum of those that it shows in, each times the PSF there.
    pub fn apply_transposed(&self, b: &mut Builder<'_>, image: &ChunkedArray) -> ChunkedArray {
        let product = self.transform(b, image).correlate(b, &self.psf);
        product.inverse(b, image.grid())
    }

    /// An image convolved with a Gaussian of peak 1 and this covariance ([xx, xy, yy], pixels²).
    pub fn restore(&self, b: &mut Builder<'_>, image: &ChunkedArray, covariance: [f64; 3]) -> ChunkedArray {
        Convolution::smooth(b, image, covariance, self.psf.padding())
    }

    /// The same in a frame of one's own, which is larger than the image by the reach of the Gaussian at least.
    pub fn smooth(b: &mut Builder<'_>, image: &ChunkedArray, covariance: [f64; 3], padding: Padding) -> ChunkedArray {
        Spectrum::of(b, image, (0, 0), padding).multiply_gaussian(b, covariance).inverse(b, image.grid())
    }

    /// Some whole rows of a plane (`band`) convolved with a Gaussian of peak 1 and this covariance ([xx, xy, yy],
    /// pixels²), in strips of so many rows. The frame is no larger than the band with its surroundings up to `reach`
    /// pixels, beyond which the Gaussian counts as nothing, so that a plane of any size can be done band by band. Blank
    /// pixels count as zero.
    pub fn restore_band(
        b: &mut Builder<'_>,
        plane: &Source<'_>,
        band: Rect,
        (covariance, reach): ([f64; 3], usize),
        strip: usize,
    ) -> ChunkedArray {
        let from = Rect { y0: band.y0 - reach as i64, rows: band.rows + 2 * reach, ..band };
        let from = from.intersect(&plane.from).unwrap_or(band);
        let image = ChunkedArray::from_fits(b, &Source { from, ..*plane }, strip);
        let padding = Padding::at_least(band.rows + 2 * reach, band.cols + reach);
        let above = (from.y0 - band.y0).rem_euclid(padding.rows as i64) as usize;
        let spectrum = Spectrum::of(b, &image, (above, 0), padding);
        spectrum.multiply_gaussian(b, covariance).inverse(b, Grid::strips((band.rows, band.cols), strip))
    }
}
