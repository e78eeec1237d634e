//! The FFT kernels against the definition of the transform, summed slowly in f64.

use deconv::kernel::fft::{fast_length, half_length};
use deconv::kernel::{
    Block, Buffer, Call, ColumnForward, ColumnInverse, Kernel, Payload, RowForward, RowInverse, Shape,
};
use num_complex::{Complex32, Complex64};
use std::f64::consts::TAU;
use std::sync::atomic::AtomicBool;

/// An image, its place in a padded plane, and the strips that it is cut into.
#[derive(Debug, Clone, Copy)]
struct Plane {
    /// Rows and columns of the image.
    image: (usize, usize),
    /// Rows and columns of the padded plane.
    padded: (usize, usize),
    /// Where the image's pixel (0, 0) lies in it.
    first: (usize, usize),
    /// Rows of a row strip.
    strip: usize,
    /// Columns of a column strip.
    width: usize,
}

/// Runs a kernel on outputs and working memory full of NaN.
fn run(kernel: impl Into<Kernel>, inputs: &[&Payload]) -> Vec<Payload> {
    let kernel = kernel.into();
    let poisoned = |bytes| {
        let mut buffer = Buffer::zeroed(bytes).expect("memory for a test");
        buffer.poison();
        buffer
    };
    let output = |shape: Shape| match shape {
        Shape::Real { rows, cols } => {
            Payload::Real(Block::in_buffer(poisoned(shape.bytes()), rows, cols, shape.stride()))
        }
        Shape::Complex { rows, cols } => {
            Payload::Complex(Block::in_buffer(poisoned(shape.bytes()), rows, cols, shape.stride()))
        }
        Shape::Small(_) | Shape::Device(_) => Payload::Empty,
    };
    let mut outputs: Vec<Payload> = kernel.outputs().into_iter().map(output).collect();
    let mut scratch = poisoned(kernel.scratch_bytes());
    let cancel = AtomicBool::new(false);
    kernel.run(&mut Call { inputs, outputs: &mut outputs, scratch: &mut scratch, cancel: &cancel }).expect("it runs");
    outputs
}

fn cut(total: usize, each: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..total).step_by(each).map(move |start| (start, each.min(total - start)))
}

fn pixels(rows: usize, cols: usize, values: &[f32]) -> Payload {
    let mut buffer = Buffer::zeroed(values.len() * 4).expect("memory for a test");
    buffer.as_mut_slice()[..values.len()].copy_from_slice(values);
    Payload::Real(Block::in_buffer(buffer, rows, cols, cols))
}

impl Plane {
    fn whole(rows: usize, cols: usize) -> Plane {
        Plane { image: (rows, cols), padded: (rows, cols), first: (0, 0), strip: rows, width: half_length(cols) }
    }

    fn forward(&self, image: &[f32]) -> Vec<Payload> {
        let ((rows, cols), (ly, lx), (y0, x0)) = (self.image, self.padded, self.first);
        let strips = cut(rows, self.strip).map(|(top, height)| {
            let kernel = RowForward { rows: height, cols, length: lx, first: x0, width: self.width };
            run(kernel, &[&pixels(height, cols, &image[top * cols..][..height * cols])])
        });
        let strips: Vec<Vec<Payload>> = strips.collect();
        let columns = cut(half_length(lx), self.width).enumerate().map(|(strip, (_, columns))| {
            let kernel = ColumnForward { columns, length: ly, first: y0, rows, block_rows: self.strip };
            let inputs: Vec<&Payload> = strips.iter().map(|blocks| &blocks[strip]).collect();
            run(kernel, &inputs).remove(0)
        });
        columns.collect()
    }

    fn inverse(&self, spectrum: &[Payload]) -> Vec<f32> {
        let ((rows, cols), (ly, lx), (y0, x0)) = (self.image, self.padded, self.first);
        let columns = cut(half_length(lx), self.width).zip(spectrum).map(|((_, columns), spectrum)| {
            let kernel = ColumnInverse { columns, length: ly, first: y0, rows, block_rows: self.strip };
            run(kernel, &[spectrum])
        });
        let columns: Vec<Vec<Payload>> = columns.collect();
        let scale = 1.0 / (lx * ly) as f32;
        let strips = cut(rows, self.strip).enumerate().flat_map(|(strip, (_, height))| {
            let kernel = RowInverse { rows: height, cols, length: lx, first: x0, width: self.width, scale };
            let inputs: Vec<&Payload> = columns.iter().map(|blocks| &blocks[strip]).collect();
            run(kernel, &inputs)[0].real().strided().to_vec()
        });
        strips.collect()
    }

    /// The padded plane's stored frequencies, column by column, from the definition: the sum over all pixels.
    fn definition(&self, image: &[f32]) -> Vec<Vec<Complex64>> {
        let (ly, lx) = self.padded;
        let row = |pixels: &[f32], u: usize| -> Complex64 {
            let at = |x: usize| (self.first.1 + x) % lx * u % lx;
            let seen = pixels.iter().enumerate().filter(|(_, pixel)| !pixel.is_nan());
            seen.map(|(x, &pixel)| Complex64::from_polar(f64::from(pixel), -TAU * at(x) as f64 / lx as f64)).sum()
        };
        let column = |u: usize| {
            let rows: Vec<Complex64> = image.chunks(self.image.1).map(|pixels| row(pixels, u)).collect();
            let at = |y: usize, v: usize| (self.first.0 + y) % ly * v % ly;
            let turn = |y: usize, v: usize| Complex64::cis(-TAU * at(y, v) as f64 / ly as f64);
            (0..ly).map(|v| rows.iter().enumerate().map(|(y, value)| value * turn(y, v)).sum()).collect()
        };
        (0..half_length(lx)).map(column).collect()
    }
}

fn columns(spectrum: &[Payload]) -> Vec<Vec<Complex32>> {
    let strips = spectrum.iter().map(Payload::complex);
    strips.flat_map(|strip| (0..strip.dim().0).map(|column| strip.row(column).to_vec())).collect()
}

fn noise(pixels: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    (0..pixels).map(next).collect()
}

fn bits(spectrum: &[Payload]) -> Vec<(u32, u32)> {
    columns(spectrum).iter().flatten().map(|value| (value.re.to_bits(), value.im.to_bits())).collect()
}

/// Sizes that are odd, prime, one, wrapped, cut into strips that do not divide them.
fn awkward() -> Vec<Plane> {
    let plane = |image, padded, first, strip, width| Plane { image, padded, first, strip, width };
    vec![
        plane((1, 1), (1, 1), (0, 0), 1, 1),
        plane((1, 2), (1, 2), (0, 1), 1, 1),
        plane((1, 16), (1, 16), (0, 0), 1, 4),
        plane((2, 1), (2, 1), (1, 0), 1, 1),
        plane((16, 16), (16, 16), (0, 0), 16, 9),
        plane((13, 17), (13, 17), (0, 0), 5, 4),
        plane((13, 17), (13, 17), (6, 9), 5, 4),
        plane((7, 31), (20, 48), (17, 40), 3, 8),
        plane((37, 10), (64, 15), (60, 14), 16, 1),
        plane((1, 23), (4, 46), (3, 45), 1, 7),
        plane((40, 40), (60, 60), (41, 41), 24, 16),
        plane((19, 70), (19, 70), (18, 1), 8, 36),
    ]
}

#[test]
fn the_spectrum_is_that_of_the_definition() {
    for plane in awkward() {
        let image = noise(plane.image.0 * plane.image.1, 1);
        let spectrum = columns(&plane.forward(&image));
        let expected = plane.definition(&image);
        assert_eq!(spectrum.len(), expected.len());
        let size = (plane.padded.0 * plane.padded.1) as f64;
        for (got, expected) in spectrum.iter().flatten().zip(expected.iter().flatten()) {
            let got = Complex64::new(got.re.into(), got.im.into());
            assert!((got - expected).norm() < 1e-6 * size.sqrt().max(2.0), "{plane:?}: {got} is not {expected}");
        }
    }
}

#[test]
fn the_inverse_gives_the_image_back() {
    for plane in awkward() {
        let image = noise(plane.image.0 * plane.image.1, 2);
        let back = plane.inverse(&plane.forward(&image));
        assert_eq!(back.len(), image.len());
        for (got, expected) in back.iter().zip(&image) {
            assert!((got - expected).abs() < 1e-6, "{plane:?}: {got} is not {expected}");
        }
    }
}

#[test]
fn strips_do_not_change_a_bit() {
    for plane in awkward() {
        let image = noise(plane.image.0 * plane.image.1, 3);
        let whole = Plane { strip: plane.image.0, width: half_length(plane.padded.1), ..plane };
        let expected = whole.forward(&image);
        let pixels = whole.inverse(&expected);
        for (strip, width) in [(1, 1), (2, 8), (3, 5), (8, 16), (plane.strip, plane.width)] {
            let plane = Plane { strip, width, ..plane };
            let spectrum = plane.forward(&image);
            assert_eq!(bits(&spectrum), bits(&expected), "{plane:?}");
            let back = plane.inverse(&spectrum);
            assert!(back.iter().zip(&pixels).all(|(a, b)| a.to_bits() == b.to_bits()), "{plane:?}");
        }
    }
}

#[test]
fn blank_pixels_and_empty_rows_count_as_zero() {
    let plane = Plane { strip: 3, width: 4, ..Plane::whole(11, 14) };
    let mut blank = noise(11 * 14, 4);
    for pixel in [0, 17, 18, 153] {
        blank[pixel] = f32::NAN;
    }
    blank[28..42].fill(f32::NAN);
    blank[42..56].fill(-0.0);
    let zero: Vec<f32> = blank.iter().map(|pixel| if pixel.is_nan() { 0.0 } else { *pixel }).collect();
    let spectrum = plane.forward(&blank);
    assert_eq!(bits(&spectrum), bits(&plane.forward(&zero)));
    assert!(columns(&spectrum).iter().flatten().all(|value| value.re.is_finite() && value.im.is_finite()));
    let nothing = plane.forward(&[f32::NAN; 11 * 14]);
    assert!(columns(&nothing).iter().flatten().all(|value| *value == Complex32::ZERO));
}

#[test]
fn parseval_linearity_and_shift() {
    let plane = Plane { strip: 8, width: 8, ..Plane::whole(24, 30) };
    let (a, b) = (noise(24 * 30, 5), noise(24 * 30, 6));
    let sum: Vec<f32> = a.iter().zip(&b).map(|(a, b)| 2.0 * a - 3.0 * b).collect();
    let [fa, fb, fsum] = [&a, &b, &sum].map(|image| columns(&plane.forward(image)));

    let power: f64 = a.iter().map(|&pixel| f64::from(pixel).powi(2)).sum();
    // Every column but the first and the last stands for its conjugate too.
    let weight = |u: usize| if u == 0 || u == 15 { 1.0 } else { 2.0 };
    let line = |(u, column): (usize, &Vec<Complex32>)| {
        weight(u) * column.iter().map(|value| f64::from(value.norm_sqr())).sum::<f64>()
    };
    let spectral: f64 = fa.iter().enumerate().map(line).sum::<f64>() / (24.0 * 30.0);
    assert!((spectral / power - 1.0).abs() < 1e-6, "{spectral} is not {power}");

    for ((a, b), sum) in fa.iter().flatten().zip(fb.iter().flatten()).zip(fsum.iter().flatten()) {
        assert!((a * 2.0 - b * 3.0 - sum).norm() < 2e-5);
    }

    let moved = columns(&Plane { first: (5, 29), ..plane }.forward(&a));
    for (u, (column, moved)) in fa.iter().zip(&moved).enumerate() {
        for (v, (value, moved)) in column.iter().zip(moved).enumerate() {
            let turn = Complex64::cis(-TAU * ((5 * v) as f64 / 24.0 + (29 * u) as f64 / 30.0));
            let turned = value * Complex32::new(turn.re as f32, turn.im as f32);
            assert!((turned - moved).norm() < 1e-5, "({v}, {u}): {turned} is not {moved}");
        }
    }
}

#[test]
fn the_imaginary_part_of_what_must_be_real_is_ignored() {
    for cols in [8, 9, 2, 1] {
        let plane = Plane::whole(3, cols);
        let image = noise(3 * cols, 7);
        let mut blocks = run(
            ColumnInverse { columns: half_length(cols), length: 3, first: 0, rows: 3, block_rows: 3 },
            &[&plane.forward(&image)[0]],
        );
        let kernel = RowInverse { rows: 3, cols, length: cols, first: 0, width: 99, scale: 1.0 / (3 * cols) as f32 };
        let clean = run(kernel.clone(), &[&blocks[0]]).remove(0);
        for y in 0..3 {
            let row = blocks[0].complex_mut().row_mut(y);
            row[0].im += 0.3;
            if cols % 2 == 0 {
                row[cols / 2].im -= 0.2;
            }
        }
        assert_eq!(run(kernel, &[&blocks[0]])[0].real().strided(), clean.real().strided());
    }
}

/// Linear convolution of image and PSF seen through the image's frame, as the residual needs it, from its definition.
fn convolve_slowly(image: &[f32], n: usize, psf: &[f32], p: usize, peak: usize) -> Vec<f64> {
    let at = |y: usize, x: usize| {
        let mut sum = 0.0;
        for v in 0..n {
            for u in 0..n {
                let (dy, dx) = ((y + peak).checked_sub(v), (x + peak).checked_sub(u));
                if let (Some(dy), Some(dx)) = (dy.filter(|dy| *dy < p), dx.filter(|dx| *dx < p)) {
                    sum += f64::from(image[v * n + u]) * f64::from(psf[dy * p + dx]);
                }
            }
        }
        sum
    };
    (0..n * n).map(|i| at(i / n, i % n)).collect()
}

#[test]
fn a_padded_product_of_spectra_is_a_linear_convolution() {
    // Image, PSF and the PSF's peak: smaller, equal and larger, odd and even, off centre.
    for (n, p, peak) in [(20, 7, 3), (21, 8, 4), (16, 16, 8), (17, 17, 8), (15, 31, 15), (16, 40, 20), (12, 9, 1)] {
        let reach = (n - 1).min(peak.max(p - 1 - peak));
        let length = fast_length(n + reach);
        let (image, psf) = (noise(n * n, 8), noise(p * p, 9));
        // Of a PSF that is larger than the plane only what can reach from one pixel of the image to another is used.
        let (from, to) = (peak - reach.min(peak), p.min(peak + reach + 1));
        let part: Vec<f32> = (from..to).flat_map(|y| psf[y * p + from..y * p + to].to_vec()).collect();
        let of_image = Plane { image: (n, n), padded: (length, length), first: (0, 0), strip: 8, width: 8 };
        let turned = (length - (peak - from)) % length;
        let of_psf = Plane { image: (to - from, to - from), first: (turned, turned), ..of_image };
        let mut spectrum = of_image.forward(&image);
        for (strip, other) in spectrum.iter_mut().zip(of_psf.forward(&part)) {
            for column in 0..other.complex().dim().0 {
                let pairs = strip.complex_mut().row_mut(column).iter_mut().zip(other.complex().row(column));
                pairs.for_each(|(value, other)| *value *= other);
            }
        }
        let expected = convolve_slowly(&image, n, &psf, p, peak);
        for (got, expected) in of_image.inverse(&spectrum).iter().zip(&expected) {
            assert!((f64::from(*got) - expected).abs() < 2e-5, "{n} {p} {peak}: {got} is not {expected}");
        }
    }
}
