//! The 2-D real transform by the bare kernels, against FFTW and as a task graph through the scheduler, in one run.
//!
//! `cargo bench --bench fft` prints criterion's figures for the small sizes and then a table of medians over
//! interleaved repetitions, from which alone a ratio should be read. `-- --test` runs everything once at 1024².
//! `FFT_SIZES=1024,4096` chooses the sizes of the table. `-- --json` prints the table alone, each of its lines as JSON, null for what
//! FFTW is missing for; `scripts/measure_bars.py` reads them. `-- --bare 3072,6144` measures the bare kernels alone, on one
//! thread, and prints a line of JSON for each size: medians of the processor time in seconds. `scripts/compare_peers.py` reads them.

mod fftw;
mod graph;
mod strips;

use criterion::{BenchmarkId, Criterion};
use deconv::kernel::fft::half_length;
use fftw::{Fftw, FftwPlane};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::time::{Duration, Instant};
use strips::Strips;

const THREADS: [usize; 2] = [1, 2];

fn main() {
    if let Some(sizes) = std::env::args().skip_while(|argument| argument != "--bare").nth(1) {
        return numbers("--bare", &sizes).into_iter().for_each(bare);
    }
    let has = |flag: &str| std::env::args().any(|argument| argument == flag);
    let (quick, most) = if has("--test") { (true, 11) } else { (false, 400) };
    let fftw = Fftw::load();
    if let Err(reason) = &fftw {
        eprintln!("FFTW is not here ({reason}): only the kernels are measured.");
    }
    let fftw = fftw.ok();
    let sizes = table_sizes(quick);
    if has("--json") {
        return table(&sizes, fftw.as_ref(), most, print_json);
    }
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    for size in if quick { vec![1024] } else { vec![1024, 2048] } {
        measure_with_criterion(&mut criterion, size, fftw.as_ref());
    }
    criterion.final_summary();
    println!("\nMedians in ms, forward / inverse (graph: both); a ratio is the median over neighbouring repetitions.");
    println!("| size | threads | kernels | FFTW | kernels/FFTW | quartiles | graph | graph/kernels | repetitions |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    table(&sizes, fftw.as_ref(), most, print_line);
}

fn table_sizes(quick: bool) -> Vec<usize> {
    match std::env::var("FFT_SIZES") {
        Ok(sizes) => numbers("FFT_SIZES", &sizes),
        Err(_) if quick => vec![1024],
        Err(_) => vec![1024, 2048, 4096, 8192],
    }
}

fn numbers(name: &str, list: &str) -> Vec<usize> {
    let number =
        |word: &str| word.parse().unwrap_or_else(|_| panic!("{name} takes sizes, such as 1024,4096; not {word}"));
    list.split(',').map(number).collect()
}

/// What the kernels of a transform forward and back cost a processor, as a line of JSON.
fn bare(size: usize) {
    const REPETITIONS: usize = 9;
    let mut plane = strips_with_noise(size, 1);
    compare(size, &mut plane, None);
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..REPETITIONS {
        times[0].push(processor_time(|| plane.forward()));
        times[1].push(processor_time(|| plane.inverse()));
    }
    let [forward, inverse] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[REPETITIONS / 2]
    });
    println!(
        r#"{{"size": {size}, "forward_cpu_s": {forward:.6}, "inverse_cpu_s": {inverse:.6}, "repetitions": {REPETITIONS}}}"#
    );
}

/// Seconds of processor time of the process, all threads.
fn processor_time(run: impl FnOnce() -> f64) -> f64 {
    let spent = || {
        let usage = getrusage(UsageWho::RUSAGE_SELF).expect("a process may ask what it took");
        (usage.user_time() + usage.system_time()).num_microseconds() as f64 * 1e-6
    };
    let before = spent();
    run();
    spent() - before
}

fn measure_with_criterion(criterion: &mut Criterion, size: usize, fftw: Option<&Fftw>) {
    let mut group = criterion.benchmark_group(format!("r2c+c2r {size}²"));
    for threads in THREADS {
        let mut ours = strips_with_noise(size, threads);
        group.bench_function(BenchmarkId::new("kernels", threads), |bencher| {
            bencher.iter(|| ours.forward() + ours.inverse());
        });
        if let Some(fftw) = fftw {
            let mut theirs = fftw_with_noise(fftw, size, threads);
            group.bench_function(BenchmarkId::new("FFTW", threads), |bencher| {
                bencher.iter(|| {
                    theirs.forward();
                    theirs.inverse();
                });
            });
        }
    }
    group.finish();
}

/// The pixel that both are given: anything but zeros.
fn noise(pixel: usize) -> f32 {
    let mixed = (pixel as u64 ^ (pixel as u64 >> 7) ^ 0x5DEE_CE66).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed >> 40) as f32 / (1u64 << 24) as f32 - 0.5
}

fn strips_with_noise(size: usize, threads: usize) -> Strips {
    let mut plane = Strips::new(size, threads);
    let mut pixel = 0;
    for strip in &mut plane.image {
        for value in strip.real_mut().strided_mut() {
            *value = noise(pixel);
            pixel += 1;
        }
    }
    plane
}

fn fftw_with_noise(fftw: &Fftw, size: usize, threads: usize) -> FftwPlane<'_> {
    let mut plane = fftw.plan(size, threads);
    plane.image.as_mut_slice().iter_mut().enumerate().for_each(|(pixel, value)| *value = noise(pixel));
    plane
}

/// Medians of interleaved repetitions: kernels, FFTW, graph, kernels … for about twelve seconds a line.
fn table(sizes: &[usize], fftw: Option<&Fftw>, most: usize, print: fn(usize, usize, &[Times])) {
    for &size in sizes {
        for threads in THREADS {
            let mut ours = strips_with_noise(size, threads);
            let mut theirs = fftw.map(|fftw| fftw_with_noise(fftw, size, threads));
            compare(size, &mut ours, theirs.as_mut());
            let mut times = Vec::new();
            let start = Instant::now();
            while times.len() < most && (times.len() < 5 || start.elapsed() < Duration::from_secs(12)) {
                let ours = (ours.forward(), ours.inverse());
                let theirs = theirs.as_mut().map(|plane| (time(|| plane.forward()), time(|| plane.inverse())));
                let graph = graph::times(size, threads, 1)[0];
                times.push(Times { ours, theirs: theirs.unwrap_or((f64::NAN, f64::NAN)), graph });
            }
            print(size, threads, &times);
        }
    }
}

/// Milliseconds of one repetition: forward and inverse, and for the graph both.
struct Times {
    ours: (f64, f64),
    theirs: (f64, f64),
    graph: f64,
}

impl Times {
    fn kernels(&self) -> f64 {
        self.ours.0 + self.ours.1
    }

    /// Kernels over FFTW.
    fn beside_fftw(&self) -> f64 {
        self.kernels() / (self.theirs.0 + self.theirs.1)
    }

    /// Graph over kernels.
    fn of_graph(&self) -> f64 {
        self.graph / self.kernels()
    }
}

/// The value at a place from 0, the least, to 1, the most.
fn quantile(times: &[Times], value: impl Fn(&Times) -> f64, place: f64) -> f64 {
    let mut values: Vec<f64> = times.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * place).round() as usize]
}

fn print_line(size: usize, threads: usize, times: &[Times]) {
    let median = |value: &dyn Fn(&Times) -> f64| quantile(times, value, 0.5);
    println!(
        "| {size} | {threads} | {:.2} / {:.2} | {:.2} / {:.2} | {:.2} | {:.2}–{:.2} | {:.2} | {:.2} | {} |",
        median(&|t| t.ours.0),
        median(&|t| t.ours.1),
        median(&|t| t.theirs.0),
        median(&|t| t.theirs.1),
        median(&Times::beside_fftw),
        quantile(times, Times::beside_fftw, 0.25),
        quantile(times, Times::beside_fftw, 0.75),
        median(&|t| t.graph),
        median(&Times::of_graph),
        times.len(),
    );
}

/// Where FFTW is not installed, what is held against it is null.
fn print_json(size: usize, threads: usize, times: &[Times]) {
    let median = |value: &dyn Fn(&Times) -> f64| quantile(times, value, 0.5);
    let line = serde_json::json!({
        "size": size, "threads": threads, "repetitions": times.len(),
        "kernels_ms": median(&Times::kernels), "fftw_ms": median(&|t| t.theirs.0 + t.theirs.1), "graph_ms": median(&|t| t.graph),
        "kernels_of_fftw": median(&Times::beside_fftw), "graph_of_kernels": median(&Times::of_graph),
    });
    println!("{line}");
}

/// Milliseconds that it takes.
fn time(run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64() * 1e3
}

/// Both must have made the same spectrum and got their image back, or their times mean nothing.
fn compare(size: usize, ours: &mut Strips, theirs: Option<&mut FftwPlane<'_>>) {
    ours.forward();
    ours.inverse();
    let pixels = ours.back.iter().flat_map(|strip| strip.real().strided());
    assert!(pixels.enumerate().all(|(pixel, &value)| (value - noise(pixel)).abs() < 1e-5));
    let Some(theirs) = theirs else { return };
    theirs.forward();
    let columns = ours.spectrum.iter().flat_map(|strip| (0..strip.complex().dim().0).map(|c| strip.complex().row(c)));
    let expected = theirs.spectrum.as_slice();
    for (x, column) in columns.enumerate() {
        for (y, value) in column.iter().enumerate() {
            let error = (value - expected[y * half_length(size) + x]).norm();
            assert!(error < 1e-5 * size as f32, "frequency ({y}, {x}) of {size}²: {error}");
        }
    }
}
