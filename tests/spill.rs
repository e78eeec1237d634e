//! Graphs that do not fit the memory: the same bits through scratch, within the bytes that were granted.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::error::Kind;
use deconv::event::KeyMap;
use deconv::graph::{Graph, working_set};
use deconv::schedule::{Report, ScratchPlace, Settings};
use std::path::Path;
use support::drawn::drawn_graphs;
use support::files::{fits_of, noisy};
use support::script::run_scripts;

const SEEDS: u64 = 150;

/// The least budget in which all graphs of a client can run.
fn least(graphs: &[Graph]) -> usize {
    let mut resident = KeyMap::default();
    let mut most = 0;
    for graph in graphs {
        most = most.max(working_set(graph, &resident));
        resident.extend(graph.kept_bytes());
    }
    most
}

fn place(directory: &Path) -> Option<ScratchPlace> {
    Some(ScratchPlace { directory: directory.into(), bytes: 0 })
}

/// Runs drawn programs in the least budget and a little more; what each run reports.
fn for_each_run(check: impl Fn(u64, &[Vec<Graph>], usize, &Path)) {
    let directory = tempfile::tempdir().unwrap();
    let image = fits_of(&directory.path().join("noise.fits"), &noisy(40, 40, 2));
    for seed in 0..SEEDS {
        let clients = 1 + (seed % 3) as usize;
        let programs: Vec<Vec<Graph>> = (0..clients)
            .map(|client| drawn_graphs(&image, client, seed).into_iter().map(Graph::optimised).collect())
            .collect();
        let least = programs.iter().map(|graphs| least(graphs)).max().unwrap();
        check(seed, &programs, least, directory.path());
    }
}

#[test]
fn scratch_changes_no_bit_and_the_budget_is_kept() {
    let written = std::cell::Cell::new(0);
    for_each_run(|seed, programs, least, directory| {
        let (expected, _) = run_scripts(programs.to_vec(), &Settings::inline()).unwrap();
        for (workers, shuffle, more) in [(1, None, 0), (2, None, 0), (3, Some(seed), 0), (2, Some(seed), 4096)] {
            let budget = least + more;
            let how =
                Settings { budget, scratch: place(directory), shuffle, poison: true, ..Settings::threads(workers) };
            let inline = Settings { scheduler: deconv::schedule::Scheduler::Inline, ..how.clone() };
            for settings in [how, inline] {
                let (found, Report { peak_bytes, scratch, .. }) = run_scripts(programs.to_vec(), &settings).unwrap();
                assert_eq!(found, expected, "seed {seed}, {workers} workers, shuffle {shuffle:?}");
                assert!(peak_bytes <= budget, "seed {seed}, {workers} workers: {peak_bytes} > {budget}");
                assert!(scratch.read_bytes == 0 || scratch.written_bytes > 0);
                written.set(written.get() + scratch.written_bytes);
            }
        }
    });
    assert!(written.get() > 1_000_000, "{written:?}");
}

#[test]
fn less_than_a_task_needs_is_an_error_and_no_endless_wait() {
    for_each_run(|seed, programs, least, directory| {
        let one = Settings { budget: least - 1, scratch: place(directory), ..Settings::threads(2) };
        if let Err(error) = run_scripts(vec![programs[0].clone()], &one) {
            assert_eq!(error.kind, Kind::Memory, "seed {seed}: {error}");
        }
        let none = Settings { budget: 1, scratch: place(directory), ..Settings::inline() };
        let error = run_scripts(programs.to_vec(), &none).unwrap_err();
        assert_eq!(error.kind, Kind::Memory, "seed {seed}: {error}");
        assert!(error.message.contains("does not fit"), "{error}");
    });
}

#[test]
fn without_a_directory_for_scratch_it_is_said() {
    for_each_run(|_, programs, least, _| {
        let settings = Settings { budget: least, ..Settings::threads(2) };
        if let Err(error) = run_scripts(programs.to_vec(), &settings) {
            assert_eq!(error.kind, Kind::Memory);
            assert!(error.message.contains("no directory for scratch"), "{error}");
        }
    });
}
