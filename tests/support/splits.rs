//! Kernels of terms that are split off, in the way in which huber uses them.

use deconv::array::{Builder, ChunkedArray};
use deconv::event::Key;
use deconv::kernel::{Penalty, Split, Term};

/// An array, pulled by a term of itself, and how far they are apart.
pub fn pulled(b: &mut Builder<'_>, array: &ChunkedArray, way: usize) -> (ChunkedArray, Key) {
    let term = [Term::Down, Term::Across, Term::Pixels][way % 3];
    let penalty = if way.is_multiple_of(2) { Penalty::huber(0.5, 0.1, 1.0) } else { Penalty::Positive };
    let split = Split { term, penalty, wraps: way >= 3 };
    let none = array.split(b, &split);
    let (t, apart) = array.split_step(b, &none, &split, 1.5);
    (array.split_pull(b, &t, &split, 0.5), apart)
}
