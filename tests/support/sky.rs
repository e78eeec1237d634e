//! Small FITS files for the tests of the figures.
#![allow(dead_code, clippy::unwrap_used)] // Not every test needs all of it; a test may panic.

use deconv::image::Image;
use std::path::Path;

/// Writes a FITS file of f32 and opens it; `lengths` are those of the axes in the file's order.
pub fn fits(path: &Path, lengths: &[usize], cards: &[&str], value: impl Fn(usize) -> f32) -> Image {
    let mut all = vec!["SIMPLE  = T".to_string(), "BITPIX  = -32".into(), format!("NAXIS   = {}", lengths.len())];
    all.extend(lengths.iter().enumerate().map(|(i, length)| format!("NAXIS{}  = {length}", i + 1)));
    all.extend(cards.iter().map(|card| (*card).to_string()));
    all.push("END".into());
    let card = |text: &String| match text.split_once("= ") {
        // Numbers end in column 30.
        Some((name, value)) if !value.starts_with('\'') => format!("{:<80}", format!("{name}= {value:>20}")),
        _ => format!("{text:<80}"),
    };
    let mut bytes: Vec<u8> = all.iter().flat_map(|text| card(text).into_bytes()).collect();
    bytes.resize(bytes.len().next_multiple_of(2880), b' ');
    bytes.extend((0..lengths.iter().product()).flat_map(|i| value(i).to_be_bytes()));
    bytes.resize(bytes.len().next_multiple_of(2880), 0);
    std::fs::write(path, bytes).unwrap();
    Image::open(path).unwrap()
}

/// The header of data/vla-3c273/dirty.fits, as far as the sky is concerned.
pub const VLA: [&str; 12] = [
    "CTYPE1  = 'RA---SIN'",
    "CRVAL1  = 1.866385333330E+02",
    "CDELT1  = -1.111111111111E-04",
    "CRPIX1  = 1.290000000000E+02",
    "CTYPE2  = 'DEC--SIN'",
    "CRVAL2  = 2.328691666670E+00",
    "CDELT2  = 1.111111111111E-04",
    "CRPIX2  = 1.290000000000E+02",
    "LONPOLE = 180.0",
    "EQUINOX = 1979.9",
    "RADESYS = 'FK4     '",
    "OBJECT  = '3C273   '",
];

/// A noise of about 1 that depends on the pixel only.
pub fn noise(i: usize) -> f32 {
    let bits = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let bits = (bits ^ (bits >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((bits >> 40) as f32 / (1u64 << 24) as f32 - 0.5) * 3.4
}

/// A header with a projection, and with other cards before it, so that these count.
pub fn header(code: &str, extra: &[&str]) -> Vec<String> {
    let name = |name: &str| if code.is_empty() { name.to_string() } else { format!("{name:-<5}{code}") };
    let mut cards: Vec<String> = extra.iter().map(|card| (*card).to_string()).collect();
    cards.push(format!("CTYPE1  = '{}'", name("RA")));
    cards.push(format!("CTYPE2  = '{}'", name("DEC")));
    let numbers = ["CRPIX1  = 30.0", "CRPIX2  = 40.0", "CRVAL1  = 350.0", "CRVAL2  = 62.0"];
    cards.extend(numbers.iter().chain(&["CDELT1  = -0.02", "CDELT2  = 0.025"]).map(|card| (*card).to_string()));
    cards
}
