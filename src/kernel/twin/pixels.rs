//! Twins that work pixel by pixel.

use super::super::Combine;
use super::{Recording, Twin};
use crate::device::{Access, Shader};
use crate::error::Result;
use bytemuck::{Pod, Zeroable};

pub(super) static COMBINE: Shader = Shader {
    name: "combine",
    source: include_str!("../../../shaders/combine.wgsl"),
    parameters: size_of::<CombineParameters>(),
    buffers: &[Access::Write, Access::Read],
};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct CombineParameters {
    count: u32,
    left: f32,
    right: f32,
}

impl Twin for Combine {
    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let count = self.rows * self.cols;
        let parameters = CombineParameters { count: count as u32, left: self.left, right: self.right };
        let (a, b) = (recording.made(0), recording.chunk(0));
        recording.dispatch(&COMBINE, parameters, &[&a, &b], Shader::groups(count));
        Ok(())
    }
}
