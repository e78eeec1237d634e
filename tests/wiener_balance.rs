//! What filters find out of noise and sky, when their iterations end, and what they say of it.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Balance, Boundary, FilterFacts, Method, StopReason};
use deconv::event::{Events, What};
use deconv::job::{Options, deconvolve_with};
use deconv::kernel::{NoiseSpectrum, Regularization, mad_to_sigma};
use deconv::schedule::Settings;
use ndarray::Array2;
use num_complex::Complex64;
use serde_json::Value;
use std::thread::sleep;
use std::time::Duration;
use support::filter_job::{filter, plane, with_sidelobes, without_negatives};
use support::fits::Fits;
use support::job::{Done, options, products, run};
use support::oracle::{self, Beam, convolve, deviation, peak, without_blanks};
use support::program::Place;
use support::resume::At;
use support::{noise, observed};

const SIZE: usize = 256;

fn facts(done: &Done) -> FilterFacts {
    done.summary.planes[0].filter.unwrap()
}

fn reason(done: &Done) -> (StopReason, u64) {
    (done.summary.planes[0].stop_reason, done.summary.planes[0].iterations)
}

/// Standard deviation by the median absolute deviation.
fn mad(pixels: &Array2<f64>) -> f64 {
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let middle = median(pixels.iter().copied().collect());
    mad_to_sigma(median(pixels.iter().map(|pixel| (pixel - middle).abs()).collect()))
}

/// A job on a few points that a naturally weighted array sees, with its noise times `level` (`dirty.fits`); and the noise.
fn few_points(place: &Place, level: f64) -> (Options, Array2<f64>) {
    let ended = place.run(&format!("simulate --size {SIZE} --seed 3 --robust 5 --psf-twice --quiet --output made"));
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let made = |name: &str| place.path("made").join(name);
    let noise = Fits::read(&made("noise.fits")).plane(0) * level;
    let psf = made("psf2n.fits");
    let mut sky = Array2::zeros((SIZE, SIZE));
    for (y, x, flux) in [(40, 60, 0.02), (128, 128, 0.03), (200, 50, 0.005), (77, 201, 0.01), (230, 222, 0.0008)] {
        sky[(y, x)] = flux;
    }
    let dirty = convolve(&sky, &Beam::new(&Fits::read(&psf).plane(0))) + &noise;
    let mut image = Fits::read(&made("dirty.fits"));
    let is_own =
        |card: &String| ["CRVAL", "CDELT", "CRPIX", "CTYPE", "CUNIT", "BUNIT"].iter().any(|n| card.starts_with(n));
    image.cards.retain(is_own);
    image.pixels = dirty.iter().map(|&pixel| pixel as f32).collect();
    let mut job = options(image.write(place.path("few.fits")), psf, place.path("out"));
    (job.method, job.overwrite) = (Method::Wiener, true);
    (job, noise)
}

#[test]
fn noise_is_measured_where_the_dirty_image_shows_sidelobes() {
    for level in [1.0, 5.0] {
        let place = Place::new();
        let (job, noise) = few_points(&place, level);
        let truth = deviation(&noise);
        let seen = mad(&Fits::read(&job.dirty).plane(0));
        assert!(seen > 4.0 * truth, "the dirty image's {seen} is that of sidelobes, not {truth}");
        for (method, regularization) in
            [(Method::Wiener, None), (Method::WienerHunt, None), (Method::WienerHunt, Some(Regularization::Gradient))]
        {
            let mut job = Options { method, ..job.clone() };
            job.parameters.regularization = regularization;
            let done = run(&job);
            let FilterFacts { noise, sky, balance, .. } = facts(&done);
            let (noise, sky) = (noise.unwrap(), sky.unwrap());
            assert!((noise / truth - 1.0).abs() < 0.3, "{method:?} {regularization:?}: {noise}, not {truth}");
            assert_eq!(reason(&done).0, StopReason::Solved);
            assert!((balance / (noise / sky).powi(2) - 1.0).abs() < 1e-12);
        }
    }
}

#[test]
fn noise_alone_is_no_sky() {
    let place = Place::new();
    let (job, noise) = few_points(&place, 1e4);
    let done = run(&job);
    // Of the frequencies that the PSF sees best a little is left. A sky as strong as its first solution would explain 87 %.
    let explained = deviation(&(Fits::read(&job.dirty).plane(0) - done.residual.plane(0)));
    assert!(explained < 0.4 * deviation(&noise), "{explained}, {:?}", facts(&done));
}

#[test]
fn noise_that_is_given_is_believed() {
    let directory = tempfile::tempdir().unwrap();
    let dirty = plane_of_noise((24, 20), 1);
    for boundary in [Boundary::Linear, Boundary::Periodic] {
        let known = |noise| {
            let mut job = filter(directory.path(), &dirty, &with_sidelobes((48, 40)), Balance::Noise);
            (job.parameters.noise, job.parameters.boundary) = (noise, boundary);
            facts(&run(&job))
        };
        let (measured, once, twice) = (known(None), known(Some(0.25)), known(Some(0.5)));
        assert_eq!((once.noise, twice.noise), (Some(0.25), Some(0.5)));
        // What the noise accounts for is no sky.
        assert!(twice.sky < once.sky && twice.balance > 4.0 * once.balance);
        assert!((once.balance - (0.25 / once.sky.unwrap()).powi(2)).abs() < 1e-12 * once.balance);
        assert!(measured.noise.unwrap() > 0.0 && measured.noise != once.noise);
    }
}

fn plane_of_noise((rows, cols): (usize, usize), seed: u64) -> Array2<f64> {
    Array2::from_shape_fn((rows, cols), |(y, x)| f64::from(noise(seed, y * cols + x)))
}

/// A white sky, its periodic convolution with a PSF, and noise of a kind.
fn drawn(psf: &Fits, shape: (usize, usize), sigma: f64, kind: NoiseSpectrum) -> [Array2<f64>; 2] {
    let (sky, noise) = (plane_of_noise(shape, 1), plane_of_noise(shape, 2) * sigma);
    let transfer = Beam::new(&psf.plane(0)).within(shape).spectrum(shape);
    let root = transfer.mapv(|h| match kind {
        NoiseSpectrum::Natural => Complex64::from(h.re.max(0.0).sqrt()),
        NoiseSpectrum::White => Complex64::ONE,
    });
    let dirty = oracle::spectrum(&sky) * transfer + oracle::spectrum(&noise) * root;
    [sky, oracle::plane(dirty)]
}

#[test]
fn validation_is_near_the_best_of_a_scan() {
    let directory = tempfile::tempdir().unwrap();
    let psf = without_negatives((48, 40));
    for (sigma, kind) in [0.03, 0.3, 2.0].into_iter().flat_map(|s| NoiseSpectrum::ALL.iter().map(move |k| (s, *k))) {
        let [sky, dirty] = drawn(&psf, (48, 40), sigma, kind);
        let error = |balance| {
            let mut job = filter(directory.path(), &dirty, &psf, balance);
            (job.parameters.boundary, job.parameters.noise_spectrum) = (Boundary::Periodic, Some(kind));
            let done = run(&job);
            (deviation(&(done.model.plane(0) - &sky)), facts(&done).balance)
        };
        let (found, balance) = error(Balance::Gcv);
        let scan = (-24..=8).map(|step| error(Balance::Given(10f64.powf(f64::from(step) / 4.0))).0);
        let best = scan.fold(f64::INFINITY, f64::min);
        assert!(found < 1.03 * best, "{sigma} {kind:?}: {found} with {balance}, the best is {best}");
    }
}

/// A job whose solution needs many iterations.
fn long(directory: &std::path::Path) -> Options {
    let mut job = filter(directory, &plane_of_noise((24, 20), 3), &with_sidelobes((48, 40)), Balance::Noise);
    job.parameters.noise = Some(0.02);
    job
}

/// Dirty image, model and residual belong together.
fn check(job: &Options, done: &Done) {
    let expected =
        Fits::read(&job.dirty).plane(0) - convolve(&done.model.plane(0), &Beam::new(&Fits::read(&job.psf).plane(0)));
    let off = peak(&(done.residual.plane(0) - expected));
    assert!(off < 1e-4, "the residual is off by {off}");
}

#[test]
fn too_few_iterations_are_said() {
    let directory = tempfile::tempdir().unwrap();
    let job = long(directory.path());
    let whole = run(&job);
    assert_eq!(reason(&whole).0, StopReason::Solved);
    assert!(reason(&whole).1 > 25, "{:?}", reason(&whole));
    for most in [0, 1, 3, 20, 25] {
        for balance in [Balance::Noise, Balance::Given(1e-3)] {
            let mut job = job.clone();
            (job.parameters.iterations, job.parameters.balance, job.parameters.noise) = (Some(most), balance, None);
            let done = run(&job);
            assert_eq!(reason(&done), (StopReason::Iterations, most), "{balance:?}");
            assert_eq!(done.model.pixels.iter().all(|&flux| flux == 0.0), most == 0);
            let accuracy = facts(&done).accuracy;
            assert!(accuracy > job.parameters.tolerance && (most > 0 || accuracy == 1.0), "{accuracy}");
            check(&job, &done);
        }
    }
}

#[test]
fn when_time_is_over_the_next_iteration_is_the_last() {
    let directory = tempfile::tempdir().unwrap();
    let job = long(directory.path());
    let nothing = run(&Options { time_limit: Some(1e-9), ..job.clone() });
    assert_eq!(reason(&nothing), (StopReason::TimeLimit, 0));
    assert!(nothing.model.pixels.iter().all(|&flux| flux == 0.0));
    check(&job, &nothing);
    let (forever, unlimited) = (run(&Options { time_limit: Some(1e9), ..job.clone() }), run(&job));
    assert!(forever.model.pixels == unlimited.model.pixels && reason(&forever) == reason(&unlimited));
    // However fast the machine is, the limit is over after so many iterations; however slow it is, it may be over before.
    let limit = 0.2;
    for n in [2, 24] {
        let job = Options { time_limit: Some(limit), ..job.clone() };
        let told = |what: &What| matches!(what, What::Refreshed { .. });
        let at = At { n, seen: 0.into(), like: told, then: Box::new(move || sleep(Duration::from_secs_f64(limit))) };
        let summary = deconvolve_with(&job, &Settings::inline(), &Events::new(vec![Box::new(at)])).unwrap();
        let done = products(&job, summary);
        assert_eq!(reason(&done).0, StopReason::TimeLimit);
        assert!(reason(&done).1 <= n + 1, "{:?}", reason(&done));
        check(&job, &done);
    }
    let mut job = Options { time_limit: Some(1e-9), ..job };
    job.parameters.boundary = Boundary::Periodic;
    assert_eq!(reason(&run(&job)), (StopReason::Solved, 1), "one transform is no matter of time");
}

/// A job for each method and what it may assume.
fn ways(job: &Options) -> impl Iterator<Item = Options> {
    let methods = [Method::Wiener, Method::WienerHunt];
    let kinds = [(Boundary::Linear, NoiseSpectrum::Natural), (Boundary::Linear, NoiseSpectrum::White)];
    let kinds = kinds.into_iter().chain(NoiseSpectrum::ALL.iter().map(|kind| (Boundary::Periodic, *kind)));
    let balances = [Balance::Noise, Balance::Gcv, Balance::Given(0.1), Balance::Given(0.0)];
    let all = methods.into_iter().flat_map(move |m| kinds.clone().map(move |kind| (m, kind)));
    all.flat_map(move |way| balances.map(|balance| (way, balance))).map(|((method, kind), balance)| {
        let mut job = Options { method, ..job.clone() };
        job.parameters.balance = balance;
        (job.parameters.boundary, job.parameters.noise_spectrum) = (kind.0, Some(kind.1));
        (job.parameters.tolerance, job.parameters.iterations) = (3e-4, None);
        job
    })
}

#[test]
fn images_with_hardly_anything_have_models() {
    let directory = tempfile::tempdir().unwrap();
    let blank = Array2::from_elem((16, 14), f64::NAN);
    let mut single = blank.clone();
    single[(3, 5)] = 2.0;
    let images = [
        ("blank", blank.clone()),
        ("zero", Array2::zeros((16, 14))),
        ("constant", Array2::from_elem((16, 14), 1.5)),
        ("one that is not blank", single),
        ("tiny", plane_of_noise((16, 14), 4) * 1e-36),
        ("a pixel", Array2::from_elem((1, 1), 2.0)),
        ("a pixel of zero", Array2::zeros((1, 1))),
        ("a blank pixel", Array2::from_elem((1, 1), f64::NAN)),
        ("a row", plane_of_noise((1, 17), 5)),
        ("a column", plane_of_noise((19, 1), 6)),
        ("two pixels", plane_of_noise((2, 1), 7)),
    ];
    for (what, dirty) in images {
        for job in ways(&filter(directory.path(), &dirty, &with_sidelobes((32, 28)), Balance::Noise)) {
            let done = run(&job);
            let what = format!("{what}: {:?} {:?}", job.method, job.parameters);
            let (found, (reason, _)) = (facts(&done), reason(&done));
            assert!(
                reason == StopReason::Solved || job.parameters.balance == Balance::Given(0.0),
                "{what}: {reason:?}"
            );
            assert!(found.balance >= 0.0 && found.balance < 1e6, "{what}: {found:?}");
            assert!([found.noise, found.sky].iter().flatten().all(|number| number.is_finite()), "{what}: {found:?}");
            let model = done.model.plane(0);
            assert!(model.iter().all(|pixel| pixel.is_finite()), "{what}");
            let empty = peak(&dirty) == 0.0;
            assert_eq!(peak(&model) == 0.0, empty, "{what}");
            let left = done.residual.plane(0);
            assert!(left.indexed_iter().all(|(at, pixel)| pixel.is_nan() == dirty[at].is_nan()), "{what}");
            assert!(without_blanks(&left).iter().all(|pixel| pixel.is_finite()), "{what}");
        }
    }
}

#[test]
fn one_pixel_is_divided_by_one_and_the_balance() {
    let directory = tempfile::tempdir().unwrap();
    let dirty = Array2::from_elem((1, 1), 2.0);
    for job in ways(&filter(directory.path(), &dirty, &observed::psf((1, 1), |_, _| 1.0), Balance::Noise)) {
        if job.method == Method::Wiener && job.parameters.balance == Balance::Given(0.1) {
            let pixel = run(&job).model.plane(0)[(0, 0)];
            assert!((pixel - 2.0 / 1.1).abs() < 1e-6, "{:?}: {pixel}", job.parameters);
        }
    }
}

#[test]
fn a_psf_as_large_as_the_image_is_said_to_lack_sidelobes() {
    let place = Place::simulated(SIZE);
    let run = |arguments: &str| {
        let files = "--dirty dirty.fits --psf psf.fits --output out --overwrite --summary s.json";
        let ended = place.run(&format!("{files} {arguments}"));
        assert_eq!(ended.status, Some(0), "{ended:?}");
        let summary: Value = serde_json::from_slice(&std::fs::read(place.path("s.json")).unwrap()).unwrap();
        (format!("{}{}", ended.out, ended.err), summary["planes"][0].clone())
    };
    let (said, plane) = run("--method wiener");
    assert!(said.contains("the PSF ends 128 rows and 128 columns from its peak"), "{said}");
    let filter = &plane["filter"];
    let number = |name: &str| filter[name].as_f64().unwrap_or_else(|| panic!("no {name} in {filter}"));
    let (noise, sky, balance) = (number("noise"), number("sky"), number("balance"));
    assert!((balance / (noise / sky).powi(2) - 1.0).abs() < 1e-9);
    assert!(number("negative") > 0.0 && number("accuracy") <= 3e-4 && number("accuracy") > 0.0);
    assert_eq!(plane["stop_reason"], "solved");
    assert!(
        said.contains(&format!("balance {balance:.3e}; noise {noise:.3e} Jy/beam, sky {sky:.3e} a pixel")),
        "{said}"
    );
    let history = Fits::read(&place.path("out-model.fits")).history();
    assert!(history.contains("method=wiener balance=noise boundary=linear"), "{history}");
    assert!(history.contains(&format!("stopped: solved, balance {balance:e}")), "{history}");
    let (said, plane) = run("--method wiener-hunt --regularization gradient --balance 0.1 --boundary periodic");
    assert!(!said.contains("sidelobes") && !said.contains("negative"), "{said}");
    assert_eq!((&plane["filter"]["noise"], &plane["filter"]["accuracy"]), (&Value::Null, &Value::from(0.0)));
    let history = Fits::read(&place.path("out-model.fits")).history();
    assert!(history.contains("balance=0.1 boundary=periodic regularization=gradient"), "{history}");
}

#[test]
fn a_negative_transfer_function_is_said() {
    let place = Place::new();
    let sharp =
        observed::psf((80, 96), |dy, dx| if dy == 0 && dx.abs() < 3 { 1.0 - 0.2 * dx.abs() as f64 } else { 0.0 });
    plane(&plane_of_noise((40, 48), 8)).write(place.path("dirty.fits"));
    sharp.write(place.path("psf.fits"));
    for (boundary, said) in [("linear", true), ("periodic --noise-spectrum natural", true), ("periodic", false)] {
        let ended = place.run(&format!(
            "--dirty dirty.fits --psf psf.fits --method wiener --boundary {boundary} --beam 3arcsec,2arcsec,90 --output out \
             --overwrite"
        ));
        assert_eq!(ended.status, Some(0), "{ended:?}");
        let text = format!("{}{}", ended.out, ended.err);
        assert_eq!(text.contains("its transfer function is negative"), said, "{boundary}: {text}");
    }
}
