//! Multiply, Correlate, Wiener, GaussianMultiply and SpectrumExtremes against their definitions in f64.

mod support;

use deconv::kernel::{
    Correlate, GaussianMultiply, Multiply, NoiseSpectrum, Prior, Regularization, SpectrumExtremes, Strip, Wiener,
};
use num_complex::{Complex32, Complex64};
use std::f64::consts::PI;
use support::{AWKWARD, complex, noise, run_one, try_kernel};

fn random(seed: u64, columns: usize) -> impl Fn(usize, usize) -> Complex32 {
    move |y, x| Complex32::new(noise(seed, y * columns + x), noise(seed + 1, y * columns + x))
}

fn wide(number: Complex32) -> Complex64 {
    Complex64::new(number.re.into(), number.im.into())
}

#[test]
fn multiply_is_the_complex_product() {
    for (columns, length) in AWKWARD {
        let (a, b) = (random(1, length), random(5, length));
        let inputs = vec![complex(columns, length, &a), complex(columns, length, &b)];
        let product = run_one(Multiply { columns, length }, inputs);
        for ((y, x), &got) in product.complex().view().indexed_iter() {
            assert!((wide(got) - wide(a(y, x)) * wide(b(y, x))).norm() < 3e-7);
        }
    }
}

#[test]
fn correlate_is_the_product_with_the_conjugate() {
    for (columns, length) in AWKWARD {
        let (a, b) = (random(1, length), random(5, length));
        let inputs = vec![complex(columns, length, &a), complex(columns, length, &b)];
        let product = run_one(Correlate { columns, length }, inputs);
        for ((y, x), &got) in product.complex().view().indexed_iter() {
            assert!((wide(got) - wide(a(y, x)) * wide(b(y, x)).conj()).norm() < 3e-7);
        }
    }
}

#[test]
fn wiener_is_its_formula_and_0_where_nothing_is_measured() {
    for (balance, tiny) in [(0.0, 1.0), (0.01, 1.0), (0.0, 1e-25), (3.0, 1.0)] {
        for (columns, length) in AWKWARD {
            let (d, h) = (random(1, length), random(5, length));
            let h = |y, x| if (y + x) % 3 == 1 { Complex32::ZERO } else { h(y, x) * tiny };
            let inputs = vec![complex(columns, length, &d), complex(columns, length, h)];
            let strip = Strip { columns, length, first_column: 0, row_length: 2 * columns };
            let prior = Prior::bare(balance, Regularization::Flat);
            let kernel = Wiener { strip, prior, noise: NoiseSpectrum::White, least: 0.0 };
            let model = run_one(kernel, inputs);
            for ((y, x), &got) in model.complex().view().indexed_iter() {
                let (d, h) = (wide(d(y, x)), wide(h(y, x)));
                let power = h.norm_sqr() + balance;
                let expected = if power == 0.0 { Complex64::ZERO } else { h.conj() * d / power };
                assert!((wide(got) - expected).norm() <= 1e-6 * expected.norm(), "{got} {expected}");
            }
        }
    }
}

/// Covariance of a Gaussian with these standard deviations, the first along an axis turned by `angle` from x to y.
fn covariance(major: f64, minor: f64, angle: f64) -> [f64; 3] {
    let (s, c) = angle.sin_cos();
    let (a, b) = (major * major, minor * minor);
    [a * c * c + b * s * s, (a - b) * s * c, a * s * s + b * c * c]
}

/// The Gaussian of peak 1 at pixel (y, x), summed over enough periods.
fn periodic_gaussian(y: usize, x: usize, rows: usize, cols: usize, covariance: [f64; 3]) -> f64 {
    let [xx, xy, yy] = covariance;
    let det = xx * yy - xy * xy;
    let periods = |n: usize, variance: f64| (12.0 * variance.sqrt() / n as f64).ceil() as i64 + 1;
    let (py, px) = (periods(rows, yy), periods(cols, xx));
    let mut sum = 0.0;
    for (my, mx) in (-py..=py).flat_map(|my| (-px..=px).map(move |mx| (my, mx))) {
        let (y, x) = (y as f64 + (my * rows as i64) as f64, x as f64 + (mx * cols as i64) as f64);
        sum += (-(yy * x * x - 2.0 * xy * x * y + xx * y * y) / (2.0 * det)).exp();
    }
    sum
}

fn transform(plane: &[f64], rows: usize, cols: usize, ky: usize, kx: usize) -> Complex64 {
    let mut sum = Complex64::ZERO;
    for (i, value) in plane.iter().enumerate() {
        let (y, x) = (i / cols, i % cols);
        let turns = (ky * y) as f64 / rows as f64 + (kx * x) as f64 / cols as f64;
        sum += value * Complex64::cis(-2.0 * PI * turns);
    }
    sum
}

#[test]
fn gaussian_is_the_transform_of_a_sampled_one() {
    let beams =
        [(0.5, 0.5, 0.0), (0.2, 0.15, 0.4), (3.0, 0.5, 0.7), (3.0, 1.0, 2.5), (20.0, 1.2, 1.1), (2.0, 5.0, 0.0)];
    for (rows, cols) in [(1, 1), (1, 13), (17, 1), (12, 9), (11, 16), (13, 24), (301, 2)] {
        for (major, minor, angle) in beams {
            let covariance = covariance(major, minor, angle);
            let plane: Vec<f64> =
                (0..rows * cols).map(|i| periodic_gaussian(i / cols, i % cols, rows, cols, covariance)).collect();
            let sum: f64 = plane.iter().sum();
            let half = cols / 2 + 1;
            let strips = [(0, half.min(4)), (half.min(4), half - half.min(4))];
            for (first_column, columns) in strips.into_iter().filter(|strip| strip.1 > 0) {
                let input = random(3, rows);
                let kernel = GaussianMultiply { columns, length: rows, first_column, row_length: cols, covariance };
                let output = run_one(kernel, vec![complex(columns, rows, &input)]);
                for ((line, ky), &got) in output.complex().view().indexed_iter() {
                    let expected = wide(input(line, ky)) * transform(&plane, rows, cols, ky, first_column + line);
                    let error = (wide(got) - expected).norm();
                    assert!(error < 1e-6 * sum, "{rows}×{cols} {major} {minor} {angle}: {line} {ky} {error}");
                }
            }
        }
    }
}

#[test]
fn gaussian_refuses_what_cannot_be_sampled() {
    for covariance in [[0.0; 3], [1.0, 1.0, 1.0], [4.0, 0.0, 0.001], [-1.0, 0.0, 1.0], [f64::NAN, 0.0, 1.0]] {
        let kernel = GaussianMultiply { columns: 1, length: 3, first_column: 0, row_length: 4, covariance };
        assert!(try_kernel(&kernel.into(), vec![complex(1, 3, random(1, 3))]).is_err());
    }
}

#[test]
fn extremes_are_the_smallest_and_the_largest() {
    for (columns, length) in AWKWARD {
        let value = random(7, length);
        let found = run_one(SpectrumExtremes { columns, length }, vec![complex(columns, length, &value)]);
        let all = || (0..columns).flat_map(|y| (0..length).map(move |x| (y, x))).map(|(y, x)| wide(value(y, x)));
        let low = all().map(|number| number.re).fold(f64::INFINITY, f64::min);
        let high = all().map(|number| number.re).fold(f64::NEG_INFINITY, f64::max);
        let imaginary = all().map(|number| number.im.abs()).fold(0.0, f64::max);
        assert_eq!(found.numbers(), [low, high, imaginary]);
    }
}
