//! The transforms of the columns of one column strip.

use super::transpose::transpose;
use super::{fill_rest, group_lines, plan, strips, wrapped};
use crate::error::Result;
use crate::kernel::operation::{Call, Operation};
use crate::kernel::payload::{Block, Payload, Shape, odd_lines};
use num_complex::Complex32;
use rustfft::Fft;
use serde::{Deserialize, Serialize};

/// Forward transform of the columns of a column strip.
///
/// Inputs: the blocks of all row strips in order, `columns` × rows of the strip. Output: the spectrum, `columns` ×
/// `length`: each line is one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnForward {
    /// Columns of the strip.
    pub columns: usize,
    /// Samples in a padded column, Ly.
    pub length: usize,
    /// Sample at which row 0 lies; the column goes on around the end of the padded column.
    pub first: usize,
    /// Rows of the image; at most `length`.
    pub rows: usize,
    /// Rows of a row strip; the last may have fewer.
    pub block_rows: usize,
}

/// Inverse transform of the columns of a column strip, unscaled and transposed back.
///
/// Input: the spectrum, `columns` × `length`, which it leaves as it is. Outputs: for each row strip one block, rows
/// of the strip × `columns`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnInverse {
    /// Columns of the strip.
    pub columns: usize,
    /// Samples in a padded column, Ly.
    pub length: usize,
    /// Sample at which row 0 lies; the column goes on around the end of the padded column.
    pub first: usize,
    /// Rows of the image; at most `length`. Samples that belong to none are dropped.
    pub rows: usize,
    /// Rows of a row strip; the last may have fewer.
    pub block_rows: usize,
}

impl Operation for ColumnForward {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Complex { rows: self.columns, cols: self.length }]
    }

    fn scratch_bytes(&self) -> usize {
        plan::forward(self.length).get_inplace_scratch_len() * size_of::<Complex32>()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let plan = plan::forward(self.length);
        let scratch = &mut call.scratch.as_mut_slice()[..plan.get_inplace_scratch_len()];
        let blocks: Vec<&Block<Complex32>> = call.inputs.iter().map(|input| input.complex()).collect();
        let spectrum = call.outputs[0].complex_mut();
        for column in 0..self.columns {
            let line = spectrum.row_mut(column);
            self.gather(&blocks, column, line);
            plan.process_with_scratch(line, scratch);
        }
        Ok(())
    }
}

impl ColumnForward {
    /// Joins a padded column from the blocks of all row strips.
    fn gather(&self, blocks: &[&Block<Complex32>], column: usize, line: &mut [Complex32]) {
        for (strip, block) in blocks.iter().enumerate() {
            let part = block.row(column);
            for (from, to) in wrapped(self.first + strip * self.block_rows, part.len(), self.length) {
                line[to].copy_from_slice(&part[from]);
            }
        }
        fill_rest(line, self.first, self.rows, Complex32::ZERO);
    }
}

impl ColumnInverse {
    fn stride(&self) -> usize {
        odd_lines(self.length)
    }

    fn group(&self) -> usize {
        group_lines(self.length * size_of::<Complex32>())
    }

    /// Complex numbers of working memory: a group of columns, and what the plan needs.
    fn scratch(&self, plan: &dyn Fft<f32>) -> (usize, usize) {
        (self.group() * self.stride(), plan.get_immutable_scratch_len())
    }
}

impl Operation for ColumnInverse {
    fn outputs(&self) -> Vec<Shape> {
        strips(self.rows, self.block_rows).map(|rows| Shape::Complex { rows, cols: self.columns }).collect()
    }

    fn scratch_bytes(&self) -> usize {
        let (lines, own) = self.scratch(&*plan::inverse(self.length));
        (lines + own) * size_of::<Complex32>()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let plan = plan::inverse(self.length);
        let (lines, own) = self.scratch(&*plan);
        let (lines, scratch) = call.scratch.as_mut_slice().split_at_mut(lines);
        let scratch = &mut scratch[..own];
        let spectrum = call.inputs[0].complex();
        for left in (0..self.columns).step_by(self.group()) {
            let columns = left..self.columns.min(left + self.group());
            for (column, line) in columns.clone().zip(lines.chunks_exact_mut(self.stride())) {
                plan.process_immutable_with_scratch(spectrum.row(column), &mut line[..self.length], scratch);
            }
            self.hand_out(lines, columns, call.outputs);
        }
        Ok(())
    }
}

impl ColumnInverse {
    /// Writes a group of columns into the blocks of all row strips.
    fn hand_out(&self, lines: &[Complex32], columns: std::ops::Range<usize>, blocks: &mut [Payload]) {
        for (strip, block) in blocks.iter_mut().enumerate() {
            let block = block.complex_mut();
            let (rows, to_stride) = (block.dim().0, block.stride());
            for (to, from) in wrapped(self.first + strip * self.block_rows, rows, self.length) {
                if !from.is_empty() {
                    let target = &mut block.strided_mut()[to.start * to_stride + columns.start..];
                    transpose(&lines[from.start..], self.stride(), (columns.len(), from.len()), target, to_stride);
                }
            }
        }
    }
}
