//! The scales of multiscale CLEAN: what shape a scale stands for, and convolution with it in the Fourier domain.
//!
//! A scale of α > 0 pixels is the tapered quadratic of T. J. Cornwell (2008, IEEE JSTSP 2, 793), a parabola under a taper,
//!
//! K(r) ∝ (1 − (r/α)²) · ½ (1 + cos(2πr / (n + 1))) for r < min(α, (n + 1)/2), n = 2⌈α/2⌉ + 1,
//!
//! sampled at the pixels and of unit sum. The taper is that of WSClean (A. R. Offringa & O. Smirnov 2017, MNRAS 471, 301),
//! and so is the number: α is the full width of the support (FWHM about α/2), not half of it as in CASA. 0 is a point.

use super::fft::{half_length, plan};
use super::operation::{Call, Operation};
use super::payload::{Shape, odd_lines};
use crate::error::{Error, Result};
use num_complex::Complex32;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;
use std::fmt;

/// A run has at most so many scales.
pub const MOST_SCALES: usize = 8;

/// Pixels of the largest scale that there can be.
const LARGEST: f64 = 4096.0;

/// The scales of a run in pixels, growing, the first one 0: a component's number of a scale is its place here.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scales {
    count: u16,
    pixels: [f64; MOST_SCALES],
}

impl Scales {
    /// Points alone.
    pub const POINTS: Scales = Scales { count: 1, pixels: [0.0; MOST_SCALES] };

    /// These scales, which must begin with 0 and grow.
    ///
    /// # Errors
    /// Of kind `Usage`, if they do not, or there are more than [`MOST_SCALES`].
    pub fn new(scales: &[f64]) -> Result<Scales> {
        let wrong = |what: String| Err(Error::usage(format!("--scales: {what}")).remedy("give pixels as in 0,6,15,45"));
        if scales.first() != Some(&0.0) {
            return wrong("the first scale must be 0, a point".into());
        }
        if scales.len() > MOST_SCALES {
            return wrong(format!("{} scales are more than {MOST_SCALES}", scales.len()));
        }
        if let Some(scale) = scales.iter().find(|scale| !(0.0..=LARGEST).contains(*scale)) {
            return wrong(format!("{scale} is not between 0 and {LARGEST} pixels"));
        }
        if let Some(pair) = scales.windows(2).find(|pair| pair[1] <= pair[0] + 1.0) {
            return wrong(format!("{} after {}: each must be larger by more than 1", pair[1], pair[0]));
        }
        let mut pixels = [0.0; MOST_SCALES];
        pixels[..scales.len()].copy_from_slice(scales);
        Ok(Scales { count: scales.len() as u16, pixels })
    }

    /// Their sizes in pixels.
    pub fn pixels(&self) -> &[f64] {
        &self.pixels[..usize::from(self.count)]
    }

    /// The largest.
    pub fn largest(&self) -> f64 {
        self.pixels().last().copied().unwrap_or(0.0)
    }
}

impl fmt::Display for Scales {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pixels: Vec<String> = self.pixels().iter().map(f64::to_string).collect();
        f.write_str(&pixels.join(","))
    }
}

/// Pixels from the centre of a scale's shape to the last row or column of it that is not 0.
pub fn reach(scale: f64) -> usize {
    (scale / 2.0).ceil() as usize
}

/// Numbers of a [`shape`].
pub fn shape_len(scale: f64) -> usize {
    (2 * reach(scale) + 1).pow(2)
}

/// Writes the shape of a scale, of unit sum: 2·[`reach`] + 1 rows of as many pixels, the centre in their middle.
pub fn shape(scale: f64, pixels: &mut [f32]) {
    let reach = reach(scale) as i64;
    let side = 2 * reach as usize + 1;
    let value = |i: usize| {
        let (y, x) = ((i / side) as i64 - reach, (i % side) as i64 - reach);
        profile(scale, ((y * y + x * x) as f64).sqrt())
    };
    let sum: f64 = (0..side * side).map(value).sum();
    for (i, pixel) in pixels[..side * side].iter_mut().enumerate() {
        *pixel = (value(i) / sum) as f32;
    }
}

/// The shape at a distance from its centre, in pixels; 1 at the centre.
fn profile(scale: f64, r: f64) -> f64 {
    let width = 2.0 * reach(scale) as f64 + 2.0;
    match r {
        0.0 => 1.0,
        _ if r >= scale || 2.0 * r >= width => 0.0,
        _ => (1.0 - (r / scale).powi(2)) * 0.5 * (1.0 + (2.0 * PI * r / width).cos()),
    }
}

/// Multiplies a column strip of a spectrum with the discrete Fourier transform of a scale's shape, its centre at pixel
/// (0, 0) and its other half around the edges of the plane: convolves with it.
///
/// As the shape is even in both directions, a line of its transform is that of an even row of numbers, and real.
///
/// Input: the strip, `columns` lines of `length` numbers; line j belongs to the horizontal frequency `first_column` + j of
/// rows of `row_length` samples. Output: the strip, in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScaleMultiply {
    /// Number of spectrum columns in the strip: the rows of the transposed block.
    pub columns: usize,
    /// Number of vertical frequencies, and of rows of the padded plane: at least 2·[`reach`] + 1.
    pub length: usize,
    /// Horizontal frequency of the first line.
    pub first_column: usize,
    /// Number of columns of the padded plane: at least as many.
    pub row_length: usize,
    /// The scale in pixels.
    pub scale: f64,
}

impl ScaleMultiply {
    /// Does the frame hold the shape?
    pub(super) fn check(&self) -> Result<()> {
        if self.length.min(self.row_length) < 2 * reach(self.scale) + 1 {
            return Err(Error::internal(format!("a scale of {} pixels in a smaller frame", self.scale)));
        }
        Ok(())
    }

    /// Complex numbers of working memory: a line, its transform, what the plan needs, the shape.
    fn layout(&self) -> [usize; 4] {
        let own = plan::real_forward(self.length).get_scratch_len();
        let line = odd_lines(self.length.div_ceil(2));
        [line, odd_lines(half_length(self.length)), own, shape_len(self.scale).div_ceil(2)]
    }

    /// The shape summed along its rows with the cosines of a horizontal frequency, as a line around pixel 0.
    fn line(&self, column: usize, shape: &[f32], line: &mut [f32]) {
        let reach = reach(self.scale);
        let side = 2 * reach + 1;
        let angle = 2.0 * PI * column as f64 / self.row_length as f64;
        line.fill(0.0);
        for y in 0..=reach {
            let row = &shape[(reach + y) * side + reach..][..reach + 1];
            let others = row.iter().enumerate().skip(1);
            let sum =
                others.fold(f64::from(row[0]), |sum, (x, &k)| sum + 2.0 * f64::from(k) * (angle * x as f64).cos());
            line[y] = sum as f32;
            line[(self.length - y) % self.length] = sum as f32;
        }
    }
}

impl Operation for ScaleMultiply {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Complex { rows: self.columns, cols: self.length }]
    }

    fn scratch_bytes(&self) -> usize {
        self.layout().iter().sum::<usize>() * size_of::<Complex32>()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        self.check()?;
        let plan = plan::real_forward(self.length);
        let [line, transform, own, _] = self.layout();
        let (line, rest) = call.scratch.as_mut_slice::<Complex32>().split_at_mut(line);
        let (transform, rest) = rest.split_at_mut(transform);
        let (own, rest) = rest.split_at_mut(own);
        let line = &mut bytemuck::cast_slice_mut::<_, f32>(line)[..self.length];
        let transform = &mut transform[..half_length(self.length)];
        let pixels: &mut [f32] = bytemuck::cast_slice_mut(rest);
        shape(self.scale, pixels);
        let spectrum = call.outputs[0].complex_mut();
        for column in 0..self.columns {
            self.line(self.first_column + column, pixels, line);
            plan.process_with_scratch(line, transform, own).expect("the lengths are the plan's");
            for (row, number) in spectrum.row_mut(column).iter_mut().enumerate() {
                *number *= transform[row.min(self.length - row)].re;
            }
        }
        Ok(())
    }
}
