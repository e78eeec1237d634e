//! What a filter must know of PSF, noise and sky, and how it is found out.
//!
//! The noise is never measured of the dirty image, whose sidelobes are no noise, but of what a first solution makes of it: model ⊛
//! beam + residual is empty sky for the most part, so that its median absolute deviation is that of the noise, times what the
//! filter does to noise, which follows from the transfer function. The strength of the sky is what the solution has where the PSF
//! measures at all, less what the noise has made of it.

use super::{Balance, Boundary, Parameters, Plane, Progress};
use crate::array::{Builder, ChunkedArray, Spectrum, median_and_mad};
use crate::error::{Error, Kind, Result};
use crate::event::Key;
use crate::kernel::{
    NoiseSpectrum, Payload, Prior, PriorPower, Regularization, Stats, TransferSums, VALUE, Validation, Wiener,
    mad_to_sigma,
};
use serde::{Deserialize, Serialize};

/// What a filter knows of noise and sky.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FilterFacts {
    /// λ, as a part of the PSF's peak (of its square with white noise).
    pub balance: f64,
    /// Standard deviation of the noise, in the unit of the dirty image, if it had to be known.
    pub noise: Option<f64>,
    /// Standard deviation of the sky in the terms of the prior, in the unit of the dirty image per pixel, if it had to be known.
    pub sky: Option<f64>,
    /// What the noise was taken for.
    pub spectrum: NoiseSpectrum,
    /// What a difference of neighbours is up to which it counts as noise, in the unit of the dirty image per pixel; of huber.
    pub delta: Option<f64>,
    /// The most negative number of the transfer function, as a part of its largest: the PSF lacks sidelobes.
    pub negative: f64,
    /// What is left of the equations, as a part of the dirty image; 0 of one transform.
    pub accuracy: f64,
}

/// A transfer function below this part of its maximum holds no data.
const MEASURED: f64 = 1e-3;

/// The same where the frame cuts the image out of something larger, which smears its transform.
const MEASURED_OF_CROP: f64 = 1e-2;

/// The noise as a part of the dirty image, of which λ is made as long as it is not known better.
const PROVISIONAL: f64 = 0.01;

/// The least power of a sky as a part of what the noise alone would look like: the noise is not known so well that less could be told.
const LEAST_SKY: f64 = 0.01;

/// Standard deviation of the sky of so many pixels, of the sums of [`PriorPower`] and the noise.
fn sky_of(power: &[f64], noise: f64, pixels: u64) -> f64 {
    let by_noise = noise * noise * power[2];
    let left = power[0] / pixels.max(1) as f64 - by_noise;
    let sky = left.max(LEAST_SKY * by_noise);
    if power[1] > 0.0 { (sky / power[1]).sqrt() } else { 0.0 }
}

/// How a plane is filtered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Filter {
    /// What the noise is like.
    pub noise: NoiseSpectrum,
    /// R; its balance is 1.
    pub prior: Prior,
    /// What is assumed beyond the frame.
    pub boundary: Boundary,
    /// Covariance of the restoring beam, pixels².
    pub covariance: [f64; 3],
}

/// What is known of a PSF and of the dirty image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TransferFacts {
    /// Unblanked pixels of the dirty image, sum of their squares, peak and so on.
    pub dirty: Stats,
    /// The largest real part of the transfer function, and the smallest.
    pub range: (f64, f64),
    /// Its mean square in the frame.
    pub mean_square: f64,
    /// Mean of R where the sky is seen, above 0.
    pub mean_prior: f64,
}

impl FilterFacts {
    /// Of a filter of noise like that, which knows nothing yet.
    pub fn new(spectrum: NoiseSpectrum) -> FilterFacts {
        FilterFacts { balance: 0.0, noise: None, sky: None, delta: None, spectrum, negative: 0.0, accuracy: 0.0 }
    }
}

impl TransferFacts {
    /// What will do where nothing runs.
    pub const ON_PAPER: TransferFacts =
        TransferFacts { dirty: Stats::EMPTY, range: (1.0, 0.0), mean_square: 1.0, mean_prior: 1.0 };
}

impl Filter {
    /// Of a plane, with what the user says.
    pub fn new(plane: &Plane, parameters: &Parameters, regularization: Regularization) -> Filter {
        let periodic = parameters.boundary == Boundary::Periodic;
        let noise = parameters.noise_spectrum;
        let noise = noise.unwrap_or(if periodic { NoiseSpectrum::White } else { NoiseSpectrum::Natural });
        // White noise is a term of its own in the denominator, natural noise only where the PSF measures.
        let prior = match noise {
            NoiseSpectrum::White => Prior::bare(1.0, regularization),
            NoiseSpectrum::Natural => Prior::raised(1.0, regularization),
        };
        Filter { noise, prior, boundary: parameters.boundary, covariance: plane.psf.covariance }
    }

    /// Does one transform solve it?
    pub fn is_direct(&self) -> bool {
        self.boundary == Boundary::Periodic || self.noise == NoiseSpectrum::White
    }

    /// Appends what tells of PSF and dirty image; what a balance is found from only where one is to be found.
    pub fn look(&self, b: &mut Builder<'_>, plane: &Plane, dirty: &ChunkedArray, balance: Balance) {
        let psf = plane.convolution.psf();
        let stats = dirty.stats(b, None);
        b.answer(stats);
        if !matches!(balance, Balance::Given(_)) {
            let sums = self.gains(b, psf, self.prior, None);
            b.answer(sums);
        }
        psf.extremes(b).into_iter().for_each(|key| b.answer(key));
    }

    fn gains(&self, b: &mut Builder<'_>, psf: &Spectrum, prior: Prior, covariance: Option<[f64; 3]>) -> Key {
        let noise = self.noise;
        psf.sums(b, &[], TransferSums::WIDTH, |strip| TransferSums { strip, prior, noise, covariance }.into())
    }

    /// Reads the answers of [`Filter::look`].
    ///
    /// # Errors
    /// If these are not those.
    pub fn facts(&self, plane: &Plane, answers: &[Payload]) -> Result<TransferFacts> {
        let [Payload::Stats(dirty), rest @ ..] = answers else {
            return Err(Error::internal("the dirty image was not measured"));
        };
        let (sums, extremes) = match rest {
            [Payload::Numbers(sums), extremes @ ..] if sums.len() == TransferSums::WIDTH => (sums.as_slice(), extremes),
            extremes => ([1.0; TransferSums::WIDTH].as_slice(), extremes),
        };
        let extremes = extremes.iter().map(|strip| strip.numbers());
        let range = extremes
            .fold((f64::NEG_INFINITY, f64::INFINITY), |(high, low), strip| (high.max(strip[1]), low.min(strip[0])));
        let frame = plane.convolution.psf().padding();
        let mean_square = sums[0] / (frame.rows * frame.cols) as f64;
        // Of a single pixel there is nothing but k = 0, where R may be 0.
        let mean_prior = if sums[1] > 0.0 && sums[2] > 0.0 { sums[2] / sums[1] } else { 1.0 };
        Ok(TransferFacts { dirty: *dirty, range, mean_square, mean_prior })
    }

    /// λ as long as nothing else is known.
    pub fn provisional(&self, facts: &TransferFacts) -> f64 {
        PROVISIONAL.powi(2) * facts.mean_square / facts.mean_prior
    }

    /// The transfer function of the least that counts as measured.
    pub fn least(&self, facts: &TransferFacts) -> f64 {
        MEASURED * facts.range.0
    }

    /// The spectrum of the model, of that of the dirty image, in one go.
    pub fn apply(
        &self,
        b: &mut Builder<'_>,
        dirty: &Spectrum,
        psf: &Spectrum,
        (balance, facts): (f64, &TransferFacts),
    ) -> Spectrum {
        let (prior, noise, least) = (self.prior.with(balance), self.noise, self.least(facts));
        dirty.with(b, psf, |strip| Wiener { strip, prior, noise, least }.into())
    }

    /// Appends what cross-validation needs, of the spectrum of the dirty image.
    pub fn validate(&self, b: &mut Builder<'_>, dirty: &Spectrum, psf: &Spectrum, facts: &TransferFacts) {
        let part = if self.boundary == Boundary::Periodic { MEASURED } else { MEASURED_OF_CROP };
        let (prior, noise, least) = (self.validated(facts), self.noise, part * facts.range.0);
        let sums = dirty.sums(b, &[psf], Validation::WIDTH, |strip| Validation { strip, prior, noise, least }.into());
        b.answer(sums);
    }

    fn validated(&self, facts: &TransferFacts) -> Prior {
        self.prior.with(1.0 / facts.mean_prior)
    }

    /// λ of the best score.
    ///
    /// # Errors
    /// If the answers are not those of [`Filter::validate`].
    pub fn validated_balance(&self, facts: &TransferFacts, answers: &[Payload]) -> Result<f64> {
        match answers {
            [Payload::Numbers(sums)] if sums.len() == Validation::WIDTH => {
                Ok(self.validated(facts).balance * Validation::factor(Validation::best(sums)))
            }
            _ => Err(Error::internal("the balance was not validated")),
        }
    }

    /// Appends what tells noise and sky, of a model and its spectrum; the noise only where it is to be measured.
    pub fn weigh(
        &self,
        b: &mut Builder<'_>,
        plane: &Plane,
        model: &Spectrum,
        (balance, facts, measure_noise): (f64, &TransferFacts, bool),
    ) {
        let psf = plane.convolution.psf();
        let (prior, noise, least) = (self.prior.with(balance), self.noise, self.least(facts));
        let power = model.sums(b, &[psf], PriorPower::WIDTH, |strip| PriorPower { strip, prior, noise, least }.into());
        b.answer(power);
        if measure_noise {
            let gains = self.gains(b, psf, self.prior.with(balance), Some(self.covariance));
            b.answer(gains);
            let grid = plane.dirty.grid();
            let left = model.multiply(b, psf).inverse(b, grid).combine(b, -1.0, &plane.dirty, 1.0);
            let restored = model.multiply_gaussian(b, self.covariance).inverse(b, grid).combine(b, 1.0, &left, 1.0);
            let (median, mad) = median_and_mad(b, |_| restored.clone());
            b.answer(median);
            b.answer(mad);
        }
    }

    /// Standard deviations of noise and sky.
    ///
    /// # Errors
    /// If the answers are not those of [`Filter::weigh`].
    pub fn weighed(
        &self,
        plane: &Plane,
        answers: &[Payload],
        facts: &TransferFacts,
        noise: Option<f64>,
    ) -> Result<(f64, f64)> {
        let wrong = || Error::internal("noise and sky were not measured");
        let [Payload::Numbers(power), rest @ ..] = answers else { return Err(wrong()) };
        let noise = match (noise, rest) {
            (Some(noise), _) => noise,
            (None, [Payload::Numbers(gains), _, Payload::Numbers(mad)]) => {
                let frame = plane.convolution.psf().padding();
                let gain = (gains[3] / (frame.rows * frame.cols) as f64).sqrt();
                if gain > 0.0 { mad_to_sigma(mad[VALUE]) / gain } else { 0.0 }
            }
            _ => return Err(wrong()),
        };
        Ok((noise, sky_of(power, noise, facts.dirty.count)))
    }
}

/// Where a filter ended, of what was measured of its residual.
///
/// # Errors
/// If pixels were lost.
pub fn at_the_end(facts: &TransferFacts, stats: &Stats, known: FilterFacts, iterations: u64) -> Result<Progress> {
    if stats.count < facts.dirty.count {
        return Err(Error::new(Kind::Input, "the filter left the range of 32-bit numbers")
            .remedy("scale the image to values nearer to 1, or raise --balance"));
    }
    let (peak, first_peak) = (f64::from(stats.peak.abs()), f64::from(facts.dirty.peak.abs()));
    let (rms, pixels, filter) = (stats.std(), facts.dirty.count, Some(known));
    let none = Progress::default();
    Ok(Progress { iterations, refreshes: 1, pixels, first_peak, peak, score: peak, rms, filter, ..none })
}
