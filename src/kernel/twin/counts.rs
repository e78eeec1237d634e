//! Twins that count pixels: in whole numbers, so that they make exactly what their kernels make.

use super::{Recording, Twin};
use crate::device::{Access, Facts, Shader};
use crate::error::Result;
use crate::kernel::levels::{BELOW, LEVELS, levels};
use crate::kernel::payload::Payload;
use crate::kernel::quantile::{BITS, State, bins, value};
use crate::kernel::{CountLevels, Histogram, PixelExtremes, Shape, SpectrumExtremes};
use bytemuck::{Pod, Zeroable};

macro_rules! counts_shader {
    ($name:literal, [$($part:literal),*], $parameters:ty) => {
        Shader {
            name: $name,
            source: concat!(
                include_str!("../../../shaders/parts/blank.wgsl"),
                $(include_str!(concat!("../../../shaders/parts/", $part, ".wgsl")),)*
                include_str!(concat!("../../../shaders/", $name, ".wgsl"))
            ),
            parameters: size_of::<$parameters>(),
            buffers: &[Access::Read, Access::Write],
        }
    };
}

pub(super) static HISTOGRAM: Shader = counts_shader!("histogram", ["key"], HistogramParameters);
pub(super) static COUNT_LEVELS: Shader = counts_shader!("count_levels", [], LevelParameters);
pub(super) static EXTREMES: Shader = counts_shader!("extremes", ["key"], ExtremesParameters);

/// The most workgroups of a shader that counts: each adds a whole table to that of all.
const MOST_TABLES: u32 = 1024;

/// Can the invocations of a shader that counts go through so many numbers, beyond the end of which they step?
fn is_counted(numbers: usize) -> bool {
    numbers <= (u32::MAX - MOST_TABLES * Shader::INVOCATIONS) as usize
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct HistogramParameters {
    count: u32,
    low: u32,
    width: u32,
    prefix: u32,
    about_centre: u32,
    centre: f32,
}

impl Twin for Histogram {
    fn suits(&self, _: &Facts) -> bool {
        is_counted(self.rows * self.cols)
    }

    fn work_bytes(&self) -> usize {
        bins(self.round) * size_of::<u32>()
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let later = usize::from(self.round > 0);
        let prefix = if later > 0 { State::of(recording.input(1)).prefix } else { 0 };
        let centre = if self.about_centre { State::of(recording.input(1 + later)).value } else { 0.0 };
        let (low, width) = BITS[usize::from(self.round)];
        let count = (self.rows * self.cols) as u32;
        let about_centre = u32::from(self.about_centre);
        let parameters = HistogramParameters { count, low, width, prefix, about_centre, centre };
        let groups = count.div_ceil(Shader::INVOCATIONS).clamp(1, MOST_TABLES);
        let counts = count_in(recording, &HISTOGRAM, parameters, bins(self.round), [groups, 1, 1])?;
        *recording.output(0) = Payload::Histogram(counts.into_iter().map(u64::from).collect());
        Ok(())
    }
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct LevelParameters {
    rows: u32,
    cols: u32,
    first: u32,
    every: u32,
    below: u32,
}

impl Twin for CountLevels {
    fn suits(&self, _: &Facts) -> bool {
        is_counted(self.at.rows * self.at.cols)
    }

    fn work_bytes(&self) -> usize {
        LEVELS * size_of::<u32>()
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let (rows, cols, every) = (self.at.rows as u32, self.at.cols as u32, self.every.max(1));
        let first = (-self.at.y0).rem_euclid(i64::from(every)) as u32;
        let parameters = LevelParameters { rows, cols, first, every, below: BELOW };
        let groups = rows.div_ceil(every).clamp(1, MOST_TABLES);
        let counts = count_in(recording, &COUNT_LEVELS, parameters, LEVELS, [groups, 1, 1])?;
        let counts: Vec<u64> = counts.into_iter().map(u64::from).collect();
        *recording.output(0) = Payload::Histogram(levels(&counts));
        Ok(())
    }
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct ExtremesParameters {
    lines: u32,
    length: u32,
    stride: u32,
}

/// Words of the table that the shader makes: the smallest of the even and of the odd numbers of a line, then the largest.
const EXTREMES_WORDS: usize = 4;

/// What it holds: smallest and largest, each of even and of odd numbers; none are +∞ and −∞.
struct Extremes {
    low: [f32; 2],
    high: [f32; 2],
}

impl Extremes {
    fn find(recording: &mut Recording<'_>, (lines, length, stride): (usize, usize, usize)) -> Result<Extremes> {
        let (lines, length, stride) = (lines as u32, length as u32, stride as u32);
        let parameters = ExtremesParameters { lines, length, stride };
        let along = length.div_ceil(Shader::INVOCATIONS).clamp(1, MOST_TABLES);
        let groups = [along, (MOST_TABLES / along).min(lines).max(1), 1];
        let made = count_in(recording, &EXTREMES, parameters, EXTREMES_WORDS, groups)?;
        let low = [0, 1].map(|i| if made[i] == 0 { f32::INFINITY } else { value(!made[i]) });
        let high = [2, 3].map(|i| if made[i] == 0 { f32::NEG_INFINITY } else { value(made[i]) });
        Ok(Extremes { low, high })
    }
}

impl Twin for PixelExtremes {
    fn suits(&self, _: &Facts) -> bool {
        is_counted(self.rows * self.cols)
    }

    fn work_bytes(&self) -> usize {
        EXTREMES_WORDS * size_of::<u32>()
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        // Rows follow each other without gaps.
        let count = self.rows * self.cols;
        let Extremes { low, high } = Extremes::find(recording, (1, count, count))?;
        let extremes = [low[0].min(low[1]), high[0].max(high[1])];
        *recording.output(0) = Payload::Numbers(extremes.map(f64::from).into());
        Ok(())
    }
}

impl Twin for SpectrumExtremes {
    fn suits(&self, _: &Facts) -> bool {
        is_counted(2 * Shape::Complex { rows: self.columns, cols: self.length }.stride() * self.columns)
    }

    fn work_bytes(&self) -> usize {
        EXTREMES_WORDS * size_of::<u32>()
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let (_, _, stride) = recording.dim(0);
        // Real parts are even numbers of a line, imaginary ones odd.
        let Extremes { low, high } = Extremes::find(recording, (self.columns, 2 * self.length, 2 * stride))?;
        let extremes = [low[0], high[0], high[1].max(-low[1]).max(0.0)];
        *recording.output(0) = Payload::Numbers(extremes.map(f64::from).into());
        Ok(())
    }
}

/// Runs a shader on the first input that adds to a table of so many words, 0 before it.
fn count_in<P: Pod>(
    recording: &mut Recording<'_>,
    shader: &'static Shader,
    parameters: P,
    words: usize,
    groups: [u32; 3],
) -> Result<Vec<u32>> {
    let table = recording.work(words * size_of::<u32>())?;
    recording.clear(&table, words * size_of::<u32>());
    recording.dispatch(shader, parameters, &[&recording.chunk(0), &table], groups);
    recording.read(&table, words)
}
