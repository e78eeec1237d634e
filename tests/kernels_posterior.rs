//! PosteriorDraw, Perturbation, NoisePower, AddSquares and Spread against their definitions in f64.

mod support;

use deconv::kernel::{
    AddNumbers, AddSquares, CellFacts, Kernel, NoisePower, Payload, Perturbation, PosteriorDraw, Prior, Random,
    Regularization, Spread, Strip,
};
use num_complex::{Complex32, Complex64};
use std::f64::consts::PI;
use support::{AWKWARD, complex, noise, real, run_kernel, run_one};

/// Frames of even and odd sides, rows and columns.
const FRAMES: [(usize, usize); 8] = [(1, 1), (1, 2), (2, 1), (4, 6), (5, 7), (6, 5), (16, 3), (2, 24)];

const PRIORS: [Prior; 3] = [
    Prior { balance: 0.3, regularization: Regularization::Flat, floor: 0.0 },
    Prior { balance: 0.2, regularization: Regularization::Gradient, floor: 0.01 },
    Prior { balance: 0.1, regularization: Regularization::Laplacian, floor: 0.001 },
];

/// R by its definition.
fn power(prior: Prior, (row, column): (usize, usize), (rows, cols): (usize, usize)) -> f64 {
    let (ky, kx) = (2.0 * PI * row as f64 / rows as f64, 2.0 * PI * column as f64 / cols as f64);
    let gradient = 4.0 - 2.0 * kx.cos() - 2.0 * ky.cos();
    match prior.regularization {
        Regularization::Flat => 1.0,
        Regularization::Gradient => gradient + prior.floor,
        Regularization::Laplacian => gradient.powi(2) + prior.floor,
    }
}

/// The transform of an image by its definition: rows of columns.
fn transform(image: impl Fn(usize, usize) -> f64, (rows, cols): (usize, usize)) -> Vec<Vec<Complex64>> {
    let pixels: Vec<f64> = (0..rows * cols).map(|i| image(i / cols, i % cols)).collect();
    let at = |row: usize, column: usize| -> Complex64 {
        let turns = |i: usize| (row * (i / cols)) as f64 / rows as f64 + (column * (i % cols)) as f64 / cols as f64;
        pixels.iter().enumerate().map(|(i, pixel)| pixel * Complex64::cis(-2.0 * PI * turns(i))).sum()
    };
    (0..rows).map(|row| (0..cols).map(|column| at(row, column)).collect()).collect()
}

/// A transfer function, symmetric as that of a PSF; in part zero or below.
fn psf(row: usize, column: usize, (rows, cols): (usize, usize)) -> f64 {
    let (y, x) = (row.min(rows - row), column.min(cols - column));
    1.5 * f64::from(noise(7, y * cols + x)) + 0.5
}

/// A column strip of what is at each row and column of a frame.
fn strip(first: usize, columns: usize, rows: usize, value: impl Fn(usize, usize) -> Complex64) -> Payload {
    complex(columns, rows, |line, row| {
        let number = value(row, first + line);
        Complex32::new(number.re as f32, number.im as f32)
    })
}

fn wide(number: Complex32) -> Complex64 {
    Complex64::new(number.re.into(), number.im.into())
}

/// A frame with a spectrum and a PSF.
struct Case {
    frame: (usize, usize),
    facts: CellFacts,
    data: Vec<Vec<Complex64>>,
}

impl Case {
    fn new(frame: (usize, usize), prior: Prior) -> Case {
        let data = transform(|y, x| f64::from(noise(3, y * frame.1 + x)), frame);
        let facts = CellFacts { prior, least: 0.2, gate: 0.9 };
        Case { frame, facts, data }
    }

    fn half(&self) -> usize {
        self.frame.1 / 2 + 1
    }

    fn at(&self, first_column: usize, columns: usize) -> Strip {
        Strip { columns, length: self.frame.0, first_column, row_length: self.frame.1 }
    }

    fn spectrum(&self, first: usize, columns: usize) -> Payload {
        strip(first, columns, self.frame.0, |row, column| self.data[row][column])
    }

    fn psf(&self, first: usize, columns: usize) -> Payload {
        strip(first, columns, self.frame.0, |row, column| psf(row, column, self.frame).into())
    }

    fn draw(&self, first: usize, columns: usize) -> PosteriorDraw {
        let (strip, facts, pixels) = (self.at(first, columns), self.facts, 0.5 * (self.frame.0 * self.frame.1) as f64);
        PosteriorDraw { strip, facts, pixels, sigma: 0.3, tau: 0.7, reference: 0.11, seed: 5, stream: 9 }
    }

    /// What the kernel draws at a place, in f64, anywhere in the spectrum: z, x, x₀, s, R.
    fn cell(&self, draw: &PosteriorDraw, row: usize, column: usize) -> (Complex64, Complex64, f64, f64) {
        let s = f64::from(psf(row, column, self.frame) as f32).max(0.0);
        let power = power(self.facts.prior, (row, column), self.frame);
        let z = deviate((draw.seed, draw.stream), (row, column), self.frame);
        let lambda = (draw.sigma / draw.tau).powi(2);
        if s <= self.facts.least {
            return (z * draw.tau * (draw.pixels / power).sqrt(), Complex64::ZERO, s, power);
        }
        let d = self.data[row][column];
        let size = draw.sigma * (draw.pixels / (s + lambda * power)).sqrt();
        (d / (s + lambda * power) + size * z, d / (s + draw.reference * power), s, power)
    }
}

/// The deviate of variance 1 at a place, anywhere in the spectrum.
fn deviate((seed, stream): (u64, u64), (row, column): (usize, usize), (rows, cols): (usize, usize)) -> Complex64 {
    let opposite = ((rows - row) % rows, (cols - column) % cols);
    let is_stored =
        |(row, column): (usize, usize)| 2 * column < cols && column > 0 || 2 * column % cols == 0 && 2 * row <= rows;
    if !is_stored((row, column)) {
        return deviate((seed, stream), opposite, (rows, cols)).conj();
    }
    let (re, im) = Random::new(seed, stream).normals((column as u64) << 32 | row as u64);
    if opposite == (row, column) { re.into() } else { Complex64::new(re, im) / 2f64.sqrt() }
}

#[test]
fn a_draw_is_its_definition() {
    for (frame, prior) in FRAMES.into_iter().flat_map(|frame| PRIORS.map(|prior| (frame, prior))) {
        let case = Case::new(frame, prior);
        let kernel = case.draw(0, case.half());
        let outputs = run_kernel(&kernel.clone().into(), vec![case.spectrum(0, case.half()), case.psf(0, case.half())]);
        for ((column, row), &got) in outputs[0].complex().view().indexed_iter() {
            let (x, reference, ..) = case.cell(&kernel, row, column);
            let error = (wide(got) - (x - reference)).norm();
            assert!(error < 1e-5 * (1.0 + x.norm()), "{frame:?} {prior:?} {row} {column}: {got}");
        }
        // Over all of the spectrum, with its other half.
        let mut sums = [0.0; PosteriorDraw::WIDTH];
        for (row, column) in (0..frame.0).flat_map(|row| (0..frame.1).map(move |column| (row, column))) {
            let (x, _, s, power) = case.cell(&kernel, row, column);
            let left = (case.data[row][column] - s * x).norm_sqr();
            if s > case.facts.least {
                let seen = if power > case.facts.gate * s { 1.0 } else { 0.0 };
                let more = [power * x.norm_sqr(), 1.0, seen * left / s, seen];
                sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
            }
        }
        let merged = run_one(AddNumbers { width: PosteriorDraw::WIDTH }, vec![outputs[1].clone()]);
        for (got, expected) in merged.numbers().iter().zip(sums) {
            assert!((got - expected).abs() < 1e-5 * (1.0 + expected), "{frame:?} {prior:?}: {got} {expected}");
        }
        assert_eq!([merged.numbers()[1], merged.numbers()[3]], [sums[1], sums[3]]);
    }
}

#[test]
fn what_a_residual_tells_is_the_same() {
    for (frame, prior) in FRAMES.into_iter().flat_map(|frame| PRIORS.map(|prior| (frame, prior))) {
        let case = Case::new(frame, prior);
        let (draw, half) = (case.draw(0, case.half()), case.half());
        let drawn = run_kernel(&draw.clone().into(), vec![case.spectrum(0, half), case.psf(0, half)]);
        let left = strip(0, half, frame.0, |row, column| {
            let (x, _, s, _) = case.cell(&draw, row, column);
            case.data[row][column] - s * x
        });
        let kernel = NoisePower { strip: case.at(0, half), facts: case.facts };
        let found = run_one(kernel, vec![left, case.psf(0, half)]);
        let columns = drawn[1].numbers().chunks(PosteriorDraw::WIDTH).zip(found.numbers().chunks(NoisePower::WIDTH));
        for (drawn, found) in columns {
            let error = (drawn[2] - found[0]).abs();
            assert!(error < 1e-4 * (1.0 + drawn[2]) && drawn[3] == found[1], "{frame:?}: {drawn:?} {found:?}");
        }
    }
}

/// A kernel and its inputs, given the first column of a strip and how many there are.
type OnStrip<'a> = dyn Fn(usize, usize) -> (Kernel, Vec<Payload>) + 'a;

/// A kernel's outputs on strips of so many columns, one after the other.
fn in_strips(case: &Case, width: usize, kernel: &OnStrip<'_>) -> (Vec<u64>, Vec<f64>) {
    let (mut spectrum, mut sums) = (Vec::new(), Vec::new());
    for first in (0..case.half()).step_by(width) {
        let (kernel, inputs) = kernel(first, width.min(case.half() - first));
        for output in run_kernel(&kernel, inputs) {
            match output {
                Payload::Complex(block) => {
                    let bits =
                        |number: &Complex32| u64::from(number.re.to_bits()) << 32 | u64::from(number.im.to_bits());
                    spectrum.extend(block.view().iter().map(bits));
                }
                numbers => sums.extend_from_slice(numbers.numbers()),
            }
        }
    }
    (spectrum, sums)
}

#[test]
fn strips_change_no_bit() {
    for frame in [(4, 6), (7, 15), (16, 40)] {
        let case = Case::new(frame, PRIORS[2]);
        let draw = |first, columns| {
            (case.draw(first, columns).into(), vec![case.spectrum(first, columns), case.psf(first, columns)])
        };
        let perturb = |first, columns| (perturbation(&case, first, columns).into(), vec![case.psf(first, columns)]);
        let sum = |first, columns| {
            let kernel = NoisePower { strip: case.at(first, columns), facts: case.facts };
            (kernel.into(), vec![case.spectrum(first, columns), case.psf(first, columns)])
        };
        let kernels: [&OnStrip<'_>; 3] = [&draw, &perturb, &sum];
        for kernel in kernels {
            let whole = in_strips(&case, case.half(), kernel);
            assert!([1, 2, 5].into_iter().all(|width| in_strips(&case, width, kernel) == whole));
        }
    }
}

fn perturbation(case: &Case, first_column: usize, columns: usize) -> Perturbation {
    let scale = ((case.frame.0 * case.frame.1) as f64).sqrt();
    Perturbation { strip: case.at(first_column, columns), prior: case.facts.prior, scale, seed: 11, stream: 2 }
}

#[test]
fn a_perturbation_is_its_definition() {
    for (frame, prior) in FRAMES.into_iter().flat_map(|frame| PRIORS.map(|prior| (frame, prior))) {
        for prior in [prior, prior.with(0.0)] {
            let case = Case::new(frame, prior);
            let kernel = perturbation(&case, 0, case.half());
            let made = run_one(kernel.clone(), vec![case.psf(0, case.half())]);
            for ((column, row), &got) in made.complex().view().indexed_iter() {
                let s = f64::from(psf(row, column, frame) as f32).max(0.0);
                let size = kernel.scale * (s + prior.balance * power(prior, (row, column), frame)).sqrt();
                let expected = size * deviate((11, 2), (row, column), frame);
                assert!((wide(got) - expected).norm() < 1e-6 * (1.0 + expected.norm()), "{frame:?}: {got} {expected}");
            }
        }
    }
}

#[test]
fn a_perturbation_has_its_covariance() {
    const DRAWS: u64 = 4000;
    let frame = (4, 6);
    let case = Case::new(frame, PRIORS[1]);
    let half = case.half();
    // Of pixel (0, 0) with all others: mean of (s + λR) cos over the cells.
    let s = |row, column| psf(row, column, frame).max(0.0) + 0.2 * power(PRIORS[1], (row, column), frame);
    let cells: Vec<(usize, usize)> = (0..24).map(|i| (i / 6, i % 6)).collect();
    let turn = |(row, column): (usize, usize), (y, x): (usize, usize)| {
        2.0 * PI * ((row * y) as f64 / 4.0 + (column * x) as f64 / 6.0)
    };
    let expected = |at| cells.iter().map(|&cell| s(cell.0, cell.1) * turn(cell, at).cos()).sum::<f64>() / 24.0;
    let mut products = [0.0; 24];
    for stream in 0..DRAWS {
        let kernel = Perturbation { stream, ..perturbation(&case, 0, half) };
        let made = run_one(kernel, vec![case.psf(0, half)]);
        let pixel = |at: (usize, usize)| -> f64 {
            let number = |&(row, column): &(usize, usize)| match column < half {
                true => wide(made.complex().row(column)[row]),
                false => wide(made.complex().row(6 - column)[(4 - row) % 4]).conj(),
            };
            let sum: Complex64 = cells.iter().map(|cell| number(cell) * Complex64::cis(turn(*cell, at))).sum();
            assert!(sum.im.abs() < 1e-4, "the image is real");
            sum.re / 24.0
        };
        let first = pixel((0, 0));
        cells.iter().zip(&mut products).for_each(|(&at, product)| *product += first * pixel(at) / DRAWS as f64);
    }
    let variance = expected((0, 0));
    for (&at, product) in cells.iter().zip(products) {
        // 5 standard deviations of a mean of products.
        let bound = 5.0 * variance * (2.0 / DRAWS as f64).sqrt();
        assert!((product - expected(at)).abs() < bound, "{at:?}: {product}, not {}", expected(at));
    }
}

#[test]
fn squares_are_added_and_blanks_stay() {
    for (rows, cols) in AWKWARD {
        let a = |y: usize, x: usize| if (y + x) % 5 == 3 { f32::NAN } else { noise(1, y * cols + x) };
        let b = |y: usize, x: usize| if (y + x) % 7 == 3 { f32::NAN } else { noise(2, y * cols + x) };
        let sum = run_one(AddSquares { rows, cols }, vec![real(rows, cols, a), real(rows, cols, b)]);
        for ((y, x), &got) in sum.real().view().indexed_iter() {
            let expected = f64::from(a(y, x)) + f64::from(b(y, x)).powi(2);
            let same = (f64::from(got) - expected).abs() < 1e-6 || got.is_nan() && expected.is_nan();
            assert!(same, "{got} {expected}");
        }
    }
}

#[test]
fn the_spread_of_some_numbers() {
    const COUNT: usize = 9;
    for (rows, cols) in AWKWARD {
        let value = |k: usize, y: usize, x: usize| noise(k as u64, y * cols + x) * if x % 4 == 1 { 0.0 } else { 1.0 };
        let blank = |y: usize, x: usize, sum: f32| if (y + x) % 5 == 3 { f32::NAN } else { sum };
        let sums = real(rows, cols, |y, x| blank(y, x, (0..COUNT).map(|k| value(k, y, x)).sum()));
        let squares = real(rows, cols, |y, x| (0..COUNT).map(|k| value(k, y, x).powi(2)).sum());
        let spread = run_one(Spread { rows, cols, count: COUNT as u32 }, vec![sums, squares]);
        for ((y, x), &got) in spread.real().view().indexed_iter() {
            let all = || (0..COUNT).map(|k| f64::from(value(k, y, x)));
            let mean = all().sum::<f64>() / COUNT as f64;
            let expected = (all().map(|value| (value - mean).powi(2)).sum::<f64>() / (COUNT - 1) as f64).sqrt();
            let blank = (y + x) % 5 == 3;
            assert!(if blank { got.is_nan() } else { (f64::from(got) - expected).abs() < 1e-5 }, "{got} {expected}");
        }
    }
    // What rounding leaves below zero is none at all; squares that are blank are blank.
    let spread = |sum, square| {
        run_one(Spread { rows: 1, cols: 1, count: 2 }, vec![real(1, 1, |_, _| sum), real(1, 1, |_, _| square)])
    };
    assert_eq!(spread(2.0, 1.999).real().row(0), [0.0]);
    assert!(spread(2.0, f32::NAN).real().row(0)[0].is_nan());
}
