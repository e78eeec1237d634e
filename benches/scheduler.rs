//! What the scheduler itself costs: tasks whose kernel does next to nothing.
//!
//! `cargo bench --bench scheduler` prints a table: microseconds a task by shape of the graph, executor and number of tasks, medians
//! of whole runs with submission and starting the threads, and of the passes (culling, fusing, ordering, pricing). `-- --json` prints
//! it as lines of JSON, `-- --test` runs everything once with few tasks. `SCHEDULER_TASKS=1000,100000` chooses the numbers.

use deconv::event::{Events, Key};
use deconv::graph::{Graph, Task, order};
use deconv::image::Rect;
use deconv::kernel::{Combine, Fill, MeasureRows, MergeRows};
use deconv::schedule::{OneGraph, Settings, run};
use std::hint::black_box;
use std::time::Instant;

/// What is measured takes so many tasks together, in several runs.
const TASKS_IN_ALL: usize = 3_000_000;

fn main() {
    let has = |flag: &str| std::env::args().any(|argument| argument == flag);
    let quick = has("--test");
    let table = if has("--json") { print_json } else { print_row };
    if !has("--json") {
        println!(
            "microseconds a task\n{:>12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "graph", "tasks", "inline", "1 thread", "2", "8", "passes"
        );
    }
    for tasks in counts(quick) {
        let repetitions = if quick { 1 } else { (TASKS_IN_ALL / tasks).clamp(3, 30) };
        for (name, make) in GRAPHS {
            table(name, tasks, &measure(make(tasks as u64), repetitions));
        }
    }
}

fn counts(quick: bool) -> Vec<usize> {
    match std::env::var("SCHEDULER_TASKS") {
        Ok(list) => list.split(',').map(|word| word.parse().expect("SCHEDULER_TASKS takes numbers")).collect(),
        Err(_) if quick => vec![2000],
        Err(_) => vec![1000, 10_000, 100_000, 1_000_000],
    }
}

const WAYS: [&str; 5] = ["inline", "1 thread", "2 threads", "8 threads", "passes"];

fn print_row(name: &str, tasks: usize, micros: &[f64]) {
    print!("{name:>12} {tasks:>9}");
    micros.iter().for_each(|micros| print!(" {micros:>9.2}"));
    println!();
}

fn print_json(name: &str, tasks: usize, micros: &[f64]) {
    for (way, micros) in WAYS.iter().zip(micros) {
        println!(r#"{{"graph": "{name}", "tasks": {tasks}, "way": "{way}", "us_a_task": {micros:.4}}}"#);
    }
}

/// Microseconds a task in the order of [`WAYS`].
fn measure(made: Graph, repetitions: usize) -> Vec<f64> {
    let tasks = made.tasks.len() as f64;
    let graph = order(made.clone());
    let ways = [Settings::inline(), Settings::threads(1), Settings::threads(2), Settings::threads(8)];
    let mut seconds: Vec<f64> =
        ways.iter().map(|settings| median(repetitions, || run_once(&graph, settings))).collect();
    let mut wanted = made;
    wanted.keep = wanted.tasks.iter().flat_map(|task| task.outputs.clone()).collect();
    seconds.push(median(repetitions, || {
        let graph = wanted.clone();
        let start = Instant::now();
        black_box(graph.optimised());
        start.elapsed().as_secs_f64()
    }));
    seconds.into_iter().map(|seconds| seconds * 1e6 / tasks).collect()
}

/// Seconds of a run, submission included. What is left of the graph is dropped after it.
fn run_once(graph: &Graph, settings: &Settings) -> f64 {
    let mut client = OneGraph::new(graph.clone(), settings.workers());
    let start = Instant::now();
    run(&mut [&mut client], settings, &Events::silent()).expect("a graph that can be run");
    start.elapsed().as_secs_f64()
}

fn median(repetitions: usize, mut once: impl FnMut() -> f64) -> f64 {
    let mut seconds: Vec<f64> = (0..repetitions).map(|_| once()).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

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
