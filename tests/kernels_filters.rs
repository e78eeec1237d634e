//! The kernels of filters against their definitions in f64.

mod support;

use deconv::array::PsfReach;
use deconv::kernel::{
    AddNumbers, DotRows, GaussianMultiply, Kernel, NoiseSpectrum, Normal, Payload, Prior, PriorPower, Regularization,
    Strip, TransferSums, Validation, Wiener, Within, ZeroBlanks,
};
use ndarray::Array2;
use num_complex::{Complex32, Complex64};
use support::dense::{convolution, solve};
use support::{AWKWARD, complex, noise, oracle, real, run_one};

/// Frames of a few pixels, with even and odd sides.
const FRAMES: [(usize, usize); 7] = [(1, 1), (1, 13), (17, 1), (7, 11), (12, 9), (8, 8), (2, 22)];

const SPECTRA: [NoiseSpectrum; 2] = [NoiseSpectrum::Natural, NoiseSpectrum::White];

/// Noise between −1 and 1.
fn noisy((rows, cols): (usize, usize), seed: u64) -> Array2<f64> {
    Array2::from_shape_fn((rows, cols), |(y, x)| f64::from(noise(seed, y * cols + x)))
}

/// Priors of all kinds.
fn priors() -> impl Iterator<Item = Prior> {
    let all = Regularization::ALL.iter().copied();
    all.flat_map(|regularization| [Prior::raised(0.03, regularization), Prior::bare(2.0, regularization)])
}

/// λ (R + floor) at every frequency.
fn added(prior: &Prior, frame: (usize, usize)) -> Array2<f64> {
    oracle::prior(prior.regularization, frame).mapv(|r| prior.balance * (r + prior.floor))
}

/// Where each strip lies of the stored half of a spectrum that is cut into strips of so many columns.
fn strips(frame: (usize, usize), columns: usize) -> impl Iterator<Item = Strip> {
    let all = frame.1 / 2 + 1;
    (0..all).step_by(columns).map(move |first_column| Strip {
        columns: columns.min(all - first_column),
        length: frame.0,
        first_column,
        row_length: frame.1,
    })
}

/// A strip of a spectrum as it is stored.
fn stored(spectrum: &Array2<Complex64>, strip: &Strip) -> Payload {
    complex(strip.columns, strip.length, |column, k| {
        let number = spectrum[(k, strip.first_column + column)];
        Complex32::new(number.re as f32, number.im as f32)
    })
}

/// Compares what a kernel makes of each strip of spectra with a definition, frequency by frequency.
fn check(
    frame: (usize, usize),
    spectra: &[&Array2<Complex64>],
    kernel: impl Fn(Strip) -> Kernel,
    expected: impl Fn((usize, usize)) -> Complex64,
) {
    for strip in [1, 3, 100].into_iter().flat_map(|columns| strips(frame, columns)) {
        let inputs = spectra.iter().map(|spectrum| stored(spectrum, &strip)).collect();
        let output = run_one(kernel(strip), inputs);
        for ((column, k), got) in output.complex().view().indexed_iter() {
            let expected = expected((k, strip.first_column + column));
            let error = (Complex64::new(got.re.into(), got.im.into()) - expected).norm();
            assert!(error <= 1e-6 * expected.norm(), "{frame:?} {strip:?}: {got} {expected}");
        }
    }
}

/// The sums of a whole spectrum that a kernel makes of strips of so many columns.
fn sums_of(
    frame: (usize, usize),
    spectra: &[&Array2<Complex64>],
    (width, columns): (usize, usize),
    kernel: impl Fn(Strip) -> Kernel,
) -> Vec<f64> {
    let of_strip = |strip: Strip| run_one(kernel(strip), spectra.iter().map(|s| stored(s, &strip)).collect());
    let total = run_one(AddNumbers { width }, strips(frame, columns).map(of_strip).collect());
    total.numbers().to_vec()
}

/// Compares such sums with those over all frequencies, stored or not, and those of other strips to the bit.
fn check_sums(
    frame: (usize, usize),
    spectra: &[&Array2<Complex64>],
    width: usize,
    kernel: impl Fn(Strip) -> Kernel,
    terms: impl Fn((usize, usize)) -> Vec<f64>,
) -> Vec<f64> {
    let found = sums_of(frame, spectra, (width, 1), &kernel);
    for columns in [2, 3, 100] {
        let other = sums_of(frame, spectra, (width, columns), &kernel);
        assert!(found.iter().zip(&other).all(|(a, b)| a.to_bits() == b.to_bits()), "{frame:?} {columns}");
    }
    let mut expected = vec![0.0; width];
    for at in (0..frame.0).flat_map(|k| (0..frame.1).map(move |l| (k, l))) {
        expected.iter_mut().zip(terms(at)).for_each(|(sum, term)| *sum += term);
    }
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() <= 2e-6 * expected.abs(), "{frame:?}: {found} {expected}");
    }
    found
}

#[test]
fn priors_are_the_power_of_their_stencils() {
    let ones = |frame| Array2::from_elem(frame, Complex64::ONE);
    for (frame, prior) in FRAMES.into_iter().flat_map(|frame| priors().map(move |prior| (frame, prior))) {
        let added = added(&prior, frame);
        let normal = |strip| Normal { strip, prior, added: 0.5, inverse: false }.into();
        let psf = Array2::from_elem(frame, Complex64::ZERO);
        check(frame, &[&ones(frame), &psf], normal, |at| Complex64::from(added[at] + 0.5));
    }
}

#[test]
fn normal_multiplies_and_divides() {
    for (frame, prior) in FRAMES.into_iter().flat_map(|frame| priors().map(move |prior| (frame, prior))) {
        let (x, h) = (oracle::spectrum(&noisy(frame, 1)), oracle::spectrum(&noisy(frame, 2)));
        let added = added(&prior, frame);
        let factor = |at| h[at].re.max(0.0) + added[at] + 1.5;
        let normal = |inverse| move |strip| Normal { strip, prior, added: 1.5, inverse }.into();
        check(frame, &[&x, &h], normal(false), |at| x[at] * factor(at));
        check(frame, &[&x, &h], normal(true), |at| x[at] / factor(at));
    }
}

#[test]
fn wiener_is_its_formula_with_every_prior() {
    for (frame, prior) in FRAMES.into_iter().flat_map(|frame| priors().map(move |prior| (frame, prior))) {
        let (d, h) = (oracle::spectrum(&noisy(frame, 3)), oracle::spectrum(&noisy(frame, 4)));
        let added = added(&prior, frame);
        let wiener = |noise| move |strip| Wiener { strip, prior, noise, least: 0.6 }.into();
        check(frame, &[&d, &h], wiener(NoiseSpectrum::White), |at| {
            h[at].conj() * d[at] / (h[at].norm_sqr() + added[at])
        });
        check(frame, &[&d, &h], wiener(NoiseSpectrum::Natural), |at| {
            if h[at].re > 0.6 { d[at] / (h[at].re + added[at]) } else { Complex64::ZERO }
        });
    }
}

/// The transform of a Gaussian of peak 1, of which GaussianMultiply is held against the definition.
fn gaussian(frame: (usize, usize), covariance: [f64; 3]) -> Array2<f64> {
    let ones = Array2::from_elem(frame, Complex64::ONE);
    let columns = frame.1 / 2 + 1;
    let whole = Strip { columns, length: frame.0, first_column: 0, row_length: frame.1 };
    let kernel = GaussianMultiply { columns, length: frame.0, first_column: 0, row_length: frame.1, covariance };
    let output = run_one(kernel, vec![stored(&ones, &whole)]);
    let half = output.complex().view();
    Array2::from_shape_fn(frame, |(k, l)| {
        let stored = if l < columns { (l, k) } else { (frame.1 - l, (frame.0 - k) % frame.0) };
        f64::from(half[stored].re)
    })
}

#[test]
fn transfer_sums_are_those_of_all_frequencies() {
    let covariance = [1.3, 0.4, 0.9];
    for (frame, prior) in FRAMES.into_iter().flat_map(|frame| priors().map(move |prior| (frame, prior))) {
        let h = oracle::spectrum(&noisy(frame, 5));
        let (beam, r) = (gaussian(frame, covariance), added(&prior.with(1.0), frame));
        let added = added(&prior, frame);
        for noise in SPECTRA {
            let terms = |at| {
                let (h, b, added): (Complex64, f64, f64) = (h[at], beam[at], added[at]);
                let (s, gain) = match noise {
                    NoiseSpectrum::White => (h.norm(), (b * h.conj() + added).norm() / (h.norm_sqr() + added)),
                    NoiseSpectrum::Natural if h.re > 0.0 => (h.re, h.re.sqrt() * (b + added) / (h.re + added)),
                    NoiseSpectrum::Natural => (0.0, 0.0),
                };
                vec![s * s, s, s * r[at], gain * gain]
            };
            let kernel = |strip| TransferSums { strip, prior, noise, covariance: Some(covariance) }.into();
            check_sums(frame, &[&h], TransferSums::WIDTH, kernel, terms);
        }
    }
}

#[test]
fn what_nothing_holds_gains_nothing() {
    let zero = Array2::from_elem((6, 8), Complex64::ZERO);
    for noise in SPECTRA {
        let kernel = |strip| {
            let prior = Prior::bare(0.0, Regularization::Flat);
            TransferSums { strip, prior, noise, covariance: Some([1.0, 0.0, 1.0]) }.into()
        };
        assert_eq!(sums_of((6, 8), &[&zero], (TransferSums::WIDTH, 2), kernel), [0.0; 4]);
    }
}

#[test]
fn prior_power_is_that_of_measured_frequencies() {
    for (frame, prior) in FRAMES.into_iter().flat_map(|frame| priors().map(move |prior| (frame, prior))) {
        let (x, h) = (oracle::spectrum(&noisy(frame, 6)), oracle::spectrum(&noisy(frame, 7)));
        let (r, added) = (added(&prior.with(1.0), frame), added(&prior, frame));
        for noise in SPECTRA {
            let terms = |at| {
                let (h, r, added): (Complex64, f64, f64) = (h[at], r[at], added[at]);
                let (gain, sky, variance) = match noise {
                    NoiseSpectrum::White => (h.conj() / (h.norm_sqr() + added), h, 1.0),
                    NoiseSpectrum::Natural => ((1.0 / (h.re + added)).into(), h.re.into(), h.re),
                };
                let sums = vec![r * x[at].norm_sqr(), (gain * sky).norm_sqr(), r * gain.norm_sqr() * variance];
                if h.re > 0.2 { sums } else { vec![] }
            };
            let kernel = |strip| PriorPower { strip, prior, noise, least: 0.2 }.into();
            check_sums(frame, &[&x, &h], PriorPower::WIDTH, kernel, terms);
        }
    }
}

#[test]
fn validation_sums_over_measured_frequencies() {
    for (frame, prior) in FRAMES.into_iter().flat_map(|frame| priors().map(move |prior| (frame, prior))) {
        let (d, h) = (oracle::spectrum(&noisy(frame, 8)), oracle::spectrum(&noisy(frame, 9)));
        let added = added(&prior, frame);
        for noise in SPECTRA {
            let terms = |at| {
                let (h, d, added): (Complex64, Complex64, f64) = (h[at], d[at], added[at]);
                let (transfer, power) = match noise {
                    NoiseSpectrum::White => (h.norm_sqr(), d.norm_sqr()),
                    NoiseSpectrum::Natural => (h.re, d.norm_sqr() / h.re),
                };
                let left = |step| Validation::factor(step) * added / (transfer + Validation::factor(step) * added);
                let pair = |step| [power * left(step).powi(2), left(step)];
                if h.re > 0.1 { (0..Validation::STEPS).flat_map(pair).collect() } else { vec![] }
            };
            let kernel = |strip| Validation { strip, prior, noise, least: 0.1 }.into();
            check_sums(frame, &[&d, &h], Validation::WIDTH, kernel, terms);
        }
    }
}

/// The score of the textbook, ‖(1 − M) y‖² n / tr(1 − M)², of the matrix M that makes a prediction of the data.
#[test]
fn scores_are_those_of_the_matrix() {
    let frame = (4, 6);
    let (data, psf) = (noisy(frame, 1), noisy(frame, 2));
    let n = data.len();
    let column = data.to_shape((n, 1)).expect("a column").to_owned();
    for &regularization in Regularization::ALL {
        let prior = Prior::bare(0.7, regularization);
        let kernel = |strip| Validation { strip, prior, noise: NoiseSpectrum::White, least: f64::NEG_INFINITY }.into();
        let spectra = [&oracle::spectrum(&data), &oracle::spectrum(&psf)];
        let sums = sums_of(frame, &spectra, (Validation::WIDTH, 2), kernel);
        let h = convolution(frame, &psf);
        let r = oracle::plane(oracle::prior(regularization, frame).mapv(Complex64::from));
        let mut lowest = (0, f64::INFINITY);
        for step in 0..Validation::STEPS {
            let balance = 0.7 * Validation::factor(step);
            let normal = h.t().dot(&h) + convolution(frame, &r) * balance;
            let left = Array2::eye(n) - h.dot(&solve(normal, h.t().to_owned()));
            let trace: f64 = left.diag().sum();
            let expected = left.dot(&column).mapv(|value| value * value).sum() * n as f64 / (trace * trace);
            let found = sums[2 * step] / sums[2 * step + 1].powi(2);
            assert!((found / expected - 1.0).abs() < 1e-4, "{regularization:?} {step}: {found} {expected}");
            lowest = if expected < lowest.1 { (step, expected) } else { lowest };
        }
        assert_eq!(Validation::best(&sums), lowest.0);
    }
}

#[test]
fn the_scan_goes_from_a_millionth_to_a_hundred() {
    let near = |step, expected: f64| assert!((Validation::factor(step) / expected - 1.0).abs() < 1e-12);
    near(0, 1e-6);
    near(24, 1.0);
    near(Validation::STEPS - 1, 100.0);
    assert_eq!(Validation::best(&[0.0; Validation::WIDTH]), 0);
}

/// Pixels of noise, some of which are blank.
fn blanked(seed: u64, cols: usize) -> impl Fn(usize, usize) -> f32 {
    move |y, x| if (3 * y + x) % (5 + seed as usize) == 1 { f32::NAN } else { noise(seed, y * cols + x) }
}

#[test]
fn inner_products_pass_over_blanks() {
    for (rows, cols) in AWKWARD {
        let (a, b) = (blanked(1, cols), blanked(2, cols));
        let found = run_one(DotRows { rows }, vec![real(rows, cols, &a), real(rows, cols, &b)]);
        let mut total = [0.0; 2];
        for (y, found) in found.numbers().chunks_exact(2).enumerate() {
            let pairs = (0..cols).map(|x| (f64::from(a(y, x)), f64::from(b(y, x))));
            let pairs: Vec<(f64, f64)> = pairs.filter(|(a, b)| !a.is_nan() && !b.is_nan()).collect();
            let expected = [pairs.iter().map(|(a, b)| a * b).sum(), pairs.iter().map(|(a, _)| a * a).sum::<f64>()];
            for (sum, (found, expected)) in total.iter_mut().zip(found.iter().zip(expected)) {
                assert!((found - expected).abs() <= 1e-13 * cols as f64, "{rows}×{cols} {y}");
                *sum += found;
            }
        }
        assert_eq!(run_one(AddNumbers { width: 2 }, vec![found]).numbers(), total);
    }
}

#[test]
fn an_inner_product_with_an_infinite_number_says_so() {
    let inputs = vec![real(1, 9, |_, x| if x == 4 { f32::INFINITY } else { 1.0 }), real(1, 9, |_, _| 2.0)];
    assert_eq!(run_one(DotRows { rows: 1 }, inputs).numbers(), [f64::INFINITY; 2]);
    // What is blank in the other counts as nothing all the same.
    let mixed = |blank: usize, endless: usize| {
        real(1, 9, move |_, x| match x {
            _ if x == blank => f32::NAN,
            _ if x == endless => f32::INFINITY,
            _ => 1.0,
        })
    };
    assert_eq!(run_one(DotRows { rows: 1 }, vec![mixed(2, 8), mixed(8, 2)]).numbers(), [7.0; 2]);
}

#[test]
fn numbers_add_up_list_by_list() {
    let lists: [&[f64]; 3] = [&[1.0, 2.0, 3.0], &[], &[10.0, f64::NAN, 30.0, 100.0, 200.0, f64::INFINITY]];
    let total = run_one(AddNumbers { width: 3 }, lists.map(|list| Payload::Numbers(list.to_vec())).to_vec());
    assert!(matches!(total.numbers(), [111.0, second, f64::INFINITY] if second.is_nan()));
    assert_eq!(run_one(AddNumbers { width: 2 }, vec![]).numbers(), [0.0; 2]);
}

#[test]
fn blanks_become_zero_and_nothing_else_does() {
    for (rows, cols) in AWKWARD {
        let pixel = blanked(3, cols);
        let output = run_one(ZeroBlanks { rows, cols }, vec![real(rows, cols, &pixel)]);
        for ((y, x), got) in output.real().view().indexed_iter() {
            let expected = if pixel(y, x).is_nan() { 0.0 } else { pixel(y, x) };
            assert_eq!(got.to_bits(), expected.to_bits());
        }
    }
}

#[test]
fn within_is_blank_where_the_weight_is_zero() {
    let weights = [1.0, 0.0, -0.0, f32::MIN_POSITIVE, 2.0];
    for (rows, cols) in AWKWARD {
        let (pixel, weight) = (blanked(4, cols), |y: usize, x: usize| weights[(y + x) % 5]);
        let output = run_one(Within { rows, cols }, vec![real(rows, cols, &pixel), real(rows, cols, weight)]);
        for ((y, x), got) in output.real().view().indexed_iter() {
            let expected = if weight(y, x) == 0.0 { f32::NAN } else { pixel(y, x) };
            assert!(got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan());
        }
    }
}

#[test]
fn a_torus_holds_the_middle_of_a_psf() {
    let shapes = [(9, 12), (12, 9), (1, 5), (40, 40)];
    for ((psf, peak), shape) in [((9, 12), (4, 6)), ((30, 31), (3, 30)), ((1, 1), (0, 0))]
        .into_iter()
        .flat_map(|psf| shapes.map(|shape| (psf, shape)))
    {
        let reach = PsfReach::new((20, 20), psf, peak).within(shape);
        // Of each axis the offsets of the torus that the image and the PSF know of.
        let span = |n: usize, p: usize, c: usize| {
            let known = |o: &i64| (0..p as i64).contains(&(c as i64 + o)) && o.abs() < 20;
            (-(n as i64) / 2..(n as i64 + 1) / 2).filter(known).collect::<Vec<_>>()
        };
        let (down, across) = (span(shape.0, psf.0, peak.0), span(shape.1, psf.1, peak.1));
        assert_eq!((reach.offsets.y0, reach.offsets.rows), (down[0], down.len()), "{psf:?} {shape:?}");
        assert_eq!((reach.offsets.x0, reach.offsets.cols), (across[0], across.len()), "{psf:?} {shape:?}");
        assert_eq!((reach.section.rows, reach.section.cols), (down.len(), across.len()));
        assert_eq!(reach.section.y0, peak.0 as i64 + down[0]);
        assert_eq!(reach.section.x0, peak.1 as i64 + across[0]);
    }
}
