//! Transforms of the rows of a strip.

use super::plan::{Plan, Window, roots, suits};
use super::{FFT, FFT_OF_PIXELS, FFT_TO_PIXELS, Laid, MOST_LINES, NUMBER, lay};
use crate::device::{Access, Chunk, Facts, Shader};
use crate::error::Result;
use crate::kernel::fft::{RowForward, RowInverse, half_length};
use crate::kernel::payload::odd_lines;
use crate::kernel::twin::{Recording, Twin};
use bytemuck::{Pod, Zeroable};

pub(in crate::kernel::twin) static SPLIT_SPECTRUM: Shader = Shader {
    name: "split_spectrum",
    source: include_str!("../../../../shaders/split_spectrum.wgsl"),
    parameters: size_of::<Split>(),
    buffers: &[Access::Read, Access::Write],
};

/// The parameters of [`SPLIT_SPECTRUM`].
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Split {
    half: u32,
    rows: u32,
    stride: u32,
}

pub(in crate::kernel::twin) static JOIN_SPECTRUM: Shader = Shader {
    name: "join_spectrum",
    source: include_str!("../../../../shaders/join_spectrum.wgsl"),
    parameters: size_of::<Join>(),
    buffers: &[Access::Read, Access::Read, Access::Write],
};

/// The parameters of [`JOIN_SPECTRUM`].
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Join {
    half: u32,
    stride_in: u32,
    stride_out: u32,
    scale: f32,
}

/// Can rows of so many samples be transformed, so many at once, in working memory of so many bytes a piece?
fn suit(length: usize, rows: usize, facts: &Facts, piece: usize) -> bool {
    length.is_multiple_of(2) && suits(length / 2) && rows <= MOST_LINES && piece as u64 <= facts.largest
}

impl RowForward {
    /// Bytes of the working lines between two passes.
    fn lines_bytes(&self) -> usize {
        let half = self.length / 2;
        if Plan::new(half, self.rows, false).has_two() { self.rows * half * NUMBER } else { 0 }
    }

    /// Bytes of the columns of all strips.
    fn columns_bytes(&self) -> usize {
        half_length(self.length) * odd_lines(self.rows) * NUMBER
    }

    /// Is there one column strip, which has all columns?
    fn is_whole(&self) -> bool {
        self.width >= half_length(self.length)
    }
}

impl Twin for RowForward {
    fn suits(&self, facts: &Facts) -> bool {
        suit(self.length, self.rows, facts, self.lines_bytes().max(self.columns_bytes()))
    }

    fn work_bytes(&self) -> usize {
        self.lines_bytes() + if self.is_whole() { 0 } else { self.columns_bytes() }
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let (half, stride) = (self.length / 2, odd_lines(self.rows));
        let plan = Plan::new(half, self.rows, false);
        let [of_pairs, of_samples] = [roots(recording.gpu(), half)?, roots(recording.gpu(), self.length)?];
        let pixels = recording.chunk(0);
        let columns = if self.is_whole() { recording.made(0) } else { recording.work(self.columns_bytes())? };
        let image = Window { first: self.first % self.length, count: self.cols, span: self.length, stride: self.cols };
        let to = Window::whole(half, stride);
        if plan.has_two() {
            let lines = recording.work(self.lines_bytes())?;
            let (pass, groups) = plan.first(image, half);
            recording.dispatch(&FFT_OF_PIXELS, pass, &[&pixels, &of_pairs, &lines], groups);
            let (pass, groups) = plan.last(Window::whole(half, half), to, true);
            recording.dispatch(&FFT, pass, &[&lines, &of_pairs, &columns], groups);
        } else {
            let (pass, groups) = plan.last(image, to, true);
            recording.dispatch(&FFT_OF_PIXELS, pass, &[&pixels, &of_pairs, &columns], groups);
        }
        let split = Split { half: half as u32, rows: self.rows as u32, stride: stride as u32 };
        let groups = [(self.rows as u32).div_ceil(Shader::INVOCATIONS), half as u32 / 2 + 1, 1];
        recording.dispatch(&SPLIT_SPECTRUM, split, &[&of_samples, &columns], groups);
        if !self.is_whole() {
            for strip in 0..recording.outputs() {
                let (count, ..) = recording.made_dim(strip);
                let at = (strip * self.width * stride * NUMBER, 0);
                recording.copy_part(&columns, &recording.made(strip), at, count * stride * NUMBER);
            }
        }
        Ok(())
    }
}

impl RowInverse {
    /// Numbers from one row of a gathered spectrum to the next.
    fn stride(&self) -> usize {
        odd_lines(half_length(self.length))
    }

    /// Bytes of the spectra of all rows, put together of several strips.
    fn gathered_bytes(&self) -> usize {
        if self.width >= half_length(self.length) { 0 } else { self.rows * self.stride() * NUMBER }
    }

    /// Bytes of the spectra of pairs.
    fn pairs_bytes(&self) -> usize {
        self.rows * self.length / 2 * NUMBER
    }

    /// Bytes of the working lines between two passes.
    fn lines_bytes(&self) -> usize {
        if Plan::new(self.length / 2, self.rows, true).has_two() { self.pairs_bytes() } else { 0 }
    }
}

impl Twin for RowInverse {
    fn suits(&self, facts: &Facts) -> bool {
        suit(self.length, self.rows, facts, self.pairs_bytes().max(self.gathered_bytes()))
    }

    fn work_bytes(&self) -> usize {
        self.gathered_bytes() + self.pairs_bytes() + self.lines_bytes()
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let half = self.length / 2;
        let plan = Plan::new(half, self.rows, true);
        let [of_pairs, of_samples] = [roots(recording.gpu(), half)?, roots(recording.gpu(), self.length)?];
        let (spectra, stride) = self.gather_there(recording)?;
        let pairs = recording.work(self.pairs_bytes())?;
        let join = Join { half: half as u32, stride_in: stride as u32, stride_out: half as u32, scale: self.scale };
        let groups = [(half as u32).div_ceil(Shader::INVOCATIONS), self.rows as u32, 1];
        recording.dispatch(&JOIN_SPECTRUM, join, &[&spectra, &of_samples, &pairs], groups);
        let lines = if plan.has_two() {
            let lines = recording.work(self.lines_bytes())?;
            let (pass, groups) = plan.first(Window::whole(half, half), half);
            recording.dispatch(&FFT, pass, &[&pairs, &of_pairs, &lines], groups);
            lines
        } else {
            pairs
        };
        let image = Window { first: self.first % self.length, count: self.cols, span: self.length, stride: self.cols };
        let (pass, groups) = plan.last(Window::whole(half, half), image, false);
        recording.dispatch(&FFT_TO_PIXELS, pass, &[&lines, &of_pairs, &recording.made(0)], groups);
        Ok(())
    }
}

impl RowInverse {
    /// The spectra of all rows, and the numbers from one to the next.
    fn gather_there(&self, recording: &mut Recording<'_>) -> Result<(Chunk, usize)> {
        if self.gathered_bytes() == 0 {
            return Ok((recording.chunk(0), recording.dim(0).2));
        }
        let gathered = recording.work(self.gathered_bytes())?;
        for strip in 0..recording.inputs() {
            let (rows, count, stride) = recording.dim(strip);
            let at = Laid { rows, count, first: strip * self.width, span: half_length(self.length) };
            lay(recording, (&recording.chunk(strip), stride), (&gathered, self.stride()), at);
        }
        Ok((gathered, self.stride()))
    }
}
