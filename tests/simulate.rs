//! Synthetic observations against their definitions in f64.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::error::Kind;
use deconv::event::Events;
use deconv::image::{Beam, Cell};
use deconv::kernel::PointSource;
use deconv::schedule::{Fault, FaultMode, Settings};
use deconv::simulate::{Convolved, Meta, Options, Telescope, simulate_with};
use ndarray::Array2;
use num_complex::Complex64;
use std::f64::consts::{PI, TAU};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use support::fits::Fits;
use support::program::Place;
use tempfile::TempDir;

/// Images of this size; uv grids of twice that.
const N: usize = 64;

/// A simulation and its files.
struct Made {
    directory: TempDir,
    meta: Meta,
}

impl Made {
    fn new(change: impl Fn(&mut Options)) -> Made {
        Made::with(&Settings::inline(), change)
    }

    fn with(settings: &Settings, change: impl Fn(&mut Options)) -> Made {
        let directory = tempfile::tempdir().unwrap();
        let mut options = Options::new(N, 1, directory.path().join("new/files"));
        change(&mut options);
        let meta = simulate_with(&options, settings, &Events::silent()).unwrap();
        Made { directory, meta }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("new/files").join(name)
    }

    fn fits(&self, name: &str) -> Fits {
        Fits::read(&self.path(&format!("{name}.fits")))
    }

    fn plane(&self, name: &str) -> Array2<f64> {
        self.fits(name).plane(0)
    }

    fn points(&self) -> Vec<PointSource> {
        let text = std::fs::read_to_string(self.path("catalog.csv")).unwrap();
        let point = |line: &str| {
            let numbers: Vec<f64> = line.split(',').map(|number| number.parse().unwrap()).collect();
            PointSource { x: numbers[0], y: numbers[1], flux: numbers[2] }
        };
        text.lines().skip(1).map(point).collect()
    }

    /// sky.fits without its points.
    fn extended(&self) -> Array2<f64> {
        let mut sky = self.plane("sky");
        let pixel = |place: f64| place.round_ties_even() as usize;
        self.points().iter().for_each(|point| sky[(pixel(point.y), pixel(point.x))] -= point.flux);
        sky
    }

    fn covariance(&self) -> [f64; 3] {
        let Meta { bmaj_arcsec, bmin_arcsec, bpa_deg, cell_arcsec, .. } = self.meta;
        let beam = Beam { major: bmaj_arcsec / 3600.0, minor: bmin_arcsec / 3600.0, pa: bpa_deg };
        beam.covariance(&Cell { x: -cell_arcsec / 3600.0, y: cell_arcsec / 3600.0, known: true })
    }
}

fn turn(turns: f64) -> Complex64 {
    Complex64::cis(-TAU * turns)
}

/// The transform of pixels in a frame of `frame` × `frame`, pixel (0, 0) at `origin`, straight from its definition.
fn transform(pixels: &Array2<f64>, frame: usize, origin: usize) -> Array2<Complex64> {
    let phases = |length: usize| {
        Array2::from_shape_fn((frame, length), |(k, x)| turn(((k * (x + origin)) % frame) as f64 / frame as f64))
    };
    let (rows, cols) = pixels.dim();
    phases(rows).dot(&pixels.mapv(Complex64::from)).dot(&phases(cols).t())
}

/// The real image of `size` × `size` pixels of a spectrum, from pixel (0, 0) on.
fn inverse(spectrum: &Array2<Complex64>, size: usize) -> Array2<f64> {
    let frame = spectrum.nrows();
    let phases = Array2::from_shape_fn((size, frame), |(x, k)| turn(((k * x) % frame) as f64 / frame as f64).conj());
    phases.dot(spectrum).dot(&phases.t()).mapv(|number| number.re / (frame * frame) as f64)
}

/// The spectrum of a sky, its points by exact phases.
fn spectrum_of_sky(made: &Made, frame: usize) -> Array2<Complex64> {
    let mut spectrum = transform(&made.extended(), frame, 0);
    let frequency = |k: usize| if 2 * k < frame { k as f64 } else { k as f64 - frame as f64 } / frame as f64;
    for point in made.points() {
        let phases = |place: f64| Vec::from_iter((0..frame).map(|k| turn(frequency(k) * place)));
        let (down, across) = (phases(point.y), phases(point.x));
        spectrum.indexed_iter_mut().for_each(|((v, u), number)| *number += point.flux * down[v] * across[u]);
    }
    spectrum
}

fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |largest, value| largest.max(value.abs()))
}

#[test]
fn the_dirty_image_is_the_sky_convolved_with_the_psf() {
    // The accuracy of points between pixels, for the brightest of 0.3 Jy; a PSF that is cut off has more than is sampled.
    for (convolved, psf, frame, cell, bound) in [
        (Convolved::Full, "psf2n", 2 * N, 1.2, 3e-7),
        (Convolved::Full, "psf2n", 2 * N, 1.6, 1e-6),
        (Convolved::Linear, "psf", 2 * N, 1.2, 3e-5),
        (Convolved::Periodic, "psf", N, 1.2, 3e-7),
    ] {
        let made = Made::new(|options| {
            (options.convolved, options.psf_twice) = (convolved, convolved == Convolved::Full);
            options.cell = Some(cell);
        });
        let psf = made.plane(psf);
        let psf = transform(&psf, frame, frame - psf.nrows() / 2);
        let expected = inverse(&(spectrum_of_sky(&made, frame) * psf), N);
        let found = made.plane("dirty") - made.plane("noise");
        let worst = largest((&found - &expected).into_iter());
        assert!(worst < bound && largest(expected.into_iter()) > 0.25, "{convolved:?}: {worst}");
    }
}

#[test]
fn the_dirty_image_is_what_convolves_to_it_plus_noise_to_the_bit() {
    let (quiet, loud) = (Made::new(|options| options.noise = 0.0), Made::new(|_| {}));
    assert!(quiet.fits("noise").pixels.iter().all(|pixel| *pixel == 0.0));
    let sum = quiet.fits("dirty").pixels.into_iter().zip(loud.fits("noise").pixels).map(|(dirty, noise)| dirty + noise);
    assert_eq!(sum.collect::<Vec<f32>>(), loud.fits("dirty").pixels);
}

#[test]
fn the_truth_is_the_sky_convolved_with_the_beam() {
    let made = Made::new(|_| {});
    let [xx, xy, yy] = made.covariance();
    let beam =
        |dy: f64, dx: f64| (-0.5 * (yy * dx * dx - 2.0 * xy * dx * dy + xx * dy * dy) / (xx * yy - xy * xy)).exp();
    let (extended, truth) = (made.extended(), made.plane("truth_restored"));
    for (y, x) in (0..N).step_by(3).flat_map(|y| (0..N).step_by(3).map(move |x| (y, x))) {
        let (fy, fx) = (y as f64, x as f64);
        let points: f64 = made.points().iter().map(|point| point.flux * beam(fy - point.y, fx - point.x)).sum();
        let pixels = extended.indexed_iter().map(|((v, u), value)| value * beam(fy - v as f64, fx - u as f64));
        let expected = points + pixels.sum::<f64>();
        assert!((truth[(y, x)] - expected).abs() < 3e-7, "{y} {x}: {} {expected}", truth[(y, x)]);
    }
    for name in ["dirty", "psf", "truth_restored", "noise"] {
        let number = |card: &str| made.fits(name).value(card).unwrap().parse::<f64>().unwrap();
        assert_eq!(number("BMAJ") * 3600.0, made.meta.bmaj_arcsec);
        assert_eq!((number("BMIN") * 3600.0, number("BPA")), (made.meta.bmin_arcsec, made.meta.bpa_deg));
    }
    assert_eq!(made.fits("sky").value("BMAJ"), None);
}

/// Samples in each of `grid` × `grid` cells, in the order of frequencies, as `gen_synth.py` counts them, from −3 to 3 h.
fn counts(telescope: Telescope, seed: u64, grid: usize, cell: f64) -> Array2<f64> {
    let site = telescope.site();
    let (lat, dec) = (site.latitude.to_radians(), site.declination.to_radians());
    let width = 1.0 / (grid as f64 * (cell / 3600.0).to_radians());
    let stations = telescope.stations(seed);
    let place = |(east, north): (f64, f64)| [-north * lat.sin(), east, north * lat.cos()];
    let mut counts = Array2::zeros((grid, grid));
    for (i, j) in (0..stations.len()).flat_map(|i| (0..i).map(move |j| (i, j))) {
        let [a, b] = [place(stations[i]), place(stations[j])];
        let [x, y, z] = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
        for (time, channel) in (0..240).flat_map(|time| (0..16).map(move |channel| (time, channel))) {
            let h = (-3.0 + 6.0 * f64::from(time) / 239.0) * PI / 12.0;
            let wave = 299_792_458.0 / (site.band.0 + (site.band.1 - site.band.0) * f64::from(channel) / 15.0);
            let u = (h.sin() * x + h.cos() * y) / wave / width;
            let v = (-dec.sin() * h.cos() * x + dec.sin() * h.sin() * y + dec.cos() * z) / wave / width;
            let (u, v) = (u.round() as i64, v.round() as i64);
            if u.abs() < grid as i64 / 2 && v.abs() < grid as i64 / 2 {
                for sign in [1, -1] {
                    let wrap = |k: i64| (sign * k).rem_euclid(grid as i64) as usize;
                    counts[(wrap(v), wrap(u))] += 1.0;
                }
            }
        }
    }
    counts
}

/// Briggs' factor for robust 0.5.
fn density(counts: &Array2<f64>) -> f64 {
    (5.0 * 10f64.powf(-0.5)).powi(2) * counts.sum() / counts.mapv(|n| n * n).sum()
}

#[test]
fn the_psf_is_the_transform_of_the_weights() {
    for telescope in Telescope::ALL {
        let made = Made::new(|options| (options.telescope, options.psf_twice, options.robust) = (telescope, true, 0.5));
        let (psf, whole) = (made.plane("psf"), made.plane("psf2n"));
        assert_eq!(psf, whole.slice(ndarray::s![N / 2..3 * N / 2, N / 2..3 * N / 2]));
        assert!((psf[(N / 2, N / 2)] - 1.0).abs() < 1e-6 && largest(psf.iter().copied()) == psf[(N / 2, N / 2)]);
        let counts = counts(telescope, 1, 2 * N, made.meta.cell_arcsec);
        let density = density(&counts);
        let weights = counts.mapv(|n| n / (1.0 + n * density));
        let transfer = transform(&whole, 2 * N, N) * (weights.sum() / (4 * N * N) as f64);
        let worst = largest((transfer.mapv(|number| number.re) - &weights).into_iter());
        let most = largest(weights.iter().copied());
        assert!(worst < 1e-5 * most, "{worst} of {most}");
        assert!(largest(transfer.iter().map(|number| number.im)) < 1e-5 * most);
        let filled = counts.iter().filter(|n| **n > 0.0).count() as f64 / (4 * N * N) as f64;
        assert_eq!(made.meta.uv_filled, filled);
    }
}

#[test]
fn the_noise_has_the_variance_of_the_coverage() {
    // Periodic, so that the image holds all of it.
    let (sigma, size) = (1e-3, 256);
    let made = Made::new(|options| {
        (options.convolved, options.noise, options.robust, options.size) = (Convolved::Periodic, sigma, 0.5, size);
    });
    let counts = counts(Telescope::Meerkat, 1, size, 1.2);
    let density = density(&counts);
    let variance = counts.mapv(|n| n / (1.0 + n * density).powi(2));
    let scale = sigma * sigma * (size as f64).powi(4) / variance.sum();
    let spectrum = transform(&made.plane("noise"), size, 0);
    let largest_sigma = (scale * largest(variance.iter().copied())).sqrt();
    // Columns that are not their own conjugates: power over its expectation has mean and standard deviation 1.
    let mut groups = [(0.0, 0usize); 3];
    for ((v, u), number) in spectrum.indexed_iter().filter(|((_, u), _)| (1..size / 2).contains(u)) {
        let expected = scale * variance[(v, u)];
        if expected == 0.0 {
            assert!(number.norm() < 1e-5 * largest_sigma, "{v} {u}: {number}");
            continue;
        }
        let group = if counts[(v, u)] < 4.0 { 0 } else { 1 + usize::from(counts[(v, u)] > 40.0) };
        groups[group].0 += number.norm_sqr() / expected;
        groups[group].1 += 1;
    }
    for (sum, cells) in groups {
        let mean = sum / cells as f64;
        assert!(cells > 200 && (mean - 1.0).abs() < 5.0 / (cells as f64).sqrt(), "{mean} over {cells} cells");
    }
    // The relative error of a variance of so many independent cells, half of which are conjugates.
    let effective = variance.sum().powi(2) / variance.mapv(|v| v * v).sum() / 2.0;
    let ratio = (made.meta.noise_rms / sigma).powi(2);
    assert!((ratio - 1.0).abs() < 5.0 / effective.sqrt(), "{ratio} of {effective}");
}

#[test]
fn the_numbers_are_those_of_the_files() {
    let made = Made::new(|options| options.size = 128);
    let text = std::fs::read_to_string(made.path("meta.json")).unwrap();
    assert_eq!(text, serde_json::to_string_pretty(&made.meta).unwrap() + "\n");
    let near = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-6, "{found}, not {expected}");
    let points = made.points();
    assert_eq!((points.len(), made.meta.nsrc, points[0].flux), (37, 37, 0.3));
    assert!(points.windows(2).all(|pair| pair[0].flux >= pair[1].flux && pair[1].flux >= 3e-5));
    assert!(points.iter().all(|point| [point.x, point.y].iter().all(|place| (12.8..=115.2).contains(place))));
    near(made.meta.point_flux, points.iter().map(|point| point.flux).sum());
    near(made.meta.point_flux + made.meta.extended_flux, made.plane("sky").sum());
    let [dirty, noise, psf] = ["dirty", "noise", "psf"].map(|name| made.plane(name));
    near(made.meta.dirty_peak, dirty.iter().copied().fold(f64::MIN, f64::max));
    near(made.meta.dirty_rms, dirty.std(0.0));
    near(made.meta.noise_rms, noise.std(0.0));
    near(made.meta.dirty_noiseless_rms, (dirty - noise).std(0.0));
    near(made.meta.truth_peak, made.plane("truth_restored").iter().copied().fold(f64::MIN, f64::max));
    near(made.meta.psf_min, psf.iter().copied().fold(f64::MAX, f64::min));
    let r = (2.0 * made.meta.bmaj_arcsec / made.meta.cell_arcsec) as usize;
    let outside = psf.indexed_iter().filter(|((y, x), _)| y.abs_diff(64).max(x.abs_diff(64)) > r);
    near(made.meta.psf_max_sidelobe_outside_2bmaj, largest(outside.map(|(_, value)| *value)));
}

fn bytes(made: &Made, name: &str) -> Vec<u8> {
    std::fs::read(made.path(name)).unwrap()
}

const FILES: [&str; 7] =
    ["dirty.fits", "psf.fits", "psf2n.fits", "sky.fits", "truth_restored.fits", "noise.fits", "catalog.csv"];

#[test]
fn the_same_seed_gives_the_same_bits() {
    let with = |settings: &Settings, seed| {
        Made::with(settings, |options| (options.size, options.psf_twice, options.seed) = (256, true, seed))
    };
    let first = with(&Settings::inline(), 5);
    let hard = Settings { shuffle: Some(3), poison: true, ..Settings::threads(3) };
    for settings in [Settings::threads(1), Settings::threads(2), hard] {
        let again = with(&settings, 5);
        for name in FILES {
            assert!(bytes(&first, name) == bytes(&again, name), "{name} differs with {} threads", settings.threads);
        }
        assert_eq!(Meta { seconds: 0.0, ..again.meta }, Meta { seconds: 0.0, ..first.meta.clone() });
    }
    let other = with(&Settings::inline(), 6);
    assert!(FILES.iter().all(|name| bytes(&first, name) != bytes(&other, name)));
}

#[test]
fn points_on_pixels_are_in_the_sky_where_they_are() {
    let made = Made::new(|options| (options.on_grid, options.sources) = (true, Some(20)));
    assert!(made.points().iter().all(|point| point.x.fract() == 0.0 && point.y.fract() == 0.0));
    assert_eq!(made.points().len(), 20);
    let none = Made::new(|options| options.sources = Some(0));
    assert_eq!((none.points().len(), none.meta.point_flux), (0, 0.0));
    assert_eq!(none.plane("sky"), none.extended());
}

fn refused(path: &Path, settings: &Settings, kind: Kind) {
    let options = Options::new(N, 1, path.join("a/b"));
    let error = simulate_with(&options, settings, &Events::silent()).unwrap_err();
    assert_eq!((error.kind, std::fs::read_dir(path).unwrap().count()), (kind, 0), "{error}");
}

#[test]
fn what_fails_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    for kernel in ["UvTransfer", "Sky", "UvNoise", "GriddingCorrection", "WriteSection"] {
        let fault = Some(Fault { kernel: kernel.into(), mode: FaultMode::Error });
        refused(directory.path(), &Settings { fault, ..Settings::threads(2) }, Kind::Internal);
    }
    let stopped = Settings::threads(2);
    stopped.cancel.store(true, Ordering::Relaxed);
    refused(directory.path(), &stopped, Kind::Interrupted);
    refused(directory.path(), &Settings { budget: 1000, ..Settings::inline() }, Kind::Memory);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let place = Place::new();
    let refused =
        |arguments: &str, status, parts: &[&str]| place.refused(&format!("simulate {arguments}"), status, parts);
    for size in ["0", "62", "65", "1000000"] {
        refused(&format!("--size {size} --output x"), 2, &["--size", size, "even number from 64"]);
    }
    refused("--size 64 --output x --cell 3", 2, &["--cell 3.000: too coarse", "give at most 1."]);
    refused("--size 64 --output x --cell 0.001", 2, &["no beam", "--cell"]);
    refused("--size 64 --output x --robust nan", 2, &["--robust NaN"]);
    refused("--size 64 --output x --noise=-1", 2, &["--noise"]);
    refused("--size 64 --output x --threads 0", 2, &["--threads 0"]);
    refused("--size 64 --output x --psf-twice --conv linear", 2, &["--psf-twice"]);
    refused("--size 64 --output x --array ska", 2, &["meerkat", "vla-b"]);
    refused("--size 64 --output dirty.fits", 1, &["dirty.fits: is not a directory"]);
    refused("--size 64 --output dirty.fits/below", 1, &["dirty.fits/below: cannot be made"]);
    refused("--size 64 --output .", 1, &["dirty.fits: exists already", "--overwrite"]);
}

#[test]
fn the_program_makes_what_it_can_clean() {
    let place = Place::new();
    let ended = place.run("simulate --size 256 --seed 3 --output synth --psf-twice");
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(ended.out.starts_with("256 x 256 in synth: beam ") && ended.err.contains("noise"), "{ended:?}");
    let names = ["catalog.csv", "dirty.fits", "meta.json", "noise.fits", "psf.fits", "psf2n.fits", "sky.fits"];
    assert_eq!(place.names("synth"), [&names[..], &["truth_restored.fits"]].concat());
    let before = std::fs::read(place.path("synth/dirty.fits")).unwrap();
    let stale = "simulate --size 256 --seed 4 --output synth --overwrite";
    place.refused(stale, 1, &["psf2n.fits: is of another observation", "--psf-twice"]);
    let again = place.run(&format!("{stale} --psf-twice -q"));
    assert_eq!((again.status, again.out.as_str(), again.err.as_str()), (Some(0), "", ""));
    assert_ne!(before, std::fs::read(place.path("synth/dirty.fits")).unwrap());
    let cleaned = place.run("--dirty synth/dirty.fits --psf synth/psf2n.fits --output clean");
    assert!(
        cleaned.status == Some(0) && cleaned.out.contains("nsigma") && !cleaned.err.contains("note"),
        "{cleaned:?}"
    );
    // The dirty image has a peak of 0.3.
    let residual = Fits::read(&place.path("clean-residual.fits")).plane(0);
    assert!(largest(residual.into_iter()) < 1e-3);
}
