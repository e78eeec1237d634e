//! FITS files made and read byte by byte, without the code under test and without cfitsio.
#![allow(clippy::unwrap_used)] // A test may panic.

use ndarray::Array2;
use std::path::{Path, PathBuf};

/// Bytes of a block.
const BLOCK: usize = 2880;

/// A file with one image of f32.
#[derive(Debug, Clone)]
pub struct Fits {
    /// CTYPE and length of each axis, the first varying fastest.
    pub axes: Vec<(String, usize)>,
    /// Cards beside those that the axes need.
    pub cards: Vec<String>,
    /// The pixels in the order of the file.
    pub pixels: Vec<f32>,
}

impl Fits {
    /// An image of these axes (no CTYPE and CDELT where a name is empty), with pixels from plane, row and column.
    ///
    /// A cell is 1 arcsec, which makes a width in arcsec one in pixels.
    pub fn new(axes: &[(&str, usize)], value: impl Fn(usize, usize, usize) -> f64) -> Fits {
        let axes: Vec<(String, usize)> = axes.iter().map(|&(name, length)| (name.to_string(), length)).collect();
        let mut fits = Fits { cards: sky_cards(&axes), pixels: Vec::new(), axes };
        fits.pixels = vec![0.0; fits.axes.iter().map(|axis| axis.1).product()];
        let (rows, cols) = fits.shape();
        for plane in 0..fits.planes() {
            for (y, x) in (0..rows).flat_map(|y| (0..cols).map(move |x| (y, x))) {
                let index = fits.index(plane, y, x);
                fits.pixels[index] = value(plane, y, x) as f32;
            }
        }
        fits
    }

    /// The same with one more card.
    pub fn card(mut self, card: &str) -> Fits {
        self.cards.push(card.into());
        self
    }

    /// Writes it; returns the path.
    pub fn write(&self, path: PathBuf) -> PathBuf {
        let mut cards = vec![
            "SIMPLE  =                    T".to_string(),
            "BITPIX  =                  -32".to_string(),
            format!("NAXIS   = {:20}", self.axes.len()),
        ];
        cards.extend(self.axes.iter().enumerate().map(|(i, axis)| format!("NAXIS{}  = {:20}", i + 1, axis.1)));
        cards.extend(self.cards.iter().cloned());
        cards.push("END".into());
        let mut bytes: Vec<u8> = cards.iter().flat_map(|card| format!("{card:<80}").into_bytes()).collect();
        bytes.resize(bytes.len().next_multiple_of(BLOCK), b' ');
        bytes.extend(self.pixels.iter().flat_map(|pixel| pixel.to_be_bytes()));
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The image in the primary HDU of a file, which is one of f32 that is not scaled.
    pub fn read(path: &Path) -> Fits {
        let bytes = std::fs::read(path).unwrap();
        let cards = header_cards(&bytes);
        let number = |name: &str| -> Option<usize> { value(&cards, name)?.parse().ok() };
        assert_eq!(value(&cards, "BITPIX").as_deref(), Some("-32"), "{}", path.display());
        let axes = (1..=number("NAXIS").unwrap()).map(|i| {
            let name = value(&cards, &format!("CTYPE{i}")).unwrap_or_default();
            (name, number(&format!("NAXIS{i}")).unwrap())
        });
        let axes: Vec<(String, usize)> = axes.collect();
        let start = header_bytes(&bytes);
        let count: usize = axes.iter().map(|axis| axis.1).product();
        let pixels = bytes[start..start + 4 * count].as_chunks().0.iter().map(|pixel| f32::from_be_bytes(*pixel));
        Fits { axes, cards, pixels: pixels.collect() }
    }

    /// The value of a card, without quotes, blanks and comment.
    pub fn value(&self, name: &str) -> Option<String> {
        value(&self.cards, name)
    }

    /// Its HISTORY as one text: lines of more than 72 characters lie on several cards.
    pub fn history(&self) -> String {
        let cards = self.cards.iter().filter_map(|card| card.strip_prefix("HISTORY "));
        cards.map(|text| format!("{text:<72}")).collect()
    }

    /// Rows and columns of a plane.
    pub fn shape(&self) -> (usize, usize) {
        let (lon, lat) = self.sky();
        (self.axes[lat].1, self.axes[lon].1)
    }

    /// Number of planes.
    pub fn planes(&self) -> usize {
        let (rows, cols) = self.shape();
        self.axes.iter().map(|axis| axis.1).product::<usize>() / (rows * cols)
    }

    /// A plane in f64, row by row, latitude by longitude.
    pub fn plane(&self, plane: usize) -> Array2<f64> {
        Array2::from_shape_fn(self.shape(), |(y, x)| f64::from(self.pixels[self.index(plane, y, x)]))
    }

    /// The axes of longitude and latitude; the first two where they have no names.
    fn sky(&self) -> (usize, usize) {
        let find = |start: &str| self.axes.iter().position(|axis| axis.0.starts_with(start));
        find("RA").zip(find("DEC")).unwrap_or((0, 1))
    }

    /// Arcsec to the north a row and to the east a column; for an image without WCS (1, −1), for pixels.
    pub fn cell(&self) -> (f64, f64) {
        let (lon, lat) = self.sky();
        let step = |axis: usize| Some(self.value(&format!("CDELT{}", axis + 1))?.parse::<f64>().ok()? * 3600.0);
        step(lat).zip(step(lon)).unwrap_or((1.0, -1.0))
    }

    /// Where a pixel lies in the file.
    fn index(&self, plane: usize, y: usize, x: usize) -> usize {
        let (lon, lat) = self.sky();
        let (mut index, mut stride, mut rest) = (0, 1, plane);
        for (i, axis) in self.axes.iter().enumerate() {
            let place = if i == lon {
                x
            } else if i == lat {
                y
            } else {
                let place = rest % axis.1;
                rest /= axis.1;
                place
            };
            index += place * stride;
            stride *= axis.1;
        }
        index
    }
}

/// CTYPE, CRPIX, CRVAL, CDELT and CUNIT of the axes that have a name.
fn sky_cards(axes: &[(String, usize)]) -> Vec<String> {
    let mut cards = Vec::new();
    for (i, (name, length)) in (1..).zip(axes).filter(|(_, axis)| !axis.0.is_empty()) {
        let sky = name.starts_with("RA") || name.starts_with("DEC");
        let cell = if sky { 1.0 / 3600.0 } else { 1.0 };
        let step = if name.starts_with("RA") { -cell } else { cell };
        cards.push(format!("CTYPE{i}  = '{name:<8}'"));
        cards.push(format!("CRPIX{i}  = {:20}", if sky { (length / 2 + 1) as f64 } else { 1.0 }));
        cards.push(format!("CRVAL{i}  = {:20}", if sky { 30.0 } else { 1.0 }));
        cards.push(format!("CDELT{i}  = {step:20E}"));
        if sky {
            cards.push(format!("CUNIT{i}  = 'deg     '"));
        }
    }
    cards
}

/// The cards of the primary header, without END.
fn header_cards(bytes: &[u8]) -> Vec<String> {
    let cards = bytes.chunks(80).map(|card| String::from_utf8_lossy(card).trim_end().to_string());
    cards.take_while(|card| card != "END").collect()
}

/// Bytes of the primary header.
fn header_bytes(bytes: &[u8]) -> usize {
    ((header_cards(bytes).len() + 1) * 80).next_multiple_of(BLOCK)
}

fn value(cards: &[String], name: &str) -> Option<String> {
    let card = cards.iter().find(|card| card.starts_with(&format!("{name:<8}=")))?;
    let value = card[9..].trim_start();
    let value = match value.strip_prefix('\'') {
        Some(text) => text.split('\'').next(),
        None => value.split('/').next(),
    };
    value.map(|value| value.trim().to_string())
}

/// Copies the primary HDU of a file and nothing behind it, without its cards on beams.
pub fn copy_without_beams(from: &Path, to: PathBuf) -> PathBuf {
    let mut fits = Fits::read(from);
    let structure = |card: &str| ["SIMPLE", "BITPIX", "NAXIS", "END"].iter().any(|name| card.starts_with(name));
    let beam = |card: &str| ["BMAJ", "BMIN", "BPA", "CASAMBM"].iter().any(|name| card.starts_with(name));
    fits.cards.retain(|card| !structure(card) && !beam(card));
    fits.write(to)
}
