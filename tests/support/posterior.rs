//! Draws from a posterior, for graphs that must hold every kernel.

use deconv::array::{Builder, ChunkedArray, Spectrum};
use deconv::event::Key;
use deconv::kernel::{CellFacts, PosteriorDraw, Prior, Regularization, SpectrumOf};

/// The standard deviation at each pixel of two draws of the sky, one of whose spectrum is that of a PSF; and numbers.
pub fn drawn(b: &mut Builder<'_>, dirty: &ChunkedArray, data: &Spectrum, psf: &Spectrum) -> (ChunkedArray, Vec<Key>) {
    let prior = Prior { regularization: Regularization::Gradient, floor: 0.01 };
    let facts = CellFacts { pixels: 100.0, prior, cut: 0.1, gate: 0.5 };
    let (spectrum, sums) = data.draw(b, psf, facts, |cells| PosteriorDraw {
        cells,
        sigma: 0.2,
        tau: 0.5,
        reference: 0.1,
        seed: 1,
        stream: 2,
    });
    let others = [(data, SpectrumOf::Sky), (&spectrum, SpectrumOf::Residual)];
    let others = others.map(|(spectrum, of)| spectrum.sum_cells(b, psf, facts, of));
    let first = spectrum.inverse(b, dirty.grid());
    let second = psf.perturbation(b, prior, 0.1, (1, 3)).inverse(b, dirty.grid());
    let sum = first.combine(b, 1.0, &second, 1.0);
    let squares = first.add_squares(b, &first).add_squares(b, &second);
    (sum.spread(b, &squares, 2), [[sums].as_slice(), &others].concat())
}
