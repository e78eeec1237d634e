//! Twins that put pixels in their places.

use super::super::{Assemble, Component, Scales, Scatter};
use super::{Recording, Twin};
use crate::device::{Access, Facts, Shader};
use crate::error::Result;
use crate::image::rect::Rect;
use bytemuck::{Pod, Zeroable};

pub(super) static ASSEMBLE: Shader = Shader {
    name: "assemble",
    source: include_str!("../../../shaders/assemble.wgsl"),
    parameters: size_of::<AssembleParameters>(),
    buffers: &[Access::Write, Access::Read],
};

pub(super) static SCATTER: Shader = Shader {
    name: "scatter",
    source: include_str!("../../../shaders/scatter.wgsl"),
    parameters: size_of::<ScatterParameters>(),
    buffers: &[Access::Write, Access::Read],
};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct AssembleParameters {
    cols: u32,
    source_first: u32,
    source_stride: u32,
    target_first: u32,
    target_stride: u32,
}

impl Twin for Assemble {
    fn suits(&self, _: &Facts) -> bool {
        self.target.rows <= Shader::MOST_GROUPS as usize
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let dims = (0..recording.inputs()).map(|i| recording.dim(i)).map(|(rows, cols, _)| (rows, cols));
        let places = self.places(dims)?;
        let made = recording.made(0);
        for (i, at) in places.iter().enumerate() {
            let Some(part) = self.target.intersect(at) else { continue };
            let first = |of: &Rect| ((part.y0 - of.y0) as usize * of.cols + (part.x0 - of.x0) as usize) as u32;
            let parameters = AssembleParameters {
                cols: part.cols as u32,
                source_first: first(at),
                source_stride: at.cols as u32,
                target_first: first(&self.target),
                target_stride: self.target.cols as u32,
            };
            let groups = [(part.cols as u32).div_ceil(Shader::INVOCATIONS), part.rows as u32, 1];
            recording.dispatch(&ASSEMBLE, parameters, &[&made, &recording.chunk(i)], groups);
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct ScatterParameters {
    count: u32,
}

/// A pixel of a chunk, and the bits of its flux.
type Point = [u32; 2];

/// The most points that are on the device at a time: 4 MiB of them.
const MOST_POINTS: usize = (4 << 20) / size_of::<Point>();

impl Twin for Scatter {
    fn suits(&self, _: &Facts) -> bool {
        self.scales == Scales::POINTS
    }

    fn work_bytes(&self) -> usize {
        MOST_POINTS.min(self.at.pixels()) * size_of::<Point>()
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let made = recording.made(0);
        recording.clear(&made, self.at.pixels() * size_of::<f32>());
        let rows = self.near(recording.input(0).components(), 0);
        let mut points = rows.iter().filter_map(|component| self.point(component)).peekable();
        while points.peek().is_some() {
            let piece: Vec<Point> = points.by_ref().take(MOST_POINTS).collect();
            let list = recording.list(&piece)?;
            let parameters = ScatterParameters { count: piece.len() as u32 };
            recording.dispatch(&SCATTER, parameters, &[&made, &list], Shader::groups(piece.len()));
            if points.peek().is_some() {
                // So that no more than one piece is there at a time.
                recording.finish()?;
            }
        }
        Ok(())
    }
}

impl Scatter {
    /// A component as a point of the chunk, if it lies there.
    fn point(&self, component: &Component) -> Option<Point> {
        let (y, x) = (i64::from(component.y), i64::from(component.x));
        let pixel = (y - self.at.y0) * self.at.cols as i64 + x - self.at.x0;
        self.at.contains(y, x).then(|| [pixel as u32, component.flux.to_bits()])
    }
}
