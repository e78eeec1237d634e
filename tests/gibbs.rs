//! Wiener's filter without a knob: its error bars hold the truth as often as they say, its draws are those of the posterior, and its
//! products.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Balance, Boundary, Method, Strengths};
use deconv::event::Events;
use deconv::job::{Options, deconvolve_with};
use deconv::kernel::{Prior, Random, Regularization};
use deconv::schedule::Settings;
use ndarray::Array2;
use num_complex::Complex64;
use serde_json::Value;
use std::path::Path;
use support::dense;
use support::filter_job::{equations, filter, plane, with_sidelobes};
use support::fits::Fits;
use support::job::{Done, products};
use support::oracle::{self, Beam, peak};
use support::program::Place;

/// A job on a dirty image and a PSF that asks for both standard deviations.
fn sampler(directory: &Path, dirty: &Array2<f64>, psf: &Fits, boundary: Boundary) -> Options {
    let mut job = filter(directory, dirty, psf, Balance::Noise);
    job.method = Method::UnsupervisedWiener;
    (job.parameters.boundary, job.parameters.model_uncertainty) = (boundary, true);
    job
}

/// What a sampler made.
struct Sampled {
    done: Done,
    /// Of model ⊛ beam, and of the model.
    uncertainties: [Fits; 2],
    /// The draws that count.
    kept: Vec<Strengths>,
}

fn sample_with(job: &Options, settings: &Settings) -> Sampled {
    let summary = deconvolve_with(job, settings, &Events::silent()).unwrap_or_else(|error| panic!("{error}"));
    let output = job.output.as_ref().unwrap().display().to_string();
    let uncertainties = ["uncertainty", "model-uncertainty"].map(|name| format!("{output}-{name}.fits"));
    let kept = summary.planes[0].chain.as_ref().unwrap().chain.kept().to_vec();
    let uncertainties = uncertainties.map(|path| Fits::read(Path::new(&path)));
    Sampled { done: products(job, summary), uncertainties, kept }
}

fn sample(job: &Options) -> Sampled {
    sample_with(job, &Settings::inline())
}

/// Normal deviates.
fn white(shape: (usize, usize), seed: u64) -> Array2<f64> {
    let random = Random::new(seed, 77);
    Array2::from_shape_fn(shape, |(y, x)| random.normals((y * shape.1 + x) as u64).0)
}

/// A plane around whose edges a filter goes that is given at each frequency.
fn filtered(plane: &Array2<f64>, by: &Array2<Complex64>) -> Array2<f64> {
    oracle::plane(oracle::spectrum(plane) * by)
}

/// A transfer function that is nowhere zero and has a mean of 1; and its PSF.
fn bump(n: usize) -> (Array2<Complex64>, Fits) {
    let angle = |i: usize| i.min(n - i) as f64 * std::f64::consts::TAU / n as f64;
    let s = Array2::from_shape_fn((n, n), |(y, x)| 0.025 + (-(angle(y).powi(2) + angle(x).powi(2))).exp());
    let s = (&s * (s.len() as f64 / s.sum())).mapv(Complex64::from);
    let around = oracle::plane(s.clone());
    (s, plane(&Array2::from_shape_fn((n, n), |(y, x)| around[((y + n / 2) % n, (x + n / 2) % n)])))
}

/// Shares of pixels, in per cent, of which the truth is within ± 1 and ± 1.96 standard deviations of the mean.
fn held(off: &[(f64, f64)]) -> [f64; 2] {
    [1.0, 1.96].map(|sigmas| {
        let within = off.iter().filter(|(off, deviation)| off.abs() <= sigmas * deviation).count();
        100.0 * within as f64 / off.len() as f64
    })
}

#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    const SIZE: usize = 64;
    let (s, psf) = bump(SIZE);
    let (sigma, tau) = (2e-3, 2e-3);
    let (lowest, highest) = s.iter().fold((f64::INFINITY, 0.0), |(l, h): (f64, f64), s| (l.min(s.re), h.max(s.re)));
    assert!(1.0 / highest < 0.11 && 1.0 / lowest > 3.0, "λ/s from {} to {}", 1.0 / highest, 1.0 / lowest);
    let directory = tempfile::tempdir().unwrap();
    let (mut of_model, mut of_image) = (Vec::new(), Vec::new());
    for seed in 1..=6 {
        let sky = tau * white((SIZE, SIZE), 2 * seed);
        let noise = filtered(&white((SIZE, SIZE), 2 * seed + 1), &s.mapv(|s| sigma * s.sqrt()));
        let dirty = filtered(&sky, &s) + noise;
        let mut job = sampler(directory.path(), &dirty, &psf, Boundary::Periodic);
        job.parameters.seed = seed;
        let Sampled { done, uncertainties: [image, model], .. } = sample(&job);
        let facts = &done.summary.planes[0];
        let chain = facts.chain.as_ref().unwrap();
        for (found, truth) in [(chain.noise, sigma), (chain.sky, tau)] {
            assert!((found.mean / truth - 1.0).abs() < 0.15, "{seed}: {found:?}, not {truth}");
            assert!((found.mean - truth).abs() < 5.0 * found.std, "{seed}: {found:?}, not {truth}");
        }
        let off = sky - done.model.plane(0);
        let beam = Beam::gaussian((SIZE, SIZE), done.image.cell(), (4.0, 3.0, 20.0)).spectrum((SIZE, SIZE));
        of_image.extend(filtered(&off, &beam).into_iter().zip(image.plane(0)));
        of_model.extend(off.into_iter().zip(model.plane(0)));
    }
    for (what, off) in [("model", of_model), ("model ⊛ beam", of_image)] {
        let [one, two] = held(&off);
        assert!((one - 68.0).abs() < 6.0 && (two - 95.0).abs() < 3.0, "{what}: {one} % and {two} %");
    }
}

/// The mean and the covariance of the posterior, given noise and sky.
struct Posterior {
    mean: Array2<f64>,
    covariance: Array2<f64>,
}

fn posterior(dirty: &Array2<f64>, matrix: Array2<f64>, sigma: f64) -> Posterior {
    let inverse = dense::solve(matrix, Array2::eye(dirty.len()));
    let data = Array2::from_shape_fn((dirty.len(), 1), |(p, _)| dirty[(p / dirty.ncols(), p % dirty.ncols())]);
    Posterior { mean: inverse.dot(&data), covariance: inverse * sigma.powi(2) }
}

/// Variances of pixels are those of a covariance, as far as so many draws tell.
fn assert_variances(found: &Array2<f64>, covariance: &Array2<f64>, draws: usize, what: &str) {
    let ratios: Vec<f64> = found.iter().zip(covariance.diag()).map(|(std, variance)| std * std / variance).collect();
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    assert!((mean - 1.0).abs() < 0.05, "{what}: on the mean {mean} of the variance");
    let room = 5.0 / (2.0 * draws as f64).sqrt() + 0.04;
    let worst = ratios.iter().map(|ratio| (ratio.sqrt() - 1.0).abs()).fold(0.0, f64::max);
    assert!(worst < room, "{what}: off by {worst}, more than {room}");
}

#[test]
fn linear_draws_have_the_covariance_of_the_posterior() {
    let (directory, shape, noise) = (tempfile::tempdir().unwrap(), (12, 14), 0.3);
    let psf = with_sidelobes((24, 28));
    let beam = Beam::new(&psf.plane(0));
    for regularization in [Regularization::Flat, Regularization::Gradient] {
        let (sky, prior) = (white(shape, 3), Prior::raised(1.0, regularization));
        let dirty = oracle::convolve(&sky, &beam) + noise * white(shape, 4);
        let dirty = dirty.mapv(|pixel| f64::from(pixel as f32));
        let mut job = sampler(directory.path(), &dirty, &psf, Boundary::Linear);
        (job.parameters.noise, job.parameters.samples) = (Some(noise), Some(400));
        job.parameters.tolerance = 1e-4;
        job.parameters.regularization = Some(regularization);
        let Sampled { done, uncertainties: [of_image, of_model], kept } = sample(&job);
        let what = format!("{regularization:?}");
        assert!(kept.len() >= 400 && kept.iter().all(|draw| draw.sigma == noise), "{what}");
        let frame = done.summary.padded[0];
        let given = |balance: f64| posterior(&dirty, equations(shape, &beam, frame, prior.with(balance)), noise);

        // The model: the mean given the mean balance.
        let balance = kept.iter().map(Strengths::balance).sum::<f64>() / kept.len() as f64;
        assert!((done.summary.planes[0].filter.unwrap().balance / balance - 1.0).abs() < 1e-9, "{what}");
        let mean = given(balance).mean.into_shape_with_order(shape).unwrap();
        let off = peak(&(done.model.plane(0) - &mean)) / peak(&mean);
        assert!(off < 1e-4, "{what}: the model is off by {off}");

        // The draws: over all balances, of which some stand for all.
        let mut balances: Vec<f64> = kept.iter().map(Strengths::balance).collect();
        balances.sort_by(f64::total_cmp);
        let some: Vec<Posterior> = balances.iter().skip(20).step_by(40).map(|&balance| given(balance)).collect();
        let part = 1.0 / some.len() as f64;
        let mean = part * some.iter().fold(Array2::zeros((dirty.len(), 1)), |sum, one| sum + &one.mean);
        let covariance = part
            * some.iter().fold(Array2::zeros((dirty.len(), dirty.len())), |sum, one| {
                let off = &one.mean - &mean;
                sum + &one.covariance + off.dot(&off.t())
            });
        assert_variances(&of_model.plane(0), &covariance, kept.len(), &format!("{what}, model"));
        let around = Beam::gaussian(shape, done.image.cell(), (4.0, 3.0, 20.0)).spectrum((32, 32));
        let seen = dense::convolution(shape, &oracle::plane(around));
        let covariance = seen.dot(&covariance).dot(&seen.t());
        assert_variances(&of_image.plane(0), &covariance, kept.len(), &format!("{what}, model ⊛ beam"));
    }
}

/// A sky of normal deviates that a PSF sees, with noise.
fn noisy(directory: &Path, boundary: Boundary) -> Options {
    let (shape, psf) = ((40, 44), with_sidelobes((80, 88)));
    let dirty = oracle::convolve(&white(shape, 5), &Beam::new(&psf.plane(0))) + 0.3 * white(shape, 6);
    let mut job = sampler(directory, &dirty, &psf, boundary);
    job.parameters.samples = Some(20);
    job
}

#[test]
fn the_same_bits_from_every_scheduler_and_others_from_another_seed() {
    let directory = tempfile::tempdir().unwrap();
    for boundary in [Boundary::Linear, Boundary::Periodic] {
        let mut job = noisy(directory.path(), boundary);
        let bits = |made: &Sampled| {
            let [image, model] = &made.uncertainties;
            [&made.done.model, &made.done.residual, &made.done.image, image, model].map(|fits| fits.pixels.clone())
        };
        let first = sample(&job);
        for settings in [1, 2, 3].map(Settings::threads) {
            for settings in [settings.clone(), Settings { shuffle: Some(5), poison: true, ..settings }] {
                let found = sample_with(&job, &settings);
                assert!(bits(&found) == bits(&first) && found.kept == first.kept, "{boundary:?} {settings:?}");
            }
        }
        job.parameters.seed = 2;
        let other = sample(&job);
        let off = |of: fn(&Sampled) -> &Fits| {
            let (first, other) = (of(&first).plane(0), of(&other).plane(0));
            peak(&(&first - other)) / peak(&first)
        };
        let [model, spread] = [off(|made| &made.done.model), off(|made| &made.uncertainties[1])];
        assert!(model < 1.0 && spread > 0.05 && spread < 1.0, "{boundary:?}: {model} and {spread}");
    }
}

/// The arguments of a sampler on the files of a place.
fn arguments(more: &str) -> String {
    format!("--dirty dirty.fits --psf psf.fits --method unsupervised-wiener --output out --overwrite {more}")
}

/// Runs it; what it says, and its summary.
fn run(place: &Place, more: &str) -> (String, Value) {
    let ended = place.run(&arguments(&format!("--summary s.json {more}")));
    assert_eq!(ended.status, Some(0), "{more}: {ended:?}");
    (ended.err, serde_json::from_slice(&std::fs::read(place.path("s.json")).unwrap()).unwrap())
}

fn product(place: &Place, name: &str) -> Fits {
    Fits::read(&place.path(&format!("out-{name}.fits")))
}

#[test]
fn the_same_bits_where_memory_is_short() {
    let (place, mut spilled) = (Place::simulated(512), 0);
    for more in ["--samples 2 --iterations 2", "--samples 2 --boundary periodic --noise 1e-5"] {
        let more = format!("{more} --model-uncertainty --threads 2");
        let all = || ["model", "image", "uncertainty", "model-uncertainty"].map(|name| product(&place, name).pixels);
        assert_eq!(run(&place, &more).1["scratch"]["written_bytes"], 0);
        let expected = all();
        let refused = place.run(&arguments(&format!("{more} --memory 4MiB")));
        let words = refused.err.split("the least that would do is ").nth(1).unwrap();
        let least: u64 = words.split_whitespace().next().unwrap().parse().unwrap();
        let found = run(&place, &format!("{more} --memory {least}MiB")).1;
        spilled += found["scratch"]["written_bytes"].as_u64().unwrap();
        let bits = |fits: [Vec<f32>; 4]| fits.map(|pixels| pixels.iter().map(|p| p.to_bits()).collect::<Vec<_>>());
        assert!(bits(all()) == bits(expected), "{more} in {least} MiB");
    }
    assert!(spilled > 0);
}

#[test]
fn products_are_in_their_units_and_blank_where_the_dirty_image_is() {
    let place = Place::new();
    let (_, summary) = run(&place, "--samples 20 --model-uncertainty --png");
    let names = place.names(".");
    for name in ["out-uncertainty.fits", "out-model-uncertainty.fits", "out-chains.png"] {
        assert!(names.iter().any(|there| there == name), "no {name} in {names:?}");
    }
    let (image, model, dirty) =
        (product(&place, "image"), product(&place, "model"), Fits::read(&place.path("dirty.fits")));
    for (name, of) in [("uncertainty", &image), ("model-uncertainty", &model)] {
        let found = product(&place, name);
        assert!(of.value("BUNIT").is_some(), "{name}");
        for card in ["BUNIT", "BMAJ", "BMIN", "BPA", "CASAMBM", "CRVAL1", "CTYPE3"] {
            assert_eq!(found.value(card), of.value(card), "{name}: {card}");
        }
        for (i, (spread, dirty)) in found.pixels.iter().zip(&dirty.pixels).enumerate() {
            assert!(
                *spread > 0.0 && spread.is_finite() || spread.is_nan() && dirty.is_nan(),
                "{name}: {spread} at {i}"
            );
        }
        assert!(found.plane(0) != found.plane(1), "{name}");
    }
    for plane in summary["planes"].as_array().unwrap() {
        let chain = &plane["chain"];
        let draws = chain["chain"]["draws"].as_array().unwrap().len() as u64;
        assert_eq!(plane["iterations"].as_u64(), Some(draws), "{plane}");
        let kept = draws - chain["chain"]["burn_in"].as_u64().unwrap();
        assert!((20..=60).contains(&kept) && chain["noise"]["effective"].as_f64().unwrap() <= kept as f64, "{plane}");
    }
    for (method, spreads) in [("wiener --model-uncertainty --png", 0), ("unsupervised-wiener --samples 2", 1)] {
        let place = Place::new();
        let job = format!("--dirty dirty.fits --psf psf.fits --method {method} --output out");
        assert_eq!(place.run(&job).status, Some(0));
        let found = place.names(".").into_iter().filter(|name| name.contains("uncertainty") || name.contains("chains"));
        assert_eq!(found.count(), spreads, "{method}");
    }
}

#[test]
fn planes_have_draws_of_their_own() {
    let place = Place::new();
    let mut cube = Fits::read(&place.path("dirty.fits"));
    let pixels = cube.pixels.len() / 2;
    cube.pixels.copy_within(..pixels, pixels);
    cube.write(place.path("dirty.fits"));
    for boundary in ["linear", "periodic"] {
        run(&place, &format!("--samples 20 --boundary {boundary}"));
        let spread = product(&place, "uncertainty");
        assert!(peak(&(spread.plane(0) - spread.plane(1))) > 0.0, "{boundary}");
    }
}

#[test]
fn what_draws_do_not_tell_is_said() {
    const UNSEEN: &str = "the noise is the one that was measured of the first solution";
    const UNSETTLED: &str = "what they tell of noise and sky is not settled";
    let (s, psf) = bump(64);
    let place = Place::new();
    psf.write(place.path("psf.fits"));
    let noise = filtered(&white((64, 64), 8), &s.mapv(|s| 1e-3 * s.sqrt()));
    let points = Array2::from_shape_fn((64, 64), |at| if at == (20, 30) || at == (50, 9) { 10.0 } else { 0.0 });
    plane(&(filtered(&points, &s) + &noise)).write(place.path("dirty.fits"));
    let (said, found) = run(&place, "--boundary periodic");
    assert!(said.contains(UNSEEN) && !said.contains(UNSETTLED), "{said}");
    assert_eq!(found["planes"][0]["stop_reason"], "solved", "{found}");
    assert!(!run(&place, "--boundary periodic --noise 1e-3").0.contains(UNSEEN));
    plane(&(filtered(&(2e-3 * white((64, 64), 9)), &s) + &noise)).write(place.path("dirty.fits"));
    assert!(!run(&place, "--boundary periodic").0.contains(UNSEEN));
    let (said, found) = run(&place, "--boundary periodic --samples 2");
    assert!(said.contains(UNSETTLED), "{said}");
    assert_eq!(found["planes"][0]["stop_reason"], "iterations", "{found}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let place = Place::new();
    for (more, why) in [
        ("--balance 0.1", "finds the balance by itself"),
        ("--balance gcv", "finds the balance by itself"),
        ("--noise-spectrum white", "knows natural noise alone"),
        ("--samples 1", "needs two of them at least"),
        ("--boundary periodic --border 3", "a mask: one transform solves for all pixels"),
        ("--boundary periodic --mask dirty.fits", "a mask: one transform solves for all pixels"),
        ("--delta 1", "only huber"),
    ] {
        place.refused(&arguments(more), 2, &[why]);
    }
}

#[test]
fn a_mask_and_blank_planes() {
    let place = Place::new();
    let mut cube = Fits::read(&place.path("dirty.fits"));
    let pixels = cube.pixels.len() / 2;
    cube.pixels[pixels..].fill(f32::NAN);
    cube.write(place.path("dirty.fits"));
    run(&place, "--samples 5 --border 4 --model-uncertainty");
    let (model, spread) = (product(&place, "model").plane(0), product(&place, "model-uncertainty").plane(0));
    let (mask, dirty) = (product(&place, "mask").plane(0), cube.plane(0));
    assert!(mask.iter().any(|one| *one == 0.0) && mask.iter().any(|one| *one == 1.0));
    for (((model, spread), mask), dirty) in model.iter().zip(&spread).zip(&mask).zip(&dirty) {
        let is_sky = *mask != 0.0 && !dirty.is_nan();
        assert_eq!(*model != 0.0, is_sky, "{model} where the mask is {mask}");
        assert!(if is_sky { *spread > 0.0 } else { *spread == 0.0 || spread.is_nan() }, "{spread}");
    }
    assert!(product(&place, "uncertainty").plane(1).iter().all(|pixel| pixel.is_nan()));
}
