//! Products of runs on parts of the planes, made one.

use super::history::{HISTORY_LINES, PLANE, PLANES};
use crate::error::{Error, Result};
use crate::image::header::Header;
use crate::image::{Beam, Image, Product, ProductKind, Rect, checksum};
use ndarray::ArrayView2;
use std::path::{Path, PathBuf};

/// Bytes of pixels that are read at once.
const STRIP: usize = 16 << 20;

/// Writes the product of a run on all planes of a dirty image from those of runs on its planes in parts, given in order: the same
/// pixels, beams and header. A file that has the name is only replaced if `overwrite` says so.
///
/// # Errors
/// Of kind `Input`, if a part cannot be read or is not one of this image; of kind `Output`, if the product cannot be written.
pub fn concatenate(dirty: &Path, parts: &[PathBuf], (to, kind): (&Path, ProductKind), overwrite: bool) -> Result<()> {
    let dirty = Image::open(dirty)?;
    let parts = parts.iter().map(|part| Image::open(part)).collect::<Result<Vec<Image>>>()?;
    check(&dirty, &parts)?;
    let mut product = Product::create(to, &dirty, kind, HISTORY_LINES + dirty.planes())?;
    let (mut sum, mut plane) = (0, 0);
    for part in &parts {
        for of_part in 0..part.planes() {
            sum = checksum::add(sum, copy(part, of_part, &product, plane)?);
            plane += 1;
        }
    }
    product.finish(&history(&dirty, &parts), &beams(&parts), sum)?;
    product.publish(overwrite)
}

/// Are these parts of all planes of the image?
fn check(dirty: &Image, parts: &[Image]) -> Result<()> {
    if let Some(other) = parts.iter().find(|part| part.shape() != dirty.shape()) {
        let ((rows, cols), (down, across)) = (other.shape(), dirty.shape());
        let message = format!("has {rows} x {cols} pixels, {} has {down} x {across}", dirty.path().display());
        return Err(Error::input(other.path(), message));
    }
    let planes: usize = parts.iter().map(Image::planes).sum();
    if planes == dirty.planes() {
        return Ok(());
    }
    let message = format!("has {} planes, the parts of its products have {planes}", dirty.planes());
    Err(Error::input(dirty.path(), message).remedy("submit the runs again: it is not the image that they were of"))
}

/// Copies a plane of a part into one of the product; the sum of its pixels.
fn copy(part: &Image, of_part: usize, product: &Product, plane: usize) -> Result<u32> {
    let (rows, cols) = part.shape();
    let strip = (STRIP / (cols * size_of::<f32>())).clamp(1, rows);
    let (mut sum, mut pixels) = (0, Vec::new());
    for y0 in (0..rows).step_by(strip) {
        let rect = Rect::new(y0 as i64, 0, strip.min(rows - y0), cols);
        pixels.resize(rect.pixels(), 0.0);
        part.section(of_part, rect).read(&mut pixels)?;
        let view = ArrayView2::from_shape((rect.rows, cols), &pixels)
            .map_err(|error| Error::internal(format!("no strip of a plane: {error}")))?;
        sum = checksum::add(sum, product.target(plane, rect).write(view)?);
    }
    Ok(sum)
}

/// The beams of all planes, if all have one.
fn beams(parts: &[Image]) -> Vec<Beam> {
    let beams = parts.iter().flat_map(|part| (0..part.planes()).map(|plane| part.beam(plane)));
    beams.map(|beam| beam.map(|(beam, _)| beam)).collect::<Option<_>>().unwrap_or_default()
}

/// What HISTORY says of all runs: of the first one all, of the others what it says of their planes.
fn history(dirty: &Image, parts: &[Image]) -> Vec<String> {
    let before = texts(dirty.header()).count();
    let of_part = |(i, part): (usize, &Image)| {
        let lines: Vec<String> = texts(part.header()).skip(before).collect();
        let planes = lines.iter().position(|line| line.starts_with(PLANE)).unwrap_or(lines.len());
        let skipped = if i == 0 { 0 } else { planes };
        lines.into_iter().skip(skipped).filter(|line| !line.starts_with(PLANES)).collect::<Vec<_>>()
    };
    parts.iter().enumerate().flat_map(of_part).collect()
}

/// The texts of the HISTORY of a header.
fn texts(header: &Header) -> impl Iterator<Item = String> + '_ {
    header.cards().iter().filter_map(|card| card.strip_prefix("HISTORY ")).map(|text| text.trim_end().to_string())
}
