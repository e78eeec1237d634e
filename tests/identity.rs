//! The residual is dirty − PSF ⊛ model, and the restored image model ⊛ Gaussian + residual: for every method, on real
//! data and on images of every shape, against convolutions in f64.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::Method;
use deconv::image::Beam as SkyBeam;
use deconv::job::Options;
use ndarray::Array2;
use std::path::{Path, PathBuf};
use support::bar::at_most;
use support::fits::Fits;
use support::job::{Done, SETS, on_set, options, run};
use support::noise;
use support::oracle::{Beam, convolve, convolve_directly, peak, without_blanks};

/// Runs a job with every method and looks at its products.
fn check(what: &str, options: &Options) {
    for &method in Method::ALL {
        let mut options = options.clone();
        options.method = method;
        options.overwrite = true;
        // The identity holds for whatever model: few draws, roughly solved, will do.
        if method == Method::UnsupervisedWiener {
            (options.parameters.samples, options.parameters.tolerance) = (Some(2), 0.01);
        }
        if method.needs_positive_psf() {
            options.psf = without_sidelobes(&options);
        }
        let done = run(&options);
        let (dirty, psf) = (Fits::read(&options.dirty), Fits::read(&options.psf));
        for plane in 0..dirty.planes() {
            let beam = Beam::new(&psf.plane(psf_plane(&dirty, &psf, plane)));
            check_plane(method, &format!("{what}, plane {plane}"), &dirty.plane(plane), &beam, &done, plane);
        }
    }
}

/// Writes the PSF of a job with 0 where it is negative.
fn without_sidelobes(options: &Options) -> PathBuf {
    let mut psf = Fits::read(&options.psf);
    psf.pixels.iter_mut().filter(|pixel| **pixel < 0.0).for_each(|pixel| *pixel = 0.0);
    psf.write(options.output.as_ref().unwrap().with_extension("positive.fits"))
}

/// The plane of the PSF for a plane of the image: axes of the same name, or the only plane.
fn psf_plane(dirty: &Fits, psf: &Fits, plane: usize) -> usize {
    let is_sky = |name: &str| name.starts_with("RA") || name.starts_with("DEC");
    let mut places = Vec::new();
    let mut rest = plane;
    for (name, length) in dirty.axes.iter().filter(|axis| !is_sky(&axis.0)) {
        places.push((name, rest % length));
        rest /= length;
    }
    let (mut found, mut stride) = (0, 1);
    for (name, length) in psf.axes.iter().filter(|axis| !is_sky(&axis.0) && axis.1 > 1) {
        found += stride * places.iter().find(|place| place.0 == name).unwrap().1;
        stride *= length;
    }
    found
}

fn check_plane(method: Method, case: &str, dirty: &Array2<f64>, psf: &Beam, done: &Done, plane: usize) {
    let what = format!("{case}, {}", method.name());
    let (model, residual, image) = (done.model.plane(plane), done.residual.plane(plane), done.image.plane(plane));
    assert!(model.iter().all(|flux| flux.is_finite()), "{what}: the model has blanks");
    for product in [&residual, &image] {
        let same = product.iter().zip(dirty).all(|(pixel, dirty)| pixel.is_nan() == dirty.is_nan());
        assert!(same, "{what}: not blank where the dirty image is, or blank elsewhere");
    }
    let expected = dirty - &convolve(&model, psf);
    let difference = peak(&(&residual - &expected));
    let bar = format!("{}: largest of residual − (dirty − PSF ⊛ model) over the dirty peak", method.name());
    at_most(&bar, case, difference / peak(dirty).max(f64::MIN_POSITIVE), 1e-6);

    let beam = &done.summary.planes[plane].beam;
    let gaussian = Beam::gaussian(dirty.dim(), done.image.cell(), (beam.major, beam.minor, beam.pa));
    let expected = convolve(&model, &gaussian) + &residual;
    let difference = peak(&(&image - &expected));
    assert!(difference <= 1e-5 * peak(&expected), "{what}: restored off by {difference}, peak {}", peak(&expected));
}

#[test]
fn the_oracle_is_a_direct_sum() {
    for (image, psf, at) in [((5, 8), (5, 8), (2, 4)), ((4, 3), (9, 11), (0, 10)), ((6, 6), (1, 2), (0, 1))] {
        let image = Array2::from_shape_fn(image, |(y, x)| f64::from(noise(1, 100 * y + x)));
        let beam = Beam { pixels: Array2::from_shape_fn(psf, |(y, x)| f64::from(noise(2, 100 * y + x))), peak: at };
        assert!(peak(&(convolve(&image, &beam) - convolve_directly(&image, &beam))) < 1e-14);
    }
}

#[test]
fn on_real_data() {
    let directory = tempfile::tempdir().unwrap();
    for set in SETS {
        check(set, &on_set(set, directory.path().join(set)));
    }
}

/// A PSF of a shape with its peak at a pixel: a main lobe of about 2 by 3 pixels, and sidelobes that are no pattern.
fn psf_value(seed: u64, peak: (usize, usize), y: usize, x: usize) -> f64 {
    if (y, x) == peak {
        return 1.0;
    }
    let (dy, dx) = (y as f64 - peak.0 as f64, x as f64 - peak.1 as f64);
    (-(dy * dy + 0.5 * dx * dx + 0.3 * dx * dy) / 1.5).exp() + 0.03 * f64::from(noise(seed, y * 1000 + x))
}

/// An image to deconvolve: a few points seen through the PSF, and noise.
fn dirty_plane(seed: u64, shape: (usize, usize), psf: &Beam) -> Array2<f64> {
    let mut sky = Array2::zeros(shape);
    for i in 0..5 {
        let place = |k: usize, length: usize| ((noise(seed, 10 * i + k) * 0.5 + 0.5) * length as f32) as usize % length;
        sky[[place(1, shape.0), place(2, shape.1)]] += f64::from(noise(seed, 10 * i + 3));
    }
    convolve(&sky, psf).mapv(|value| value + 1e-3)
        + Array2::from_shape_fn(shape, |(y, x)| 0.02 * f64::from(noise(seed + 1, y * 1000 + x)))
}

/// Axes of a case: those of the image and of the PSF.
struct Case<'a> {
    dirty: &'a [(&'a str, usize)],
    psf: &'a [(&'a str, usize)],
    /// Row and column of the PSF's peak.
    peak: (usize, usize),
    /// Is a pixel of the dirty image blank?
    blank: fn(plane: usize, y: usize, x: usize) -> bool,
}

const SKY: [&str; 2] = ["RA---SIN", "DEC--SIN"];

/// Writes the files of a case, runs every method on them, and checks the products.
fn check_case(directory: &Path, case: &Case<'_>, beam: Option<SkyBeam>) {
    let what = format!("{:?} with PSF {:?}, peak {:?}", case.dirty, case.psf, case.peak);
    let psf = Fits::new(case.psf, |plane, y, x| psf_value(plane as u64 + 7, case.peak, y, x));
    let dirty = Fits::new(case.dirty, |_, _, _| 0.0);
    let planes: Vec<Array2<f64>> = (0..dirty.planes())
        .map(|plane| dirty_plane(plane as u64, dirty.shape(), &Beam::new(&psf.plane(psf_plane(&dirty, &psf, plane)))))
        .collect();
    let value = |plane: usize, y: usize, x: usize| {
        if (case.blank)(plane, y, x) { f64::NAN } else { planes[plane][[y, x]] }
    };
    let dirty = Fits::new(case.dirty, value).write(directory.join("dirty.fits"));
    let psf = psf.write(directory.join("psf.fits"));
    let mut options = options(dirty, psf, directory.join("out"));
    options.beam = beam;
    check(&what, &options);
}

/// A case of one plane without blanks, shapes as (rows, columns).
fn check_shapes(directory: &Path, dirty: (usize, usize), psf: (usize, usize), peak: (usize, usize)) {
    let axes = |shape: (usize, usize)| [(SKY[0], shape.1), (SKY[1], shape.0)];
    let case = Case { dirty: &axes(dirty), psf: &axes(psf), peak, blank: |_, _, _| false };
    check_case(directory, &case, Some(SkyBeam { major: 3.0 / 3600.0, minor: 2.0 / 3600.0, pa: 30.0 }));
}

#[test]
fn images_and_psfs_of_all_sizes() {
    let directory = tempfile::tempdir().unwrap();
    for dirty in [(32, 32), (31, 31), (24, 41), (41, 24), (20, 33)] {
        let (rows, cols) = dirty;
        let sizes = [
            (rows, cols),
            (9, 9),
            (8, 6),
            (rows + 1, cols - 1),
            (2 * rows - 1, 2 * cols - 1),
            (2 * rows, 2 * cols),
            (2 * rows + 1, 2 * cols + 1),
            (3 * rows, 5),
            (6, 5 * cols + 1),
        ];
        for psf in sizes {
            check_shapes(directory.path(), dirty, psf, (psf.0 / 2, psf.1 / 2));
        }
    }
}

#[test]
fn a_psf_whose_peak_is_off_its_centre() {
    let directory = tempfile::tempdir().unwrap();
    for psf in [(20, 26), (13, 12), (61, 70)] {
        let (y, x) = (psf.0 - 1, psf.1 - 1);
        for peak in [(0, 0), (0, x), (y, 0), (y, x), (3, x - 2), (y / 2 - 1, 2), (y - 4, x / 2)] {
            check_shapes(directory.path(), (20, 26), psf, peak);
        }
    }
}

#[test]
fn images_of_a_few_pixels() {
    let directory = tempfile::tempdir().unwrap();
    for dirty in [(1, 1), (1, 2), (2, 1), (2, 3), (5, 7), (1, 17), (17, 1), (3, 3)] {
        for psf in [(1, 1), (1, 3), (3, 1), (2, 2), (3, 3), (5, 7), (35, 36)] {
            check_shapes(directory.path(), dirty, psf, (psf.0 / 2, psf.1 / 2));
        }
    }
}

#[test]
fn axes_of_every_order_and_number() {
    let directory = tempfile::tempdir().unwrap();
    let (ra, dec) = ((SKY[0], 18), (SKY[1], 15));
    let (psf_ra, psf_dec) = ((SKY[0], 21), (SKY[1], 14));
    let (stokes, channels) = (("STOKES", 2), ("FREQ", 3));
    let cases: [(&[_], &[_]); 9] = [
        (&[dec, ra], &[psf_dec, psf_ra]),
        (&[dec, ra], &[psf_ra, psf_dec]),
        (&[stokes, ra, dec, channels], &[stokes, psf_ra, psf_dec, channels]),
        (&[stokes, ra, dec, channels], &[psf_ra, psf_dec, channels, stokes]),
        (&[ra, dec, stokes, channels], &[psf_ra, psf_dec]),
        (&[ra, dec, stokes, channels], &[psf_ra, psf_dec, channels]),
        (&[channels, dec, stokes, ra], &[("FREQ", 1), psf_dec, psf_ra, stokes]),
        (&[ra, dec, ("FREQ", 1), stokes, ("PHASE", 2)], &[psf_ra, psf_dec, ("PHASE", 2)]),
        (&[("PHASE", 1), channels, ra, ("STOKES", 1), dec], &[psf_dec, channels, psf_ra, ("STOKES", 1), ("PHASE", 1)]),
    ];
    for (dirty, psf) in cases {
        // The beam is a fit to each plane of the PSF.
        check_case(directory.path(), &Case { dirty, psf, peak: (7, 10), blank: |_, _, _| false }, None);
    }
}

#[test]
fn images_without_a_wcs() {
    let directory = tempfile::tempdir().unwrap();
    let case = Case { dirty: &[("", 18), ("", 15)], psf: &[("", 20), ("", 20)], peak: (10, 9), blank: |_, _, _| false };
    check_case(directory.path(), &case, None);
    // What stands in arcsec is taken for pixels: as a fit to this PSF gives.
    check_case(directory.path(), &case, Some(SkyBeam { major: 3.0 / 3600.0, minor: 2.0 / 3600.0, pa: 30.0 }));

    // A beam that the PSF knows in degrees.
    let psf = Fits::new(&[(SKY[0], 20), (SKY[1], 20)], |_, y, x| psf_value(7, (10, 9), y, x));
    let mut psf =
        ["BMAJ    = 0.001", "BMIN    = 0.0005", "BPA     = 20.0"].iter().fold(psf, |psf, card| psf.card(card));
    let dirty = Fits::new(case.dirty, |_, y, x| psf_value(7, (4, 5), y, x)).write(directory.path().join("dirty.fits"));
    psf.cards.retain(|card| !card.starts_with("CDELT"));
    let psf = psf.card("CDELT1  = -5E-4").card("CDELT2  = 2.5E-4").write(directory.path().join("psf.fits"));
    let options = options(dirty, psf, directory.path().join("pixels"));
    check("a beam in degrees for an image without WCS", &options);
    let done = run(&Options { output: Some(directory.path().join("again")), ..options });
    // One pixel by two at the least, four at the most.
    let beam = &done.summary.planes[0].beam;
    assert!(beam.unit == "pixel" && (1.0..2.0).contains(&beam.minor) && (3.0..4.0).contains(&beam.major), "{beam:?}");
}

#[test]
fn blank_pixels() {
    let directory = tempfile::tempdir().unwrap();
    let blanks: [fn(usize, usize, usize) -> bool; 6] = [
        |_, y, x| noise(5, 100 * y + x) > 0.6,
        |_, y, _| y == 4,
        |_, y, _| y == 0 || y == 14,
        |_, _, x| x == 0 || x == 7,
        |plane, _, _| plane == 1,
        |_, y, x| (y, x) != (3, 4),
    ];
    let dirty = [(SKY[0], 18), (SKY[1], 15), ("STOKES", 2)];
    for blank in blanks {
        let case = Case { dirty: &dirty, psf: &[(SKY[0], 18), (SKY[1], 15)], peak: (7, 9), blank };
        check_case(directory.path(), &case, None);
    }
}

#[test]
fn a_psf_with_blanks_and_with_another_peak_than_1() {
    let directory = tempfile::tempdir().unwrap();
    let axes = [(SKY[0], 22), (SKY[1], 17)];
    let value = |_, y: usize, x: usize| {
        if y == 2 || (y + x).is_multiple_of(9) && x > 14 { f64::NAN } else { 0.25 * psf_value(3, (8, 11), y, x) }
    };
    let psf = Fits::new(&axes, value);
    let plane = dirty_plane(4, (17, 22), &Beam::new(&without_blanks(&psf.plane(0))));
    let dirty = Fits::new(&axes, |_, y, x| plane[[y, x]]).write(directory.path().join("dirty.fits"));
    let psf = psf.write(directory.path().join("psf.fits"));
    check("a PSF of peak 0.25 with blanks", &options(dirty, psf, directory.path().join("out")));
}

#[test]
fn cells_that_are_not_square_and_an_east_to_the_right() {
    let directory = tempfile::tempdir().unwrap();
    let axes = [(SKY[0], 25), (SKY[1], 19)];
    for (east, north) in [(-1.0, 2.5), (1.0, 1.0), (0.5, 1.0), (-1.0, -1.0)] {
        let psf = Fits::new(&axes, |_, y, x| psf_value(3, (9, 12), y, x));
        let plane = dirty_plane(4, (19, 25), &Beam::new(&psf.plane(0)));
        let with_cells = |mut fits: Fits, name: &str| {
            fits.cards.retain(|card| !card.starts_with("CDELT"));
            let fits = fits.card(&format!("CDELT1  = {:20E}", east / 3600.0));
            fits.card(&format!("CDELT2  = {:20E}", north / 3600.0)).write(directory.path().join(name))
        };
        let dirty = with_cells(Fits::new(&axes, |_, y, x| plane[[y, x]]), "dirty.fits");
        let psf = with_cells(psf, "psf.fits");
        let mut options = options(dirty, psf, directory.path().join("out"));
        options.beam = Some(SkyBeam { major: 4.0 / 3600.0, minor: 2.5 / 3600.0, pa: 25.0 });
        check(&format!("cells of {east}, {north} arcsec"), &options);
    }
}
