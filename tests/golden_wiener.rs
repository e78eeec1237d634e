//! The numbers that scikit-image gives for the same filter, the image taken for periodic.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use std::process::Command;
use support::bar::at_most;
use support::fits::Fits;
use support::job::data;
use support::oracle::peak;

/// A model that the program makes of `data/skimage/{case}`, with options as words.
fn model(case: &str, options: &str) -> Fits {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| data(&format!("skimage/{case}/{name}.fits"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_deconv"));
    command.arg("--dirty").arg(file("dirty")).arg("--psf").arg(file("psf"));
    command.args(["--quiet", "--output", "out", "--boundary", "periodic", "--balance", "0.1"]);
    let ended = command.args(options.split_whitespace()).current_dir(directory.path()).output().unwrap();
    assert!(ended.status.success(), "{case} {options}: {}", String::from_utf8_lossy(&ended.stderr));
    Fits::read(&directory.path().join("out-model.fits"))
}

/// The largest difference from the model of scikit-image of that name, over the largest value of that.
fn off(case: &str, name: &str, options: &str) -> f64 {
    let expected = Fits::read(&data(&format!("skimage/{case}/{name}.fits"))).plane(0);
    let found = model(case, options).plane(0);
    assert_eq!(found.dim(), expected.dim());
    peak(&(found - &expected)) / peak(&expected)
}

/// `scripts/golden_wiener.py` wrote them: 60 × 52, and 45 × 63 with a PSF of 31 × 27. The default of scikit-image is its Laplacian;
/// `reg=ones` is a flat prior.
#[test]
fn the_periodic_filters_are_those_of_scikit_image() {
    for case in ["even", "odd"] {
        for (name, options) in [
            ("wiener", "--method wiener"),
            ("wiener-hunt", "--method wiener-hunt"),
            ("wiener-hunt", "--method wiener-hunt --regularization laplacian"),
        ] {
            at_most(
                "scikit-image's models, periodic: largest difference over the peak",
                &format!("{case}, {options}"),
                off(case, name, options),
                1e-5,
            );
        }
    }
}

/// What the numbers above are worth: another prior, balance or boundary is far from them.
#[test]
fn other_filters_are_not() {
    for (name, options) in [
        ("wiener", "--method wiener-hunt"),
        ("wiener-hunt", "--method wiener-hunt --regularization gradient"),
        ("wiener", "--method wiener --noise-spectrum natural"),
    ] {
        let off = off("even", name, options);
        assert!(off > 1e-3, "{options}: {off:e}");
    }
}
