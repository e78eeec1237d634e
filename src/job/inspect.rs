//! What must be known of a PSF before anything else: its peak, its beam, and how large the sidelobes at its edge are.

use crate::algorithm::PATCH;
use crate::array::{ArrayIds, Builder, ChunkedArray, Source, image_strip};
use crate::error::{Error, Result};
use crate::event::KeyMap;
use crate::graph::{Graph, predict};
use crate::image::rect::Rect;
use crate::image::{Image, fit_beam};
use crate::kernel::{Payload, Stats};
use crate::schedule::Client;
use ndarray::ArrayView2;

/// What was found out about one plane of a PSF image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PsfFacts {
    /// Row and column of its peak.
    pub peak: (usize, usize),
    /// Value of its peak.
    pub value: f32,
    /// Standard deviation of its outermost tenth, relative to the peak: the sidelobes near its edge.
    pub edge_rms: f64,
    /// Largest absolute value outside the patch of Clark's CLEAN, relative to the peak.
    pub outside_patch: f64,
    /// Covariance of the Gaussian fitted to its main lobe, pixels², if that was asked for.
    pub fitted: Option<[f64; 3]>,
}

/// Pixels on either side of the peak that a fit may use: main lobes are much smaller.
const FIT_REACH: usize = 64;

/// Pixels of a PSF this much below zero, as a part of its peak, are rounding or noise.
const ZERO: f64 = 1e-3;

/// The most bytes of a strip of rows that is only looked at.
pub const STRIP: usize = 4 << 20;

/// The client that inspects one plane of a PSF image: first its peak, then its edge.
#[derive(Debug)]
pub struct Inspection<'a> {
    image: &'a Image,
    plane: usize,
    /// Is a beam to be fitted?
    fit: bool,
    /// Is it for a method that needs a PSF that is nowhere negative?
    positive: bool,
    ids: ArrayIds,
    peak: Option<Stats>,
    /// What was found, once the client is done.
    pub facts: Option<PsfFacts>,
}

impl<'a> Inspection<'a> {
    /// Has not begun; `client` is its number among the clients of the run.
    pub fn new(client: usize, image: &'a Image, plane: usize, fit: bool) -> Inspection<'a> {
        Inspection { image, plane, fit, positive: false, ids: ArrayIds::of_client(client), peak: None, facts: None }
    }

    /// A PSF with negative sidelobes is refused, if so.
    pub fn positive(self, positive: bool) -> Inspection<'a> {
        Inspection { positive, ..self }
    }

    /// Appends the statistics of the PSF without each of these parts; at first also its extremes, if its sign matters.
    fn measure(&mut self, ignored: &[Option<Rect>]) -> Graph {
        let shape = self.image.shape();
        let source = Source { zero_blanks: true, ..Source::plane(self.image, self.plane) };
        let mut b = Builder::new(&mut self.ids);
        let psf = ChunkedArray::from_fits(&mut b, &source, image_strip(shape, STRIP));
        for part in ignored {
            let stats = psf.stats(&mut b, *part);
            b.answer(stats);
        }
        if self.positive && self.peak.is_none() {
            psf.extremes(&mut b).into_iter().for_each(|key| b.answer(key));
        }
        b.finish()
    }

    /// The rectangle about the centre that leaves a tenth of the plane on every side.
    fn interior(&self) -> Rect {
        let (rows, cols) = self.image.shape();
        let (y, x) = (rows / 10, cols / 10);
        Rect::new(y as i64, x as i64, rows - 2 * y, cols - 2 * x)
    }

    fn check_peak(&self, peak: &Stats) -> Result<()> {
        // The PSF is divided by its peak.
        if peak.peak >= f32::MIN_POSITIVE {
            return Ok(());
        }
        let message = match peak.peak {
            0.0 => format!("plane {} of the PSF is zero or blank everywhere", self.plane),
            value if value > 0.0 => format!("the peak of plane {} of the PSF is too small ({value:e})", self.plane),
            value => format!("the largest value of plane {} of the PSF is negative ({value})", self.plane),
        };
        Err(Error::input(self.image.path(), message)
            .remedy("give the PSF (dirty beam) that belongs to the dirty image"))
    }

    /// Is the PSF nowhere negative, but for rounding and noise, where it must not be? Its pixels add up to no less than the peak then:
    /// those of a dirty beam, which lacks the spacing of zero, add up to about nothing, however small its sidelobes are.
    fn check_signs(&self, peak: &Stats, extremes: &[Payload]) -> Result<()> {
        let value = f64::from(peak.peak);
        let lowest = extremes.iter().map(|extremes| extremes.numbers()[0]).fold(0.0, f64::min) / value;
        let sum = peak.sum / value;
        if !self.positive || (lowest >= -ZERO && sum >= 1.0 - ZERO) {
            return Ok(());
        }
        let what = if lowest < -ZERO {
            format!("has negative sidelobes, down to {:.3} % of its peak", 100.0 * lowest)
        } else {
            format!("adds up to {sum:.3} times its peak only, as a dirty beam does")
        };
        let message = format!("plane {} of the PSF {what}: richardson-lucy diverges on it", self.plane);
        Err(Error::input(self.image.path(), message)
            .remedy("choose --method wiener or clark, or give a PSF that is nowhere negative"))
    }

    /// What Clark's CLEAN subtracts in a minor cycle.
    fn patch(&self, peak: &Stats) -> Rect {
        Rect::new(i64::from(peak.peak_y), i64::from(peak.peak_x), 1, 1).grow(PATCH)
    }

    fn conclude(&mut self, peak: Stats, edge: &Stats, outside: &Stats) -> Result<()> {
        let at = (peak.peak_y as usize, peak.peak_x as usize);
        let fitted = if self.fit { Some(fit_lobe(self.image, self.plane, at)?) } else { None };
        let edge_rms = edge.std() / f64::from(peak.peak);
        let outside_patch = f64::from(outside.peak.abs() / peak.peak);
        self.facts = Some(PsfFacts { peak: at, value: peak.peak, edge_rms, outside_patch, fitted });
        Ok(())
    }
}

/// Covariance, in pixels², of the Gaussian that fits the main lobe of a PSF around its peak (row, column).
///
/// # Errors
/// If the pixels cannot be read, or the main lobe is not like a Gaussian.
pub fn fit_lobe(image: &Image, plane: usize, peak: (usize, usize)) -> Result<[f64; 3]> {
    let shape = image.shape();
    let around = Rect::new(peak.0 as i64, peak.1 as i64, 1, 1).grow(FIT_REACH);
    let around = around.intersect(&Rect::plane(shape.0, shape.1)).unwrap_or(Rect::plane(shape.0, shape.1));
    let mut pixels = vec![0.0; around.pixels()];
    image.section(plane, around).read(&mut pixels)?;
    let lobe = ArrayView2::from_shape((around.rows, around.cols), &pixels)
        .map_err(|e| Error::internal(format!("a section of the wrong size: {e}")))?;
    let centre = (peak.0 - around.y0 as usize, peak.1 - around.x0 as usize);
    fit_beam(lobe, centre).map_err(|error| error.about(image.path()))
}

impl Client for Inspection<'_> {
    fn peak_bytes(&self, workers: usize) -> usize {
        let mut rehearsal = Inspection::new(0, self.image, self.plane, false).positive(self.positive);
        predict(&rehearsal.measure(&[None, None]), &KeyMap::default(), workers).peak_bytes()
    }

    fn advance(&mut self, answers: Vec<Payload>) -> Result<Option<Graph>> {
        match (self.peak, answers.as_slice()) {
            (None, [Payload::Stats(peak), extremes @ ..]) => {
                self.check_peak(peak)?;
                self.check_signs(peak, extremes)?;
                self.peak = Some(*peak);
                Ok(Some(self.measure(&[Some(self.interior()), Some(self.patch(peak))])))
            }
            (Some(peak), [Payload::Stats(edge), Payload::Stats(outside)]) => {
                self.conclude(peak, edge, outside).map(|()| None)
            }
            _ => Ok(Some(self.measure(&[None]))),
        }
    }
}
