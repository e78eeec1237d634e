//! Sums over the columns of spectra, on a device, against their definitions in f64 and against their twins in memory.
#![cfg(feature = "gpu")]

mod support;

use deconv::device::{Facts, Gpu};
use deconv::kernel::twin::run;
use deconv::kernel::{
    CellFacts, Kernel, NoisePower, NoiseSpectrum, Payload, Prior, PriorPower, Regularization, Strip, TransferSums,
    Validation,
};
use num_complex::{Complex32, Complex64};
use std::f64::consts::PI;
use support::gpu::{gpu, run_one_on, there};
use support::{AWKWARD, complex, noise, oracle, run_one};

/// The part of a sum by which it may be off; all terms are above 0. Their errors are those of λ (R + floor), of some eight roundings of
/// 6e-8 most of which count twice, of divisions that a device does to 2.5 units of the last place, and of squares of the quotients.
const OFF: f64 = 3e-6;

const SPECTRA: [NoiseSpectrum; 2] = [NoiseSpectrum::Natural, NoiseSpectrum::White];

/// Columns and vertical frequencies of strips.
fn sizes() -> impl Iterator<Item = (usize, usize)> {
    AWKWARD.into_iter().chain([(2, 255), (1, 1500)])
}

/// A strip that begins with the column of horizontal frequency 0, or that ends with the last one.
fn strip((columns, length): (usize, usize), first_column: usize) -> Strip {
    Strip { columns, length, first_column, row_length: 2 * (first_column + columns) - 2 * usize::from(columns > 1) }
}

fn priors() -> impl Iterator<Item = Prior> {
    let all = Regularization::ALL.iter().copied();
    all.flat_map(|regularization| [Prior::raised(0.03, regularization), Prior::bare(2.0, regularization)])
}

fn cases() -> impl Iterator<Item = (Strip, Prior, NoiseSpectrum)> {
    let strips = sizes().flat_map(|size| [0, 3].map(|first| strip(size, first)));
    let strips = strips.flat_map(|strip| priors().map(move |prior| (strip, prior)));
    strips.flat_map(|(strip, prior)| SPECTRA.map(|noise| (strip, prior, noise)))
}

/// R + floor at each place of a strip.
fn power(prior: &Prior, strip: &Strip) -> impl Fn(usize, usize) -> f64 + use<> {
    let (floor, first, r) =
        (prior.floor, strip.first_column, oracle::prior(prior.regularization, (strip.length, strip.row_length)));
    move |line, k| r[(k, first + line)] + floor
}

fn random(seed: u64, length: usize, size: f32) -> impl Fn(usize, usize) -> Complex32 + Copy {
    move |line, k| Complex32::new(size * noise(seed, line * length + k), size * noise(seed + 1, line * length + k))
}

fn wide(number: Complex32) -> Complex64 {
    Complex64::new(number.re.into(), number.im.into())
}

/// Compares the sums that a device makes with those of the terms of each cell, and with those in memory.
fn check(
    gpu: &Gpu,
    kernel: &Kernel,
    (strip, width): (Strip, usize),
    inputs: &[&dyn Fn(usize, usize) -> Complex32],
    terms: impl Fn(usize, usize) -> Vec<f64>,
) {
    let payloads = || inputs.iter().map(|input| complex(strip.columns, strip.length, input)).collect::<Vec<_>>();
    let (there, here) = (run_one_on(gpu, kernel.clone(), payloads()), run_one(kernel.clone(), payloads()));
    assert_eq!(there.numbers().len(), width * strip.columns);
    for (line, (there, here)) in there.numbers().chunks(width).zip(here.numbers().chunks(width)).enumerate() {
        let at = strip.first_column + line;
        let weight = if at == 0 || 2 * at == strip.row_length { 1.0 } else { 2.0 };
        let mut exact = vec![0.0; width];
        for k in 0..strip.length {
            exact.iter_mut().zip(terms(line, k)).for_each(|(sum, term)| *sum += weight * term);
        }
        for (i, ((there, here), exact)) in there.iter().zip(here).zip(exact).enumerate() {
            assert!((there - exact).abs() <= OFF * exact, "{kernel:?}: {line} {i} {there} {exact}");
            assert!((there - here).abs() <= OFF * exact, "{kernel:?}: {line} {i} {there} {here}");
        }
    }
}

/// The transform of a sampled Gaussian: a sum over more aliases than count.
fn gaussian([xx, xy, yy]: [f64; 3], fx: f64, fy: f64) -> f64 {
    let aliases = || (-7..=7).map(f64::from);
    let terms = aliases().flat_map(|m| aliases().map(move |n| (fx + m, fy + n)));
    let e = |(fx, fy)| 2.0 * PI * PI * (xx * fx * fx + 2.0 * xy * fx * fy + yy * fy * fy);
    2.0 * PI * (xx * yy - xy * xy).sqrt() * terms.map(|at: (f64, f64)| (-e(at)).exp()).sum::<f64>()
}

#[test]
fn gpu_transfer_sums_are_those_of_all_cells() {
    let Some(gpu) = gpu() else { return };
    let beams = [None, Some([1.3, 0.4, 0.9]), Some([0.05, 0.01, 0.04])];
    for ((strip, prior, noise), covariance) in cases().flat_map(|case| beams.map(|beam| (case, beam))) {
        // The definition has hundreds of aliases: not for the longest strips, of which the beam is compared elsewhere.
        if strip.length > 300 && covariance.is_some() {
            continue;
        }
        let (h, r) = (random(1, strip.length, 1.0), power(&prior, &strip));
        let terms = |line: usize, k: usize| {
            let (h, r) = (wide(h(line, k)), r(line, k));
            let at = (strip.first_column + line) as f64 / strip.row_length as f64;
            let b = covariance.map_or(0.0, |covariance| gaussian(covariance, at, k as f64 / strip.length as f64));
            let added = prior.balance * r;
            let (s, numerator, denominator) = match noise {
                NoiseSpectrum::Natural => (h.re.max(0.0), h.re.max(0.0).sqrt() * (b + added), h.re.max(0.0) + added),
                NoiseSpectrum::White => (h.norm(), (b * h.conj() + added).norm(), h.norm_sqr() + added),
            };
            let gain = if denominator == 0.0 || covariance.is_none() { 0.0 } else { numerator / denominator };
            vec![s * s, s, s * r, gain * gain]
        };
        let kernel = TransferSums { strip, prior, noise, covariance }.into();
        check(&gpu, &kernel, (strip, TransferSums::WIDTH), &[&h], terms);
    }
}

#[test]
fn gpu_what_nothing_holds_gains_nothing() {
    let Some(gpu) = gpu() else { return };
    let (strip, prior) = (strip((3, 300), 0), Prior::bare(0.0, Regularization::Laplacian));
    for noise in SPECTRA {
        let kernel = TransferSums { strip, prior, noise, covariance: Some([1.0, 0.0, 1.0]) };
        let sums = run_one_on(&gpu, kernel, vec![complex(3, 300, |_, _| Complex32::ZERO)]);
        assert_eq!(sums.numbers(), [0.0; 3 * TransferSums::WIDTH]);
    }
}

#[test]
fn gpu_gains_of_hardly_measured_cells_do_not_underflow() {
    let Some(gpu) = gpu() else { return };
    // |H|² and λ are about the least that f32 can hold. The beam is faint in these columns: else g² were more than it can hold.
    let (strip, prior) = (strip((3, 300), 20), Prior::bare(1e-38, Regularization::Flat));
    let kernel = TransferSums { strip, prior, noise: NoiseSpectrum::White, covariance: Some([1.3, 0.4, 0.9]) };
    let input = || vec![complex(3, 300, random(1, 300, 1e-19))];
    let (there, here) = (run_one_on(&gpu, kernel.clone(), input()), run_one(kernel, input()));
    let pairs = there.numbers().iter().zip(here.numbers()).enumerate();
    // All but Σ s², which is nothing.
    for (i, (there, here)) in pairs.filter(|(i, _)| i % TransferSums::WIDTH > 0) {
        assert!(*here > 0.0 && (there - here).abs() <= OFF * here, "{i}: {there} {here}");
    }
}

#[test]
fn gpu_prior_power_is_that_of_measured_cells() {
    let Some(gpu) = gpu() else { return };
    for ((strip, prior, noise), size) in cases().flat_map(|case| [1.0, 1e-25, 1e18].map(|size| (case, size))) {
        let (x, h, r) = (random(1, strip.length, size), random(3, strip.length, 1.0), power(&prior, &strip));
        // Some are at the bound, above it by the rounding of 0.2 to f32.
        let h = move |line: usize, k: usize| if k % 9 == 4 { Complex32::new(0.2, 0.1) } else { h(line, k) };
        let terms = |line: usize, k: usize| {
            let (x, h, r) = (wide(x(line, k)), wide(h(line, k)), r(line, k));
            let seen = if noise == NoiseSpectrum::White { h.norm_sqr() } else { h.re };
            let part = seen / (seen + prior.balance * r);
            if h.re > 0.2 { vec![r * x.norm_sqr(), part * part, r * part * part / seen] } else { vec![] }
        };
        let kernel = PriorPower { strip, prior, noise, least: 0.2 }.into();
        check(&gpu, &kernel, (strip, PriorPower::WIDTH), &[&x, &h], terms);
    }
}

#[test]
fn gpu_validation_has_the_sums_of_each_step() {
    let Some(gpu) = gpu() else { return };
    for (strip, prior, noise) in cases() {
        for (size, balance) in [(1.0, prior.balance), (1e-25, 1e-18), (1e15, 1e12)] {
            let prior = prior.with(balance);
            let (d, h, r) = (random(1, strip.length, size), random(3, strip.length, 1.0), power(&prior, &strip));
            let terms = |line: usize, k: usize| {
                let (d, h, r) = (wide(d(line, k)), wide(h(line, k)), r(line, k));
                let (power, transfer) = match noise {
                    NoiseSpectrum::Natural => (d.norm_sqr() / h.re, h.re),
                    NoiseSpectrum::White => (d.norm_sqr(), h.norm_sqr()),
                };
                let pair = |step| {
                    let added = Validation::factor(step) * prior.balance * r;
                    let left = added / (transfer + added);
                    [power * left * left, left]
                };
                if h.re > 0.1 { (0..Validation::STEPS).flat_map(pair).collect() } else { vec![] }
            };
            let kernel = Validation { strip, prior, noise, least: 0.1 }.into();
            check(&gpu, &kernel, (strip, Validation::WIDTH), &[&d, &h], terms);
        }
    }
}

#[test]
fn gpu_validation_chooses_the_same_step() {
    let Some(gpu) = gpu() else { return };
    let strip = strip((20, 300), 0);
    let (h, deviate) = (random(3, 300, 1.0), random(5, 300, 1.0));
    for (strength, noise) in [0.01, 1.0, 30.0].into_iter().flat_map(|s| SPECTRA.map(|noise| (s, noise))) {
        let d = |line, k| {
            let h: Complex32 = h(line, k);
            h * random(1, 300, strength)(line, k) + deviate(line, k) * h.re.max(0.0).sqrt()
        };
        let kernel = Validation { strip, prior: Prior::raised(0.1, Regularization::Gradient), noise, least: 0.05 };
        let inputs = || vec![complex(20, 300, d), complex(20, 300, h)];
        let best = |sums: Payload| {
            let mut total = vec![0.0; Validation::WIDTH];
            let columns = sums.numbers().chunks(Validation::WIDTH);
            columns.for_each(|column| total.iter_mut().zip(column).for_each(|(total, sum)| *total += sum));
            Validation::best(&total)
        };
        assert_eq!(best(run_one_on(&gpu, kernel.clone(), inputs())), best(run_one(kernel, inputs())));
    }
}

#[test]
fn gpu_noise_power_is_that_of_cells_in_which_it_is_seen() {
    let Some(gpu) = gpu() else { return };
    for (strip, prior, _) in cases() {
        for size in [1.0, 1e-25, 1e18] {
            let (e, h, r) = (random(1, strip.length, size), random(3, strip.length, 1.0), power(&prior, &strip));
            let facts = CellFacts { prior, least: 0.1, gate: 1.7 };
            // None is so near the gate that rounding decides.
            let h = |line: usize, k: usize| {
                let (h, r) = (h(line, k), r(line, k));
                let near = (1.7 * f64::from(h.re) / r - 1.0).abs() < 1e-5;
                if near { Complex32::ZERO } else { h }
            };
            let terms = |line: usize, k: usize| {
                let (s, r) = (f64::from(h(line, k).re), r(line, k));
                if s > 0.1 && r > 1.7 * s { vec![wide(e(line, k)).norm_sqr() / s, 1.0] } else { vec![] }
            };
            let kernel = NoisePower { strip, facts }.into();
            check(&gpu, &kernel, (strip, NoisePower::WIDTH), &[&e, &h], terms);
        }
    }
}

#[test]
fn gpu_sums_of_another_prior_are_found_out() {
    let Some(gpu) = gpu() else { return };
    let (strip, noise) = (strip((3, 300), 0), NoiseSpectrum::Natural);
    let inputs = || vec![complex(3, 300, random(1, 300, 1.0)), complex(3, 300, random(3, 300, 1.0))];
    let kernel = |balance| {
        let prior = Prior::raised(balance, Regularization::Gradient);
        PriorPower { strip, prior, noise, least: 0.2 }
    };
    let (there, here) = (run_one_on(&gpu, kernel(0.5), inputs()), run_one(kernel(0.500_05), inputs()));
    assert_eq!(there.numbers().len(), here.numbers().len());
    let off = |i: usize| (there.numbers()[i] - here.numbers()[i]).abs() / here.numbers()[i];
    assert!(off(0) <= OFF && off(1) > OFF && off(2) > OFF, "{} {} {}", off(0), off(1), off(2));
}

/// A kernel of each sort.
fn kernels(strip: Strip) -> [(Kernel, usize); 5] {
    let (prior, noise, least) = (Prior::raised(0.5, Regularization::Gradient), NoiseSpectrum::White, 0.1);
    [
        (TransferSums { strip, prior, noise, covariance: None }.into(), 1),
        (TransferSums { strip, prior, noise, covariance: Some([0.1, 0.0, 0.2]) }.into(), 1),
        (PriorPower { strip, prior, noise, least }.into(), 2),
        (Validation { strip, prior, noise, least }.into(), 2),
        (NoisePower { strip, facts: CellFacts { prior, least, gate: 1.0 } }.into(), 2),
    ]
}

#[test]
fn gpu_no_more_memory_is_taken_than_was_said() {
    let (columns, length) = (40, 1000);
    for (kernel, inputs) in kernels(strip((columns, length), 3)) {
        let Some(gpu) = gpu() else { return };
        let work = kernel.device_work_bytes(&gpu.facts()).expect("it suits the device");
        let chunk =
            |seed| there(&gpu, &complex(columns, length, random(seed, length, 1.0))).expect("it is taken there");
        let chunks: Vec<Payload> = (0..inputs as u64).map(|i| chunk(1 + 2 * i)).collect();
        let (before, _) = gpu.used_bytes();
        let mut outputs = [Payload::Empty];
        run(&gpu, &kernel, &chunks.iter().collect::<Vec<_>>(), &mut outputs).expect("the device runs it");
        let taken = gpu.used_bytes().1 - before;
        // Sizes of four tables at most are rounded up.
        assert!((work as u64..work as u64 + 4 * 256).contains(&taken), "{}: {taken} {work}", kernel.name());
    }
}

#[test]
fn gpu_what_is_too_large_or_cannot_be_sampled_does_not_suit() {
    let facts = Facts { room: u64::MAX, largest: u64::MAX };
    for (columns, suits) in [(65_535, true), (65_536, false)] {
        for (kernel, _) in kernels(strip((columns, 1), 0)) {
            assert_eq!(kernel.device_work_bytes(&facts).is_some(), suits, "{}", kernel.name());
        }
    }
    let (strip, prior) = (strip((3, 5), 0), Prior::raised(0.5, Regularization::Gradient));
    let kernel: Kernel =
        TransferSums { strip, prior, noise: NoiseSpectrum::White, covariance: Some([1.0, 1.0, 1.0]) }.into();
    assert!(kernel.device_work_bytes(&facts).is_none());
}
