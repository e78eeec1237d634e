//! The client of a simulation: one graph after the other, each of which writes some of the files.

use super::coverage::Coverage;
use super::files::{Files, history};
use super::model::Model;
use super::options::{Convolved, Options};
use super::run::NOISE;
use crate::array::{ArrayIds, Builder, ChunkedArray, Grid, Padding, Source, Spectrum};
use crate::error::{Error, Result};
use crate::event::{Events, Key};
use crate::graph::Graph;
use crate::image::{Beam, Image, Product, Rect, checksum, fit_beam};
use crate::kernel::gridding::REACH;
use crate::kernel::{Block, Drawing, GriddingCorrection, Payload, Sky, Stats, UvMultiply, UvNoise, UvTransfer};
use crate::schedule::{Client, forecast};
use std::collections::VecDeque;

/// What is observed, and how.
#[derive(Debug)]
pub struct Plan<'a> {
    /// What was asked for.
    pub options: &'a Options,
    /// What is sampled.
    pub coverage: Coverage,
    /// What is there.
    pub model: Model,
}

/// What was measured of the images.
#[derive(Debug, Clone, Copy, Default)]
pub struct Found {
    /// The restoring beam: the Gaussian that fits the PSF's main lobe.
    pub beam: Option<Beam>,
    /// Its covariance, pixels².
    covariance: [f64; 3],
    /// Largest absolute value of the PSF beyond 2 × the beam's major axis.
    pub sidelobe: f64,
    /// Smallest value of the PSF.
    pub psf_min: f64,
    /// Noise.
    pub noise: Stats,
    /// The dirty image.
    pub dirty: Stats,
    /// The dirty image without noise.
    pub noiseless: Stats,
    /// Largest value of the dirty image.
    pub dirty_peak: f64,
    /// Largest value of the restored truth.
    pub truth_peak: f64,
}

/// What is being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing yet.
    Start,
    /// The PSF, whole and cut.
    Psf,
    /// What is measured of the PSF once the beam is known; the sky in pixels.
    Sky,
    /// The noise.
    Noise,
    /// The dirty image and the truth.
    Dirty,
}

/// The client.
pub struct Observation<'a> {
    plan: &'a Plan<'a>,
    files: &'a mut Files,
    events: &'a Events,
    ids: ArrayIds,
    stage: Stage,
    /// What was measured so far.
    pub found: Found,
}

/// Pixels on either side of the peak that the fit of the beam may use: main lobes are much smaller.
const LOBE: usize = 64;

impl<'a> Observation<'a> {
    /// Has not begun.
    pub fn new(plan: &'a Plan<'a>, files: &'a mut Files, events: &'a Events) -> Observation<'a> {
        Observation { plan, files, events, ids: ArrayIds::of_client(0), stage: Stage::Start, found: Found::default() }
    }

    fn size(&self) -> usize {
        self.plan.options.size
    }

    fn padding(&self) -> Padding {
        self.plan.coverage.padding()
    }

    /// The images' strips of rows.
    fn grid(&self) -> Grid {
        self.strips(self.size())
    }

    /// A plane of `size` × `size` in strips of whole rows.
    fn strips(&self, size: usize) -> Grid {
        Grid::strips((size, size), self.padding().image_strip((size, size)))
    }

    /// The graph of a stage.
    ///
    /// # Errors
    /// If a file of an earlier stage cannot be read.
    fn graph(&self, stage: Stage, ids: &mut ArrayIds, rehearsal: bool) -> Result<Graph> {
        let mut b = Builder::new(ids);
        let read = |product: &Product| if rehearsal { Ok(None) } else { product.image().map(Some) };
        match stage {
            Stage::Start => return Err(Error::internal("a simulation has nothing to do before it starts")),
            Stage::Psf => self.psf(&mut b),
            Stage::Sky => self.sky(&mut b, read(&self.files.psf)?.as_ref()),
            Stage::Noise => self.noise(&mut b),
            Stage::Dirty => {
                let psf = if self.plan.options.convolved == Convolved::Linear { read(&self.files.psf)? } else { None };
                self.dirty(&mut b, read(&self.files.noise)?.as_ref(), psf.as_ref());
            }
        }
        Ok(b.finish())
    }

    /// Answers: the main lobe, the sums of psf.fits, those of psf2n.fits.
    fn psf(&self, b: &mut Builder<'_>) {
        let (size, frame) = (self.size(), self.padding().cols);
        let scale = (frame * frame) as f64 / self.plan.coverage.weights;
        let transfer = Spectrum::made(b, self.padding(), |first, columns, length| {
            UvTransfer { uv: self.plan.coverage.strip(first, columns, length), scale }.into()
        });
        let (psf, whole) = match &self.files.psf2n {
            None => {
                let first = frame - size / 2;
                (transfer.inverse_from(b, self.grid(), (first, first)), None)
            }
            Some(product) => {
                let whole = transfer.inverse_from(b, self.strips(frame), (frame / 2, frame / 2));
                let corner = (frame - size) / 2;
                (whole.crop(b, self.grid(), (corner, corner)), Some((whole, product)))
            }
        };
        let reach = LOBE.min(size / 2 - 1);
        let corner = size / 2 - reach;
        let lobe = psf.crop(b, Grid::whole((2 * reach + 1, 2 * reach + 1)), (corner, corner));
        b.answer(lobe.key(0));
        psf.to_fits(b, &self.files.psf, 0);
        if let Some((whole, product)) = whole {
            whole.to_fits(b, product, 0);
        }
    }

    /// Answers: statistics of psf.fits beyond the main lobe, the extremes of its strips, the sums of sky.fits.
    fn sky(&self, b: &mut Builder<'_>, psf: Option<&Image>) {
        let psf = self.stored(b, psf);
        let beam = self.found.beam.map_or(0.0, |beam| beam.major * 3600.0 / self.plan.options.cell());
        let centre = (self.size() / 2) as i64;
        let stats = psf.stats(b, Some(Rect::new(centre, centre, 1, 1).grow((2.0 * beam) as usize)));
        b.answer(stats);
        psf.extremes(b).into_iter().for_each(|key| b.answer(key));
        let sky = ChunkedArray::made(b, self.grid(), |at| self.strip_of_sky(at, Drawing::Nearest).into());
        sky.to_fits(b, &self.files.sky, 0);
    }

    /// Answers: statistics, sums of noise.fits.
    fn noise(&self, b: &mut Builder<'_>) {
        let Plan { options, coverage, .. } = self.plan;
        let frame = self.padding().cols;
        let scale = (frame * frame) as f64 * options.noise / coverage.variance.sqrt();
        let (seed, stream) = (options.seed, NOISE);
        let noise = Spectrum::made(b, self.padding(), |first, columns, length| {
            UvNoise { uv: coverage.strip(first, columns, length), scale, seed, stream }.into()
        });
        let noise = noise.inverse(b, self.grid());
        let stats = noise.stats(b, None);
        b.answer(stats);
        noise.to_fits(b, &self.files.noise, 0);
    }

    /// Answers: statistics of the dirty image without and with noise, the extremes of the strips of dirty image and truth, the
    /// sums of dirty.fits, those of truth_restored.fits.
    fn dirty(&self, b: &mut Builder<'_>, noise: Option<&Image>, psf: Option<&Image>) {
        let coverage = &self.plan.coverage;
        let sky = self.spectrum_of_sky(b);
        let frame = self.padding().cols;
        let dirty = if self.plan.options.convolved == Convolved::Linear {
            let (psf, first) = (self.stored(b, psf), frame - self.size() / 2);
            let psf = Spectrum::of(b, &psf, (first, first), self.padding());
            sky.multiply(b, &psf)
        } else {
            let scale = (frame * frame) as f64 / coverage.weights;
            sky.map(b, |first, columns, length| UvMultiply { uv: coverage.strip(first, columns, length), scale }.into())
        };
        let noiseless = dirty.inverse(b, self.grid());
        let noise = self.stored(b, noise);
        let dirty = noiseless.combine(b, 1.0, &noise, 1.0);
        let truth = sky.multiply_gaussian(b, self.found.covariance).inverse(b, self.grid());
        let stats = [noiseless.stats(b, None), dirty.stats(b, None)];
        let extremes = [dirty.extremes(b), truth.extremes(b)].concat();
        stats.into_iter().chain(extremes).for_each(|key: Key| b.answer(key));
        dirty.to_fits(b, &self.files.dirty, 0);
        truth.to_fits(b, &self.files.truth, 0);
    }

    /// The spectrum of the sky with its points where they are.
    fn spectrum_of_sky(&self, b: &mut Builder<'_>) -> Spectrum {
        let (size, frame) = (self.size(), self.padding().cols);
        let periodic = self.plan.options.convolved == Convolved::Periodic;
        // In a frame of twice the size there is room for what reaches over the image's edges.
        let margin = if periodic { 0 } else { REACH };
        let first = (frame - margin) % frame;
        let sky = ChunkedArray::made(b, self.strips(size + 2 * margin), |at| {
            let at = Rect { y0: at.y0 - margin as i64, x0: -(margin as i64), ..at };
            self.strip_of_sky(at, Drawing::Spread { periodic }).into()
        });
        Spectrum::of(b, &sky, (first, first), self.padding()).map(b, |first_column, columns, length| {
            GriddingCorrection { columns, length, first_column, row_length: frame }.into()
        })
    }

    fn strip_of_sky(&self, at: Rect, drawing: Drawing) -> Sky {
        let model = &self.plan.model;
        Sky { at, size: self.size(), extended: model.extended.clone(), points: model.points_near(at), drawing }
    }

    /// An image that an earlier stage has written; without it, of something as large.
    fn stored(&self, b: &mut Builder<'_>, image: Option<&Image>) -> ChunkedArray {
        match image {
            Some(image) => ChunkedArray::from_fits(b, &Source::plane(image, 0), self.grid().chunk.0),
            None => ChunkedArray::fill(b, self.grid(), 0.0),
        }
    }

    /// The graphs of all stages, with a beam of which nobody knows yet.
    pub fn rehearse(&self) -> Vec<Graph> {
        let mut rehearsal = self.ids.clone();
        let stages = [Stage::Psf, Stage::Sky, Stage::Noise, Stage::Dirty];
        stages.into_iter().filter_map(|stage| self.graph(stage, &mut rehearsal, true).ok()).collect()
    }

    /// Takes what a stage has answered.
    fn conclude(&mut self, answers: Vec<Payload>) -> Result<()> {
        let mut answers = Answers(answers.into());
        let (strips, history) = (self.grid().len(), history(self.plan.options));
        match self.stage {
            Stage::Start => {}
            Stage::Psf => {
                self.fit(&answers.pixels()?)?;
                let beam: Vec<Beam> = self.found.beam.into_iter().collect();
                self.files.psf.finish(&history, &beam, answers.sum(strips)?)?;
                let rest = answers.0.len();
                if let Some(psf2n) = &mut self.files.psf2n {
                    psf2n.finish(&history, &beam, answers.sum(rest)?)?;
                }
            }
            Stage::Sky => {
                self.found.sidelobe = f64::from(answers.stats()?.peak.abs());
                self.found.psf_min = answers.extremes(strips)?.0;
                self.files.sky.finish(&history, &[], answers.sum(strips)?)?;
            }
            Stage::Noise => {
                self.found.noise = answers.stats()?;
                let beam: Vec<Beam> = self.found.beam.into_iter().collect();
                self.files.noise.finish(&history, &beam, answers.sum(strips)?)?;
            }
            Stage::Dirty => {
                (self.found.noiseless, self.found.dirty) = (answers.stats()?, answers.stats()?);
                (self.found.dirty_peak, self.found.truth_peak) =
                    (answers.extremes(strips)?.1, answers.extremes(strips)?.1);
                let beam: Vec<Beam> = self.found.beam.into_iter().collect();
                self.files.dirty.finish(&history, &beam, answers.sum(strips)?)?;
                self.files.truth.finish(&history, &beam, answers.sum(strips)?)?;
            }
        }
        Ok(())
    }

    /// Fits the beam to the pixels around the PSF's peak.
    fn fit(&mut self, lobe: &Block<f32>) -> Result<()> {
        let (rows, cols) = lobe.dim();
        self.found.covariance = fit_beam(lobe.view(), (rows / 2, cols / 2)).map_err(|error| {
            Error::usage(format!("this observation has no beam: {}", error.message))
                .remedy("choose a --cell and a --size that suit the baselines, or a longer track (--ha)")
        })?;
        let cell = self.files.psf.cell();
        self.found.beam = Some(Beam::from_covariance(self.found.covariance, &cell));
        Ok(())
    }
}

impl Client for Observation<'_> {
    fn peak_bytes(&self, workers: usize) -> usize {
        forecast(&self.rehearse(), workers).peak_bytes
    }

    fn advance(&mut self, answers: Vec<Payload>) -> Result<Option<Graph>> {
        self.conclude(answers)?;
        let (next, text) = match self.stage {
            Stage::Start => (Stage::Psf, "makes the PSF"),
            Stage::Psf => (Stage::Sky, "makes the sky"),
            Stage::Sky => (Stage::Noise, "makes the noise"),
            Stage::Noise => (Stage::Dirty, "makes the dirty image and restored truth"),
            Stage::Dirty => return Ok(None),
        };
        self.events.note(None, text);
        self.stage = next;
        let mut ids = self.ids.clone();
        let graph = self.graph(next, &mut ids, false)?;
        self.ids = ids;
        Ok(Some(graph))
    }
}

/// Answers, taken one after the other.
struct Answers(VecDeque<Payload>);

impl Answers {
    fn next(&mut self) -> Result<Payload> {
        self.0.pop_front().ok_or_else(|| Error::internal("a simulation was told too little"))
    }

    fn pixels(&mut self) -> Result<Block<f32>> {
        match self.next()? {
            Payload::Real(pixels) => Ok(pixels),
            other => Err(Error::internal(format!("pixels were expected, not {}", other.kind()))),
        }
    }

    fn stats(&mut self) -> Result<Stats> {
        match self.next()? {
            Payload::Stats(stats) => Ok(stats),
            other => Err(Error::internal(format!("statistics were expected, not {}", other.kind()))),
        }
    }

    fn numbers(&mut self) -> Result<Vec<f64>> {
        match self.next()? {
            Payload::Numbers(numbers) => Ok(numbers),
            other => Err(Error::internal(format!("numbers were expected, not {}", other.kind()))),
        }
    }

    /// The sum of the pixels of so many chunks, for DATASUM.
    fn sum(&mut self, chunks: usize) -> Result<u32> {
        (0..chunks).try_fold(0, |total, _| Ok(checksum::add(total, self.numbers()?[0] as u32)))
    }

    /// The smallest and the largest pixel of so many chunks.
    fn extremes(&mut self, chunks: usize) -> Result<(f64, f64)> {
        (0..chunks).try_fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), _| {
            let numbers = self.numbers()?;
            Ok((low.min(numbers[0]), high.max(numbers[1])))
        })
    }
}
