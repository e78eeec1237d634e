//! Reductions of an array to numbers.

use super::{Builder, ChunkedArray};
use crate::event::Key;
use crate::image::rect::Rect;
use crate::kernel::{Histogram, MeasureRows, MergeRows, ROUNDS, Select};

impl ChunkedArray {
    /// Count, sum, standard deviation and peak of the unblanked pixels outside `ignored`; the array is on strips of
    /// whole rows.
    pub fn stats(&self, b: &mut Builder<'_>, ignored: Option<Rect>) -> Key {
        let rows = (0..self.grid().len())
            .map(|k| b.single(MeasureRows { at: self.grid().core(k), ignored }, vec![self.key(k)]))
            .collect();
        b.single(MergeRows {}, rows)
    }

    /// The median of the unblanked pixels and the median absolute deviation from it: two numbers of [`Select`].
    pub fn median_and_mad(&self, b: &mut Builder<'_>) -> (Key, Key) {
        let median = self.select(b, None);
        (median, self.select(b, Some(median)))
    }

    /// The median of the pixels, or of their distance from a centre, in rounds of a radix selection.
    fn select(&self, b: &mut Builder<'_>, centre: Option<Key>) -> Key {
        let mut previous: Option<Key> = None;
        for round in 0..ROUNDS {
            let mut inputs: Vec<Key> = Vec::with_capacity(self.grid().len() + 1);
            for k in 0..self.grid().len() {
                let Rect { rows, cols, .. } = self.grid().core(k);
                let from = std::iter::once(self.key(k)).chain(previous).chain(centre).collect();
                inputs.push(b.single(Histogram { rows, cols, round, about_centre: centre.is_some() }, from));
            }
            inputs.extend(previous);
            previous = Some(b.single(Select { round }, inputs));
        }
        previous.expect("a selection has rounds")
    }
}
