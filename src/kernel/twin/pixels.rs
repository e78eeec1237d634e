//! Twins that work pixel by pixel.

use super::super::{AddSquares, Combine, Fill, KeepSign, Ratio, Rescale, Spread, Within, ZeroBlanks};
use super::{Recording, Twin};
use crate::device::{Access, Chunk, Shader};
use crate::error::Result;
use bytemuck::{Pod, Zeroable};

pub(super) static FILL: Shader = Shader {
    name: "fill",
    source: include_str!("../../../shaders/fill.wgsl"),
    parameters: size_of::<Number>(),
    buffers: &[Access::Write],
};

pub(super) static KEEP_SIGN: Shader = Shader {
    name: "keep_sign",
    source: include_str!("../../../shaders/keep_sign.wgsl"),
    parameters: size_of::<Sign>(),
    buffers: &[Access::Write],
};

pub(super) static COMBINE: Shader = Shader {
    name: "combine",
    source: include_str!("../../../shaders/combine.wgsl"),
    parameters: size_of::<CombineParameters>(),
    buffers: &[Access::Write, Access::Read],
};

pub(super) static RATIO: Shader = Shader {
    name: "ratio",
    source: concat!(include_str!("../../../shaders/parts/blank.wgsl"), include_str!("../../../shaders/ratio.wgsl")),
    parameters: size_of::<Number>(),
    buffers: &[Access::Write, Access::Read],
};

pub(super) static RESCALE: Shader = Shader {
    name: "rescale",
    source: concat!(include_str!("../../../shaders/parts/blank.wgsl"), include_str!("../../../shaders/rescale.wgsl")),
    parameters: size_of::<Number>(),
    buffers: &[Access::Write, Access::Read, Access::Read],
};

pub(super) static ZERO_BLANKS: Shader = Shader {
    name: "zero_blanks",
    source: include_str!("../../../shaders/zero_blanks.wgsl"),
    parameters: size_of::<Count>(),
    buffers: &[Access::Write],
};

pub(super) static WITHIN: Shader = Shader {
    name: "within",
    source: include_str!("../../../shaders/within.wgsl"),
    parameters: size_of::<Count>(),
    buffers: &[Access::Write, Access::Read],
};

pub(super) static ADD_SQUARES: Shader = Shader {
    name: "add_squares",
    source: include_str!("../../../shaders/add_squares.wgsl"),
    parameters: size_of::<Count>(),
    buffers: &[Access::Write, Access::Read],
};

pub(super) static SPREAD: Shader = Shader {
    name: "spread",
    source: concat!(include_str!("../../../shaders/parts/blank.wgsl"), include_str!("../../../shaders/spread.wgsl")),
    parameters: size_of::<Number>(),
    buffers: &[Access::Write, Access::Read],
};

/// So many pixels.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Count {
    count: u32,
}

/// So many pixels, and a number that all of them have to do with.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Number {
    count: u32,
    number: f32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Sign {
    count: u32,
    negative: u32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct CombineParameters {
    count: u32,
    left: f32,
    right: f32,
}

/// Runs a shader with one invocation a pixel. It is bound to the output and then to the inputs that are not in its place.
fn each_pixel<P: Pod>(recording: &mut Recording<'_>, shader: &'static Shader, parameters: P) -> Result<()> {
    let (rows, cols, _) = recording.made_dim(0);
    let mut buffers = vec![recording.made(0)];
    buffers.extend((0..recording.inputs()).map(|i| recording.chunk(i)));
    let buffers: Vec<&Chunk> = buffers.iter().collect();
    recording.dispatch(shader, parameters, &buffers, Shader::groups(rows * cols));
    Ok(())
}

/// As a shader counts them: a chunk has fewer bytes than 2³².
fn count(rows: usize, cols: usize) -> u32 {
    (rows * cols) as u32
}

impl Twin for Fill {
    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let parameters = Number { count: count(self.rows, self.cols), number: self.value };
        each_pixel(recording, &FILL, parameters)
    }
}

impl Twin for KeepSign {
    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let parameters = Sign { count: count(self.rows, self.cols), negative: self.negative.into() };
        each_pixel(recording, &KEEP_SIGN, parameters)
    }
}

impl Twin for Combine {
    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let parameters = CombineParameters { count: count(self.rows, self.cols), left: self.left, right: self.right };
        each_pixel(recording, &COMBINE, parameters)
    }
}

impl Twin for Ratio {
    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let parameters = Number { count: count(self.rows, self.cols), number: self.floor };
        each_pixel(recording, &RATIO, parameters)
    }
}

impl Twin for Rescale {
    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let parameters = Number { count: count(self.rows, self.cols), number: self.least };
        each_pixel(recording, &RESCALE, parameters)
    }
}

impl Twin for ZeroBlanks {
    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let parameters = Count { count: count(self.rows, self.cols) };
        each_pixel(recording, &ZERO_BLANKS, parameters)
    }
}

impl Twin for Within {
    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let parameters = Count { count: count(self.rows, self.cols) };
        each_pixel(recording, &WITHIN, parameters)
    }
}

impl Twin for AddSquares {
    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let parameters = Count { count: count(self.rows, self.cols) };
        each_pixel(recording, &ADD_SQUARES, parameters)
    }
}

impl Twin for Spread {
    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let parameters = Number { count: count(self.rows, self.cols), number: self.count as f32 };
        each_pixel(recording, &SPREAD, parameters)
    }
}
