//! Transforms of the columns of a strip.

use super::plan::{Plan, Window, roots, suits};
use super::{FFT, Laid, MOST_LINES, NUMBER, lay};
use crate::device::{Chunk, Facts};
use crate::error::Result;
use crate::kernel::fft::{ColumnForward, ColumnInverse};
use crate::kernel::payload::odd_lines;
use crate::kernel::twin::{Recording, Twin};

impl ColumnForward {
    /// Is there more than one row strip?
    fn is_cut(&self) -> bool {
        self.block_rows < self.rows
    }

    /// Bytes of whole columns, as working lines.
    fn lines_bytes(&self) -> usize {
        let two = Plan::new(self.length, self.columns, false).has_two();
        if two || self.is_cut() { self.columns * odd_lines(self.length) * NUMBER } else { 0 }
    }

    /// Lays the blocks of all row strips into whole columns, with zeros where there is none.
    fn gather_there(&self, recording: &mut Recording<'_>, columns: &Chunk) {
        let stride = odd_lines(self.length);
        recording.clear(columns, self.columns * stride * NUMBER);
        for strip in 0..recording.inputs() {
            let (rows, count, stride_in) = recording.dim(strip);
            let at = Laid { rows, count, first: self.first + strip * self.block_rows, span: self.length };
            lay(recording, (&recording.chunk(strip), stride_in), (columns, stride), at);
        }
    }
}

impl Twin for ColumnForward {
    fn suits(&self, facts: &Facts) -> bool {
        suits(self.length) && self.columns <= MOST_LINES && self.lines_bytes() as u64 <= facts.largest
    }

    fn work_bytes(&self) -> usize {
        self.lines_bytes()
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let plan = Plan::new(self.length, self.columns, false);
        let roots = roots(recording.gpu(), self.length)?;
        let (spectrum, stride) = (recording.made(0), odd_lines(self.length));
        let whole = Window::whole(self.length, stride);
        let lines = if self.lines_bytes() > 0 { Some(recording.work(self.lines_bytes())?) } else { None };
        let (blocks, window) = if self.is_cut() {
            // What is not needed yet is where they are put together.
            let columns = lines.clone().filter(|_| !plan.has_two()).unwrap_or_else(|| spectrum.clone());
            self.gather_there(recording, &columns);
            (columns, whole)
        } else {
            let stride = recording.dim(0).2;
            let first = self.first % self.length;
            (recording.chunk(0), Window { first, count: self.rows, span: self.length, stride })
        };
        let (from, window) = match lines.filter(|_| plan.has_two()) {
            None => (blocks, window),
            Some(lines) => {
                let (pass, groups) = plan.first(window, stride);
                recording.dispatch(&FFT, pass, &[&blocks, &roots, &lines], groups);
                (lines, whole)
            }
        };
        let (pass, groups) = plan.last(window, whole, false);
        recording.dispatch(&FFT, pass, &[&from, &roots, &spectrum], groups);
        Ok(())
    }
}

impl ColumnInverse {
    /// Is there more than one row strip?
    fn is_cut(&self) -> bool {
        self.block_rows < self.rows
    }

    /// Bytes of the working lines between two passes.
    fn lines_bytes(&self) -> usize {
        let two = Plan::new(self.length, self.columns, true).has_two();
        if two { self.columns * odd_lines(self.length) * NUMBER } else { 0 }
    }

    /// Bytes of the rows of all strips.
    fn rows_bytes(&self) -> usize {
        if self.is_cut() { self.rows * odd_lines(self.columns) * NUMBER } else { 0 }
    }
}

impl Twin for ColumnInverse {
    fn suits(&self, facts: &Facts) -> bool {
        let piece = self.lines_bytes().max(self.rows_bytes()) as u64;
        suits(self.length) && self.columns <= MOST_LINES && piece <= facts.largest
    }

    fn work_bytes(&self) -> usize {
        self.lines_bytes() + self.rows_bytes()
    }

    fn record(&self, recording: &mut Recording<'_>) -> Result<()> {
        let plan = Plan::new(self.length, self.columns, true);
        let roots = roots(recording.gpu(), self.length)?;
        let whole = Window::whole(self.length, odd_lines(self.length));
        let from = if plan.has_two() {
            let lines = recording.work(self.lines_bytes())?;
            let (pass, groups) = plan.first(whole, whole.stride);
            recording.dispatch(&FFT, pass, &[&recording.chunk(0), &roots, &lines], groups);
            lines
        } else {
            recording.chunk(0)
        };
        let rows = if self.is_cut() { recording.work(self.rows_bytes())? } else { recording.made(0) };
        let stride = odd_lines(self.columns);
        let to = Window { first: self.first % self.length, count: self.rows, span: self.length, stride };
        let (pass, groups) = plan.last(whole, to, true);
        recording.dispatch(&FFT, pass, &[&from, &roots, &rows], groups);
        if self.is_cut() {
            for strip in 0..recording.outputs() {
                let (count, ..) = recording.made_dim(strip);
                let at = (strip * self.block_rows * stride * NUMBER, 0);
                recording.copy_part(&rows, &recording.made(strip), at, count * stride * NUMBER);
            }
        }
        Ok(())
    }
}
