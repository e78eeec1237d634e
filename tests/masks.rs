//! Jobs whose components are kept to some pixels.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Method, Parameters, StopReason};
use deconv::error::Kind;
use deconv::event::Events;
use deconv::job::{Options, deconvolve, deconvolve_with};
use deconv::kernel::Signs;
use deconv::schedule::Settings;
use ndarray::Array2;
use std::path::Path;
use support::fits::Fits;
use support::job::{Done, data, on_set, run};
use support::noise;
use support::oracle::{Beam, convolve, peak};
use support::program::Place;
use support::resume::{checkpoint, files, inputs, refresh, resume, small, stop};

/// The mask that a job wrote.
fn mask_of(options: &Options) -> Fits {
    let mut path = options.output.clone().unwrap().into_os_string();
    path.push("-mask.fits");
    Fits::read(Path::new(&path))
}

/// A job on Stokes I to V of 3C 273 with a mask of one plane: a disk about the nucleus.
fn masked(directory: &Path, method: Method) -> (Options, impl Fn(usize, usize) -> bool) {
    let inside = |y: usize, x: usize| (y as f64 - 128.0).hypot(x as f64 - 128.0) < 9.5;
    let axes = [("RA---SIN", 256), ("DEC--SIN", 256)];
    let mask = Fits::new(&axes, |_, y, x| match (inside(y, x), x % 3) {
        (true, 0) => -2.5,
        (true, _) => 1.0,
        (false, 0) => f64::NAN,
        (false, _) => 0.0,
    });
    // Without coordinates: they are believed to be those of the image.
    let mask = Fits { cards: Vec::new(), ..mask };
    let job = on_set("vla-3c273", directory.join("out"));
    let mask = mask.write(directory.join("mask.fits"));
    (Options { mask: Some(mask), method, overwrite: true, ..job }, inside)
}

/// Are all components of a plane where they may be?
fn outside(model: &Array2<f64>, inside: impl Fn(usize, usize) -> bool) -> usize {
    model.indexed_iter().filter(|&((y, x), &flux)| flux != 0.0 && !inside(y, x)).count()
}

fn check_residual(done: &Done, options: &Options, plane: usize) {
    let (dirty, psf) = (Fits::read(&options.dirty).plane(plane), Fits::read(&options.psf).plane(plane));
    let expected = &dirty - &convolve(&done.model.plane(plane), &Beam::new(&psf));
    let difference = peak(&(&done.residual.plane(plane) - &expected));
    assert!(difference <= 1e-6 * peak(&dirty), "plane {plane}: residual off by {difference}");
}

#[test]
fn components_stay_inside_a_mask() {
    let directory = tempfile::tempdir().unwrap();
    for method in [Method::Clark, Method::Hogbom] {
        let (options, inside) = masked(directory.path(), method);
        let done = run(&options);
        let mask = mask_of(&options);
        assert_eq!((mask.planes(), mask.value("BMAJ"), mask.value("BUNIT")), (4, None, Some(String::new())));
        for plane in 0..4 {
            let model = done.model.plane(plane);
            assert_eq!(outside(&model, &inside), 0);
            assert!(peak(&model) > 0.0);
            let expected = Array2::from_shape_fn((256, 256), |(y, x)| f64::from(u8::from(inside(y, x))));
            assert_eq!(mask.plane(plane), expected);
            check_residual(&done, &options, plane);
            let summary = &done.summary.planes[plane];
            assert_eq!(summary.mask_pixels, Some(expected.sum() as u64));
            let inner = done.residual.plane(plane) * &expected;
            assert!((summary.peak_after / peak(&inner) - 1.0).abs() < 1e-5, "{summary:?}");
        }
        assert!(done.model.cards.iter().any(|card| card.contains("deconv mask=mask.fits")));
        assert!(outside(&run(&Options { mask: None, ..options }).model.plane(0), &inside) > 0);
    }
}

#[test]
fn a_mask_of_ones_changes_nothing_but_for_the_mask() {
    let from = tempfile::tempdir().unwrap();
    inputs(from.path(), 2);
    let to = tempfile::tempdir().unwrap();
    let job = small(from.path(), to.path());
    deconvolve_with(&job, &Settings::inline(), &Events::silent()).unwrap();
    let plain = run(&Options { overwrite: true, ..job.clone() });
    // A plane for each Stokes parameter, in another order of axes.
    let axes = [("STOKES", 2), ("RA---SIN", 44), ("DEC--SIN", 48)];
    let mask = Fits::new(&axes, |plane, _, x| if plane == 0 { 7.0 } else { f64::from(u8::from(x < 22)) });
    let mask = Some(mask.write(from.path().join("mask.fits")));
    let masked = run(&Options { mask, overwrite: true, ..job });
    assert_eq!(plain.model.plane(0), masked.model.plane(0));
    assert_ne!(plain.model.plane(1), masked.model.plane(1));
    assert_eq!(outside(&masked.model.plane(1), |_, x| x < 22), 0);
}

#[test]
fn masks_of_other_images_are_refused() {
    let place = Place::new();
    let sky = [("RA---SIN", 48), ("DEC--SIN", 40)];
    let write = |name: &str, axes: &[(&str, usize)], card: &str| {
        let mask = Fits::new(axes, |_, _, _| 1.0);
        let cards = mask.cards.iter().filter(|old| card.is_empty() || old[..8] != card[..8]).cloned();
        let cards: Vec<String> = cards.chain([card.to_string()]).filter(|card| !card.is_empty()).collect();
        Fits { cards, ..mask }.write(place.path(name));
    };
    write("small.fits", &[("RA---SIN", 40), ("DEC--SIN", 40)], "");
    write("three.fits", &[sky[0], sky[1], ("STOKES", 3)], "");
    write("other.fits", &sky, "CRVAL2  =                0.001");
    write("cell.fits", &sky, "CDELT1  =              -0.0003");
    write("galactic.fits", &[("GLON-SIN", 48), ("GLAT-SIN", 40)], "");
    let job = |mask: &str| format!("--dirty dirty.fits --psf psf.fits --mask {mask}");
    place.refused(&job("none.fits"), 1, &["none.fits", "cannot be opened"]);
    place.refused(&job("small.fits"), 1, &["small.fits", "40 x 40", "40 x 48", "regrid"]);
    place.refused(&job("three.fits"), 1, &["three.fits", "the mask's", "length 3"]);
    place.refused(&job("other.fits"), 1, &["other.fits", "coordinates", "row 0"]);
    place.refused(&job("cell.fits"), 1, &["cell.fits", "its cell"]);
    place.refused(&job("galactic.fits"), 1, &["galactic.fits"]);
    for option in ["--mask psf.fits", "--border 5"] {
        let periodic = format!("--dirty dirty.fits --psf psf.fits --method wiener --boundary periodic {option}");
        place.refused(&periodic, 2, &["a mask", "all pixels", "--boundary periodic"]);
    }
    for option in ["--auto-mask", "--local-rms", "--no-negative", "--stop-on-negative"] {
        let wiener = format!("--dirty dirty.fits --psf psf.fits --method wiener {option}");
        place.refused(&wiener, 2, &[option.split(' ').next().unwrap(), "wiener"]);
    }
    for border in ["-1", "50", "NaN"] {
        place.refused(&format!("--dirty dirty.fits --psf psf.fits --border={border}"), 2, &["--border"]);
    }
}

#[test]
fn products_do_not_replace_masks() {
    let place = Place::new();
    let mask = Fits::new(&[("RA---SIN", 48), ("DEC--SIN", 40)], |_, y, _| f64::from(u8::from(y < 20)));
    mask.write(place.path("my-mask.fits"));
    let job = "--dirty dirty.fits --psf psf.fits --niter 8 --mask my-mask.fits --quiet";
    place.refused(&format!("{job} --output my --overwrite"), 1, &["my-mask.fits", "is an input"]);
    place.done("--mask my-mask.fits --output a --quiet");
    assert!(place.names(".").contains(&"a-mask.fits".to_string()));
    std::fs::remove_file(place.path("a-model.fits")).unwrap();
    std::fs::remove_file(place.path("a-residual.fits")).unwrap();
    std::fs::remove_file(place.path("a-image.fits")).unwrap();
    place.refused(&format!("{job} --output a"), 1, &["a-mask.fits", "exists already"]);
    place.done("--output b --quiet");
    assert!(!place.names(".").contains(&"b-mask.fits".to_string()));
}

#[test]
fn a_plane_of_which_nothing_is_inside_is_left_alone() {
    let place = Place::new();
    let axes = [("RA---SIN", 48), ("DEC--SIN", 40), ("STOKES", 2)];
    Fits::new(&axes, |plane, y, x| if plane == 1 { 0.0 } else { (y + x) as f64 }).write(place.path("mask.fits"));
    let ended = place.done("--mask mask.fits --output a --summary s.json");
    assert!(ended.err.contains("no pixel is inside the mask"), "{ended:?}");
    let summary: serde_json::Value = serde_json::from_slice(&std::fs::read(place.path("s.json")).unwrap()).unwrap();
    assert_eq!(summary["planes"][1]["stop_reason"], "nothing-to-clean");
    assert_eq!(summary["planes"][1]["mask_pixels"], 0);
    assert_eq!(summary["planes"][0]["stop_reason"], "niter");
    let image = |name: &str| Fits::read(&place.path(name)).plane(1);
    let (dirty, residual) = (image("dirty.fits"), image("a-residual.fits"));
    assert!(residual.iter().zip(&dirty).all(|(a, b)| a == b || a.is_nan() && b.is_nan()));
}

#[test]
fn nothing_is_found_in_the_border() {
    let directory = tempfile::tempdir().unwrap();
    let (options, disk) = masked(directory.path(), Method::Clark);
    // 48.1 % of 256 pixels are 123.
    let options = Options { border: 48.1, ..options };
    let within = |y: usize, x: usize| (123..133).contains(&y) && (123..133).contains(&x);
    let done = run(&options);
    let written = mask_of(&options).plane(0);
    assert!(written.indexed_iter().all(|((y, x), &pixel)| (pixel == 1.0) == (within(y, x) && disk(y, x))));
    assert_eq!(outside(&done.model.plane(0), within), 0);
    let only = Options { mask: None, border: 25.0, ..options };
    let done = run(&only);
    let within = |y: usize, x: usize| (64..192).contains(&y) && (64..192).contains(&x);
    assert_eq!(outside(&done.model.plane(0), within), 0);
    assert_eq!(mask_of(&only).plane(3).sum(), 128.0 * 128.0);
    check_residual(&done, &only, 0);
}

#[test]
fn regions_and_masks_allow_what_both_allow() {
    let directory = tempfile::tempdir().unwrap();
    let (options, disk) = masked(directory.path(), Method::Clark);
    let region = directory.path().join("a.reg");
    std::fs::write(&region, "image\nbox(125,129,21,81)\n-circle(129,129,3)\n").unwrap();
    let within = |y: usize, x: usize| x.abs_diff(124) <= 10 && (y as f64 - 128.0).hypot(x as f64 - 128.0) > 3.0;
    let options = Options { mask_region: Some(region.clone()), ..options };
    let done = run(&options);
    let written = mask_of(&options).plane(2);
    assert!(written.indexed_iter().all(|((y, x), &pixel)| (pixel == 1.0) == (within(y, x) && disk(y, x))));
    assert_eq!(outside(&done.model.plane(2), |y, x| within(y, x) && disk(y, x)), 0);
    assert!(done.model.cards.iter().any(|card| card.contains("mask-region=a.reg")));
    std::fs::write(&region, "image\nbox(125,129,21)\n").unwrap();
    let error = deconvolve(&options, &Events::silent(), &Default::default()).unwrap_err();
    assert!(error.to_string().contains("a.reg: line 2: box has 3 numbers"), "{error}");
}

/// A job on the first Stokes parameter of 3C 273 alone.
fn stokes_i(directory: &Path) -> Options {
    let cut = |name: &str| {
        let all = Fits::read(&data(&format!("vla-3c273/{name}")));
        let (rows, cols) = all.shape();
        let axes = [("RA---SIN", cols), ("DEC--SIN", rows), ("STOKES", 1)];
        let plane = all.plane(0);
        Fits::new(&axes, |_, y, x| plane[(y, x)]).write(directory.join(name))
    };
    support::job::options(cut("dirty.fits"), cut("psf.fits"), directory.join("out"))
}

#[test]
fn negative_components_can_be_forbidden() {
    let directory = tempfile::tempdir().unwrap();
    let all = on_set("vla-3c273", directory.path().join("out"));
    let parameters = Parameters { niter: 3000, signs: Signs::Positive, ..all.parameters };
    let error = deconvolve(&Options { parameters, ..all }, &Events::silent(), &Default::default()).unwrap_err();
    assert_eq!(error.kind, Kind::Usage);
    assert!(error.message.contains("--no-negative") && error.message.contains("plane Q"), "{error}");
    for method in [Method::Clark, Method::Hogbom] {
        let options = Options { method, overwrite: true, ..stokes_i(directory.path()) };
        let with = |signs| {
            let parameters = Parameters { niter: 3000, signs, ..options.parameters };
            run(&Options { parameters, ..options.clone() })
        };
        let negative = |done: &Done| done.model.plane(0).iter().filter(|&&flux| flux < 0.0).count();
        assert!(negative(&with(Signs::Both)) > 0);
        let positive = with(Signs::Positive);
        assert_eq!(negative(&positive), 0);
        let highest = positive.residual.plane(0).iter().fold(0.0f64, |high, &pixel| high.max(pixel));
        assert!((positive.summary.planes[0].peak_after / highest - 1.0).abs() < 1e-5);
        let until = with(Signs::UntilNegative);
        assert_eq!((negative(&until), until.summary.planes[0].stop_reason), (0, StopReason::Negative));
        assert!(until.summary.planes[0].iterations > 10);
        check_residual(&until, &options, 0);
    }
}

#[test]
fn an_automatic_mask_gets_deeper_where_something_is() {
    let place = Place::simulated(512);
    let output = place.path("out");
    let job = support::job::options(place.path("dirty.fits"), place.path("psf.fits"), output);
    let with = |method, nsigma, auto_mask| {
        let parameters = Parameters { niter: 100_000, nsigma, auto_mask, ..job.parameters };
        Options { parameters, method, overwrite: true, ..job.clone() }
    };
    for method in [Method::Clark, Method::Hogbom] {
        let shallow = run(&with(method, 5.0, None));
        let auto = with(method, 3.0, Some(5.0));
        let deep = run(&auto);
        let places = |done: &Done| done.model.plane(0).mapv(|flux| f64::from(u8::from(flux != 0.0)));
        let mask = mask_of(&auto).plane(0);
        // Flux that comes to exactly zero is none, but its place is one of the mask.
        assert!(outside(&deep.model.plane(0), |y, x| mask[(y, x)] == 1.0) == 0);
        assert!(mask.sum() - places(&deep).sum() <= 3.0);
        // The first part is the run without a mask, to the bit.
        assert!(
            mask.sum() - places(&shallow).sum() <= 3.0
                && outside(&shallow.model.plane(0), |y, x| mask[(y, x)] == 1.0) == 0
        );
        let [a, b] = [&shallow, &deep].map(|done| done.summary.planes[0].clone());
        assert!(
            b.iterations > a.iterations && b.rms_after < a.rms_after && b.peak_after < a.peak_after,
            "{a:?}, {b:?}"
        );
        assert_eq!((b.stop_reason, b.mask_pixels), (StopReason::Nsigma, Some(mask.sum() as u64)));
        check_residual(&deep, &auto, 0);
    }
    // Nothing above the first level: the mask that was used is everything.
    let high = with(Method::Clark, 3.0, Some(1e6));
    assert_eq!(run(&high).summary.planes[0].stop_reason, StopReason::NothingToClean);
    assert_eq!(mask_of(&high).plane(0).sum(), 512.0 * 512.0);
    let ended = place.run("--dirty dirty.fits --psf psf.fits --output a --auto-mask --quiet");
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let said = Fits::read(&place.path("a-model.fits")).cards.join("");
    assert!(said.contains("auto-mask=5") && said.contains("nsigma=3"), "5 and 3 are the defaults");
    let job = "--dirty dirty.fits --psf psf.fits --output b";
    place.refused(&format!("{job} --auto-mask 4 --nsigma 4.5"), 2, &["--auto-mask 4", "--nsigma"]);
    place.refused(&format!("{job} --auto-mask=-1"), 2, &["--auto-mask"]);
    place.refused(&format!("{job} --local-rms 1"), 2, &["--local-rms 1", "5"]);
}

/// An image whose noise grows from left to right by a factor of 9, with sources of one brightness.
fn uneven(directory: &Path) -> Options {
    let psf = |dy: f64, dx: f64| (-(dy * dy + dx * dx) / 3.0).exp();
    let axes = [("RA---SIN", 256), ("DEC--SIN", 192)];
    let noisy = |x: usize| 0.01 * (1.0 + 8.0 * x as f64 / 255.0);
    let dirty = Fits::new(&axes, |_, y, x| {
        let source = |x0: f64| 0.3 * psf(y as f64 - 96.0, x as f64 - x0);
        let sum: f64 = (0..12).map(|i| f64::from(noise(i, 1000 * y + x))).sum();
        source(30.0) + source(225.0) + noisy(x) * sum / 2.0
    });
    let dirty = dirty.write(directory.join("dirty.fits"));
    let psf = Fits::new(&[("RA---SIN", 65), ("DEC--SIN", 65)], |_, y, x| psf(y as f64 - 32.0, x as f64 - 32.0));
    support::job::options(dirty, psf.write(directory.join("psf.fits")), directory.join("out"))
}

#[test]
fn local_noise_decides_where_noise_is_uneven() {
    let directory = tempfile::tempdir().unwrap();
    for method in [Method::Clark, Method::Hogbom] {
        let with = |local_rms| {
            let job = uneven(directory.path());
            let parameters = Parameters { niter: 5000, nsigma: 5.0, local_rms, ..job.parameters };
            run(&Options { parameters, method, overwrite: true, ..job })
        };
        let (plain, local) = (with(None), with(Some(8.0)));
        let near = |done: &Done, x0: usize| {
            let model = done.model.plane(0);
            let near = model.indexed_iter().filter(|((y, x), _)| y.abs_diff(96) < 9 && x.abs_diff(x0) < 9);
            near.map(|(_, flux)| *flux).sum::<f64>()
        };
        // The left source is far above the noise around it; the right one is not.
        assert!(near(&local, 30) > 1.15 * near(&plain, 30), "{} {}", near(&local, 30), near(&plain, 30));
        assert!(near(&plain, 225) > 0.02 && near(&local, 225) < 0.6 * near(&plain, 225));
        assert_eq!(local.summary.planes[0].stop_reason, StopReason::Nsigma);
        // Every pixel is at most 5 times the noise around it, which is interpolated as we know it to be.
        let residual = local.residual.plane(0);
        let above = residual
            .indexed_iter()
            .filter(|((_, x), pixel)| pixel.abs() > 1.25 * 5.0 * 0.01 * (1.0 + 8.0 * *x as f64 / 255.0));
        assert_eq!(above.count(), 0);
        check_residual(&local, &uneven(directory.path()), 0);
    }
}

#[test]
fn an_automatic_mask_can_be_gone_on_with() {
    let from = tempfile::tempdir().unwrap();
    inputs(from.path(), 2);
    let job = |to: &Path| {
        let job = small(from.path(), to);
        let (nsigma, auto_mask, local_rms) = (4.0, Some(40.0), Some(5.0));
        let parameters = Parameters { niter: 20_000, nsigma, auto_mask, local_rms, ..job.parameters };
        Options { parameters, ..job }
    };
    let quiet = tempfile::tempdir().unwrap();
    let summary = deconvolve_with(&job(quiet.path()), &Settings::inline(), &Events::silent()).unwrap();
    let refreshes: u64 = summary.planes.iter().map(|plane| plane.refreshes).sum();
    assert!(refreshes > 6 && summary.planes.iter().all(|plane| plane.stop_reason == StopReason::Nsigma), "{summary:?}");
    let expected = files(quiet.path());
    for n in 1..refreshes {
        let to = tempfile::tempdir().unwrap();
        let job = job(to.path());
        stop(&job, n, refresh);
        resume(&job, &if n % 2 == 0 { Settings::threads(2) } else { Settings::inline() }).unwrap();
        assert!(files(to.path()) == expected, "refresh {n} of {refreshes}");
    }
}

#[test]
fn a_masked_run_can_be_gone_on_with() {
    let from = tempfile::tempdir().unwrap();
    inputs(from.path(), 2);
    let axes = [("RA---SIN", 44), ("DEC--SIN", 48)];
    let mask = Fits::new(&axes, |_, y, x| f64::from(u8::from((y + x) % 5 != 0 && y > 5)));
    let mask = mask.write(from.path().join("mask.fits"));
    let job = |to: &Path| Options { mask: Some(mask.clone()), border: 4.0, ..small(from.path(), to) };
    let quiet = tempfile::tempdir().unwrap();
    deconvolve_with(&job(quiet.path()), &Settings::inline(), &Events::silent()).unwrap();
    let expected = files(quiet.path());
    assert_eq!(expected.len(), 4);
    for n in [1, 2, 3] {
        let to = tempfile::tempdir().unwrap();
        let job = job(to.path());
        stop(&job, n, refresh);
        assert!(checkpoint(&job).exists());
        let (_, notes) = resume(&job, &Settings::threads(2)).unwrap();
        assert!(notes.iter().any(|note| note.starts_with("goes on")), "{notes:?}");
        assert!(files(to.path()) == expected, "refresh {n}");
    }
    let to = tempfile::tempdir().unwrap();
    let job = job(to.path());
    stop(&job, 2, refresh);
    let refused = |job: &Options, said: &str| {
        let error = resume(job, &Settings::inline()).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    };
    refused(&Options { border: 5.0, ..job.clone() }, "--border");
    refused(&Options { mask: None, ..job.clone() }, "a mask");
    let signs = Parameters { signs: Signs::UntilNegative, ..job.parameters };
    refused(&Options { parameters: signs, ..job.clone() }, "signs");
    Fits::new(&axes, |_, _, _| 1.0).write(from.path().join("mask.fits"));
    refused(&job, "a mask with the CRC-32");
}
