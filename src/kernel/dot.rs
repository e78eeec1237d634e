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
    let (mut product, mut square) = ([0.0f64; LANES], [0.0f64; LANES]);
    let mut add = |lane: usize, a: f32, b: f32| {
        let blank = a.is_nan() || b.is_nan();
        let (a, b) = if blank { (0.0, 0.0) } else { (f64::from(a), f64::from(b)) };
        product[lane] += a * b;
        square[lane] += a * a;
    };
    let ((a, a_tail), (b, b_tail)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            add(lane, a[lane], b[lane]);
        }
    }
    for (lane, (&a, &b)) in a_tail.iter().zip(b_tail).enumerate() {
        add(lane, a, b);
    }
    [product.iter().sum(), square.iter().sum()]
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
