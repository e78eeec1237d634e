//! What every algorithm needs of its plane, and the two steps that all of them share: refresh and measure.

use super::Next;
use crate::array::{Builder, ChunkedArray, Convolution, PsfReach, Source};
use crate::error::{Error, Result};
use crate::image::Image;
use crate::image::rect::Rect;
use crate::kernel::{Payload, Stats, VALUE as MAD};

/// A plane to deconvolve, with its PSF. The arrays are kept in the store.
#[derive(Debug, Clone)]
pub struct Plane {
    /// The dirty image on strips of whole rows, less what a model explains of it that is started from; blank pixels are NaN.
    pub dirty: ChunkedArray,
    /// The operator A with the plane's PSF.
    pub convolution: Convolution,
    /// The PSF.
    pub psf: Psf,
}

/// The PSF of a plane, as far as the plane can see it.
#[derive(Debug, Clone)]
pub struct Psf {
    /// The image that holds it.
    pub image: Image,
    /// Its plane there.
    pub plane: usize,
    /// Which part of it the plane can see.
    pub reach: PsfReach,
    /// What it is multiplied by, so that its peak is 1.
    pub scale: f32,
    /// Its largest absolute value further than [`super::PATCH`] rows or columns from the peak, as a part of the peak.
    pub outside_patch: f64,
}

impl Psf {
    /// Where its pixels come from.
    pub fn source(&self) -> Source<'_> {
        self.part(&self.reach.offsets)
    }

    /// Where the pixels of a part of it come from, given as offsets from its peak that lie inside the reach.
    pub fn part(&self, offsets: &Rect) -> Source<'_> {
        let Psf { image, plane, reach, scale, .. } = self;
        let (down, across) = (reach.section.y0 - reach.offsets.y0, reach.section.x0 - reach.offsets.x0);
        let from = Rect { y0: offsets.y0 + down, x0: offsets.x0 + across, ..*offsets };
        Source { image, plane: *plane, from, scale: *scale, zero_blanks: true }
    }
}

/// What is measured of a residual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Peak, standard deviation and so on of the unblanked pixels.
    pub stats: Stats,
    /// Median absolute deviation of the unblanked pixels from their median, if that was asked for.
    pub mad: Option<f64>,
}

impl Measured {
    /// Reads the answers of [`Plane::measure`].
    ///
    /// # Errors
    /// If these are not those.
    pub fn read(answers: &[Payload]) -> Result<Measured> {
        match answers {
            [Payload::Stats(stats)] => Ok(Measured { stats: *stats, mad: None }),
            [Payload::Stats(stats), Payload::Numbers(mad)] => Ok(Measured { stats: *stats, mad: Some(mad[MAD]) }),
            _ => Err(Error::internal("the residual was not measured")),
        }
    }
}

impl Plane {
    /// Appends the exact residual dirty − A · model.
    pub fn refresh(&self, b: &mut Builder<'_>, model: &ChunkedArray) -> ChunkedArray {
        self.convolution.apply(b, model).combine(b, -1.0, &self.dirty, 1.0)
    }

    /// Appends the measuring of a residual, of its noise too where that is asked for: six times over all pixels. Its
    /// answers, the last of the graph, are read by [`Measured::read`].
    pub fn measure(&self, b: &mut Builder<'_>, residual: &ChunkedArray, noise: bool) -> Next {
        let stats = residual.stats(b, None);
        b.answer(stats);
        if noise {
            let (_, mad) = residual.median_and_mad(b);
            b.answer(mad);
        }
        Next::Run
    }
}
