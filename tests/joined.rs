//! `--join-polarizations`: planes that are cleaned as one, against a plain simulation of what that means, and against each other.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Method, Parameters, StopReason};
use deconv::event::Events;
use deconv::job::{Options, deconvolve_with};
use deconv::schedule::Settings;
use ndarray::Array2;
use std::path::Path;
use support::fits::Fits;
use support::job::{Done, options, run};
use support::noise;
use support::oracle::{Beam, convolve, peak};
use support::resume::files;

/// Rows and columns, polarizations and channels.
struct Cube {
    shape: (usize, usize),
    stokes: usize,
    channels: usize,
}

impl Cube {
    fn axes(&self, (rows, cols): (usize, usize)) -> [(&'static str, usize); 4] {
        [("RA---SIN", cols), ("DEC--SIN", rows), ("STOKES", self.stokes), ("FREQ", self.channels)]
    }

    /// The PSFs, twice as large as the image: each plane has its own, and the peak of each lies elsewhere.
    fn psf(&self) -> Fits {
        let (rows, cols) = self.shape;
        Fits::new(&self.axes((2 * rows + 6, 2 * cols + 6)), |plane, y, x| {
            let (dy, dx) = (y as f64 - (rows + plane % 3) as f64, x as f64 - (cols + 2 - plane % 2) as f64);
            let (r2, p) = (dy * dy + 0.7 * dx * dx, plane as f64);
            0.6 * (-r2 / (1.5 + 0.4 * p)).exp() + 0.4 * (-r2 / (12.0 + 2.0 * p)).exp()
        })
    }

    /// Writes the PSF and a dirty image of sources (plane, row, column, flux) with so much noise; the job on them.
    fn job(&self, directory: &Path, sources: &[(usize, usize, usize, f64)], rms: f64) -> Options {
        let psf = self.psf();
        let (planes, cols) = (self.stokes * self.channels, self.shape.1);
        let dirty: Vec<Array2<f64>> = (0..planes)
            .map(|plane| {
                let mut sky = Array2::zeros(self.shape);
                sources.iter().filter(|s| s.0 == plane).for_each(|&(_, y, x, flux)| sky[(y, x)] += flux);
                convolve(&sky, &Beam::new(&psf.plane(plane)))
            })
            .collect();
        // Uniform between −1 and 1: its rms is 1 / √3.
        let noise = |plane: usize, i: usize| rms * 3f64.sqrt() * f64::from(noise(plane as u64 + 1, i));
        let image = Fits::new(&self.axes(self.shape), |p, y, x| dirty[p][(y, x)] + noise(p, y * cols + x));
        let files = (image.write(directory.join("dirty.fits")), psf.write(directory.join("psf.fits")));
        Options { join_polarizations: true, overwrite: true, ..options(files.0, files.1, directory.join("out")) }
    }
}

/// Sources of which each plane has some, some of them at places where others have one too.
fn sources(cube: &Cube, count: usize) -> Vec<(usize, usize, usize, f64)> {
    let (rows, cols) = cube.shape;
    let place = |salt: u64, i: usize, length: usize| ((f64::from(noise(salt, i)) + 1.0) / 2.0 * length as f64) as usize;
    let source = |i: usize| {
        let at = i - i % 3 * usize::from(i.is_multiple_of(2));
        let flux = f64::from(noise(13, i)) / (1.0 + i as f64 / 8.0);
        (i % (cube.stokes * cube.channels), place(11, at, rows).min(rows - 1), place(12, at, cols).min(cols - 1), flux)
    };
    (0..count).map(source).collect()
}

/// The residual of each plane is that of its own model and PSF.
fn check_residuals(done: &Done, options: &Options) {
    let (dirty, psf) = (Fits::read(&options.dirty), Fits::read(&options.psf));
    for plane in 0..dirty.planes() {
        let psf = psf.plane(if psf.planes() == 1 { 0 } else { plane });
        let dirty = dirty.plane(plane);
        let off =
            peak(&(&done.residual.plane(plane) - &(&dirty - &convolve(&done.model.plane(plane), &Beam::new(&psf)))));
        assert!(off <= 2e-6 * peak(&dirty), "plane {plane}: residual off by {off}");
    }
}

fn places(model: &Array2<f64>) -> Vec<(usize, usize)> {
    model.indexed_iter().filter(|(_, flux)| **flux != 0.0).map(|(at, _)| at).collect()
}

fn products(directory: &Path) -> Vec<(String, Vec<u8>)> {
    files(directory).into_iter().filter(|(name, _)| name.starts_with("out-")).collect()
}

/// The definition, as one would say it, in f64: the models after so many places.
fn simulate(dirty: &Fits, psf: &Fits, (gain, niter): (f64, u64)) -> Vec<Array2<f64>> {
    let mut residuals: Vec<Array2<f64>> = (0..dirty.planes()).map(|plane| dirty.plane(plane)).collect();
    let beams: Vec<Beam> = (0..dirty.planes()).map(|plane| Beam::new(&psf.plane(plane))).collect();
    let mut models = vec![Array2::zeros(dirty.shape()); residuals.len()];
    for _ in 0..niter {
        let square = |at: (usize, usize)| residuals.iter().map(|plane| plane[at] * plane[at]).sum::<f64>();
        let highest = residuals[0].indexed_iter().map(|(at, _)| at).max_by(|a, b| square(*a).total_cmp(&square(*b)));
        let (y0, x0) = highest.unwrap();
        for ((residual, beam), model) in residuals.iter_mut().zip(&beams).zip(&mut models) {
            let flux = gain * residual[(y0, x0)];
            model[(y0, x0)] += flux;
            for ((y, x), pixel) in residual.indexed_iter_mut() {
                *pixel -= flux * beam.pixels[(y + beam.peak.0 - y0, x + beam.peak.1 - x0)];
            }
        }
    }
    models
}

#[test]
fn hogbom_is_the_definition() {
    for (stokes, gain) in [(2, 0.1), (3, 0.2), (4, 0.1)] {
        let directory = tempfile::tempdir().unwrap();
        let cube = Cube { shape: (30, 34), stokes, channels: 1 };
        let mut job = cube.job(directory.path(), &sources(&cube, 14), 1e-3);
        (job.parameters.niter, job.parameters.gain) = (250, gain as f32);
        let done = run(&job);
        let expected = simulate(&Fits::read(&job.dirty), &Fits::read(&job.psf), (f64::from(gain as f32), 250));
        for (plane, expected) in expected.iter().enumerate() {
            let found = done.model.plane(plane);
            let off = peak(&(&found - expected));
            assert!(off <= 2e-5 * peak(expected), "{stokes} planes, plane {plane}: off by {off}");
            let summary = &done.summary.planes[plane];
            assert_eq!((summary.iterations, summary.stop_reason), (250, StopReason::Niter));
            assert!((summary.model_flux - found.sum()).abs() <= 1e-5 * found.mapv(f64::abs).sum());
            assert!(summary.refreshes > 2);
        }
        check_residuals(&done, &job);
    }
}

/// Eight planes in two groups, on several chunks.
fn chunked(directory: &Path) -> Options {
    let cube = Cube { shape: (90, 110), stokes: 4, channels: 2 };
    let job = cube.job(directory, &sources(&cube, 80), 3e-3);
    let parameters = Parameters { niter: 700, chunk: Some((40, 50)), overlap: Some(16), ..job.parameters };
    Options { method: Method::Clark, parameters, ..job }
}

#[test]
fn clark_on_chunks_finds_as_many_places_as_it_may_the_same_in_all_planes_of_a_channel() {
    let directory = tempfile::tempdir().unwrap();
    let job = chunked(directory.path());
    let done = run(&job);
    check_residuals(&done, &job);
    let models: Vec<_> = (0..8).map(|plane| places(&done.model.plane(plane))).collect();
    let textbook = run(&Options { method: Method::Hogbom, ..job.clone() });
    for plane in 0..8 {
        let summary = &done.summary.planes[plane];
        assert_eq!((summary.iterations, summary.stop_reason), (700, StopReason::Niter), "{summary:?}");
        assert!(summary.halo_iterations > 0 && summary.refreshes >= 2, "{summary:?}");
        assert_eq!(models[plane], models[plane / 4 * 4], "plane {plane}");
        let rms = textbook.summary.planes[plane].rms_after;
        assert!(summary.rms_after <= 1.05 * rms, "plane {plane}: rms {} against {rms}", summary.rms_after);
    }
    assert!(models[0] != models[4]);
    // What is told of the planes together, and of each.
    for group in 0..2 {
        let planes = &done.summary.planes[4 * group..4 * group + 4];
        let residuals: Vec<_> = (4 * group..4 * group + 4).map(|plane| done.residual.plane(plane)).collect();
        let root = Array2::from_shape_fn((90, 110), |at| residuals.iter().map(|r| r[at].powi(2)).sum::<f64>().sqrt());
        for (plane, summary) in planes.iter().enumerate() {
            let joined = summary.joined.as_ref().unwrap();
            assert_eq!(joined.planes, planes.iter().map(|plane| plane.name.clone()).collect::<Vec<_>>());
            assert!((joined.peak_after / peak(&root) - 1.0).abs() < 1e-5, "{joined:?}, {}", peak(&root));
            let rms = planes.iter().map(|plane| plane.rms_after.powi(2)).sum::<f64>().sqrt();
            assert!((joined.rms_after / rms - 1.0).abs() < 1e-9);
            assert!((summary.peak_after / peak(&residuals[plane]) - 1.0).abs() < 1e-5, "{summary:?}");
            assert!(summary.peak_before > summary.peak_after && joined.peak_before >= summary.peak_before);
        }
    }
    assert!(done.model.cards.iter().any(|card| card.starts_with("HISTORY deconv join-polarizations")));
}

#[test]
fn the_same_bytes_from_every_scheduler() {
    let directory = tempfile::tempdir().unwrap();
    let clark = chunked(directory.path());
    let hogbom = Options { method: Method::Hogbom, ..clark.clone() };
    for job in [clark, hogbom] {
        deconvolve_with(&job, &Settings::inline(), &Events::silent()).unwrap();
        let expected = products(directory.path());
        assert_eq!(expected.len(), 3);
        for settings in [1, 2, 3, 8].map(Settings::threads) {
            for settings in [settings.clone(), Settings { shuffle: Some(5), poison: true, ..settings }] {
                deconvolve_with(&job, &settings, &Events::silent()).unwrap();
                assert!(products(directory.path()) == expected, "{settings:?}");
            }
        }
    }
}

/// The same cube with its axes in another order, or with a plane after another function.
fn rewritten(from: &Path, to: &Path, axes: &[(&str, usize)], value: impl Fn(usize, usize, usize) -> f64) {
    let old = Fits::read(from);
    let card = |card: &&String| ["BUNIT", "HISTORY"].iter().any(|name| card.starts_with(name));
    let cards: Vec<String> = old.cards.iter().filter(card).cloned().collect();
    let mut fits = Fits::new(axes, value);
    fits.cards.extend(cards);
    fits.write(to.to_path_buf());
}

#[test]
fn channels_are_cleaned_each_for_itself_in_whatever_order_the_planes_are() {
    let directory = tempfile::tempdir().unwrap();
    let job = chunked(directory.path());
    let both = run(&job);
    // Channels vary faster than polarizations.
    let turned = |name: &str| {
        let fits = Fits::read(&directory.path().join(name));
        let (rows, cols) = fits.shape();
        let planes: Vec<_> = (0..8).map(|plane| fits.plane(plane)).collect();
        let axes = [("RA---SIN", cols), ("FREQ", 2), ("DEC--SIN", rows), ("STOKES", 4)];
        let to = directory.path().join(format!("turned-{name}"));
        rewritten(&directory.path().join(name), &to, &axes, |plane, y, x| planes[plane / 2 + plane % 2 * 4][(y, x)]);
        to
    };
    let output = Some(directory.path().join("turned"));
    let other = run(&Options { dirty: turned("dirty.fits"), psf: turned("psf.fits"), output, ..job });
    for plane in 0..8 {
        assert!(other.model.plane(plane / 4 + plane % 4 * 2) == both.model.plane(plane), "plane {plane}");
    }
}

#[test]
fn beside_planes_of_zeros_a_plane_is_cleaned_as_it_is_alone() {
    let directory = tempfile::tempdir().unwrap();
    let job = chunked(directory.path());
    let (dirty, psf) = (Fits::read(&job.dirty).plane(1), Fits::read(&job.psf).plane(1));
    let axes =
        |shape: (usize, usize), stokes: usize| [("RA---SIN", shape.1), ("DEC--SIN", shape.0), ("STOKES", stokes)];
    rewritten(&job.psf, &job.psf, &axes(psf.dim(), 1), |_, y, x| psf[(y, x)]);
    rewritten(
        &job.dirty,
        &job.dirty,
        &axes(dirty.dim(), 3),
        |plane, y, x| {
            if plane == 1 { dirty[(y, x)] } else { 0.0 }
        },
    );
    for method in [Method::Clark, Method::Hogbom] {
        let parameters = Parameters { niter: 5000, nsigma: 4.0, ..job.parameters };
        let job = Options { method, parameters, ..job.clone() };
        let (joined, alone) = (run(&job), run(&Options { join_polarizations: false, ..job }));
        for (a, b) in
            [(&joined.model, &alone.model), (&joined.residual, &alone.residual), (&joined.image, &alone.image)]
        {
            assert!(a.pixels == b.pixels, "{}", method.name());
        }
        let [joined, alone] = [&joined, &alone].map(|done| {
            let plane = &done.summary.planes[1];
            (
                plane.iterations,
                plane.halo_iterations,
                plane.refreshes,
                plane.stop_reason,
                plane.peak_after,
                plane.rms_after,
            )
        });
        assert_eq!((joined, joined.3), (alone, StopReason::Nsigma));
    }
}

#[test]
fn on_one_polarization_it_changes_nothing_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let cube = Cube { shape: (40, 44), stokes: 1, channels: 2 };
    let job = cube.job(directory.path(), &sources(&cube, 6), 1e-3);
    let (joined, alone) = (run(&job), run(&Options { join_polarizations: false, ..job }));
    assert!(joined.model.pixels == alone.model.pixels && joined.residual.pixels == alone.residual.pixels);
    let said =
        |done: &Done| done.summary.notes.iter().any(|note| note.contains("--join-polarizations changes nothing"));
    assert!(said(&joined) && !said(&alone) && joined.summary.planes[0].joined.is_none());
}

#[test]
fn what_is_bright_in_any_polarization_is_found_and_measured_in_all() {
    let directory = tempfile::tempdir().unwrap();
    let cube = Cube { shape: (60, 64), stokes: 4, channels: 1 };
    // Polarized emission with nothing in I, and weak V where I is bright.
    let sky = [(1, 20, 15, 0.36), (2, 20, 15, -0.48), (0, 41, 40, 1.0), (3, 41, 40, 0.035)];
    let job = cube.job(directory.path(), &sky, 0.01);
    for method in [Method::Hogbom, Method::Clark] {
        let parameters = Parameters { niter: 100_000, nsigma: 5.0, ..job.parameters };
        let job = Options { method, parameters, ..job.clone() };
        let (joined, alone) = (run(&job), run(&Options { join_polarizations: false, ..job.clone() }));
        let near = |done: &Done, plane: usize, (y0, x0): (usize, usize)| {
            let model = done.model.plane(plane);
            let near = model.indexed_iter().filter(|((y, x), _)| y.abs_diff(y0) < 3 && x.abs_diff(x0) < 3);
            near.map(|(_, flux)| *flux).sum::<f64>()
        };
        assert!(joined.summary.planes.iter().all(|plane| plane.stop_reason == StopReason::Nsigma));
        assert!((near(&joined, 1, (20, 15)) - 0.36).abs() < 0.1, "{}", near(&joined, 1, (20, 15)));
        assert!((near(&joined, 2, (20, 15)) + 0.48).abs() < 0.12, "{}", near(&joined, 2, (20, 15)));
        assert!((near(&joined, 3, (41, 40)) - 0.035).abs() < 0.02, "{}", near(&joined, 3, (41, 40)));
        assert_eq!(near(&alone, 3, (41, 40)), 0.0);
        // It ends where the root is at most five times the root of the sum of squares of the noise.
        let joined = joined.summary.planes[0].joined.clone().unwrap();
        // Of noise that is uniform between ±√3 rms the median absolute deviation is half of that.
        let level = 5.0 * 2.0 * 1.4826 * 0.5 * 3f64.sqrt() * 0.01;
        assert!(joined.peak_after < 1.02 * level && joined.peak_after > 0.5 * level, "{joined:?}");
        check_residuals(&run(&job), &job);
    }
}

#[test]
fn what_is_blank_in_one_plane_is_found_in_none() {
    let directory = tempfile::tempdir().unwrap();
    let cube = Cube { shape: (40, 44), stokes: 3, channels: 1 };
    let job = cube.job(directory.path(), &[(0, 20, 22, 1.0), (1, 9, 9, 0.3)], 1e-3);
    let dirty = Fits::read(&job.dirty);
    let planes: Vec<_> = (0..3).map(|plane| dirty.plane(plane)).collect();
    let blank = |plane: usize, y: usize, x: usize| plane == 2 && (y, x) == (20, 22);
    let axes = [("RA---SIN", 44), ("DEC--SIN", 40), ("STOKES", 3)];
    let value = |plane: usize, y: usize, x: usize| if blank(plane, y, x) { f64::NAN } else { planes[plane][(y, x)] };
    rewritten(&job.dirty, &job.dirty, &axes, value);
    for method in [Method::Clark, Method::Hogbom] {
        let done = run(&Options { method, ..job.clone() });
        for plane in 0..3 {
            assert_eq!(done.model.plane(plane)[(20, 22)], 0.0);
            assert_eq!(done.residual.plane(plane)[(20, 22)].is_nan(), plane == 2);
            assert!(peak(&done.model.plane(plane)) > 0.0);
        }
    }
    // Where each pixel is blank in one of them there is nothing.
    rewritten(&job.dirty, &job.dirty, &axes, |plane, y, x| if (y + x) % 3 == plane { f64::NAN } else { 1.0 });
    let done = run(&job).summary;
    assert!(done.planes.iter().all(|plane| plane.stop_reason == StopReason::NothingToClean), "{done:?}");
    assert!(
        done.notes.iter().any(|note| note.contains("blank in one of the planes that are joined")),
        "{:?}",
        done.notes
    );
}
