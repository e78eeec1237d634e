//! Graphs drawn at random: whatever passes have been over them, whoever runs them, the bits are the same, and the memory
//! is what was promised.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::event::KeyMap;
use deconv::graph::{Graph, Numbering, check, cull, decode, encode, fuse, order, predict};
use deconv::image::Image;
use deconv::schedule::Settings;
use std::collections::HashSet;
use support::drawn::{Dice, drawn_graphs, kernels_of};
use support::files::{fits_of, noisy};
use support::script::run_scripts;

const SEEDS: u64 = 40;

/// Pixels to draw from, some of them blank, and one to three clients' graphs for each seed.
fn for_each_seed(test: impl Fn(u64, Vec<Vec<Graph>>)) {
    let directory = tempfile::tempdir().unwrap();
    let mut pixels = noisy(40, 40, 1);
    pixels.iter_mut().step_by(37).for_each(|pixel| *pixel = f32::NAN);
    let image: Image = fits_of(&directory.path().join("noise.fits"), &pixels);
    for seed in 0..SEEDS {
        let clients = 1 + seed as usize % 3;
        test(seed, (0..clients).map(|client| drawn_graphs(&image, client, seed)).collect());
    }
}

type Pass = fn(Graph) -> Graph;

fn passed(programs: &[Vec<Graph>], pass: Pass) -> Vec<Vec<Graph>> {
    programs.iter().map(|graphs| graphs.iter().cloned().map(pass).collect()).collect()
}

/// The same to the bit: a NaN among the parameters is not equal to itself.
fn assert_same(left: &Graph, right: &Graph) {
    assert_eq!(encode(left).unwrap(), encode(right).unwrap());
}

fn all_passes(graph: Graph) -> Graph {
    graph.optimised()
}

#[test]
fn drawn_graphs_have_all_sorts_of_kernels() {
    let seen = std::cell::RefCell::new(HashSet::new());
    for_each_seed(|_, programs| {
        programs.iter().flatten().for_each(|graph| seen.borrow_mut().extend(kernels_of(graph)));
    });
    assert_eq!(
        seen.borrow().len(),
        deconv::kernel::Kernel::NAMES.len() - 4,
        "all but WriteSection, ReadTarget and transfers: {seen:?}"
    );
}

#[test]
fn no_pass_changes_a_bit_and_one_worker_needs_what_was_predicted() {
    let passes: [Pass; 5] = [cull, fuse, order, all_passes, |graph| fuse(order(cull(graph)))];
    for_each_seed(|seed, programs| {
        let (expected, report) = run_scripts(programs.clone(), &Settings::inline()).unwrap();
        assert_eq!(report.peak_bytes, report.predicted_peak_bytes, "seed {seed}");
        for (i, pass) in passes.into_iter().enumerate() {
            let poisoned = Settings { poison: true, ..Settings::inline() };
            let (found, report) = run_scripts(passed(&programs, pass), &poisoned).unwrap();
            assert_eq!(found, expected, "seed {seed} pass {i}");
            assert_eq!(report.peak_bytes, report.predicted_peak_bytes, "seed {seed} pass {i}");
        }
    });
}

#[test]
fn no_executor_changes_a_bit_or_breaks_the_promise() {
    for_each_seed(|seed, programs| {
        let (expected, _) = run_scripts(programs.clone(), &Settings::inline()).unwrap();
        let optimised = passed(&programs, all_passes);
        for workers in [1, 2, 3, 8] {
            for shuffle in [None, Some(seed), Some(seed + 1000)] {
                let settings = Settings { shuffle, poison: true, ..Settings::threads(workers) };
                let programs = if shuffle == Some(seed) { &programs } else { &optimised };
                let (found, report) = run_scripts(programs.clone(), &settings).unwrap();
                assert_eq!(found, expected, "seed {seed}, {workers} workers, shuffle {shuffle:?}");
                let (peak, predicted) = (report.peak_bytes, report.predicted_peak_bytes);
                assert!(peak <= predicted, "seed {seed}, {workers} workers, shuffle {shuffle:?}: {peak} > {predicted}");
                if workers == 1 && shuffle.is_none() {
                    assert_eq!(peak, predicted);
                }
            }
        }
        let shuffled = Settings { shuffle: Some(seed), ..Settings::inline() };
        let (found, report) = run_scripts(optimised, &shuffled).unwrap();
        assert_eq!(found, expected);
        assert!(report.peak_bytes <= report.predicted_peak_bytes);
    });
}

#[test]
fn a_budget_for_one_client_lets_them_in_one_after_the_other() {
    for_each_seed(|seed, programs| {
        let (expected, _) = run_scripts(programs.clone(), &Settings::inline()).unwrap();
        let alone = programs.iter().map(|graphs| {
            let settings = Settings::threads(3);
            run_scripts(vec![graphs.clone()], &settings).unwrap().1.predicted_peak_bytes
        });
        let dearest = alone.max().unwrap();
        let settings = Settings { budget: dearest, ..Settings::threads(3) };
        let (found, report) = run_scripts(programs, &settings).unwrap();
        assert_eq!(found, expected, "seed {seed}");
        assert!(report.predicted_peak_bytes <= dearest && report.peak_bytes <= dearest, "seed {seed}");
    });
}

#[test]
fn a_graph_survives_as_bytes() {
    for_each_seed(|seed, programs| {
        let expected = run_scripts(programs.clone(), &Settings::inline()).unwrap().0;
        let trip = |graph: &Graph| decode(&encode(graph).unwrap()).unwrap();
        let back: Vec<Vec<Graph>> = programs.iter().map(|graphs| graphs.iter().map(trip).collect()).collect();
        back.iter().flatten().zip(programs.iter().flatten()).for_each(|(back, graph)| assert_same(back, graph));
        assert_eq!(run_scripts(back, &Settings::inline()).unwrap().0, expected, "seed {seed}");
        let fused: Vec<Vec<Graph>> = passed(&programs, all_passes);
        fused.iter().flatten().for_each(|graph| assert_same(&trip(graph), graph));
    });
}

#[test]
fn what_is_no_graph_of_this_build_is_refused() {
    for_each_seed(|seed, programs| {
        let graph = &programs[0][0];
        let bytes = encode(graph).unwrap();
        // Format number, then length and text of the crate's version.
        for i in [0, 2] {
            let mut other = bytes.clone();
            other[i] ^= 1;
            let error = decode(&other).unwrap_err();
            assert!(error.message.contains("this program of"), "{error}");
            assert!(error.remedy.is_some());
        }
        let mut dice = Dice::new(seed);
        for _ in 0..50 {
            assert!(decode(&bytes[..dice.below(bytes.len())]).is_err());
            let garbage: Vec<u8> = (0..dice.below(200)).map(|_| dice.bits() as u8).collect();
            assert!(decode(&garbage).is_err());
            let mut longer = bytes.clone();
            longer.push(dice.bits() as u8);
            assert!(decode(&longer).is_err());
            // A flipped bit may give another graph, but no panic.
            let mut flipped = bytes.clone();
            flipped[dice.below(bytes.len())] ^= 1 << dice.below(8);
            if let Ok(other) = decode(&flipped) {
                assert!(encode(&other).is_ok());
            }
        }
    });
}

#[test]
fn numbers_lead_from_chunks_to_tasks_and_back() {
    for_each_seed(|seed, programs| {
        for graph in programs.into_iter().flatten() {
            let numbering = Numbering::of(&graph);
            let (readers, reads) = (numbering.readers(), numbering.reads());
            let mut seen = HashSet::new();
            for (i, task) in graph.tasks.iter().enumerate() {
                let number = |key| numbering.number(key).unwrap();
                assert!(task.outputs.iter().map(number).eq(numbering.outputs(i)), "seed {seed}");
                assert!(task.inputs.iter().map(number).eq(numbering.inputs(i)), "seed {seed}");
                assert!(numbering.outputs(i).all(|output| numbering.maker(output) == Some(i) && seen.insert(output)));
            }
            assert_eq!((seen.len(), numbering.chunks()), (numbering.made(), seen.len() + numbering.external().len()));
            for (i, key) in numbering.external().iter().enumerate() {
                let number = numbering.made() + i;
                assert_eq!((numbering.number(key), numbering.maker(number)), (Some(number), None), "seed {seed}");
            }
            for (number, reads) in reads.iter().enumerate() {
                let of = |(i, _): &(usize, _)| numbering.inputs(*i).filter(|input| *input == number).count();
                let expected = graph.tasks.iter().enumerate().flat_map(|task| vec![task.0 as u32; of(&task)]);
                assert_eq!(readers.of(number), expected.collect::<Vec<_>>(), "seed {seed}");
                assert_eq!(readers.of(number).len(), *reads as usize, "seed {seed}");
            }
        }
    });
}

#[test]
fn cull_leaves_what_is_wanted_and_nothing_else() {
    for_each_seed(|seed, programs| {
        for graph in programs.into_iter().flatten() {
            let culled = cull(graph.clone());
            let wanted: HashSet<_> = culled.keep.iter().chain(&culled.answers).copied().collect();
            let uses: HashSet<_> = culled.tasks.iter().flat_map(|task| task.inputs.clone()).collect();
            let is_wanted = |key| wanted.contains(key) || uses.contains(key);
            assert!(culled.tasks.iter().all(|task| task.outputs.iter().any(is_wanted)), "seed {seed}");
            assert_same(&cull(culled.clone()), &culled);
            check(&culled, &Numbering::of(&culled)).unwrap();
            let nobody = Graph { keep: vec![], answers: vec![], ..graph };
            assert!(cull(nobody).tasks.is_empty());
        }
    });
}

#[test]
fn fuse_makes_chains_and_hides_nothing() {
    let shorter = std::cell::Cell::new(0);
    for_each_seed(|seed, programs| {
        for graph in programs.into_iter().flatten() {
            let fused = fuse(graph.clone());
            check(&fused, &Numbering::of(&fused)).unwrap();
            let kernels = |graph: &Graph| graph.tasks.iter().map(|task| task.steps.len()).sum::<usize>();
            assert_eq!(kernels(&fused), kernels(&graph), "seed {seed}");
            let made: HashSet<_> = fused.tasks.iter().flat_map(|task| task.outputs.clone()).collect();
            assert!(fused.keep.iter().chain(&fused.answers).all(|key| made.contains(key)));
            assert_same(&fuse(fused.clone()), &fused);
            shorter.set(shorter.get() + graph.tasks.len() - fused.tasks.len());
        }
    });
    assert!(shorter.get() > 1000, "{shorter:?}");
}

#[test]
fn order_is_an_order_and_never_dearer_than_the_one_before() {
    let cheaper = std::cell::Cell::new(0);
    for_each_seed(|seed, programs| {
        for graph in programs.into_iter().flatten() {
            let ordered = order(graph.clone());
            check(&ordered, &Numbering::of(&ordered)).unwrap();
            assert_eq!(ordered.tasks.len(), graph.tasks.len());
            let all = |graph: &Graph| graph.tasks.iter().map(|task| task.outputs[0]).collect::<HashSet<_>>();
            assert_eq!(all(&ordered), all(&graph));
            let peak = |graph: &Graph| predict(graph, &KeyMap::default(), 1).peak_bytes();
            assert!(peak(&ordered) <= peak(&graph), "seed {seed}");
            cheaper.set(cheaper.get() + usize::from(peak(&ordered) < peak(&graph)));
        }
    });
    assert!(cheaper.get() > 10, "{cheaper:?}");
}
