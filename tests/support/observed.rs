//! Made-up observations in small files: a sky seen through a PSF, by the definition in f64, and noise.

use super::fits::Fits;
use super::job::options;
use super::noise;
use super::oracle::{Beam, convolve};
use deconv::job::Options;
use ndarray::Array2;
use std::path::Path;

/// A PSF with its peak in the middle of so many rows and columns, from offsets in rows and columns.
pub fn psf((rows, cols): (usize, usize), value: impl Fn(i64, i64) -> f64) -> Fits {
    let middle = (rows as i64 / 2, cols as i64 / 2);
    Fits::new(&[("RA---SIN", cols), ("DEC--SIN", rows)], |_, y, x| value(y as i64 - middle.0, x as i64 - middle.1))
}

/// A job on a sky seen through a PSF of twice its size, with noise between plus and minus `level`: `dirty.fits` and
/// `psf.fits` in a directory, to which its products go too.
pub fn observe(directory: &Path, sky: &Array2<f64>, value: impl Fn(i64, i64) -> f64, level: f64) -> Options {
    let (rows, cols) = sky.dim();
    let beam = psf((2 * rows, 2 * cols), value);
    let dirty = convolve(sky, &Beam::new(&beam.plane(0)));
    let image = Fits::new(&[("RA---SIN", cols), ("DEC--SIN", rows)], |_, y, x| {
        dirty[(y, x)] + level * f64::from(noise(3, y * cols + x))
    });
    let (dirty, psf) = (image.write(directory.join("dirty.fits")), beam.write(directory.join("psf.fits")));
    options(dirty, psf, directory.join("out"))
}
