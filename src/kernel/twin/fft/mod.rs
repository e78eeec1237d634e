//! Transforms on a device: see [`crate::kernel::fft`] for what they make.
//!
//! A line is transformed in workgroup memory, in one pass over the device's memory up to 512 numbers, else in two (a four-step transform,
//! Bailey 1990, J. Supercomput. 4, 23). Rows of real numbers are transformed as half as many pairs, which is set right in one pass more.

mod columns;
mod plan;
pub(super) mod rows;

use super::Recording;
use crate::device::{Access, Chunk, Shader};
use bytemuck::{Pod, Zeroable};
use num_complex::Complex32;
use plan::Pass;

macro_rules! fft_shader {
    ($name:literal, $($part:literal),*) => {
        Shader {
            name: $name,
            source: concat!(
                $(include_str!(concat!("../../../../shaders/parts/", $part, ".wgsl")),)*
                include_str!(concat!("../../../../shaders/", $name, ".wgsl"))
            ),
            parameters: size_of::<Pass>(),
            buffers: &[Access::Read, Access::Read, Access::Write],
        }
    };
}

pub(super) static FFT: Shader = fft_shader!("fft", "pass", "lines", "store");
pub(super) static FFT_OF_PIXELS: Shader = fft_shader!("fft_of_pixels", "pass", "lines", "store", "blank");
pub(super) static FFT_TO_PIXELS: Shader = fft_shader!("fft_to_pixels", "pass", "lines");

pub(super) static LAY: Shader = Shader {
    name: "lay",
    source: include_str!("../../../../shaders/lay.wgsl"),
    parameters: size_of::<Lay>(),
    buffers: &[Access::Read, Access::Write],
};

/// The parameters of [`LAY`].
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Lay {
    count: u32,
    stride_in: u32,
    stride_out: u32,
    first: u32,
    span: u32,
}

/// Bytes of complex numbers.
const NUMBER: usize = size_of::<Complex32>();

/// The most lines, each of which is a row of workgroups.
const MOST_LINES: usize = Shader::MOST_GROUPS as usize;

/// Lays so many rows of `count` numbers into rows of `span`, from place `first` on and around their end.
fn lay(recording: &mut Recording<'_>, (from, stride_in): (&Chunk, usize), (to, stride_out): (&Chunk, usize), at: Laid) {
    let Laid { rows, count, first, span } = at;
    let parameters = Lay {
        count: count as u32,
        stride_in: stride_in as u32,
        stride_out: stride_out as u32,
        first: (first % span) as u32,
        span: span as u32,
    };
    let groups = [(count as u32).div_ceil(Shader::INVOCATIONS), rows as u32, 1];
    recording.dispatch(&LAY, parameters, &[from, to], groups);
}

/// What is laid where; see [`lay`].
struct Laid {
    rows: usize,
    count: usize,
    first: usize,
    span: usize,
}

/// Passes over a plane of the transforms of all of its rows, and of all of its columns, in one direction, where it is one strip: in each
/// of them it is read once and written once.
pub fn passes(rows: usize, cols: usize) -> (usize, usize) {
    (plan::passes(cols / 2) + 1, plan::passes(rows))
}
