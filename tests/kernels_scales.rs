//! The kernels of multiscale CLEAN against what they are to be: shapes and their transforms, models of shapes, minor cycles.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::error::Kind;
use deconv::image::rect::Rect;
use deconv::kernel::peaks::{Peaks, peaks_len};
use deconv::kernel::scale::{reach, shape, shape_len};
use deconv::kernel::{
    Buffer, Call, Component, CycleEnd, Kernel, Lines, MOST_SCALES, MergeComponents, MultiscaleCycle, Payload,
    ScaleMultiply, Scales, Scatter, Signs,
};
use num_complex::{Complex32, Complex64};
use std::f64::consts::PI;
use std::sync::atomic::AtomicBool;
use support::{AWKWARD, complex, noise, poisoned, real, run_kernel, run_one, try_kernel};

const SIZES: [f64; 6] = [1.5, 2.5, 6.0, 7.0, 15.0, 45.0];

/// The shape of a scale by its formula, at a distance in rows and columns; before it is normalised.
fn tapered(scale: f64, y: i64, x: i64) -> f64 {
    let r = ((y * y + x * x) as f64).sqrt();
    let n = 2.0 * (scale / 2.0).ceil() + 1.0;
    if r >= scale || r >= (n + 1.0) / 2.0 {
        return 0.0;
    }
    (1.0 - r * r / (scale * scale)) * 0.5 * (1.0 + (2.0 * PI * r / (n + 1.0)).cos())
}

fn shape_of(scale: f64) -> Vec<f32> {
    let mut pixels = vec![f32::NAN; shape_len(scale)];
    shape(scale, &mut pixels);
    pixels
}

#[test]
fn a_shape_is_the_tapered_quadratic_of_unit_sum() {
    for scale in SIZES {
        let (r, pixels) = (reach(scale) as i64, shape_of(scale));
        let side = 2 * r + 1;
        let offsets = || (-r..=r).flat_map(|y| (-r..=r).map(move |x| (y, x)));
        let sum: f64 = offsets().map(|(y, x)| tapered(scale, y, x)).sum();
        assert_eq!(pixels.len() as i64, side * side);
        for ((y, x), pixel) in offsets().zip(&pixels) {
            let expected = tapered(scale, y, x) / sum;
            assert!((f64::from(*pixel) - expected).abs() <= 1e-7 * expected, "{scale} {y} {x}");
        }
        // Nothing of it lies further out, something does in its last column.
        assert!((-r - 1..=r + 1).all(|x| tapered(scale, r + 1, x) == 0.0), "{scale}");
        assert!(tapered(scale, 0, r) > 0.0, "{scale}");
    }
    // Half of its height at about a quarter of its width.
    assert!((tapered(45.0, 0, 11) - 0.5).abs() < 0.1);
    assert_eq!(shape_of(0.0), [1.0]);
}

#[test]
fn lists_that_make_no_sense_are_refused() {
    let lists: [&[f64]; 8] = [
        &[],
        &[6.0, 15.0],
        &[0.0, 6.0, 7.0],
        &[0.0, 15.0, 6.0],
        &[0.0, f64::NAN],
        &[0.0, f64::INFINITY],
        &[0.0, 5000.0],
        &[0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0],
    ];
    for list in lists {
        let error = Scales::new(list).unwrap_err();
        assert_eq!(error.kind, Kind::Usage, "{list:?}");
        assert!(error.message.contains("--scales"), "{error}");
    }
    let scales = Scales::new(&[0.0, 6.5, 15.0]).unwrap();
    assert_eq!((scales.pixels(), scales.largest()), (&[0.0, 6.5, 15.0][..], 15.0));
    assert_eq!(scales.to_string(), "0,6.5,15");
    assert_eq!(Scales::POINTS, Scales::new(&[0.0]).unwrap());
}

#[test]
fn multiplying_is_with_the_transform_of_the_shape() {
    for (rows, cols) in [(47, 48), (48, 64), (53, 50), (7, 12)] {
        for scale in SIZES.into_iter().filter(|&scale| 2 * reach(scale) < rows.min(cols)) {
            let r = reach(scale) as i64;
            let (pixels, side) = (shape_of(scale), 2 * r as usize + 1);
            let transform = |ky: usize, kx: usize| -> Complex64 {
                let term = |(i, k): (usize, &f32)| {
                    let (y, x) = ((i / side) as i64 - r, (i % side) as i64 - r);
                    let turns = ky as f64 * y as f64 / rows as f64 + kx as f64 * x as f64 / cols as f64;
                    f64::from(*k) * Complex64::cis(-2.0 * PI * turns)
                };
                pixels.iter().enumerate().map(term).sum()
            };
            for (first_column, columns) in [(0, 2), (cols / 2 - 1, 2)] {
                let input = |y: usize, x: usize| Complex32::new(noise(1, y * rows + x), noise(2, y * rows + x));
                let kernel = ScaleMultiply { columns, length: rows, first_column, row_length: cols, scale };
                let output = run_one(kernel, vec![complex(columns, rows, input)]);
                for ((line, ky), got) in output.complex().view().indexed_iter() {
                    let wide = |n: Complex32| Complex64::new(n.re.into(), n.im.into());
                    let expected = wide(input(line, ky)) * transform(ky, first_column + line);
                    assert!((wide(*got) - expected).norm() < 1e-6, "{rows}×{cols}, {scale}: {line} {ky}");
                }
            }
        }
    }
}

#[test]
fn a_scale_that_its_frame_does_not_hold_is_refused() {
    for (length, row_length) in [(6, 48), (48, 6)] {
        let kernel = ScaleMultiply { columns: 1, length, first_column: 0, row_length, scale: 6.0 };
        assert!(try_kernel(&kernel.into(), vec![complex(1, length, |_, _| Complex32::ONE)]).is_err());
    }
}

/// A list of components of three scales on 30 × 40 pixels, as a model's is.
fn model() -> Vec<Component> {
    let made = |scale: u16, n: usize| {
        (0..n).map(move |i| {
            let seed = u64::from(scale) + 5;
            let at = |k: u64, length: f32| ((noise(seed + 10 * k, i) * 0.5 + 0.5) * length) as u32;
            Component { y: at(1, 30.0), x: at(2, 40.0), scale, flux: noise(seed, i) }
        })
    };
    let mut list: Vec<Component> = made(0, 50).chain(made(1, 20)).chain(made(2, 9)).collect();
    list.sort_by_key(|c| (c.scale, c.y, c.x));
    list.dedup_by_key(|c| (c.scale, c.y, c.x));
    list
}

#[test]
fn scatter_adds_the_shapes_of_components() {
    let scales = Scales::new(&[0.0, 4.0, 15.0]).unwrap();
    let scatter = |at| run_one(Scatter { at, scales }, vec![Payload::Components(model())]);
    let whole = scatter(Rect::plane(30, 40));
    for ((y, x), pixel) in whole.real().view().indexed_iter() {
        let part = |c: &Component| {
            let scale = scales.pixels()[usize::from(c.scale)];
            let (r, side) = (reach(scale) as i64, 2 * reach(scale) + 1);
            let (dy, dx) = (y as i64 - i64::from(c.y) + r, x as i64 - i64::from(c.x) + r);
            let inside = Rect::plane(side, side).contains(dy, dx);
            if inside { f64::from(c.flux) * f64::from(shape_of(scale)[dy as usize * side + dx as usize]) } else { 0.0 }
        };
        let expected: f64 = model().iter().map(part).sum();
        assert!((f64::from(*pixel) - expected).abs() < 1e-6, "{y} {x}: {pixel} {expected}");
    }
    // The same bits however the plane is cut.
    for at in [Rect::new(0, 0, 7, 40), Rect::new(7, 0, 1, 40), Rect::new(25, 33, 5, 7), Rect::new(11, 0, 19, 13)] {
        for ((y, x), pixel) in scatter(at).real().view().indexed_iter() {
            let same = whole.real().row(at.y0 as usize + y)[at.x0 as usize + x];
            assert_eq!(pixel.to_bits(), same.to_bits(), "{at:?} {y} {x}");
        }
    }
}

/// What a pixel counts in the search.
fn count(pixel: f32, signs: Signs) -> f32 {
    if signs == Signs::Positive { pixel.max(0.0) } else { pixel.abs() }
}

/// The first of the pixels that count most, and what it counts.
fn highest(pixels: &[f32], signs: Signs) -> (usize, f32) {
    let all =
        pixels.iter().enumerate().filter(|(_, pixel)| !pixel.is_nan()).map(|(i, &pixel)| (i, count(pixel, signs)));
    all.fold((0, 0.0), |best, (i, counted)| if counted > best.1 { (i, counted) } else { best })
}

#[test]
fn the_highest_pixel_is_found_after_every_change() {
    let sizes = AWKWARD.into_iter().chain([(40, 70), (16, 32), (33, 64)]);
    let cases = sizes.flat_map(|size| [Signs::Both, Signs::Positive, Signs::UntilNegative].map(|signs| (size, signs)));
    for ((rows, cols), signs) in cases {
        let blank = |i: usize| i % 11 == 3;
        let value = |i: usize| if blank(i) { f32::NAN } else { noise(3, i) };
        let mut expected: Vec<f32> = (0..rows * cols).map(value).collect();
        let block = real(rows, cols, |y, x| value(y * cols + x));
        let mut scratch = vec![f32::NAN; peaks_len(rows, cols)];
        let (mut peaks, rest) = Peaks::of(block.real(), signs, &mut scratch);
        assert!(rest.is_empty());
        let offsets = Rect::new(-4, -20, 11, 37);
        let patch = real(offsets.rows, offsets.cols, |y, x| noise(4, 100 * y + x));
        for i in 0..60 {
            let (_, highest) = highest(&expected, signs);
            let (y, x, found) = peaks.find();
            assert_eq!(peaks.peak(), highest, "{rows}×{cols} {signs:?}, {i}");
            if highest == 0.0 {
                break;
            }
            assert_eq!(count(found, signs), highest, "{rows}×{cols} {signs:?}, {i}");
            assert_eq!(expected[y * cols + x].to_bits(), found.to_bits());
            let flux = 0.3 * found;
            peaks.subtract((y, x), flux, patch.real(), offsets);
            for (k, pixel) in expected.iter_mut().enumerate() {
                let (dy, dx) = ((k / cols) as i64 - y as i64, (k % cols) as i64 - x as i64);
                if offsets.contains(dy, dx) {
                    *pixel -= flux * patch.real().row((dy + 4) as usize)[(dx + 20) as usize];
                }
            }
        }
    }
    let mut scratch = vec![0.0; peaks_len(3, 4)];
    let nothing = real(3, 4, |_, _| f32::NAN);
    assert_eq!(Peaks::of(nothing.real(), Signs::Both, &mut scratch).0.peak(), 0.0);
}

const SHAPE: (usize, usize) = (24, 37);

/// P_st of two scales: 1 at their peaks, or less, and falling from there.
fn patch(pair: usize, y: i64, x: i64) -> f32 {
    let peak = [1.0, 0.4, 0.7][pair];
    peak * ((-((y * y + x * x) as f32) / (0.5 + 0.1 * pair as f32)).exp() + 0.003 * ((y * 3 + x) as f32).sin())
}

const PATCHES: [Rect; 3] = [
    Rect { y0: -5, x0: -6, rows: 11, cols: 13 },
    Rect { y0: -7, x0: -7, rows: 15, cols: 15 },
    Rect { y0: -9, x0: -8, rows: 18, cols: 17 },
];

fn residual(scale: usize, i: usize) -> f32 {
    if i % 50 == 7 { f32::NAN } else { noise(scale as u64 + 40, i) * [1.0, 0.9][scale] + 0.2 }
}

/// What comes of a minor cycle: all components, with those of the halo; how many of them are left; the last score.
struct Naive {
    all: Vec<Component>,
    left: usize,
    score: f32,
    end: CycleEnd,
}

/// The minor cycle as one would say it: of all scales the highest score, then that scale alone.
fn naive(k: &MultiscaleCycle) -> Naive {
    let (rows, cols) = SHAPE;
    let mut fields: Vec<Vec<f32>> = (0..2).map(|s| (0..rows * cols).map(|i| residual(s, i)).collect()).collect();
    let subtract = |field: &mut Vec<f32>, pair: usize, at: usize, flux: f32| {
        for (i, pixel) in field.iter_mut().enumerate() {
            let (y, x) = ((i / cols) as i64 - (at / cols) as i64, (i % cols) as i64 - (at % cols) as i64);
            if PATCHES[pair].contains(y, x) {
                *pixel -= flux * patch(pair, y, x);
            }
        }
    };
    let until_negative = k.signs == Signs::UntilNegative;
    let (mut all, mut best) = (Vec::new(), (f32::INFINITY, 0));
    loop {
        let peaks = [0, 1].map(|s| highest(&fields[s], k.signs));
        let scores = [0, 1].map(|s| k.weights[s] * peaks[s].1);
        let s = usize::from(scores[1] > scores[0]);
        let score = scores[s];
        best = if score < best.0 { (score, all.len()) } else { best };
        let end = [
            (score <= k.level, CycleEnd::LevelReached),
            (score > k.divergence, CycleEnd::Diverged),
            (all.len() >= k.max_iterations as usize, CycleEnd::IterationsDone),
            (until_negative && fields[s][peaks[s].0] < 0.0, CycleEnd::Negative),
        ];
        if let Some(&(_, end)) = end.iter().find(|(holds, _)| *holds) {
            let left = if end == CycleEnd::Diverged { best.1 } else { all.len() };
            return Naive { all, left, score, end };
        }
        let (until, mut here) = (k.level.max(k.share * score), Vec::new());
        while all.len() + here.len() < k.max_iterations as usize {
            let (at, peak) = highest(&fields[s], k.signs);
            let score = k.weights[s] * peak;
            let ends = score <= until || until_negative && fields[s][at] < 0.0;
            if score > k.divergence || !here.is_empty() && ends {
                break;
            }
            let flux = k.gain * fields[s][at] / patch(2 * s, 0, 0);
            subtract(&mut fields[s], 2 * s, at, flux);
            here.push((at, flux));
        }
        all.extend(here.iter().map(|&(at, flux)| {
            let (y, x) = ((at / cols) as i64 + k.at.y0, (at % cols) as i64 + k.at.x0);
            Component { y: y as u32, x: x as u32, scale: s as u16, flux }
        }));
        here.sort_by_key(|&(at, _)| at);
        for together in here.chunk_by(|a, b| a.0 == b.0) {
            let flux = together[1..].iter().fold(together[0].1, |sum, &(_, flux)| sum + flux);
            subtract(&mut fields[1 - s], 1, together[0].0, flux);
        }
    }
}

fn cycle() -> MultiscaleCycle {
    let mut weights = [f32::NAN; MOST_SCALES];
    weights[..2].copy_from_slice(&[1.0, 1.1]);
    let at = Rect::new(100, 50, SHAPE.0, SHAPE.1);
    MultiscaleCycle {
        at,
        core: Rect::new(104, 53, 12, 30),
        scales: 2,
        patches: PATCHES.to_vec(),
        weights,
        gain: 0.1,
        level: 0.2,
        share: 0.8,
        signs: Signs::Both,
        max_iterations: 4000,
        divergence: 1e6,
        lines: Lines::default(),
    }
}

fn inputs() -> Vec<Payload> {
    let mut all: Vec<Payload> = (0..2).map(|s| real(SHAPE.0, SHAPE.1, |y, x| residual(s, y * SHAPE.1 + x))).collect();
    all.extend((0..3).map(|pair| {
        let Rect { y0, x0, rows, cols } = PATCHES[pair];
        real(rows, cols, |y, x| patch(pair, y as i64 + y0, x as i64 + x0))
    }));
    all
}

#[test]
fn the_cycle_is_that_of_its_definition() {
    use CycleEnd::{Diverged, IterationsDone, LevelReached, Negative};
    let with = |max_iterations, level, signs| MultiscaleCycle { max_iterations, level, signs, ..cycle() };
    let cases = [
        (with(9000, 0.5, Signs::Both), LevelReached),
        (with(333, 0.0, Signs::Both), IterationsDone),
        (with(1, 0.0, Signs::Both), IterationsDone),
        (with(9000, 0.3, Signs::Positive), LevelReached),
        (with(333, 0.0, Signs::Positive), IterationsDone),
        (with(9000, 0.2, Signs::UntilNegative), Negative),
        (MultiscaleCycle { gain: 1.2, divergence: 1.5, level: 0.0, ..cycle() }, Diverged),
    ];
    for (kernel, end) in cases {
        let Naive { all, left, score, end: found } = naive(&kernel);
        let core = |c: &&Component| kernel.core.contains(c.y.into(), c.x.into());
        let kept: Vec<Component> = all[..left].iter().filter(core).copied().collect();
        let outputs = run_kernel(&kernel.clone().into(), inputs());
        let numbers = outputs[1].numbers();
        println!("{:?} {end:?}: {} found, {} left, {} kept", kernel.signs, all.len(), left, kept.len());
        assert_eq!((found, numbers[4]), (end, end.code()));
        assert!(outputs[0].components() == kept, "{} and {} components", outputs[0].components().len(), kept.len());
        assert!(kernel.signs == Signs::Both || kept.iter().all(|c| c.flux > 0.0));
        assert!(all.len() < 50 || (0..2).all(|scale| kept.iter().any(|c| c.scale == scale)));
        assert!(end != Diverged || left > 0 && left < all.len());
        assert_eq!((numbers[0], numbers[1]), (kept.len() as f64, (all.len() - kept.len()) as f64));
        assert_eq!(numbers[3], f64::from(score));
        let scores = (0..2).flat_map(|s| (0..SHAPE.0 * SHAPE.1).map(move |i| (s, residual(s, i))));
        let first = scores.map(|(s, pixel)| kernel.weights[s] * count(pixel, kernel.signs)).fold(0.0, f32::max);
        assert_eq!(numbers[2], f64::from(first));
    }
}

#[test]
fn a_cycle_ends_where_it_diverges_or_there_is_nothing() {
    let end = |kernel: MultiscaleCycle, inputs| {
        let outputs = run_kernel(&kernel.into(), inputs);
        (CycleEnd::from_code(outputs[1].numbers()[4]), outputs[0].components().len())
    };
    assert_eq!(end(MultiscaleCycle { divergence: 0.9, ..cycle() }, inputs()), (Some(CycleEnd::Diverged), 0));
    // A PSF that is negative makes every peak grow.
    let mut negative = inputs();
    let Rect { rows, cols, .. } = PATCHES[0];
    negative[2] = real(rows, cols, |y, x| if (y, x) == (5, 6) { 1.0 } else { -2.0 });
    assert_eq!(end(MultiscaleCycle { divergence: 2.0, ..cycle() }, negative).0, Some(CycleEnd::Diverged));
    let mut blank = inputs();
    blank[..2].fill_with(|| real(SHAPE.0, SHAPE.1, |_, _| f32::NAN));
    assert_eq!(end(MultiscaleCycle { level: -1.0, ..cycle() }, blank), (Some(CycleEnd::LevelReached), 0));
    // A scale of no weight is not looked at.
    let points = MultiscaleCycle { weights: [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], ..cycle() };
    assert!(run_kernel(&points.into(), inputs())[0].components().iter().all(|c| c.scale == 0));
}

#[test]
fn a_cancelled_cycle_stops() {
    let kernel: Kernel = cycle().into();
    let mut outputs: Vec<Payload> = kernel.outputs().iter().map(poisoned).collect();
    let inputs = inputs();
    let inputs: Vec<&Payload> = inputs.iter().collect();
    let mut scratch = Buffer::zeroed(kernel.scratch_bytes()).unwrap();
    let mut call =
        Call { inputs: &inputs, outputs: &mut outputs, scratch: &mut scratch, cancel: &AtomicBool::new(true) };
    assert_eq!(kernel.run(&mut call).map_err(|e| e.kind), Err(Kind::Interrupted));
}

#[test]
fn merging_weighs_scales() {
    let component = |scale, flux| Component { y: 1, x: 2, scale, flux };
    let list = vec![component(0, 1.0), component(1, -3.0), component(2, 2.0)];
    let mut weights = [0.0; MOST_SCALES];
    weights[..3].copy_from_slice(&[1.0, 0.5, 0.25]);
    let outputs =
        run_kernel(&MergeComponents { most: 2, weights, planes: 1 }.into(), vec![Payload::Components(list.clone())]);
    assert_eq!(outputs[0].components(), [list[1], list[0]]);
}
