//! Runs on some planes of a cube.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use support::fits::Fits;
use support::program::{self, Place};

/// Two polarizations of three channels.
const AXES: [(&str, usize); 4] = [("RA---SIN", 48), ("DEC--SIN", 40), ("STOKES", 2), ("FREQ", 3)];

/// The place of a cube with a PSF for each channel, of different widths, and what a run on all planes makes of it: `whole`.
fn place() -> Place {
    let place = Place::new();
    let cube = program::dirty(&AXES).card("CRPIX4A =                  2.0");
    cube.write(place.path("dirty.fits"));
    let axes = [AXES[0], AXES[1], AXES[3]];
    Fits::new(&axes, |plane, y, x| {
        let (dy, dx) = (y as f64 - 20.0, x as f64 - 24.0);
        (-(dy * dy + dx * dx * 0.7) / (4.0 + plane as f64)).exp() + 0.02 * (dy * 0.9).sin() * (dx * 1.1).sin()
    })
    .write(place.path("psf.fits"));
    place.done("--output whole --components whole.csv --summary whole.json");
    place
}

fn read(place: &Place, name: &str) -> Fits {
    Fits::read(&place.path(name))
}

/// Lines of a list of components that are of planes `first` to `last`.
fn listed(place: &Place, name: &str, first: usize, last: usize) -> Vec<String> {
    let text = std::fs::read_to_string(place.path(name)).unwrap();
    let plane = |line: &str| line.split(',').nth(6).unwrap().parse::<usize>().unwrap();
    text.lines().skip(1).filter(|line| (first..=last).contains(&plane(line))).map(String::from).collect()
}

#[test]
fn planes_come_out_as_in_a_run_on_all() {
    let place = place();
    for (planes, first, last, stokes, channels) in [("2-5", 2, 5, 2, 2), ("3", 3, 3, 1, 1), ("0-1", 0, 1, 2, 1)] {
        place.done(&format!("--planes {planes} --output part --components part.csv --summary part.json --overwrite"));
        for product in ["model", "residual", "image"] {
            let (part, whole) =
                (read(&place, &format!("part-{product}.fits")), read(&place, &format!("whole-{product}.fits")));
            assert_eq!((part.axes[2].1, part.axes[3].1), (stokes, channels), "{planes}");
            for plane in first..=last {
                let bits = |fits: &Fits, plane| fits.plane(plane).mapv(f64::to_bits);
                assert_eq!(bits(&part, plane - first), bits(&whole, plane), "{product} of {plane}");
            }
        }
        assert_eq!(listed(&place, "part.csv", 0, 9), listed(&place, "whole.csv", first, last));
        let names = |name: &str| {
            let text = std::fs::read_to_string(place.path(name)).unwrap();
            let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
            let planes = summary["planes"].as_array().unwrap().clone();
            planes.iter().map(|plane| plane["name"].as_str().unwrap().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names("part.json"), names("whole.json")[first..=last]);
    }
    // The coordinates of a cut axis go on.
    place.done("--planes 2-5 --output part --overwrite");
    let part = read(&place, "part-image.fits");
    let number = |name: &str| part.value(name).unwrap().parse::<f64>().unwrap();
    assert_eq!((number("CRPIX4"), number("CRPIX4A"), number("CRVAL4")), (0.0, 1.0, 1.0));
    assert!(part.history().contains("deconv planes 2-5 of the dirty image"), "{}", part.history());
    assert!(!read(&place, "whole-image.fits").history().contains("deconv planes "));
}

#[test]
fn masks_and_models_go_with_their_planes() {
    let place = place();
    // One plane for all, one for each, one for those alone that are worked on.
    for (name, axes) in [("all", [("STOKES", 2), ("FREQ", 3)]), ("these", [("STOKES", 2), ("FREQ", 2)])] {
        let shift = if name == "all" { 0 } else { 2 };
        let mask = Fits::new(&[AXES[0], AXES[1], axes[0], axes[1]], |plane, y, _| {
            f64::from(u8::from(y % (plane + shift + 2) == 0))
        });
        mask.write(place.path(&format!("{name}.fits")));
        place.done(&format!("--planes 2-5 --mask {name}.fits --output {name}"));
    }
    assert!(read(&place, "all-model.fits").pixels == read(&place, "these-model.fits").pixels);
    place.done("--planes 2-5 --model whole-model.fits --output from-all");
    place.done("--planes 2-5 --output part");
    let psf = program::psf(&[AXES[0], AXES[1], ("FREQ", 5)]);
    psf.write(place.path("five.fits"));
    let job = "--dirty dirty.fits --psf five.fits --output none --planes 2-5";
    place.refused(job, 1, &["five.fits", "FREQ has length 5", "3 in the dirty image"]);
    place.done("--planes 2-5 --model part-model.fits --output from-part");
    let (from_all, from_part) = (read(&place, "from-all-model.fits"), read(&place, "from-part-model.fits"));
    assert!(from_all.pixels == from_part.pixels);
}

#[test]
fn planes_that_cannot_be() {
    let place = place();
    let job = "--dirty dirty.fits --psf psf.fits --output out";
    place.refused(
        &format!("{job} --planes 4-6"),
        1,
        &["dirty.fits: planes 4-6: it has planes 0 to 5", "counted from 0"],
    );
    place.refused(&format!("{job} --planes 3-2"), 1, &["planes 3-2"]);
    place.refused(&format!("{job} --planes 1-4"), 1, &["2 x 3 they are no rectangle", "begin and end"]);
    place.refused(&format!("{job} --planes x"), 2, &["--planes", "4-7"]);
    place.refused(&format!("{job} --planes=-1"), 2, &["--planes"]);
    place.refused(&format!("{job} --planes 2 --join-polarizations"), 2, &["--planes 2-2", "polarizations"]);
    place.done("--planes 2-3 --join-polarizations --output joined");
}
