//! Tables for `benches/RESULTS.md`.

use super::{Along, Point, Series, Spread};
use deconv::figure::number::decimal;

/// Bytes of a mebibyte.
pub const MIB: f64 = 1048576.0;

/// A cell and what is above its column.
type Cell = (&'static str, String);

/// Prints what was measured along one thing.
pub fn print(series: &Series) {
    for (i, curve) in series.curves().enumerate() {
        for (j, point) in curve.iter().enumerate() {
            let cells = row(series.along, point, j.checked_sub(1).map(|before| &curve[before]));
            if (i, j) == (0, 0) {
                let names: Vec<&str> = cells.iter().map(|(name, _)| *name).collect();
                println!("\n| {} |\n|{}", names.join(" | "), " --- |".repeat(names.len()));
            }
            println!("| {} |", cells.into_iter().map(|(_, cell)| cell).collect::<Vec<String>>().join(" | "));
        }
    }
}

fn row(along: Along, point: &Point, before: Option<&Point>) -> Vec<Cell> {
    let step = |of: &dyn Fn(&Point) -> f64| before.map_or(String::new(), |before| exponent(before, point, of));
    let made = &point.runs[point.runs.len() - 1].told;
    let Spread { median, range: (low, high) } = point.spread(|run| run.told.run_s);
    let time = |point: &Point| point.spread(|run| along.seconds(run)).median;
    let pass = |point: &Point| point.spread(|run| run.told.pass_s()).median;
    let memory = |point: &Point| point.spread(|run| run.told.peak_rss_bytes).median;
    let at = |point: &Point| point.case.at as f64;
    let mut cells = vec![
        ("job", point.case.curve.clone()),
        (along.name(), along.label(point.case.at)),
        ("iterations done", made.iterations().to_string()),
        ("refreshes", made.refreshes().to_string()),
        ("process, s", decimal(point.spread(|run| run.process_s).median, 3)),
        ("tasks, s (range)", format!("{} ({}–{})", decimal(median, 3), decimal(low, 3), decimal(high, 3))),
        ("tasks, CPU s", decimal(point.spread(|run| run.told.run_cpu_s).median, 3)),
        ("exponent", step(&time)),
    ];
    if along == Along::Pixels {
        cells.push(("a pass, ms", decimal(1e3 * pass(point), 3)));
        cells.push(("exponent", step(&pass)));
    }
    cells.push(("theory", step(&|point| along.expected_seconds(at(point)))));
    cells.push(("memory, MiB", format!("{:.0}", memory(point) / MIB)));
    cells.push(("exponent", step(&memory)));
    cells.push(("theory", step(&|point| along.expected_memory(at(point)))));
    cells
}

/// The power of what grows with which a figure grows from one point to the next.
fn exponent(from: &Point, to: &Point, of: &dyn Fn(&Point) -> f64) -> String {
    let more = (to.case.at as f64 / from.case.at as f64).ln();
    let rounded = (100.0 * (of(to) / of(from)).ln() / more).round() / 100.0;
    // Not "-0.00".
    format!("{:.2}", rounded + 0.0)
}
