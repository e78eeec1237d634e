//! The inner product of two planes.
//!
//! Sums are kept per row in f64 and added row by row, so that they do not depend on the strips that a plane is stored in.

use super::operation::{Call, Operation};
use super::payload::{Payload, Shape};
use crate::error::Result;
use multiversion::multiversion;
use serde::{Deserialize, Serialize};

/// For each row of two chunks a, b the inner products a·b and a·a; pixels that are blank in either count as nothing.
///
/// Inputs: a, b, both of `rows` whole rows. Output: two numbers a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DotRows {
    /// Number of rows.
    pub rows: usize,
}

/// Numbers that [`DotRows`] makes of a row.
pub const PRODUCTS: usize = 2;

impl Operation for DotRows {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(PRODUCTS * self.rows * size_of::<f64>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let (a, b) = (call.inputs[0].real(), call.inputs[1].real());
        let numbers = (0..self.rows).flat_map(|y| dot(a.row(y), b.row(y))).collect();
        call.outputs[0] = Payload::Numbers(numbers);
        Ok(())
    }
}

/// Sums side by side, so that the compiler can use vector registers and the order stays fixed.
const LANES: usize = 8;

#[multiversion(targets("x86_64+avx2"))]
fn dot(a: &[f32], b: &[f32]) -> [f64; PRODUCTS] {
    let mut sums = Sums::default();
    let ((a, a_tail), (b, b_tail)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        sums.add(a, b);
    }
    let (mut a, mut b) = ([0.0; LANES], [0.0; LANES]);
    a[..a_tail.len()].copy_from_slice(a_tail);
    b[..b_tail.len()].copy_from_slice(b_tail);
    sums.add(&a, &b);
    [sums.products.iter().sum(), sums.squares.iter().sum()]
}

#[derive(Default)]
struct Sums {
    products: [f64; LANES],
    squares: [f64; LANES],
}

impl Sums {
    /// One loop a quantity: in a loop of them all the compiler converts pixel after pixel.
    #[inline(always)]
    fn add(&mut self, a: &[f32; LANES], b: &[f32; LANES]) {
        let (mut left, mut right) = ([0.0f32; LANES], [0.0f32; LANES]);
        for (left, a) in left.iter_mut().zip(a) {
            *left = if a.is_nan() { 0.0 } else { *a };
        }
        for (left, b) in left.iter_mut().zip(b) {
            *left = if b.is_nan() { 0.0 } else { *left };
        }
        for (right, b) in right.iter_mut().zip(b) {
            *right = if b.is_nan() { 0.0 } else { *b };
        }
        for ((sum, left), right) in self.products.iter_mut().zip(left).zip(right) {
            *sum += f64::from(left) * f64::from(right);
        }
        for (sum, left) in self.squares.iter_mut().zip(left) {
            *sum += f64::from(left) * f64::from(left);
        }
    }
}

/// Adds up rows of numbers, one after the other.
///
/// Inputs: lists of rows of `width` numbers each, in the order of the rows. Output: `width` numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AddNumbers {
    /// Numbers in a row.
    pub width: usize,
}

impl Operation for AddNumbers {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(self.width * size_of::<f64>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let mut total = vec![0.0; self.width];
        for row in call.inputs.iter().flat_map(|list| list.numbers().chunks_exact(self.width)) {
            total.iter_mut().zip(row).for_each(|(total, number)| *total += number);
        }
        call.outputs[0] = Payload::Numbers(total);
        Ok(())
    }
}
