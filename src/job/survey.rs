//! The clients that measure a file for `deconv info`: every plane, and what is asked of a PSF besides.
//!
//! Both work in strips of rows. A plane is read anew for each of their passes, so that none of it has to be held.

use super::inspect::{STRIP, fit_lobe};
use crate::algorithm::PATCH;
use crate::array::{ArrayIds, Builder, ChunkedArray, Convolution, PsfReach, Source, image_strip, median_and_mad};
use crate::error::{Error, Result};
use crate::event::KeyMap;
use crate::graph::{Graph, predict};
use crate::image::Image;
use crate::image::rect::Rect;
use crate::kernel::{Payload, Stats, VALUE as MAD, mad_to_sigma};
use crate::schedule::Client;

/// What is measured of every plane.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Count and peak of the unblanked pixels.
    pub stats: Stats,
    /// The smallest unblanked pixel.
    pub minimum: f64,
    /// The largest unblanked pixel.
    pub maximum: f64,
    /// 1.4826 × the median absolute deviation of the unblanked pixels.
    pub sigma: f64,
}

/// The client that measures one plane.
#[derive(Debug)]
pub struct PlaneSurvey<'a> {
    image: &'a Image,
    plane: usize,
    ids: ArrayIds,
    begun: bool,
    /// What was found, once the client is done.
    pub found: Option<Measured>,
}

impl<'a> PlaneSurvey<'a> {
    /// Has not begun; `client` is its number among the clients of the run.
    pub fn new(client: usize, image: &'a Image, plane: usize) -> PlaneSurvey<'a> {
        PlaneSurvey { image, plane, ids: ArrayIds::of_client(client), begun: false, found: None }
    }

    fn measure(&mut self) -> Graph {
        let shape = self.image.shape();
        let source = Source::plane(self.image, self.plane);
        let pixels = |b: &mut Builder<'_>| ChunkedArray::from_fits(b, &source, image_strip(shape, STRIP));
        let mut b = Builder::new(&mut self.ids);
        let first = pixels(&mut b);
        let stats = first.stats(&mut b, None);
        let extremes = first.extremes(&mut b);
        let (_, mad) = median_and_mad(&mut b, pixels);
        [stats, mad].into_iter().chain(extremes).for_each(|key| b.answer(key));
        b.finish()
    }
}

impl Client for PlaneSurvey<'_> {
    fn peak_bytes(&self, workers: usize) -> usize {
        let mut rehearsal = PlaneSurvey::new(0, self.image, self.plane);
        predict(&rehearsal.measure(), &KeyMap::default(), workers).peak_bytes()
    }

    fn advance(&mut self, answers: Vec<Payload>) -> Result<Option<Graph>> {
        if !std::mem::replace(&mut self.begun, true) {
            return Ok(Some(self.measure()));
        }
        let [Payload::Stats(stats), Payload::Numbers(mad), extremes @ ..] = answers.as_slice() else {
            return Err(Error::internal("a plane was not measured"));
        };
        let (minimum, maximum) = extremes_of(extremes);
        self.found = Some(Measured { stats: *stats, minimum, maximum, sigma: mad_to_sigma(mad[MAD]) });
        Ok(None)
    }
}

/// The smallest of the first and the largest of the second numbers of some answers.
fn extremes_of(answers: &[Payload]) -> (f64, f64) {
    answers.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), numbers| {
        (low.min(numbers.numbers()[0]), high.max(numbers.numbers()[1]))
    })
}

/// A value of a PSF and its pixel (row, column).
pub type Worst = (f32, [usize; 2]);

/// The transfer function of a PSF for images of one size: extremes of its real part, and the largest absolute imaginary
/// part.
#[derive(Debug, Clone, Copy)]
pub struct TransferExtremes {
    /// Rows and columns of the images.
    pub shape: (usize, usize),
    /// Rows and columns of the frame of the transform.
    pub frame: (usize, usize),
    /// The smallest real part.
    pub minimum: f64,
    /// The largest real part.
    pub maximum: f64,
    /// The largest absolute imaginary part.
    pub imaginary: f64,
}

/// What is measured of a PSF.
#[derive(Debug, Clone)]
pub struct MeasuredPsf {
    /// Covariance of the Gaussian that fits the main lobe, in pixels²; or why there is none.
    pub fitted: Result<[f64; 3]>,
    /// The largest absolute value outside the main lobe, if there is any pixel and the lobe is known.
    pub sidelobe: Option<Worst>,
    /// The largest absolute value outside the patch of Clark's CLEAN, if there is any pixel.
    pub outside_patch: Option<Worst>,
    /// The transfer function for images of the sizes that were asked for.
    pub transfer: Vec<TransferExtremes>,
}

/// The client that measures one plane of a PSF.
#[derive(Debug)]
pub struct PsfSurvey<'a> {
    image: &'a Image,
    plane: usize,
    peak: (usize, usize),
    shapes: Vec<(usize, usize)>,
    ids: ArrayIds,
    fitted: Option<Result<[f64; 3]>>,
    /// What was found, once the client is done.
    pub found: Option<MeasuredPsf>,
}

impl<'a> PsfSurvey<'a> {
    /// Has not begun; `client` is its number among the clients of the run. The plane has its peak at this pixel (row,
    /// column); its transfer function is wanted for images of these shapes.
    pub fn new(
        client: usize,
        image: &'a Image,
        plane: usize,
        peak: (usize, usize),
        shapes: Vec<(usize, usize)>,
    ) -> PsfSurvey<'a> {
        PsfSurvey { image, plane, peak, shapes, ids: ArrayIds::of_client(client), fitted: None, found: None }
    }

    /// Appends the statistics of the PSF without each of two parts, and its transforms.
    fn measure(&mut self, ignored: [Rect; 2]) -> Graph {
        let shape = self.image.shape();
        let source = Source { zero_blanks: true, ..Source::plane(self.image, self.plane) };
        let mut b = Builder::new(&mut self.ids);
        let psf = ChunkedArray::from_fits(&mut b, &source, image_strip(shape, STRIP));
        for part in ignored {
            let stats = psf.stats(&mut b, Some(part));
            b.answer(stats);
        }
        for &shape in &self.shapes {
            let reach = PsfReach::new(shape, self.image.shape(), self.peak);
            let source = Source { from: reach.section, ..source };
            let frame = Convolution::padding(shape, &reach, 0);
            let convolution = Convolution::of_psf(&mut b, &source, &reach, frame);
            convolution.psf().extremes(&mut b).into_iter().for_each(|key| b.answer(key));
        }
        b.finish()
    }

    fn around_peak(&self, rows: usize, cols: usize) -> Rect {
        Rect::new(self.peak.0 as i64 - rows as i64, self.peak.1 as i64 - cols as i64, 2 * rows + 1, 2 * cols + 1)
    }

    fn conclude(&mut self, answers: &[Payload]) -> Result<MeasuredPsf> {
        let [Payload::Stats(outside_lobe), Payload::Stats(outside_patch), spectra @ ..] = answers else {
            return Err(Error::internal("a PSF was not measured"));
        };
        let fitted = self.fitted.take().ok_or_else(|| Error::internal("a PSF was not fitted"))?;
        let near = match &fitted {
            Ok(covariance) => self.sidelobe_near(covariance)?,
            Err(_) => None,
        };
        let far = worst(outside_lobe).filter(|_| fitted.is_ok());
        let sidelobe = near.into_iter().chain(far).max_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
        Ok(MeasuredPsf { fitted, sidelobe, outside_patch: worst(outside_patch), transfer: self.transfer(spectra) })
    }

    /// The largest absolute value between the ellipse of the main lobe and the rectangle around it.
    fn sidelobe_near(&self, covariance: &[f64; 3]) -> Result<Option<Worst>> {
        let (rows, cols) = self.image.shape();
        let (down, across) = lobe_reach(covariance);
        let Some(around) = self.around_peak(down, across).intersect(&Rect::plane(rows, cols)) else { return Ok(None) };
        let mut pixels = vec![0.0; around.pixels()];
        self.image.section(self.plane, around).read(&mut pixels)?;
        let mut found: Option<Worst> = None;
        for (i, &value) in pixels.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            let at = [around.y0 as usize + i / around.cols, around.x0 as usize + i % around.cols];
            let offset = (at[0] as f64 - self.peak.0 as f64, at[1] as f64 - self.peak.1 as f64);
            if !in_lobe(covariance, offset) && found.is_none_or(|(worst, _)| value.abs() > worst.abs()) {
                found = Some((value, at));
            }
        }
        Ok(found)
    }

    /// The answers about spectra, which come strip by strip and shape by shape.
    fn transfer(&self, spectra: &[Payload]) -> Vec<TransferExtremes> {
        let mut rest = spectra;
        let one = |&shape: &(usize, usize)| {
            let reach = PsfReach::new(shape, self.image.shape(), self.peak);
            let frame = Convolution::padding(shape, &reach, 0);
            let (strips, others) = rest.split_at((frame.cols / 2 + 1).div_ceil(frame.strip).min(rest.len()));
            rest = others;
            let (minimum, maximum) = extremes_of(strips);
            let imaginary = strips.iter().map(|strip| strip.numbers()[2]).fold(0.0, f64::max);
            TransferExtremes { shape, frame: (frame.rows, frame.cols), minimum, maximum, imaginary }
        };
        self.shapes.iter().map(one).collect()
    }
}

impl Client for PsfSurvey<'_> {
    fn peak_bytes(&self, workers: usize) -> usize {
        let mut rehearsal = PsfSurvey::new(0, self.image, self.plane, self.peak, self.shapes.clone());
        let part = self.around_peak(PATCH, PATCH);
        predict(&rehearsal.measure([part, part]), &KeyMap::default(), workers).peak_bytes()
    }

    fn advance(&mut self, answers: Vec<Payload>) -> Result<Option<Graph>> {
        if self.fitted.is_some() {
            self.found = Some(self.conclude(&answers)?);
            return Ok(None);
        }
        let fitted = fit_lobe(self.image, self.plane, self.peak);
        let (down, across) = fitted.as_ref().map_or((0, 0), lobe_reach);
        self.fitted = Some(fitted);
        Ok(Some(self.measure([self.around_peak(down, across), self.around_peak(PATCH, PATCH)])))
    }
}

/// The main lobe is the ellipse around the peak whose axes are so many times the FWHM of the fitted beam: for the
/// diffraction pattern of a disk, of which the first zero is at 1.19 FWHM from the peak, just a little more than that.
pub const LOBE_WIDTHS: f64 = 2.5;

/// Square of the ellipse's axis in units of σ: half of [`LOBE_WIDTHS`] times √(8 ln 2).
const LOBE_SIGMAS2: f64 = LOBE_WIDTHS * LOBE_WIDTHS * 2.0 * std::f64::consts::LN_2;

/// Rows and columns from the peak to the edge of the rectangle around the main lobe.
fn lobe_reach([xx, _, yy]: &[f64; 3]) -> (usize, usize) {
    let reach = |variance: f64| (LOBE_SIGMAS2 * variance).sqrt().ceil() as usize;
    (reach(*yy), reach(*xx))
}

/// Does an offset from the peak (rows, columns) lie in the main lobe?
fn in_lobe([xx, xy, yy]: &[f64; 3], (y, x): (f64, f64)) -> bool {
    (yy * x * x - 2.0 * xy * x * y + xx * y * y) <= LOBE_SIGMAS2 * (xx * yy - xy * xy)
}

fn worst(stats: &Stats) -> Option<Worst> {
    (stats.count > 0).then_some((stats.peak, [stats.peak_y as usize, stats.peak_x as usize]))
}
