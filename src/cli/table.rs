//! The table at the end of a run.

use super::score::lines;
use crate::algorithm::Seams;
use crate::job::{PlaneSummary, Summary};

/// The planes of a run, a line each, and what it took.
pub fn table(summary: &Summary) -> String {
    let head = [
        "plane",
        "iterations",
        "refreshes",
        "peak before",
        "peak after",
        "residual rms",
        "model flux",
        "stopped",
        "time",
    ];
    let mut rows = vec![head.map(String::from).to_vec()];
    rows.extend(summary.planes.iter().map(|plane| {
        vec![
            plane.name.clone(),
            plane.iterations.to_string(),
            plane.refreshes.to_string(),
            format!("{}", Short(plane.peak_before)),
            format!("{}", Short(plane.peak_after)),
            format!("{}", Short(plane.rms_after)),
            format!("{}", Short(plane.model_flux)),
            plane.stop_reason.to_string(),
            format!("{:.2} s", plane.seconds),
        ]
    }));
    let mut text = columns(&rows);
    let mib = |bytes: usize| bytes as f64 / (1 << 20) as f64;
    text.push_str(&format!(
        "peaks and rms in {}; {} tasks in {:.2} s ({:.2} s of CPU), {:.0} MiB of memory ({:.0} predicted)\n",
        summary.unit,
        summary.tasks,
        summary.wall_s,
        summary.cpu_s,
        mib(summary.peak_rss_bytes),
        mib(summary.predicted_peak_bytes)
    ));
    text.extend(device(summary));
    text.extend(summary.planes.iter().filter_map(|plane| seams(summary, plane)));
    text + &summary.score.as_ref().map(lines).unwrap_or_default()
}

/// Which planes a device worked on, if it did on any.
fn device(summary: &Summary) -> Option<String> {
    let mut there = summary.planes.iter().filter_map(|plane| plane.device.as_ref());
    let (name, count) = (there.next()?, 1 + there.count());
    let planes =
        if count == summary.planes.len() { "transforms".into() } else { format!("transforms of {count} planes") };
    let mib = summary.device_peak_bytes as f64 / (1 << 20) as f64;
    Some(format!("{planes} on {name}, {mib:.0} MiB of its memory\n"))
}

/// What is to be said of the seams between the chunks of a plane, if there are any.
fn seams(summary: &Summary, plane: &PlaneSummary) -> Option<String> {
    let Seams { border_rms, border_max, inside_rms } = plane.seams?;
    let name = if summary.planes.len() > 1 { format!("{}: ", plane.name) } else { String::new() };
    Some(format!(
        "{name}what chunks predicted of the residual was off by {} rms at their borders (at most {}) and by {} inside, until a \
         refresh put it right\n",
        Short(border_rms),
        Short(border_max),
        Short(inside_rms)
    ))
}

/// Rows of cells as lines of text, a column's cells flush right.
pub fn columns(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows.first().map_or(0, Vec::len)).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:>width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A number with five significant digits.
pub struct Short(pub f64);

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let magnitude = if self.0 == 0.0 { 0 } else { self.0.abs().log10().floor() as i32 };
        match magnitude {
            -4..=4 => write!(f, "{:.*}", (4 - magnitude) as usize, self.0),
            _ => write!(f, "{:.4e}", self.0),
        }
    }
}
