//! Whole jobs through the library, and what they wrote.
#![allow(clippy::unwrap_used)] // A test may panic.

use super::fits::Fits;
use deconv::algorithm::{Method, Parameters};
use deconv::event::Events;
use deconv::job::{Options, Summary, deconvolve, deconvolve_with};
use deconv::schedule::Settings;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Stokes I of 3C 273 and others: sets of real data beside the program.
pub const SETS: [&str; 3] = ["vla-3c273", "vla-ngc5921", "meerkat-sim"];

/// A file of the data beside the program.
pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

/// A job on two files with nothing that could end it but its `niter`.
pub fn options(dirty: PathBuf, psf: PathBuf, output: PathBuf) -> Options {
    Options {
        output: Some(output),
        method: Method::Hogbom,
        parameters: Parameters { niter: 300, nsigma: 0.0, ..Parameters::DEFAULT },
        threads: Some(2),
        ..Options::new(dirty, psf)
    }
}

/// A job on a set of the data beside the program.
pub fn on_set(set: &str, output: PathBuf) -> Options {
    options(data(&format!("{set}/dirty.fits")), data(&format!("{set}/psf.fits")), output)
}

/// What a job made.
pub struct Done {
    /// What it says of itself.
    pub summary: Summary,
    /// The product of that name.
    pub model: Fits,
    /// The product of that name.
    pub residual: Fits,
    /// The product of that name: the restored image.
    pub image: Fits,
}

/// Runs a job that is expected to succeed, and reads its products.
pub fn run(options: &Options) -> Done {
    let summary = deconvolve(options, &Events::silent(), &Arc::default()).unwrap_or_else(|error| panic!("{error}"));
    products(options, summary)
}

/// Reads the products of a job that is done.
pub fn products(options: &Options, summary: Summary) -> Done {
    let product = |name: &str| {
        let mut path = options.output.clone().unwrap().into_os_string();
        path.push(format!("-{name}.fits"));
        Fits::read(Path::new(&path))
    };
    Done { summary, model: product("model"), residual: product("residual"), image: product("image") }
}

/// A job, which may overwrite, makes the same products however it is scheduled, for each of these chunks.
pub fn same_bytes_from_every_scheduler(job: &Options, chunks: &[Option<(usize, usize)>]) {
    let output = job.output.as_ref().unwrap().display();
    let products =
        || ["model", "residual", "image"].map(|name| std::fs::read(format!("{output}-{name}.fits")).unwrap());
    let mut job = job.clone();
    for &chunk in chunks {
        job.parameters.chunk = chunk;
        deconvolve_with(&job, &Settings::inline(), &Events::silent()).unwrap();
        let expected = products();
        for settings in [1, 2, 3, 8].map(Settings::threads) {
            let ways = [settings.clone(), Settings { shuffle: Some(5), poison: true, ..settings }];
            for settings in ways {
                deconvolve_with(&job, &settings, &Events::silent()).unwrap();
                assert!(products() == expected, "{chunk:?} {settings:?}");
            }
        }
    }
}
