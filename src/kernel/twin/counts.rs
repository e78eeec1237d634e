//! Twins that count pixels: in whole numbers, so that they make exactly what their kernels make.

use super::{Recording, Twin};
use crate::device::{Access, Facts, Shader};
use crate::error::Result;
use crate::kernel::levels::{BELOW, LEVELS, levels};
use crate::kernel::payload::Payload;
use crate::kernel::quantile::{BITS, State, bins};
use crate::kernel::{CountLevels, Histogram};
use bytemuck::{Pod, Zeroable};

macro_rules! counts_shader {
    ($name:literal, $parameters:ty) => {
        Shader {
            name: $name,
            source: concat!(
                include_str!(concat!("../../../shaders/", $name, ".wgsl")),
                include_str!("../../../shaders/parts/blank.wgsl")
            ),
            parameters: size_of::<$parameters>(),
            buffers: &[Access::Read, Access::Write],
        }
    };
}

pub(super) static HISTOGRAM: Shader = counts_shader!("histogram", HistogramParameters);
pub(super) static COUNT_LEVELS: Shader = counts_shader!("count_levels", LevelParameters);

/// The most workgroups of a shader that counts: each adds a whole table to that of all.
const MOST_TABLES: u32 = 1024;

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
        u32::try_from(self.rows * self.cols).is_ok()
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
        let counts = count_in(recording, &HISTOGRAM, parameters, bins(self.round), groups)?;
        *recording.output(0) = Payload::Histogram(counts);
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
        u32::try_from(self.at.rows * self.at.cols).is_ok()
    }

    fn work_bytes(&self) -> usize {
        LEVELS * size_of::<u32>()
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let (rows, cols, every) = (self.at.rows as u32, self.at.cols as u32, self.every.max(1));
        let first = (-self.at.y0).rem_euclid(i64::from(every)) as u32;
        let parameters = LevelParameters { rows, cols, first, every, below: BELOW };
        let groups = rows.div_ceil(every).clamp(1, MOST_TABLES);
        let counts = count_in(recording, &COUNT_LEVELS, parameters, LEVELS, groups)?;
        *recording.output(0) = Payload::Histogram(levels(&counts));
        Ok(())
    }
}

/// Counts the pixels of the first input in a table of so many bins.
fn count_in<P: Pod>(
    recording: &mut Recording<'_>,
    shader: &'static Shader,
    parameters: P,
    bins: usize,
    groups: u32,
) -> Result<Vec<u64>> {
    let table = recording.work(bins * size_of::<u32>())?;
    recording.clear(&table, bins * size_of::<u32>());
    recording.dispatch(shader, parameters, &[&recording.chunk(0), &table], [groups, 1, 1]);
    Ok(recording.read::<u32>(&table, bins)?.into_iter().map(u64::from).collect())
}
