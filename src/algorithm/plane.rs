//! What every algorithm needs of its plane, and the step that all of them share: the refresh.

use crate::array::{Builder, ChunkedArray, Convolution, Grid, PsfReach, Source};
use crate::error::{Error, Result};
use crate::image::Image;
use crate::image::rect::Rect;
use crate::kernel::{Payload, Stats, VALUE as MAD, Within, mad_to_sigma};
use serde::{Deserialize, Serialize};

/// A plane to deconvolve, with its PSF. The arrays are kept in the store.
#[derive(Debug, Clone)]
pub struct Plane {
    /// Which plane of the dirty image it is.
    pub index: usize,
    /// The dirty image on strips of whole rows, less what a model explains of it that is started from; blank pixels are NaN.
    pub dirty: ChunkedArray,
    /// The operator A with the plane's PSF.
    pub convolution: Convolution,
    /// The PSF.
    pub psf: Psf,
    /// Where components may be found (1, elsewhere 0), if not everywhere, on the strips of the dirty image.
    pub mask: Option<ChunkedArray>,
    /// The boxes in which the noise is measured, if not in the plane as a whole.
    pub noise_boxes: Option<Grid>,
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
    /// Solid angle of its main lobe, in pixels: the sum of a Gaussian like it of peak 1.
    pub lobe: f64,
    /// Covariance of the restoring beam: [xx, xy, yy] in pixels².
    pub covariance: [f64; 3],
    /// FWHM of the beam in pixels: the geometric mean of both axes of the restoring beam.
    pub width: f64,
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

/// What is measured of a residual; or of those of planes that are cleaned as one, where a pixel is the root of the sum of squares over
/// the planes.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Peak, standard deviation and so on of the unblanked pixels.
    pub stats: Stats,
    /// Standard deviation of the residual; of several planes the root of the sum of squares of theirs, which is the rms of the root
    /// where there is nothing but noise of mean 0.
    pub rms: f64,
    /// Count and peak of those that may hold components, by what they count in the search.
    pub search: Stats,
    /// The noise, if that was asked for: 1.4826 × the median absolute deviation of all unblanked pixels from their median; where it
    /// is measured in boxes, the lowest of them; of several planes the root of the sum of squares of theirs.
    pub sigma: Option<f64>,
    /// How many pixels are above which level (see [`crate::kernel::MergeLevels`]); empty if that was not asked for.
    pub levels: Vec<u64>,
    /// The largest score of any scale: of points, the absolute value of the peak. What levels are compared with.
    pub score: f64,
    /// Of each of several planes its own.
    pub planes: Vec<Extent>,
}

/// How much there is in one of several planes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Extent {
    /// Largest absolute value of what there was to clean at first, where components may be found.
    pub first_peak: f64,
    /// Largest absolute residual there.
    pub peak: f64,
    /// Standard deviation of the residual.
    pub rms: f64,
}

impl Measured {
    /// What points alone see of a residual in which they may be anywhere.
    pub fn of(stats: Stats, sigma: Option<f64>) -> Measured {
        let (rms, score) = (stats.std(), f64::from(stats.peak.abs()));
        Measured { stats, rms, search: stats, sigma, levels: Vec::new(), score, planes: Vec::new() }
    }

    /// Reads the answers of a search's measuring of so many planes.
    ///
    /// # Errors
    /// If these are not those.
    pub fn read_planes(answers: &[Payload], planes: usize) -> Result<Measured> {
        if planes == 1 {
            return Measured::read(answers);
        }
        let levels = usize::from(matches!(answers.last(), Some(Payload::Histogram(_))));
        let (each, root) = answers.split_at(answers.len().saturating_sub(1 + levels));
        let each = each.chunks((each.len() / planes).max(1)).map(Measured::read).collect::<Result<Vec<_>>>()?;
        let of_root = Measured::read(root)?;
        let rms = root_of_squares(each.iter().map(|plane| plane.rms));
        let sigmas: Option<Vec<f64>> = each.iter().map(|plane| plane.sigma).collect();
        let extent = |plane: &Measured| Extent { first_peak: plane.score, peak: plane.score, rms: plane.rms };
        let planes = each.iter().map(extent).collect();
        Ok(Measured { rms, sigma: sigmas.map(|sigmas| root_of_squares(sigmas.into_iter())), planes, ..of_root })
    }

    /// Reads the answers of a search's measuring of one plane, or of statistics alone.
    ///
    /// # Errors
    /// If these are not those.
    pub fn read(answers: &[Payload]) -> Result<Measured> {
        let Some((Payload::Stats(stats), rest)) = answers.split_first() else {
            return Err(Error::internal("the residual was not measured"));
        };
        let mut measured = Measured::of(*stats, None);
        for answer in rest {
            match answer {
                Payload::Stats(search) => {
                    (measured.search, measured.score) = (*search, f64::from(search.peak.abs()));
                }
                Payload::Numbers(noise) => {
                    measured.sigma = Some(if let [lowest] = noise[..] { lowest } else { mad_to_sigma(noise[MAD]) });
                }
                Payload::Histogram(counts) => measured.levels.clone_from(counts),
                _ => return Err(Error::internal("the residual was not measured")),
            }
        }
        Ok(measured)
    }
}

fn root_of_squares(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.map(|number| number * number).sum::<f64>().sqrt()
}

impl Plane {
    /// Appends the dirty image as it is where the mask allows a sky, blank elsewhere, and keeps it; none where there is no mask.
    pub fn within_mask(&self, b: &mut Builder<'_>) -> Option<ChunkedArray> {
        let mask = self.mask.as_ref()?;
        let within = self.dirty.map(b, &[mask], |at| Within { rows: at.rows, cols: at.cols }.into());
        b.keep(within.keys());
        Some(within)
    }

    /// Appends the exact residual dirty − A · model.
    pub fn refresh(&self, b: &mut Builder<'_>, model: &ChunkedArray) -> ChunkedArray {
        self.convolution.apply(b, model).combine(b, -1.0, &self.dirty, 1.0)
    }
}
