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
    /// The ones'-complement sum of each array.
    sums: Vec<u32>,
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
        held.arrays.iter().map(|array| array_bytes(array.grid())).sum()
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
        for (i, array) in held.arrays.iter().enumerate() {
            for k in 0..array.grid().len() {
                let target = target(&file, array.grid(), i, array.grid().core(k));
                let sum = b.single(WriteSection { target }, vec![array.key(k)]);
                b.answer(sum);
            }
        }
        self.files[which] = Some(file);
        Ok(())
    }

    /// What a checkpoint has to know of the state that was written.
    ///
    /// # Errors
    /// If the answers are not those of its tasks.
    pub fn written(&mut self, held: Held, answers: &[Payload]) -> Result<Shelved> {
        let arrays = held.arrays.len().max(1);
        if answers.is_empty() || !answers.len().is_multiple_of(arrays) {
            return Err(Error::internal("a state was not written"));
        }
        let sum = |chunks: &[Payload]| chunks.iter().fold(0, |sum, one| checksum::add(sum, one.numbers()[0] as u32));
        let sums = answers.chunks(answers.len() / arrays).map(sum).collect();
        let second = self.second;
        self.second = !second;
        Ok(Shelved { state: held.state, second, sums })
    }

    /// The checkpoint counts on the files.
    pub fn leave(&mut self) {
        self.files.iter_mut().flatten().for_each(Hidden::leave);
    }

    /// Appends the tasks that read a state again, onto strips of this grid; none if it is not there, or is not whole.
    pub fn read(&mut self, b: &mut Builder<'_>, shelved: &Shelved, grid: Grid) -> Option<Held> {
        let which = usize::from(shelved.second);
        let mut file = Hidden::adopt(&self.paths[which], false).ok().flatten()?;
        file.leave();
        let whole = Rect::plane(grid.shape.0, grid.shape.1);
        let is_there = |(i, sum): (usize, &u32)| target(&file, grid, i, whole).sum_in(file.file()).ok() == Some(*sum);
        if !shelved.sums.iter().enumerate().all(is_there) {
            return None;
        }
        let mut arrays = Vec::new();
        for i in 0..shelved.sums.len() {
            let array = ChunkedArray::from_keys(b.new_array(), grid);
            for k in 0..grid.len() {
                let target = target(&file, grid, i, grid.core(k));
                b.task(ReadTarget { target }, vec![], vec![array.key(k)]);
            }
            b.keep(array.keys());
            arrays.push(array);
        }
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

fn array_bytes(grid: Grid) -> u64 {
    (grid.shape.0 * grid.shape.1 * size_of::<f32>()) as u64
}

/// Where a rectangle of one of several arrays lies in a file.
fn target(file: &Hidden, grid: Grid, array: usize, rect: Rect) -> Target {
    Target::of_plane(file.temporary().clone(), array as u64 * array_bytes(grid), grid.shape.1, rect)
}
