//! Twins that add up the cells of each column of a spectrum: what they add is what f32 makes of it, the sums are exact beside that.

use super::shapes::{Gaussian, Ridge};
use super::spectra::{no_more, parts, parts_bytes, suits};
use super::sums::{Pair, ZERO, sums_shader};
use super::{Recording, Twin};
use crate::device::{Access, Chunk, Facts, Shader};
use crate::error::Result;
use crate::kernel::payload::{Payload, Shape};
use crate::kernel::{NoisePower, NoiseSpectrum, Prior, PriorPower, Strip, TransferSums, Validation, is_sampled};
use bytemuck::{Pod, Zeroable};

pub(super) static TRANSFER_SUMS: Shader = sums_shader!(
    "transfer_sums",
    ["prior", "strip", "gaussian"],
    TransferParameters,
    &[Access::Read, Access::Read, Access::Read, Access::Read, Access::Write]
);
pub(super) static PRIOR_POWER: Shader = sums_shader!(
    "prior_power",
    ["prior", "strip", "power"],
    PriorParameters,
    &[Access::Read, Access::Read, Access::Read, Access::Read, Access::Write]
);
pub(super) static NOISE_POWER: Shader = sums_shader!(
    "noise_power",
    ["prior", "strip", "power"],
    NoiseParameters,
    &[Access::Read, Access::Read, Access::Read, Access::Read, Access::Write]
);
pub(super) static VALIDATION: Shader = sums_shader!(
    "validation",
    ["prior", "strip", "power"],
    ValidationParameters,
    &[Access::Read, Access::Read, Access::Read, Access::Read, Access::Read, Access::Write]
);

/// What `parts/strip.wgsl` knows of all columns.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct StripParameters {
    length: u32,
    stride: u32,
    regularization: u32,
    floor: f32,
    white: u32,
    least: f32,
}

impl StripParameters {
    fn new(recording: &Recording<'_>, strip: &Strip, prior: &Prior, noise: NoiseSpectrum, least: f64) -> Self {
        StripParameters {
            length: strip.length as u32,
            stride: recording.dim(0).2 as u32,
            regularization: prior.regularization as u32,
            floor: prior.floor as f32,
            white: (noise == NoiseSpectrum::White).into(),
            least: no_more(least),
        }
    }
}

/// Can a device add up the columns of a strip, so many sums of each?
fn are_added_up(strip: &Strip, width: usize, facts: &Facts) -> bool {
    let numbers = strip.columns * Shape::Complex { rows: strip.columns, cols: strip.length }.stride();
    suits(strip.columns) && u32::try_from(numbers).is_ok() && made_bytes(strip, width) as u64 <= facts.largest
}

/// Bytes of what the shaders make: of each column a scale and so many sums.
fn made_bytes(strip: &Strip, width: usize) -> usize {
    strip.columns * (1 + width) * size_of::<Pair>()
}

/// Runs a shader that adds up the columns of the strips that are the inputs, with one more table or none; the output is what
/// `unscaled` makes of each sum, its number in the column and the scale of that.
fn add_up<P: Pod>(
    recording: &mut Recording<'_>,
    (shader, parameters): (&'static Shader, P),
    (strip, width): (&Strip, usize),
    table: Option<Chunk>,
    unscaled: impl Fn(f64, usize, f64) -> f64,
) -> Result<()> {
    let made = recording.work(made_bytes(strip, width))?;
    let mut chunks: Vec<Chunk> = (0..recording.inputs()).map(|i| recording.chunk(i)).collect();
    chunks.extend(parts(recording, strip)?);
    chunks.extend(table);
    chunks.push(made.clone());
    recording.dispatch(shader, parameters, &chunks.iter().collect::<Vec<_>>(), [strip.columns as u32, 1, 1]);
    let pairs = recording.read::<Pair>(&made, strip.columns * (1 + width))?;
    let mut numbers = Vec::with_capacity(strip.columns * width);
    for (column, pairs) in pairs.chunks_exact(1 + width).enumerate() {
        let (scale, weight) = (f64::from(pairs[0].high), strip.weight(column));
        numbers.extend(pairs[1..].iter().enumerate().map(|(i, pair)| weight * unscaled(pair.sum(), i, scale)));
    }
    *recording.output(0) = Payload::Numbers(numbers);
    Ok(())
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct TransferParameters {
    zero: u32,
    balance: f32,
    root: f32,
    strip: StripParameters,
    beam: Gaussian,
}

impl Twin for TransferSums {
    fn suits(&self, facts: &Facts) -> bool {
        are_added_up(&self.strip, TransferSums::WIDTH, facts) && self.covariance.is_none_or(is_sampled)
    }

    fn work_bytes(&self) -> usize {
        let ridges = self.gaussian().map_or(size_of::<Ridge>(), |gaussian| gaussian.ridges_bytes());
        parts_bytes(&self.strip) + made_bytes(&self.strip, TransferSums::WIDTH) + ridges
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let (beam, ridges) = match self.gaussian() {
            None => (Gaussian::zeroed(), vec![Ridge::NONE]),
            Some(gaussian) => (gaussian.gaussian(), gaussian.all_ridges()),
        };
        let parameters = TransferParameters {
            zero: ZERO,
            balance: self.prior.balance as f32,
            root: self.prior.balance.sqrt() as f32,
            strip: StripParameters::new(recording, &self.strip, &self.prior, self.noise, 0.0),
            beam,
        };
        let table = Some(recording.list(&ridges)?);
        let columns = (&self.strip, TransferSums::WIDTH);
        add_up(recording, (&TRANSFER_SUMS, parameters), columns, table, |sum, _, _| sum)
    }
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct PriorParameters {
    zero: u32,
    balance: f32,
    strip: StripParameters,
}

impl Twin for PriorPower {
    fn suits(&self, facts: &Facts) -> bool {
        are_added_up(&self.strip, PriorPower::WIDTH, facts)
    }

    fn work_bytes(&self) -> usize {
        parts_bytes(&self.strip) + made_bytes(&self.strip, PriorPower::WIDTH)
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let parameters = PriorParameters {
            zero: ZERO,
            balance: self.prior.balance as f32,
            strip: StripParameters::new(recording, &self.strip, &self.prior, self.noise, self.least),
        };
        let columns = (&self.strip, PriorPower::WIDTH);
        add_up(recording, (&PRIOR_POWER, parameters), columns, None, first_is_scaled)
    }
}

/// Of the sums of a column the first is of squares of what was scaled.
fn first_is_scaled(sum: f64, i: usize, scale: f64) -> f64 {
    if i == 0 { sum / scale / scale } else { sum }
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct NoiseParameters {
    zero: u32,
    gate: f32,
    strip: StripParameters,
}

impl Twin for NoisePower {
    fn suits(&self, facts: &Facts) -> bool {
        are_added_up(&self.strip, NoisePower::WIDTH, facts)
    }

    fn work_bytes(&self) -> usize {
        parts_bytes(&self.strip) + made_bytes(&self.strip, NoisePower::WIDTH)
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let (prior, least) = (&self.facts.prior, self.facts.least);
        let parameters = NoiseParameters {
            zero: ZERO,
            gate: self.facts.gate as f32,
            strip: StripParameters::new(recording, &self.strip, prior, NoiseSpectrum::Natural, least),
        };
        let columns = (&self.strip, NoisePower::WIDTH);
        add_up(recording, (&NOISE_POWER, parameters), columns, None, first_is_scaled)
    }
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct ValidationParameters {
    zero: u32,
    strip: StripParameters,
}

/// A step of the scan: λ, and what R is multiplied by on top of the fraction, 1 or λ. What is left of small λ is then not below what f32 can
/// hold, nor its square.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Step {
    factor: f32,
    balance: f32,
}

impl Validation {
    /// λ of a step.
    fn balance(&self, step: usize) -> f64 {
        self.prior.balance * Validation::factor(step)
    }
}

impl Twin for Validation {
    fn suits(&self, facts: &Facts) -> bool {
        are_added_up(&self.strip, Validation::WIDTH, facts)
    }

    fn work_bytes(&self) -> usize {
        let steps = Validation::STEPS * size_of::<Step>();
        parts_bytes(&self.strip) + made_bytes(&self.strip, Validation::WIDTH) + steps
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let balances = (0..Validation::STEPS).map(|step| self.balance(step));
        let step = |balance: f64| Step { factor: balance.max(1.0) as f32, balance: balance as f32 };
        let table = Some(recording.list(&balances.map(step).collect::<Vec<_>>())?);
        let strip = StripParameters::new(recording, &self.strip, &self.prior, self.noise, self.least);
        let parameters = ValidationParameters { zero: ZERO, strip };
        let unscaled = |sum: f64, i: usize, scale: f64| {
            let left = self.balance(i / 2).min(1.0);
            if i.is_multiple_of(2) { sum * (left / scale).powi(2) } else { sum * left }
        };
        add_up(recording, (&VALIDATION, parameters), (&self.strip, Validation::WIDTH), table, unscaled)
    }
}

/// `validation.wgsl` has a number of invocations for each.
const _: () = assert!(Validation::STEPS == 33);
