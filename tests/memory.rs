//! `--memory`: what is promised is kept, told beforehand, and changes no bit.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use serde_json::Value;
use support::bar::at_most;
use support::fits::Fits;
use support::noise;
use support::program::{Ended, Place};

const PRODUCTS: [&str; 3] = ["image", "model", "residual"];

/// A method with all that keeps components to some pixels.
const MASKED: &str = "clark --border 3 --no-negative --auto-mask --local-rms";
/// Filters beside the plain one: their graphs are others.
const FILTERS: [&str; 4] = [
    "wiener-hunt --balance gcv",
    "wiener --balance 0.01 --border 10",
    "wiener-hunt --boundary periodic",
    "wiener --noise-spectrum white --balance gcv",
];

/// A sampler, with few draws.
const SAMPLERS: [&str; 2] = [
    "unsupervised-wiener --samples 2 --iterations 4 --model-uncertainty",
    "unsupervised-wiener --samples 2 --boundary periodic",
];

/// Iterations that make pixels.
const LUCY: &str = "richardson-lucy --iterations 4";
const MIB: u64 = 1 << 20;

/// A job by a method, and options of it, but for the products and how it is run.
fn job(method: &str) -> String {
    match method {
        LUCY => format!("--dirty dirty.fits --psf positive.fits --method {method}"),
        _ => format!("--dirty dirty.fits --psf psf.fits --niter 2000 --method {method}"),
    }
}

/// The inputs of a synthetic observation, and a PSF that is nowhere negative.
fn simulated(size: usize) -> Place {
    let place = Place::simulated(size);
    let mut psf = Fits::read(&place.path("psf.fits"));
    psf.pixels.iter_mut().for_each(|pixel| *pixel = pixel.max(0.0));
    psf.write(place.path("positive.fits"));
    place
}

/// Runs a job in a process of its own; its summary.
fn summary(place: &Place, arguments: &str) -> Value {
    let ended = place.run(&format!("{arguments} --output out --overwrite --quiet --summary s.json"));
    assert_eq!(ended.status, Some(0), "{arguments}: {ended:?}");
    serde_json::from_slice(&std::fs::read(place.path("s.json")).unwrap()).unwrap()
}

/// What `deconv plan` says of a job; it writes nothing.
fn plan(place: &Place, arguments: &str) -> Value {
    let before = place.names(".");
    let ended = place.run(&format!("plan {arguments} --output other --json"));
    assert_eq!(ended.status, Some(0), "{arguments}: {ended:?}");
    assert_eq!(place.names("."), before);
    serde_json::from_str(&ended.out).unwrap()
}

fn products(place: &Place) -> Vec<Vec<u8>> {
    let read = |name: &str| std::fs::read(place.path(&format!("out-{name}.fits")));
    let others = ["mask", "uncertainty", "model-uncertainty"].into_iter().filter_map(|name| read(name).ok());
    PRODUCTS.iter().map(|name| read(name).unwrap()).chain(others).collect()
}

/// The least memory that would do, in MiB, as a run says that was granted too little.
fn least(ended: &Ended) -> u64 {
    let words = ended.err.split("the least that would do is ").nth(1);
    let words = words.unwrap_or_else(|| panic!("no least memory in {ended:?}"));
    words.split_whitespace().next().unwrap().parse().unwrap()
}

/// MiB by which the least memory of two runs of a job may differ.
const SPARE: u64 = 4;

/// Does the process itself say what its memory was at the most? (Linux does.)
fn is_measured() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|text| text.contains("VmHWM:"))
}

#[test]
fn what_fits_is_predicted_within_15_percent() {
    if !is_measured() {
        println!("SKIPPED: the system does not say what a process needed");
        return;
    }
    for (size, methods) in [
        (1024, &["clark", "multiscale", "wiener", "hogbom", "huber --no-negative --iterations 3", MASKED, LUCY][..]),
        (1024, &FILTERS),
        (2048, &["clark", "multiscale", "wiener", MASKED, LUCY]),
    ] {
        let place = simulated(size);
        for method in methods {
            for threads in [1, 2] {
                let arguments = format!("{} --threads {threads} --memory 2GiB", job(method));
                let found = summary(&place, &arguments);
                let said = plan(&place, &arguments);
                let bytes = |value: &Value| value.as_f64().unwrap();
                let (predicted, peak) = (bytes(&found["predicted_peak_bytes"]), bytes(&found["peak_rss_bytes"]));
                let what = format!("{size}, {arguments}: {predicted} predicted, {peak} measured");
                let bar = "runs that spill nothing: predicted peak off the measured one, %";
                at_most(bar, &format!("{size}², {arguments}"), 100.0 * (predicted / peak - 1.0).abs(), 15.0);
                assert_eq!(found["scratch"]["written_bytes"], 0, "{what}");
                assert_eq!(said["scratch_bytes"], 0, "{what}");
                // A process begins with a little more or less memory than another.
                let beforehand = bytes(&said["predicted_peak_bytes"]);
                assert!((beforehand - predicted).abs() < MIB as f64, "{what}, {beforehand} beforehand");
            }
        }
    }
}

#[test]
fn the_memory_is_kept_where_it_is_short() {
    if !is_measured() {
        println!("SKIPPED: the system does not say what a process needed");
        return;
    }
    for (size, budgets) in [(1024, &[32, 28, 26][..]), (2048, &[80, 50, 32])] {
        let place = Place::simulated(size);
        let whole = summary(&place, &job("clark"));
        assert_eq!(whole["scratch"]["written_bytes"], 0);
        let expected = products(&place);
        for (threads, &budget) in [1, 2].into_iter().flat_map(|threads| budgets.iter().map(move |b| (threads, b))) {
            let arguments = format!("{} --threads {threads} --memory {budget}MiB", job("clark"));
            let found = summary(&place, &arguments);
            let bytes = |name: &str| found[name].as_u64().unwrap();
            let what = format!("{size}, {arguments}: {found}");
            let part = bytes("peak_rss_bytes") as f64 / (budget * MIB) as f64;
            at_most("clark in little memory: VmHWM / --memory", &format!("{size}² in {budget} MiB"), part, 1.0);
            assert!(bytes("predicted_peak_bytes") <= budget * MIB, "{what}");
            assert_eq!(bytes("memory_bytes"), budget * MIB, "{what}");
            let scratch = &found["scratch"];
            assert!(scratch["written_bytes"].as_u64().unwrap() > 0, "{what}");
            assert!(products(&place) == expected, "{what}");
            let said = plan(&place, &arguments);
            assert!(said["predicted_peak_bytes"].as_u64().unwrap() <= budget * MIB, "{what}: {said}");
            let predicted = said["scratch_bytes"].as_u64().unwrap();
            // A process that has less at its start leaves more to the pool.
            assert!(scratch["peak_bytes"].as_u64().unwrap() <= predicted + SPARE * MIB, "{what}: {said}");
            assert!(said["cycle_read_bytes"].as_u64().unwrap() > 0, "{what}: {said}");
        }
    }
}

/// Makes a cube of three polarizations of the dirty image, each with noise of its own.
fn polarize(place: &Place) {
    let dirty = Fits::read(&place.path("dirty.fits"));
    let (plane, (rows, cols)) = (dirty.plane(0), dirty.shape());
    let axes = [("RA---SIN", cols), ("DEC--SIN", rows), ("STOKES", 3)];
    let part = |plane: usize| [1.0, -0.3, 0.2][plane];
    let noise = |plane: usize, i: usize| 1e-4 * f64::from(noise(plane as u64, i));
    let mut cube = Fits::new(&axes, |p, y, x| part(p) * plane[(y, x)] + noise(p, y * cols + x));
    // The cell is that of the PSF.
    let is_cell = |card: &String| card.starts_with("CDELT1") || card.starts_with("CDELT2");
    cube.cards.retain(|card| !is_cell(card));
    cube.cards.extend(dirty.cards.iter().filter(|card| is_cell(card)).cloned());
    cube.write(place.path("dirty.fits"));
}

#[test]
fn joined_polarizations_keep_the_promise_too() {
    let (small, large) = (Place::simulated(512), Place::simulated(1024));
    [&small, &large].into_iter().for_each(polarize);
    for method in ["clark --niter 2000", "hogbom --niter 300", "clark --niter 2000 --auto-mask --border 3"] {
        let arguments = format!("--dirty dirty.fits --psf psf.fits --join-polarizations --threads 2 --method {method}");
        let found = summary(&large, &arguments);
        let bytes = |value: &Value| value.as_f64().unwrap();
        let (predicted, peak) = (bytes(&found["predicted_peak_bytes"]), bytes(&found["peak_rss_bytes"]));
        let what = format!("{arguments}: {predicted} predicted, {peak} measured");
        assert!(!is_measured() || (predicted / peak - 1.0).abs() < 0.15, "{what}");
        let said = plan(&large, &arguments);
        assert!((bytes(&said["predicted_peak_bytes"]) - predicted).abs() < MIB as f64, "{what}: {said}");
        summary(&small, &arguments);
        let expected = products(&small);
        let ended = small.run(&format!("{arguments} --memory 4MiB --output none"));
        assert!(ended.err.contains("planes that are joined do not fit into 4 MiB"), "{ended:?}");
        for more in [1, 4] {
            let budget = least(&ended) + more;
            let found = summary(&small, &format!("{arguments} --memory {budget}MiB"));
            assert!(products(&small) == expected, "{arguments} in {budget} MiB");
            assert!(!is_measured() || found["peak_rss_bytes"].as_u64().unwrap() <= budget * MIB, "{found}");
            assert!(found["scratch"]["written_bytes"].as_u64().unwrap() > 0, "in {budget} MiB: {found}");
        }
    }
}

#[test]
fn a_dense_model_to_start_from_is_never_in_memory_as_a_whole() {
    if !is_measured() {
        println!("SKIPPED: the system does not say what a process needed");
        return;
    }
    let place = Place::simulated(1024);
    assert_eq!(place.run(&format!("{} --output dense --quiet", job("wiener"))).status, Some(0));
    let arguments = format!("{} --model dense-model.fits --threads 2", job("clark"));
    let whole = summary(&place, &arguments);
    let empty = plan(&place, &format!("{} --threads 2", job("clark")));
    let predicted = |value: &Value| value["predicted_peak_bytes"].as_u64().unwrap();
    assert!(predicted(&whole) <= predicted(&empty) + 2 * MIB, "{whole}");
    let expected = products(&place);
    let found = summary(&place, &format!("{arguments} --memory 24MiB"));
    assert!(found["peak_rss_bytes"].as_u64().unwrap() <= 24 * MIB, "{found}");
    assert!(found["scratch"]["written_bytes"].as_u64().unwrap() > 0, "{found}");
    assert!(products(&place) == expected);
}

#[test]
fn the_same_bits_in_the_least_memory_that_would_do() {
    let place = simulated(512);
    let (mut runs, mut spilled) = (0, 0);
    for method in ["clark", "multiscale", "wiener", "hogbom", MASKED, LUCY].iter().chain(&FILTERS) {
        summary(&place, &format!("{} --threads 1", job(method)));
        let expected = products(&place);
        for how in ["--threads 1", "--threads 2", "--threads 3", "--scheduler inline"] {
            let arguments = format!("{} {how}", job(method));
            let least = least(&place.run(&format!("{arguments} --memory 4MiB --output none")));
            for more in [0, 1, 3, 8] {
                let found = summary(&place, &format!("{arguments} --memory {}MiB", least + more));
                assert!(products(&place) == expected, "{arguments} with {more} more than {least} MiB");
                spilled += u32::from(found["scratch"]["written_bytes"].as_u64().unwrap() > 0);
                runs += 1;
                let peak = found["peak_rss_bytes"].as_u64().unwrap();
                assert!(!is_measured() || peak <= (least + more) * MIB, "{arguments}: {found}");
            }
        }
    }
    assert!(spilled > 5 && spilled < runs, "{spilled} of {runs} runs went to scratch");
}

#[test]
fn a_sampler_draws_the_same_in_little_memory() {
    let place = Place::simulated(512);
    let mut spilled = 0;
    for method in SAMPLERS {
        summary(&place, &job(method));
        let expected = products(&place);
        for how in ["--threads 1", "--threads 2"] {
            let arguments = format!("{} {how}", job(method));
            let least = least(&place.run(&format!("{arguments} --memory 4MiB --output none")));
            for budget in [least, least + 2] {
                let found = summary(&place, &format!("{arguments} --memory {budget}MiB"));
                assert!(products(&place) == expected, "{arguments} in {budget} MiB");
                spilled += u32::from(found["scratch"]["written_bytes"].as_u64().unwrap() > 0);
                let peak = found["peak_rss_bytes"].as_u64().unwrap();
                assert!(!is_measured() || peak <= budget * MIB, "{arguments}: {found}");
            }
        }
    }
    assert!(spilled > 0, "no run went to scratch");
}

#[test]
fn less_than_the_least_is_refused_and_nothing_is_left() {
    let place = Place::simulated(512);
    for method in ["clark", "multiscale", "wiener", "hogbom"] {
        for threads in [1, 2] {
            let arguments = format!("{} --threads {threads} --output out", job(method));
            let least = least(&place.run(&format!("{arguments} --memory 4MiB")));
            // What a process has at its start is not always the same: how much of the program is mapped at once is the system's choice.
            for memory in [4, least - SPARE] {
                let parts = ["dirty.fits", &format!("does not fit into {memory} MiB")];
                for command in ["", "plan "] {
                    let ended = place.refused(&format!("{command}{arguments} --memory {memory}MiB"), 1, &parts);
                    let said = self::least(&ended);
                    assert!(said.abs_diff(least) < SPARE, "{said} and {least}");
                    assert!(ended.err.contains(&format!("give --memory {said}MiB")), "{ended:?}");
                }
            }
        }
    }
}

#[test]
fn components_that_outgrow_the_memory_leave_a_state_to_go_on_from() {
    let place = Place::simulated(512);
    // How many there will be nobody knows beforehand.
    let arguments = "--dirty dirty.fits --psf psf.fits --niter 60000 --nsigma 0 --gain 0.02 --threads 2 --quiet";
    assert_eq!(place.run(&format!("{arguments} --output out --memory 200MiB")).status, Some(0));
    let expected = products(&place);
    let ended = place.run(&format!("{arguments} --output out --overwrite --memory 21MiB"));
    assert_eq!(ended.status, Some(1), "{ended:?}");
    for part in ["does not fit", "give more memory with --memory; give the same command with --resume"] {
        assert!(ended.err.contains(part), "{ended:?}");
    }
    let ended = place.run(&format!("{arguments} --output out --overwrite --memory 200MiB --resume"));
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(products(&place) == expected);
    assert_eq!(place.names("."), ["dirty.fits", "out-image.fits", "out-model.fits", "out-residual.fits", "psf.fits"]);
}
