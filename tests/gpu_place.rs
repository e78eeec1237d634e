//! Placement on a device as a pass over graphs, without any device: a chunk is the same numbers in either memory, so a placed graph that
//! runs in memory alone must make the same bits.
#![cfg(feature = "gpu")]
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::device::Facts;
use deconv::event::KeySet;
use deconv::graph::{Graph, Numbering, Place, Residency, check};
use deconv::image::Image;
use deconv::kernel::{Kernel, Shape};
use deconv::schedule::{Settings, forecast};
use support::drawn::drawn_graphs;
use support::files::{fits_of, noisy};
use support::script::run_scripts;

const SEEDS: u64 = 60;

/// From more than anything needs to less than most tasks do.
const ROOMS: [u64; 4] = [1 << 30, 40_000, 12_000, 3_000];

fn facts(room: u64) -> Facts {
    Facts { room, largest: 1 << 20 }
}

/// The graphs of a client, placed one after the other.
fn placed(graphs: &[Graph], room: u64, client: usize) -> Vec<Graph> {
    let mut device = Residency::new(facts(room));
    let mut next = ((client as u64) << 32) + (1 << 30);
    let mut new_array = || {
        next += 1;
        next
    };
    graphs.iter().map(|graph| graph.clone().placed(&mut device, &mut new_array)).collect()
}

/// The same graphs with all of their tasks in memory, transfers too.
fn in_memory(mut graphs: Vec<Graph>) -> Vec<Graph> {
    graphs.iter_mut().flat_map(|graph| &mut graph.tasks).for_each(|task| task.place = Place::Memory);
    graphs
}

fn for_each_seed(test: impl Fn(u64, Vec<Vec<Graph>>)) {
    let directory = tempfile::tempdir().unwrap();
    let mut pixels = noisy(40, 40, 1);
    pixels.iter_mut().step_by(37).for_each(|pixel| *pixel = f32::NAN);
    let image: Image = fits_of(&directory.path().join("noise.fits"), &pixels);
    for seed in 0..SEEDS {
        let clients = 1 + seed as usize % 2;
        test(seed, (0..clients).map(|client| drawn_graphs(&image, client, seed)).collect());
    }
}

#[test]
fn gpu_placement_changes_no_bit() {
    for_each_seed(|seed, programs| {
        let (expected, _) = run_scripts(programs.clone(), &Settings::inline()).unwrap();
        for room in ROOMS {
            let placed = programs.iter().enumerate().map(|(client, graphs)| in_memory(placed(graphs, room, client)));
            let poisoned = Settings { poison: true, ..Settings::threads(3) };
            let (found, _) = run_scripts(placed.collect(), &poisoned).unwrap();
            assert_eq!(found, expected, "seed {seed}, room {room}");
        }
    });
}

/// The keys of pixels and spectra that a graph makes on the device.
fn made_there(graph: &Graph) -> KeySet {
    let made = graph.tasks.iter().flat_map(|task| task.outputs.iter().copied().zip(task.shapes()));
    made.filter(|(_, shape)| matches!(shape, Shape::Device(_))).map(|(key, _)| key).collect()
}

#[test]
fn gpu_tasks_read_what_is_in_their_memory_and_fit_the_room() {
    for_each_seed(|seed, programs| {
        for room in ROOMS {
            let graphs = placed(&programs[0], room, 0);
            let made: KeySet = graphs.iter().flat_map(made_there).collect();
            for graph in &graphs {
                check(graph, &Numbering::of(graph)).unwrap();
                for task in &graph.tasks {
                    let reads_there = task.place != Place::Memory && !matches!(task.steps[0].kernel, Kernel::Upload(_));
                    let mut large = task.inputs.iter().filter(|key| is_large(&graphs, key));
                    assert!(large.all(|key| made.contains(key) == reads_there), "seed {seed}: {}", task.name());
                }
            }
            let bytes = forecast(&graphs, 2).device_bytes as u64;
            assert!(bytes <= room, "seed {seed}: {bytes} bytes on a device of {room}");
        }
    });
}

#[test]
fn gpu_less_room_means_more_carrying_or_less_work_there() {
    let count = |room: u64| {
        let mut counts = (0, 0);
        let directory = tempfile::tempdir().unwrap();
        let image: Image = fits_of(&directory.path().join("noise.fits"), &noisy(40, 40, 1));
        for graph in (0..SEEDS).flat_map(|seed| placed(&drawn_graphs(&image, 0, seed), room, 0)) {
            for task in graph.tasks.iter().filter(|task| task.place != Place::Memory) {
                match task.steps[0].kernel {
                    Kernel::Upload(_) | Kernel::Download(_) => counts.0 += 1,
                    _ => counts.1 += 1,
                }
            }
        }
        counts
    };
    let [roomy, tight, hardly] = [ROOMS[0], ROOMS[2], ROOMS[3]].map(count);
    assert!(roomy.1 > 100 && tight.1 > 50, "tasks on the device: {roomy:?} {tight:?}");
    assert!(tight.0 * roomy.1 > roomy.0 * tight.1, "carried for a task: {tight:?}, with room {roomy:?}");
    assert!(hardly.1 < roomy.1, "tasks on the device: {hardly:?} {roomy:?}");
}

fn is_large(graphs: &[Graph], key: &deconv::event::Key) -> bool {
    let made = graphs.iter().flat_map(|graph| &graph.tasks).flat_map(|task| task.outputs.iter().zip(task.made()));
    made.into_iter().any(|(made, shape)| made == key && shape.pooled_bytes() > 0)
}
