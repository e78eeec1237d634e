//! The program itself, run in a directory of its own.
#![allow(clippy::unwrap_used)] // A test may panic.

use super::fits::Fits;
use super::noise;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A directory with a dirty image and a PSF: `dirty.fits` and `psf.fits`, two planes of 40 × 48 pixels.
pub struct Place {
    directory: TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit status.
    pub status: Option<i32>,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

const AXES: [(&str, usize); 3] = [("RA---SIN", 48), ("DEC--SIN", 40), ("STOKES", 2)];

impl Place {
    /// With both files.
    pub fn new() -> Place {
        let place = Place { directory: tempfile::tempdir().unwrap() };
        psf(&AXES).write(place.path("psf.fits"));
        dirty(&AXES).write(place.path("dirty.fits"));
        place
    }

    /// With the dirty image and the PSF of a synthetic observation, one plane of `size` × `size` pixels.
    pub fn simulated(size: usize) -> Place {
        let place = Place { directory: tempfile::tempdir().unwrap() };
        let ended = place.run(&format!("simulate --size {size} --seed 3 --output made --quiet"));
        assert_eq!(ended.status, Some(0), "{ended:?}");
        for name in ["dirty.fits", "psf.fits"] {
            std::fs::rename(place.path("made").join(name), place.path(name)).unwrap();
        }
        std::fs::remove_dir_all(place.path("made")).unwrap();
        place
    }

    /// A path in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The program with these arguments, words between blanks, to be run here, without the profile of whoever runs the tests.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deconv"));
        command.args(arguments.split_whitespace()).current_dir(self.directory.path()).env("DECONV_PROFILE", "");
        command
    }

    /// Runs the program with these arguments.
    pub fn run(&self, arguments: &str) -> Ended {
        Ended::from(self.command(arguments).output().unwrap())
    }

    /// Runs it on `dirty.fits` and `psf.fits` with 8 iterations, which are too few to reach the noise.
    pub fn clean(&self, arguments: &str) -> Ended {
        self.run(&format!("--dirty dirty.fits --psf psf.fits --niter 8 {arguments}"))
    }

    /// Runs it, expects that it succeeds.
    pub fn done(&self, arguments: &str) -> Ended {
        let ended = self.clean(arguments);
        assert_eq!(ended.status, Some(0), "{arguments}: {ended:?}");
        ended
    }

    /// Every file below the directory with its bytes, and every directory.
    pub fn listing(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let mut found = BTreeMap::new();
        let mut waiting = vec![self.directory.path().to_path_buf()];
        while let Some(directory) = waiting.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    waiting.push(path.clone());
                }
                found.insert(path.clone(), path.is_file().then(|| std::fs::read(&path).unwrap()));
            }
        }
        found
    }

    /// The names in a directory below this one, sorted.
    pub fn names(&self, below: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(below)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Runs the program, which must fail with this status, say all of `parts`, and change nothing in the directory.
    pub fn refused(&self, arguments: &str, status: i32, parts: &[&str]) -> Ended {
        let before = self.listing();
        let ended = self.run(arguments);
        assert_eq!(ended.status, Some(status), "{arguments}: {ended:?}");
        for part in parts {
            assert!(ended.err.contains(part), "{arguments}: no {part:?} in {}", ended.err);
        }
        assert!(!ended.err.contains("panicked") && ended.out.is_empty(), "{arguments}: {ended:?}");
        assert_eq!(changes(&before, &self.listing()), Vec::<&Path>::new(), "{arguments}");
        ended
    }
}

/// What is new, gone or other in a listing.
fn changes<'a>(
    before: &'a BTreeMap<PathBuf, Option<Vec<u8>>>,
    after: &'a BTreeMap<PathBuf, Option<Vec<u8>>>,
) -> Vec<&'a Path> {
    let all = before.keys().chain(after.keys());
    all.filter(|&path| before.get(path) != after.get(path)).map(PathBuf::as_path).collect()
}

impl From<Output> for Ended {
    fn from(output: Output) -> Ended {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// A PSF with its peak in the middle.
pub fn psf(axes: &[(&str, usize)]) -> Fits {
    let (y0, x0) = (axes[1].1 / 2, axes[0].1 / 2);
    Fits::new(axes, |_, y, x| {
        let (dy, dx) = (y as f64 - y0 as f64, x as f64 - x0 as f64);
        (-(dy * dy + dx * dx * 0.7) / 4.0).exp() + 0.02 * (dy * 0.9).sin() * (dx * 1.1).sin()
    })
}

/// An image of noise with one point, and cards of its own.
pub fn dirty(axes: &[(&str, usize)]) -> Fits {
    let (y0, x0) = (axes[1].1 / 3, axes[0].1 / 3);
    let image = Fits::new(axes, |plane, y, x| {
        let (dy, dx) = (y as f64 - y0 as f64, x as f64 - x0 as f64);
        let noise = 0.05 * f64::from(noise(plane as u64 + 1, 1000 * y + x));
        if (y, x) == (1, 2) { f64::NAN } else { (-(dy * dy + dx * dx * 0.7) / 4.0).exp() + noise }
    });
    let image = image.card("BUNIT   = 'JY/BEAM '").card("OBJECT  = 'it''s / it' / a name");
    image.card("HISTORY made by a test").card("COMMENT a comment").card("HIERARCH A LONG NAME = 3")
}
