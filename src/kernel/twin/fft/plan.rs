//! How a transform of one length is done on a device: in one pass or in two, each in workgroup memory.

use crate::device::{Chunk, Gpu, Shader};
use crate::error::Result;
use bytemuck::{Pod, Zeroable};
use std::f64::consts::PI;

/// The most numbers that are transformed together, so that four of such transforms fit a workgroup.
const LONGEST: usize = 512;

/// Numbers of all lanes of a workgroup together: half of its memory.
const LANES: usize = Shader::WORKGROUP_BYTES as usize / 2 / size_of::<[f32; 2]>();

/// The parameters of a pass: those of `shaders/parts/pass.wgsl`, which says what they are.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Pass {
    length: u32,
    lanes_bits: u32,
    stages: u32,
    radices: u32,
    total: u32,
    inverse: u32,
    over_lines: u32,
    lines: u32,
    subs: u32,
    sub_in: u32,
    step_in: u32,
    step_out: u32,
    twiddled: u32,
    stride_in: u32,
    first_in: u32,
    count_in: u32,
    span_in: u32,
    stride_out: u32,
    first_out: u32,
    count_out: u32,
    span_out: u32,
    transposed: u32,
}

/// Which of the places of a line are in memory: `count` from `first` on, around the end of all `span`; a line's numbers are `stride` after
/// the one before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) first: usize,
    pub(super) count: usize,
    pub(super) span: usize,
    pub(super) stride: usize,
}

impl Window {
    /// A whole line.
    pub(super) fn whole(span: usize, stride: usize) -> Window {
        Window { first: 0, count: span, span, stride }
    }
}

/// The transforms of lines of one length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// Numbers of a line.
    pub(super) total: usize,
    /// Numbers that the first of two passes transforms together; 1 where there is one pass.
    first: usize,
    inverse: bool,
    lines: usize,
}

/// Can a device transform lines of so many numbers?
pub(super) fn suits(total: usize) -> bool {
    first_length(total).is_some()
}

/// Passes of a transform of lines of so many numbers that [suit](suits).
pub(super) fn passes(total: usize) -> usize {
    if total <= LONGEST { 1 } else { 2 }
}

/// Numbers that the first of two passes transforms together, both about as many; 1 where one pass does.
fn first_length(total: usize) -> Option<usize> {
    if total < 2 || radices(total).is_none() {
        return None;
    }
    if total <= LONGEST {
        return Some(1);
    }
    let longer = |first: &usize| (*first).max(total / first);
    (2..=LONGEST).filter(|first| total.is_multiple_of(*first) && total / first <= LONGEST).min_by_key(longer)
}

/// The radices of a length, four bits each, the first one lowest, and how many they are; none for a length with another prime than 2, 3,
/// 5 and 7, or with too many of them.
fn radices(length: usize) -> Option<(u32, u32)> {
    let (mut rest, mut packed, mut count) = (length, 0u64, 0);
    for radix in [8, 4, 2, 3, 5, 7] {
        while rest.is_multiple_of(radix) {
            packed |= (radix as u64) << (4 * count).min(60);
            count += 1;
            rest /= radix;
        }
    }
    (rest == 1).then_some((packed as u32, count))
}

impl Plan {
    /// Transforms of so many lines, forward or inverse, without any factor.
    pub(super) fn new(total: usize, lines: usize, inverse: bool) -> Plan {
        Plan { total, first: first_length(total).unwrap_or(1), inverse, lines }
    }

    /// Is there a pass before the last one?
    pub(super) fn has_two(&self) -> bool {
        self.first > 1
    }

    /// The first of two passes, to whole working lines, and its workgroups.
    pub(super) fn first(&self, from: Window, stride: usize) -> (Pass, [u32; 3]) {
        let second = self.total / self.first;
        let pass =
            Pass { sub_in: 1, step_in: second as u32, step_out: second as u32, twiddled: 1, ..self.pass(self.first) };
        self.placed(pass, second, false, from, Window::whole(self.total, stride))
    }

    /// The last pass, of working lines where there are two, and its workgroups. Lines become columns, or stay lines.
    pub(super) fn last(&self, from: Window, to: Window, transposed: bool) -> (Pass, [u32; 3]) {
        let length = self.total / self.first;
        let pass = Pass {
            sub_in: length as u32,
            step_in: 1,
            step_out: self.first as u32,
            transposed: u32::from(transposed),
            ..self.pass(length)
        };
        self.placed(pass, self.first, transposed || self.first == 1, from, to)
    }

    fn pass(&self, length: usize) -> Pass {
        let (radices, stages) = radices(length).unwrap_or((0, 0));
        Pass {
            length: length as u32,
            radices,
            stages,
            total: self.total as u32,
            inverse: u32::from(self.inverse),
            lines: self.lines as u32,
            ..Pass::zeroed()
        }
    }

    fn placed(&self, pass: Pass, subs: usize, over_lines: bool, from: Window, to: Window) -> (Pass, [u32; 3]) {
        let lanes_bits = (LANES / pass.length as usize).ilog2().min(Shader::INVOCATIONS.ilog2());
        let (across, down) = if over_lines { (self.lines, subs) } else { (subs, self.lines) };
        let groups = [(across as u32).div_ceil(1 << lanes_bits), down as u32, 1];
        let pass = Pass {
            lanes_bits,
            over_lines: u32::from(over_lines),
            subs: subs as u32,
            stride_in: from.stride as u32,
            first_in: from.first as u32,
            count_in: from.count as u32,
            span_in: from.span as u32,
            stride_out: to.stride as u32,
            first_out: to.first as u32,
            count_out: to.count as u32,
            span_out: to.span as u32,
            ..pass
        };
        (pass, groups)
    }
}

/// The roots of unity exp(−2πi j / n) for all j below n, on the device.
pub(super) fn roots(gpu: &Gpu, n: usize) -> Result<Chunk> {
    gpu.table(n, || {
        let root = |j: usize| (2.0 * PI * j as f64 / n as f64).sin_cos();
        (0..n).map(root).flat_map(|(sine, cosine)| [cosine as f32, -sine as f32]).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_cut_evenly_and_into_known_radices() {
        assert_eq!(first_length(512), Some(1));
        assert_eq!([768, 4096, 12288, 262_144].map(first_length), [Some(24), Some(64), Some(96), Some(512)]);
        assert_eq!([0, 1, 11, 1100, 262_144 * 2].map(first_length), [None; 5]);
        assert_eq!(radices(2 * 3 * 5 * 7), Some((0x7532, 4)));
        assert_eq!(radices(512), Some((0x888, 3)));
        for total in (2..20_000).filter(|total| suits(*total)) {
            let first = first_length(total).unwrap_or(0);
            assert!(first <= LONGEST && total / first <= LONGEST && total.is_multiple_of(first), "{total}");
            assert!(
                radices(first).is_some() && radices(total / first).is_some_and(|(_, stages)| stages <= 8),
                "{total}"
            );
        }
    }
}
