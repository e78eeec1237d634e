//! Small FITS files, made byte by byte.

use deconv::image::Image;
use ndarray::Array2;
use std::path::Path;

/// An image of one plane with these pixels, in a file of its own.
pub fn fits_of(path: &Path, pixels: &Array2<f32>) -> Image {
    let (rows, cols) = pixels.dim();
    let mut cards = vec!["SIMPLE  =                    T".to_string(), "BITPIX  =                  -32".to_string()];
    cards.push("NAXIS   =                    2".into());
    cards.push(format!("NAXIS1  = {cols:20}"));
    cards.push(format!("NAXIS2  = {rows:20}"));
    cards.push("CTYPE1  = 'RA---SIN'".into());
    cards.push("CDELT1  =               -0.001".into());
    cards.push("CTYPE2  = 'DEC--SIN'".into());
    cards.push("CDELT2  =                0.001".into());
    cards.push("END".into());
    let mut bytes: Vec<u8> = cards.iter().flat_map(|card| format!("{card:<80}").into_bytes()).collect();
    bytes.resize(bytes.len().next_multiple_of(2880), b' ');
    bytes.extend(pixels.iter().flat_map(|pixel| pixel.to_be_bytes()));
    bytes.resize(bytes.len().next_multiple_of(2880), 0);
    std::fs::write(path, &bytes).expect("a test can write a file");
    Image::open(path).expect("the file is a FITS image")
}

/// Pixels of noise between −1 and 1.
pub fn noisy(rows: usize, cols: usize, seed: u64) -> Array2<f32> {
    Array2::from_shape_fn((rows, cols), |(y, x)| super::noise(seed, y * cols + x))
}
