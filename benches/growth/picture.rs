//! The picture of what was measured: time and memory beside each other, a row for each thing that grows.

use super::table::MIB;
use super::{Along, Point, Series, Spread};
use deconv::error::Result;
use deconv::figure::{Curve, Lower, Mark, Plot, PlotPanel, draw_plot};

/// As a PNG.
pub fn draw(all: &[Series], caption: String) -> Result<Vec<u8>> {
    let mut names: Vec<String> = Vec::new();
    for curve in all.iter().flat_map(Series::curves) {
        if !names.contains(&curve[0].case.curve) {
            names.push(curve[0].case.curve.clone());
        }
    }
    let panels = all.iter().flat_map(|series| {
        let along = series.along;
        let time = if along == Along::Threads { "Time (s)" } else { "Processor time (s)" };
        let seconds = |point: &Point| point.spread(|run| along.seconds(run));
        let mebibytes = |point: &Point| point.spread(|run| run.told.peak_rss_bytes / MIB);
        [panel(series, &names, time, &seconds), panel(series, &names, "Peak memory (MiB)", &mebibytes)]
    });
    let panels = panels.collect();
    let title = format!("deconv {}: growth of whole jobs", env!("CARGO_PKG_VERSION"));
    draw_plot(&Plot { title, caption, names, panels }).png()
}

fn panel(series: &Series, names: &[String], name: &str, of: &dyn Fn(&Point) -> Spread) -> PlotPanel {
    let mark = |point: &Point| {
        let Spread { median, range } = of(point);
        Mark { at: point.case.at as f64, value: median, range }
    };
    let curve = |points: &[Point]| Curve {
        colour: names.iter().position(|name| *name == points[0].case.curve).unwrap_or(0),
        marks: points.iter().map(mark).collect(),
    };
    let mut ticks: Vec<(f64, String)> = Vec::new();
    for at in series.points.iter().map(|point| point.case.at) {
        if !ticks.iter().any(|(known, _)| *known == at as f64) {
            ticks.push((at as f64, series.along.label(at)));
        }
    }
    let lower = Lower { name: lower_name(series.along).into(), ticks };
    PlotPanel { name: name.into(), lower, is_part: false, curves: series.curves().map(curve).collect() }
}

fn lower_name(along: Along) -> &'static str {
    match along {
        Along::Pixels => "Pixels of a plane",
        Along::Iterations => "Iterations",
        Along::Planes => "Planes",
        Along::Threads => "Threads",
    }
}
