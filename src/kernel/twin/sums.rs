//! Twins that add up rows: what WGSL lacks of f64 are pairs of f32, which become f64 here.

use super::{Recording, Twin};
use crate::device::{Access, Facts, Shader};
use crate::error::Result;
use crate::image::rect::Rect;
use crate::kernel::measured::RowStats;
use crate::kernel::payload::Payload;
use crate::kernel::{DotRows, MeasureRows};
use bytemuck::{Pod, Zeroable};

/// A shader that adds up in pairs: its text, with the parts that it needs beside those of pairs.
macro_rules! sums_shader {
    ($name:literal, [$($part:literal),*], $parameters:ty, $buffers:expr) => {
        crate::device::Shader {
            name: $name,
            source: concat!(
                include_str!("../../../shaders/parts/pair.wgsl"),
                include_str!("../../../shaders/parts/workgroup.wgsl"),
                $(include_str!(concat!("../../../shaders/parts/", $part, ".wgsl")),)*
                include_str!(concat!("../../../shaders/", $name, ".wgsl"))
            ),
            parameters: size_of::<$parameters>(),
            buffers: $buffers,
        }
    };
}

pub(super) use sums_shader;

pub(super) static MEASURE_ROWS: Shader =
    sums_shader!("measure_rows", ["rows", "blank"], MeasureParameters, &[Access::Read, Access::Write]);
pub(super) static DOT_ROWS: Shader =
    sums_shader!("dot_rows", ["rows", "blank"], DotParameters, &[Access::Read, Access::Read, Access::Write]);

/// A sum, and what rounding has taken from it.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Pair {
    pub(super) high: f32,
    low: f32,
}

impl Pair {
    /// The sum. One that is not finite has no rounding.
    pub(super) fn sum(self) -> f64 {
        let low = if self.high.is_finite() { self.low } else { 0.0 };
        f64::from(self.high) + f64::from(low)
    }
}

/// What no compiler of shaders knows: see `parts/pair.wgsl`.
pub(super) const ZERO: u32 = 0;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct MeasureParameters {
    zero: u32,
    rows: u32,
    cols: u32,
    lanes: u32,
    top: u32,
    bottom: u32,
    left: u32,
    right: u32,
}

/// What the shader makes of a row.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Measured {
    count: u32,
    peak_x: u32,
    peak: f32,
    scale: f32,
    sum: Pair,
    squares: Pair,
}

impl From<Measured> for RowStats {
    fn from(row: Measured) -> RowStats {
        let scale = f64::from(row.scale);
        RowStats {
            count: row.count,
            peak_x: row.peak_x,
            peak: row.peak,
            sum: row.sum.sum() / scale,
            sum_squares: row.squares.sum() / scale / scale,
        }
    }
}

/// Invocations that go through a row of so many pixels side by side: no more than it has of use for.
fn lanes(cols: usize) -> usize {
    cols.next_power_of_two().min(Shader::INVOCATIONS as usize)
}

impl Twin for MeasureRows {
    fn suits(&self, facts: &Facts) -> bool {
        self.work_bytes() as u64 <= facts.largest && u32::try_from(self.at.rows * self.at.cols).is_ok()
    }

    fn work_bytes(&self) -> usize {
        self.at.rows * size_of::<Measured>()
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let Rect { rows, cols, y0, x0 } = self.at;
        let hole = self.ignored.and_then(|hole| hole.intersect(&self.at)).unwrap_or(Rect::new(y0, x0, 0, 0));
        let (top, left) = ((hole.y0 - y0) as u32, (hole.x0 - x0) as u32);
        let parameters = MeasureParameters {
            zero: ZERO,
            rows: rows as u32,
            cols: cols as u32,
            lanes: lanes(cols) as u32,
            top,
            bottom: top + hole.rows as u32,
            left,
            right: left + hole.cols as u32,
        };
        let made = recording.work(self.work_bytes())?;
        recording.dispatch(
            &MEASURE_ROWS,
            parameters,
            &[&recording.chunk(0), &made],
            Shader::groups(rows * lanes(cols)),
        );
        let rows = recording.read::<Measured>(&made, rows)?.into_iter().map(RowStats::from).collect();
        *recording.output(0) = Payload::Rows(rows);
        Ok(())
    }
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct DotParameters {
    zero: u32,
    rows: u32,
    cols: u32,
    lanes: u32,
}

/// What the shader makes of a row.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Products {
    scale_a: f32,
    scale_b: f32,
    products: Pair,
    squares: Pair,
}

impl Twin for DotRows {
    fn suits(&self, facts: &Facts) -> bool {
        self.work_bytes() as u64 <= facts.largest
    }

    fn work_bytes(&self) -> usize {
        self.rows * size_of::<Products>()
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let (_, cols, _) = recording.dim(0);
        let parameters =
            DotParameters { zero: ZERO, rows: self.rows as u32, cols: cols as u32, lanes: lanes(cols) as u32 };
        let made = recording.work(self.work_bytes())?;
        let (a, b) = (recording.chunk(0), recording.chunk(1));
        recording.dispatch(&DOT_ROWS, parameters, &[&a, &b, &made], Shader::groups(self.rows * lanes(cols)));
        let row = |row: Products| {
            let (a, b) = (f64::from(row.scale_a), f64::from(row.scale_b));
            [row.products.sum() / a / b, row.squares.sum() / a / a]
        };
        let numbers = recording.read::<Products>(&made, self.rows)?.into_iter().flat_map(row).collect();
        *recording.output(0) = Payload::Numbers(numbers);
        Ok(())
    }
}
