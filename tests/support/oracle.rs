//! The plain definitions in f64 that products are held against.
#![allow(clippy::unwrap_used)] // A test may panic.

use deconv::kernel::Regularization;
use ndarray::{Array2, Axis};
use num_complex::Complex64;
use rustfft::{FftDirection, FftPlanner};

/// A PSF with a peak of 1 at a pixel.
#[derive(Debug, Clone)]
pub struct Beam {
    /// Its pixels; blanks are 0.
    pub pixels: Array2<f64>,
    /// Row and column of the peak.
    pub peak: (usize, usize),
}

impl Beam {
    /// Of a plane of a PSF file: the peak is its largest value, and becomes 1.
    pub fn new(plane: &Array2<f64>) -> Beam {
        let pixels = without_blanks(plane);
        let (mut peak, mut highest) = ((0, 0), f64::NEG_INFINITY);
        for (at, &value) in pixels.indexed_iter() {
            if value > highest {
                (peak, highest) = (at, value);
            }
        }
        // A PSF whose peak is 1 up to rounding is taken as it is.
        let scale = if (highest - 1.0).abs() <= 1e-4 { 1.0 } else { 1.0 / highest };
        Beam { pixels: pixels * scale, peak }
    }

    /// A Gaussian sampled at every offset that joins two pixels of an image of this shape.
    ///
    /// Widths are FWHM, the angle is in degrees from north to east; a step of a row is `cell.0` to the north, a step of
    /// a column `cell.1` to the east, in the unit of the widths.
    pub fn gaussian(shape: (usize, usize), cell: (f64, f64), (major, minor, angle): (f64, f64, f64)) -> Beam {
        let (sin, cos) = angle.to_radians().sin_cos();
        let peak = (shape.0 - 1, shape.1 - 1);
        let pixels = Array2::from_shape_fn((2 * shape.0 - 1, 2 * shape.1 - 1), |(y, x)| {
            let (north, east) = ((y as f64 - peak.0 as f64) * cell.0, (x as f64 - peak.1 as f64) * cell.1);
            let (along, across) = (north * cos + east * sin, east * cos - north * sin);
            (-4.0 * std::f64::consts::LN_2 * ((along / major).powi(2) + (across / minor).powi(2))).exp()
        });
        Beam { pixels, peak }
    }

    /// Its transform in a frame, its peak at (0, 0) and what lies before wrapped around.
    pub fn spectrum(&self, frame: (usize, usize)) -> Array2<Complex64> {
        let mut wrapped = Array2::zeros(frame);
        let wrap = |offset: i64, length: usize| offset.rem_euclid(length as i64) as usize;
        for ((y, x), &value) in self.pixels.indexed_iter() {
            let offset = (y as i64 - self.peak.0 as i64, x as i64 - self.peak.1 as i64);
            wrapped[(wrap(offset.0, frame.0), wrap(offset.1, frame.1))] += value;
        }
        spectrum(&wrapped)
    }

    /// The part of it that a torus of this shape can hold.
    pub fn within(&self, shape: (usize, usize)) -> Beam {
        let span = |n: usize, p: usize, c: usize| (c.saturating_sub(n / 2), p.min(c + n.div_ceil(2)));
        let ((top, bottom), (left, right)) =
            (span(shape.0, self.pixels.nrows(), self.peak.0), span(shape.1, self.pixels.ncols(), self.peak.1));
        let pixels = self.pixels.slice(ndarray::s![top..bottom, left..right]).to_owned();
        Beam { pixels, peak: (self.peak.0 - top, self.peak.1 - left) }
    }
}

/// A plane with 0 for blanks.
pub fn without_blanks(plane: &Array2<f64>) -> Array2<f64> {
    plane.mapv(|value| if value.is_nan() { 0.0 } else { value })
}

/// The largest absolute value of the pixels that are not blank.
pub fn peak(plane: &Array2<f64>) -> f64 {
    plane.iter().filter(|value| !value.is_nan()).fold(0.0, |peak, value| value.abs().max(peak))
}

/// The standard deviation of the pixels that are not blank.
pub fn deviation(plane: &Array2<f64>) -> f64 {
    let values: Vec<f64> = plane.iter().copied().filter(|value| !value.is_nan()).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

/// The linear convolution, seen through the image's frame, by transforms on a frame in which nothing can wrap around.
pub fn convolve(image: &Array2<f64>, beam: &Beam) -> Array2<f64> {
    let (rows, cols) = image.dim();
    let (down, across) = beam.pixels.dim();
    filter(image, beam, (2 * rows + down, 2 * cols + across), |d, h| d * h)
}

/// The same, pixel by pixel as it is written down.
pub fn convolve_directly(image: &Array2<f64>, beam: &Beam) -> Array2<f64> {
    Array2::from_shape_fn(image.dim(), |(y, x)| {
        let term = |((v, u), &value): ((usize, usize), &f64)| {
            let at = ((y + beam.peak.0).checked_sub(v)?, (x + beam.peak.1).checked_sub(u)?);
            beam.pixels.get(at).map(|psf| psf * value)
        };
        image.indexed_iter().filter_map(term).sum()
    })
}

/// Wiener's filter with a flat prior, on a zero-padded frame: conj(H)·D / (|H|² + balance).
pub fn wiener(dirty: &Array2<f64>, beam: &Beam, frame: (usize, usize), balance: f64) -> Array2<f64> {
    filter(&without_blanks(dirty), beam, frame, |d, h| h.conj() * d / (h.norm_sqr() + balance))
}

/// An image in the corner of a frame, with each frequency made from its own and the beam's, cropped again.
fn filter(
    image: &Array2<f64>,
    beam: &Beam,
    frame: (usize, usize),
    combine: impl Fn(Complex64, Complex64) -> Complex64,
) -> Array2<f64> {
    let mut padded = Array2::zeros(frame);
    image.indexed_iter().for_each(|(at, &value)| padded[at] = value);
    let mut spectrum = spectrum(&padded);
    spectrum.zip_mut_with(&beam.spectrum(frame), |d, h| *d = combine(*d, *h));
    let filtered = plane(spectrum);
    Array2::from_shape_fn(image.dim(), |at| filtered[at])
}

/// R of a regularization at every frequency of a torus of this shape: the power of the transforms of its stencils.
pub fn prior(regularization: Regularization, frame: (usize, usize)) -> Array2<f64> {
    let stencils: &[&[((usize, usize), f64)]] = match regularization {
        Regularization::Flat => &[&[((0, 0), 1.0)]],
        Regularization::Gradient => &[&[((0, 0), 1.0), ((0, 1), -1.0)], &[((0, 0), 1.0), ((1, 0), -1.0)]],
        Regularization::Laplacian => {
            &[&[((1, 1), 4.0), ((0, 1), -1.0), ((2, 1), -1.0), ((1, 0), -1.0), ((1, 2), -1.0)]]
        }
    };
    let mut power = Array2::zeros(frame);
    for stencil in stencils {
        let mut plane = Array2::zeros(frame);
        stencil.iter().for_each(|((y, x), value)| plane[(y % frame.0, x % frame.1)] += value);
        power += &spectrum(&plane).mapv(|number| number.norm_sqr());
    }
    power
}

/// The unscaled transform of a plane.
pub fn spectrum(plane: &Array2<f64>) -> Array2<Complex64> {
    let mut spectrum = plane.mapv(Complex64::from);
    transform(&mut spectrum, FftDirection::Forward);
    spectrum
}

/// The plane with this transform.
pub fn plane(mut spectrum: Array2<Complex64>) -> Array2<f64> {
    transform(&mut spectrum, FftDirection::Inverse);
    let scale = 1.0 / spectrum.len() as f64;
    spectrum.mapv(|number| number.re * scale)
}

/// The unscaled transform of both axes.
fn transform(plane: &mut Array2<Complex64>, direction: FftDirection) {
    for axis in [Axis(1), Axis(0)] {
        let fft = FftPlanner::new().plan_fft(plane.len_of(axis), direction);
        for mut lane in plane.lanes_mut(axis) {
            let mut line = lane.to_vec();
            fft.process(&mut line);
            lane.iter_mut().zip(line).for_each(|(to, from)| *to = from);
        }
    }
}
