//! Whole jobs of filters on small planes, and what their solutions are by definition.
#![allow(clippy::unwrap_used)] // A test may panic.

use super::dense;
use super::fits::Fits;
use super::job::options;
use super::oracle::{self, Beam};
use deconv::algorithm::{Balance, Method};
use deconv::image;
use deconv::job::Options;
use deconv::kernel::Prior;
use ndarray::Array2;
use num_complex::Complex64;
use std::path::Path;

/// A file of one plane.
pub fn plane(pixels: &Array2<f64>) -> Fits {
    let (rows, cols) = pixels.dim();
    Fits::new(&[("RA---SIN", cols), ("DEC--SIN", rows)], |_, y, x| pixels[(y, x)])
}

/// A job by Wiener's filter on a dirty image and a PSF, to a tolerance that leaves rounding alone, with products in a directory.
pub fn filter(directory: &Path, dirty: &Array2<f64>, psf: &Fits, balance: Balance) -> Options {
    let (dirty, psf) = (plane(dirty).write(directory.join("dirty.fits")), psf.write(directory.join("psf.fits")));
    let mut job = options(dirty, psf, directory.join("out"));
    (job.method, job.overwrite) = (Method::Wiener, true);
    job.beam = Some(image::Beam { major: 4.0 / 3600.0, minor: 3.0 / 3600.0, pa: 20.0 });
    (job.parameters.balance, job.parameters.tolerance, job.parameters.iterations) = (balance, 1e-6, Some(1000));
    job
}

/// A PSF of so many pixels with sidelobes that do not end.
pub fn with_sidelobes(shape: (usize, usize)) -> Fits {
    super::observed::psf(shape, |dy, dx| {
        let (y, x) = (dy as f64, dx as f64);
        ((-(y * y + 0.7 * x * x) / 4.0).exp() + 0.06 * (0.9 * y).cos() * (1.1 * x).cos()) / 1.06
    })
}

/// A PSF of so many pixels with a transfer function that is nowhere negative, and nothing at its edges.
pub fn without_negatives(shape: (usize, usize)) -> Fits {
    super::observed::psf(shape, |dy, dx| {
        let (y, x) = (dy as f64, dx as f64);
        let r2 = y * y + x * x;
        ((-r2 / 2.0).exp() + 0.3 * (-r2 / 6.0).exp() * (1.3 * y + 0.7 * x).cos()) / 1.3
    })
}

/// A + λR of a plane of this shape, whose pixels are numbered row by row.
pub fn equations(shape: (usize, usize), beam: &Beam, frame: [usize; 2], prior: Prior) -> Array2<f64> {
    let frame = (frame[0], frame[1]);
    let transfer = seen(beam, shape).spectrum(frame).mapv(|h| h.re.max(0.0)) + added(prior, frame);
    dense::convolution(shape, &oracle::plane(transfer.mapv(Complex64::from)))
}

/// x of (A + λR) x = dirty, and 0 where the dirty image is blank: these equations and unknowns are left out.
pub fn solution(dirty: &Array2<f64>, beam: &Beam, frame: [usize; 2], prior: Prior) -> Array2<f64> {
    let matrix = equations(dirty.dim(), beam, frame, prior);
    let known: Vec<(usize, usize)> = dirty.indexed_iter().filter(|(_, d)| !d.is_nan()).map(|(at, _)| at).collect();
    let number = |(y, x): (usize, usize)| y * dirty.ncols() + x;
    let n = known.len();
    let matrix = Array2::from_shape_fn((n, n), |(p, q)| matrix[(number(known[p]), number(known[q]))]);
    let solved = dense::solve(matrix, Array2::from_shape_fn((n, 1), |(p, _)| dirty[known[p]]));
    let mut model = Array2::zeros(dirty.dim());
    known.iter().zip(&solved).for_each(|(&at, &value)| model[at] = value);
    model
}

/// The part of a PSF that an image of this shape can see.
pub fn seen(beam: &Beam, (rows, cols): (usize, usize)) -> Beam {
    beam.within((2 * rows - 1, 2 * cols - 1))
}

/// λ (R + floor) at every frequency.
pub fn added(prior: Prior, frame: (usize, usize)) -> Array2<f64> {
    oracle::prior(prior.regularization, frame).mapv(|r| prior.balance * (r + prior.floor))
}

/// Wiener's filter of a periodic plane, of white noise or of natural noise.
pub fn periodic(dirty: &Array2<f64>, beam: &Beam, prior: Prior, white: bool) -> Array2<f64> {
    let transfer = beam.within(dirty.dim()).spectrum(dirty.dim());
    let added = added(prior, dirty.dim());
    let highest = transfer.iter().fold(0.0, |high: f64, h| high.max(h.re));
    let mut spectrum = oracle::spectrum(dirty);
    for (at, d) in spectrum.indexed_iter_mut() {
        let h = transfer[at];
        *d = match (white, h.re > 1e-3 * highest) {
            (true, _) => h.conj() * *d / (h.norm_sqr() + added[at]),
            (false, true) => *d / (h.re + added[at]),
            (false, false) => Complex64::ZERO,
        };
    }
    oracle::plane(spectrum)
}
