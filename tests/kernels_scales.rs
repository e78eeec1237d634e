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

#[test]
fn the_highest_pixel_is_found_after_every_change() {
    for (rows, cols) in AWKWARD.into_iter().chain([(40, 70), (16, 32), (33, 64)]) {
        let blank = |i: usize| i % 11 == 3;
        let value = |i: usize| if blank(i) { f32::NAN } else { noise(3, i) };
        let mut expected: Vec<f32> = (0..rows * cols).map(value).collect();
        let block = real(rows, cols, |y, x| value(y * cols + x));
        let mut scratch = vec![f32::NAN; peaks_len(rows, cols)];
        let (mut peaks, rest) = Peaks::of(block.real(), Signs::Both, &mut scratch);
        assert!(rest.is_empty());
        let offsets = Rect::new(-4, -20, 11, 37);
        let patch = real(offsets.rows, offsets.cols, |y, x| noise(4, 100 * y + x));
        for i in 0..60 {
            let highest = expected.iter().copied().filter(|v| !v.is_nan()).fold(0.0f32, |a, b| a.max(b.abs()));
            let (y, x, found) = peaks.find();
            assert_eq!((peaks.peak(), found.abs()), (highest, highest), "{rows}×{cols}, {i}");
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
    if i % 50 == 7 { f32::NAN } else { noise(scale as u64 + 40, i) * [1.0, 0.9][scale] }
}

/// The minor cycle as one would say it: of all scales the highest score, then that scale alone. All components, with those
/// of the halo, and the score at the end.
fn naive(k: &MultiscaleCycle) -> (Vec<Component>, f32) {
    let (rows, cols) = SHAPE;
    let mut fields: Vec<Vec<f32>> = (0..2).map(|s| (0..rows * cols).map(|i| residual(s, i)).collect()).collect();
    let highest = |field: &[f32]| {
        let all = field.iter().enumerate().filter(|(_, v)| !v.is_nan());
        all.fold((0, 0.0f32), |best, (i, v)| if v.abs() > best.1 { (i, v.abs()) } else { best })
    };
    let subtract = |field: &mut Vec<f32>, pair: usize, at: usize, flux: f32| {
        for (i, pixel) in field.iter_mut().enumerate() {
            let (y, x) = ((i / cols) as i64 - (at / cols) as i64, (i % cols) as i64 - (at % cols) as i64);
            if PATCHES[pair].contains(y, x) {
                *pixel -= flux * patch(pair, y, x);
            }
        }
    };
    let mut all = Vec::new();
    loop {
        let scores: Vec<f32> = (0..2).map(|s| k.weights[s] * highest(&fields[s]).1).collect();
        let s = usize::from(scores[1] > scores[0]);
        if scores[s] <= k.level || all.len() >= k.max_iterations as usize {
            return (all, scores[s]);
        }
        let (until, mut here) = (k.level.max(k.share * scores[s]), Vec::new());
        while all.len() + here.len() < k.max_iterations as usize {
            let (at, peak) = highest(&fields[s]);
            if !here.is_empty() && k.weights[s] * peak <= until {
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
    for (max_iterations, level, end) in
        [(9000, 0.5, CycleEnd::LevelReached), (333, 0.0, CycleEnd::IterationsDone), (1, 0.0, CycleEnd::IterationsDone)]
    {
        let kernel = MultiscaleCycle { max_iterations, level, ..cycle() };
        let (all, last) = naive(&kernel);
        let kept: Vec<Component> =
            all.iter().copied().filter(|c| kernel.core.contains(c.y.into(), c.x.into())).collect();
        let outputs = run_kernel(&kernel.clone().into(), inputs());
        assert!(outputs[0].components() == kept, "{} and {} components", outputs[0].components().len(), kept.len());
        assert!(all.len() < 50 || (0..2).all(|scale| kept.iter().any(|c| c.scale == scale)));
        let forgotten = (all.len() - kept.len()) as f64;
        let numbers = outputs[1].numbers();
        assert_eq!((numbers[0], numbers[1], numbers[4]), (kept.len() as f64, forgotten, end.code()));
        assert_eq!(numbers[3], f64::from(last));
        let first = (0..2).flat_map(|s| (0..SHAPE.0 * SHAPE.1).map(move |i| cycle().weights[s] * residual(s, i).abs()));
        assert_eq!(numbers[2], f64::from(first.fold(0.0, f32::max)));
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
