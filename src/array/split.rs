//! Terms of an energy that are split off a plane (see [`crate::kernel::split`]), on its strips.

use super::{Builder, ChunkedArray, Grid};
use crate::event::Key;
use crate::image::rect::Rect;
use crate::kernel::{AddNumbers, Split, SplitPull, SplitStep, Term};

/// How t of a term is cut, of a plane on strips of whole rows: as that is; what is beyond its last row may be a strip of its own.
fn cut(plane: Grid, split: &Split) -> Grid {
    let (rows, cols) = plane.shape;
    let more = usize::from(!split.wraps);
    let shape = match split.term {
        Term::Pixels => (rows, cols),
        Term::Across => (rows, cols + more),
        Term::Down => (rows + more, cols),
    };
    Grid::strips(shape, plane.chunk.0)
}

impl ChunkedArray {
    /// t of a term of this plane, 0 everywhere.
    pub fn split(&self, b: &mut Builder<'_>, split: &Split) -> ChunkedArray {
        ChunkedArray::fill(b, cut(self.grid(), split), 0.0)
    }

    /// The next t of a term of this plane x, and the key of the number ‖L x − z‖² (see [`SplitStep`]).
    pub fn split_step(&self, b: &mut Builder<'_>, t: &ChunkedArray, split: &Split, relax: f32) -> (ChunkedArray, Key) {
        let made = ChunkedArray::promised(b, t.grid());
        let rows = self.grid().shape.0;
        let mut apart = Vec::with_capacity(t.grid().len());
        for k in 0..t.grid().len() {
            let at = t.grid().core(k);
            let here = (k < self.grid().len()).then(|| self.key(k));
            let above = match (split.term, at.y0 as usize) {
                (Term::Down, 0) => split.wraps.then_some(rows - 1),
                (Term::Down, first) => Some(first - 1),
                _ => None,
            };
            let above = above.map(|row| self.row(b, row));
            let held = if here.is_some() { self.grid().core(k).rows } else { 0 };
            let numbers = Key { array: b.new_array(), chunk: 0 };
            apart.push(numbers);
            let Rect { rows, cols, .. } = at;
            let kernel = SplitStep { split: *split, rows, cols, held, above: above.is_some(), relax };
            let inputs = std::iter::once(t.key(k)).chain(here).chain(above).collect();
            b.task(kernel, inputs, vec![made.key(k), numbers]);
        }
        (made, b.single(AddNumbers { width: 1 }, apart))
    }

    /// This plus what pulls x to where z is of a term (see [`SplitPull`]).
    pub fn split_pull(&self, b: &mut Builder<'_>, t: &ChunkedArray, split: &Split, weight: f32) -> ChunkedArray {
        let made = ChunkedArray::promised(b, self.grid());
        for k in 0..self.grid().len() {
            let Rect { rows, cols, .. } = self.grid().core(k);
            let next = self.grid().core(k).y1() as usize;
            let held = t.grid().core(k).y1() as usize;
            let below = (split.term == Term::Down && held == next).then(|| t.row(b, next % t.grid().shape.0));
            let kernel = SplitPull { split: *split, weight, rows, cols, below: below.is_some() };
            let inputs = [self.key(k), t.key(k)].into_iter().chain(below).collect();
            b.task(kernel, inputs, vec![made.key(k)]);
        }
        made
    }
}
