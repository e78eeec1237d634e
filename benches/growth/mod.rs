//! How time and memory of whole jobs grow.

mod along;
mod child;
mod picture;
mod skies;
mod table;

pub use along::{Along, Extent};
pub use skies::Skies;

use child::Run;
use deconv::job::Hardware;
use std::path::{Path, PathBuf};

/// A run that is repeated.
pub struct Case {
    /// What it is compared with: cases of one curve differ in one thing.
    pub curve: String,
    /// How much there is of that thing.
    pub at: usize,
    /// Dirty image and PSF.
    pub inputs: [PathBuf; 2],
    /// Further options of the program.
    pub options: Vec<String>,
}

/// A case with its runs.
pub struct Point {
    /// What was run.
    pub case: Case,
    /// Each repetition.
    pub runs: Vec<Run>,
}

/// What was measured along one thing that grows.
pub struct Series {
    /// What grows.
    pub along: Along,
    /// Curve after curve, each from little to much.
    pub points: Vec<Point>,
}

/// The middle of several figures, the lowest and the highest.
#[derive(Clone, Copy)]
pub struct Spread {
    /// The median; of an even number the upper one of both in the middle.
    pub median: f64,
    /// The lowest and the highest.
    pub range: (f64, f64),
}

impl Point {
    /// Of one of the figures of its runs.
    pub fn spread(&self, of: impl Fn(&Run) -> f64) -> Spread {
        let mut numbers: Vec<f64> = self.runs.iter().map(of).collect();
        numbers.sort_by(f64::total_cmp);
        Spread { median: numbers[numbers.len() / 2], range: (numbers[0], numbers[numbers.len() - 1]) }
    }
}

impl Series {
    /// The points of each curve.
    pub fn curves(&self) -> impl Iterator<Item = &[Point]> {
        self.points.chunk_by(|a, b| a.case.curve == b.case.curve)
    }
}

/// Measures what is asked for, prints tables, and draws the picture if all of [`Along`] was measured.
pub fn measure(all: &[Along], skies: &Skies, extent: &Extent, picture: &Path) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown").to_string();
    let series: Vec<Series> = all.iter().map(|along| along.measure(skies, extent)).collect();
    let Some(run) = series.iter().flat_map(|series| &series.points).flat_map(|point| &point.runs).next() else {
        return;
    };
    let machine = format!("{}, {}", Hardware::here(), run.told.instruction_set);
    let repetitions = extent.repetitions;
    println!("\n{machine}; medians of {repetitions}; load before the first run: {load}.");
    series.iter().for_each(table::print);
    if Along::ALL.iter().any(|along| !all.contains(along)) {
        return println!("\nNo picture: not all that grows was measured.");
    }
    let caption = format!("{machine}; medians and ranges of {repetitions} runs.");
    let png = picture::draw(&series, caption).unwrap_or_else(|error| panic!("{error}"));
    std::fs::write(picture, png).unwrap_or_else(|error| panic!("{}: {error}", picture.display()));
}
