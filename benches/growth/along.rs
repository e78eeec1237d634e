//! What grows: with which cases it is measured, and what theory says.

use super::child::{Run, run};
use super::{Case, Point, Series, Skies};
use crate::METHODS;
use deconv::algorithm::Method;
use std::path::PathBuf;

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Extent {
    /// Rows of the skies in the series of pixels.
    pub sizes: Vec<usize>,
    /// Components.
    pub iterations: Vec<usize>,
    /// Planes of cubes.
    pub planes: Vec<usize>,
    /// Worker threads.
    pub threads: Vec<usize>,
    /// Rows of the skies in the series of iterations, planes and threads.
    pub others: [usize; 3],
    /// What cubes are limited to: enough for one plane of the usual size at a time, not for two.
    pub memory: &'static str,
    /// Runs a point.
    pub repetitions: usize,
}

impl Extent {
    /// What `benches/RESULTS.md` has.
    pub fn usual() -> Extent {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let doubled = (0..).map(|power| 1 << power).take_while(|threads| *threads < cores);
        Extent {
            sizes: vec![256, 512, 1024, 2048, 4096],
            iterations: vec![1000, 10_000, 100_000, 1_000_000],
            planes: vec![1, 2, 4, 8, 16],
            threads: doubled.chain([cores]).collect(),
            others: [2048, 512, 2048],
            memory: "26MiB",
            repetitions: 3,
        }
    }

    /// Enough to go through all of it.
    pub fn tiny() -> Extent {
        Extent {
            sizes: vec![64, 128],
            iterations: vec![10, 100],
            planes: vec![1, 2],
            threads: vec![1, 2],
            others: [64; 3],
            memory: "26MiB",
            repetitions: 1,
        }
    }
}

/// What there is more and more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Along {
    /// Pixels of a plane, jobs with their defaults.
    Pixels,
    /// Components, without another stop.
    Iterations,
    /// Planes of a cube.
    Planes,
    /// Worker threads.
    Threads,
}

impl Along {
    /// All there are.
    pub const ALL: [Along; 4] = [Along::Pixels, Along::Iterations, Along::Planes, Along::Threads];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Along::Pixels => "pixels",
            Along::Iterations => "iterations",
            Along::Planes => "planes",
            Along::Threads => "threads",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Along> {
        Along::ALL.into_iter().find(|along| along.name() == name)
    }

    /// What is told of a place.
    pub fn label(self, at: usize) -> String {
        match self {
            Along::Pixels => format!("{}²", at.isqrt()),
            _ => thousands(at),
        }
    }

    /// The time that is looked at: the processors', on which others weigh less; with more threads the clock's is what gets less.
    pub fn seconds(self, run: &Run) -> f64 {
        if self == Along::Threads { run.told.run_s } else { run.told.run_cpu_s }
    }

    /// What the time of a run is in proportion to, but for a constant part.
    pub fn expected_seconds(self, at: f64) -> f64 {
        match self {
            Along::Pixels => at * at.ln(),
            Along::Iterations | Along::Planes => at,
            Along::Threads => 1.0 / at,
        }
    }

    /// The same of its memory.
    pub fn expected_memory(self, at: f64) -> f64 {
        if self == Along::Pixels { at } else { 1.0 }
    }

    /// Measures, again and again over all cases.
    pub fn measure(self, skies: &Skies, extent: &Extent) -> Series {
        let cases = self.cases(skies, extent);
        let mut points: Vec<Point> = cases.into_iter().map(|case| Point { case, runs: Vec::new() }).collect();
        for repetition in 1..=extent.repetitions {
            eprintln!("{}, {repetition} of {}", self.name(), extent.repetitions);
            points.iter_mut().for_each(|point| point.runs.push(run(&point.case, &skies.work)));
        }
        Series { along: self, points }
    }

    fn cases(self, skies: &Skies, extent: &Extent) -> Vec<Case> {
        let [of_iterations, of_planes, of_threads] = extent.others;
        let by_method = |ats: &[usize], inputs: &dyn Fn(usize) -> [PathBuf; 2], option: &dyn Fn(usize) -> String| {
            let case = |method: Method, at: usize| case(method, "", at, inputs(at), &option(at));
            METHODS.iter().flat_map(|method| ats.iter().map(move |at| case(*method, *at))).collect::<Vec<Case>>()
        };
        match self {
            Along::Pixels => {
                let pixels: Vec<usize> = extent.sizes.iter().map(|size| size * size).collect();
                by_method(&pixels, &|pixels| skies.plane(pixels.isqrt()), &|_| String::new())
            }
            Along::Iterations => {
                let options = |niter| format!("--niter {niter} --nsigma 0 --threshold 0");
                let case = |&niter| case(Method::Clark, "", niter, skies.plane(of_iterations), &options(niter));
                extent.iterations.iter().map(case).collect()
            }
            Along::Planes => {
                let limited = format!("--memory {}", extent.memory);
                let ways = ["", limited.as_str()];
                // As many planes run side by side as there are threads: what memory is short for must not depend on the machine.
                let options = |way| format!("--threads 2 {way}");
                let case =
                    |way, &planes| case(Method::Clark, way, planes, skies.cube(of_planes, planes), &options(way));
                ways.into_iter().flat_map(|way| extent.planes.iter().map(move |planes| case(way, planes))).collect()
            }
            Along::Threads => {
                by_method(&extent.threads, &|_| skies.plane(of_threads), &|threads| format!("--threads {threads}"))
            }
        }
    }
}

fn case(method: Method, way: &str, at: usize, inputs: [PathBuf; 2], options: &str) -> Case {
    let curve = format!("{} {way}", method.name()).trim().to_string();
    let options = format!("--method {} {options}", method.name());
    Case { curve, at, inputs, options: options.split_whitespace().map(str::to_string).collect() }
}

/// A number with commas.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<String> =
        digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into()).collect();
    groups.join(",")
}
