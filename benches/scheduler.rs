//! What the scheduler itself costs: tasks whose kernel does next to nothing.
//!
//! Times are of whole runs of `TASKS` tasks, thread pool and submission included; criterion's throughput is tasks per second, so
//! that 1 / throughput is the cost of a task (200 Kelem/s are 5 µs).

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use deconv::event::{Events, Key};
use deconv::graph::{Graph, Task, order};
use deconv::image::Rect;
use deconv::kernel::{Combine, Fill, MeasureRows, MergeRows};
use deconv::schedule::{OneGraph, Settings, run};
use std::hint::black_box;

const TASKS: u64 = 100_000;

fn key(array: u64) -> Key {
    Key { array, chunk: 0 }
}

fn fill(array: u64) -> Task {
    Task::new(Fill { rows: 1, cols: 1, value: 1.0 }.into(), vec![], vec![key(array)])
}

/// Tasks that have nothing to do with each other.
fn independent(tasks: u64) -> Graph {
    Graph { tasks: (0..tasks).map(fill).collect(), ..Graph::default() }
}

/// Tasks each of which needs the one before it.
fn chain(tasks: u64) -> Graph {
    let combine = Combine { rows: 1, cols: 1, left: 0.5, right: 0.5 };
    let link = |i| Task::new(combine.clone().into(), vec![key(i - 1), key(0)], vec![key(i)]);
    let tasks = std::iter::once(fill(0)).chain((1..tasks).map(link)).collect();
    Graph { tasks, ..Graph::default() }
}

/// Tasks of which every seventeenth reads the sixteen before it.
fn fan_in(tasks: u64) -> Graph {
    let measure = MeasureRows { at: Rect::plane(1, 1), ignored: None };
    let task = |i: u64| match i % 17 {
        16 => Task::new(MergeRows {}.into(), (i - 16..i).map(key).collect(), vec![key(i)]),
        _ => Task::new(measure.clone().into(), vec![key(u64::MAX)], vec![key(i)]),
    };
    let tasks = std::iter::once(fill(u64::MAX)).chain((0..tasks).map(task)).collect();
    Graph { tasks, ..Graph::default() }
}

type Make = fn(u64) -> Graph;

const GRAPHS: [(&str, Make); 3] = [("independent", independent), ("chain", chain), ("fan-in", fan_in)];

fn executors(c: &mut Criterion) {
    let mut group = c.benchmark_group("empty tasks");
    group.sample_size(10).throughput(Throughput::Elements(TASKS));
    for (name, make) in GRAPHS {
        let graph = order(make(TASKS));
        let ways =
            [("inline", Settings::inline()), ("1 thread", Settings::threads(1)), ("2 threads", Settings::threads(2))];
        for (way, settings) in ways.into_iter().chain([("8 threads", Settings::threads(8))]) {
            group.bench_function(format!("{name}, {way}"), |b| {
                let client = || OneGraph::new(graph.clone(), settings.workers());
                let work = |mut client| run(&mut [&mut client], &settings, &Events::silent());
                b.iter_batched(client, work, BatchSize::PerIteration);
            });
        }
    }
    group.finish();
}

fn passes(c: &mut Criterion) {
    let mut group = c.benchmark_group("passes");
    group.sample_size(10).throughput(Throughput::Elements(TASKS));
    for (name, make) in GRAPHS {
        let mut graph = make(TASKS);
        graph.keep = graph.tasks.iter().flat_map(|task| task.outputs.clone()).collect();
        group.bench_function(format!("{name}, optimised"), |b| {
            b.iter_batched(|| graph.clone(), |graph| black_box(graph.optimised()), BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, executors, passes);
criterion_main!(benches);
