//! What a device makes of spectra, frequency by frequency, against the definitions in f64 and against the kernels in memory.
#![cfg(feature = "gpu")]

mod support;

use deconv::device::Gpu;
use deconv::kernel::scale::{reach, shape, shape_len};
use deconv::kernel::twin::run;
use deconv::kernel::{
    Correlate, GaussianMultiply, Kernel, Multiply, NoiseSpectrum, Normal, Payload, Prior, Regularization,
    ScaleMultiply, Strip, Wiener,
};
use num_complex::{Complex32, Complex64};
use std::f64::consts::PI;
use support::gpu::{gpu, run_one_on, there, try_on};
use support::{AWKWARD, complex, noise, oracle, run_one};

/// Columns and vertical frequencies of strips.
fn sizes() -> impl Iterator<Item = (usize, usize)> {
    AWKWARD.into_iter().chain([(2, 255), (1, 513), (300, 3)])
}

fn random(seed: u64, length: usize) -> impl Fn(usize, usize) -> Complex32 {
    move |line, k| Complex32::new(noise(seed, line * length + k), noise(seed + 1, line * length + k))
}

fn wide(number: Complex32) -> Complex64 {
    Complex64::new(number.re.into(), number.im.into())
}

/// Compares what a device makes with the definition at each place, and with what the kernel makes in memory. Both may be so far off as
/// `bound` says of the exact number.
fn check(
    gpu: &Gpu,
    kernel: &Kernel,
    inputs: impl Fn() -> Vec<Payload>,
    expected: impl Fn(usize, usize) -> Complex64,
    bound: impl Fn(Complex64) -> f64,
) {
    let (there, here) = (run_one_on(gpu, kernel.clone(), inputs()), run_one(kernel.clone(), inputs()));
    for ((line, k), &got) in there.complex().view().indexed_iter() {
        let exact = expected(line, k);
        assert!((wide(got) - exact).norm() <= bound(exact), "{kernel:?}: {line} {k} {got} {exact}");
        let other = here.complex().row(line)[k];
        assert!((wide(got) - wide(other)).norm() <= 2.0 * bound(exact), "{kernel:?}: {line} {k} {got} {other}");
    }
}

/// The strip whose first column is so far to the right of the first of all.
fn strip((columns, length): (usize, usize), first_column: usize) -> Strip {
    Strip { columns, length, first_column, row_length: 2 * (first_column + columns) }
}

fn priors() -> impl Iterator<Item = Prior> {
    let all = Regularization::ALL.iter().copied();
    all.flat_map(|regularization| [Prior::raised(0.03, regularization), Prior::bare(2.0, regularization)])
}

/// λ (R + floor) at each place of a strip.
fn added(prior: &Prior, strip: &Strip) -> impl Fn(usize, usize) -> f64 + use<> {
    let (prior, first, r) =
        (*prior, strip.first_column, oracle::prior(prior.regularization, (strip.length, strip.row_length)));
    move |line, k| prior.balance * (r[(k, first + line)] + prior.floor)
}

#[test]
fn gpu_products_are_complex_and_with_the_conjugate() {
    let Some(gpu) = gpu() else { return };
    for (columns, length) in sizes() {
        let (a, b) = (random(1, length), random(5, length));
        let inputs = || vec![complex(columns, length, &a), complex(columns, length, &b)];
        // Numbers of up to √2 with a rounding of each of the four products and each of the two sums, of at most 2.
        let bound = |_: Complex64| 3e-7;
        let (left, right) = (|line, k| wide(a(line, k)), |line, k| wide(b(line, k)));
        check(&gpu, &Multiply { columns, length }.into(), inputs, |l, k| left(l, k) * right(l, k), bound);
        check(&gpu, &Correlate { columns, length }.into(), inputs, |l, k| left(l, k) * right(l, k).conj(), bound);
    }
}

#[test]
fn gpu_a_wrong_product_is_found_out() {
    let Some(gpu) = gpu() else { return };
    let inputs = || vec![complex(3, 9, random(1, 9)), complex(3, 9, random(5, 9))];
    let there = run_one_on(&gpu, Multiply { columns: 3, length: 9 }, inputs());
    let here = run_one(Correlate { columns: 3, length: 9 }, inputs());
    assert!(there.complex().view().iter().zip(here.complex().view()).any(|(a, b)| (a - b).norm() > 0.1));
}

/// Relative error of filters. λ (R + floor) has some eight roundings of 6e-8, most of them twice in R = l², and a division on a device is
/// good to 2.5 units of the last place, 3e-7.
const FILTER: f64 = 1.5e-6;

#[test]
fn gpu_normal_multiplies_and_divides() {
    let Some(gpu) = gpu() else { return };
    for (size, prior) in sizes().flat_map(|size| priors().map(move |prior| (size, prior))) {
        for (first, inverse) in [(0, false), (3, true)] {
            let strip = strip(size, first);
            let (x, h, prior_at) = (random(1, size.1), random(3, size.1), added(&prior, &strip));
            let inputs = || vec![complex(size.0, size.1, &x), complex(size.0, size.1, &h)];
            let expected = |line, k| {
                let factor = wide(h(line, k)).re.max(0.0) + prior_at(line, k) + 0.3;
                if inverse { wide(x(line, k)) / factor } else { wide(x(line, k)) * factor }
            };
            let kernel = Normal { strip, prior, added: 0.3, inverse }.into();
            check(&gpu, &kernel, inputs, expected, |exact| FILTER * exact.norm());
        }
    }
}

#[test]
fn gpu_wiener_is_its_formula_with_every_prior() {
    let Some(gpu) = gpu() else { return };
    for (size, prior) in sizes().flat_map(|size| priors().map(move |prior| (size, prior))) {
        let strip = strip(size, 2);
        let (d, h, prior_at) = (random(1, size.1), random(3, size.1), added(&prior, &strip));
        // Some are at the bound, above it by the rounding of 0.6 to f32.
        let h = |line: usize, k: usize| if (line + k) % 5 == 2 { Complex32::new(0.6, 0.1) } else { h(line, k) };
        let inputs = || vec![complex(size.0, size.1, &d), complex(size.0, size.1, h)];
        let white = |line, k| {
            let h = wide(h(line, k));
            h.conj() * wide(d(line, k)) / (h.norm_sqr() + prior_at(line, k))
        };
        let natural = |line, k| match wide(h(line, k)).re {
            transfer if transfer > 0.6 => wide(d(line, k)) / (transfer + prior_at(line, k)),
            _ => Complex64::ZERO,
        };
        let kernel = |noise| Wiener { strip, prior, noise, least: 0.6 }.into();
        check(&gpu, &kernel(NoiseSpectrum::White), inputs, white, |exact| FILTER * exact.norm());
        check(&gpu, &kernel(NoiseSpectrum::Natural), inputs, natural, |exact| FILTER * exact.norm());
    }
}

#[test]
fn gpu_wiener_does_not_underflow_and_is_0_where_nothing_is_known() {
    let Some(gpu) = gpu() else { return };
    let cases = [(0.0, 1.0), (0.0, 1e-25), (1e-50, 1e-25), (1.0, 1e-25), (0.0, 1e-36), (1e-3, 1e20)];
    let regularizations = [Regularization::Flat, Regularization::Laplacian];
    for ((balance, tiny), regularization) in cases.into_iter().flat_map(|case| regularizations.map(|r| (case, r))) {
        for (columns, length) in sizes() {
            let (strip, prior) = (strip((columns, length), 0), Prior::bare(balance, regularization));
            let (d, h, prior_at) = (random(1, length), random(5, length), added(&prior, &strip));
            let h = |line, k| if (line + k) % 3 == 1 { Complex32::ZERO } else { h(line, k) * tiny };
            let inputs = || vec![complex(columns, length, &d), complex(columns, length, h)];
            let kernel = Wiener { strip, prior, noise: NoiseSpectrum::White, least: 0.0 }.into();
            let expected = |line, k| {
                let (d, h) = (wide(d(line, k)), wide(h(line, k)));
                let power = h.norm_sqr() + prior_at(line, k);
                if power == 0.0 { Complex64::ZERO } else { h.conj() * d / power }
            };
            check(&gpu, &kernel, inputs, expected, |exact| FILTER * exact.norm());
        }
    }
}

/// Covariance of a Gaussian with these standard deviations, the first along an axis turned by `angle` from x to y.
fn covariance((major, minor, angle): (f64, f64, f64)) -> [f64; 3] {
    let (s, c) = f64::sin_cos(angle);
    let (a, b) = (major * major, minor * minor);
    [a * c * c + b * s * s, (a - b) * s * c, a * s * s + b * c * c]
}

/// The transform of a sampled Gaussian over its peak: a sum over more aliases than count.
fn gaussian([xx, xy, yy]: [f64; 3], fx: f64, fy: f64) -> f64 {
    let aliases = || (-12..=12).map(f64::from);
    let terms = aliases().flat_map(|m| aliases().map(move |n| (fx + m, fy + n)));
    terms.map(|(fx, fy)| (-2.0 * PI * PI * (xx * fx * fx + 2.0 * xy * fx * fy + yy * fy * fy)).exp()).sum()
}

#[test]
fn gpu_gaussian_is_the_transform_of_a_sampled_one() {
    let Some(gpu) = gpu() else { return };
    let beams =
        [(0.5, 0.5, 0.0), (0.2, 0.15, 0.4), (3.0, 0.5, 0.7), (20.0, 1.2, 1.1), (2.0, 5.0, 0.0), (90.0, 0.3, 2.5)];
    let frames = [(1, 1), (1, 13), (17, 1), (12, 9), (11, 16), (301, 4)];
    for (frame, covariance) in frames.into_iter().flat_map(|frame| beams.map(|beam| (frame, covariance(beam)))) {
        let (length, row_length) = frame;
        let half = row_length / 2 + 1;
        let peak = 2.0 * PI * (covariance[0] * covariance[2] - covariance[1].powi(2)).sqrt();
        for (first_column, columns) in [(0, half.min(2)), (half - half.min(3), half.min(3))] {
            let input = random(3, length);
            let expected = |line, k| {
                let (fx, fy) = ((first_column + line) as f64 / row_length as f64, k as f64 / length as f64);
                wide(input(line, k)) * peak * gaussian(covariance, fx, fy)
            };
            // Of the peak, or of what all aliases make of it: −ln T to three roundings, T and what is left out of it.
            let most = 1e-6 * peak * gaussian(covariance, 0.0, 0.0);
            let kernel = GaussianMultiply { columns, length, first_column, row_length, covariance }.into();
            check(&gpu, &kernel, || vec![complex(columns, length, &input)], expected, |_| most);
        }
    }
}

#[test]
fn gpu_gaussians_of_long_lines_are_those_in_memory() {
    let Some(gpu) = gpu() else { return };
    for beam in [(3000.0, 700.0, 0.3), (300.0, 2.0, 1.2), (2.5, 1.8, 0.4), (0.4, 0.3, 2.0)] {
        let covariance = covariance(beam);
        let peak = 2.0 * PI * (covariance[0] * covariance[2] - covariance[1].powi(2)).sqrt();
        for first_column in [0, 4, 2000] {
            let kernel: Kernel =
                GaussianMultiply { columns: 4, length: 8191, first_column, row_length: 9000, covariance }.into();
            let inputs = || vec![complex(4, 8191, |_, _| Complex32::ONE)];
            let exact = run_one(kernel.clone(), inputs());
            let most = peak * gaussian(covariance, 0.0, 0.0);
            check(&gpu, &kernel, inputs, |line, k| wide(exact.complex().row(line)[k]), |_| 5e-7 * most);
        }
    }
}

#[test]
fn gpu_gaussian_refuses_what_cannot_be_sampled() {
    let Some(gpu) = gpu() else { return };
    for covariance in [[0.0; 3], [1.0, 1.0, 1.0], [4.0, 0.0, 0.001], [-1.0, 0.0, 1.0], [f64::NAN, 0.0, 1.0]] {
        let kernel = GaussianMultiply { columns: 1, length: 3, first_column: 0, row_length: 4, covariance }.into();
        let there = try_on(&gpu, &kernel, vec![complex(1, 3, random(1, 3))]).expect_err("it is too narrow");
        let here = support::try_kernel(&kernel, vec![complex(1, 3, random(1, 3))]).expect_err("it is too narrow");
        assert_eq!((there.kind, there.message), (here.kind, here.message));
    }
}

/// The transform of a scale's shape, of which the pixels are held against their formula elsewhere.
fn transform(scale: f64, fx: f64, fy: f64) -> f64 {
    let mut pixels = vec![0.0; shape_len(scale)];
    shape(scale, &mut pixels);
    let (reach, side) = (reach(scale) as f64, 2 * reach(scale) + 1);
    let turns = |i: usize| fy * ((i / side) as f64 - reach) + fx * ((i % side) as f64 - reach);
    pixels.iter().enumerate().map(|(i, &pixel)| f64::from(pixel) * (2.0 * PI * turns(i)).cos()).sum()
}

#[test]
fn gpu_scales_are_multiplied_with_the_transforms_of_their_shapes() {
    let Some(gpu) = gpu() else { return };
    for (length, row_length) in [(1, 1), (3, 4), (47, 48), (48, 64), (7, 12), (513, 50)] {
        let fits = |scale: &f64| 2 * reach(*scale) < length.min(row_length);
        for scale in [0.0, 1.5, 2.5, 6.0, 7.0, 15.0, 45.0].into_iter().filter(fits) {
            for first_column in [0, (row_length / 2).saturating_sub(1)] {
                let (columns, input) = (2.min(row_length / 2 + 1 - first_column), random(1, length));
                let expected = |line, k| {
                    let (fx, fy) = ((first_column + line) as f64 / row_length as f64, k as f64 / length as f64);
                    wide(input(line, k)) * transform(scale, fx, fy)
                };
                let kernel = ScaleMultiply { columns, length, first_column, row_length, scale }.into();
                // Of numbers of up to √2: as many terms as there are rows, the absolute values of which add up to 1 at most, the
                // roundings mostly at random.
                check(&gpu, &kernel, || vec![complex(columns, length, &input)], expected, |_| 1e-6);
            }
        }
    }
}

#[test]
fn gpu_large_scales_are_those_in_memory() {
    let Some(gpu) = gpu() else { return };
    for (first_column, scale) in [(0, 700.0), (0, 120.0), (2100, 120.0)] {
        let kernel: Kernel = ScaleMultiply { columns: 2, length: 4099, first_column, row_length: 4500, scale }.into();
        let inputs = || vec![complex(2, 4099, |_, _| Complex32::ONE)];
        let exact = run_one(kernel.clone(), inputs());
        check(&gpu, &kernel, inputs, |line, k| wide(exact.complex().row(line)[k]), |_| 1e-6);
    }
}

#[test]
fn gpu_a_scale_in_a_smaller_frame_is_refused() {
    let Some(gpu) = gpu() else { return };
    let kernel = ScaleMultiply { columns: 1, length: 6, first_column: 0, row_length: 12, scale: 6.0 }.into();
    let there = try_on(&gpu, &kernel, vec![complex(1, 6, random(1, 6))]).expect_err("it is too large");
    let here = support::try_kernel(&kernel, vec![complex(1, 6, random(1, 6))]).expect_err("it is too large");
    assert_eq!((there.kind, there.message), (here.kind, here.message));
}

#[test]
fn gpu_no_more_memory_is_taken_than_was_said() {
    let (columns, length, first_column, row_length) = (40, 1000, 3, 90);
    let strip = Strip { columns, length, first_column, row_length };
    let (prior, noise, covariance) =
        (Prior::raised(1.0, Regularization::Gradient), NoiseSpectrum::White, [0.1, 0.0, 0.2]);
    let kernels: [(Kernel, usize); 4] = [
        (Normal { strip, prior, added: 0.0, inverse: false }.into(), 2),
        (Wiener { strip, prior, noise, least: 0.0 }.into(), 2),
        (GaussianMultiply { columns, length, first_column, row_length, covariance }.into(), 1),
        (ScaleMultiply { columns, length, first_column, row_length, scale: 30.0 }.into(), 1),
    ];
    for (kernel, inputs) in kernels {
        let Some(gpu) = gpu() else { return };
        let work = kernel.device_work_bytes(&gpu.facts()).expect("it suits the device");
        let chunk = |seed| there(&gpu, &complex(columns, length, random(seed, length))).expect("it is taken there");
        let (mut outputs, others) = ([chunk(1)], (1..inputs).map(|_| chunk(3)).collect::<Vec<_>>());
        let (before, _) = gpu.used_bytes();
        run(&gpu, &kernel, &others.iter().collect::<Vec<_>>(), &mut outputs).expect("the device runs it");
        let taken = gpu.used_bytes().1 - before;
        // Sizes of four tables at most are rounded up.
        assert!((work as u64..work as u64 + 4 * 256).contains(&taken), "{}: {taken} {work}", kernel.name());
    }
}

#[test]
fn gpu_more_lines_than_workgroups_do_not_suit() {
    let facts = deconv::device::Facts { room: u64::MAX, largest: u64::MAX };
    let covariance = [2.0, 0.0, 2.0];
    let (prior, noise) = (Prior::bare(1.0, Regularization::Flat), NoiseSpectrum::White);
    for (columns, suits) in [(65_535, true), (65_536, false)] {
        let strip = strip((columns, 1), 0);
        let kernels: [Kernel; 4] = [
            Normal { strip, prior, added: 0.0, inverse: false }.into(),
            Wiener { strip, prior, noise, least: 0.0 }.into(),
            GaussianMultiply { columns, length: 1, first_column: 0, row_length: 2 * columns, covariance }.into(),
            ScaleMultiply { columns, length: 1, first_column: 0, row_length: 2 * columns, scale: 0.0 }.into(),
        ];
        for kernel in kernels {
            assert_eq!(kernel.device_work_bytes(&facts).is_some(), suits, "{}", kernel.name());
        }
    }
}
