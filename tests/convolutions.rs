//! Spectra against a transform in f64, and the convolution against its sum.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::array::{ArrayIds, Builder, ChunkedArray, Convolution, Padding, PsfReach, Source, Spectrum};
use deconv::image::{Image, Rect};
use deconv::kernel::fft::fast_length;
use deconv::schedule::Settings;
use ndarray::{Array2, s};
use num_complex::Complex64;
use std::f64::consts::TAU;
use support::files::{fits_of, noisy};
use support::script::answers_of;

fn source(image: &Image) -> Source<'_> {
    let (rows, cols) = image.shape();
    Source { image, plane: 0, from: Rect::plane(rows, cols), scale: 1.0, zero_blanks: true }
}

fn settings() -> Settings {
    Settings { poison: true, ..Settings::threads(2) }
}

/// The chunks of an array of whole rows, as one plane.
fn pixels(array: &ChunkedArray, mut b: Builder<'_>) -> Array2<f32> {
    array.keys().for_each(|key| b.answer(key));
    let chunks = answers_of(b.finish(), &settings());
    let rows = chunks.iter().flat_map(|chunk| chunk.real().view().iter().copied().collect::<Vec<_>>()).collect();
    Array2::from_shape_vec(array.grid().shape, rows).unwrap()
}

/// The definition: number (u, v) of the transform of the frame, u counting columns.
fn transform(pixels: &Array2<f32>, origin: (usize, usize), padding: Padding, (u, v): (usize, usize)) -> Complex64 {
    let term = |((y, x), &value): ((usize, usize), &f32)| {
        let (y, x) = ((y + origin.0) % padding.rows, (x + origin.1) % padding.cols);
        let turn =
            (u * x % padding.cols) as f64 / padding.cols as f64 + (v * y % padding.rows) as f64 / padding.rows as f64;
        f64::from(value) * Complex64::cis(-TAU * turn)
    };
    pixels.indexed_iter().map(term).sum()
}

#[test]
fn spectra_are_transforms_and_their_inverses_undo_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.fits");
    let frames =
        [(1, 1, 1, 2), (1, 13, 3, 26), (17, 1, 18, 4), (7, 11, 13, 15), (12, 9, 21, 14), (8, 8, 8, 8), (5, 30, 11, 31)];
    for (rows, cols, frame_rows, frame_cols) in frames {
        let plane = noisy(rows, cols, 4);
        let image = fits_of(&path, &plane);
        for (strip, rows_in_strip, origin) in
            [(1, 2, (0, 0)), (3, 1, (frame_rows - 1, frame_cols - 2)), (100, 100, (1, 1))]
        {
            let padding = Padding {
                rows: frame_rows,
                cols: frame_cols,
                strip: strip.min(frame_cols / 2 + 1),
                image_bytes: 1 << 20,
                wanted: None,
            };
            let mut ids = ArrayIds::of_client(0);
            let mut b = Builder::new(&mut ids);
            let array = ChunkedArray::from_fits(&mut b, &source(&image), rows_in_strip);
            let spectrum = Spectrum::of(&mut b, &array, origin, padding);
            spectrum.keys().for_each(|key| b.answer(key));
            let strips = answers_of(b.finish(), &settings());
            let lines = strips.iter().flat_map(|strip| {
                let view = strip.complex().view().to_owned();
                view.outer_iter().map(|line| line.to_vec()).collect::<Vec<_>>()
            });
            let scale = plane.iter().map(|v| f64::from(v.abs())).sum::<f64>();
            let mut columns = 0;
            for (u, line) in lines.enumerate() {
                assert_eq!(line.len(), frame_rows);
                columns += 1;
                for (v, number) in line.into_iter().enumerate() {
                    let expected = transform(&plane, origin, padding, (u, v));
                    let found = Complex64::new(number.re.into(), number.im.into());
                    assert!((found - expected).norm() < 2e-6 * scale, "{rows} x {cols} ({u}, {v}): {found} {expected}");
                }
            }
            assert_eq!(columns, frame_cols / 2 + 1);
        }
        let mut ids = ArrayIds::of_client(0);
        let mut b = Builder::new(&mut ids);
        let array = ChunkedArray::from_fits(&mut b, &source(&image), 3);
        let strip = 4.min(frame_cols / 2 + 1);
        let padding = Padding { rows: frame_rows, cols: frame_cols, strip, image_bytes: 1 << 20, wanted: None };
        let back = Spectrum::of(&mut b, &array, (0, 0), padding).inverse(&mut b, array.grid());
        let back = pixels(&back, b);
        let error = back.iter().zip(&plane).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(error < 2e-6, "{rows} x {cols}: {error}");
    }
}

/// The definition of the linear convolution seen through the frame, in f64.
fn direct(image: &Array2<f32>, psf: &Array2<f32>, peak: (usize, usize)) -> Array2<f64> {
    Array2::from_shape_fn(image.dim(), |(y, x)| {
        let term = |((v, u), &value): ((usize, usize), &f32)| {
            let (dy, dx) = (y as i64 - v as i64 + peak.0 as i64, x as i64 - u as i64 + peak.1 as i64);
            let (rows, cols) = psf.dim();
            let inside = Rect::plane(rows, cols).contains(dy, dx);
            if inside { f64::from(value) * f64::from(psf[(dy as usize, dx as usize)]) } else { 0.0 }
        };
        image.indexed_iter().map(term).sum()
    })
}

/// The convolution, or its transpose, with image and spectrum in strips of so many lines.
fn convolved(
    (image, transposed): (&Image, bool),
    psf: &Image,
    peak: (usize, usize),
    strips: (usize, usize),
) -> Array2<f32> {
    let reach = PsfReach::new(image.shape(), psf.shape(), peak);
    let padding = Convolution::padding(image.shape(), &reach, 0);
    let padding = Padding { strip: strips.1.clamp(1, padding.cols / 2 + 1), ..padding };
    let mut ids = ArrayIds::of_client(0);
    let mut b = Builder::new(&mut ids);
    let array = ChunkedArray::from_fits(&mut b, &source(image), strips.0);
    let psf = Source { from: reach.section, ..source(psf) };
    let convolution = Convolution::of_psf(&mut b, &psf, &reach, padding);
    let made =
        if transposed { convolution.apply_transposed(&mut b, &array) } else { convolution.apply(&mut b, &array) };
    assert_eq!(made.grid(), array.grid());
    pixels(&made, b)
}

#[test]
fn a_convolution_is_its_sum_to_the_bit_however_it_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    let (image_path, psf_path) = (directory.path().join("image.fits"), directory.path().join("psf.fits"));
    // Image, PSF, its peak: smaller, equal, larger; square, oblong, odd, even; peak off centre and in a corner.
    let cases = [
        ((16, 16), (16, 16), (8, 8)),
        ((15, 15), (16, 16), (8, 8)),
        ((16, 16), (32, 32), (16, 16)),
        ((17, 9), (5, 7), (2, 3)),
        ((12, 20), (7, 31), (1, 22)),
        ((9, 14), (40, 41), (33, 4)),
        ((8, 8), (8, 8), (0, 0)),
        ((8, 11), (8, 11), (7, 10)),
        ((1, 13), (3, 26), (1, 13)),
        ((13, 1), (1, 1), (0, 0)),
        ((6, 6), (100, 3), (0, 1)),
    ];
    for (shape, psf_shape, peak) in cases {
        let (plane, psf_plane) = (noisy(shape.0, shape.1, 6), noisy(psf_shape.0, psf_shape.1, 7));
        let (image, psf) = (fits_of(&image_path, &plane), fits_of(&psf_path, &psf_plane));
        // The transpose has the PSF the other way round.
        let turned = psf_plane.slice(s![..;-1, ..;-1]).to_owned();
        let turned_peak = (psf_shape.0 - 1 - peak.0, psf_shape.1 - 1 - peak.1);
        let both = [(false, direct(&plane, &psf_plane, peak)), (true, direct(&plane, &turned, turned_peak))];
        for (transposed, expected) in both {
            let whole = convolved((&image, transposed), &psf, peak, (1000, 1000));
            let scale = expected.iter().fold(0.0f64, |peak, v| peak.max(v.abs()));
            let error = whole.iter().zip(&expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
            assert!(error < 1e-6 * scale.max(1.0), "{shape:?} {psf_shape:?} {peak:?}: {error} of {scale}");
            for strips in [(1, 1), (2, 5), (5, 2), (16, 8)] {
                let cut = convolved((&image, transposed), &psf, peak, strips);
                let same = cut.iter().zip(&whole).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{shape:?} {psf_shape:?} {strips:?}");
            }
        }
    }
}

#[test]
fn frames_are_as_large_as_the_convolution_needs() {
    let needs = |n: usize, p: usize, c: usize| n + (n - 1).min(c.max(p - 1 - c));
    assert_eq!([needs(256, 256, 128), needs(255, 256, 128), needs(256, 512, 256)], [384, 383, 511]);
    for n in [1, 2, 5, 100, 255, 256] {
        for p in [1, 2, 7, 99, 256, 512, 1000] {
            for c in [0, p / 2, p - 1] {
                let reach = PsfReach::new((n, 2 * n), (p, 2 * p), (c, 2 * c));
                let padding = Convolution::padding((n, 2 * n), &reach, 0);
                assert_eq!(padding.rows, fast_length(needs(n, p, c)), "{n} {p} {c}");
                assert_eq!(padding.cols, fast_length(needs(2 * n, 2 * p, 2 * c)), "{n} {p} {c}");
                assert!((1..=padding.cols / 2 + 1).contains(&padding.strip));
                assert!(reach.section.y0 >= 0 && reach.section.y1() <= p as i64);
                assert_eq!(reach.offsets.y0 + c as i64, reach.section.y0);
                assert_eq!(
                    reach.is_complete((n, 2 * n)),
                    c + 1 >= n && p - c >= n && 2 * c + 1 >= 2 * n && 2 * (p - c) >= 2 * n
                );
            }
        }
    }
    // A beam that reaches farther than the PSF needs room too.
    let reach = PsfReach::new((100, 100), (3, 3), (1, 1));
    assert_eq!(Convolution::padding((100, 100), &reach, 40), Padding::at_least(140, 140));
    // Its Gaussian is periodic with the frame: the image alone does not bound what it needs.
    assert_eq!(Convolution::padding((100, 100), &reach, 400), Padding::at_least(500, 500));
}

/// The definition of the convolution with a Gaussian of this covariance, in f64.
fn gaussian(image: &Array2<f32>, [xx, xy, yy]: [f64; 3]) -> Array2<f64> {
    let det = xx * yy - xy * xy;
    Array2::from_shape_fn(image.dim(), |(y, x)| {
        let term = |((v, u), &value): ((usize, usize), &f32)| {
            let (dy, dx) = (y as f64 - v as f64, x as f64 - u as f64);
            f64::from(value) * (-(yy * dx * dx - 2.0 * xy * dx * dy + xx * dy * dy) / (2.0 * det)).exp()
        };
        image.indexed_iter().map(term).sum()
    })
}

#[test]
fn bands_are_the_rows_of_a_restored_plane() {
    let directory = tempfile::tempdir().unwrap();
    let covariance = [2.0, -0.9, 3.0];
    // Where the Gaussian of variance 3 is below 1e-7.
    let reach = 10;
    for (rows, cols) in [(1, 1), (1, 40), (37, 5), (30, 22), (64, 9)] {
        let plane = noisy(rows, cols, 8);
        let image = fits_of(&directory.path().join("x.fits"), &plane);
        let expected = gaussian(&plane, covariance);
        for height in [1, 4, 13, rows].into_iter().filter(|&height| height <= rows) {
            for (y0, strip) in (0..rows).step_by(height).flat_map(|y0| [(y0, 2), (y0, 50)]) {
                let band = Rect::new(y0 as i64, 0, height.min(rows - y0), cols);
                let mut ids = ArrayIds::of_client(0);
                let mut b = Builder::new(&mut ids);
                let made = Convolution::restore_band(&mut b, &source(&image), band, (covariance, reach), strip);
                assert_eq!(made.grid().shape, (band.rows, cols));
                for ((y, x), &found) in pixels(&made, b).indexed_iter() {
                    let expected = expected[(y0 + y, x)];
                    assert!((f64::from(found) - expected).abs() < 5e-6, "{band:?} {y} {x}: {found} {expected}");
                }
            }
        }
    }
}
