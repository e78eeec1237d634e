//! Clark's CLEAN on chunks: exactly as many components as were asked for, the same bits from every scheduler, and what
//! Högbom's CLEAN finds.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Method, Parameters, StopReason};
use deconv::job::Options;
use std::path::Path;
use support::job::{data, options, run, same_bytes_from_every_scheduler};
use support::noise;
use support::observed::observe;

const SHAPE: (usize, usize) = (150, 230);

/// A PSF of twice the image's size whose sidelobes reach everywhere.
fn psf(dy: i64, dx: i64) -> f64 {
    let square = (dy * dy + dx * dx) as f64;
    (-square / 8.0).exp() + 0.02 * (0.9 * square.sqrt()).cos() * (-square.sqrt() / 60.0).exp() * f64::from(square > 0.0)
}

/// Points all over the plane, many of them near the borders of chunks, and some noise.
fn make(directory: &Path) -> Options {
    let (rows, cols) = SHAPE;
    let mut sky = ndarray::Array2::zeros(SHAPE);
    for i in 0..60 {
        let at = |salt: u64, length: usize| ((f64::from(noise(salt, i)) + 0.5) * length as f64) as usize % length;
        sky[(at(1, rows), at(2, cols))] += 1.0 / (1.0 + i as f64);
    }
    Options { method: Method::Clark, overwrite: true, ..observe(directory, &sky, psf, 0.002) }
}

const CHUNKS: [Option<(usize, usize)>; 5] = [Some((64, 64)), Some((100, 70)), Some((150, 115)), Some((7, 230)), None];

#[test]
fn finds_exactly_as_many_components_as_it_may_however_the_plane_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    let mut job = make(directory.path());
    for chunk in CHUNKS {
        for (niter, overlap) in [(1, None), (333, Some(0)), (333, Some(11)), (2000, None)] {
            (job.parameters.niter, job.parameters.chunk, job.parameters.overlap) = (niter, chunk, overlap);
            let done = run(&job).summary;
            let plane = &done.planes[0];
            assert_eq!((plane.iterations, plane.stop_reason), (niter, StopReason::Niter), "{chunk:?} {overlap:?}");
            let halo = chunk.is_some() && overlap != Some(0);
            assert_eq!(plane.halo_iterations > 0, halo, "{chunk:?} {overlap:?}: {}", plane.halo_iterations);
            let cut = chunk.unwrap_or(SHAPE);
            assert_eq!(done.chunk, [cut.0.min(SHAPE.0), cut.1.min(SHAPE.1)]);
        }
    }
}

#[test]
fn chunks_change_no_more_than_the_depth_of_a_cycle_would() {
    let directory = tempfile::tempdir().unwrap();
    let mut job = make(directory.path());
    job.parameters.niter = 3000;
    let truth = run(&Options { method: Method::Hogbom, ..job.clone() }).summary;
    for chunk in CHUNKS {
        job.parameters.chunk = chunk;
        let plane = &run(&job).summary.planes[0];
        let [ours, textbook] = [plane, &truth.planes[0]].map(|plane| (plane.rms_after, plane.model_flux));
        assert!(ours.0 <= 1.02 * textbook.0, "{chunk:?}: rms {} against {}", ours.0, textbook.0);
        assert!((ours.1 / textbook.1 - 1.0).abs() < 0.01, "{chunk:?}: flux {} against {}", ours.1, textbook.1);
    }
}

#[test]
fn a_run_tells_how_well_its_chunks_agree() {
    let directory = tempfile::tempdir().unwrap();
    let mut job = make(directory.path());
    (job.parameters.niter, job.parameters.threshold) = (100_000, 0.02);
    let seams = |chunk, overlap| {
        let plane = &run(&with(&job, chunk, overlap)).summary.planes[0];
        assert_eq!(plane.stop_reason, StopReason::Threshold);
        plane.seams
    };
    assert_eq!(seams(None, None), None);
    let wide = seams(Some((64, 64)), Some(64)).unwrap();
    let none = seams(Some((64, 64)), Some(0)).unwrap();
    // Without a halo a chunk knows nothing of what lies beyond its border.
    assert!(none.border_rms > 3.0 * wide.border_rms && none.border_rms > 2.0 * none.inside_rms, "{none:?} {wide:?}");
    for seams in [wide, none] {
        assert!(0.0 < seams.inside_rms && seams.border_rms <= seams.border_max && seams.border_max < 1.0, "{seams:?}");
    }
    // What the components that are not kept did is not the chunks' fault.
    job.parameters.niter = 100;
    assert_eq!(run(&with(&job, Some((64, 64)), None)).summary.planes[0].seams, None);
}

fn with(job: &Options, chunk: Option<(usize, usize)>, overlap: Option<usize>) -> Options {
    Options { parameters: Parameters { chunk, overlap, ..job.parameters }, ..job.clone() }
}

#[test]
fn the_same_bytes_from_every_scheduler_for_every_cutting() {
    let directory = tempfile::tempdir().unwrap();
    let mut job = make(directory.path());
    job.parameters.niter = 700;
    same_bytes_from_every_scheduler(&job, &CHUNKS);
}

#[test]
fn real_data_in_chunks_end_at_the_noise() {
    let directory = tempfile::tempdir().unwrap();
    for set in ["vla-3c273", "vla-ngc5921", "meerkat-sim"] {
        let mut job =
            options(data(&format!("{set}/dirty.fits")), data(&format!("{set}/psf.fits")), directory.path().join(set));
        (job.method, job.parameters.nsigma, job.parameters.niter) = (Method::Clark, 5.0, 1_000_000);
        let textbook = run(&Options {
            method: Method::Hogbom,
            output: Some(directory.path().join("h")),
            overwrite: true,
            ..job.clone()
        });
        job.parameters.chunk = Some((100, 100));
        let done = run(&job);
        for (plane, textbook) in done.summary.planes.iter().zip(&textbook.summary.planes) {
            assert_eq!(plane.stop_reason, StopReason::Nsigma, "{set} {}", plane.name);
            assert!(plane.rms_after <= 1.03 * textbook.rms_after, "{set} {}", plane.name);
        }
    }
}
