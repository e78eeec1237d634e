//! `deconv score`, and `--truth` of a run, against the definitions of their figures in f64.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use ndarray::Array2;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use support::fits::Fits;
use support::noise;
use support::oracle::without_blanks;
use support::program::{Ended, Place};

/// A synthetic observation in the directory `truth` and products with the prefix `run`.
struct Case {
    /// CTYPE and length of the axes of all files.
    axes: Vec<(&'static str, usize)>,
    /// FWHM and angle of the beam; cells are of 1 arcsec, so widths are pixels too.
    beam: (f64, f64, f64),
    /// How often a pixel is blank: one in so many; 0 is never.
    blank: usize,
}

/// Pixels between −1 and 1.
fn pixel(seed: u64, y: usize, x: usize) -> f64 {
    f64::from(noise(seed, 100_000 * y + x))
}

impl Case {
    /// 24 × 40 pixels.
    fn small() -> Case {
        Case { axes: vec![("RA---SIN", 40), ("DEC--SIN", 24)], beam: (5.0, 3.0, 30.0), blank: 0 }
    }

    fn fits(&self, unit: &str, value: impl Fn(usize, usize) -> f64) -> Fits {
        Fits::new(&self.axes, |_, y, x| value(y, x)).card(&format!("BUNIT   = '{unit}'"))
    }

    /// A file of it, by the name that it has in the directory.
    fn file(&self, name: &str) -> Fits {
        let blanked = |seed: u64, y: usize, x: usize, value: f64| {
            let hole = self.blank > 0 && support::bits(seed, 100_000 * y + x).is_multiple_of(self.blank as u64);
            if hole { f64::NAN } else { value }
        };
        match name {
            "truth/truth_restored.fits" => self.fits("Jy/beam", |y, x| blanked(91, y, x, 1.0 + pixel(1, y, x))),
            "truth/noise.fits" => self.fits("Jy/beam", |y, x| 0.1 * pixel(2, y, x)),
            "run-model.fits" => self.fits("Jy/pixel", |y, x| {
                let seen = pixel(3, y, x) > self.rarity() || (y, x) == (0, 0);
                blanked(92, y, x, if seen { pixel(4, y, x) + 0.3 } else { 0.0 })
            }),
            "run-residual.fits" => self.fits("Jy/beam", |y, x| blanked(93, y, x, 0.2 * pixel(5, y, x))),
            "run-image.fits" => self.fits("Jy/beam", |y, x| 3.0 * pixel(6, y, x)),
            name => panic!("no file {name}"),
        }
    }

    /// Above it is a source: so many in small images that most pixels see one.
    fn rarity(&self) -> f64 {
        if self.axes[0].1 > 1000 { 0.998 } else { 0.9 }
    }

    fn meta(&self) -> Value {
        let (major, minor, pa) = self.beam;
        json!({"n": 24, "cell_arcsec": 1.0, "bmaj_arcsec": major, "bmin_arcsec": minor, "bpa_deg": pa,
               "point_flux": 3.5, "extended_flux": 1.25})
    }

    /// Writes all files.
    fn write(&self, place: &Place) {
        std::fs::create_dir_all(place.path("truth")).unwrap();
        std::fs::write(place.path("truth/meta.json"), self.meta().to_string()).unwrap();
        for name in FILES {
            self.file(name).write(place.path(name));
        }
    }

    /// The figures as they are defined, with a restored image or without.
    fn definition(&self, with_image: bool) -> BTreeMap<&'static str, f64> {
        let [truth, noise, model, residual, image] = FILES.map(|name| self.file(name).plane(0));
        let smooth = self.smoothed(&without_blanks(&model));
        let error = &smooth + &residual - &truth;
        let (rows, cols) = truth.dim();
        let inner = ndarray::s![rows / 10..rows - rows / 10, cols / 10..cols - cols / 10];
        let restored = if with_image { image } else { &smooth + &residual };
        let pixels = model.iter().filter(|v| !v.is_nan());
        let (above, below) =
            (pixels.clone().map(|v| v.max(0.0)).sum::<f64>(), pixels.clone().map(|v| v.min(0.0)).sum());
        BTreeMap::from([
            ("res_peak", peak(&residual)),
            ("res_rms", std(&residual)),
            ("fid_rms", std(&error)),
            ("fid_rms_inner", std(&error.slice(inner).to_owned())),
            ("fid_max", peak(&error)),
            ("fid_model_rms", std(&(&smooth - &truth))),
            ("beyond_noise_rms", mean(&(&error - &noise).mapv(|v| v * v)).sqrt()),
            ("model_flux", above + below),
            ("model_nonzero", pixels.filter(|&&v| v != 0.0).count() as f64),
            ("true_flux", 4.75),
            ("flux_recovered", (above + below) / 4.75),
            ("negative_flux", below),
            ("negative_share", below.abs() / (above - below)),
            ("restored_peak", peak(&restored)),
            ("dynamic_range", peak(&restored) / std(&residual)),
            ("blank", error.iter().filter(|v| v.is_nan()).count() as f64),
        ])
    }

    /// A model convolved with the beam, source by source.
    fn smoothed(&self, model: &Array2<f64>) -> Array2<f64> {
        let (major, minor, pa) = self.beam;
        let (sin, cos) = pa.to_radians().sin_cos();
        let mut sum = Array2::zeros(model.dim());
        let (rows, cols) = model.dim();
        // Beyond it is nothing.
        let reach = (3.0 * major).ceil() as usize + 1;
        for ((v, u), &flux) in model.indexed_iter().filter(|(_, flux)| **flux != 0.0) {
            for y in v.saturating_sub(reach)..(v + reach + 1).min(rows) {
                for x in u.saturating_sub(reach)..(u + reach + 1).min(cols) {
                    let (north, east) = (y as f64 - v as f64, u as f64 - x as f64);
                    let (along, across) = ((north * cos + east * sin) / major, (east * cos - north * sin) / minor);
                    let exponent = -4.0 * std::f64::consts::LN_2 * (along * along + across * across);
                    sum[(y, x)] += flux * exponent.exp();
                }
            }
        }
        sum
    }
}

const FILES: [&str; 5] =
    ["truth/truth_restored.fits", "truth/noise.fits", "run-model.fits", "run-residual.fits", "run-image.fits"];

fn seen(plane: &Array2<f64>) -> Vec<f64> {
    plane.iter().copied().filter(|v| !v.is_nan()).collect()
}

fn mean(plane: &Array2<f64>) -> f64 {
    let seen = seen(plane);
    seen.iter().sum::<f64>() / seen.len() as f64
}

fn std(plane: &Array2<f64>) -> f64 {
    let mean = mean(plane);
    self::mean(&plane.mapv(|v| (v - mean).powi(2))).sqrt()
}

fn peak(plane: &Array2<f64>) -> f64 {
    seen(plane).into_iter().map(f64::abs).fold(0.0, f64::max)
}

/// The only object that `score --json` prints.
fn scored(ended: &Ended) -> Value {
    assert_eq!((ended.status, ended.err.as_str()), (Some(0), ""));
    let array: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(array.as_array().unwrap().len(), 1);
    array[0].clone()
}

fn compare(found: &Value, expected: &BTreeMap<&str, f64>, products: &str) {
    assert_eq!(found["products"], products);
    assert_eq!(found.as_object().unwrap().len(), expected.len() + 1);
    for (name, expected) in expected {
        let value = found[name].as_f64().unwrap();
        assert!((value - expected).abs() <= 3e-6 * expected.abs().max(1.0), "{name}: {value}, not {expected}");
    }
}

#[test]
fn every_figure_is_its_definition() {
    let degenerate = [("FREQ", 1), ("RA---SIN", 21), ("DEC--SIN", 35), ("STOKES", 1)];
    let cases = [
        Case::small(),
        Case { blank: 7, ..Case::small() },
        Case { axes: degenerate.to_vec(), beam: (4.0, 2.5, -70.0), blank: 9 },
        // Latitude first, and a beam that is wider than the image.
        Case { axes: vec![("DEC--SIN", 11), ("RA---SIN", 16)], beam: (30.0, 8.0, 80.0), blank: 0 },
        Case { axes: vec![("RA---SIN", 1), ("DEC--SIN", 19)], beam: (1.0, 0.5, 0.0), blank: 0 },
    ];
    for case in cases {
        let place = Place::new();
        case.write(&place);
        compare(&scored(&place.run("score --truth truth --json run")), &case.definition(true), "run");
        let files = "--model run-model.fits --residual run-residual.fits";
        let found = scored(&place.run(&format!("score --truth truth --json {files}")));
        compare(&found, &case.definition(false), "run-model.fits");
        let found = scored(&place.run(&format!("score --truth truth --json {files} --image run-image.fits")));
        compare(&found, &case.definition(true), "run-model.fits");
    }
}

#[test]
fn a_plane_of_several_bands_is_one_plane() {
    // Rows of 80 kB, of which 209 make a band.
    let case = Case { axes: vec![("RA---SIN", 20_000), ("DEC--SIN", 430)], beam: (4.0, 3.0, 30.0), blank: 0 };
    let place = Place::new();
    case.write(&place);
    let expected = case.definition(true);
    compare(&scored(&place.run("score --truth truth --json run")), &expected, "run");
}

#[test]
fn a_table_has_a_column_for_every_run() {
    let place = Place::new();
    Case::small().write(&place);
    for kind in ["model", "residual", "image"] {
        std::fs::copy(place.path(&format!("run-{kind}.fits")), place.path(&format!("other-{kind}.fits"))).unwrap();
    }
    let ended = place.run("score --truth truth run other");
    assert_eq!((ended.status, ended.err.as_str()), (Some(0), ""));
    let lines: Vec<Vec<&str>> = ended.out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["run", "other"]);
    let value =
        |name: &str| lines.iter().find(|line| line.join(" ").starts_with(name)).unwrap().last().unwrap().to_string();
    let expected = Case::small().definition(true);
    let near = |text: String, expected: f64| {
        assert!((text.parse::<f64>().unwrap() / expected - 1.0).abs() < 1e-3, "{text} {expected}");
    };
    near(value("fidelity rms, Jy/beam"), expected["fid_rms"]);
    near(value("error beyond the noise, rms, Jy/beam"), expected["beyond_noise_rms"]);
    near(value("flux recovered, %"), 100.0 * expected["flux_recovered"]);
    near(value("negative flux, %"), 100.0 * expected["negative_share"]);
    near(value("dynamic range"), expected["dynamic_range"]);
    assert!(lines[1..].iter().all(|line| line[line.len() - 1] == line[line.len() - 2]), "{}", ended.out);
}

#[test]
fn what_has_no_value_is_none() {
    let place = Place::new();
    let case = Case::small();
    case.write(&place);
    case.fits("Jy/pixel", |_, _| 0.0).write(place.path("run-model.fits"));
    case.fits("Jy/beam", |_, _| 0.0).write(place.path("run-residual.fits"));
    let meta = case.meta().to_string().replace("3.5", "0.0").replace("1.25", "0.0");
    std::fs::write(place.path("truth/meta.json"), meta).unwrap();
    let found = scored(&place.run("score --truth truth --json run"));
    for name in ["flux_recovered", "negative_share", "dynamic_range"] {
        assert!(found[name].is_null(), "{name}: {found}");
    }
    assert_eq!((found["model_nonzero"].as_u64(), found["res_rms"].as_f64()), (Some(0), Some(0.0)));
    assert!(place.run("score --truth truth run").out.lines().any(|line| line.ends_with("dynamic range        -")));
}

#[test]
fn what_cannot_be_scored_does_not_keep_the_others() {
    let place = Place::new();
    Case::small().write(&place);
    let ended = place.run("score --truth truth --json none run");
    let array: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((ended.status, &array[0]["products"], &array[1]["products"]), (Some(1), &json!("none"), &json!("run")));
    assert!(array[0]["error"].is_string() && array[0]["remedy"].as_str().unwrap().contains("PREFIX"));
    assert!(array[1]["fid_rms"].is_number() && ended.err.contains("none-model.fits"));
    let ended = place.run("score --truth truth none run");
    assert!(ended.status == Some(1) && ended.out.contains("fidelity rms"), "{ended:?}");
}

/// Changes a file of a good case, and expects that the score is refused with these words.
fn refused(change: impl Fn(&Place, &Path), parts: &[&str]) {
    let place = Place::new();
    Case::small().write(&place);
    change(&place, &place.path("truth"));
    place.refused("score --truth truth run", 1, parts);
}

#[test]
fn a_truth_that_is_none_is_refused() {
    refused(|_, truth| std::fs::remove_dir_all(truth).unwrap(), &["truth: is not a directory", "deconv simulate"]);
    for name in ["meta.json", "truth_restored.fits", "noise.fits"] {
        let gone = |_: &Place, truth: &Path| std::fs::remove_file(truth.join(name)).unwrap();
        refused(gone, &[&format!("truth/{name}: "), "deconv simulate"]);
        let empty = |_: &Place, truth: &Path| std::fs::write(truth.join(name), "").unwrap();
        refused(empty, &[&format!("truth/{name}: "), "deconv simulate"]);
    }
    let meta = |from: &'static str, to: &'static str| {
        move |_: &Place, truth: &Path| {
            let text = Case::small().meta().to_string();
            assert!(text.contains(from));
            std::fs::write(truth.join("meta.json"), text.replace(from, to)).unwrap();
        }
    };
    let cut = |_: &Place, truth: &Path| {
        let text = Case::small().meta().to_string();
        std::fs::write(truth.join("meta.json"), &text[..text.len() / 2]).unwrap();
    };
    refused(cut, &["meta.json: does not describe an observation: EOF", "to the end"]);
    refused(meta("\"bpa_deg\"", "\"angle\""), &["meta.json", "missing field `bpa_deg`"]);
    refused(meta("\"cell_arcsec\":1.0", "\"cell_arcsec\":\"one\""), &["meta.json", "expected f64"]);
    refused(meta("\"cell_arcsec\":1.0", "\"cell_arcsec\":0"), &["meta.json: a cell_arcsec of 0 makes no sense"]);
    refused(
        meta("\"cell_arcsec\":1.0", "\"cell_arcsec\":2.0"),
        &["its cell is 1.000000 x 1.000000 arcsec", "2 arcsec"],
    );
    refused(meta("\"bmaj_arcsec\":5.0", "\"bmaj_arcsec\":0.1"), &["meta.json: a beam of 0.1 x 3 arcsec"]);
    refused(meta("\"bmaj_arcsec\":5.0", "\"bmaj_arcsec\":5e9"), &["meta.json: a beam of 5000000000 x 3 arcsec"]);
    refused(meta("\"bmin_arcsec\":3.0", "\"bmin_arcsec\":0.01"), &["meta.json: a beam of 5 x 0.01 arcsec"]);
}

#[test]
fn products_of_something_else_are_refused() {
    let wide = || Case { axes: vec![("RA---SIN", 41), ("DEC--SIN", 24)], ..Case::small() };
    let cube = || Case { axes: vec![("RA---SIN", 40), ("DEC--SIN", 24), ("STOKES", 2)], ..Case::small() };
    for name in FILES {
        refused(|place, _| drop(wide().file(name).write(place.path(name))), &["24 x 41", "24 x 40"]);
        refused(|place, _| drop(cube().file(name).write(place.path(name))), &[name, "has 2 planes"]);
        refused(|place, _| std::fs::remove_file(place.path(name)).unwrap(), &[&format!("{name}: ")]);
        let cut = |place: &Place, _: &Path| {
            let bytes = std::fs::read(place.path(name)).unwrap();
            std::fs::write(place.path(name), &bytes[..bytes.len() - 2880]).unwrap();
        };
        refused(cut, &[&format!("{name}: ")]);
        let infinite = |place: &Place, _: &Path| {
            let mut fits = Case::small().file(name);
            fits.pixels[7] = f32::INFINITY;
            fits.write(place.path(name));
        };
        refused(infinite, &[name, "infinite"]);
        let unit = |place: &Place, _: &Path| {
            let mut fits = Case::small().file(name);
            fits.cards.retain(|card| !card.starts_with("BUNIT"));
            fits.card("BUNIT   = 'mJy/beam'").write(place.path(name));
        };
        refused(unit, &[name, "its unit is mJy/beam"]);
        let cell = |place: &Place, _: &Path| {
            let mut fits = Case::small().file(name);
            fits.cards.retain(|card| !card.starts_with("CDELT2"));
            fits.card("CDELT2  = 0.1").write(place.path(name));
        };
        refused(cell, &[name, "its cell is 1.000000 x 360.000000 arcsec"]);
    }
    for name in ["truth/truth_restored.fits", "truth/noise.fits", "run-residual.fits"] {
        let blank =
            |place: &Place, _: &Path| drop(Case::small().fits("Jy/beam", |_, _| f64::NAN).write(place.path(name)));
        refused(blank, &[name, "all are blank"]);
    }
}

#[test]
fn wrong_usage() {
    let place = Place::new();
    Case::small().write(&place);
    place.refused("score run", 2, &["--truth"]);
    place.refused("score --truth truth", 2, &["PREFIX"]);
    place.refused("score --truth truth --model run-model.fits", 2, &["--residual"]);
    place.refused("score --truth truth --residual run-residual.fits", 2, &["--model"]);
    place.refused("score --truth truth run --image run-image.fits", 2, &["--model"]);
    place.refused("score --truth truth run --model a --residual b", 2, &["cannot be used with"]);
}

/// A place where the PSF and the dirty image belong to a truth of as many pixels.
fn observed() -> Place {
    let place = Place::new();
    let axes = [("RA---SIN", 48), ("DEC--SIN", 40)];
    support::program::psf(&axes).write(place.path("psf.fits"));
    support::program::dirty(&axes).write(place.path("dirty.fits"));
    Case { axes: axes.to_vec(), ..Case::small() }.write(&place);
    place
}

#[test]
fn a_run_scores_its_own_products() {
    let place = observed();
    let ended = place.done("--output mine --truth truth --summary mine.json");
    let summary: Value = serde_json::from_slice(&std::fs::read(place.path("mine.json")).unwrap()).unwrap();
    let mut found = scored(&place.run("score --truth truth --json mine"));
    found.as_object_mut().unwrap().remove("products");
    assert_eq!(summary["score"], found);
    // The dirty image has a blank pixel.
    assert_eq!((&found["blank"], &found["model_flux"]), (&json!(1), &summary["planes"][0]["model_flux"]));
    assert!(ended.out.contains("error beyond the noise, rms: "), "{}", ended.out);
    let plain = place.done("--output plain --summary plain.json");
    let summary: Value = serde_json::from_slice(&std::fs::read(place.path("plain.json")).unwrap()).unwrap();
    assert!(summary["score"].is_null() && !plain.out.contains("noise"), "{}", plain.out);
}

#[test]
fn a_run_is_refused_before_it_begins_if_it_cannot_be_scored() {
    let place = observed();
    let run = "--dirty dirty.fits --psf psf.fits --niter 8 --output x";
    place.refused(&format!("{run} --truth nowhere"), 1, &["nowhere: is not a directory"]);
    place.refused(
        &format!("{run} --truth truth --summary truth/meta.json --overwrite"),
        1,
        &["is an input of this run"],
    );
    Case::small().write(&place);
    place.refused(&format!("{run} --truth truth"), 1, &["dirty.fits: is 40 x 48 pixels", "24 x 40"]);
    let cube = Place::new();
    Case { axes: vec![("RA---SIN", 48), ("DEC--SIN", 40)], ..Case::small() }.write(&cube);
    cube.refused(&format!("{run} --truth truth"), 1, &["dirty.fits: has 2 planes"]);
}
