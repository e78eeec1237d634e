//! The transforms of the rows of one strip of the image.

use super::transpose::transpose;
use super::{fill_rest, group_lines, half_length, plan, strips, wrapped};
use crate::error::Result;
use crate::kernel::operation::{Call, Operation};
use crate::kernel::payload::{Block, Payload, Shape, odd_lines};
use num_complex::Complex32;
use realfft::{ComplexToReal, RealToComplex};
use serde::{Deserialize, Serialize};

/// Forward transform of the rows of a strip, transposed.
///
/// Input: pixels, `rows` × `cols`; blank pixels (NaN) count as zero. Outputs: for each column strip one block of
/// spectra, columns × `rows`. A row without any flux is not transformed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowForward {
    /// Rows of the strip.
    pub rows: usize,
    /// Pixels in a row; at most `length`.
    pub cols: usize,
    /// Samples in a padded row, Lx.
    pub length: usize,
    /// Sample at which pixel 0 lies; the row goes on around the end of the padded row.
    pub first: usize,
    /// Columns of a column strip; the last may have fewer.
    pub width: usize,
}

/// Inverse transform of the rows of a strip.
///
/// Inputs: for each column strip one block of spectra, `rows` × columns. Output: pixels, `rows` × `cols`. The
/// imaginary parts of the frequencies that are their own conjugates are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowInverse {
    /// Rows of the strip.
    pub rows: usize,
    /// Pixels in a row; at most `length`.
    pub cols: usize,
    /// Samples in a padded row, Lx.
    pub length: usize,
    /// Sample at which pixel 0 lies; the row goes on around the end of the padded row.
    pub first: usize,
    /// Columns of a column strip; the last may have fewer.
    pub width: usize,
    /// Factor of every pixel: 1/(Lx·Ly) makes it the inverse of the forward transform.
    pub scale: f32,
}

/// How the working memory of both is cut: one padded row, the spectra of a group of rows, what the plan needs.
/// All in complex numbers, whole cache lines each.
struct Layout {
    row: usize,
    stride: usize,
    group: usize,
    plan: usize,
}

impl Layout {
    fn new(length: usize, group: usize, plan: usize) -> Layout {
        let stride = odd_lines(half_length(length));
        Layout { row: odd_lines(length.div_ceil(2)), stride, group, plan }
    }

    fn bytes(&self) -> usize {
        (self.row + self.group * self.stride + self.plan) * size_of::<Complex32>()
    }

    /// The padded row of `length` samples, the spectra, the plan's own.
    fn split<'a>(
        &self,
        scratch: &'a mut [Complex32],
        length: usize,
    ) -> (&'a mut [f32], &'a mut [Complex32], &'a mut [Complex32]) {
        let (row, scratch) = scratch.split_at_mut(self.row);
        let (spectra, scratch) = scratch.split_at_mut(self.group * self.stride);
        let samples: &mut [f32] = bytemuck::cast_slice_mut(row);
        (&mut samples[..length], spectra, &mut scratch[..self.plan])
    }
}

impl RowForward {
    fn layout(&self, plan: &dyn RealToComplex<f32>) -> Layout {
        let group = group_lines(half_length(self.length) * size_of::<Complex32>());
        Layout::new(self.length, group, plan.get_scratch_len())
    }
}

impl Operation for RowForward {
    fn outputs(&self) -> Vec<Shape> {
        strips(half_length(self.length), self.width).map(|rows| Shape::Complex { rows, cols: self.rows }).collect()
    }

    fn scratch_bytes(&self) -> usize {
        self.layout(&*plan::real_forward(self.length)).bytes()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let plan = plan::real_forward(self.length);
        let layout = self.layout(&*plan);
        let (row, spectra, scratch) = layout.split(call.scratch.as_mut_slice(), self.length);
        let pixels = call.inputs[0].real();
        for top in (0..self.rows).step_by(layout.group) {
            let lines = layout.group.min(self.rows - top);
            for (line, spectrum) in spectra.chunks_exact_mut(layout.stride).take(lines).enumerate() {
                let spectrum = &mut spectrum[..half_length(self.length)];
                if self.place(pixels.row(top + line), row) {
                    plan.process_with_scratch(row, spectrum, scratch).expect("the lengths are the plan's");
                } else {
                    spectrum.fill(Complex32::ZERO);
                }
            }
            self.hand_out(spectra, layout.stride, top..top + lines, call.outputs);
        }
        Ok(())
    }
}

impl RowForward {
    /// Lays the pixels of a row into the padded row. Is there any flux?
    fn place(&self, pixels: &[f32], row: &mut [f32]) -> bool {
        let mut bits = 0;
        for (from, to) in wrapped(self.first, self.cols, self.length) {
            for (sample, &pixel) in row[to].iter_mut().zip(&pixels[from]) {
                *sample = if pixel.is_nan() { 0.0 } else { pixel };
                bits |= sample.abs().to_bits();
            }
        }
        fill_rest(row, self.first, self.cols, 0.0);
        bits != 0
    }

    /// Writes the spectra of a group of rows into the blocks of all column strips.
    fn hand_out(&self, spectra: &[Complex32], stride: usize, rows: std::ops::Range<usize>, blocks: &mut [Payload]) {
        for (strip, block) in blocks.iter_mut().enumerate() {
            let block = block.complex_mut();
            let (columns, to_stride) = (block.dim().0, block.stride());
            let to = &mut block.strided_mut()[rows.start..];
            transpose(&spectra[strip * self.width.max(1)..], stride, (rows.len(), columns), to, to_stride);
        }
    }
}

impl RowInverse {
    fn layout(&self, plan: &dyn ComplexToReal<f32>) -> Layout {
        Layout::new(self.length, 1, plan.get_scratch_len())
    }
}

impl Operation for RowInverse {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.rows, cols: self.cols }]
    }

    fn scratch_bytes(&self) -> usize {
        self.layout(&*plan::real_inverse(self.length)).bytes()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let plan = plan::real_inverse(self.length);
        let layout = self.layout(&*plan);
        let (row, spectrum, scratch) = layout.split(call.scratch.as_mut_slice(), self.length);
        let spectrum = &mut spectrum[..half_length(self.length)];
        let blocks: Vec<&Block<Complex32>> = call.inputs.iter().map(|input| input.complex()).collect();
        let pixels = call.outputs[0].real_mut();
        // A row that is neither cut nor turned is transformed where it belongs.
        let whole = self.cols == self.length && self.first.is_multiple_of(self.length);
        for y in 0..self.rows {
            self.gather(&blocks, y, spectrum);
            let target = if whole { pixels.row_mut(y) } else { &mut *row };
            plan.process_with_scratch(spectrum, target, scratch).expect("lengths and edges are as the plan wants");
            if !whole {
                for (to, from) in wrapped(self.first, self.cols, self.length) {
                    pixels.row_mut(y)[to].copy_from_slice(&row[from]);
                }
            }
        }
        Ok(())
    }
}

impl RowInverse {
    /// Joins the spectrum of a row from the blocks of all column strips, scaled.
    fn gather(&self, blocks: &[&Block<Complex32>], y: usize, spectrum: &mut [Complex32]) {
        for (block, part) in blocks.iter().zip(spectrum.chunks_mut(self.width.max(1))) {
            for (to, from) in part.iter_mut().zip(block.row(y)) {
                *to = from * self.scale;
            }
        }
        spectrum[0].im = 0.0;
        if self.length.is_multiple_of(2) {
            spectrum[self.length / 2].im = 0.0;
        }
    }
}
