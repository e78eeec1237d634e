//! Where a rectangle of a plane goes in an output file.

use super::axes::Axes;
use super::checksum;
use super::rect::Rect;
use crate::error::{Error, Result};
use ndarray::{ArrayView, ArrayView1, ArrayView2, Axis, Dimension, s};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Plain data that names where a rectangle of a plane goes in an output file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    path: Arc<Path>,
    /// Byte of the file at which the plane's first pixel lies.
    start: u64,
    /// Pixels of the file from one column of the plane to the next.
    x_stride: u64,
    /// Pixels of the file from one row of the plane to the next.
    y_stride: u64,
    /// The rectangle of the plane.
    pub rect: Rect,
}

/// Bytes of a pixel.
pub(super) const PIXEL: u64 = 4;

/// Pixels that are gathered into one write at most.
const PIXELS: usize = 1 << 18;

impl Target {
    /// The rectangle of a plane in a file with these axes whose data begin at byte `data`.
    pub(super) fn new(path: Arc<Path>, data: u64, axes: &Axes, plane: usize, rect: Rect) -> Target {
        let position = axes.position(plane);
        let plane: usize = axes.others().map(|i| position[i] * axes.stride(i)).sum();
        Target {
            path,
            start: data + plane as u64 * PIXEL,
            x_stride: axes.stride(axes.lon()) as u64,
            y_stride: axes.stride(axes.lat()) as u64,
            rect,
        }
    }

    /// The rectangle of a plane of rows of so many pixels that begins at byte `start` of a file.
    pub fn of_plane(path: Arc<Path>, start: u64, cols: usize, rect: Rect) -> Target {
        Target { path, start, x_stride: 1, y_stride: cols as u64, rect }
    }

    /// The file, under its temporary name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the pixels of the rectangle; returns their ones'-complement sum for the file's DATASUM.
    ///
    /// Tasks may write different rectangles at once, and the same one again.
    ///
    /// # Errors
    /// Of kind `Output`, if the file cannot be written.
    pub fn write(&self, pixels: ArrayView2<'_, f32>) -> Result<u32> {
        if pixels.dim() != (self.rect.rows, self.rect.cols) {
            return Err(Error::internal("pixels of another shape than their target").about(&self.path));
        }
        if pixels.is_empty() {
            return Ok(0);
        }
        let failed = |error: std::io::Error| {
            Error::output(&self.path, format!("cannot be written: {error}"))
                .remedy("check the space left on the disk")
                .because(&error)
        };
        let file = File::options().write(true).open(&self.path).map_err(failed)?;
        self.write_to(&file, pixels).map_err(failed)
    }

    fn write_to(&self, file: &File, pixels: ArrayView2<'_, f32>) -> std::io::Result<u32> {
        let (rows, cols) = pixels.dim();
        let mut sum = 0;
        if self.x_stride == 1 && self.y_stride == cols as u64 {
            // Full rows follow each other without a gap: many in one write.
            let step = (PIXELS / cols).max(1);
            for y in (0..rows).step_by(step) {
                let piece = pixels.slice(s![y..rows.min(y + step), ..]);
                sum = checksum::add(sum, write_pixels(file, self.byte(y, 0), piece)?);
            }
        } else if self.y_stride == 1 {
            for (x, column) in pixels.axis_iter(Axis(1)).enumerate() {
                sum = checksum::add(sum, write_run(file, self.byte(0, x), column.iter())?);
            }
        } else {
            for (y, row) in pixels.outer_iter().enumerate() {
                sum = checksum::add(sum, self.write_row(file, y, row)?);
            }
        }
        Ok(sum)
    }

    /// Reads the pixels of the rectangle, which has whole rows one after the other, as they were written.
    ///
    /// # Errors
    /// Of kind `Output`, if the file cannot be read or is cut short.
    pub fn read(&self, pixels: &mut [f32]) -> Result<()> {
        let failed =
            |error: std::io::Error| Error::output(&self.path, format!("cannot be read again: {error}")).because(&error);
        let file = File::open(&self.path).map_err(failed)?;
        file.read_exact_at(bytemuck::cast_slice_mut(pixels), self.byte(0, 0)).map_err(failed)?;
        pixels.iter_mut().for_each(|pixel| *pixel = f32::from_bits(u32::from_be(pixel.to_bits())));
        Ok(())
    }

    /// The ones'-complement sum of what a file, which is the target's under whatever name, holds of the rectangle.
    ///
    /// # Errors
    /// If it cannot be read or is cut short.
    pub fn sum_in(&self, file: &File) -> std::io::Result<u32> {
        let Rect { rows, cols, .. } = self.rect;
        let mut sum = 0;
        let mut add = |byte: u64, pixels: usize| -> std::io::Result<()> {
            sum = checksum::add(sum, read_run(file, byte, pixels)?);
            Ok(())
        };
        if self.x_stride == 1 && self.y_stride == cols as u64 {
            let step = (PIXELS / cols.max(1)).max(1);
            (0..rows).step_by(step).try_for_each(|y| add(self.byte(y, 0), step.min(rows - y) * cols))?;
        } else if self.y_stride == 1 {
            (0..cols).try_for_each(|x| add(self.byte(0, x), rows))?;
        } else if self.x_stride == 1 {
            (0..rows).try_for_each(|y| add(self.byte(y, 0), cols))?;
        } else {
            (0..rows * cols).try_for_each(|i| add(self.byte(i / cols, i % cols), 1))?;
        }
        Ok(sum)
    }

    /// Writes one row: at once, or pixel by pixel where other planes' pixels lie in between.
    fn write_row(&self, file: &File, y: usize, row: ArrayView1<'_, f32>) -> std::io::Result<u32> {
        if self.x_stride == 1 {
            return write_pixels(file, self.byte(y, 0), row);
        }
        let mut sum = 0;
        for (x, pixel) in row.iter().enumerate() {
            sum = checksum::add(sum, write_run(file, self.byte(y, x), std::iter::once(pixel))?);
        }
        Ok(sum)
    }

    /// Byte of the file at which a pixel of the rectangle lies.
    fn byte(&self, y: usize, x: usize) -> u64 {
        let (y, x) = (self.rect.y0 as u64 + y as u64, self.rect.x0 as u64 + x as u64);
        self.start + (y * self.y_stride + x * self.x_stride) * PIXEL
    }
}

/// Writes pixels, row after row, from a byte on; returns their sum.
fn write_pixels<D: Dimension>(file: &File, byte: u64, pixels: ArrayView<'_, f32, D>) -> std::io::Result<u32> {
    match pixels.as_slice() {
        Some(pixels) => write_run(file, byte, pixels.iter()),
        None => write_run(file, byte, pixels.iter()),
    }
}

/// Writes pixels one after the other from a byte on; returns their sum.
fn write_run<'a>(file: &File, byte: u64, pixels: impl Iterator<Item = &'a f32>) -> std::io::Result<u32> {
    let words: Vec<[u8; 4]> = pixels.map(|pixel| pixel.to_be_bytes()).collect();
    file.write_all_at(words.as_flattened(), byte)?;
    Ok(checksum::of_bytes(words.as_flattened()))
}

/// The sum of pixels that lie one after the other from a byte on.
fn read_run(file: &File, byte: u64, pixels: usize) -> std::io::Result<u32> {
    let mut bytes = vec![0; pixels * PIXEL as usize];
    file.read_exact_at(&mut bytes, byte)?;
    Ok(checksum::of_bytes(&bytes))
}
