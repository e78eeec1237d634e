//! The exact median of a plane, and its median absolute deviation (MAD), by radix selection.
//!
//! Every pixel has a 32-bit key that orders as the pixels do. Three rounds of a [`Histogram`] of each strip and one
//! [`Select`] over them fix the upper 11, the next 11 and the last 10 bits of the key of the wanted rank. Counts are
//! whole numbers, so the result depends neither on strips nor on order. With the median as the centre, three more
//! rounds give the MAD.

use super::operation::{Call, Operation};
use super::payload::{Payload, Shape};
use crate::error::{Error, Result};
use multiversion::multiversion;
use serde::{Deserialize, Serialize};

/// Rounds that fix all bits of a key.
pub const ROUNDS: u8 = 3;

/// Bits of a key below those that a round fixes, and bits that it fixes.
pub(super) const BITS: [(u32, u32); ROUNDS as usize] = [(21, 11), (10, 11), (0, 10)];

/// Where the value lies in the numbers that the [`Select`] of the last round makes: the median or the MAD.
pub const VALUE: usize = 3;

/// Standard deviation of normally distributed noise whose median absolute deviation is `mad`: `mad` / Φ⁻¹(¾), or
/// 1.4826 `mad`.
pub fn mad_to_sigma(mad: f64) -> f64 {
    1.482_602_218_505_602 * mad
}

/// The histogram of one round over a strip.
///
/// Inputs: pixels; then, if `round` > 0, the numbers that the [`Select`] of the previous round made; then, if
/// `about_centre`, the numbers that the last [`Select`] for the centre made. Output: how many unblanked pixels (or
/// absolute differences from the centre, in f32) have each value of the round's bits in their key, among those whose
/// higher bits are those found before; 2048 counts, 1024 in the last round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Which round it is: 0, 1 or 2.
    pub round: u8,
    /// Is it about absolute differences from a centre, rather than about the pixels?
    pub about_centre: bool,
}

impl Operation for Histogram {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(bins(self.round) * size_of::<u64>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let prefix = if self.round == 0 { 0 } else { State::of(call.inputs[1]).prefix };
        let centre = self.about_centre.then(|| State::of(call.inputs[1 + usize::from(self.round > 0)]).value);
        let pixels = call.inputs[0].real();
        let mut tables = vec![[0; TABLE]; TABLES];
        let (mut places, mut deviations) = ([0; BLOCK], [0.0; BLOCK]);
        for block in (0..self.rows).flat_map(|y| pixels.row(y).chunks(BLOCK)) {
            let values = match centre {
                None => block,
                Some(centre) => {
                    find_deviations(block, centre, &mut deviations);
                    &deviations[..block.len()]
                }
            };
            // In the last round hardly any pixel has the prefix.
            if find_places(values, BITS[usize::from(self.round)], prefix, &mut places) {
                count(&places[..block.len()], &mut tables);
            }
        }
        let all = |bin: usize| tables.iter().map(|table| table[bin]).sum();
        call.outputs[0] = Payload::Histogram((0..bins(self.round)).map(all).collect());
        Ok(())
    }
}

/// Pixels whose places are found before they are counted.
const BLOCK: usize = 256;

/// Tables that are counted in, one after the other: most pixels are in few bins, and a count that was just written is read again
/// only some cycles later.
const TABLES: usize = 4;

/// Counts of a table: those of the bins, then that of the pixels which are in none.
const TABLE: usize = (1 << BITS[0].1) + 1;

/// The absolute differences of some values from a centre.
#[multiversion(targets("x86_64+avx2"))]
fn find_deviations(values: &[f32], centre: f32, deviations: &mut [f32; BLOCK]) {
    for (deviation, &value) in deviations.iter_mut().zip(values) {
        // Also where both are the same infinity.
        *deviation = if value == centre { 0.0 } else { (value - centre).abs() };
    }
}

/// The place in a [table](TABLE) of each of some values: that of its bin, if the bits of its key above those that the round fixes are
/// the prefix. Is there any?
#[multiversion(targets("x86_64+avx2"))]
fn find_places(values: &[f32], (low, width): (u32, u32), prefix: u32, places: &mut [u32; BLOCK]) -> bool {
    let mut found = 0;
    for (place, &value) in places.iter_mut().zip(values) {
        let key = key(value);
        // Two shifts, as in the first round one by all 32 bits would be none.
        let counts = u32::from((key >> low >> width == prefix) & !value.is_nan());
        found |= counts;
        *place = if counts == 1 { (key >> low) & ((1 << width) - 1) } else { TABLE as u32 - 1 };
    }
    found == 1
}

fn count(places: &[u32], tables: &mut [[u64; TABLE]]) {
    let (body, tail) = places.as_chunks::<TABLES>();
    for places in body {
        for (table, &place) in tables.iter_mut().zip(places) {
            table[place as usize] += 1;
        }
    }
    for &place in tail {
        tables[0][place as usize] += 1;
    }
}

/// One round's choice: the bin that holds the pixel of the wanted rank, which is that of the lower median.
///
/// Inputs: the histograms of this round, of all strips; then, if `round` > 0, what the previous round's `Select`
/// made. Output: four numbers:
///
/// | index | number |
/// | --- | --- |
/// | 0 | the bits of the key that are known, as a whole number |
/// | 1 | rank among the values that share them, from 0 |
/// | 2 | number of unblanked pixels |
/// | 3 ([`VALUE`]) | after the last round, the value; 0 before it, and where every pixel is blank |
///
/// Of n values the lower median is that of rank ⌊(n − 1) / 2⌋.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Select {
    /// Which round it is: 0, 1 or 2.
    pub round: u8,
}

impl Operation for Select {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(4 * size_of::<f64>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let last = call.inputs.len() - usize::from(self.round > 0);
        let (histograms, before) = call.inputs.split_at(last);
        let counts = sum(histograms.iter().map(|input| input.histogram()), bins(self.round));
        let state = match before.first() {
            None => State::start(counts.iter().sum()),
            Some(before) => State::of(before),
        };
        let chosen = if state.count == 0 { state } else { state.choose(&counts, self.round)? };
        call.outputs[0] = Payload::Numbers(chosen.numbers());
        Ok(())
    }
}

/// What is known of the wanted value between rounds.
#[derive(Clone, Copy)]
pub(super) struct State {
    pub(super) prefix: u32,
    rank: u64,
    count: u64,
    pub(super) value: f32,
}

impl State {
    fn start(count: u64) -> State {
        State { prefix: 0, rank: count.saturating_sub(1) / 2, count, value: 0.0 }
    }

    pub(super) fn of(payload: &Payload) -> State {
        let numbers = payload.numbers();
        State {
            prefix: numbers[0] as u32,
            rank: numbers[1] as u64,
            count: numbers[2] as u64,
            value: numbers[VALUE] as f32,
        }
    }

    fn numbers(self) -> Vec<f64> {
        vec![f64::from(self.prefix), self.rank as f64, self.count as f64, f64::from(self.value)]
    }

    fn choose(self, counts: &[u64], round: u8) -> Result<State> {
        let mut below = 0;
        for (bin, &count) in counts.iter().enumerate() {
            if self.rank < below + count {
                let prefix = self.prefix << BITS[usize::from(round)].1 | bin as u32;
                let value = if round + 1 == ROUNDS { value(prefix) } else { 0.0 };
                return Ok(State { prefix, rank: self.rank - below, value, ..self });
            }
            below += count;
        }
        Err(Error::internal("histograms of another round were given to Select"))
    }
}

/// How many values the bits of a round have.
pub(super) fn bins(round: u8) -> usize {
    1 << BITS[usize::from(round)].1
}

fn sum<'a>(histograms: impl Iterator<Item = &'a [u64]>, bins: usize) -> Vec<u64> {
    let mut total = vec![0; bins];
    for histogram in histograms {
        total.iter_mut().zip(histogram).for_each(|(total, count)| *total += count);
    }
    total
}

const SIGN: u32 = 1 << 31;

/// A whole number that orders as the values do; −0 has that of 0.
#[inline(always)]
fn key(value: f32) -> u32 {
    let bits = (value + 0.0).to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// The value of a key.
pub(super) fn value(key: u32) -> f32 {
    f32::from_bits(if key & SIGN == 0 { !key } else { key & !SIGN })
}
