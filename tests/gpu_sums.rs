//! Kernels that reduce chunks, on a device: sums against f64, counts against their twins in memory, exactly.
#![cfg(feature = "gpu")]
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::image::Rect;
use deconv::kernel::{CountLevels, DotRows, Histogram, MeasureRows, Payload, ROUNDS, Select, VALUE};
use support::gpu::{gpu, run_one_on};
use support::{AWKWARD, noise, real, run_one};

/// The part of the sum of absolute values by which a sum may be off: pairs of f32 hold about 48 bits.
const OFF: f64 = 1e-12;

/// Rows and columns: around a workgroup, longer than it, and more rows than one direction has workgroups.
fn shapes() -> impl Iterator<Item = (usize, usize)> {
    AWKWARD.into_iter().chain([(3, 255), (2, 5000), (70_000, 3)])
}

/// Pixels that nearly cancel, of a size, with blanks and zeros of both signs among them.
fn pixel(seed: u64, cols: usize, size: f32) -> impl Fn(usize, usize) -> f32 + Copy {
    move |y, x| match (y * cols + x) % 23 {
        3 => f32::NAN,
        7 => -0.0,
        11 => 0.0,
        i if i % 2 == 0 => size * (1000.0 + noise(seed, y * cols + x)),
        _ => size * (noise(seed, y * cols + x) - 1000.0),
    }
}

fn near(found: f64, terms: impl Iterator<Item = f64> + Clone, what: &str) {
    let (sum, size) = (terms.clone().sum::<f64>(), terms.map(f64::abs).sum::<f64>());
    assert!((found - sum).abs() <= OFF * size, "{what}: {found} is off by {} of {size}", found - sum);
}

#[test]
fn gpu_rows_are_measured_exactly_where_they_are_counted_and_to_48_bits_elsewhere() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols) in shapes() {
        for (size, hole) in
            [(1.0, None), (1e-24, None), (1e15, Some(Rect::new(6, 8, rows.div_ceil(2), cols.div_ceil(3))))]
        {
            let pixel = pixel(1, cols, size);
            let kernel = MeasureRows { at: Rect::new(5, 7, rows, cols), ignored: hole };
            let (there, here) = (
                run_one_on(&gpu, kernel.clone(), vec![real(rows, cols, pixel)]),
                run_one(kernel, vec![real(rows, cols, pixel)]),
            );
            for (y, (there, here)) in there.rows().iter().zip(here.rows()).enumerate() {
                let what = format!("row {y} of {rows} x {cols}");
                assert_eq!((there.count, there.peak_x), (here.count, here.peak_x), "{what}");
                assert_eq!(there.peak.to_bits(), here.peak.to_bits(), "{what}");
                let is_left_out = |x: usize| hole.is_some_and(|hole| hole.contains(5 + y as i64, 7 + x as i64));
                let seen = (0..cols).filter(|x| !is_left_out(*x)).map(|x| f64::from(pixel(y, x)));
                let seen: Vec<f64> = seen.filter(|pixel| !pixel.is_nan()).collect();
                near(there.sum, seen.iter().copied(), &what);
                near(there.sum_squares, seen.iter().map(|pixel| pixel * pixel), &what);
            }
        }
    }
}

#[test]
fn gpu_sums_are_better_than_f32_could_be() {
    let Some(gpu) = gpu() else { return };
    // Of each pair what is left is far below the rounding of its members.
    let pixel = |_, x: usize| if x.is_multiple_of(2) { 1e7 + (x % 7) as f32 } else { -1e7 + 0.5 };
    let there = run_one_on(&gpu, MeasureRows { at: Rect::plane(1, 4096), ignored: None }, vec![real(1, 4096, pixel)]);
    let exact: f64 = (0..4096).map(|x| f64::from(pixel(0, x))).sum();
    let plain: f32 = (0..4096).map(|x| pixel(0, x) * 1.000_1).sum::<f32>() / 1.000_1;
    assert_eq!(there.rows()[0].sum, exact);
    assert!((f64::from(plain) - exact).abs() > 1.0, "a sum in f32 would do as well: {plain} {exact}");
}

#[test]
fn gpu_a_blank_row_has_nothing() {
    let Some(gpu) = gpu() else { return };
    let pixels = || vec![real(3, 300, |y, x| if y == 1 { f32::NAN } else { -(x as f32) })];
    let kernel = MeasureRows { at: Rect::plane(3, 300), ignored: None };
    let (there, here) = (run_one_on(&gpu, kernel.clone(), pixels()), run_one(kernel, pixels()));
    assert_eq!(there.rows()[1], here.rows()[1]);
    assert_eq!((there.rows()[1].count, there.rows()[0].peak, there.rows()[0].peak_x), (0, -299.0, 299));
}

#[test]
fn gpu_inner_products_are_those_of_f64() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols) in shapes() {
        for size in [1.0, 3e-22] {
            let (a, b) = (pixel(2, cols, size), pixel(3, cols, 1e12));
            let b = move |y, x| if x % 19 == 4 { f32::NAN } else { b(y, x) };
            let inputs = || vec![real(rows, cols, a), real(rows, cols, b)];
            let there = run_one_on(&gpu, DotRows { rows }, inputs());
            let here = run_one(DotRows { rows }, inputs());
            for y in 0..rows {
                let pairs = (0..cols).map(|x| (f64::from(a(y, x)), f64::from(b(y, x))));
                let pairs: Vec<(f64, f64)> = pairs.filter(|(a, b)| !a.is_nan() && !b.is_nan()).collect();
                let [product, square] = [there.numbers()[2 * y], there.numbers()[2 * y + 1]];
                near(product, pairs.iter().map(|(a, b)| a * b), "a product");
                near(square, pairs.iter().map(|(a, _)| a * a), "a square");
                let size: f64 = pairs.iter().map(|(a, b)| (a * b).abs()).sum();
                assert!((product - here.numbers()[2 * y]).abs() <= 2.0 * OFF * size);
            }
        }
    }
}

#[test]
fn gpu_medians_are_those_of_the_cores_exactly() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols) in shapes().chain([(300, 1000)]) {
        let pixel = move |y: usize, x: usize| match (y * cols + x) % 31 {
            5 => f32::INFINITY,
            9 => f32::NEG_INFINITY,
            _ => pixel(4, cols, 0.01)(y, x),
        };
        let mut centre: Option<Payload> = None;
        for about_centre in [false, true] {
            let mut last: Option<Payload> = None;
            for round in 0..ROUNDS {
                let kernel = Histogram { rows, cols, round, about_centre };
                let inputs = || {
                    let beside = [last.clone(), centre.clone()];
                    std::iter::once(real(rows, cols, pixel)).chain(beside.into_iter().flatten()).collect::<Vec<_>>()
                };
                let (there, here) = (run_one_on(&gpu, kernel.clone(), inputs()), run_one(kernel, inputs()));
                assert_eq!(there.histogram(), here.histogram(), "{rows} x {cols}, round {round}");
                let chosen = run_one(Select { round }, std::iter::once(there).chain(last.take()).collect());
                last = Some(chosen);
            }
            centre = last;
        }
        assert!(centre.unwrap().numbers()[VALUE] >= 0.0);
    }
}

#[test]
fn gpu_levels_are_counted_exactly() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols) in shapes() {
        for (y0, every) in [(0, 1), (5, 3), (2, 7)] {
            let kernel = CountLevels { at: Rect::new(y0, 0, rows, cols), every };
            let pixels = || vec![real(rows, cols, pixel(5, cols, 1e-3))];
            let (there, here) = (run_one_on(&gpu, kernel.clone(), pixels()), run_one(kernel, pixels()));
            assert_eq!(there.histogram(), here.histogram(), "{rows} x {cols}, every {every}");
        }
    }
}

#[test]
fn gpu_a_count_of_other_pixels_is_found_out() {
    let Some(gpu) = gpu() else { return };
    let kernel = Histogram { rows: 20, cols: 30, round: 0, about_centre: false };
    let there = run_one_on(&gpu, kernel.clone(), vec![real(20, 30, |y, x| noise(6, y * 30 + x))]);
    let here = run_one(kernel, vec![real(20, 30, |y, x| noise(7, y * 30 + x))]);
    assert_ne!(there.histogram(), here.histogram());
}
