//! Whole jobs by size: how time and memory grow with pixels, iterations, planes and threads.
//!
//! `cargo bench --bench jobs` measures small jobs in this process with criterion, and then growth: each run a process of the program's own,
//! the repetitions of a series one after the other over all of its points. It prints tables for `benches/RESULTS.md` and draws
//! `docs/growth.png`. `-- --test` goes through all of it with tiny skies, and leaves nothing. What can be set:
//!
//! - `JOBS=pixels,threads` chooses parts, of `criterion`, `pixels`, `iterations`, `planes` and `threads`. The picture is drawn where all that
//!   grows was measured.
//! - `JOBS_SIZES=256,512,1024,2048,4096,8192` chooses the sizes of the series of pixels, `JOBS_REPETITIONS=5` the repetitions.
//! - `JOBS_DIRECTORY=DIR` is where skies are made, and stay; those that are there are taken. Else they go with a temporary directory.

mod growth;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use deconv::algorithm::Method;
use deconv::event::Events;
use deconv::job::{Options, deconvolve};
use growth::{Along, Extent, Skies};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The methods that are measured: minor cycles of points, of shapes, and iterations of transforms alone.
const METHODS: [Method; 3] = [Method::Clark, Method::Multiscale, Method::Wiener];

fn main() {
    let quick = std::env::args().any(|argument| argument == "--test");
    let temporary = tempfile::Builder::new().prefix("deconv-bench-").tempdir().expect("a temporary directory");
    let kept = std::env::var_os("JOBS_DIRECTORY").map(PathBuf::from).filter(|_| !quick);
    let skies = Skies { directory: kept.unwrap_or(temporary.path().into()), work: temporary.path().into() };
    let parts = list("JOBS");
    let wanted = |part: &str| parts.as_ref().is_none_or(|parts| parts.iter().any(|name| name == part));
    if let Some(name) = parts.iter().flatten().find(|name| *name != "criterion" && Along::named(name).is_none()) {
        panic!("JOBS takes criterion, pixels, iterations, planes and threads; not {name}");
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("Processes that ran in the last minute: {}", load.split_whitespace().next().unwrap_or("unknown"));
    if wanted("criterion") {
        small_jobs(&skies, if quick { &[64] } else { &[256, 512, 1024] });
    }
    let along: Vec<Along> = Along::ALL.into_iter().filter(|along| wanted(along.name())).collect();
    let picture = if quick { temporary.path().join("growth.png") } else { in_project("docs/growth.png") };
    growth::measure(&along, &skies, &extent(quick), &picture);
}

fn extent(quick: bool) -> Extent {
    let usual = if quick { Extent::tiny() } else { Extent::usual() };
    let sizes = list("JOBS_SIZES").map(|words| words.iter().map(|word| number("JOBS_SIZES", word)).collect());
    let repetitions = std::env::var("JOBS_REPETITIONS").ok().map(|word| number("JOBS_REPETITIONS", &word).max(1));
    Extent { sizes: sizes.unwrap_or(usual.sizes), repetitions: repetitions.unwrap_or(usual.repetitions), ..usual }
}

fn list(name: &str) -> Option<Vec<String>> {
    let text = std::env::var(name).ok()?;
    Some(text.split(',').map(|word| word.trim().to_string()).collect())
}

fn number(name: &str, word: &str) -> usize {
    word.parse().unwrap_or_else(|_| panic!("{name} takes numbers; not {word}"))
}

fn in_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Jobs in this process, with reading and writing, by pixels a second.
fn small_jobs(skies: &Skies, sizes: &[usize]) {
    let mut criterion = Criterion::default()
        .output_directory(&skies.work.join("criterion"))
        .without_plots()
        .configure_from_args()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    let mut group = criterion.benchmark_group("jobs");
    group.sampling_mode(SamplingMode::Flat);
    for &size in sizes {
        let [dirty, psf] = skies.plane(size);
        group.throughput(Throughput::Elements((size * size) as u64));
        for method in METHODS {
            let output = Some(skies.work.join("small"));
            let job = Options { method, output, overwrite: true, ..Options::new(dirty.clone(), psf.clone()) };
            group.bench_function(BenchmarkId::new(method.name(), format!("{size}²")), |bencher| {
                bencher.iter(|| deconvolve(&job, &Events::silent(), &Arc::default()).expect("a job that can be run"));
            });
        }
    }
    group.finish();
    criterion.final_summary();
}
