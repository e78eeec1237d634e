//! Kernels against what the memory allows, in one run.
//!
//! `cargo bench --bench kernels` measures with criterion, on one thread, a copy of memory and then kernels on planes that no
//! cache holds, and prints a table: milliseconds, bytes read and written, each once, over the time, and what part that is of the copy's.
//! A kernel that has a small part computes (`PosteriorDraw` draws random numbers, `Histogram` counts), or could be better. `-- --json`
//! prints lines of JSON instead, `-- --test` runs everything once on small planes.

use criterion::{Criterion, SamplingMode};
use deconv::image::Rect;
use deconv::kernel::{
    Block, Buffer, Call, CellFacts, Combine, CountLevels, DotRows, GaussianMultiply, Histogram, Kernel, MeasureRows,
    Multiply, NoiseSpectrum, Normal, Payload, PixelExtremes, PosteriorDraw, Prior, Regularization, Shape,
    SpectrumExtremes, Strip, Wiener,
};
use num_complex::Complex32;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// A kernel with its inputs.
struct Case {
    kernel: Kernel,
    inputs: Vec<Payload>,
}

fn main() {
    let has = |flag: &str| std::env::args().any(|argument| argument == flag);
    let quick = has("--test");
    let size = if quick { 256 } else { 4096 };
    let directory = std::env::temp_dir().join(format!("deconv-bench-{}", std::process::id()));
    let mut criterion = Criterion::default()
        .output_directory(&directory)
        .without_plots()
        .configure_from_args()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1000));
    let cases = cases(size);
    copy(&mut criterion, size);
    cases.iter().for_each(|case| measure(&mut criterion, case));
    if !quick {
        table(&directory, size, &cases, has("--json"));
    }
    let _ = std::fs::remove_dir_all(&directory);
}

fn cases(size: usize) -> Vec<Case> {
    let columns = size / 2;
    let strip = Strip { columns, length: size, first_column: 0, row_length: size };
    let prior = Prior::raised(0.1, Regularization::Laplacian);
    let at = Rect::plane(size, size);
    let (real, complex) = (|| pixels(size, size), || spectrum(columns, size));
    let gauss =
        GaussianMultiply { columns, length: size, first_column: 0, row_length: size, covariance: [4.0, 0.5, 3.0] };
    let draw = PosteriorDraw {
        strip,
        facts: CellFacts { prior, least: 0.001, gate: 0.001 },
        pixels: (size * size) as f64,
        sigma: 0.1,
        tau: 1.0,
        reference: 0.01,
        seed: 1,
        stream: 1,
    };
    let wiener = |noise| Wiener { strip, prior, noise, least: 0.001 };
    let case = |kernel, inputs| Case { kernel, inputs };
    vec![
        case(Combine { rows: size, cols: size, left: 1.0, right: -0.5 }.into(), vec![real(), real()]),
        case(MeasureRows { at, ignored: None }.into(), vec![real()]),
        case(PixelExtremes { rows: size, cols: size }.into(), vec![real()]),
        case(DotRows { rows: size }.into(), vec![real(), real()]),
        case(Histogram { rows: size, cols: size, round: 0, about_centre: false }.into(), vec![real()]),
        case(CountLevels { at, every: 1 }.into(), vec![real()]),
        case(Multiply { columns, length: size }.into(), vec![complex(), complex()]),
        case(gauss.into(), vec![complex()]),
        case(SpectrumExtremes { columns, length: size }.into(), vec![complex()]),
        case(wiener(NoiseSpectrum::White).into(), vec![complex(), complex()]),
        case(wiener(NoiseSpectrum::Natural).into(), vec![complex(), complex()]),
        case(Normal { strip, prior, added: 0.0, inverse: false }.into(), vec![complex(), complex()]),
        case(draw.into(), vec![complex(), complex()]),
    ]
}

impl Case {
    fn name(&self) -> String {
        match &self.kernel {
            Kernel::Wiener(wiener) => format!("Wiener, {}", wiener.noise.name()),
            kernel => kernel.name().into(),
        }
    }

    /// Bytes that are read and written, each once.
    fn bytes(&self) -> usize {
        let read: usize = self.inputs.iter().map(payload_bytes).sum();
        read + self.kernel.outputs().iter().map(Shape::pooled_bytes).sum::<usize>()
    }
}

fn payload_bytes(payload: &Payload) -> usize {
    match payload {
        Payload::Real(block) => size_of_val(block.strided()),
        Payload::Complex(block) => size_of_val(block.strided()),
        _ => 0,
    }
}

const COPY: &str = "copy";

fn copy(criterion: &mut Criterion, size: usize) {
    let from = Buffer::zeroed(size * size * 4).expect("memory for a bench");
    let mut to = from.clone();
    criterion.bench_function(COPY, |bencher| {
        bencher.iter(|| to.as_mut_bytes().copy_from_slice(std::hint::black_box(from.as_bytes())));
    });
}

/// A kernel that works in place is given its input anew each time, beside the clock: what it makes of its own results again and again
/// would be numbers near zero, with which processors are slow.
fn measure(criterion: &mut Criterion, case: &Case) {
    let in_place = case.kernel.in_place();
    let made = case.kernel.outputs();
    let mut outputs: Vec<Payload> = made.iter().map(empty).collect();
    let inputs: Vec<&Payload> = case.inputs.iter().skip(usize::from(in_place)).collect();
    let mut scratch = Buffer::zeroed(case.kernel.scratch_bytes().max(1)).expect("memory for a bench");
    let cancel = AtomicBool::new(false);
    let mut group = criterion.benchmark_group("kernels");
    group.sampling_mode(SamplingMode::Flat);
    group.bench_function(case.name(), |bencher| {
        let mut once = || {
            if in_place {
                refill(&mut outputs[0], &case.inputs[0]);
            }
            let mut call = Call { inputs: &inputs, outputs: &mut outputs, scratch: &mut scratch, cancel: &cancel };
            let start = Instant::now();
            case.kernel.run(&mut call).expect("a kernel that can be run");
            start.elapsed()
        };
        bencher.iter_custom(|times| (0..times).map(|_| once()).sum());
    });
    group.finish();
}

fn refill(output: &mut Payload, input: &Payload) {
    match (output, input) {
        (Payload::Real(output), Payload::Real(input)) => output.strided_mut().copy_from_slice(input.strided()),
        (Payload::Complex(output), Payload::Complex(input)) => output.strided_mut().copy_from_slice(input.strided()),
        _ => panic!("what is changed in place is a block"),
    }
}

fn empty(shape: &Shape) -> Payload {
    let buffer = Buffer::zeroed(shape.pooled_bytes()).expect("memory for a bench");
    match *shape {
        Shape::Real { rows, cols } => Payload::Real(Block::in_buffer(buffer, rows, cols, shape.stride())),
        Shape::Complex { rows, cols } => Payload::Complex(Block::in_buffer(buffer, rows, cols, shape.stride())),
        Shape::Small(_) | Shape::Device(_) => Payload::Empty,
    }
}

fn pixels(rows: usize, cols: usize) -> Payload {
    let mut payload = empty(&Shape::Real { rows, cols });
    payload.real_mut().view_mut().indexed_iter_mut().for_each(|((y, x), pixel)| *pixel = number(y * cols + x));
    payload
}

/// Of a size of 1.
fn spectrum(rows: usize, cols: usize) -> Payload {
    let mut payload = empty(&Shape::Complex { rows, cols });
    let turn = |i: usize| Complex32::from_polar(1.0, std::f32::consts::PI * number(i));
    payload.complex_mut().view_mut().indexed_iter_mut().for_each(|((y, x), cell)| *cell = turn(y * cols + x));
    payload
}

/// From −1 to 1, without an order.
fn number(i: usize) -> f32 {
    ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / (1u32 << 23) as f32 - 1.0
}

/// What criterion found: the median in seconds.
fn seconds(directory: &Path, name: &str) -> Option<f64> {
    let names = name.replace(", ", "_ ");
    let candidates = [name, names.as_str()];
    let text = candidates
        .iter()
        .find_map(|name| std::fs::read_to_string(directory.join(name).join("new/estimates.json")).ok())?;
    let found: serde_json::Value = serde_json::from_str(&text).ok()?;
    found["median"]["point_estimate"].as_f64().map(|nanoseconds| nanoseconds * 1e-9)
}

fn table(directory: &Path, size: usize, cases: &[Case], json: bool) {
    let Some(copied) = seconds(directory, COPY) else { return };
    let bandwidth = 2.0 * (size * size * 4) as f64 / copied * 1e-9;
    if !json {
        println!("\n{size}\u{b2}, one thread; a copy of memory moves {bandwidth:.1} GB/s, read and written");
        println!("{:>20} {:>8} {:>8} {:>10}", "kernel", "ms", "GB/s", "of a copy");
    }
    for case in cases {
        let Some(seconds) = seconds(&directory.join("kernels"), &case.name()) else { continue };
        let (name, rate) = (case.name(), case.bytes() as f64 / seconds * 1e-9);
        let (ms, part) = (seconds * 1e3, rate / bandwidth);
        match json {
            true => println!(r#"{{"kernel": "{name}", "ms": {ms:.3}, "gb_s": {rate:.3}, "of_copy": {part:.4}}}"#),
            false => println!("{name:>20} {ms:>8.2} {rate:>8.1} {:>8.0} %", 100.0 * part),
        }
    }
}
