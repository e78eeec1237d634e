//! A model, as pixels or as components.

use crate::array::{Builder, ChunkedArray, Grid};
use crate::event::Key;
use crate::kernel::{Scales, Scatter};

/// A model, kept in the store, in the unit of the dirty image per pixel (Jy/pixel).
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    /// Its pixels on strips of whole rows.
    Pixels(ChunkedArray),
    /// Its components, as [`crate::kernel::AddComponents`] makes them: a few bytes for each instead of a plane.
    Components {
        /// The list.
        list: Key,
        /// The scales of its components.
        scales: Scales,
        /// The strips of whole rows that its pixels are made on.
        grid: Grid,
        /// How many components are in the list; `usize::MAX` where that is not known yet.
        entries: usize,
    },
}

impl Model {
    /// Its pixels. Those of components are made by tasks that are appended anew with every call, a strip a task: where each
    /// reader has its own, no more than a strip of them is there at a time.
    pub fn pixels(&self, b: &mut Builder<'_>) -> ChunkedArray {
        match self {
            Model::Pixels(array) => array.clone(),
            Model::Components { list, scales, grid, .. } => {
                let made = ChunkedArray::from_keys(b.new_array(), *grid);
                for k in 0..grid.len() {
                    b.task(Scatter { at: grid.core(k), scales: *scales }, vec![*list], vec![made.key(k)]);
                }
                made
            }
        }
    }
}
