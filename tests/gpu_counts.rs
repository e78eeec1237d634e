//! Kernels that count pixels and find the outermost, on a device: exactly what their twins in memory make.
#![cfg(feature = "gpu")]
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::device::{Facts, Gpu};
use deconv::image::Rect;
use deconv::kernel::{
    CountLevels, Histogram, Kernel, Payload, PixelExtremes, ROUNDS, Select, SpectrumExtremes, VALUE, twin,
};
use num_complex::Complex32;
use support::gpu::{gpu, run_one_on, there};
use support::{AWKWARD, complex, noise, real, run_one};

/// Rows and columns: around a workgroup, longer than it, and more rows than one direction has workgroups.
fn shapes() -> impl Iterator<Item = (usize, usize)> {
    AWKWARD.into_iter().chain([(3, 255), (2, 5000), (300, 1000), (70_000, 3)])
}

type Pixel = fn(usize) -> f32;

/// Pixels by their number: of many sizes, with blanks, zeros of both signs and infinities; nothing but blanks; mostly infinite ones; one
/// value alone.
const KINDS: [Pixel; 4] = [
    |i| match i % 31 {
        3 => f32::NAN,
        5 => f32::INFINITY,
        7 => -0.0,
        9 => f32::NEG_INFINITY,
        11 => 0.0,
        _ => noise(1, i) * 10f32.powi((i % 7) as i32 - 3),
    },
    |_| f32::NAN,
    |i| match i % 4 {
        0 => f32::NAN,
        1 => noise(2, i),
        _ => f32::INFINITY,
    },
    |_| -0.0,
];

fn median(make: &dyn Fn(Kernel, Vec<Payload>) -> Payload, (rows, cols): (usize, usize), pixel: Pixel) -> [f64; 2] {
    let mut centre: Option<Payload> = None;
    let found = [false, true].map(|about_centre| {
        let mut last: Option<Payload> = None;
        for round in 0..ROUNDS {
            let beside = [last.clone(), centre.clone()].into_iter().flatten();
            let pixels = real(rows, cols, |y, x| pixel(y * cols + x));
            let kernel = Histogram { rows, cols, round, about_centre };
            let counts = make(kernel.into(), std::iter::once(pixels).chain(beside).collect());
            last = Some(run_one(Select { round }, std::iter::once(counts).chain(last.take()).collect()));
        }
        centre = last;
        centre.as_ref().unwrap().numbers()[VALUE]
    });
    found.map(|number| number + 0.0)
}

#[test]
fn gpu_medians_and_deviations_are_those_of_the_cores_exactly() {
    let Some(gpu) = gpu() else { return };
    for (shape, pixel) in shapes().flat_map(|shape| KINDS.map(|pixel| (shape, pixel))) {
        let here = median(&|kernel, inputs| run_one(kernel, inputs), shape, pixel);
        // Every histogram, too.
        let both = |kernel: Kernel, inputs: Vec<Payload>| {
            let (there, here) = (run_one_on(&gpu, kernel.clone(), inputs.clone()), run_one(kernel.clone(), inputs));
            assert_eq!(there.histogram(), here.histogram(), "{kernel:?}");
            there
        };
        assert_eq!(median(&both, shape, pixel).map(f64::to_bits), here.map(f64::to_bits), "{shape:?}");
    }
}

#[test]
fn gpu_levels_are_counted_exactly() {
    let Some(gpu) = gpu() else { return };
    for ((rows, cols), pixel) in shapes().flat_map(|shape| KINDS.map(|pixel| (shape, pixel))) {
        for (y0, every) in [(0, 1), (5, 3), (2, 7)] {
            let kernel = CountLevels { at: Rect::new(y0, 0, rows, cols), every };
            let pixels = || vec![real(rows, cols, |y, x| pixel(y * cols + x))];
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

fn assert_same(gpu: &Gpu, kernel: Kernel, inputs: impl Fn() -> Vec<Payload>) -> Vec<f64> {
    let (there, here) = (run_one_on(gpu, kernel.clone(), inputs()), run_one(kernel.clone(), inputs()));
    // A zero of either sign is the same.
    assert_eq!(there.numbers(), here.numbers(), "{kernel:?}");
    there.numbers().to_vec()
}

#[test]
fn gpu_extremes_of_pixels_are_exact() {
    let Some(gpu) = gpu() else { return };
    for (rows, cols) in shapes() {
        let finite: Pixel = |i| if i.is_multiple_of(3) { f32::NAN } else { noise(3, i) };
        for pixel in KINDS.into_iter().chain([finite]) {
            let pixels = || vec![real(rows, cols, |y, x| pixel(y * cols + x))];
            let extremes = assert_same(&gpu, PixelExtremes { rows, cols }.into(), pixels);
            let seen: Vec<f32> = (0..rows * cols).map(pixel).filter(|pixel| !pixel.is_nan()).collect();
            let low = seen.iter().copied().fold(f32::INFINITY, f32::min);
            let high = seen.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(extremes, [f64::from(low), f64::from(high)]);
        }
    }
}

#[test]
fn gpu_the_outermost_pixel_is_found_wherever_it_is() {
    let Some(gpu) = gpu() else { return };
    let (rows, cols) = (3, 700);
    for at in [0, 1, 255, 256, 699, 700, 1401, 2099] {
        let pixel = |y: usize, x: usize| if y * cols + x == at { -2.0 } else { noise(3, y * cols + x) };
        let extremes = assert_same(&gpu, PixelExtremes { rows, cols }.into(), || vec![real(rows, cols, pixel)]);
        assert_eq!(extremes[0], -2.0);
    }
}

#[test]
fn gpu_extremes_of_spectra_are_exact_and_padding_does_not_count() {
    let Some(gpu) = gpu() else { return };
    for (columns, length) in shapes() {
        for sign in [-1.0, 1.0] {
            let part = |seed, i| if i % 11 == 4 { f32::NAN } else { 0.5 * noise(seed, i) };
            let number = |line: usize, k: usize| {
                let i = line * length + k;
                Complex32::new(part(4, i) + 3.0, if i + 1 == columns * length { 2.0 * sign } else { part(5, i) })
            };
            let inputs = || vec![complex(columns, length, number)];
            let extremes = assert_same(&gpu, SpectrumExtremes { columns, length }.into(), inputs);
            assert!(extremes[0] >= 2.5 && extremes[1] <= 3.5 || columns * length < 12, "{extremes:?}");
            assert_eq!(extremes[2], 2.0);
        }
        let zeros = || vec![complex(columns, length, |_, _| Complex32::ZERO)];
        assert_eq!(assert_same(&gpu, SpectrumExtremes { columns, length }.into(), zeros), [0.0; 3]);
    }
}

#[test]
fn gpu_padding_of_spectra_is_poisoned_and_passed_over() {
    let Some(gpu) = gpu() else { return };
    // An even length has padding, which here holds what would be the largest number of all.
    let (columns, length) = (3, 10);
    let shape = deconv::kernel::Shape::Complex { rows: columns, cols: length };
    assert!(shape.stride() > length);
    let on_device = there(&gpu, &complex(columns, length, |_, k| Complex32::new(k as f32, -1.0))).unwrap();
    let Payload::Device(chunk) = &on_device else { panic!("it is on the device") };
    let mut numbers = vec![0f32; 2 * shape.stride() * columns];
    gpu.download(&chunk.chunk, bytemuck::cast_slice_mut(&mut numbers)).unwrap();
    for line in numbers.chunks_exact_mut(2 * shape.stride()) {
        line[2 * length..].fill(1e9);
    }
    gpu.upload(bytemuck::cast_slice(&numbers), &chunk.chunk).unwrap();
    let mut outputs = [Payload::Empty];
    twin::run(&gpu, &SpectrumExtremes { columns, length }.into(), &[&on_device], &mut outputs).unwrap();
    assert_eq!(outputs[0].numbers(), [0.0, 9.0, 1.0]);
}

#[test]
fn gpu_more_pixels_than_can_be_counted_do_not_suit() {
    let facts = Facts { room: u64::MAX, largest: u64::MAX };
    let (most, rows) = (u32::MAX as usize - 1024 * 256, 1);
    for (cols, suits) in [(most, true), (most + 1, false)] {
        let kernels: [Kernel; 3] = [
            Histogram { rows, cols, round: 0, about_centre: false }.into(),
            CountLevels { at: Rect::plane(rows, cols), every: 1 }.into(),
            PixelExtremes { rows, cols }.into(),
        ];
        for kernel in kernels {
            assert_eq!(kernel.device_work_bytes(&facts).is_some(), suits, "{}", kernel.name());
        }
    }
}
