//! What a device makes of pixels against the definitions in f64 and against the kernels in memory.
#![cfg(feature = "gpu")]
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::device::Gpu;
use deconv::image::rect::Rect;
use deconv::kernel::{
    AddSquares, Assemble, Component, Fill, KeepSign, Kernel, Payload, Ratio, Rescale, Scales, Scatter, Spread, Tiles,
    Within, ZeroBlanks,
};
use support::gpu::{gpu, gpu_with, run_one_on, try_on};
use support::{AWKWARD, bits, noise, real, run_one, try_kernel};

/// Rows and columns of chunks.
fn sizes() -> impl Iterator<Item = (usize, usize)> {
    AWKWARD.into_iter().chain([(1, 255), (5, 1000), (300, 3)])
}

/// Noise, but now and then a number that is none, or at an end of what f32 can hold.
fn nasty(seed: u64, cols: usize) -> impl Fn(usize, usize) -> f32 {
    const ALL: [f32; 9] =
        [f32::NAN, 0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE, f32::MAX, 1e-41, -1e-41];
    move |y, x| match bits(seed + 100, y * cols + x) as usize % 30 {
        i if i < ALL.len() => ALL[i],
        _ => noise(seed, y * cols + x),
    }
}

/// Noise, but now and then a blank.
fn blanked(seed: u64, cols: usize) -> impl Fn(usize, usize) -> f32 {
    move |y, x| if (3 * y + x) % (5 + seed as usize) == 1 { f32::NAN } else { noise(seed, y * cols + x) }
}

fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

/// Compares what a device makes to the bit, or blank with blank, with the definition at each pixel and with what the kernel makes in memory.
fn check_bits(gpu: &Gpu, kernel: &Kernel, inputs: impl Fn() -> Vec<Payload>, expected: impl Fn(usize, usize) -> f32) {
    let (there, here) = (run_one_on(gpu, kernel.clone(), inputs()), run_one(kernel.clone(), inputs()));
    assert_eq!(there.real().dim(), here.real().dim());
    for ((y, x), &got) in there.real().view().indexed_iter() {
        assert!(same(got, expected(y, x)), "{kernel:?}: {y} {x} {got} {}", expected(y, x));
        assert!(same(got, here.real().row(y)[x]), "{kernel:?}: {y} {x} {got}");
    }
}

/// Compares what a device makes with the definition at each pixel, an exact number and how far off it may be, and with what the kernel
/// makes in memory, which may be as far off on the other side. Blanks are the same.
fn check(gpu: &Gpu, kernel: &Kernel, inputs: impl Fn() -> Vec<Payload>, expected: impl Fn(usize, usize) -> (f64, f64)) {
    let (there, here) = (run_one_on(gpu, kernel.clone(), inputs()), run_one(kernel.clone(), inputs()));
    for ((y, x), &got) in there.real().view().indexed_iter() {
        let ((exact, bound), other) = (expected(y, x), here.real().row(y)[x]);
        let near = |number: f64, bound| (f64::from(got) - number).abs() <= bound || got.is_nan() && number.is_nan();
        assert!(near(exact, bound), "{kernel:?}: {y} {x} {got} {exact}");
        assert!(near(other.into(), 2.0 * bound), "{kernel:?}: {y} {x} {got} {other}");
    }
}

#[test]
fn gpu_fill_writes_every_pixel() {
    let Some(gpu) = gpu() else { return };
    for ((rows, cols), value) in sizes().flat_map(|size| [-2.5, 0.0, f32::NAN].map(|value| (size, value))) {
        check_bits(&gpu, &Fill { rows, cols, value }.into(), Vec::new, |_, _| value);
    }
    // More pixels than a row of workgroups holds.
    let many = run_one_on(&gpu, Fill { rows: 4099, cols: 4097, value: 3.0 }, vec![]);
    assert!(many.real().strided().iter().all(|&pixel| pixel == 3.0));
}

#[test]
fn gpu_blanks_become_zero_and_nothing_else_does() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols) in sizes() {
        let pixel = nasty(1, cols);
        let expected = |y, x| if pixel(y, x).is_nan() { 0.0 } else { pixel(y, x) };
        check_bits(&gpu, &ZeroBlanks { rows, cols }.into(), || vec![real(rows, cols, &pixel)], expected);
    }
    // Blanks of all kinds.
    let pixel = |_: usize, x: usize| f32::from_bits([0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff][x % 4]);
    check_bits(&gpu, &ZeroBlanks { rows: 2, cols: 8 }.into(), || vec![real(2, 8, pixel)], |_, _| 0.0);
}

#[test]
fn gpu_within_is_blank_where_the_weight_is_zero() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols) in sizes() {
        let (pixel, weight) = (nasty(1, cols), nasty(2, cols));
        let inputs = || vec![real(rows, cols, &pixel), real(rows, cols, &weight)];
        let expected = |y, x| if weight(y, x) == 0.0 { f32::NAN } else { pixel(y, x) };
        check_bits(&gpu, &Within { rows, cols }.into(), inputs, expected);
    }
}

#[test]
fn gpu_keep_sign_blanks_all_but_one_sign() {
    let Some(gpu) = gpu() else { return };
    for ((rows, cols), negative) in sizes().flat_map(|size| [false, true].map(|negative| (size, negative))) {
        let pixel = nasty(3, cols);
        let stays = |pixel: f32| if negative { pixel < 0.0 } else { pixel > 0.0 };
        let expected = |y, x| if stays(pixel(y, x)) { pixel(y, x) } else { f32::NAN };
        check_bits(&gpu, &KeepSign { rows, cols, negative }.into(), || vec![real(rows, cols, &pixel)], expected);
    }
}

#[test]
fn gpu_ratio_is_the_data_over_what_is_shown_and_keeps_blanks() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols) in sizes() {
        let (residual, dirty) = (blanked(1, cols), blanked(2, cols));
        let inputs = || vec![real(rows, cols, &residual), real(rows, cols, &dirty)];
        check(&gpu, &Ratio { rows, cols, floor: 0.25 }.into(), inputs, |y, x| {
            let (r, d) = (f64::from(residual(y, x)), f64::from(dirty(y, x)));
            // f64::max takes the floor for what is blank.
            let ratio = if d < 0.0 { 0.0 } else { d / (d - r).max(0.25) };
            // The rounding of a difference, and a division to 2.5 units of the last place.
            (ratio, 4e-7 * ratio)
        });
    }
}

#[test]
fn gpu_rescale_is_a_product_that_is_never_negative() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols) in sizes() {
        let (model, correction, weight) = (blanked(1, cols), blanked(2, cols), blanked(3, cols));
        // Some products are smaller than all normal numbers.
        let model = |y: usize, x: usize| if (y + x) % 11 == 3 { 1e-37 * model(y, x) } else { model(y, x) };
        let correction = |y: usize, x: usize| if (y + x) % 11 == 3 { 1e-3 } else { correction(y, x) };
        let inputs = || vec![real(rows, cols, model), real(rows, cols, correction), real(rows, cols, &weight)];
        check(&gpu, &Rescale { rows, cols, least: 0.25 }.into(), inputs, |y, x| {
            let product = f64::from(model(y, x)) * f64::from(correction(y, x)) / f64::from(weight(y, x));
            let counts = weight(y, x) >= 0.25 && product >= f64::from(f32::MIN_POSITIVE);
            // A division to 2.5 units of the last place, and the rounding of a product.
            if counts { (product, 4e-7 * product) } else { (0.0, 0.0) }
        });
    }
}

#[test]
fn gpu_squares_add_up() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols) in sizes() {
        let (a, b) = (blanked(1, cols), blanked(2, cols));
        let inputs = || vec![real(rows, cols, &a), real(rows, cols, &b)];
        check(&gpu, &AddSquares { rows, cols }.into(), inputs, |y, x| {
            // Two roundings of numbers below 2, the first of them left out where the device adds and multiplies at once.
            (f64::from(a(y, x)) + f64::from(b(y, x)).powi(2), 2e-7)
        });
    }
}

#[test]
fn gpu_spread_is_the_standard_deviation() {
    let Some(gpu) = gpu() else { return };
    for ((rows, cols), count) in sizes().flat_map(|size| [2, 3, 1000].map(|count| (size, count))) {
        let n = f64::from(count);
        let (sum, square) = (blanked(1, cols), blanked(2, cols));
        let sum = |y, x| count as f32 * sum(y, x);
        let square = |y, x| 0.9 * count as f32 * square(y, x).abs();
        let inputs = || vec![real(rows, cols, sum), real(rows, cols, square)];
        check(&gpu, &Spread { rows, cols, count }.into(), inputs, |y, x| {
            let (s, q) = (f64::from(sum(y, x)), f64::from(square(y, x)));
            let variance = |off: f64| match (q - s * s / n) / (n - 1.0) + off {
                variance if variance < 0.0 => 0.0,
                variance => variance.sqrt(),
            };
            // Two numbers that are nearly alike are rounded before their difference is taken, one of them after a division to 2.5 units
            // of the last place; the root is as good as that too.
            let off = 4e-7 * q.max(s * s / n) / (n - 1.0);
            (variance(0.0), (variance(off) - variance(0.0)).max(variance(0.0) - variance(-off)) + 6e-7 * variance(0.0))
        });
    }
}

#[test]
fn gpu_a_wrong_spread_is_found_out() {
    let Some(gpu) = gpu() else { return };
    let inputs = || vec![real(3, 5, |_, _| 0.25), real(3, 5, |_, x| 1.0 + x as f32)];
    let there = run_one_on(&gpu, Spread { rows: 3, cols: 5, count: 10 }, inputs());
    let here = run_one(Spread { rows: 3, cols: 5, count: 11 }, inputs());
    assert!(there.real().strided().iter().zip(here.real().strided()).all(|(a, b)| (a - b).abs() > 1e-3));
}

/// Components at about every third pixel of a plane, sorted.
fn components(rows: usize, cols: usize) -> Vec<Component> {
    let places = (0..rows * cols).filter(|&i| bits(4, i).is_multiple_of(3));
    let component = |i| Component { y: (i / cols) as u32, x: (i % cols) as u32, scale: 0, flux: noise(5, i) };
    places.map(component).collect()
}

#[test]
fn gpu_scatter_makes_the_pixels_of_components() {
    let Some(gpu) = gpu() else { return };
    let list = components(30, 40);
    let chunks = [(0, 0, 30, 40), (10, 20, 5, 7), (29, 0, 1, 40), (0, 39, 30, 1), (25, 35, 9, 8), (31, 0, 2, 40)];
    for at in chunks.map(|(y0, x0, rows, cols)| Rect::new(y0, x0, rows, cols)) {
        let kernel = Scatter { at, scales: Scales::POINTS }.into();
        let inputs = || vec![Payload::Components(list.clone())];
        check_bits(&gpu, &kernel, inputs, |y, x| {
            let there = |c: &&Component| (c.y as usize, c.x as usize) == (at.y0 as usize + y, at.x0 as usize + x);
            list.iter().find(there).map_or(0.0, |component| component.flux)
        });
        check_bits(&gpu, &kernel, || vec![Payload::Components(vec![])], |_, _| 0.0);
    }
}

#[test]
fn gpu_scatter_takes_long_lists_piece_by_piece() {
    let (rows, cols) = (1300, 1700);
    let pixels = rows * cols * size_of::<f32>();
    let kernel: Kernel = Scatter { at: Rect::plane(rows, cols), scales: Scales::POINTS }.into();
    // Room for the chunk and what the kernel says it needs, and for small things.
    let Some(gpu) = gpu_with(Some((pixels + (4 << 20) + (64 << 10)) as u64)) else { return };
    let list = components(rows, cols);
    assert!(list.len() * 8 > 4 << 20, "one piece");
    let work = kernel.device_work_bytes(&gpu.facts()).unwrap();
    let there = run_one_on(&gpu, kernel, vec![Payload::Components(list.clone())]);
    let (_, most) = gpu.used_bytes();
    assert!(most <= (pixels + work + 8192) as u64, "{most}");
    let mut expected = vec![0.0; rows * cols];
    list.iter().for_each(|c| expected[c.y as usize * cols + c.x as usize] = c.flux);
    assert!(there.real().strided() == expected);
}

#[test]
fn gpu_shapes_of_scales_are_scattered_in_memory() {
    let facts = deconv::device::Facts { room: u64::MAX, largest: u64::MAX };
    let kernel = |scales| Kernel::from(Scatter { at: Rect::plane(20, 30), scales });
    assert_eq!(kernel(Scales::POINTS).device_work_bytes(&facts), Some(20 * 30 * 8));
    assert_eq!(kernel(Scales::new(&[0.0, 6.0]).unwrap()).device_work_bytes(&facts), None);
}

/// The chunks of a plane in which each pixel is another.
fn sources(tiles: &Tiles) -> Vec<Payload> {
    let chunk = |at: Rect| real(at.rows, at.cols, move |y, x| plane_value(at.y0 + y as i64, at.x0 + x as i64));
    tiles.rects().map(chunk).collect()
}

fn plane_value(y: i64, x: i64) -> f32 {
    if (y + x) % 17 == 5 { f32::NAN } else { (y * 1000 + x) as f32 }
}

#[test]
fn gpu_assemble_copies_any_rectangle_from_any_cutting() {
    let Some(gpu) = gpu() else { return };
    let planes = [(1, 1), (1, 13), (23, 29), (300, 600)];
    let chunks = [(1, 13), (5, 7), (4, 300), (100, 4), (128, 257)];
    for (plane, chunk) in planes.into_iter().flat_map(|plane| chunks.map(|chunk| (plane, chunk))) {
        for i in 0..4 {
            let at = |seed, n: usize| bits(seed, i) as usize % n;
            let target = Rect::new(at(1, plane.0) as i64, at(2, plane.1) as i64, at(3, 30) + 1, at(4, 600) + 1);
            let target = target.intersect(&Rect::plane(plane.0, plane.1)).unwrap();
            let tiles = Tiles::touching(plane, chunk, &target);
            if tiles.count.0 * tiles.count.1 > 100 {
                continue;
            }
            let expected = |y, x| plane_value(target.y0 + y as i64, target.x0 + x as i64);
            check_bits(&gpu, &Assemble { target, sources: tiles }.into(), || sources(&tiles), expected);
        }
    }
}

#[test]
fn gpu_assemble_takes_more_chunks_than_it_needs_and_refuses_what_does_not_fit() {
    let Some(gpu) = gpu() else { return };
    let all = Tiles { plane: (10, 10), chunk: (4, 4), first: (0, 0), count: (3, 3) };
    let kernel = |y, x, sources| Kernel::from(Assemble { target: Rect::new(y, x, 2, 2), sources });
    check_bits(&gpu, &kernel(5, 5, all), || sources(&all), |y, x| plane_value(5 + y as i64, 5 + x as i64));
    let few = Tiles { count: (2, 2), ..all };
    let mut lacking = sources(&all);
    lacking.pop();
    let wrong = [(kernel(7, 7, few), sources(&few)), (kernel(9, 9, all), sources(&all)), (kernel(5, 5, all), lacking)];
    for (kernel, inputs) in wrong {
        let here = try_kernel(&kernel, inputs.clone()).unwrap_err();
        let there = try_on(&gpu, &kernel, inputs).unwrap_err();
        assert_eq!((there.kind, there.message), (here.kind, here.message));
    }
}
