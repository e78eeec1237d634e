//! All kernels of filters in the ways in which filters use them.

use deconv::array::{Builder, ChunkedArray, Spectrum};
use deconv::event::Key;
use deconv::kernel::{
    NoiseSpectrum, Normal, Prior, PriorPower, Regularization, Strip, TransferSums, Validation, Wiener, Within,
    ZeroBlanks,
};

/// How many ways of [`filtered`] there are.
pub const WAYS: usize = 4;

/// A spectrum, filtered in one of some ways with that of a PSF.
pub fn filtered(b: &mut Builder<'_>, spectrum: &Spectrum, psf: &Spectrum, way: usize) -> Spectrum {
    let prior = Prior::raised(0.1, Regularization::ALL[way % 3]);
    let wiener = |strip: Strip, noise| Wiener { strip, prior, noise, least: 0.01 };
    spectrum.with(b, psf, |strip| match way {
        0 => wiener(strip, NoiseSpectrum::White).into(),
        1 => wiener(strip, NoiseSpectrum::Natural).into(),
        _ => Normal { strip, prior, added: 0.5, inverse: way == 2 }.into(),
    })
}

/// What is measured of a spectrum and of that of a PSF.
pub fn measured(b: &mut Builder<'_>, spectrum: &Spectrum, psf: &Spectrum) -> [Key; 3] {
    let (prior, noise, least) = (Prior::raised(0.2, Regularization::Laplacian), NoiseSpectrum::Natural, 0.01);
    let covariance = [2.0, 0.3, 1.0];
    let gains = |strip| TransferSums { strip, prior, noise, covariance: Some(covariance) }.into();
    let power = |strip| PriorPower { strip, prior, noise, least }.into();
    let scores = |strip| Validation { strip, prior, noise, least }.into();
    [
        psf.sums(b, &[], TransferSums::WIDTH, gains),
        spectrum.sums(b, &[psf], PriorPower::WIDTH, power),
        spectrum.sums(b, &[psf], Validation::WIDTH, scores),
    ]
}

/// An array that is blank where weights are zero, and the same with zero for its blanks.
pub fn blanked(b: &mut Builder<'_>, array: &ChunkedArray, weights: &ChunkedArray) -> [ChunkedArray; 2] {
    let within = array.map(b, &[weights], |at| Within { rows: at.rows, cols: at.cols }.into());
    let zeroed = within.map(b, &[], |at| ZeroBlanks { rows: at.rows, cols: at.cols }.into());
    [within, zeroed]
}
