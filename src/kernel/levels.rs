//! How many pixels are above a level, for all levels at once.

use super::operation::{Call, Operation};
use super::payload::{Payload, Shape};
use crate::error::Result;
use crate::image::rect::Rect;
use serde::{Deserialize, Serialize};

/// Bits of an f32 below the exponent and the two highest bits of the mantissa: four levels to every power of two.
pub(super) const BELOW: u32 = 21;

/// Number of levels: bit patterns of absolute values without the bits below.
pub(super) const LEVELS: usize = 1 << (31 - BELOW);

/// Counts the unblanked pixels of a chunk by their absolute value, in every so manieth row of the plane.
///
/// Level k is from the f32 of the bits k · 2²¹ on up to the next one. Input: pixels. Output: the lowest level that any has,
/// then how many have it and each one above it, up to the highest: a few hundred bytes, as strips may be many.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CountLevels {
    /// Where the chunk lies in the plane.
    pub at: Rect,
    /// Rows from one that is looked at to the next.
    pub every: u32,
}

impl Operation for CountLevels {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(LEVELS * size_of::<u64>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let pixels = call.inputs[0].real();
        let mut counts = vec![0; LEVELS];
        let looked_at = |y: &usize| (self.at.y0 + *y as i64) % i64::from(self.every.max(1)) == 0;
        for y in (0..self.at.rows).filter(looked_at) {
            for pixel in pixels.row(y).iter().filter(|pixel| !pixel.is_nan()) {
                counts[(pixel.abs().to_bits() >> BELOW) as usize] += 1;
            }
        }
        call.outputs[0] = Payload::Histogram(levels(&counts));
        Ok(())
    }
}

/// Of counts of all levels the lowest one that any pixel has, and the counts from there to the highest.
pub(super) fn levels(counts: &[u64]) -> Vec<u64> {
    let has = |count: &u64| *count > 0;
    let (first, last) = (counts.iter().position(has).unwrap_or(0), counts.iter().rposition(has).unwrap_or(0));
    [&[first as u64], &counts[first..=last]].concat()
}

/// Adds up counts of [`CountLevels`].
///
/// Inputs: those of any number of chunks. Output: how many pixels have each level from 0 on, times `every`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MergeLevels {
    /// Rows from one that was looked at to the next.
    pub every: u32,
}

impl Operation for MergeLevels {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(LEVELS * size_of::<u64>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let mut all = vec![0; LEVELS];
        for counts in call.inputs {
            let Some((first, counts)) = counts.histogram().split_first() else { continue };
            let places = all.iter_mut().skip(*first as usize).zip(counts);
            places.for_each(|(all, count)| *all += count * u64::from(self.every));
        }
        call.outputs[0] = Payload::Histogram(all);
        Ok(())
    }
}

/// The lowest level at or above which no more than so many pixels lie, by the counts of [`MergeLevels`].
pub fn level_of(counts: &[u64], most: f64) -> f32 {
    let mut above = 0;
    let fits = |count: &&u64| {
        above += **count;
        above as f64 <= most
    };
    let levels = counts.iter().rev().take_while(fits).count();
    f32::from_bits(((counts.len() - levels) as u32) << BELOW)
}
