//! Clients that submit graphs known beforehand, and what their answers are, to the bit.

use deconv::error::Result;
use deconv::event::{Events, KeyMap};
use deconv::graph::{Graph, predict};
use deconv::kernel::Payload;
use deconv::schedule::{Client, Report, Settings, run};

/// A client that submits its graphs one after the other.
pub struct Script {
    graphs: Vec<Graph>,
    next: usize,
    /// The bits of each answer of each graph.
    pub answers: Vec<Vec<u64>>,
}

impl Script {
    pub fn new(graphs: Vec<Graph>) -> Script {
        Script { graphs, next: 0, answers: Vec::new() }
    }
}

impl Client for Script {
    fn peak_bytes(&self, workers: usize) -> usize {
        let mut resident = KeyMap::default();
        let mut peak = 0;
        for graph in &self.graphs {
            peak = peak.max(predict(graph, &resident, workers).peak_bytes());
            resident.retain(|key, _| !graph.release.contains(key));
            resident.extend(graph.kept_bytes());
        }
        peak
    }

    fn advance(&mut self, answers: Vec<Payload>) -> Result<Option<Graph>> {
        self.answers.extend(answers.iter().map(bits_of));
        self.next += 1;
        Ok(self.graphs.get(self.next - 1).cloned())
    }
}

/// Runs one client for each list of graphs; the answers of each.
pub fn run_scripts(programs: Vec<Vec<Graph>>, settings: &Settings) -> Result<(Vec<Vec<Vec<u64>>>, Report)> {
    let mut scripts: Vec<Script> = programs.into_iter().map(Script::new).collect();
    let mut clients: Vec<&mut dyn Client> = scripts.iter_mut().map(|script| script as &mut dyn Client).collect();
    let report = run(&mut clients, settings, &Events::silent())?;
    Ok((scripts.into_iter().map(|script| script.answers).collect(), report))
}

/// The answers of one graph.
pub fn answers_of(graph: Graph, settings: &Settings) -> Vec<Payload> {
    let mut client = deconv::schedule::OneGraph::new(graph, settings.workers());
    run(&mut [&mut client], settings, &Events::silent()).expect("the graph runs");
    client.answers
}

/// All that a payload holds, as bits.
pub fn bits_of(payload: &Payload) -> Vec<u64> {
    let short = |value: f32| u64::from(value.to_bits());
    match payload {
        Payload::Device(_) => panic!("a chunk on a device has no bits that a test could read"),
        Payload::Empty => vec![],
        Payload::Real(block) => block.view().iter().map(|&value| short(value)).collect(),
        Payload::Complex(block) => {
            block.view().iter().flat_map(|number| [short(number.re), short(number.im)]).collect()
        }
        Payload::Components(list) => {
            list.iter().flat_map(|c| [u64::from(c.y), u64::from(c.x), short(c.flux)]).collect()
        }
        Payload::Rows(rows) => rows
            .iter()
            .flat_map(|r| {
                let (peak_x, peak) = (u64::from(r.peak_x), short(r.peak));
                [u64::from(r.count), peak_x, peak, r.sum.to_bits(), r.sum_squares.to_bits()]
            })
            .collect(),
        Payload::Stats(s) => {
            let at = [u64::from(s.peak_y), u64::from(s.peak_x)];
            vec![s.count, at[0], at[1], short(s.peak), s.sum.to_bits(), s.sum_squares.to_bits()]
        }
        Payload::Histogram(counts) => counts.clone(),
        Payload::Numbers(numbers) => numbers.iter().map(|number| number.to_bits()).collect(),
    }
}
