//! `--components`: the list of a model's components in every format, and of runs that are stopped and gone on with.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::Parameters;
use deconv::event::Events;
use deconv::image::{Image, Sky};
use deconv::job::{Options, deconvolve_with};
use deconv::schedule::Settings;
use fitsio::FitsFile;
use std::collections::BTreeMap;
use std::path::Path;
use support::fits::Fits;
use support::job::{options, run};
use support::noise;
use support::program::{Place, psf};
use support::resume::{files, inputs, refresh, resume, small, stop};

const RA: (&str, usize) = ("RA---SIN", 48);
const DEC: (&str, usize) = ("DEC--SIN", 40);

/// A place whose dirty image has these axes and cards, and whose `m.fits` is a model of three pixels.
fn place(axes: &[(&str, usize)], cards: &[&str], unit: &str) -> Place {
    let place = Place::new();
    let with = |fits: Fits, unit: &str| {
        cards.iter().fold(fits, |fits, card| fits.card(card)).card(&format!("BUNIT   = '{unit}'"))
    };
    with(Fits::new(axes, |_, y, x| f64::from(noise(3, 50 * y + x))), &format!("{unit}/beam"))
        .write(place.path("dirty.fits"));
    psf(&axes[..2]).write(place.path("psf.fits"));
    let flux = |y: usize, x: usize| match (y, x) {
        (20, 24) => 0.5,
        (39, 0) => -0.125,
        (0, 47) => 1.5e-3,
        (39, 47) => 2e-10,
        (1, 1) => f64::NAN,
        _ => 0.0,
    };
    with(Fits::new(&axes[..2], |_, y, x| flux(y, x)), &format!("{unit}/pixel")).write(place.path("m.fits"));
    place
}

/// The list of the model of three pixels, to which nothing is added.
fn listed(place: &Place, name: &str) -> String {
    let ended = place.run(&format!(
        "--dirty dirty.fits --psf psf.fits --niter 0 --model m.fits --overwrite --quiet --output x --components {name}"
    ));
    assert_eq!(ended.status, Some(0), "{ended:?}");
    String::from_utf8_lossy(&std::fs::read(place.path(name)).unwrap()).into_owned()
}

const STOKES_I: &[(&str, usize)] = &[RA, DEC, ("FREQ", 1), ("STOKES", 1)];
const J2000: &[&str] = &["EQUINOX =               2000.0"];

/// Places and angles are those that astropy gives.
#[test]
fn the_text_of_each_format() {
    let place = place(STOKES_I, J2000, "Jy");
    assert_eq!(
        listed(&place, "c.csv"),
        "x,y,ra_deg,dec_deg,flux_jy,scale_pixel,plane,stokes,channel,frequency_hz\n\
         47,0,29.9926231595,29.9944442388,1.5e-3,0,0,I,0,1\n\
         24,20,30.0000000000,30.0000000000,5e-1,0,0,I,0,1\n\
         0,39,30.0076984130,30.0052775538,-1.25e-1,0,0,I,0,1\n\
         47,39,29.9926223542,30.0052775721,2e-10,0,0,I,0,1\n"
    );
    assert_eq!(
        listed(&place, "c.reg"),
        "# Region file format: DS9 version 4.1\nglobal color=green\nfk5\n\
         point(29.9926231595,29.9944442388) # point=cross text={1.5000e-3 Jy}\n\
         point(30.0000000000,30.0000000000) # point=cross text={5.0000e-1 Jy}\n\
         point(30.0076984130,30.0052775538) # point=cross text={-1.2500e-1 Jy}\n\
         point(29.9926223542,30.0052775721) # point=cross text={2.0000e-10 Jy}\n"
    );
    let sky_model = "Format = Name, Type, Ra, Dec, I, SpectralIndex, LogarithmicSI, ReferenceFrequency='1', MajorAxis, \
                     MinorAxis, Orientation\n\
                     s0c0,POINT,01:59:58.229558,+29.59.39.99926,1.5e-3,[],false,1,,,\n\
                     s0c1,POINT,02:00:00.000000,+30.00.00.00000,5e-1,[],false,1,,,\n\
                     s0c2,POINT,02:00:01.847619,+30.00.18.99919,-1.25e-1,[],false,1,,,\n\
                     s0c3,POINT,01:59:58.229365,+30.00.18.99926,2e-10,[],false,1,,,\n";
    assert_eq!(listed(&place, "c.txt"), sky_model);
    assert_eq!(listed(&place, "c.SkyModel"), sky_model);
}

#[test]
fn the_table() {
    let place = place(STOKES_I, J2000, "mJy");
    listed(&place, "c.fits");
    let mut file = FitsFile::open(place.path("c.fits")).unwrap();
    let table = file.hdu("COMPONENTS").unwrap();
    let ints = |file: &mut FitsFile, name: &str| table.read_col::<i32>(file, name).unwrap();
    assert_eq!((ints(&mut file, "X"), ints(&mut file, "Y")), (vec![47, 24, 0, 47], vec![0, 20, 39, 39]));
    assert_eq!((ints(&mut file, "PLANE"), ints(&mut file, "CHANNEL")), (vec![0; 4], vec![0; 4]));
    assert_eq!(table.read_col::<f32>(&mut file, "FLUX").unwrap(), [1.5e-3, 0.5, -0.125, 2e-10]);
    assert_eq!(table.read_col::<f32>(&mut file, "SCALE").unwrap(), [0.0; 4]);
    assert_eq!(table.read_col::<f64>(&mut file, "FREQ").unwrap(), [1.0; 4]);
    assert_eq!(table.read_col::<String>(&mut file, "STOKES").unwrap(), ["I"; 4]);
    let sky = Sky::of(&Image::open(&place.path("m.fits")).unwrap()).unwrap();
    let places =
        table.read_col::<f64>(&mut file, "RA").unwrap().into_iter().zip(table.read_col(&mut file, "DEC").unwrap());
    assert!(places.eq([(0.0, 47.0), (20.0, 24.0), (39.0, 0.0), (39.0, 47.0)].map(|(y, x)| sky.at(y, x).unwrap())));
    let key = |file: &mut FitsFile, name: &str| table.read_key::<String>(file, name).unwrap();
    assert_eq!((key(&mut file, "TUNIT3"), key(&mut file, "TUNIT5")), ("deg".into(), "mJy".into()));
    assert!(key(&mut file, "TCOMM1").contains("counted from 0"));
    assert_eq!(table.read_key::<f64>(&mut file, "EQUINOX").unwrap(), 2000.0);
}

#[test]
fn polarizations_units_and_images_without_coordinates() {
    let polarized = place(&[RA, DEC, ("STOKES", 2)], J2000, "mJy");
    let text = listed(&polarized, "c.txt");
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].contains("Dec, I, Q, U, V, SpectralIndex, LogarithmicSI, ReferenceFrequency, MajorAxis"),
        "{text}"
    );
    assert!(lines[2].starts_with("s0c1,POINT,") && lines[2].ends_with(",5e-4,0,0,0,[],false,,,,"), "{text}");
    assert!(lines[6].starts_with("s0c5,POINT,") && lines[6].ends_with(",0,5e-4,0,0,[],false,,,,"), "{text}");
    assert!(listed(&polarized, "c.reg").contains("text={5.0000e-1 mJy} tag={Q}\n"));
    assert!(listed(&polarized, "c.csv").contains("\n24,20,30.0000000000,30.0000000000,5e-1,0,1,Q,,\n"));
    let plain = place(&[("", 48), ("", 40)], &[], "Jy");
    assert!(listed(&plain, "c.reg").contains("\nimage\npoint(48,1) # point=cross"));
    assert!(listed(&plain, "c.csv").contains("\n24,20,,,5e-1,0,0,,,\n"));
    let galactic = place(&[("GLON-SIN", 48), ("GLAT-SIN", 40)], &[], "Jy");
    assert!(listed(&galactic, "c.reg").contains("\ngalactic\npoint("));
    let text = listed(&galactic, "c.csv");
    assert!(text.starts_with("x,y,glon_deg,glat_deg,") && text.ends_with("\n47,39,,,2e-10,0,0,,,\n"), "{text}");
    // Cells of a degree: the last pixel lies off the sky.
    let job = "--dirty dirty.fits --psf psf.fits --niter 0 --model m.fits --output y --components d.reg";
    let ended = galactic.run(job);
    assert!(ended.status == Some(0) && ended.err.contains("lie off the sky and are not in d.reg: 1"), "{ended:?}");
    assert_eq!(std::fs::read_to_string(galactic.path("d.reg")).unwrap().lines().count(), 6);
}

/// The pixels of a model that are not zero, as a list in CSV would have them.
fn pixels(path: &Path) -> Vec<String> {
    let model = Fits::read(path);
    let (rows, cols) = model.shape();
    let all = (0..model.planes()).flat_map(|plane| (0..rows).flat_map(move |y| (0..cols).map(move |x| (plane, y, x))));
    let planes: Vec<_> = (0..model.planes()).map(|plane| model.plane(plane)).collect();
    let pixel = |(plane, y, x): (usize, usize, usize)| (plane, y, x, planes[plane][[y, x]] as f32);
    all.map(pixel)
        .filter(|pixel| pixel.3 != 0.0)
        .map(|(plane, y, x, flux)| format!("{x},{y},{flux:e},{plane}"))
        .collect()
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let line = |line: &str| {
        let words: Vec<&str> = line.split(',').collect();
        format!("{},{},{},{}", words[0], words[1], words[4], words[6])
    };
    text.lines().skip(1).map(line).collect()
}

#[test]
fn the_list_is_the_model() {
    let directory = tempfile::tempdir().unwrap();
    inputs(directory.path(), 2);
    let at = |name: &str| directory.path().join(name);
    let dense = Fits::new(&[("RA---SIN", 44), ("DEC--SIN", 48)], |_, y, x| {
        if y % 3 == 1 { 0.0 } else { f64::from(noise(5, 100 * y + x)) }
    });
    dense.write(at("model.fits"));
    for (name, model) in [("empty", None), ("dense", Some(at("model.fits")))] {
        let job = Options {
            model,
            components: Some(at(&format!("{name}.csv"))),
            ..options(at("dirty.fits"), at("psf.fits"), at(name))
        };
        run(&job);
        let expected = pixels(&at(&format!("{name}-model.fits")));
        assert!(expected.len() > 50, "{}", expected.len());
        assert_eq!(lines(&at(&format!("{name}.csv"))), expected, "{name}");
    }
}

/// A job on three planes that lists its components; what is in its directory at the end, which it has for itself.
fn cube(from: &Path, to: &Path) -> Options {
    let parameters = Parameters { niter: 150, ..small(from, to).parameters };
    Options { components: Some(to.join("c.csv")), parameters, ..small(from, to) }
}

fn done(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let found = files(directory);
    let names = ["c.csv", "out-image.fits", "out-model.fits", "out-residual.fits"];
    assert!(found.keys().eq(&names), "{:?}", found.keys());
    found
}

#[test]
fn gone_on_with_the_list_is_the_same() {
    let from = tempfile::tempdir().unwrap();
    inputs(from.path(), 3);
    let whole = tempfile::tempdir().unwrap();
    let summary = deconvolve_with(&cube(from.path(), whole.path()), &Settings::inline(), &Events::silent()).unwrap();
    let expected = done(whole.path());
    let refreshes: u64 = summary.planes.iter().map(|plane| plane.refreshes).sum();
    let mut kept = 0;
    for n in 1..=refreshes {
        for harm in ["nothing", "damaged", "lost"] {
            let to = tempfile::tempdir().unwrap();
            let job = cube(from.path(), to.path());
            stop(&job, n, refresh);
            let spool = to.path().join(".out.components.part");
            if let Ok(mut bytes) = std::fs::read(&spool)
                && !bytes.is_empty()
            {
                kept += 1;
                bytes[9] ^= 1;
                match harm {
                    "damaged" => std::fs::write(&spool, bytes).unwrap(),
                    "lost" => std::fs::remove_file(&spool).unwrap(),
                    _ => {}
                }
            }
            resume(&job, &if n % 2 == 0 { Settings::inline() } else { Settings::threads(2) }).unwrap();
            assert!(done(to.path()) == expected, "stopped at refresh {n}, {harm}");
        }
    }
    assert!(kept > 10, "{kept}");
}

#[test]
fn another_list_is_not_gone_on_with() {
    let directory = tempfile::tempdir().unwrap();
    inputs(directory.path(), 1);
    let job = cube(directory.path(), directory.path());
    stop(&job, 2, refresh);
    for components in [None, Some(directory.path().join("c.reg"))] {
        let error = resume(&Options { components, ..job.clone() }, &Settings::inline()).unwrap_err();
        assert!(error.message.contains("--components"), "{error}");
    }
}

#[test]
fn lists_that_cannot_be() {
    let place = place(STOKES_I, J2000, "Jy");
    const RUN: &str = "--dirty dirty.fits --psf psf.fits --output x --components";
    for name in ["c.dat", "c", "c.fits.gz", ".csv"] {
        place.refused(&format!("{RUN} {name}"), 2, &[name, ".fits", ".csv", ".reg", ".txt", ".skymodel"]);
        place.refused(&format!("plan {RUN} {name}"), 2, &[name]);
    }
    place.refused(&format!("{RUN} c.csv --method wiener"), 2, &["--components", "wiener"]);
    place.refused(&format!("{RUN} none/c.csv"), 1, &["none/c.csv", "does not exist"]);
    place.refused(&format!("{RUN} x-model.fits"), 1, &["x-model.fits", "name of a product", "--components"]);
    place.refused(&format!("{RUN} dirty.fits --overwrite"), 1, &["dirty.fits", "is an input"]);
    std::fs::write(place.path("c.csv"), "mine").unwrap();
    place.refused(&format!("{RUN} c.csv"), 1, &["c.csv", "exists already", "--overwrite"]);
    // What a sky model has no place for.
    type Case<'a> = (&'a [(&'a str, usize)], &'a [&'a str], &'a str, &'a str);
    let cases: [Case<'_>; 5] = [
        (&[("", 48), ("", 40)], &[], "Jy", "no coordinates"),
        (&[RA, DEC], &["EQUINOX = 1979.9"], "Jy", "B1979.9"),
        (&[("GLON-SIN", 48), ("GLAT-SIN", 40)], &[], "Jy", "GLON"),
        (&[RA, DEC, ("FREQ", 2)], J2000, "Jy", "channels"),
        (&[RA, DEC], J2000, "K", "are in K,"),
    ];
    for (axes, cards, unit, why) in cases {
        let place = self::place(axes, cards, unit);
        for command in ["", "plan "] {
            place.refused(&format!("{command}{RUN} c.txt"), 1, &["dirty.fits", why, "c.txt", ".csv"]);
        }
    }
}
