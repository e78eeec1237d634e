//! The state machine alone, under drawn timings: the memory promise, chains, and graphs that are refused.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::event::{Events, Key, KeyMap};
use deconv::graph::{Graph, Place, Task, order, predict};
use deconv::image::Rect;
use deconv::kernel::{AddComponents, Combine, Component, Fill, Kernel, MeasureRows, MergeRows, Payload};
use deconv::schedule::{Assignment, Bench as Tools, Schedule, Site, perform};
use deconv::store::Pool;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use support::drawn::{Dice, drawn_graphs};
use support::files::{fits_of, noisy};

const SIDE: usize = 64;
const CHUNK: usize = SIDE * SIDE * 4;

fn key(array: u64) -> Key {
    Key { array, chunk: 0 }
}

fn task(kernel: impl Into<Kernel>, inputs: &[u64], output: u64) -> Task {
    Task::new(kernel.into(), inputs.iter().copied().map(key).collect(), vec![key(output)])
}

fn fill() -> Fill {
    Fill { rows: SIDE, cols: SIDE, value: 1.0 }
}

fn combine() -> Combine {
    Combine { rows: SIDE, cols: SIDE, left: 1.0, right: 2.0 }
}

fn measure() -> MeasureRows {
    MeasureRows { at: Rect::plane(SIDE, SIDE), ignored: None }
}

/// A schedule whose tasks start and end when the test says so.
struct Bench {
    schedule: Schedule,
    pool: Pool,
    running: Vec<Ended>,
}

struct Ended {
    at: (usize, usize),
    task: std::sync::Arc<Task>,
    owned: bool,
    outputs: Vec<Payload>,
}

impl Bench {
    fn new(workers: usize, shuffle: Option<u64>) -> Bench {
        Bench { schedule: Schedule::new(workers, shuffle, usize::MAX), pool: Pool::new(true), running: Vec::new() }
    }

    /// Starts the next task, if one may start: all its memory is taken from now on.
    fn start(&mut self) -> bool {
        let Some(assignment) = self.schedule.next_task(Site::Memory) else { return false };
        let Assignment { client, position, task, owned, .. } = &assignment;
        let (at, task, owned) = ((*client, *position), task.clone(), owned.is_some());
        let (cancel, events, last) = (AtomicBool::new(false), Events::silent(), Mutex::new(Instant::now()));
        let tools =
            Tools { pool: &self.pool, cancel: &cancel, fault: None, events: &events, device: None, last: &last };
        let (outputs, _) = perform(assignment, &tools).unwrap();
        self.running.push(Ended { at, task, owned, outputs });
        true
    }

    /// Ends one of the running tasks; whether it was the graph's last.
    fn end(&mut self, which: usize) -> bool {
        let Ended { at, task, owned, outputs } = self.running.remove(which);
        self.schedule.end(at, &task, owned, outputs, &self.pool).is_some()
    }
}

#[test]
fn drawn_timings_never_break_the_promise() {
    let directory = tempfile::tempdir().unwrap();
    let image = fits_of(&directory.path().join("noise.fits"), &noisy(40, 40, 2));
    for seed in 0..60 {
        let mut dice = Dice::new(seed);
        let workers = dice.within(2..9);
        let mut bench = Bench::new(workers, dice.one_in(2).then_some(seed));
        for graph in drawn_graphs(&image, 0, seed) {
            let graph = if seed % 2 == 0 { graph.optimised() } else { graph };
            bench.schedule.submit(0, graph, &bench.pool).unwrap();
            loop {
                let room = bench.running.len() < workers;
                if room && !dice.one_in(4) && bench.start() {
                    continue;
                }
                assert!(!bench.running.is_empty() || bench.schedule.has_task(Site::Memory), "stuck, seed {seed}");
                if !bench.running.is_empty() && bench.end(dice.below(bench.running.len())) {
                    break;
                }
            }
        }
        let (peak, predicted) = (bench.pool.peak_bytes(), bench.schedule.predicted_peak_bytes());
        assert!(peak <= predicted, "seed {seed}: {peak} > {predicted}");
        bench.schedule.close(0, &bench.pool);
        assert_eq!(bench.pool.used_bytes(), 0, "every buffer has come back");
    }
}

#[test]
fn a_copy_made_ahead_of_the_order_stays_charged() {
    // The sum (2, 3 → 5) would be made in place once 4 has read 2; started before that, it must copy.
    let tasks = vec![
        task(fill(), &[], 2),
        task(fill(), &[], 3),
        task(measure(), &[2], 4),
        Task {
            steps: chain_of_sum_and_measure(),
            inputs: vec![key(2), key(3)],
            outputs: vec![key(5)],
            place: Place::Memory,
        },
        task(fill(), &[], 6),
        task(fill(), &[], 7),
        Task {
            steps: chain_of_sum_and_measure(),
            inputs: vec![key(6), key(7)],
            outputs: vec![key(8)],
            place: Place::Memory,
        },
    ];
    let graph = Graph { tasks, answers: [4, 5, 8].map(key).to_vec(), ..Graph::default() };
    let prediction = predict(&graph, &KeyMap::default(), 2);
    assert_eq!((prediction.sequential, prediction.ahead), (2 * CHUNK, 2 * CHUNK));
    let mut bench = Bench::new(2, None);
    bench.schedule.submit(0, graph, &bench.pool).unwrap();
    for _ in 0..2 {
        bench.start();
        bench.end(0);
    }
    assert!(bench.start() && bench.start(), "4 and, ahead of it, 5");
    bench.end(0);
    assert!(bench.start(), "6 fits beside the copy");
    bench.end(1);
    assert!(!bench.start(), "7 does not");
    bench.end(0);
    while bench.start() {
        bench.end(0);
    }
    assert!(bench.pool.peak_bytes() <= prediction.peak_bytes());
}

fn chain_of_sum_and_measure() -> Vec<deconv::graph::Step> {
    let measured = deconv::graph::Step { kernel: measure().into(), takes: 0, joins_at: Some(0) };
    vec![deconv::graph::Step { kernel: combine().into(), takes: 2, joins_at: None }, measured]
}

#[test]
fn tasks_in_place_run_side_by_side_without_any_memory() {
    let mut bench = Bench::new(4, None);
    let made = Graph {
        tasks: (0..9).map(|i| task(fill(), &[], i)).collect(),
        keep: (0..9).map(key).collect(),
        ..Graph::default()
    };
    bench.schedule.submit(0, made, &bench.pool).unwrap();
    while bench.start() {
        bench.end(0);
    }
    let tasks = (0..4).map(|i| task(combine(), &[2 * i, 8], 10 + i)).collect();
    let keep = (10..14).map(key).collect();
    let sums = Graph { tasks, keep, release: (0..8).map(key).collect(), ..Graph::default() };
    let prediction = bench.schedule.submit(0, sums, &bench.pool).unwrap();
    // 1, 3, 5, 7 go at once; 0, 2, 4, 6 become the sums.
    assert_eq!(prediction.peak_bytes(), 5 * CHUNK);
    for _ in 0..4 {
        assert!(bench.start());
    }
    (0..4).for_each(|_| _ = bench.end(bench.running.len() - 1));
    assert_eq!(bench.pool.used_bytes(), 5 * CHUNK);
}

#[test]
fn the_peak_of_many_chains_is_that_of_one() {
    let chains = |n: u64| {
        let id = |chain: u64, step: u64| chain * 10 + step;
        let layer = |step: u64, make: fn(u64) -> Task| (0..n).map(move |chain| make(id(chain, step)));
        let mut tasks: Vec<Task> = layer(0, |id| task(fill(), &[], id)).collect();
        tasks.extend(layer(1, |id| task(fill(), &[], id)));
        tasks.extend(layer(2, |id| task(combine(), &[id - 2, id - 1], id)));
        tasks.extend(layer(3, |id| task(measure(), &[id - 1], id)));
        let rows: Vec<u64> = (0..n).map(|chain| id(chain, 3)).collect();
        tasks.push(task(MergeRows {}, &rows, 1_000_000));
        Graph { tasks, answers: vec![key(1_000_000)], ..Graph::default() }
    };
    let peak = |graph: &Graph| predict(graph, &KeyMap::default(), 1).peak_bytes();
    assert_eq!(peak(&chains(50)), 100 * CHUNK);
    assert_eq!(peak(&order(chains(50))), 2 * CHUNK);
    assert_eq!(peak(&chains(50).optimised()), peak(&chains(1).optimised()));
}

#[test]
fn answers_may_be_pixels_kept_too_and_asked_for_twice() {
    let graph = Graph {
        tasks: vec![task(fill(), &[], 1), task(fill(), &[], 2)],
        keep: vec![key(1), key(1)],
        answers: [1, 2, 2, 1].map(key).to_vec(),
        ..Graph::default()
    };
    let mut bench = Bench::new(1, None);
    bench.schedule.submit(0, graph, &bench.pool).unwrap();
    bench.start();
    bench.end(0);
    bench.start();
    let Ended { at, task, owned, outputs } = bench.running.remove(0);
    let finished = bench.schedule.end(at, &task, owned, outputs, &bench.pool).unwrap();
    assert_eq!(finished.answers.len(), 4);
    assert!(finished.answers.iter().all(|answer| answer.real().row(SIDE - 1) == [1.0; SIDE]));
    assert_eq!(bench.pool.used_bytes(), CHUNK, "only what is kept");
    assert_eq!(bench.pool.peak_bytes(), bench.schedule.predicted_peak_bytes());
    bench.schedule.close(0, &bench.pool);
    assert_eq!(bench.pool.used_bytes(), 0);
}

#[test]
fn what_cannot_run_is_refused() {
    let good = || Graph { tasks: vec![task(fill(), &[], 1), task(measure(), &[1], 2)], ..Graph::default() };
    let refused = |graph: Graph, why: &str| {
        let mut bench = Bench::new(1, None);
        let kept = Graph { tasks: vec![task(fill(), &[], 90)], keep: vec![key(90)], ..Graph::default() };
        bench.schedule.submit(0, kept, &bench.pool).unwrap();
        bench.start();
        bench.end(0);
        let error = bench.schedule.submit(0, graph, &bench.pool).unwrap_err();
        assert!(error.message.contains(why), "{error} instead of: {why}");
    };
    refused(Graph::default(), "without tasks");
    refused(Graph { tasks: good().tasks.into_iter().rev().collect(), ..Graph::default() }, "before it is made");
    refused(Graph { tasks: vec![task(measure(), &[1], 1)], ..Graph::default() }, "before it is made");
    refused(Graph { tasks: vec![task(fill(), &[], 1), task(fill(), &[], 1)], ..Graph::default() }, "twice");
    refused(Graph { tasks: vec![task(fill(), &[], 90)], ..Graph::default() }, "there already");
    refused(Graph { tasks: vec![task(measure(), &[7], 1)], ..Graph::default() }, "does not exist");
    refused(Graph { answers: vec![key(7)], ..good() }, "does not make");
    refused(Graph { keep: vec![key(90)], ..good() }, "does not make");
    let given = |keys: &[u64]| Graph { given: keys.iter().map(|&id| (key(id), vec![])).collect(), ..good() };
    refused(given(&[90]), "there already");
    refused(given(&[1]), "has it already");
    refused(given(&[7, 7]), "has it already");
    refused(Graph { keep: vec![key(7)], ..given(&[7]) }, "does not make");
    let broken: [fn(&mut Task); 5] = [
        |task| task.outputs.push(key(3)),
        |task| task.inputs.push(key(1)),
        |task| task.steps.clear(),
        |task| task.steps[0].joins_at = Some(0),
        |task| task.steps[0].kernel = combine().into(),
    ];
    for breaks in broken {
        let mut graph = good();
        breaks(&mut graph.tasks[0]);
        refused(graph, "");
    }
}

#[test]
fn what_is_given_stays_until_it_is_released() {
    let mut bench = Bench::new(1, None);
    let list = vec![Component { y: 1, x: 2, scale: 0, flux: 0.5 }];
    let sum = |id, release: &[u64]| Graph {
        tasks: vec![task(AddComponents { most: 2 }, &[7, 7], id)],
        answers: vec![key(id)],
        release: release.iter().copied().map(key).collect(),
        ..Graph::default()
    };
    let with_list = Graph { given: vec![(key(7), list.clone())], ..sum(1, &[]) };
    for graph in [with_list.clone(), sum(2, &[]), sum(3, &[7]), Graph { release: vec![key(7)], ..with_list }] {
        bench.schedule.submit(0, graph, &bench.pool).unwrap();
        bench.start();
        let Ended { at, task, owned, outputs } = bench.running.remove(0);
        let answers = bench.schedule.end(at, &task, owned, outputs, &bench.pool).unwrap().answers;
        assert_eq!(answers[0].components(), [Component { flux: 1.0, ..list[0] }]);
    }
    assert!(bench.schedule.submit(0, sum(4, &[]), &bench.pool).is_err(), "it is gone");
}

#[test]
fn another_clients_chunks_are_not_ones_own() {
    let mut bench = Bench::new(2, None);
    let kept = Graph { tasks: vec![task(fill(), &[], 1)], keep: vec![key(1)], ..Graph::default() };
    bench.schedule.submit(0, kept, &bench.pool).unwrap();
    bench.start();
    bench.end(0);
    let reads = Graph { tasks: vec![task(measure(), &[1], 2)], ..Graph::default() };
    assert!(bench.schedule.submit(1, reads.clone(), &bench.pool).is_err());
    let releases = Graph { tasks: vec![task(fill(), &[], 3)], release: vec![key(1), key(1)], ..Graph::default() };
    bench.schedule.submit(1, releases, &bench.pool).unwrap();
    bench.schedule.submit(0, reads, &bench.pool).expect("client 0 still has it");
}
