//! Inputs as other programs write them: HDUs by name, packed files, headers of all sorts, infinities.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use support::fits::Fits;
use support::job::data;
use support::program::{Place, dirty, psf};

const AXES: [(&str, usize); 3] = [("RA---SIN", 48), ("DEC--SIN", 40), ("STOKES", 2)];

/// The summary of a run with these arguments that is expected to succeed.
fn summary(place: &Place, arguments: &str) -> serde_json::Value {
    let ended = place.run(&format!("{arguments} --niter 8 --output out --overwrite --summary s.json -q"));
    assert_eq!(ended.status, Some(0), "{arguments}: {ended:?}");
    serde_json::from_slice(&fs::read(place.path("s.json")).unwrap()).unwrap()
}

/// The notes of a run, one a line.
fn notes(summary: &serde_json::Value) -> String {
    summary["notes"].as_array().unwrap().iter().map(|note| format!("{}\n", note.as_str().unwrap())).collect()
}

/// The bytes of a product without its header.
fn pixels(place: &Place, product: &str) -> Vec<u32> {
    Fits::read(&place.path(&format!("out-{product}.fits"))).pixels.iter().map(|pixel| pixel.to_bits()).collect()
}

#[test]
fn packed_with_gzip() {
    let place = Place::new();
    fs::create_dir(place.path("scratch")).unwrap();
    summary(&place, "--dirty dirty.fits --psf psf.fits");
    let plain = ["model", "residual", "image"].map(|product| pixels(&place, product));
    for name in ["dirty.fits", "psf.fits"] {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&fs::read(place.path(name)).unwrap()).unwrap();
        // The name does not matter, what is in the file does.
        fs::write(place.path(&format!("packed-{name}")), packed.finish().unwrap()).unwrap();
    }
    let run = |arguments: &str| place.command(arguments).env("TMPDIR", place.path("scratch")).output().unwrap();
    let ended = run("--dirty packed-dirty.fits --psf packed-psf.fits --niter 8 --output out --overwrite -q");
    assert!(ended.status.success(), "{ended:?}");
    assert!(plain == ["model", "residual", "image"].map(|product| pixels(&place, product)));
    assert_eq!(place.names("scratch"), [""; 0]);

    let bytes = fs::read(place.path("packed-dirty.fits")).unwrap();
    fs::write(place.path("cut.fits.gz"), &bytes[..bytes.len() / 2]).unwrap();
    place.refused("--dirty cut.fits.gz --psf psf.fits", 1, &["cut.fits.gz", "damaged or cut short", "again"]);
    let mut other = bytes.clone();
    other[bytes.len() / 2] ^= 0x55;
    fs::write(place.path("bad.fits.gz"), other).unwrap();
    place.refused("--dirty bad.fits.gz --psf psf.fits", 1, &["bad.fits.gz", "damaged", "again"]);
    let ended = place.command("--dirty packed-dirty.fits --psf psf.fits").env("TMPDIR", "none").output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.code() == Some(1) && said.contains("packed-dirty.fits") && said.contains("TMPDIR"), "{said}");
}

#[test]
fn hdus_by_number_and_name() {
    let place = Place::new();
    let source = data("nasty/multi_ext_int16.fits");
    fs::copy(&source, place.path("x.fits")).unwrap();
    Fits::new(&[("", 41), ("", 41)], |_, y, x| {
        let square = |a: usize| (a as f64 - 20.0) * (a as f64 - 20.0);
        (-(square(y) + square(x)) / 4.0).exp()
    })
    .write(place.path("lobe.fits"));
    let peak =
        |name: &str| summary(&place, &format!("--dirty {name} --psf lobe.fits"))["planes"][0]["peak_before"].as_f64();
    for name in ["x.fits", "x.fits[1]", "x.fits[SCI]", "x.fits[sci,1]"] {
        assert_eq!(peak(name), Some(474.0), "{name}");
    }
    assert_eq!((peak("x.fits[3]"), peak("x.fits[SCI,4]")), (Some(314.0), Some(846.0)));
    let refused = |name: &str, parts: &[&str]| place.refused(&format!("--dirty {name} --psf lobe.fits"), 1, parts);
    refused("x.fits[0]", &["x.fits[0]", "this HDU holds no image"]);
    refused("x.fits[5]", &["x.fits[5]", "has no such HDU, but 5 others", "brackets"]);
    refused("x.fits[SCI,5]", &["x.fits[SCI,5]", "has no such HDU"]);
    refused("x.fits[NONE]", &["x.fits[NONE]", "has no such HDU"]);
    refused("x.fits[1][1:10,1:10]", &["brackets name no HDU", "x.fits[NAME]"]);
    refused("x.fits[1:10,1:10]", &["brackets name no HDU", "x.fits[NAME]"]);
    refused("y.fits[1]", &["y.fits[1]", "cannot be opened", "check the name"]);
    // The input is an input under any name.
    fs::copy(&source, place.path("a-model.fits")).unwrap();
    place.refused("--dirty a-model.fits[1] --psf lobe.fits --output a --overwrite", 1, &["is an input of this run"]);
    // Without --output the products are called after the file.
    let ended = place.run("--dirty x.fits[1] --psf lobe.fits --niter 3 -q");
    assert!(ended.status == Some(0) && place.path("x-model.fits").exists(), "{ended:?}");
    // A file of the literal name goes before.
    dirty(&AXES).write(place.path("x.fits[1]"));
    assert_eq!(summary(&place, "--dirty x.fits[1] --psf psf.fits")["planes"].as_array().unwrap().len(), 2);
}

#[test]
fn infinities_are_refused_and_tiny_numbers_kept() {
    let place = Place::new();
    for (name, value) in [("plus.fits", f32::INFINITY), ("minus.fits", f32::NEG_INFINITY)] {
        for (image, partner) in
            [(dirty(&AXES), "--dirty {} --psf psf.fits"), (psf(&AXES), "--dirty dirty.fits --psf {}")]
        {
            let mut image = image;
            image.pixels[100] = value;
            image.write(place.path(name));
            place.refused(&partner.replace("{}", name), 1, &[name, "infinite pixels", "blank"]);
        }
    }
    // The same in f64, of which some are too large for an f32.
    for (name, value) in [("infinite.fits", f64::INFINITY), ("large.fits", 1e300)] {
        let header = "SIMPLE  = T|BITPIX  = -64|NAXIS   = 2|NAXIS1  = 24|NAXIS2  = 24|END";
        let mut bytes: Vec<u8> = header.split('|').flat_map(|card| format!("{card:<80}").into_bytes()).collect();
        bytes.resize(2880, b' ');
        bytes.extend((0..576).flat_map(|i| if i == 77 { value } else { 1.0 }.to_be_bytes()));
        bytes.resize(bytes.len().next_multiple_of(2880), 0);
        fs::write(place.path(name), bytes).unwrap();
        place.refused(&format!("--dirty {name} --psf {name} --beam 3,3,0"), 1, &[name, "infinite pixels", "blank"]);
    }
    let mut image = dirty(&AXES);
    image.pixels[100] = 1e-41;
    let image = deconv::image::Image::open(&image.write(place.path("tiny.fits"))).unwrap();
    let mut pixels = vec![0.0; 48 * 40];
    image.section(0, deconv::image::Rect::plane(40, 48)).read(&mut pixels).unwrap();
    assert_eq!(pixels[100], 1e-41);
}

#[test]
fn beams_of_headers_that_make_no_sense() {
    let place = Place::new();
    let aips = "HISTORY AIPS   CLEAN BMAJ=  1.1111E-03 BMIN=  8.3333E-04 BPA=  20.00";
    let cases: [(&[&str], &str, &str); 6] = [
        (&["BMAJ    = 0.0", "BMIN    = 0.0", "BPA     = 0.0"], "BMAJ=0.0 BMIN=0.0 BPA=0.0", "fit to the PSF"),
        (&["BMAJ    = 1E-3", "BMIN    = 2E-3"], "BMAJ=1E-3 BMIN=2E-3", "fit to the PSF"),
        (&["BMAJ    = NaN", "BMIN    = 2E-3"], "BMAJ=NaN BMIN=2E-3", "fit to the PSF"),
        (&["BMAJ    = -1E-3", "BMIN    = -1E-3"], "BMAJ=-1E-3", "fit to the PSF"),
        (&["BMAJ    = 0.0", "BMIN    = 0.0", aips], "BMAJ=0.0 BMIN=0.0", "header"),
        (&[aips], "", "header"),
    ];
    for (cards, said, source) in cases {
        let image = cards.iter().fold(dirty(&AXES), |image, card| image.card(card));
        image.write(place.path("d.fits"));
        let summary = summary(&place, "--dirty d.fits --psf psf.fits");
        let notes = notes(&summary);
        let passed_over = format!("the image's header beam {said}");
        assert_eq!(
            notes.contains(&passed_over) && notes.contains("makes no sense: passed over"),
            !said.is_empty(),
            "{notes}"
        );
        let beam = &summary["planes"][0]["beam"];
        assert_eq!(beam["source"], source, "{cards:?}");
        if source == "header" {
            assert!((beam["major"].as_f64().unwrap() - 4.0).abs() < 1e-3 && beam["pa"] == 20.0, "{beam}");
        }
        let given = self::summary(&place, "--dirty d.fits --psf psf.fits --beam 3,3,0");
        assert!(!self::notes(&given).contains("passed over"));
    }
}

#[test]
fn no_wcs_or_one_that_makes_no_sense() {
    let place = Place::new();
    let said_of = |cards: &[&str]| {
        let mut image = dirty(&AXES);
        let replaced = |card: &String| cards.iter().any(|other| card.starts_with(&other[..8]));
        image.cards.retain(|card| !replaced(card));
        image.cards.extend(cards.iter().map(|card| (*card).to_string()));
        image.write(place.path("d.fits"));
        let summary = summary(&place, "--dirty d.fits --psf psf.fits");
        assert_eq!(summary["planes"][0]["beam"]["unit"], "pixel", "{cards:?}");
        notes(&summary)
    };
    for (cards, what) in [
        (&["CDELT1  = 0.0"][..], "makes no sense (CDELT1 = 0.0): beams are in pixels"),
        (&["CDELT2  = NaN"], "makes no sense (CDELT2 = NaN): beams are in pixels"),
        (&["CTYPE1  = 'FOO     '"], "without a pair of sky axes (FOO, DEC, STOKES): beams are in pixels"),
        (&["CTYPE1  = ''", "CTYPE2  = ''", "CTYPE3  = ''"], "the image has no WCS: beams are in pixels"),
    ] {
        let notes = said_of(cards);
        assert!(notes.contains(what), "{notes}");
    }
    // MATLAB's fitswrite knows no WCS at all.
    Fits::new(&[("", 48), ("", 40)], |_, y, x| if (y, x) == (20, 20) { 1.0 } else { 0.0 }).write(place.path("m.fits"));
    psf(&AXES[..2]).write(place.path("one.fits"));
    let matlab = summary(&place, "--dirty m.fits --psf one.fits");
    assert!(notes(&matlab).contains("has no WCS"), "{matlab}");
    let psf_without = summary(&place, "--dirty dirty.fits --psf m.fits --beam 3,3,0");
    assert!(notes(&psf_without).contains("the PSF has no WCS: its cell is taken for the image's"), "{psf_without}");
}

#[test]
fn units_are_kept() {
    let place = Place::new();
    for (unit, of_image, of_model) in
        [("mJy/beam", "mJy/beam", "mJy/pixel"), ("K", "K", "K.beam/pixel"), ("", "Jy/beam", "Jy/pixel")]
    {
        let mut image = dirty(&AXES);
        image.cards.retain(|card| !card.starts_with("BUNIT"));
        image.card(&format!("BUNIT   = '{unit}'")).write(place.path("d.fits"));
        let summary = summary(&place, "--dirty d.fits --psf psf.fits");
        assert_eq!(summary["unit"], of_image);
        let bunit = |product: &str| Fits::read(&place.path(&format!("out-{product}.fits"))).value("BUNIT").unwrap();
        assert_eq!(
            (bunit("image"), bunit("residual"), bunit("model")),
            (of_image.into(), of_image.into(), of_model.into())
        );
        let ended = place.run("--dirty d.fits --psf psf.fits --niter 8 --output out --overwrite");
        assert!(ended.out.contains(&format!("peaks and rms in {of_image}")), "{ended:?}");
    }
}

#[test]
fn a_psf_with_another_cell() {
    let place = Place::new();
    for (step, refused) in [("2.7777777E-04", false), ("-2.7780E-04", false), ("2.79E-04", true), ("-5E-04", true)] {
        let mut image = psf(&AXES);
        image.cards.retain(|card| !card.starts_with("CDELT2"));
        image.card(&format!("CDELT2  = {step}")).write(place.path("p.fits"));
        match refused {
            true => {
                let parts =
                    ["p.fits", "dirty.fits", "its cell is 1.000000 x", "1.000000 x 1.000000 arcsec", "give the PSF"];
                place.refused("--dirty dirty.fits --psf p.fits --output x", 1, &parts);
            }
            false => drop(summary(&place, "--dirty dirty.fits --psf p.fits")),
        }
    }
}
