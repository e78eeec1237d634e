//! How near the products of a run come to a sky that is known: `deconv score`, and `--truth` of a run.

use super::inspect::STRIP;
use super::memory::settings;
use super::outputs::{Products, product_paths};
use super::truth::Truth;
use crate::array::{ArrayIds, Builder, ChunkedArray, Convolution, Source, image_strip};
use crate::error::{Error, Result};
use crate::event::{Events, KeyMap};
use crate::graph::{Graph, predict};
use crate::image::{Image, ProductKind, Rect};
use crate::kernel::{Payload, Stats};
use crate::schedule::{self, Client, Scheduler, Settings};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// How near products come to the truth, in Jy and Jy/beam.
///
/// Names and definitions are those of `metrics` in `scripts/synth/peerlib.py`, as far as that has them. The error is
/// model ⊛ beam + residual − truth, with the beam of the truth. A *standard deviation* is about the mean. Blank pixels of
/// residual and truth are left out of what they enter; those of the model count as zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Score {
    /// Largest absolute value of the residual.
    pub res_peak: f64,
    /// Standard deviation of the residual.
    pub res_rms: f64,
    /// Fidelity: standard deviation of the error.
    pub fid_rms: f64,
    /// The same without a tenth of the rows and of the columns on either side.
    pub fid_rms_inner: f64,
    /// Largest absolute value of the error.
    pub fid_max: f64,
    /// Standard deviation of model ⊛ beam − truth.
    pub fid_model_rms: f64,
    /// Error beyond the noise: root of the mean square of the error − noise.
    pub beyond_noise_rms: f64,
    /// Sum of the model.
    pub model_flux: f64,
    /// Pixels of the model that are not zero.
    pub model_nonzero: u64,
    /// Flux of the true sky.
    pub true_flux: f64,
    /// Flux recovered: the model's over the true one; none where that is zero.
    pub flux_recovered: Option<f64>,
    /// Sum of the model's pixels below zero.
    pub negative_flux: f64,
    /// The absolute value of that over the sum of the model's absolute values; none for an empty model.
    pub negative_share: Option<f64>,
    /// Largest absolute value of the restored image; if there is none, of model ⊛ beam + residual.
    pub restored_peak: f64,
    /// Dynamic range: that over the residual's standard deviation; none where that is zero.
    pub dynamic_range: Option<f64>,
    /// Pixels that are left out of the error because residual or truth are blank there.
    pub blank: u64,
}

/// The products that are scored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scored {
    /// The model, in Jy/pixel.
    pub model: PathBuf,
    /// The residual, in Jy/beam.
    pub residual: PathBuf,
    /// The restored image, in Jy/beam.
    pub image: Option<PathBuf>,
}

impl Scored {
    /// The products of a run with this `--output`.
    pub fn of_prefix(prefix: &Path) -> Scored {
        let [model, residual, image] = product_paths(prefix);
        Scored { model, residual, image: Some(image) }
    }
}

/// Scores products against the synthetic observation in a directory. `cancel` stops it.
///
/// # Errors
/// Of kind `Input`, if a file cannot be used or does not go with the others; or if it was stopped.
pub fn score(truth: &Path, scored: &Scored, cancel: &Arc<AtomicBool>) -> Result<Score> {
    let truth = Truth::open(truth)?;
    let open = |path: &Path, kind: ProductKind| {
        let missing =
            |error: Error| error.remedy("give PREFIX as --output of the run had it, or --model and --residual");
        let image = if path.exists() { Image::open(path) } else { Image::open(path).map_err(missing) };
        image.and_then(|image| truth.check(&image, kind).map(|()| image))
    };
    let model = open(&scored.model, ProductKind::Model)?;
    let residual = open(&scored.residual, ProductKind::Residual)?;
    let image = scored.image.as_ref().map(|path| open(path, ProductKind::Image)).transpose()?;
    measure(&truth, [&model, &residual], image.as_ref(), &settings(Scheduler::Threads, None, None, cancel)?)
}

/// Scores products that are complete, but for their names.
///
/// # Errors
/// Those of [`score`].
pub fn score_products(truth: &Truth, products: &Products, settings: &Settings) -> Result<Score> {
    let [model, residual, image] = products.results().map(|product| product.image());
    let (model, residual, image) = (model?, residual?, image?);
    let kinds = [ProductKind::Model, ProductKind::Residual, ProductKind::Image];
    [&model, &residual, &image].into_iter().zip(kinds).try_for_each(|(image, kind)| truth.check(image, kind))?;
    measure(truth, [&model, &residual], Some(&image), settings)
}

fn measure(truth: &Truth, [model, residual]: [&Image; 2], image: Option<&Image>, settings: &Settings) -> Result<Score> {
    let mut job = Comparison::new(truth, model, residual, image);
    schedule::run(&mut [&mut job], settings, &Events::silent())?;
    job.score()
}

/// Bytes of a band of an image, at least; it has no fewer rows than four times the reach of the beam.
const BAND: usize = 16 << 20;

/// The client that compares products with the truth: band by band, with a graph each, so that the size of the image
/// does not matter.
struct Comparison<'a> {
    truth: &'a Truth,
    model: &'a Image,
    residual: &'a Image,
    image: Option<&'a Image>,
    ids: ArrayIds,
    next: usize,
    found: [Stats; MEASURED],
}

/// What is measured of every band.
#[derive(Clone, Copy)]
enum Of {
    Residual,
    Error,
    Inner,
    ModelError,
    BeyondNoise,
    Model,
    Positive,
    Negative,
    Restored,
}

const MEASURED: usize = Of::Restored as usize + 1;

impl<'a> Comparison<'a> {
    fn new(truth: &'a Truth, model: &'a Image, residual: &'a Image, image: Option<&'a Image>) -> Comparison<'a> {
        let (ids, found) = (ArrayIds::of_client(0), [Stats::default(); MEASURED]);
        Comparison { truth, model, residual, image, ids, next: 0, found }
    }

    /// Rows of every band but the last.
    fn rows(&self) -> usize {
        let (rows, cols) = self.truth.restored.shape();
        (BAND / (cols * size_of::<f32>())).max(4 * self.truth.reach).clamp(1, rows)
    }

    fn bands(&self) -> usize {
        self.truth.restored.shape().0.div_ceil(self.rows())
    }

    fn band(&self, index: usize) -> Rect {
        let (rows, cols) = self.truth.restored.shape();
        let y0 = index * self.rows();
        Rect::new(y0 as i64, 0, self.rows().min(rows - y0), cols)
    }

    /// The part of a band that is not within a tenth of the image's edges, counted from the band's first row.
    fn inner(&self, band: Rect) -> Option<Rect> {
        let (rows, cols) = self.truth.restored.shape();
        let (y, x) = (rows / 10, cols / 10);
        let inner = Rect::new(y as i64, x as i64, rows - 2 * y, cols - 2 * x);
        band.intersect(&inner).map(|part| Rect { y0: part.y0 - band.y0, ..part })
    }

    /// Appends the statistics of a band, in the order of [`Of`].
    fn compare(&mut self, index: usize) -> Graph {
        let (truth, band, inner) = (self.truth, self.band(index), self.inner(self.band(index)));
        let mut b = Builder::new(&mut self.ids);
        let strip = image_strip((band.rows, band.cols), STRIP);
        let read = |b: &mut Builder<'_>, image: &Image| {
            ChunkedArray::from_fits(b, &Source { from: band, ..Source::plane(image, 0) }, strip)
        };
        let [model, residual, true_sky, noise] =
            [self.model, self.residual, &truth.restored, &truth.noise].map(|image| read(&mut b, image));
        let beam = (truth.covariance, truth.reach);
        let smooth = Convolution::restore_band(&mut b, &Source::plane(self.model, 0), band, beam, strip);
        let restored = smooth.combine(&mut b, 1.0, &residual, 1.0);
        let error = restored.combine(&mut b, 1.0, &true_sky, -1.0);
        let beyond = error.combine(&mut b, 1.0, &noise, -1.0);
        let model_error = smooth.combine(&mut b, 1.0, &true_sky, -1.0);
        let [positive, negative] = [false, true].map(|negative| model.keep_sign(&mut b, negative));
        let restored = self.image.map_or(restored, |image| read(&mut b, image));
        let part = inner.map_or_else(|| error.clone(), |inner| error.cut(&mut b, inner));
        let all = [residual, error, part, model_error, beyond, model, positive, negative, restored];
        for array in all {
            let stats = array.stats(&mut b, None);
            b.answer(stats);
        }
        b.finish()
    }

    /// Adds what was found in a band to what was found before.
    fn add(&mut self, band: usize, answers: &[Payload]) -> Result<()> {
        if answers.len() != MEASURED {
            return Err(Error::internal("a band was not compared"));
        }
        let is_outside = self.inner(self.band(band)).is_none();
        for (i, (found, answer)) in self.found.iter_mut().zip(answers).enumerate() {
            let Payload::Stats(stats) = answer else { return Err(Error::internal("a band was not compared")) };
            // A band without an inner part tells of its whole.
            if !(is_outside && i == Of::Inner as usize) {
                *found = found.and(stats);
            }
        }
        Ok(())
    }

    fn score(&self) -> Result<Score> {
        let of = |of: Of| &self.found[of as usize];
        let peak = |stats: &Stats| f64::from(stats.peak.abs());
        let ratio = |part: f64, whole: f64| (whole != 0.0).then(|| part / whole);
        let Truth { restored, noise, .. } = self.truth;
        let blank = [(self.residual, Of::Residual), (restored, Of::Error), (noise, Of::BeyondNoise)];
        if let Some((image, _)) = blank.into_iter().find(|(_, what)| of(*what).count == 0) {
            return Err(
                Error::input(image.path(), "leaves no pixel to compare: all are blank").remedy("give one with pixels")
            );
        }
        let (rows, cols) = self.truth.restored.shape();
        let (positive, negative) = (of(Of::Positive), of(Of::Negative));
        let (res_rms, restored_peak) = (of(Of::Residual).std(), peak(of(Of::Restored)));
        let model_flux = of(Of::Model).sum;
        Ok(Score {
            res_peak: peak(of(Of::Residual)),
            res_rms,
            fid_rms: of(Of::Error).std(),
            fid_rms_inner: of(Of::Inner).std(),
            fid_max: peak(of(Of::Error)),
            fid_model_rms: of(Of::ModelError).std(),
            beyond_noise_rms: of(Of::BeyondNoise).rms(),
            model_flux,
            model_nonzero: positive.count + negative.count,
            true_flux: self.truth.flux,
            flux_recovered: ratio(model_flux, self.truth.flux),
            negative_flux: negative.sum,
            negative_share: ratio(negative.sum.abs(), positive.sum - negative.sum),
            restored_peak,
            dynamic_range: ratio(restored_peak, res_rms),
            blank: (rows * cols) as u64 - of(Of::Error).count,
        })
    }
}

impl Client for Comparison<'_> {
    fn peak_bytes(&self, workers: usize) -> usize {
        let mut rehearsal = Comparison::new(self.truth, self.model, self.residual, self.image);
        // The second band is the first with surroundings on both sides.
        let bands = [0, 1, self.bands() - 1].into_iter().filter(|&band| band < self.bands());
        let peak = |band| predict(&rehearsal.compare(band), &KeyMap::default(), workers).peak_bytes();
        bands.map(peak).max().unwrap_or(0)
    }

    fn advance(&mut self, answers: Vec<Payload>) -> Result<Option<Graph>> {
        if self.next > 0 {
            self.add(self.next - 1, &answers)?;
        }
        self.next += 1;
        Ok((self.next <= self.bands()).then(|| self.compare(self.next - 1)))
    }
}
