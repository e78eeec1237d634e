//! Whole jobs through the library, and what they wrote.
#![allow(clippy::unwrap_used)] // A test may panic.

use super::fits::Fits;
use deconv::algorithm::{Method, Parameters};
use deconv::event::Events;
use deconv::job::{Options, Summary, deconvolve};
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
    let product = |name: &str| {
        let mut path = options.output.clone().unwrap().into_os_string();
        path.push(format!("-{name}.fits"));
        Fits::read(Path::new(&path))
    };
    Done { summary, model: product("model"), residual: product("residual"), image: product("image") }
}
