//! Draws from a posterior, for graphs that must hold every kernel.

use deconv::array::{Builder, ChunkedArray, Spectrum};
use deconv::event::Key;
use deconv::kernel::{CellFacts, PosteriorDraw, Prior, Regularization};

/// The standard deviation at each pixel of two draws of the sky, one of whose spectrum is that of a PSF; and numbers.
pub fn drawn(b: &mut Builder<'_>, dirty: &ChunkedArray, data: &Spectrum, psf: &Spectrum) -> (ChunkedArray, [Key; 2]) {
    let prior = Prior::raised(0.1, Regularization::Gradient);
    let facts = CellFacts { prior, least: 0.1, gate: 0.5 };
    let (sigma, tau, reference) = (0.2, 0.5, 0.1);
    let draw = |strip| PosteriorDraw { strip, facts, pixels: 100.0, sigma, tau, reference, seed: 1, stream: 2 };
    let (spectrum, sums) = data.draw(b, psf, draw);
    let noise = spectrum.noise_power(b, psf, facts);
    let first = spectrum.inverse(b, dirty.grid());
    let second = psf.perturbation(b, prior, (1, 3)).inverse(b, dirty.grid());
    let sum = first.combine(b, 1.0, &second, 1.0);
    let squares = first.add_squares(b, &first).add_squares(b, &second);
    (sum.spread(b, &squares, 2), [sums, noise])
}
