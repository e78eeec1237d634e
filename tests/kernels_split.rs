//! Terms of an energy that are split off, on strips, against their definition in f64.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::array::{ArrayIds, Builder, ChunkedArray, Source};
use deconv::image::Image;
use deconv::kernel::{Payload, Penalty, Split, Term};
use deconv::schedule::Settings;
use ndarray::{Array1, Array2};
use support::AWKWARD;
use support::files::{fits_of, noisy};
use support::script::{answers_of, bits_of};

const TERMS: [Term; 3] = [Term::Pixels, Term::Across, Term::Down];

/// λ, δ, ρ of the penalty of Huber.
const HUBER: (f64, f64, f64) = (0.5, 0.3, 0.8);

/// All there is to split off.
fn splits() -> impl Iterator<Item = Split> {
    let penalties = [Penalty::huber(HUBER.0, HUBER.1, HUBER.2), Penalty::Positive];
    let kinds = TERMS.into_iter().flat_map(move |term| penalties.map(|penalty| (term, penalty)));
    kinds.flat_map(|(term, penalty)| [false, true].map(|wraps| Split { term, penalty, wraps }))
}

/// L as a matrix, and the shape of what it makes.
fn matrix(split: &Split, (rows, cols): (usize, usize)) -> (Array2<f64>, (usize, usize)) {
    let more = usize::from(!split.wraps);
    let (shape, back) = match split.term {
        Term::Pixels => ((rows, cols), (0, 0)),
        Term::Across => ((rows, cols + more), (0, 1)),
        Term::Down => ((rows + more, cols), (1, 0)),
    };
    let mut matrix = Array2::zeros((shape.0 * shape.1, rows * cols));
    for (y, x) in (0..shape.0).flat_map(|y| (0..shape.1).map(move |x| (y, x))) {
        let at = y * shape.1 + x;
        if y < rows && x < cols {
            matrix[(at, y * cols + x)] += 1.0;
        }
        let (y, x) = (y as i64 - back.0, x as i64 - back.1);
        let wrapped = (y.rem_euclid(rows as i64), x.rem_euclid(cols as i64));
        if split.term != Term::Pixels && (split.wraps || wrapped == (y, x)) {
            matrix[(at, wrapped.0 as usize * cols + wrapped.1 as usize)] -= 1.0;
        }
    }
    (matrix, shape)
}

/// u of t: t less what minimises f(z) + ρ/2 |z − t|², found by looking.
fn multiplier(penalty: Penalty, t: f64) -> f64 {
    let (balance, delta, rho) = HUBER;
    match penalty {
        Penalty::Positive => t - t.max(0.0),
        Penalty::Huber { .. } => {
            // The slope of f(z) + ρ/2 |z − t|² grows with z.
            let slope = |z: f64| balance * z.clamp(-delta, delta) + rho * (z - t);
            let (mut low, mut high) = (t.min(0.0), t.max(0.0));
            for _ in 0..200 {
                let middle = 0.5 * (low + high);
                *(if slope(middle) > 0.0 { &mut high } else { &mut low }) = middle;
            }
            t - low
        }
    }
}

fn flat(pixels: &Array2<f32>) -> Array1<f64> {
    pixels.iter().map(|&pixel| if pixel.is_nan() { 0.0 } else { f64::from(pixel) }).collect()
}

fn read(b: &mut Builder<'_>, image: &Image, rows: usize) -> ChunkedArray {
    ChunkedArray::from_fits(b, &Source::plane(image, 0), rows)
}

/// What a graph answers, wherever it runs.
fn answers(append: impl Fn(&mut Builder<'_>)) -> Vec<Payload> {
    let graph = || {
        let mut ids = ArrayIds::of_client(0);
        let mut b = Builder::new(&mut ids);
        append(&mut b);
        b.finish()
    };
    let found = answers_of(graph(), &Settings { poison: true, ..Settings::inline() });
    let others = answers_of(graph(), &Settings { poison: true, shuffle: Some(3), ..Settings::threads(2) });
    assert!(found.iter().map(bits_of).eq(others.iter().map(bits_of)));
    found
}

fn pixels(strips: &[Payload]) -> Vec<f64> {
    strips
        .iter()
        .flat_map(|strip| strip.real().view().iter().map(|&pixel| f64::from(pixel)).collect::<Vec<_>>())
        .collect()
}

#[test]
fn a_step_is_its_definition_on_any_strips() {
    let directory = tempfile::tempdir().unwrap();
    for (n, (rows, cols)) in AWKWARD.into_iter().enumerate() {
        let mut x = noisy(rows, cols, 5);
        if n % 2 == 1 {
            x[(rows / 2, cols / 2)] = f32::NAN;
        }
        let image = fits_of(&directory.path().join(format!("x{n}.fits")), &x);
        for (i, split) in splits().enumerate() {
            let (matrix, shape) = matrix(&split, (rows, cols));
            let t = noisy(shape.0, shape.1, 9);
            let before = fits_of(&directory.path().join(format!("t{n}-{i}.fits")), &t);
            let (t, seen) = (flat(&t), matrix.dot(&flat(&x)));
            let u = t.mapv(|t| multiplier(split.penalty, t));
            let expected = 1.6 * &seen - 0.6 * (&t - &u) + &u;
            let z = expected.mapv(|t| t - multiplier(split.penalty, t));
            let apart = (&seen - &z).mapv(|off| off * off).sum();
            let mut sums = Vec::new();
            for strip in [1, 2, 5, 40] {
                let found = answers(|b| {
                    let (x, t) = (read(b, &image, strip), read(b, &before, strip.min(rows)));
                    let (next, apart) = x.split_step(b, &t, &split, 1.6);
                    b.answer(apart);
                    next.keys().for_each(|key| b.answer(key));
                });
                let off = pixels(&found[1..]).iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert_eq!(pixels(&found[1..]).len(), expected.len());
                assert!(off < 2e-6, "{rows}x{cols} {split:?} strips of {strip}: {off}");
                sums.push(found[0].numbers()[0]);
            }
            assert!((sums[0] - apart).abs() <= 1e-5 * (1.0 + apart), "{split:?}: {} {apart}", sums[0]);
            assert!(sums.iter().all(|sum| sum.to_bits() == sums[0].to_bits()), "{split:?}: {sums:?}");
        }
    }
}

#[test]
fn a_pull_is_the_transpose_on_any_strips() {
    let directory = tempfile::tempdir().unwrap();
    for (n, (rows, cols)) in AWKWARD.into_iter().enumerate() {
        let base = noisy(rows, cols, 15);
        let image = fits_of(&directory.path().join(format!("x{n}.fits")), &base);
        for (i, split) in splits().enumerate() {
            let (matrix, shape) = matrix(&split, (rows, cols));
            let t = noisy(shape.0, shape.1, 19);
            let before = fits_of(&directory.path().join(format!("t{n}-{i}.fits")), &t);
            let pulled = flat(&t).mapv(|t| t - 2.0 * multiplier(split.penalty, t));
            let expected = flat(&base) + 0.7 * matrix.t().dot(&pulled);
            for strip in [1, 2, 5, 40] {
                let found = answers(|b| {
                    let (base, t) = (read(b, &image, strip), read(b, &before, strip.min(rows)));
                    base.split_pull(b, &t, &split, 0.7).keys().for_each(|key| b.answer(key));
                });
                let off = pixels(&found).iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(off < 2e-6, "{rows}x{cols} {split:?} strips of {strip}: {off}");
            }
        }
    }
}

#[test]
fn a_term_begins_at_zero_and_blank_pixels_stay_blank() {
    let directory = tempfile::tempdir().unwrap();
    let mut base = noisy(6, 5, 1);
    base[(2, 3)] = f32::NAN;
    let image = fits_of(&directory.path().join("x.fits"), &base);
    for split in splits() {
        let found = answers(|b| {
            let base = read(b, &image, 4);
            let t = base.split(b, &split);
            base.split_pull(b, &t, &split, 1.0).keys().for_each(|key| b.answer(key));
        });
        let same = pixels(&found).into_iter().zip(&base).all(|(a, &b)| a == f64::from(b) || a.is_nan() && b.is_nan());
        assert!(same, "{split:?}");
    }
}
