//! A rectangle of one plane of one file, to be read where and when it is needed.

use super::axes::Axes;
use super::cfitsio::Handle;
use super::file::InputFile;
use super::rect::Rect;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

/// Plain data that names a rectangle of one plane of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// The file to read.
    path: Arc<Path>,
    /// What the user calls it.
    name: Arc<Path>,
    hdu: usize,
    /// First pixel on every axis of the file, 1-based as FITS counts.
    first: Vec<i64>,
    /// The axis (0-based) along which a row runs.
    lon: usize,
    /// The axis along which a column runs.
    lat: usize,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
}

impl Section {
    /// The rectangle `rect` of a plane of the image in an HDU (0-based) with these axes.
    pub(super) fn new(file: &InputFile, hdu: usize, axes: &Axes, plane: usize, rect: Rect) -> Section {
        let mut first: Vec<i64> = axes.position(plane).into_iter().map(|place| place as i64 + 1).collect();
        first[axes.lat()] = rect.y0 + 1;
        first[axes.lon()] = rect.x0 + 1;
        let (path, name) = (file.read.clone(), file.name.clone());
        Section { path, name, hdu, first, lon: axes.lon(), lat: axes.lat(), rows: rect.rows, cols: rect.cols }
    }

    /// What the user calls the file.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Reads the pixels into `out`: `rows * cols` numbers, row after row, NaN where the image is blank.
    ///
    /// Any number of threads may read at once; each keeps a few files open.
    ///
    /// # Errors
    /// Of kind `Input`, naming the file, if it cannot be read or is cut short.
    pub fn read(&self, out: &mut [f32]) -> Result<()> {
        if out.len() != self.rows * self.cols {
            return Err(Error::internal("a section is read into a buffer of another size").about(&self.name));
        }
        if out.is_empty() {
            return Ok(());
        }
        self.with_open(|open| match (&open.plain, self.lon < self.lat) {
            // Where that fails, cfitsio says why.
            (Some(plain), true) if self.read_plain(plain, out).is_ok() => Ok(()),
            (_, true) => self.read_columns(&mut open.handle, 0, self.cols, out),
            (_, false) => self.read_transposed(&mut open.handle, out),
        })
    }

    /// Reads f32 as they are in the file: many rows at once where nothing lies between them.
    fn read_plain(&self, plain: &Plain, out: &mut [f32]) -> std::io::Result<()> {
        let place = |axis: usize| (self.first[axis] - 1) as u64;
        let start: u64 = (0..self.first.len()).map(|axis| place(axis) * plain.strides[axis]).sum();
        let (step, stride) = (plain.strides[self.lon], plain.strides[self.lat]);
        if step != 1 {
            return Err(std::io::ErrorKind::Unsupported.into());
        }
        let rows = if stride == self.cols as u64 { self.rows } else { 1 };
        for (piece, row) in out.chunks_mut(rows * self.cols).zip(0..) {
            let at = plain.data + (start + row * stride) * size_of::<f32>() as u64;
            plain.file.read_exact_at(bytemuck::cast_slice_mut(piece), at)?;
        }
        out.iter_mut().for_each(|pixel| *pixel = f32::from_bits(u32::from_be(pixel.to_bits())));
        Ok(())
    }

    /// Reads columns `x .. x + count` in the order of the file.
    fn read_columns(&self, file: &mut Handle, x: usize, count: usize, out: &mut [f32]) -> Result<()> {
        let mut first = self.first.clone();
        first[self.lon] += x as i64;
        let mut last = first.clone();
        last[self.lon] += count as i64 - 1;
        last[self.lat] += self.rows as i64 - 1;
        file.read(&first, &last, out)
    }

    /// Reads a file in which latitude varies faster than longitude, a few columns at a time.
    fn read_transposed(&self, file: &mut Handle, out: &mut [f32]) -> Result<()> {
        const PIXELS: usize = 1 << 16;
        let step = (PIXELS / self.rows).clamp(1, self.cols);
        let mut piece = vec![0.0; step * self.rows];
        for x in (0..self.cols).step_by(step) {
            let count = step.min(self.cols - x);
            let columns = &mut piece[..count * self.rows];
            self.read_columns(file, x, count, columns)?;
            for (y, row) in out.chunks_exact_mut(self.cols).enumerate() {
                for (k, pixel) in row[x..x + count].iter_mut().enumerate() {
                    *pixel = columns[k * self.rows + y];
                }
            }
        }
        Ok(())
    }

    /// Runs something on what this thread has open of the file, opening it if need be or if the file has changed.
    fn with_open(&self, run: impl FnOnce(&mut Open) -> Result<()>) -> Result<()> {
        let state = self.state()?;
        FILES.with_borrow_mut(|files| {
            let known = files.iter().position(|open| open.path == self.path && open.hdu == self.hdu);
            let known = known.map(|i| files.remove(i)).filter(|open| open.state == state);
            let mut open = match known {
                Some(open) => open,
                None => self.open(state)?,
            };
            // A handle that failed may be in any state: it is closed instead of kept.
            run(&mut open)?;
            files.insert(0, open);
            files.truncate(OPEN_FILES);
            Ok(())
        })
    }

    fn open(&self, state: State) -> Result<Open> {
        let mut handle = Handle::open(&self.path, &self.name)?;
        if !handle.go_to(self.hdu)? {
            return Err(Error::input(&self.name, "the image is no longer in the file")
                .remedy("do not change inputs during a run"));
        }
        let plain = self.plain(&mut handle)?;
        Ok(Open { path: self.path.clone(), hdu: self.hdu, state, handle, plain })
    }

    fn plain(&self, handle: &mut Handle) -> Result<Option<Plain>> {
        let Some(data) = handle.plain_floats()? else { return Ok(None) };
        let mut strides = vec![1];
        for length in handle.lengths()? {
            strides.push(strides[strides.len() - 1] * length as u64);
        }
        // One that cannot be opened twice is read by cfitsio alone.
        Ok(File::open(&self.path).ok().map(|file| Plain { file, data, strides }))
    }

    fn state(&self) -> Result<State> {
        let data = std::fs::metadata(&self.path).map_err(|error| {
            Error::input(&self.name, format!("cannot be opened: {error}"))
                .remedy("keep inputs during a run")
                .because(&error)
        })?;
        Ok((data.dev(), data.ino(), data.len(), data.mtime(), data.mtime_nsec()))
    }
}

/// What tells one state of a file from another: device, inode, length and time of the last change.
type State = (u64, u64, u64, i64, i64);

/// An open file of this thread, standing at an image.
struct Open {
    path: Arc<Path>,
    hdu: usize,
    state: State,
    handle: Handle,
    /// The file itself, if its pixels can be read as they are: without copies from buffer to buffer.
    plain: Option<Plain>,
}

/// A file whose pixels are f32 as they are.
struct Plain {
    file: File,
    /// The byte of the first pixel.
    data: u64,
    /// Pixels from one to the next along each axis.
    strides: Vec<u64>,
}

/// Files that a thread keeps open.
const OPEN_FILES: usize = 4;

thread_local! {
    /// The files this thread has open, the last used first.
    static FILES: RefCell<Vec<Open>> = const { RefCell::new(Vec::new()) };
}
