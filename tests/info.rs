//! `deconv info` and what is generated from the command line, through the program.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use serde_json::Value;
use std::path::Path;
use support::fits::Fits;
use support::job::{SETS, data};
use support::program::{Ended, Place};

/// The objects that `info --json` prints about some files here, with the exit status.
fn objects(place: &Place, files: &str) -> (Vec<Value>, Ended) {
    let ended = place.run(&format!("info --json {files}"));
    let array: Value = serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    (array.as_array().unwrap().clone(), ended)
}

/// The only object about a file that is expected to be understood.
fn object(place: &Place, file: &str) -> Value {
    let (objects, ended) = objects(place, file);
    assert_eq!((ended.status, ended.err.as_str(), objects.len()), (Some(0), "", 1), "{file}");
    objects[0].clone()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn near(value: &Value, expected: f64) {
    assert!((number(value) - expected).abs() <= 1e-6 * expected.abs().max(1e-3), "{value}, not {expected}");
}

/// Compares what is said of the planes of a file with their pixels.
fn compare_planes(found: &Value, fits: &Fits) {
    let planes = found["planes"].as_array().unwrap();
    assert_eq!(planes.len(), fits.planes());
    let (rows, cols) = fits.shape();
    assert_eq!(found["shape"], serde_json::json!([rows, cols]));
    for (i, plane) in planes.iter().enumerate() {
        let pixels = fits.plane(i);
        let mut seen: Vec<f64> = pixels.iter().copied().filter(|pixel| !pixel.is_nan()).collect();
        assert_eq!(plane["blank"], (rows * cols - seen.len()) as u64);
        let median = |values: &mut Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values[(values.len() - 1) / 2]
        };
        let centre = median(&mut seen);
        near(&plane["minimum"], seen[0]);
        near(&plane["maximum"], seen[seen.len() - 1]);
        let mut deviations: Vec<f64> = seen.iter().map(|pixel| (pixel - centre).abs()).collect();
        near(&plane["sigma"], 1.482602218505602 * median(&mut deviations));
        let at = [&plane["peak_at"][0], &plane["peak_at"][1]].map(|at| at.as_u64().unwrap() as usize);
        near(&plane["peak"], pixels[at]);
        assert!(seen.iter().all(|pixel| pixel.abs() <= pixels[at].abs()));
    }
}

#[test]
fn the_data_sets() {
    let place = Place::new();
    for set in SETS {
        for file in ["dirty", "psf"] {
            let path = data(&format!("{set}/{file}.fits"));
            let found = object(&place, path.to_str().unwrap());
            let fits = Fits::read(&path);
            compare_planes(&found, &fits);
            assert_eq!(found["object"].as_str().unwrap(), fits.value("OBJECT").unwrap_or_default());
            assert_eq!(found["unit"].as_str().unwrap(), fits.value("BUNIT").unwrap_or_default());
            near(&found["cell"]["x"], fits.cell().1);
            near(&found["cell"]["y"], fits.cell().0);
            let axes = found["axes"].as_array().unwrap();
            assert!(axes.iter().zip(&fits.axes).all(|(found, axis)| found["length"] == axis.1 as u64));
            assert_eq!((&axes[0]["name"], &axes[0]["counts"]), (&"RA".into(), &"columns".into()));
            assert_eq!(found["is_psf"], file == "psf");
            for plane in found["planes"].as_array().unwrap() {
                let psf = &plane["psf"];
                assert_eq!(psf.is_null(), file == "dirty");
                if file == "psf" {
                    assert_eq!(plane["peak_at"], serde_json::json!([128, 128]));
                    assert_eq!((&psf["centred"], &psf["reach_rows"]), (&true.into(), &serde_json::json!([128, 127])));
                    // The sets' PSFs are as large as their images, so they are cut off.
                    assert_eq!(psf["transfer"][0]["not_negative"], false);
                    let (fitted, stated) = (&psf["fitted"]["major"], &plane["beam"]["major"]);
                    assert!((number(fitted) / number(stated) - 1.0).abs() < 0.06, "{set}: {fitted} {stated}");
                }
            }
        }
    }
}

/// A PSF from offsets (rows, columns) of its peak.
fn psf(shape: (usize, usize), peak: (usize, usize), value: impl Fn(f64, f64) -> f64) -> Fits {
    Fits::new(&[("RA---SIN", shape.1), ("DEC--SIN", shape.0)], |_, y, x| {
        value(y as f64 - peak.0 as f64, x as f64 - peak.1 as f64)
    })
}

fn gaussian(y: f64, x: f64) -> f64 {
    (-(y * y + x * x) / 8.0).exp()
}

#[test]
fn a_gaussian_is_positive_semidefinite() {
    let place = Place::new();
    psf((40, 50), (17, 30), gaussian).write(place.path("gaussian.fits"));
    let found = object(&place, "gaussian.fits");
    let plane = &found["planes"][0];
    let info = &plane["psf"];
    assert_eq!((&found["is_psf"], &info["centred"]), (&true.into(), &false.into()));
    assert_eq!(plane["peak_at"], serde_json::json!([17, 30]));
    assert_eq!(info["reach_rows"], serde_json::json!([17, 22]));
    assert_eq!(info["reach_columns"], serde_json::json!([30, 19]));
    let width = 2.0 * (8.0 * 2f64.ln()).sqrt();
    for axis in ["major", "minor"] {
        assert!((number(&info["fitted"][axis]) / width - 1.0).abs() < 0.01, "{info}");
    }
    assert!(info["outside_patch"].is_null() && number(&info["sidelobe"]) < gaussian(0.0, 1.25 * width) * 1.01);
    for transfer in info["transfer"].as_array().unwrap() {
        assert_eq!(transfer["not_negative"], true);
        near(&transfer["maximum"], 8.0 * std::f64::consts::PI);
        assert!(number(&transfer["ratio"]).abs() < 1e-5);
    }
    let text = place.run("info gaussian.fits").out;
    for part in ["peak      1.0000 at row 17, column 30, not the centre pixel", "not negative: CLEAN", "converges"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_cropped_psf_is_not() {
    let place = Place::new();
    // A bright ring far out, cut off at the right-hand edge.
    let ringed = |y: f64, x: f64| gaussian(y, x) + 0.3 * (-((y.hypot(x) - 24.0) / 2.0).powi(2)).exp();
    psf((64, 64), (32, 32), ringed).write(place.path("ringed.fits"));
    psf((33, 33), (16, 16), |y, x| if y == 0.0 { gaussian(0.0, x / 9.0) } else { 0.0 }).write(place.path("slit.fits"));
    let found = object(&place, "ringed.fits");
    let info = &found["planes"][0]["psf"];
    near(&info["sidelobe"], f64::from(0.3f32));
    let at = [0, 1].map(|i| info["sidelobe_at"][i].as_f64().unwrap() - 32.0);
    assert!((at[0].hypot(at[1]) - 24.0).abs() < 0.1, "{at:?}");
    for file in ["ringed.fits", "slit.fits"] {
        let found = object(&place, file);
        let transfer = &found["planes"][0]["psf"]["transfer"][0];
        assert_eq!(transfer["not_negative"], false);
        // Against the definition: the sum over the PSF's pixels at every frequency of the frame.
        let pixels = Fits::read(&place.path(file)).plane(0);
        let frame = [0, 1].map(|i| transfer["frame"][i].as_u64().unwrap() as usize);
        let centre = (pixels.nrows() / 2, pixels.ncols() / 2);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for (ky, kx) in (0..frame[0]).flat_map(|ky| (0..=frame[1] / 2).map(move |kx| (ky, kx))) {
            let turn = |k: usize, x: usize, c: usize, n: usize| k as f64 * (x as f64 - c as f64) / n as f64;
            let term = |((y, x), value): ((usize, usize), &f64)| {
                let turns = turn(ky, y, centre.0, frame[0]) + turn(kx, x, centre.1, frame[1]);
                value * (2.0 * std::f64::consts::PI * turns).cos()
            };
            let real: f64 = pixels.indexed_iter().filter(|(_, value)| **value != 0.0).map(term).sum();
            (low, high) = (low.min(real), high.max(real));
        }
        assert!((number(&transfer["ratio"]) - low / high).abs() < 1e-5, "{transfer}: {low} {high}");
        assert!(place.run(&format!("info {file}")).out.contains("negative at some frequencies"));
    }
}

#[test]
fn many_planes_are_shortened() {
    let place = Place::new();
    let axes = [("RA---SIN", 9), ("DEC--SIN", 7), ("FREQ", 31)];
    let blank = |plane, y, x| if plane == 3 || (y, x) == (1, 1) { f64::NAN } else { (plane + y * x) as f64 - 20.0 };
    Fits::new(&axes, blank).write(place.path("cube.fits"));
    let lines = |arguments: &str| place.run(&format!("info {arguments}")).out.lines().count();
    let short = place.run("info cube.fits").out;
    assert!(short.contains("and 11 planes more, which -v shows") && !short.contains("channel 20"), "{short}");
    assert_eq!(lines("cube.fits") + 10, lines("-v cube.fits"));
    let found = object(&place, "cube.fits");
    assert_eq!(found["planes"].as_array().unwrap().len(), 31);
    let plane = &found["planes"][3];
    assert_eq!((&plane["channel"], &plane["blank"], &plane["peak"]), (&3.into(), &63.into(), &Value::Null));
    assert_eq!((&found["planes"][4]["blank"], &found["is_psf"]), (&1.into(), &false.into()));
}

#[test]
fn neither_btype_nor_bunit_make_a_psf() {
    let place = Place::new();
    let flat = |value: f64| psf((12, 12), (6, 6), move |y, x| value * gaussian(y, x));
    flat(1.01).card("BTYPE   = 'BEAM    '").card("BUNIT   = 'BEAM    '").write(place.path("a.fits"));
    flat(0.9995).card("BUNIT   = 'K       '").write(place.path("b.fits"));
    flat(-1.0).write(place.path("c.fits"));
    let (found, _) = objects(&place, "a.fits b.fits c.fits");
    assert_eq!([0, 1, 2].map(|i| found[i]["is_psf"] == true), [false, true, false]);
}

#[test]
fn a_lobe_that_is_no_gaussian_is_said() {
    let place = Place::new();
    psf((12, 12), (6, 6), |_, _| 1.0).write(place.path("flat.fits"));
    let found = object(&place, "flat.fits");
    assert!(found["planes"][0]["psf"]["fitted"].is_null() && found["notes"].as_array().unwrap().len() == 1, "{found}");
}

#[test]
fn wrong_files_do_not_keep_the_others_from_being_shown() {
    let place = Place::new();
    std::fs::write(place.path("text.fits"), "No FITS, but some text.\n".repeat(1000)).unwrap();
    let whole = std::fs::read(place.path("dirty.fits")).unwrap();
    std::fs::write(place.path("short.fits"), &whole[..whole.len() / 2]).unwrap();
    let before = place.listing();
    let ended = place.run("info text.fits dirty.fits no-such.fits short.fits psf.fits");
    assert_eq!(ended.status, Some(1));
    assert!(ended.out.contains("dirty.fits\n") && ended.out.contains("psf.fits\n"), "{}", ended.out);
    for part in ["text.fits: ", "no-such.fits: cannot be opened", "check the name", "short.fits: file is truncated"] {
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
    assert_eq!(ended.err.matches("deconv: ").count(), 3);
    assert!(before == place.listing());
    let (found, ended) = objects(&place, "no-such.fits dirty.fits");
    assert_eq!((ended.status, found.len()), (Some(1), 2));
    assert!(found[0]["error"].as_str().unwrap().contains("cannot be opened") && found[0]["remedy"] == "check the name");
    place.refused("info", 2, &["<FILE>"]);
    place.refused("info --no-such psf.fits", 2, &["--no-such"]);
    place.refused("--dirty dirty.fits info psf.fits", 2, &["--dirty"]);
}

#[test]
fn a_file_may_be_called_as_a_command() {
    let place = Place::new();
    std::fs::copy(place.path("dirty.fits"), place.path("info")).unwrap();
    assert_eq!(place.run("--dirty info --psf psf.fits --niter 3").status, Some(0));
    assert!(place.run("info info").out.starts_with("info\n"));
}

#[test]
fn the_reference_is_up_to_date() {
    let place = Place::new();
    let reference = place.run("reference").out;
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    let kept = std::fs::read_to_string(kept).unwrap_or_default();
    assert!(kept == reference, "docs/cli.md is out of date: run `cargo run --release -- reference > docs/cli.md`");
    for part in ["--dirty <FILE>", "`deconv info`", "`deconv completions`", "`deconv man`", "Deconvolve a radio image"]
    {
        assert!(reference.contains(part), "{part}");
    }
}

#[test]
fn completions_and_manual_pages() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = place.run(&format!("completions {shell}"));
        assert_eq!((ended.status, ended.err.as_str()), (Some(0), ""));
        assert!(ended.out.contains("nsigma") && ended.out.contains("info"), "{shell}");
    }
    place.refused("completions csh", 2, &["csh", "bash"]);
    let page = place.run("man").out;
    for part in [".TH deconv 1", "Deconvolve a radio image", "nsigma", "deconv\\-info(1)", "Exit status"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(place.run("man info").out.contains(".TH deconv-info 1"));
    place.refused("man magic", 2, &["magic is no command", "--help"]);
}
