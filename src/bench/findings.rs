//! What a sweep found: the middle of the repetitions of each point, and which is fastest.

use super::options::{Chunk, Point};
use super::record::{Measured, Outcome, Row};
use crate::algorithm::Method;
use serde_json::{Value, json};

/// The middle of some figures, the lowest and the highest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The median; of an even number the mean of both in the middle.
    pub median: f64,
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
}

/// What was found of a point.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The point.
    pub point: Point,
    /// Its runs that ended well; at least one.
    pub runs: Vec<Measured>,
}

impl Finding {
    /// Of the runs of a point, one of their figures.
    pub fn spread(&self, of: impl Fn(&Measured) -> f64) -> Spread {
        let mut numbers: Vec<f64> = self.runs.iter().map(of).collect();
        numbers.sort_by(f64::total_cmp);
        let (last, middle) = (numbers.len() - 1, numbers.len() / 2);
        let median =
            if numbers.len() % 2 == 1 { numbers[middle] } else { (numbers[middle - 1] + numbers[middle]) / 2.0 };
        Spread { median, low: numbers[0], high: numbers[last] }
    }

    /// Median of the seconds from begin to end.
    pub fn seconds(&self) -> f64 {
        self.spread(|run| run.wall_s).median
    }

    /// The run in the middle, by its time.
    pub fn middle(&self) -> Measured {
        let mut runs: Vec<&Measured> = self.runs.iter().collect();
        runs.sort_by(|a, b| a.wall_s.total_cmp(&b.wall_s));
        runs[runs.len() / 2].clone()
    }

    /// Rows and columns of its chunks, as they were.
    pub fn chunk(&self) -> [usize; 2] {
        self.runs[0].chunk
    }

    /// What decides how much work there is: rows and columns of a chunk, overlap and strips, as they were.
    fn cut(&self) -> ([usize; 2], usize, Option<usize>) {
        (self.runs[0].chunk, self.runs[0].overlap, self.runs[0].strip)
    }

    /// Median of a figure that not all runs have.
    pub fn border(&self) -> Option<Spread> {
        self.runs[0].border_rms?;
        Some(self.spread(|run| run.border_rms.unwrap_or(f64::NAN)))
    }
}

/// What was found, point by point, in the order of the sweep.
pub fn findings(points: &[Point], rows: &[Row]) -> Vec<Finding> {
    let found = points.iter().map(|point| {
        let runs = rows.iter().filter(|row| row.point == *point).filter_map(Row::measured).cloned().collect();
        Finding { point: *point, runs }
    });
    found.filter(|finding| !finding.runs.is_empty()).collect()
}

/// Parallel efficiency of a point, where the same was measured on one thread.
pub fn efficiency(findings: &[Finding], of: &Finding) -> Option<f64> {
    let alone = findings.iter().find(|finding| finding.point == Point { threads: 1, ..of.point })?;
    // What is chosen for one thread may be another chunk.
    let is_comparable = of.point.threads > 1 && alone.cut() == of.cut();
    is_comparable.then(|| alone.seconds() / (of.point.threads as f64 * of.seconds()))
}

/// The parallel efficiency of a run that is about to be recorded, from the run of the same repetition on one thread.
pub fn efficiency_of(rows: &[Row], point: &Point, repetition: usize, outcome: &Outcome) -> Option<f64> {
    let Outcome::Done(measured) = outcome else { return None };
    let alone = Point { threads: 1, ..*point };
    let alone = rows.iter().find(|row| row.point == alone && row.repetition == repetition)?.measured()?;
    (point.threads > 1 && alone.chunk == measured.chunk)
        .then(|| alone.wall_s / (point.threads as f64 * measured.wall_s))
}

/// The points of a method that are compared with each other: with the same executor and as many threads.
#[derive(Debug, Clone, PartialEq)]
pub struct Contest<'a> {
    /// The method.
    pub method: Method,
    /// Worker threads.
    pub threads: usize,
    /// What was found, `--chunk auto` left out, in the order of the sweep.
    pub entrants: Vec<&'a Finding>,
    /// The fastest of them.
    pub best: &'a Finding,
    /// What was found of `--chunk auto`, if it was measured.
    pub auto: Option<&'a Finding>,
}

/// Contests of all methods, on as many threads as were measured, and by `threads` if that was.
pub fn contests(findings: &[Finding]) -> Vec<Contest<'_>> {
    let mut methods: Vec<Method> = findings.iter().map(|finding| finding.point.method).collect();
    methods.dedup();
    methods.into_iter().filter_map(|method| contest(findings, method)).collect()
}

fn contest(findings: &[Finding], method: Method) -> Option<Contest<'_>> {
    let of_method = || findings.iter().filter(|finding| finding.point.method == method);
    let on_threads = of_method().any(|finding| finding.point.is_on_threads());
    let alike = || of_method().filter(|finding| finding.point.is_on_threads() == on_threads);
    let threads = alike().map(|finding| finding.point.threads).max()?;
    let (auto, entrants): (Vec<&Finding>, Vec<&Finding>) = alike()
        .filter(|finding| finding.point.threads == threads)
        .partition(|finding| finding.point.chunk == Some(Chunk::Auto));
    let best = *entrants.iter().min_by(|a, b| a.seconds().total_cmp(&b.seconds()))?;
    Some(Contest { method, threads, entrants, best, auto: auto.first().copied() })
}

/// A strip other than the usual one must save so much of the time: less is noise.
const WORTH: f64 = 0.03;

impl Contest<'_> {
    /// Were several chunks measured?
    pub fn has_chunks(&self) -> bool {
        self.entrants.iter().any(|finding| finding.point.chunk != self.best.point.chunk)
    }

    /// The fastest storage strip of the best point's chunk, and how much of the time of the usual one it saves; none where
    /// only one was measured, or not the usual one.
    pub fn strip(&self) -> Option<(Option<usize>, f64)> {
        let usual = Point { strip: None, ..self.best.point };
        let usual = self.entrants.iter().find(|finding| finding.point == usual)?;
        let others = self.entrants.iter().any(|finding| finding.point.strip != usual.point.strip);
        let saved = 1.0 - self.best.seconds() / usual.seconds();
        others.then_some(if saved >= WORTH { (self.best.point.strip, saved) } else { (None, 0.0) })
    }

    /// How much longer than the best `--chunk auto` took, as a part of it. Points that come to the same chunk, overlap and strips do the
    /// same work, so their runs count together.
    pub fn auto_excess(&self) -> Option<f64> {
        let auto = self.auto?;
        let all = || self.entrants.iter().copied().chain([auto]);
        let seconds = |of: &Finding| {
            let same = all().filter(|finding| finding.cut() == of.cut());
            Finding { point: of.point, runs: same.flat_map(|finding| finding.runs.clone()).collect() }.seconds()
        };
        let best = all().map(seconds).fold(f64::INFINITY, f64::min);
        Some(seconds(auto) / best - 1.0)
    }

    /// The contest as JSON.
    pub fn json(&self) -> Value {
        json!({
            "method": self.method.name(),
            "threads": self.threads,
            "best_chunk": self.best.chunk(),
            "best_seconds": self.best.seconds(),
            "auto_chunk": self.auto.map(Finding::chunk),
            "auto_seconds": self.auto.map(Finding::seconds),
            "auto_excess": self.auto_excess(),
        })
    }
}

/// A point with one run of so many seconds, for tests.
#[cfg(test)]
pub fn example(chunk: Option<Chunk>, wall_s: f64) -> Finding {
    let scheduler = crate::schedule::Scheduler::Threads;
    let point = Point { method: Method::Clark, chunk, overlap: None, strip: None, scheduler, threads: 2 };
    let side = if let Some(Chunk::Side(side)) = chunk { side } else { 4096 };
    let run = Measured {
        chunk: [side, side],
        overlap: 64,
        strip: None,
        wall_s,
        cpu_s: 1.0,
        run_s: wall_s,
        kernel_s: 1.0,
        scheduler_share: 0.01,
        idle_share: 0.02,
        peak_bytes: 10 << 20,
        predicted_bytes: 11 << 20,
        tasks: 100,
        refreshes: 3,
        components: 1000,
        border_rms: None,
        border_max: None,
        inside_rms: None,
        residual_rms: 1.0,
        residual_peak: 5.0,
        stopped: "nsigma".into(),
    };
    Finding { point, runs: vec![run] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_some_runs() {
        let mut finding = example(None, 3.0);
        assert_eq!(finding.spread(|run| run.wall_s), Spread { median: 3.0, low: 3.0, high: 3.0 });
        finding.runs.extend([1.0, 10.0].map(|seconds| example(None, seconds).runs.remove(0)));
        assert_eq!(finding.spread(|run| run.wall_s), Spread { median: 3.0, low: 1.0, high: 10.0 });
        assert_eq!(finding.middle().wall_s, 3.0);
        finding.runs.extend(example(None, 4.0).runs);
        assert_eq!(finding.seconds(), 3.5);
    }

    #[test]
    fn points_are_compared_with_their_like() {
        let alone = |mut finding: Finding| {
            finding.point.threads = 1;
            finding
        };
        let of = |method: Method, seconds: f64| {
            let mut finding = example(None, seconds);
            finding.point.method = method;
            finding
        };
        let mut inline = example(Some(Chunk::Side(64)), 0.1);
        inline.point.scheduler = crate::schedule::Scheduler::Inline;
        let findings = [
            alone(example(Some(Chunk::Side(64)), 1.8)),
            example(Some(Chunk::Side(64)), 1.2),
            example(Some(Chunk::Whole), 1.0),
            inline,
            of(Method::Wiener, 7.0),
        ];
        let contests = contests(&findings);
        let found: Vec<_> =
            contests.iter().map(|c| (c.method, c.threads, c.entrants.len(), c.best.seconds())).collect();
        assert_eq!(found, [(Method::Clark, 2, 2, 1.0), (Method::Wiener, 2, 1, 7.0)]);
        assert!(contests[0].has_chunks() && !contests[1].has_chunks());
        assert_eq!(efficiency(&findings, &findings[1]), Some(0.75));
        assert_eq!((efficiency(&findings, &findings[0]), efficiency(&findings, &findings[2])), (None, None));
    }
}
