//! Kernels that add up the rows of chunks, on a device, against sums in f64 and against their twins in memory.
#![cfg(feature = "gpu")]

mod support;

use deconv::image::Rect;
use deconv::kernel::{DotRows, MeasureRows};
use support::gpu::{gpu, run_one_on};
use support::{AWKWARD, noise, real, run_one};

/// The part of the sum of absolute values by which a sum may be off: pairs of f32 hold about 48 bits.
const OFF: f64 = 1e-12;

/// Rows and columns: around a workgroup, longer than it, and more rows than one direction has workgroups.
fn shapes() -> impl Iterator<Item = (usize, usize)> {
    AWKWARD.into_iter().chain([(5, 4), (3, 255), (2, 5000), (70_000, 3)])
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
fn gpu_sums_that_cancel_are_better_than_f32_could_be() {
    let Some(gpu) = gpu() else { return };
    // Numbers of all digits, each taken off again elsewhere in the row, but for a little: what a compiler that reorders sums would lose.
    for cols in [1 << 8, 1 << 12, 1 << 16] {
        let number = |x: usize| 1e6 * noise(8, x % (cols / 2));
        let pixel = |_, x: usize| if x < cols / 2 { number(x) } else { -number(x) * (1.0 + 1e-6 * noise(9, x)) };
        let pixels = || vec![real(1, cols, pixel)];
        let there = run_one_on(&gpu, MeasureRows { at: Rect::plane(1, cols), ignored: None }, pixels());
        let terms = (0..cols).map(|x| f64::from(pixel(0, x)));
        near(there.rows()[0].sum, terms.clone(), "a sum");
        let (exact, size) = (terms.clone().sum::<f64>(), terms.map(f64::abs).sum::<f64>());
        let plain = f64::from((0..cols).map(|x| pixel(0, x)).sum::<f32>());
        assert!((plain - exact).abs() > 1e3 * OFF * size, "a sum in f32 would do as well: {plain} {exact}");
    }
}

#[test]
fn gpu_a_wrong_row_is_found_out() {
    let Some(gpu) = gpu() else { return };
    let kernel = MeasureRows { at: Rect::plane(1, 300), ignored: None };
    let there = run_one_on(&gpu, kernel, vec![real(1, 300, |_, x| noise(1, x) + if x == 77 { 1e-6 } else { 0.0 })]);
    let (exact, size) = (0..300).map(|x| f64::from(noise(1, x))).fold((0.0, 0.0), |(s, a), x| (s + x, a + x.abs()));
    assert!((there.rows()[0].sum - exact).abs() > OFF * size);
}

#[test]
fn gpu_rows_with_infinite_pixels_are_those_in_memory() {
    let Some(gpu) = gpu() else { return };
    let pixel = |y: usize, x: usize| match (y, x) {
        (0 | 2, 40) | (3, 299) => f32::INFINITY,
        (1 | 2, 270) => f32::NEG_INFINITY,
        _ => noise(1, y * 300 + x),
    };
    let pixels = || real(5, 300, pixel);
    let kernel = MeasureRows { at: Rect::plane(5, 300), ignored: None };
    let (there, here) = (run_one_on(&gpu, kernel.clone(), vec![pixels()]), run_one(kernel, vec![pixels()]));
    let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 300.0 * OFF;
    for (there, here) in there.rows().iter().zip(here.rows()) {
        assert_eq!((there.count, there.peak_x, there.peak), (here.count, here.peak_x, here.peak));
        assert!(same(there.sum, here.sum) && same(there.sum_squares, here.sum_squares), "{there:?} {here:?}");
    }
    let others = || real(5, 300, |y, x| if x == 40 { 0.0 } else { noise(2, y * 300 + x) });
    let inputs = || vec![pixels(), others()];
    let (there, here) = (run_one_on(&gpu, DotRows { rows: 5 }, inputs()), run_one(DotRows { rows: 5 }, inputs()));
    assert!(there.numbers().iter().zip(here.numbers()).all(|(there, here)| same(*there, *here)), "{there:?} {here:?}");
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
fn gpu_of_equal_peaks_the_first_counts() {
    let Some(gpu) = gpu() else { return };
    // Equals of both signs that one invocation sees, and neighbours; in one row zeros alone.
    for places in [vec![3, 259, 515], vec![700, 444, 188], vec![9, 10], vec![255, 256], vec![]] {
        let pixel = |_, x: usize| match places.iter().position(|place| *place == x) {
            Some(i) => {
                if i % 2 == 0 {
                    -2.0
                } else {
                    2.0
                }
            }
            None if places.is_empty() => -0.0,
            None => noise(1, x),
        };
        let pixels = || vec![real(1, 900, pixel)];
        let kernel = MeasureRows { at: Rect::plane(1, 900), ignored: None };
        let (there, here) = (run_one_on(&gpu, kernel.clone(), pixels()), run_one(kernel, pixels()));
        let first = places.iter().copied().min().unwrap_or(0);
        assert_eq!(there.rows()[0].peak_x as usize, first);
        assert_eq!(there.rows()[0].peak.to_bits(), here.rows()[0].peak.to_bits());
        assert_eq!(here.rows()[0].peak_x as usize, first);
    }
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
