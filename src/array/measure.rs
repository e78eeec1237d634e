//! Reductions of an array to numbers.

use super::{Builder, ChunkedArray};
use crate::event::Key;
use crate::image::rect::Rect;
use crate::kernel::dot::PRODUCTS;
use crate::kernel::{
    AddNumbers, CountLevels, DotRows, Histogram, MeasureRows, MergeLevels, MergeRows, PixelExtremes, ROUNDS, Select,
};

impl ChunkedArray {
    /// Count, sum, standard deviation and peak of the unblanked pixels outside `ignored`; the array is on strips of
    /// whole rows.
    pub fn stats(&self, b: &mut Builder<'_>, ignored: Option<Rect>) -> Key {
        let rows = (0..self.grid().len())
            .map(|k| b.single(MeasureRows { at: self.grid().core(k), ignored }, vec![self.key(k)]))
            .collect();
        b.single(MergeRows {}, rows)
    }

    /// The inner products of this with another array, and with itself: two numbers. Both are on the same strips of whole rows;
    /// pixels that are blank in either count as nothing.
    pub fn dot(&self, b: &mut Builder<'_>, other: &ChunkedArray) -> Key {
        let strip = |k| b.single(DotRows { rows: self.grid().core(k).rows }, vec![self.key(k), other.key(k)]);
        let rows = (0..self.grid().len()).map(strip).collect();
        b.single(AddNumbers { width: PRODUCTS }, rows)
    }

    /// How many of the unblanked pixels have which absolute value (see [`CountLevels`]), looked at in every so manieth row;
    /// the array is on strips of whole rows.
    pub fn levels(&self, b: &mut Builder<'_>, every: u32) -> Key {
        let strip = |k| b.single(CountLevels { at: self.grid().core(k), every }, vec![self.key(k)]);
        let strips = (0..self.grid().len()).map(strip).collect();
        b.single(MergeLevels { every }, strips)
    }

    /// The smallest and the largest of the unblanked pixels: two numbers of [`PixelExtremes`] for every chunk.
    pub fn extremes(&self, b: &mut Builder<'_>) -> Vec<Key> {
        let chunk = |k| {
            let Rect { rows, cols, .. } = self.grid().outer(k);
            b.single(PixelExtremes { rows, cols }, vec![self.key(k)])
        };
        (0..self.grid().len()).map(chunk).collect()
    }

    /// The median of the unblanked pixels and the median absolute deviation from it: two numbers of [`Select`].
    pub fn median_and_mad(&self, b: &mut Builder<'_>) -> (Key, Key) {
        median_and_mad(b, |_| self.clone())
    }
}

/// [`ChunkedArray::median_and_mad`] of an array that is made anew for each of its rounds, so that none of it needs to be
/// held between them.
pub fn median_and_mad(b: &mut Builder<'_>, array: impl Fn(&mut Builder<'_>) -> ChunkedArray) -> (Key, Key) {
    let median = select(b, &array, None);
    (median, select(b, &array, Some(median)))
}

/// The median of the pixels, or of their distance from a centre, in rounds of a radix selection.
fn select(b: &mut Builder<'_>, array: &impl Fn(&mut Builder<'_>) -> ChunkedArray, centre: Option<Key>) -> Key {
    let mut previous: Option<Key> = None;
    for round in 0..ROUNDS {
        let array = array(b);
        let mut inputs: Vec<Key> = Vec::with_capacity(array.grid().len() + 1);
        for k in 0..array.grid().len() {
            let Rect { rows, cols, .. } = array.grid().core(k);
            let from = std::iter::once(array.key(k)).chain(previous).chain(centre).collect();
            inputs.push(b.single(Histogram { rows, cols, round, about_centre: centre.is_some() }, from));
        }
        inputs.extend(previous);
        previous = Some(b.single(Select { round }, inputs));
    }
    previous.expect("a selection has rounds")
}
