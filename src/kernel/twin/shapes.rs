//! Twins that multiply spectra with those of shapes.

use super::super::gaussian::NEGLIGIBLE;
use super::super::scale::{reach, shape, shape_len};
use super::super::{GaussianMultiply, ScaleMultiply, is_sampled};
use super::spectra::{groups, suits};
use super::{Recording, Twin};
use crate::device::{Access, Chunk, Facts, Shader};
use crate::error::Result;
use bytemuck::{Pod, Zeroable};
use std::f64::consts::PI;

pub(super) static GAUSSIAN_MULTIPLY: Shader = Shader {
    name: "gaussian_multiply",
    source: concat!(
        include_str!("../../../shaders/parts/gaussian.wgsl"),
        include_str!("../../../shaders/gaussian_multiply.wgsl")
    ),
    parameters: size_of::<GaussianParameters>(),
    buffers: &[Access::Write, Access::Read],
};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct GaussianParameters {
    stride: u32,
    gaussian: Gaussian,
}

/// What `parts/gaussian.wgsl` knows of a Gaussian.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Gaussian {
    length: u32,
    across: u32,
    down: i32,
    peak: f32,
    bend: f32,
    most: f32,
}

/// What the shader knows of an alias of a horizontal frequency: the smallest −ln(T / peak), the row nearest to where that is, and how
/// much further down that is. The row is one of those from 0 to the length: vertical aliases are added up all the same.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Ridge {
    least: f32,
    row: i32,
    fraction: f32,
}

impl Ridge {
    /// One that is left out.
    pub(super) const NONE: Ridge = Ridge { least: f32::MAX, row: 0, fraction: 0.0 };

    /// Where the ridge is given in cycles per pixel.
    fn new((least, ridge): (f64, f64), length: usize) -> Ridge {
        let rows = (ridge - ridge.floor()) * length as f64;
        let row = rows.round();
        Ridge { least: least as f32, row: row as i32, fraction: (rows - row) as f32 }
    }
}

impl Twin for GaussianMultiply {
    fn suits(&self, _: &Facts) -> bool {
        suits(self.columns)
    }

    fn work_bytes(&self) -> usize {
        if is_sampled(self.covariance) { self.ridges_bytes() } else { 0 }
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        self.check()?;
        let (_, _, stride) = recording.made_dim(0);
        let parameters = GaussianParameters { stride: stride as u32, gaussian: self.gaussian() };
        let (spectrum, ridges) = (recording.made(0), recording.list(&self.all_ridges())?);
        recording.dispatch(&GAUSSIAN_MULTIPLY, parameters, &[&spectrum, &ridges], groups(self.columns, self.length));
        Ok(())
    }
}

impl GaussianMultiply {
    /// What the shader knows of it.
    pub(super) fn gaussian(&self) -> Gaussian {
        let ((across, down), (peak, _, v)) = (self.aliases(), self.fall());
        Gaussian {
            length: self.length as u32,
            across: across as u32,
            down: down as i32,
            peak: peak as f32,
            bend: (v / (self.length as f64).powi(2)) as f32,
            most: NEGLIGIBLE as f32,
        }
    }

    /// The horizontal aliases of all columns.
    pub(super) fn all_ridges(&self) -> Vec<Ridge> {
        let (across, _) = self.aliases();
        let mut ridges = vec![Ridge::NONE; self.columns * across];
        for (column, ridges) in ridges.chunks_exact_mut(across).enumerate() {
            let known = self.ridges(self.first_column + column);
            ridges.iter_mut().zip(known).for_each(|(ridge, known)| *ridge = Ridge::new(known, self.length));
        }
        ridges
    }

    /// Bytes of these.
    pub(super) fn ridges_bytes(&self) -> usize {
        self.columns * self.aliases().0 * size_of::<Ridge>()
    }

    /// How many horizontal aliases of a frequency can count, and how many vertical ones on either side of the nearest.
    fn aliases(&self) -> (usize, usize) {
        let (_, u, v) = self.fall();
        let reach = |bend: f64| (NEGLIGIBLE / bend).sqrt();
        // Nearest are those no further than half a period, and as a row is a whole number half a row.
        let nearest = 0.5 + 0.5 / self.length as f64;
        ((2.0 * reach(u)) as usize + 1, (reach(v) + nearest) as usize)
    }
}

pub(super) static SCALE_LINES: Shader = Shader {
    name: "scale_lines",
    source: include_str!("../../../shaders/scale_lines.wgsl"),
    parameters: size_of::<LinesParameters>(),
    buffers: &[Access::Write, Access::Read, Access::Read],
};

pub(super) static SCALE_MULTIPLY: Shader = Shader {
    name: "scale_multiply",
    source: include_str!("../../../shaders/scale_multiply.wgsl"),
    parameters: size_of::<ScaleParameters>(),
    buffers: &[Access::Write, Access::Read, Access::Read],
};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct LinesParameters {
    reach: u32,
    first_column: u32,
    row_length: u32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct ScaleParameters {
    length: u32,
    stride: u32,
    reach: u32,
}

impl Twin for ScaleMultiply {
    fn suits(&self, _: &Facts) -> bool {
        suits(self.columns)
    }

    fn work_bytes(&self) -> usize {
        let side = reach(self.scale) + 1;
        (side * (side + self.columns) + self.row_length + self.length) * size_of::<f32>()
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        self.check()?;
        let reach = reach(self.scale);
        let lines = recording.work(self.columns * (reach + 1) * size_of::<f32>())?;
        let (shape, cosines) = (recording.list(&quarter(self.scale))?, cosines(recording, self.row_length)?);
        let parameters = LinesParameters {
            reach: reach as u32,
            first_column: self.first_column as u32,
            row_length: self.row_length as u32,
        };
        let groups = groups(self.columns, reach + 1);
        recording.dispatch(&SCALE_LINES, parameters, &[&lines, &shape, &cosines], groups);
        let (_, _, stride) = recording.made_dim(0);
        let parameters = ScaleParameters { length: self.length as u32, stride: stride as u32, reach: reach as u32 };
        let (spectrum, cosines) = (recording.made(0), self::cosines(recording, self.length)?);
        let groups = self::groups(self.columns, self.length / 2 + 1);
        recording.dispatch(&SCALE_MULTIPLY, parameters, &[&spectrum, &lines, &cosines], groups);
        Ok(())
    }
}

/// The shape of a scale right of its centre and below it, from the centre on.
fn quarter(scale: f64) -> Vec<f32> {
    let mut pixels = vec![0.0; shape_len(scale)];
    shape(scale, &mut pixels);
    let reach = reach(scale);
    let rows = pixels.chunks_exact(2 * reach + 1).skip(reach);
    rows.flat_map(|row| &row[reach..]).copied().collect()
}

/// A period of the cosine in so many numbers.
fn cosines(recording: &Recording<'_>, count: usize) -> Result<Chunk> {
    let cosine = |i: usize| (2.0 * PI * i as f64 / count as f64).cos() as f32;
    recording.list(&(0..count).map(cosine).collect::<Vec<_>>())
}
