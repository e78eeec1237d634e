//! Tables for `benches/RESULTS.md`.

use super::{Along, Point, Series, Spread};
use deconv::figure::number::decimal;

/// Bytes of a mebibyte.
pub const MIB: f64 = 1048576.0;

/// Prints what was measured along one thing.
pub fn print(series: &Series) {
    let name = series.along.name();
    println!(
        "\n| job | {name} | iterations made | refreshes | process, s | tasks, s | range | tasks, CPU s | exponent | theory | memory, MiB | exponent | theory |"
    );
    println!("|{}", " --- |".repeat(13));
    for curve in series.curves() {
        for (i, point) in curve.iter().enumerate() {
            println!("{}", row(series.along, point, i.checked_sub(1).map(|before| &curve[before])));
        }
    }
}

fn row(along: Along, point: &Point, before: Option<&Point>) -> String {
    let told = &point.runs[point.runs.len() - 1].told;
    let Spread { median: seconds, range: (low, high) } = point.spread(|run| run.told.run_s);
    let time = |point: &Point| point.spread(|run| along.seconds(run)).median;
    let memory = |point: &Point| point.spread(|run| run.told.peak_rss_bytes).median;
    let step = |of: &dyn Fn(&Point) -> f64| before.map_or("".into(), |before| exponent(before, point, of));
    let at = |point: &Point| point.case.at as f64;
    let cells = [
        point.case.curve.clone(),
        along.label(point.case.at),
        told.iterations().to_string(),
        told.refreshes().to_string(),
        decimal(point.spread(|run| run.process_s).median, 3),
        decimal(seconds, 3),
        format!("{}–{}", decimal(low, 3), decimal(high, 3)),
        decimal(point.spread(|run| run.told.run_cpu_s).median, 3),
        step(&time),
        step(&|point| along.expected_seconds(at(point))),
        format!("{:.0}", memory(point) / MIB),
        step(&memory),
        step(&|point| along.expected_memory(at(point))),
    ];
    format!("| {} |", cells.join(" | "))
}

/// The power of what grows with which a figure grows from one point to the next.
fn exponent(from: &Point, to: &Point, of: &dyn Fn(&Point) -> f64) -> String {
    let more = (to.case.at as f64 / from.case.at as f64).ln();
    let rounded = (100.0 * (of(to) / of(from)).ln() / more).round() / 100.0;
    // Not "-0.00".
    format!("{:.2}", rounded + 0.0)
}
