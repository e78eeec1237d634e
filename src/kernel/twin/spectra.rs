//! Twins that work frequency by frequency.

use super::super::prior::part;
use super::super::{Correlate, Multiply, NoiseSpectrum, Normal, Strip, Wiener};
use super::{Recording, Twin};
use crate::device::{Access, Chunk, Facts, Shader};
use crate::error::Result;
use bytemuck::{Pod, Zeroable};

pub(super) static MULTIPLY: Shader = Shader {
    name: "multiply",
    source: include_str!("../../../shaders/multiply.wgsl"),
    parameters: size_of::<MultiplyParameters>(),
    buffers: &[Access::Write, Access::Read],
};

pub(super) static WIENER: Shader = Shader {
    name: "wiener",
    source: concat!(include_str!("../../../shaders/parts/prior.wgsl"), include_str!("../../../shaders/wiener.wgsl")),
    parameters: size_of::<WienerParameters>(),
    buffers: &[Access::Write, Access::Read, Access::Read, Access::Read],
};

pub(super) static NORMAL: Shader = Shader {
    name: "normal",
    source: concat!(include_str!("../../../shaders/parts/prior.wgsl"), include_str!("../../../shaders/normal.wgsl")),
    parameters: size_of::<NormalParameters>(),
    buffers: &[Access::Write, Access::Read, Access::Read, Access::Read],
};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct MultiplyParameters {
    count: u32,
    conjugate: u32,
}

impl Twin for Multiply {
    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        multiply(recording, false)
    }
}

impl Twin for Correlate {
    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        multiply(recording, true)
    }
}

fn multiply(recording: &mut Recording<'_>, conjugate: bool) -> Result<()> {
    let (rows, _, stride) = recording.made_dim(0);
    let parameters = MultiplyParameters { count: (rows * stride) as u32, conjugate: conjugate.into() };
    let (a, b) = (recording.made(0), recording.chunk(0));
    recording.dispatch(&MULTIPLY, parameters, &[&a, &b], Shader::groups(rows * stride));
    Ok(())
}

/// The workgroups of a shader with one invocation a number, a row of workgroups a line.
pub(super) fn groups(columns: usize, length: usize) -> [u32; 3] {
    [(length as u32).div_ceil(Shader::INVOCATIONS), columns as u32, 1]
}

/// Are there no more lines than [`groups`] has room for?
pub(super) fn suits(columns: usize) -> bool {
    columns <= Shader::MOST_GROUPS as usize
}

/// The parts of the Laplacian's transfer function, one a line of a strip and one a vertical frequency: it is the sum of the two.
pub(super) fn parts(recording: &Recording<'_>, strip: &Strip) -> Result<[Chunk; 2]> {
    let list = |numbers: &mut dyn Iterator<Item = f64>| recording.list(&numbers.map(|n| n as f32).collect::<Vec<_>>());
    let across = list(&mut (0..strip.columns).map(|column| part(strip.first_column + column, strip.row_length)))?;
    let down = list(&mut (0..strip.length).map(|k| part(k, strip.length)))?;
    Ok([across, down])
}

/// Bytes of these.
pub(super) fn parts_bytes(strip: &Strip) -> usize {
    (strip.columns + strip.length) * size_of::<f32>()
}

/// Runs a shader that is bound to a strip, the PSF's, and the parts of the Laplacian's transfer function.
fn filter<P: Pod>(recording: &mut Recording<'_>, shader: &'static Shader, strip: &Strip, parameters: P) -> Result<()> {
    let [across, down] = parts(recording, strip)?;
    let (spectrum, psf) = (recording.made(0), recording.chunk(0));
    let groups = groups(strip.columns, strip.length);
    recording.dispatch(shader, parameters, &[&spectrum, &psf, &across, &down], groups);
    Ok(())
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct WienerParameters {
    length: u32,
    stride: u32,
    regularization: u32,
    balance: f32,
    root: f32,
    floor: f32,
    least: f32,
    white: u32,
}

impl Twin for Wiener {
    fn suits(&self, _: &Facts) -> bool {
        suits(self.strip.columns)
    }

    fn work_bytes(&self) -> usize {
        parts_bytes(&self.strip)
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let (_, _, stride) = recording.made_dim(0);
        let parameters = WienerParameters {
            length: self.strip.length as u32,
            stride: stride as u32,
            regularization: self.prior.regularization as u32,
            balance: self.prior.balance as f32,
            root: self.prior.balance.sqrt() as f32,
            floor: self.prior.floor as f32,
            least: no_more(self.least),
            white: (self.noise == NoiseSpectrum::White).into(),
        };
        filter(recording, &WIENER, &self.strip, parameters)
    }
}

/// The largest number that is not above this one. Of numbers in f32 just those are above it that are above this one too.
pub(super) fn no_more(number: f64) -> f32 {
    let near = number as f32;
    if f64::from(near) > number { near.next_down() } else { near }
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct NormalParameters {
    length: u32,
    stride: u32,
    regularization: u32,
    balance: f32,
    floor: f32,
    added: f32,
    inverse: u32,
}

impl Twin for Normal {
    fn suits(&self, _: &Facts) -> bool {
        suits(self.strip.columns)
    }

    fn work_bytes(&self) -> usize {
        parts_bytes(&self.strip)
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let (_, _, stride) = recording.made_dim(0);
        let parameters = NormalParameters {
            length: self.strip.length as u32,
            stride: stride as u32,
            regularization: self.prior.regularization as u32,
            balance: self.prior.balance as f32,
            floor: self.prior.floor as f32,
            added: self.added as f32,
            inverse: self.inverse.into(),
        };
        filter(recording, &NORMAL, &self.strip, parameters)
    }
}
