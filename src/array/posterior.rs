//! Draws from posteriors, and how far they are spread.

use super::{Builder, ChunkedArray, Spectrum};
use crate::event::Key;
use crate::image::rect::Rect;
use crate::kernel::{AddNumbers, AddSquares, CellFacts, NoisePower, Perturbation, PosteriorDraw, Prior, Spread, Strip};

impl Spectrum {
    fn strip(&self, j: usize) -> Strip {
        let Rect { y0, rows: columns, cols: length, .. } = self.strips.grid().core(j);
        Strip { columns, length, first_column: y0 as usize, row_length: self.padding.cols }
    }

    /// A draw of the sky whose dirty image has this spectrum, by a kernel for each strip: its spectrum less the reference, and the key of
    /// the [`PosteriorDraw::WIDTH`] sums over its cells.
    pub fn draw(
        &self,
        b: &mut Builder<'_>,
        psf: &Spectrum,
        kernel: impl Fn(Strip) -> PosteriorDraw,
    ) -> (Spectrum, Key) {
        let strips = ChunkedArray::promised(b, self.strips.grid());
        let sums = ChunkedArray::promised(b, self.strips.grid());
        for j in 0..strips.grid().len() {
            let inputs = vec![self.strips.key(j), psf.strips.key(j)];
            b.task(kernel(self.strip(j)), inputs, vec![strips.key(j), sums.key(j)]);
        }
        let sums = b.single(AddNumbers { width: PosteriorDraw::WIDTH }, sums.keys().collect());
        (Spectrum { strips, padding: self.padding }, sums)
    }

    /// The key of the [`NoisePower::WIDTH`] sums over the cells of this spectrum of a residual.
    pub fn noise_power(&self, b: &mut Builder<'_>, psf: &Spectrum, facts: CellFacts) -> Key {
        let strip = |j| {
            let inputs = vec![self.strips.key(j), psf.strips.key(j)];
            b.single(NoisePower { strip: self.strip(j), facts }, inputs)
        };
        let columns = (0..self.strips.grid().len()).map(strip).collect();
        b.single(AddNumbers { width: NoisePower::WIDTH }, columns)
    }

    /// The spectrum of noise of the covariance A + λR, A being of this spectrum of a PSF (see [`Perturbation`]).
    pub fn perturbation(&self, b: &mut Builder<'_>, prior: Prior, (seed, stream): (u64, u64)) -> Spectrum {
        let scale = (self.padding.rows as f64 * self.padding.cols as f64).sqrt();
        let made = ChunkedArray::promised(b, self.strips.grid());
        for j in 0..made.grid().len() {
            let kernel = Perturbation { strip: self.strip(j), prior, scale, seed, stream };
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
