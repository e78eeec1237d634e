//! Whole jobs: the same bytes whoever runs them, in whatever order, in whatever memory.
#![allow(clippy::unwrap_used)] // A test may panic.

use deconv::algorithm::{Balance, Boundary, Method, Parameters};
use deconv::event::Events;
use deconv::job::{Options, deconvolve, deconvolve_with};
use deconv::kernel::NoiseSpectrum;
use deconv::schedule::{Scheduler, Settings};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn options(set: &str, method: Method, directory: &Path) -> Options {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(set);
    Options {
        output: Some(directory.join("out")),
        overwrite: true,
        method,
        parameters: Parameters { niter: 300, nsigma: 3.0, balance: Balance::Given(0.05), ..Parameters::DEFAULT },
        scheduler: Scheduler::Inline,
        ..Options::new(data.join("dirty.fits"), data.join("psf.fits"))
    }
}

fn products(directory: &Path) -> Vec<Vec<u8>> {
    let names = ["out-model.fits", "out-residual.fits", "out-image.fits"];
    names.iter().map(|name| std::fs::read(directory.join(name)).unwrap()).collect()
}

fn ways() -> Vec<Settings> {
    let mut ways: Vec<Settings> = [1, 2, 3, 8].into_iter().map(Settings::threads).collect();
    ways.push(Settings { poison: true, ..Settings::inline() });
    for (seed, workers) in [(1, 2), (2, 3), (3, 8)] {
        ways.push(Settings { shuffle: Some(seed), poison: true, ..Settings::threads(workers) });
    }
    ways
}

fn same_bytes(set: &str, method: Method) {
    same_bytes_with(set, method, |_| ());
}

fn same_bytes_with(set: &str, method: Method, change: impl Fn(&mut Parameters)) {
    let directory = tempfile::tempdir().unwrap();
    let mut options = options(set, method, directory.path());
    change(&mut options.parameters);
    let summary = deconvolve(&options, &Events::silent(), &Arc::default()).unwrap();
    assert_eq!(summary.scheduler, "inline");
    let expected = products(directory.path());
    for settings in ways() {
        let summary = deconvolve_with(&options, &settings, &Events::silent()).unwrap();
        assert_eq!(summary.threads, settings.workers());
        let found = products(directory.path());
        assert!(found == expected, "{set} {method:?} {settings:?}");
    }
}

#[test]
fn hogbom() {
    for set in ["vla-3c273", "meerkat-sim", "vla-ngc5921"] {
        same_bytes(set, Method::Hogbom);
    }
}

#[test]
fn clark() {
    for set in ["vla-3c273", "meerkat-sim", "vla-ngc5921"] {
        same_bytes(set, Method::Clark);
    }
}

#[test]
fn multiscale() {
    for set in ["vla-3c273", "meerkat-sim", "vla-ngc5921"] {
        same_bytes(set, Method::Multiscale);
    }
}

#[test]
fn wiener() {
    for set in ["vla-3c273", "meerkat-sim", "vla-ngc5921"] {
        same_bytes(set, Method::Wiener);
    }
}

#[test]
fn filters_that_find_their_balance() {
    for balance in [Balance::Noise, Balance::Gcv] {
        for boundary in Boundary::ALL {
            let change = |parameters: &mut Parameters| (parameters.balance, parameters.boundary) = (balance, *boundary);
            same_bytes_with("vla-ngc5921", Method::WienerHunt, change);
        }
        let white = |parameters: &mut Parameters| {
            (parameters.balance, parameters.noise_spectrum) = (balance, Some(NoiseSpectrum::White));
        };
        same_bytes_with("vla-ngc5921", Method::Wiener, white);
    }
}

#[test]
fn a_run_leaves_its_products_and_nothing_else() {
    let directory: tempfile::TempDir = tempfile::tempdir().unwrap();
    let options = options("vla-ngc5921", Method::Wiener, directory.path());
    deconvolve_with(&options, &Settings::threads(3), &Events::silent()).unwrap();
    let mut left: Vec<PathBuf> = std::fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().path()).collect();
    left.sort();
    let names = ["out-image.fits", "out-model.fits", "out-residual.fits"];
    assert_eq!(left, names.map(|name| directory.path().join(name)));
}

#[test]
fn a_plane_that_does_not_fit_the_memory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (method, remedy) in [(Method::Hogbom, "or --method clark"), (Method::Clark, "give --memory")] {
        let options = options("meerkat-sim", method, directory.path());
        let small = Settings { budget: 100_000, ..Settings::threads(2) };
        let error = deconvolve_with(&options, &small, &Events::silent()).unwrap_err();
        assert_eq!(error.kind, deconv::error::Kind::Memory, "{error}");
        assert!(error.message.contains("the least that would do"), "{error}");
        assert!(error.remedy.unwrap().contains(remedy));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
