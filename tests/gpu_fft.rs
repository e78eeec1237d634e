//! Transforms on a device against their definition in f64 and against their twins in memory.
#![cfg(feature = "gpu")]

mod support;

use deconv::device::Gpu;
use deconv::kernel::fft::{ColumnForward, ColumnInverse, RowForward, RowInverse, half_length};
use deconv::kernel::{Kernel, Payload};
use num_complex::{Complex32, Complex64};
use rustfft::FftPlanner;
use support::gpu::{gpu, run_on, run_one_on};
use support::{complex, noise, real, run_kernel};

/// Lengths of lines: every radix alone and with others, of one pass (up to 512) and of two.
const LENGTHS: [usize; 24] =
    [2, 3, 4, 5, 6, 7, 8, 14, 15, 16, 48, 105, 120, 250, 294, 384, 512, 768, 1000, 1536, 2016, 3072, 4096, 6144];

/// The part of the root of the mean square by which a number of a transform may be off: ε log₂ N of f32, a few times over for roots
/// that are rounded too, and for the largest of many.
fn tolerance(length: usize) -> f64 {
    4.0 * f64::from(f32::EPSILON) * (length as f64).log2().max(1.0)
}

fn wide(number: Complex32) -> Complex64 {
    Complex64::new(number.re.into(), number.im.into())
}

fn sample(seed: u64, at: usize) -> Complex32 {
    Complex32::new(noise(seed, at), noise(seed + 7, at))
}

/// The unscaled transform of a line, in f64.
fn transform(line: &[Complex64], inverse: bool) -> Vec<Complex64> {
    let (mut line, mut planner) = (line.to_vec(), FftPlanner::new());
    let fft = if inverse { planner.plan_fft_inverse(line.len()) } else { planner.plan_fft_forward(line.len()) };
    fft.process(&mut line);
    line
}

/// The largest difference as a part of the root of the mean square of what is expected.
fn off(found: &[Complex64], expected: &[Complex64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let square: f64 = expected.iter().map(Complex64::norm_sqr).sum();
    let most = found.iter().zip(expected).map(|(a, b)| (a - b).norm());
    let most = most.fold(0.0, |most: f64, off| if off > most || off.is_nan() { off } else { most });
    most / (square / expected.len() as f64).sqrt().max(f64::MIN_POSITIVE)
}

fn assert_near(found: &[Complex64], expected: &[Complex64], length: usize, what: &str) {
    let off = off(found, expected);
    assert!(off <= tolerance(length), "{what}: off by {off}, {} is allowed", tolerance(length));
}

/// All numbers of some chunks, row by row.
fn numbers(chunks: &[Payload]) -> Vec<Complex64> {
    let of = |chunk: &Payload| match chunk {
        Payload::Complex(block) => block.view().iter().map(|number| wide(*number)).collect::<Vec<_>>(),
        _ => chunk.real().view().iter().map(|pixel| Complex64::from(f64::from(*pixel))).collect(),
    };
    chunks.iter().flat_map(of).collect()
}

/// Does the device make what the cores make?
fn assert_twins(
    gpu: &Gpu,
    kernel: impl Into<Kernel>,
    inputs: impl Fn() -> Vec<Payload>,
    length: usize,
) -> Vec<Payload> {
    let kernel = kernel.into();
    let (there, here) = (run_on(gpu, &kernel, inputs()), run_kernel(&kernel, inputs()));
    let shapes = |chunks: &[Payload]| numbers(chunks).len();
    assert_eq!(shapes(&there), shapes(&here));
    assert_near(&numbers(&there), &numbers(&here), length, &format!("{kernel:?}"));
    there
}

/// Windows of a line of a length: all of it, a part, a part around its end.
fn windows(length: usize) -> Vec<(usize, usize)> {
    let mut windows = vec![(0, length), (length / 3, length - length / 2), (length - length / 4, length.div_ceil(2))];
    windows.push((1, 1));
    windows
}

#[test]
fn gpu_columns_forward_are_the_definition() {
    let Some(gpu) = gpu() else { return };
    for length in LENGTHS {
        for (first, rows) in windows(length) {
            for (columns, block_rows) in [(5, rows), (11, rows.div_ceil(3))] {
                let kernel = ColumnForward { columns, length, first, rows, block_rows };
                let block = |from: usize| {
                    let count = block_rows.min(rows - from);
                    complex(columns, count, |column, y| sample(1, column * rows + from + y))
                };
                let inputs = || (0..rows).step_by(block_rows).map(block).collect();
                let found = numbers(&assert_twins(&gpu, kernel, inputs, length));
                let column = |column: usize| {
                    let mut line = vec![Complex64::ZERO; length];
                    (0..rows).for_each(|y| line[(first + y) % length] = wide(sample(1, column * rows + y)));
                    transform(&line, false)
                };
                let expected: Vec<Complex64> = (0..columns).flat_map(column).collect();
                assert_near(&found, &expected, length, &format!("{length} {first} {rows} {block_rows}"));
            }
        }
    }
}

#[test]
fn gpu_columns_inverse_are_the_definition() {
    let Some(gpu) = gpu() else { return };
    for length in LENGTHS {
        for (first, rows) in windows(length) {
            for (columns, block_rows) in [(5, rows), (19, rows.div_ceil(3))] {
                let kernel = ColumnInverse { columns, length, first, rows, block_rows };
                let inputs = || vec![complex(columns, length, |column, k| sample(3, column * length + k))];
                let found = numbers(&assert_twins(&gpu, kernel, inputs, length));
                let column = |column: usize| {
                    let line: Vec<_> = (0..length).map(|k| wide(sample(3, column * length + k))).collect();
                    transform(&line, true)
                };
                let lines: Vec<Vec<Complex64>> = (0..columns).map(column).collect();
                let row = |y: usize| lines.iter().map(move |line| line[(first + y) % length]);
                let expected: Vec<Complex64> = (0..rows).flat_map(row).collect();
                assert_near(&found, &expected, length, &format!("{length} {first} {rows} {block_rows}"));
            }
        }
    }
}

/// Pixels with some blanks, and a row without any flux.
fn pixel(cols: usize) -> impl Fn(usize, usize) -> f32 {
    move |y, x| match (y, (y * cols + x) % 13) {
        (2, _) => 0.0,
        (_, 5) => f32::NAN,
        _ => noise(4, y * cols + x),
    }
}

#[test]
fn gpu_rows_forward_are_the_definition() {
    let Some(gpu) = gpu() else { return };
    for length in LENGTHS.map(|length| 2 * length) {
        for (first, cols) in windows(length) {
            for (rows, width) in [(5, half_length(length)), (18, half_length(length).div_ceil(3))] {
                let kernel = RowForward { rows, cols, length, first, width };
                let found = assert_twins(&gpu, kernel, || vec![real(rows, cols, pixel(cols))], length);
                let row = |y: usize| {
                    let mut line = vec![Complex64::ZERO; length];
                    for x in 0..cols {
                        let pixel = pixel(cols)(y, x);
                        line[(first + x) % length] = if pixel.is_nan() { 0.0 } else { f64::from(pixel) }.into();
                    }
                    transform(&line, false)
                };
                let spectra: Vec<Vec<Complex64>> = (0..rows).map(row).collect();
                let column = |k: usize| spectra.iter().map(move |spectrum| spectrum[k]);
                let expected: Vec<Complex64> = (0..half_length(length)).flat_map(column).collect();
                assert_near(&numbers(&found), &expected, length, &format!("{length} {first} {cols} {width}"));
            }
        }
    }
}

#[test]
fn gpu_rows_inverse_are_the_definition() {
    let Some(gpu) = gpu() else { return };
    for length in LENGTHS.map(|length| 2 * length) {
        let half = half_length(length);
        for (first, cols) in windows(length) {
            for (rows, width) in [(5, half), (18, half.div_ceil(3))] {
                let scale = 1.0 / length as f32;
                let kernel = RowInverse { rows, cols, length, first, width, scale };
                let block = |from: usize| {
                    let count = width.min(half - from);
                    complex(rows, count, |y, k| sample(5, y * half + from + k))
                };
                let inputs = || (0..half).step_by(width).map(block).collect();
                let found = assert_twins(&gpu, kernel, inputs, length);
                let row = |y: usize| {
                    let mut line: Vec<Complex64> = (0..half).map(|k| wide(sample(5, y * half + k))).collect();
                    (line[0].im, line[half - 1].im) = (0.0, 0.0);
                    line.extend((1..half - 1).rev().map(|k| wide(sample(5, y * half + k)).conj()));
                    let line = transform(&line, true);
                    (0..cols).map(move |x| line[(first + x) % length] * f64::from(scale)).collect::<Vec<_>>()
                };
                let expected: Vec<Complex64> = (0..rows).flat_map(row).collect();
                assert_near(&numbers(&found), &expected, length, &format!("{length} {first} {cols} {width}"));
            }
        }
    }
}

/// The spectrum of a plane that is one strip, its pixel (0, 0) at a place of the frame.
fn forward(gpu: &Gpu, plane: Payload, frame: (usize, usize), (y, x): (usize, usize)) -> Payload {
    let (rows, cols) = plane.real().dim();
    let width = half_length(frame.1);
    let blocks = run_on(gpu, &RowForward { rows, cols, length: frame.1, first: x, width }.into(), vec![plane]);
    run_one_on(gpu, ColumnForward { columns: width, length: frame.0, first: y, rows, block_rows: rows }, blocks)
}

fn inverse(gpu: &Gpu, spectrum: Payload, frame: (usize, usize), (rows, cols): (usize, usize)) -> Payload {
    let width = half_length(frame.1);
    let columns = ColumnInverse { columns: width, length: frame.0, first: 0, rows, block_rows: rows };
    let blocks = run_on(gpu, &columns.into(), vec![spectrum]);
    let scale = 1.0 / (frame.0 * frame.1) as f32;
    run_one_on(gpu, RowInverse { rows, cols, length: frame.1, first: 0, width, scale }, blocks)
}

const FRAMES: [((usize, usize), (usize, usize)); 5] =
    [((3, 5), (4, 6)), ((40, 33), (60, 48)), ((70, 64), (96, 1120)), ((130, 12), (1536, 14)), ((90, 700), (100, 1400))];

#[test]
fn gpu_an_inverse_gives_the_plane_back_and_no_energy_is_lost() {
    let Some(gpu) = gpu() else { return };
    for ((rows, cols), frame) in FRAMES {
        let plane = || real(rows, cols, |y, x| noise(6, y * cols + x));
        let spectrum = forward(&gpu, plane(), frame, (0, 0));
        let columns = half_length(frame.1);
        let weight = |k: usize| if k == 0 || 2 * k == frame.1 { 1.0 } else { 2.0 };
        let column = |k: usize| spectrum.complex().row(k).iter().map(|number| wide(*number).norm_sqr()).sum::<f64>();
        let energy = (0..columns).map(|k| weight(k) * column(k)).sum::<f64>() / (frame.0 * frame.1) as f64;
        let squares: f64 = numbers(&[plane()]).iter().map(Complex64::norm_sqr).sum();
        assert!((energy / squares - 1.0).abs() < tolerance(frame.0 * frame.1), "{frame:?}: {energy} {squares}");
        let back = inverse(&gpu, spectrum, frame, (rows, cols));
        assert_near(&numbers(&[back]), &numbers(&[plane()]), frame.0 * frame.1, &format!("{frame:?}"));
    }
}

#[test]
fn gpu_transforms_are_linear_and_know_a_shift() {
    let Some(gpu) = gpu() else { return };
    for ((rows, cols), frame) in FRAMES {
        let plane = |seed: u64| real(rows, cols, move |y, x| noise(seed, y * cols + x));
        let sum = real(rows, cols, |y, x| 2.0 * noise(8, y * cols + x) - 0.5 * noise(9, y * cols + x));
        let [a, b, both] = [plane(8), plane(9), sum].map(|plane| numbers(&[forward(&gpu, plane, frame, (0, 0))]));
        let expected: Vec<Complex64> = a.iter().zip(&b).map(|(a, b)| 2.0 * a - 0.5 * b).collect();
        assert_near(&both, &expected, 4 * frame.0 * frame.1, "a weighted sum");
        let (dy, dx) = (frame.0 - 1, 2);
        let shifted = numbers(&[forward(&gpu, plane(8), frame, (dy, dx))]);
        let turn = |i: usize| {
            let (u, v) = (i / frame.0, i % frame.0);
            let angle = (u * dx % frame.1) as f64 / frame.1 as f64 + (v * dy % frame.0) as f64 / frame.0 as f64;
            Complex64::cis(-2.0 * std::f64::consts::PI * angle)
        };
        let expected: Vec<Complex64> = a.iter().enumerate().map(|(i, a)| a * turn(i)).collect();
        assert_near(&shifted, &expected, 4 * frame.0 * frame.1, "a shifted plane");
    }
}

#[test]
fn gpu_a_transform_of_another_sign_or_length_is_found_out() {
    let Some(gpu) = gpu() else { return };
    let (columns, length) = (4, 96);
    let inputs = || vec![complex(columns, length, |column, k| sample(10, column * length + k))];
    let kernel = ColumnForward { columns, length, first: 0, rows: length, block_rows: length };
    let found = numbers(&run_on(&gpu, &kernel.clone().into(), inputs()));
    let line = |column: usize| (0..length).map(move |k| wide(sample(10, column * length + k))).collect::<Vec<_>>();
    let wrong: Vec<Complex64> = (0..columns).flat_map(|column| transform(&line(column), true)).collect();
    assert!(off(&found, &wrong) > 0.1);
    let turned = numbers(&run_on(&gpu, &ColumnForward { first: 1, ..kernel }.into(), inputs()));
    assert!(off(&found, &turned) > 0.1);
}

#[test]
fn gpu_what_does_not_suit_says_so() {
    let facts = deconv::device::Facts { room: 1 << 30, largest: 1 << 30 };
    let row = |length: usize| RowForward { rows: 3, cols: 2, length, first: 0, width: length };
    let column = |length: usize| ColumnForward { columns: 3, length, first: 0, rows: 1, block_rows: 1 };
    let suits = |kernel: Kernel| kernel.device_work_bytes(&facts).is_some();
    assert!(suits(row(24).into()) && suits(row(12288).into()) && suits(column(25).into()));
    for length in [25, 22, 2, 26] {
        assert!(!suits(row(length).into()), "{length}");
    }
    for length in [1, 11, 1013, 1 << 19] {
        assert!(!suits(column(length).into()), "{length}");
    }
    let little = deconv::device::Facts { largest: 1000, ..facts };
    assert!(Kernel::from(row(1024)).device_work_bytes(&little).is_none());
}
