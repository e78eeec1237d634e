//! Whatever fails, fails as the error of its task, and the run ends.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::array::{ArrayIds, Builder, ChunkedArray, Convolution, Grid, Padding, PsfReach, Source};
use deconv::error::{Error, Kind, Result};
use deconv::event::{Event, Events, Key, Listener, What};
use deconv::graph::Graph;
use deconv::image::{Image, Product, ProductKind, Rect};
use deconv::kernel::{
    AddComponents, Component, Download, JoinedCycle, Kernel, Lines, MOST_SCALES, Mask, MergeComponents, MinorCycle,
    MultiscaleCycle, NoiseBoxes, NoiseMap, Payload, Positions, Ratio, ReadTarget, Rescale, RootOfSquares, Scales,
    Scatter, Score, Shape, Signs, Stack, Upload, Weigh,
};
use deconv::schedule::{Client, Fault, FaultMode, OneGraph, Report, Settings, run};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use support::drawn::{disk, kernels_of};
use support::files::{fits_of, noisy};
use support::filters::{blanked, filtered, measured};
use support::posterior::drawn;
use support::splits::pulled;
use support::uv::observed;

const SHAPE: (usize, usize) = (24, 20);

/// Long enough for any machine: a run that takes it hangs.
const HANGS: Duration = Duration::from_secs(120);

fn finishes<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, waiting) = mpsc::channel();
    std::thread::spawn(move || done.send(work()));
    waiting.recv_timeout(HANGS).unwrap_or_else(|_| panic!("{what}: the run hangs or panics"))
}

/// A graph with every kernel there is, in the way in which the algorithms use them.
fn everything(directory: &Path) -> (Graph, Product) {
    let image = fits_of(&directory.join("noise.fits"), &noisy(SHAPE.0, SHAPE.1, 3));
    let product = Product::create(&directory.join("out.fits"), &image, ProductKind::Residual, 1).unwrap();
    let mut ids = ArrayIds::of_client(0);
    let mut b = Builder::new(&mut ids);
    append_everything(&mut b, &image, &product);
    (b.unoptimised(), product)
}

fn append_everything(b: &mut Builder<'_>, image: &Image, product: &Product) {
    let whole = Rect::plane(SHAPE.0, SHAPE.1);
    let source = Source { image, plane: 0, from: whole, scale: 1.0, zero_blanks: true };
    let dirty = ChunkedArray::from_fits(b, &source, 5);
    let shape = |at: Rect| Shape::Real { rows: at.rows, cols: at.cols };
    let dirty = dirty.map(b, &[], |at| Upload { shape: shape(at) }.into());
    let dirty = dirty.map(b, &[], |at| Download { shape: shape(at) }.into());
    let reach = PsfReach::new(SHAPE, SHAPE, (12, 10));
    let psf = Source { from: reach.section, ..source };
    let convolution = Convolution::of_psf(b, &psf, &reach, Convolution::padding(SHAPE, &reach, 3));
    let spectrum = convolution.transform(b, &dirty);
    let near = filtered(b, &spectrum, convolution.psf(), 2);
    let filtered = filtered(b, &near, convolution.psf(), 0).inverse(b, dirty.grid());
    let one = dirty.rechunk(b, Grid::whole(SHAPE));
    let beam = filtered.rechunk(b, Grid::whole(SHAPE));
    let lines = Lines::of(Rect::new(1, 2, SHAPE.0 - 1, SHAPE.1 - 2), SHAPE);
    let cycle = MinorCycle {
        at: Rect::plane(SHAPE.0, SHAPE.1),
        core: Rect::plane(SHAPE.0, SHAPE.1),
        psf: Rect::new(-12, -10, SHAPE.0, SHAPE.1),
        gain: 0.1,
        level: 0.0,
        max_iterations: 3,
        divergence: 1e9,
        signs: Signs::Both,
        keeps_residual: true,
        lines: lines.clone(),
    };
    let mask = dirty.map(b, &[], |at| Mask { at, inside: whole, regions: Some(disk()) }.into());
    let weights = mask.rechunk(b, Grid::whole(SHAPE));
    let [_, inside] = blanked(b, &dirty, &mask);
    let products = inside.dot(b, &filtered);
    let sums = measured(b, &spectrum, convolution.psf());
    let array = b.new_array();
    let output = |chunk| Key { array, chunk };
    b.task(cycle.clone(), vec![one.key(0), beam.key(0), weights.key(0)], (0..4).map(output).collect());
    let seam = dirty.seam(b, lines.clone(), (output(3), 0));
    let stack = b.single(Stack { planes: 2, rows: SHAPE.0, cols: SHAPE.1 }, vec![one.key(0), beam.key(0)]);
    let joined = b.new_array();
    let joined = [0, 1, 2, 3, 4].map(|chunk| Key { array: joined, chunk });
    let others = vec![cycle.psf];
    b.task(JoinedCycle { cycle, others }, vec![stack, beam.key(0), one.key(0)], joined.to_vec());
    let joined_seam = dirty.seam(b, lines, (joined[4], 1));
    let (pulled, apart) = pulled(b, &dirty, 0);
    let pulled = pulled.stats(b, None);
    let roots = dirty.map(b, &[&filtered], |at| RootOfSquares { rows: at.rows, cols: at.cols }.into()).stats(b, None);
    let cycle = MultiscaleCycle {
        at: whole,
        core: whole,
        scales: 1,
        patches: vec![Rect::new(-12, -10, SHAPE.0, SHAPE.1)],
        weights: [1.0; MOST_SCALES],
        gain: 0.1,
        level: 0.0,
        share: 0.8,
        signs: Signs::Both,
        max_iterations: 3,
        divergence: 1e9,
        lines: Lines::default(),
    };
    let smooth = convolution.transform(b, &dirty).multiply_scale(b, 4.0).inverse(b, Grid::whole(SHAPE));
    let array = b.new_array();
    let larger = [0, 1].map(|chunk| Key { array, chunk });
    b.task(cycle, vec![smooth.key(0), beam.key(0)], larger.to_vec());
    let merged = b.new_array();
    let [list, count] = [0, 1].map(|chunk| Key { array: merged, chunk });
    let merge = MergeComponents { most: 2, weights: [1.0; MOST_SCALES], planes: 1 };
    b.task(merge, vec![output(1), larger[0], joined[2]], vec![list, count]);
    let before = b.give(vec![Component { y: 3, x: 4, scale: 0, flux: 0.5 }]);
    let sum = b.single(AddComponents { most: 3 }, vec![before, list]);
    let scattered = ChunkedArray::from_keys(b.new_array(), dirty.grid());
    for k in 0..scattered.grid().len() {
        let at = scattered.grid().core(k);
        b.task(Scatter { at, scales: Scales::POINTS }, vec![sum], vec![scattered.key(k)]);
    }
    let boxes = b.single(NoiseBoxes { rows: SHAPE.0, cols: SHAPE.1, size: (24, 7) }, vec![one.key(0)]);
    let noise = b.new_array();
    let [map, lowest] = [0, 1].map(|chunk| Key { array: noise, chunk });
    b.task(NoiseMap { boxes: 3 }, vec![boxes], vec![map, lowest]);
    let places = b.single(Positions { at: whole, scale: Some(0) }, vec![sum]);
    let weigh = Weigh { at: whole, shape: SHAPE, size: (24, 7) };
    let weighed = ChunkedArray::from_keys(b.single(weigh, vec![places, map]).array, Grid::whole(SHAPE)).stats(b, None);
    let nothing = ChunkedArray::fill(b, dirty.grid(), 0.0);
    let model = scattered.combine(b, 1.0, &nothing, 1.0);
    let residual = convolution.apply(b, &model).combine(b, -1.0, &dirty, 1.0);
    let ratio = residual.map(b, &[&dirty], |at| Ratio { rows: at.rows, cols: at.cols, floor: 1e-6 }.into());
    let correction = convolution.apply_transposed(b, &ratio);
    let rescale = |at: Rect| Rescale { rows: at.rows, cols: at.cols, least: 0.5 }.into();
    let rescaled = model.map(b, &[&correction, &dirty], rescale).stats(b, None);
    let restored = convolution.restore(b, &model, [2.0, 0.0, 2.0]).restore_components(b, sum, [2.0, 0.0, 2.0], 3);
    let stats = restored.keep_sign(b, true).stats(b, None);
    let (_, mad) = residual.median_and_mad(b);
    let levels = residual.levels(b, 2);
    let score = |at: Rect| Score { rows: at.rows, cols: at.cols, signs: Signs::Positive }.into();
    let score = residual.map(b, &[&mask], score).stats(b, None);
    let made = observed(b, 12, 5, Padding::at_least(24, 24)).inverse(b, Grid::strips(SHAPE, 7)).stats(b, None);
    let spectrum = convolution.transform(b, &dirty);
    let (spread, drawn_sums) = drawn(b, &dirty, &spectrum, convolution.psf());
    let spread = spread.stats(b, None);
    let more = [
        restored.extremes(b),
        convolution.psf().extremes(b),
        sums.to_vec(),
        vec![products],
        drawn_sums.to_vec(),
        vec![spread],
    ]
    .concat();
    let answers = [
        stats,
        mad,
        levels,
        score,
        lowest,
        weighed,
        seam,
        output(2),
        larger[1],
        joined[3],
        joined_seam,
        roots,
        rescaled,
        made,
        pulled,
        apart,
    ];
    answers.into_iter().chain(more).for_each(|key| b.answer(key));
    residual.to_fits(b, product, 0);
    let again = b.single(ReadTarget { target: product.target(0, whole) }, vec![]);
    let again = ChunkedArray::from_keys(again.array, Grid::whole(SHAPE)).stats(b, None);
    b.answer(again);
}

fn executors() -> [Settings; 4] {
    [Settings::inline(), Settings::threads(1), Settings::threads(3), Settings::threads(8)]
}

fn run_graph(graph: &Graph, settings: &Settings) -> Result<Report> {
    let mut client = OneGraph::new(graph.clone(), settings.workers());
    run(&mut [&mut client], settings, &Events::silent())
}

#[test]
fn everything_is_everything_and_runs() {
    let directory = tempfile::tempdir().unwrap();
    let (graph, _product) = everything(directory.path());
    assert_eq!(kernels_of(&graph), Kernel::NAMES.iter().copied().collect::<BTreeSet<_>>());
    for settings in executors() {
        let report = run_graph(&graph, &settings).unwrap();
        assert_eq!(report.tasks, graph.tasks.len() as u64);
    }
}

#[test]
fn any_kernel_may_fail_or_panic() {
    let directory = tempfile::tempdir().unwrap();
    let (graph, _product) = everything(directory.path());
    for graph in [graph.clone(), graph.optimised()] {
        for &name in Kernel::NAMES {
            let modes = [FaultMode::Error, FaultMode::Panic];
            for (mode, settings) in modes.into_iter().flat_map(|mode| executors().map(|s| (mode, s))) {
                let settings = Settings { fault: Some(Fault { kernel: name.into(), mode }), ..settings };
                let graph = graph.clone();
                let error = finishes(name, move || run_graph(&graph, &settings)).unwrap_err();
                assert_eq!(error.kind, Kind::Internal, "{error}");
                let task = error.task.clone().unwrap_or_default();
                let kernels = task.split_whitespace().next().unwrap_or_default();
                assert!(kernels.split('+').any(|kernel| kernel == name), "{name}: {error}");
                let word = if mode == FaultMode::Panic {
                    "a panic that a test asked for"
                } else {
                    "an error that a test asked for"
                };
                assert!(error.message.contains(word), "{error}");
            }
        }
    }
}

/// A client that does as told when it has had a graph.
struct Odd {
    graph: Option<Graph>,
    then: fn() -> Result<Option<Graph>>,
}

impl Client for Odd {
    fn peak_bytes(&self, _workers: usize) -> usize {
        0
    }

    fn advance(&mut self, _answers: Vec<Payload>) -> Result<Option<Graph>> {
        self.graph.take().map_or_else(self.then, |graph| Ok(Some(graph)))
    }
}

fn fills(array: u64) -> Graph {
    let mut ids = ArrayIds::of_client(array as usize);
    let mut b = Builder::new(&mut ids);
    let array = ChunkedArray::fill(&mut b, Grid::strips((64, 64), 1), 1.0);
    let stats = array.stats(&mut b, None);
    b.answer(stats);
    b.unoptimised()
}

/// How a run of three good clients and an odd one ends.
fn with_others(then: fn() -> Result<Option<Graph>>, settings: Settings) -> Result<Report> {
    finishes("clients", move || {
        let mut good: Vec<OneGraph> = (0..3).map(|i| OneGraph::new(fills(i), settings.workers())).collect();
        let mut odd = Odd { graph: Some(fills(3)), then };
        let mut clients: Vec<&mut dyn Client> = good.iter_mut().map(|client| client as &mut dyn Client).collect();
        clients.insert(1, &mut odd);
        run(&mut clients, &settings, &Events::silent())
    })
}

#[test]
fn a_client_ends_the_run() {
    for settings in executors() {
        assert!(with_others(|| Ok(None), settings.clone()).is_ok());
        let error = with_others(|| Err(Error::usage("no more")), settings.clone()).unwrap_err();
        assert_eq!((error.kind, error.message.as_str(), error.task), (Kind::Usage, "no more", None));
        let error = with_others(|| panic!("of the client"), settings.clone()).unwrap_err();
        assert_eq!(error.kind, Kind::Internal);
        assert!(error.message.contains("of the client"), "{error}");
        let error = with_others(|| Ok(Some(Graph::default())), settings.clone()).unwrap_err();
        assert!(error.message.contains("without tasks"), "{error}");
        let unknown = || {
            let mut graph = fills(7);
            graph.tasks.retain(|task| !task.inputs.is_empty());
            Ok(Some(graph))
        };
        let error = with_others(unknown, settings).unwrap_err();
        assert!(error.message.contains("does not exist"), "{error}");
    }
}

#[test]
fn a_task_that_is_given_the_wrong_thing_says_so() {
    for settings in executors() {
        let mut graph = fills(0);
        let merge = graph.tasks.len() - 1;
        graph.tasks[merge].inputs[0] = graph.tasks[0].outputs[0];
        let error = finishes("wrong input", move || run_graph(&graph, &settings)).unwrap_err();
        assert!(error.message.contains("statistics of rows were expected"), "{error}");
        assert!(error.task.is_some_and(|task| task.starts_with("MergeRows")));
    }
}

#[test]
fn a_run_can_be_stopped() {
    for settings in executors() {
        settings.cancel.store(true, Ordering::Relaxed);
        let error = finishes("stopped before", move || run_graph(&fills(0), &settings)).unwrap_err();
        assert_eq!(error.kind, Kind::Interrupted);
    }
    for settings in executors() {
        let settings = Settings { cancel: Arc::default(), ..settings };
        let stops = Events::new(vec![Box::new(Stops { cancel: settings.cancel.clone(), after: "MeasureRows" })]);
        let result = finishes("stopped at a task", move || {
            let mut client = OneGraph::new(fills(0), settings.workers());
            run(&mut [&mut client], &settings, &stops)
        });
        assert_eq!(result.unwrap_err().kind, Kind::Interrupted);
    }
}

/// Stops the run, or fails, when a kernel has run.
struct Stops {
    cancel: Arc<AtomicBool>,
    after: &'static str,
}

impl Listener for Stops {
    fn hear(&self, event: &Event) {
        if let What::TaskFinished { name, .. } = &event.what
            && name == self.after
        {
            self.cancel.store(true, Ordering::Relaxed);
        }
    }
}

struct Fails;

impl Listener for Fails {
    fn hear(&self, event: &Event) {
        assert!(!matches!(event.what, What::TaskFinished { .. }), "a listener that cannot bear it");
    }
}

#[test]
fn a_listener_that_panics_does_not_leave_the_workers_waiting() {
    for settings in executors() {
        let error = finishes("listener", move || {
            let mut client = OneGraph::new(fills(0), settings.workers());
            run(&mut [&mut client], &settings, &Events::new(vec![Box::new(Fails)]))
        });
        assert!(error.unwrap_err().message.contains("cannot bear it"));
    }
}
