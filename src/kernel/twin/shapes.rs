//! Twins that multiply spectra with those of shapes.

use super::super::gaussian::NEGLIGIBLE;
use super::super::{GaussianMultiply, is_sampled};
use super::spectra::{lines, suits};
use super::{Recording, Twin};
use crate::device::{Access, Facts, Shader};
use crate::error::Result;
use bytemuck::{Pod, Zeroable};

pub(super) static GAUSSIAN_MULTIPLY: Shader = Shader {
    name: "gaussian_multiply",
    source: include_str!("../../../shaders/gaussian_multiply.wgsl"),
    parameters: size_of::<GaussianParameters>(),
    buffers: &[Access::Write, Access::Read],
};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct GaussianParameters {
    length: u32,
    stride: u32,
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
struct Ridge {
    least: f32,
    row: i32,
    fraction: f32,
}

impl Ridge {
    /// One that is left out.
    const NONE: Ridge = Ridge { least: f32::MAX, row: 0, fraction: 0.0 };

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
        if is_sampled(self.covariance) { self.columns * self.aliases().0 * size_of::<Ridge>() } else { 0 }
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        self.check()?;
        let ((across, down), (peak, _, v)) = (self.aliases(), self.fall());
        let mut ridges = vec![Ridge::NONE; self.columns * across];
        for (column, ridges) in ridges.chunks_exact_mut(across).enumerate() {
            let known = self.ridges(self.first_column + column);
            ridges.iter_mut().zip(known).for_each(|(ridge, known)| *ridge = Ridge::new(known, self.length));
        }
        let (_, _, stride) = recording.made_dim(0);
        let parameters = GaussianParameters {
            length: self.length as u32,
            stride: stride as u32,
            across: across as u32,
            down: down as i32,
            peak: peak as f32,
            bend: (v / (self.length as f64).powi(2)) as f32,
            most: NEGLIGIBLE as f32,
        };
        let (spectrum, ridges) = (recording.made(0), recording.list(&ridges)?);
        recording.dispatch(&GAUSSIAN_MULTIPLY, parameters, &[&spectrum, &ridges], lines(self.columns, self.length));
        Ok(())
    }
}

impl GaussianMultiply {
    /// How many horizontal aliases of a frequency can count, and how many vertical ones on either side of the nearest.
    fn aliases(&self) -> (usize, usize) {
        let (_, u, v) = self.fall();
        let reach = |bend: f64| (NEGLIGIBLE / bend).sqrt();
        // Nearest are those no further than half a period, and as a row is a whole number half a row.
        let nearest = 0.5 + 0.5 / self.length as f64;
        ((2.0 * reach(u)) as usize + 1, (reach(v) + nearest) as usize)
    }
}
