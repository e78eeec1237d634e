//! Where the arrays lie that a method goes on with another day: the state of a CLEAN is lists, that of a filter is pixels.
//!
//! They are written, a strip a task, to a file of the plane's own, and the checkpoint has their sums. There are two such files, in
//! turn, so that the last state stays whole while the next one is written.

use super::names::with_ending;
use crate::algorithm::Held;
use crate::array::{Builder, ChunkedArray, Grid};
use crate::error::{Error, Result};
use crate::image::checksum;
use crate::image::rect::Rect;
use crate::image::{Hidden, Target};
use crate::kernel::{Payload, ReadTarget, WriteSection};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A state on the shelf, as a checkpoint has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelved {
    /// What the method knows beside its arrays, in its own words.
    state: Vec<u8>,
    /// Which of the two files.
    second: bool,
    /// The arrays, one after the other: rows and columns, and the ones'-complement sum.
    arrays: Vec<((usize, usize), u32)>,
}

/// The files of one plane.
#[derive(Debug)]
pub struct Shelf {
    paths: [PathBuf; 2],
    /// Which of them is written next.
    second: bool,
    /// Kept open, since that keeps other runs from writing to them.
    files: [Option<Hidden>; 2],
}

/// Seconds that a byte takes to be written, summed and read again, as far as is known before.
pub const SECONDS: f64 = 2e-9;

impl Shelf {
    /// Beside the checkpoint, for a plane.
    pub fn new(checkpoint: &Path, plane: usize) -> Shelf {
        let path = |which: &str| with_ending(checkpoint, &format!("-{plane}{which}"));
        Shelf { paths: [path("a"), path("b")], second: false, files: [None, None] }
    }

    /// Bytes that a state takes.
    pub fn bytes(held: &Held) -> u64 {
        held.arrays.iter().map(|array| array_bytes(array.grid().shape)).sum()
    }

    /// Appends the tasks that write a state; their answers go to [`Shelf::written`].
    ///
    /// # Errors
    /// Of kind `Output`, if there is no room for it.
    pub fn write(&mut self, b: &mut Builder<'_>, held: &Held) -> Result<()> {
        let which = usize::from(self.second);
        let file = match self.files[which].take() {
            Some(file) => file,
            None => Hidden::create(&self.paths[which])?,
        };
        file.reserve(Shelf::bytes(held))?;
        let mut start = 0;
        for array in &held.arrays {
            for k in 0..array.grid().len() {
                let target = target(&file, start, array.grid().core(k));
                let sum = b.single(WriteSection { target }, vec![array.key(k)]);
                b.answer(sum);
            }
            start += array_bytes(array.grid().shape);
        }
        self.files[which] = Some(file);
        Ok(())
    }

    /// What a checkpoint has to know of the state that was written.
    ///
    /// # Errors
    /// If the answers are not those of its tasks.
    pub fn written(&mut self, held: Held, answers: &[Payload]) -> Result<Shelved> {
        let chunks = held.arrays.iter().map(|array| array.grid().len()).sum::<usize>();
        if answers.is_empty() || answers.len() != chunks {
            return Err(Error::internal("a state was not written"));
        }
        let mut answers = answers.iter();
        let arrays = held.arrays.iter().map(|array| {
            let chunks = answers.by_ref().take(array.grid().len());
            (array.grid().shape, chunks.fold(0, |sum, one| checksum::add(sum, one.numbers()[0] as u32)))
        });
        let arrays = arrays.collect();
        let second = self.second;
        self.second = !second;
        Ok(Shelved { state: held.state, second, arrays })
    }

    /// The checkpoint counts on the files.
    pub fn leave(&mut self) {
        self.files.iter_mut().flatten().for_each(Hidden::leave);
    }

    /// Appends the tasks that read a state again, onto strips of so many rows; none if it is not there, or is not whole.
    pub fn read(&mut self, b: &mut Builder<'_>, shelved: &Shelved, rows: usize) -> Option<Held> {
        let which = usize::from(shelved.second);
        let mut file = Hidden::adopt(&self.paths[which], false).ok().flatten()?;
        file.leave();
        let mut start = 0;
        let is_there = |&(shape, sum): &((usize, usize), u32)| {
            let whole = target(&file, start, Rect::plane(shape.0, shape.1));
            start += array_bytes(shape);
            whole.sum_in(file.file()).ok() == Some(sum)
        };
        if !shelved.arrays.iter().all(is_there) {
            return None;
        }
        let mut start = 0;
        let mut read = |shape| {
            let array = ChunkedArray::from_keys(b.new_array(), Grid::strips(shape, rows));
            for k in 0..array.grid().len() {
                let target = target(&file, start, array.grid().core(k));
                b.task(ReadTarget { target }, vec![], vec![array.key(k)]);
            }
            b.keep(array.keys());
            start += array_bytes(shape);
            array
        };
        let arrays = shelved.arrays.iter().map(|&(shape, _)| read(shape)).collect();
        self.files[which] = Some(file);
        self.second = !shelved.second;
        Some(Held { state: shelved.state.clone(), arrays })
    }

    /// The plane is done, or begins anew: the files go.
    pub fn clear(&mut self) {
        self.files = [None, None];
        self.paths.iter().for_each(|path| Hidden::sweep(path));
    }
}

fn array_bytes((rows, cols): (usize, usize)) -> u64 {
    (rows * cols * size_of::<f32>()) as u64
}

/// Where whole rows of an array lie in a file, in which the array begins at byte `start`.
fn target(file: &Hidden, start: u64, rows: Rect) -> Target {
    Target::of_plane(file.temporary().clone(), start, rows.cols, rows)
}
