//! The picture of a sweep: time, memory and shares against what was varied.

use super::findings::{Finding, Spread, efficiency};
use super::options::{Chunk, Point};
use crate::error::Bytes;
use crate::figure::{Curve, Lower, Mark, Plot, PlotPanel};

/// What the lower axis is: the first of these that has several values.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Along {
    Chunk,
    Strip,
    Overlap,
    Threads,
}

impl Along {
    fn of(findings: &[Finding]) -> Along {
        let has_several = |along: &&Along| {
            let mut places = findings.iter().map(|finding| along.place(finding));
            let first = places.next();
            places.any(|place| Some(place) != first)
        };
        *[Along::Chunk, Along::Strip, Along::Overlap, Along::Threads].iter().find(has_several).unwrap_or(&Along::Chunk)
    }

    fn name(self) -> &'static str {
        match self {
            Along::Chunk => "Chunk (pixels a side)",
            Along::Strip => "Storage strip (bytes)",
            Along::Overlap => "Overlap (pixels)",
            Along::Threads => "Threads",
        }
    }

    /// Where a point lies, and what is told there; where nothing is given, at the end of what is.
    fn place(self, finding: &Finding) -> (f64, String) {
        let point = finding.point;
        match self {
            Along::Chunk => {
                let [rows, cols] = finding.chunk();
                let whole = matches!(point.chunk, Some(Chunk::Whole) | None);
                let side = rows.max(cols);
                (side as f64, if whole { "whole".into() } else { side.to_string() })
            }
            Along::Strip => match point.strip {
                Some(bytes) => (bytes as f64, Bytes(bytes as u64).to_string().replace(".0 ", " ")),
                None => (16384.0, "usual".into()),
            },
            Along::Overlap => {
                let pixels = point.overlap.unwrap_or(finding.runs[0].overlap);
                (pixels.max(1) as f64, pixels.to_string())
            }
            Along::Threads => (point.threads as f64, point.threads.to_string()),
        }
    }

    /// The point with what it lies along taken away: points of one curve are the same then.
    fn curve(self, point: Point) -> Point {
        match self {
            // One chunk has no overlap of its own.
            Along::Chunk => Point { chunk: None, ..point },
            Along::Strip => Point { strip: None, ..point },
            Along::Overlap => Point { overlap: None, ..point },
            Along::Threads => Point { threads: 0, ..point },
        }
    }
}

/// The picture of what was found.
pub fn plot(title: String, caption: String, findings: &[Finding]) -> Plot {
    let all = findings;
    let findings: Vec<Finding> =
        all.iter().filter(|finding| finding.point.chunk != Some(Chunk::Auto)).cloned().collect();
    let along = Along::of(&findings);
    let mut curves: Vec<Point> = Vec::new();
    let mut lower = Lower { name: along.name().into(), ticks: Vec::new() };
    for finding in &findings {
        let (curve, place) = (along.curve(finding.point), along.place(finding));
        if !curves.contains(&curve) {
            curves.push(curve);
        }
        if !lower.ticks.iter().any(|(at, _)| *at == place.0) {
            lower.ticks.push(place);
        }
    }
    let panel = |name: &str, is_part: bool, of: &dyn Fn(&Finding) -> Option<Spread>| {
        let curve = |(colour, curve): (usize, &Point)| {
            let on = findings.iter().filter(|finding| along.curve(finding.point) == *curve);
            let mark = |finding: &Finding| {
                let Spread { median, low, high } = of(finding)?;
                Some(Mark { at: along.place(finding).0, value: median, range: (low, high) })
            };
            let mut marks: Vec<Mark> = on.filter_map(mark).collect();
            marks.sort_by(|a, b| a.at.total_cmp(&b.at));
            Curve { colour, marks }
        };
        let curves = curves.iter().enumerate().map(curve).collect();
        PlotPanel { name: name.into(), lower: lower.clone(), is_part, curves }
    };
    let share = |of: fn(&super::Measured) -> f64| move |finding: &Finding| Some(finding.spread(of));
    let mib = |finding: &Finding| Some(finding.spread(|run| run.peak_bytes as f64 / f64::from(1 << 20)));
    let efficiency =
        |finding: &Finding| efficiency(&findings, finding).map(|part| Spread { median: part, low: part, high: part });
    let mut panels = vec![
        panel("Time (s)", false, &|finding| Some(finding.spread(|run| run.wall_s))),
        panel("Peak memory (MiB)", false, &mib),
        panel("Workers' time in scheduling (%)", true, &share(|run| run.scheduler_share)),
        panel("Workers' time idle (%)", true, &share(|run| run.idle_share)),
        panel("Parallel efficiency (%)", true, &efficiency),
        panel("Difference at chunk borders (rms, unit of the image)", false, &Finding::border),
    ];
    panels.retain(|panel| panel.curves.iter().any(|curve| !curve.marks.is_empty()));
    let names = curves.iter().map(|curve| name(along, *curve, &curves)).collect();
    Plot { title, caption, names, panels }
}

/// What makes a curve different from others.
fn name(along: Along, curve: Point, others: &[Point]) -> String {
    let varies = |is_same: &dyn Fn(&Point) -> bool| others.iter().any(|other| !is_same(other));
    let chunk = curve.chunk.filter(|_| along != Along::Chunk && varies(&|other| other.chunk == curve.chunk));
    let threads = varies(&|other| other.threads == curve.threads);
    let strip = varies(&|other| other.strip == curve.strip);
    let strip =
        strip.then(|| curve.strip.map_or("usual strips".into(), |bytes| format!("strips of {}", Bytes(bytes as u64))));
    let words = [
        Some(curve.method.name().to_string()),
        chunk.map(|chunk| format!("chunk {chunk}")),
        curve.overlap.map(|pixels| format!("overlap {pixels}")),
        threads.then(|| format!("{} thread{}", curve.threads, if curve.threads == 1 { "" } else { "s" })),
        strip,
        varies(&|other| other.scheduler == curve.scheduler).then(|| curve.scheduler_name().to_string()),
    ];
    words.into_iter().flatten().collect::<Vec<String>>().join(", ")
}
