//! Draws from posteriors, and what spectra tell of the strength of noise and sky.

use super::{Builder, ChunkedArray, Spectrum};
use crate::event::Key;
use crate::image::rect::Rect;
use crate::kernel::{
    AddSquares, CellFacts, Cells, MergeCells, Perturbation, PosteriorDraw, Prior, SpectrumOf, Spread, SumCells,
};

impl Spectrum {
    fn cells(&self, j: usize, facts: CellFacts) -> Cells {
        let Rect { y0, rows: columns, cols: length, .. } = self.strips.grid().core(j);
        Cells { columns, length, first_column: y0 as usize, row_length: self.padding.cols, facts }
    }

    /// A draw of the sky whose dirty image has this spectrum, of a kernel a strip: its spectrum (less the reference), and the key of the
    /// [sums](crate::kernel::SUMS) over its cells.
    pub fn draw(
        &self,
        b: &mut Builder<'_>,
        psf: &Spectrum,
        facts: CellFacts,
        kernel: impl Fn(Cells) -> PosteriorDraw,
    ) -> (Spectrum, Key) {
        let strips = ChunkedArray::promised(b, self.strips.grid());
        let sums = ChunkedArray::promised(b, self.strips.grid());
        for j in 0..strips.grid().len() {
            let inputs = vec![self.strips.key(j), psf.strips.key(j)];
            b.task(kernel(self.cells(j, facts)), inputs, vec![strips.key(j), sums.key(j)]);
        }
        let sums = b.single(MergeCells {}, sums.keys().collect());
        (Spectrum { strips, padding: self.padding }, sums)
    }

    /// The key of the [sums](crate::kernel::SUMS) over the cells of a sky's spectrum, or of a residual's.
    pub fn sum_cells(&self, b: &mut Builder<'_>, psf: &Spectrum, facts: CellFacts, of: SpectrumOf) -> Key {
        let strip = |j| {
            let kernel = SumCells { cells: self.cells(j, facts), of };
            b.single(kernel, vec![self.strips.key(j), psf.strips.key(j)])
        };
        let strips = (0..self.strips.grid().len()).map(strip).collect();
        b.single(MergeCells {}, strips)
    }

    /// Noise of the covariance A + λR, A being of this spectrum of a PSF (see [`Perturbation`]).
    pub fn perturbation(
        &self,
        b: &mut Builder<'_>,
        prior: Prior,
        balance: f64,
        (seed, stream): (u64, u64),
    ) -> Spectrum {
        let (row_length, scale) = (self.padding.cols, (self.padding.rows as f64 * self.padding.cols as f64).sqrt());
        let made = ChunkedArray::promised(b, self.strips.grid());
        for j in 0..made.grid().len() {
            let Rect { y0, rows: columns, cols: length, .. } = made.grid().core(j);
            let first_column = y0 as usize;
            let kernel =
                Perturbation { columns, length, first_column, row_length, prior, balance, scale, seed, stream };
            b.task(kernel, vec![self.strips.key(j)], vec![made.key(j)]);
        }
        Spectrum { strips: made, padding: self.padding }
    }
}

impl ChunkedArray {
    /// This plus the squares of another array's pixels, which is on the same grid without halo.
    pub fn add_squares(&self, b: &mut Builder<'_>, other: &ChunkedArray) -> ChunkedArray {
        self.map(b, &[other], |Rect { rows, cols, .. }| AddSquares { rows, cols }.into())
    }

    /// The standard deviation at each pixel of `count` images of which this is the sum; that of their squares is on the same grid.
    pub fn spread(&self, b: &mut Builder<'_>, squares: &ChunkedArray, count: u32) -> ChunkedArray {
        self.map(b, &[squares], |Rect { rows, cols, .. }| Spread { rows, cols, count }.into())
    }
}
