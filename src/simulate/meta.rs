//! The numbers of a simulation: meta.json.

use serde::Serialize;

/// What was made, with the keys of meta.json.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Meta {
    /// Rows and columns of the images.
    pub n: usize,
    /// The seed.
    pub seed: u64,
    /// The telescope.
    pub array: String,
    /// How the sky was convolved: `full`, `linear` or `periodic`.
    pub conv: String,
    /// Width of a pixel, arcsec.
    pub cell_arcsec: f64,
    /// The longest baseline, wavelengths.
    pub uvmax_lambda: f64,
    /// Cells along each axis of the uv grid.
    pub uv_grid: usize,
    /// The part of its cells that is sampled.
    pub uv_filled: f64,
    /// FWHM of the restoring beam's major axis, arcsec.
    pub bmaj_arcsec: f64,
    /// FWHM of its minor axis, arcsec.
    pub bmin_arcsec: f64,
    /// Its position angle, degrees, north through east.
    pub bpa_deg: f64,
    /// The largest absolute value of psf.fits further than 2 × bmaj along rows or columns from its peak.
    pub psf_max_sidelobe_outside_2bmaj: f64,
    /// The smallest value of psf.fits.
    pub psf_min: f64,
    /// Number of points.
    pub nsrc: usize,
    /// Flux of all points, Jy.
    pub point_flux: f64,
    /// Flux of all extended sources, Jy.
    pub extended_flux: f64,
    /// The largest value of dirty.fits, Jy/beam.
    pub dirty_peak: f64,
    /// Standard deviation of dirty.fits, Jy/beam.
    pub dirty_rms: f64,
    /// The same without noise, Jy/beam.
    pub dirty_noiseless_rms: f64,
    /// Standard deviation of noise.fits, Jy/beam.
    pub noise_rms: f64,
    /// The largest value of truth_restored.fits, Jy/beam.
    pub truth_peak: f64,
    /// Seconds that it took.
    pub seconds: f64,
}
