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

/// Measures what is asked for, prints a table of each as soon as it is there, and draws the picture if all of [`Along`] was measured.
pub fn measure(all: &[Along], skies: &Skies, extent: &Extent, picture: &Path) {
    println!("\n{}; medians of {}.", Hardware::here(), extent.repetitions);
    let series: Vec<Series> = all
        .iter()
        .map(|along| {
            let series = along.measure(skies, extent);
            table::print(&series);
            series
        })
        .collect();
    let instructions =
        series.iter().find_map(|series| Some(&series.points.first()?.runs.first()?.told.instruction_set));
    let Some(instructions) = instructions else { return };
    println!("\nInstruction set of the transforms: {instructions}.");
    if Along::ALL.iter().any(|along| !all.contains(along)) {
        return println!("No picture: not all that grows was measured.");
    }
    let caption = format!("{}, {instructions}; medians and ranges of {} runs.", Hardware::here(), extent.repetitions);
    let png = picture::draw(&series, caption).unwrap_or_else(|error| panic!("{error}"));
    std::fs::write(picture, png).unwrap_or_else(|error| panic!("{}: {error}", picture.display()));
}
