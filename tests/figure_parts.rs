//! What figures are made of: coordinates against astropy, ticks, scales, text, panels.
#![allow(clippy::unwrap_used)] // A test may panic.

#[path = "support/sky.rs"]
mod support;

use deconv::figure::axes::Axes;
use deconv::figure::canvas::{Canvas, WHITE};
use deconv::figure::number::{decimal, quantity};
use deconv::figure::panel::{Panel, Reduce, Zoom};
use deconv::figure::text::{Align, Style, write, write_upwards};
use deconv::figure::ticks::Notation;
use deconv::figure::{BLANK, Scale};
use deconv::image::Sky;
use support::{VLA, fits, header};

fn sky(cards: &[String]) -> Option<Sky> {
    let directory = tempfile::tempdir().unwrap();
    let cards: Vec<&str> = cards.iter().map(String::as_str).collect();
    Sky::of(&fits(&directory.path().join("a.fits"), &[8, 8], &cards, |_| 0.0))
}

fn close(a: (f64, f64), b: (f64, f64)) -> bool {
    (a.0 - b.0).abs() < 2e-9 && (a.1 - b.1).abs() < 2e-9
}

#[test]
fn the_sky_of_3c273_is_that_of_astropy() {
    let sky = sky(&VLA.map(String::from)).unwrap();
    for (y, x, lon, lat) in [
        (0.0, 0.0, 186.652767167, 2.314469373),
        (0.0, 255.0, 186.624410701, 2.314469374),
        (128.0, 128.0, 186.638533333, 2.328691667),
        (200.25, -0.5, 186.652822993, 2.336719372),
    ] {
        let found = sky.at(y, x).unwrap();
        assert!(close(found, (lon, lat)), "{y} {x}: {found:?}");
    }
    assert_eq!(sky.names()[0][0], "Right ascension (B1979.9)");
}

/// Longitudes and latitudes by astropy 8.0 at the 0-based (row, column) (0, 0) and (5, 60).
#[test]
fn projections_are_those_of_astropy() {
    type Case = (&'static str, &'static [&'static str], [(f64, f64); 2]);
    let cases: [Case; 11] = [
        ("SIN", &[], [(351.197171909, 61.019601803), (348.715217850, 61.143830211)]),
        ("SIN", &["PV2_1   = 0.1", "PV2_2   = -0.3"], [(351.194994077, 61.022971602), (348.713105408, 61.146699285)]),
        ("TAN", &[], [(351.196944555, 61.019794964), (348.715428519, 61.143975534)]),
        ("TAN", &["CROTA2  = 25.0"], [(351.955611439, 61.347451186), (349.582427557, 60.967081089)]),
        ("ARC", &[], [(351.197096104, 61.019666208), (348.715288089, 61.143878664)]),
        ("STG", &[], [(351.197058210, 61.019698403), (348.715323202, 61.143902885)]),
        ("ZEA", &[], [(351.197115053, 61.019650109), (348.715270531, 61.143866552)]),
        ("TAN", &["LONPOLE = 150.0"], [(352.069735989, 61.429940922), (349.769487563, 60.953797813)]),
        ("TAN", &["PC1_2   = 0.3", "PC2_1   = -0.2"], [(351.687390675, 61.159558743), (349.142259533, 60.992380192)]),
        ("NCP", &[], [(351.196944555, 61.013574785), (348.715428519, 61.138653171)]),
        ("", &[], [(350.58, 61.025), (349.38, 61.15)]),
    ];
    for (code, extra, expected) in cases {
        let sky = sky(&header(code, extra)).unwrap_or_else(|| panic!("{code} {extra:?}"));
        for ((y, x), expected) in [(0.0, 0.0), (5.0, 60.0)].into_iter().zip(expected) {
            let found = sky.at(y, x).unwrap();
            assert!(close(found, expected), "{code} {extra:?}: {found:?} instead of {expected:?}");
        }
    }
}

#[test]
fn what_makes_no_sense_is_no_sky() {
    assert!(sky(&[]).is_none());
    assert!(sky(&header("XYZ", &[])).is_none(), "an unknown projection");
    assert!(sky(&header("TAN-SIP", &[])).is_none(), "distortions");
    for card in [
        "CTYPE1  = 'RA---TAN'",
        "CTYPE1  = 'R'",
        "CRVAL1  = 'nowhere '",
        "CRVAL1  = NaN",
        "CRVAL2  = 1E400",
        "CRVAL2  = 120.0",
        "CDELT1  = 0.0",
        "CDELT2  = inf",
        "CRPIX1  = NaN",
        "PC1_1   = 0.0",
        "CD1_1   = 0.0",
        "PV2_1   = NaN",
    ] {
        assert!(sky(&header("SIN", &[card])).is_none(), "{card}");
    }
    assert!(sky(&header("NCP", &["CRVAL2  = 0.0"])).is_none(), "NCP is not defined at the equator");
    // These have a sky, but not everywhere.
    for card in ["CDELT1  = 5.0", "CRPIX1  = 1E30", "CDELT2  = 1E300", "LONPOLE = NaN", "CRVAL2  = 90.0"] {
        let sky = sky(&header("SIN", &[card]));
        let _ = sky.map(|sky| [(0.0, 0.0), (1e9, -1e9), (f64::NAN, 0.0)].map(|(y, x)| sky.at(y, x)));
    }
}

#[test]
fn ticks_are_round_and_where_astropy_has_them() {
    let directory = tempfile::tempdir().unwrap();
    let image = fits(&directory.path().join("a.fits"), &[256, 256], &VLA, |_| 0.0);
    let zoom = Zoom::new((256, 256), 320);
    let axes = Axes::of(&image, &zoom);
    let lower: Vec<(&str, f64)> = axes.lower.iter().map(|tick| (tick.label.as_str(), tick.at)).collect();
    let expected = [("12h26m30s", 250.2006), ("12h26m32s", 175.2618), ("12h26m34s", 100.3230), ("12h26m36s", 25.3842)];
    assert_eq!(lower.len(), 4, "{lower:?}");
    for ((label, at), expected) in lower.iter().zip(expected) {
        assert!(*label == expected.0 && (at - expected.1).abs() < 1e-3, "{label} {at} {expected:?}");
    }
    let left: Vec<&str> = axes.left.iter().map(|tick| tick.label.as_str()).collect();
    let dec = |label: &str| axes.left[left.iter().position(|l| *l == label).unwrap_or_else(|| panic!("{left:?}"))].at;
    assert!((dec("+02\u{b0}19'30\"") - 95.27565).abs() < 1e-3);
    assert!((dec("+02\u{b0}20'15\"") - 207.77565).abs() < 1e-3);
    assert!(axes.left.iter().all(|tick| (0.0..=256.0).contains(&tick.at)));
}

#[test]
fn labels() {
    let label = |notation: Notation, value: f64, step: f64| notation.label(value, step);
    assert_eq!(label(Notation::Hours, 359.999_999_999, 15.0 / 3600.0), "00h00m00s");
    assert_eq!(label(Notation::Hours, -15.0, 15.0), "23h");
    assert_eq!(label(Notation::Hours, 0.25, 0.25), "00h01m");
    assert_eq!(label(Notation::Hours, 15.0 * 0.05 / 3600.0, 15.0 * 0.05 / 3600.0), "00h00m00.05s");
    assert_eq!(label(Notation::Degrees, -0.5 / 3600.0, 0.5 / 3600.0), "-00\u{b0}00'00.5\"");
    assert_eq!(label(Notation::Degrees, 59.9999 / 3600.0, 5.0 / 3600.0), "+00\u{b0}01'00\"");
    assert_eq!(label(Notation::Degrees, -5.0, 5.0), "-05\u{b0}");
    assert_eq!(label(Notation::Circle, -0.02, 0.02), "359.98\u{b0}");
    assert_eq!(label(Notation::Latitude, -0.0, 0.02), "+0.00\u{b0}");
    // Through 0h, and an axis that turns back.
    let through = Notation::Hours.ticks(100.0, |at| Some((0.05 - at * 0.001).rem_euclid(360.0)), 7, |_| true).unwrap();
    assert!(through.len() >= 3 && through.iter().any(|tick| tick.label.starts_with("00h00m00") && tick.at > 49.0));
    assert!(Notation::Degrees.ticks(100.0, |at| Some((at - 50.0).powi(2)), 7, |_| true).is_none());
    assert!(Notation::Pixels.ticks(100.0, |_| None, 7, |_| true).is_none());
}

#[test]
fn numbers_for_people() {
    assert_eq!(decimal(29.846, 3), "29.8");
    assert_eq!(decimal(9.999, 3), "10.0");
    assert_eq!(decimal(-0.000_012_34, 3), "-1.23e-5");
    assert_eq!(decimal(0.0, 3), "0");
    assert_eq!(quantity(0.0236, "Jy/beam"), "23.6 mJy/beam");
    assert_eq!(quantity(2e-5, "Jy/beam"), "20.0 \u{b5}Jy/beam");
    assert_eq!(quantity(0.0236, "K"), "0.0236 K");
    assert_eq!(quantity(3.0, ""), "3.00");
}

#[test]
fn scales_have_round_ticks_inside_and_distinct_colours() {
    let scales = [
        Scale::one_sided(-1.0, 30.0, 0.01),
        Scale::one_sided(0.0, 0.0, 0.0),
        Scale::one_sided(-3.0, -1.0, 0.1),
        Scale::one_sided(f64::NEG_INFINITY, f64::INFINITY, f64::NAN),
        Scale::two_sided(-2.0, 1.0, 0.1),
        Scale::two_sided(0.0, 5e-7, 1e-9),
        Scale::two_sided(0.0, 0.0, 0.0),
    ];
    for scale in scales {
        assert!(scale.low < scale.high && scale.anchor > 0.0, "{scale:?}");
        assert_eq!((scale.position(scale.low), scale.position(scale.high)), (0.0, 1.0), "{scale:?}");
        assert!(scale.position(0.0) < 0.55 || scale.high <= 1.0, "{scale:?}");
        let (ticks, unit) = scale.ticks("Jy/beam", 300, 26);
        assert!(ticks.len() >= 3 && unit.ends_with("Jy/beam"), "{scale:?} {ticks:?}");
        assert!(ticks.windows(2).all(|pair| (pair[1].0 - pair[0].0) * 300.0 >= 25.9), "{ticks:?}");
        let mantissa = |label: &str| label.trim_matches(['-', '0', '.']).chars().next();
        assert!(
            ticks.iter().all(|(_, label)| matches!(mantissa(label), None | Some('1' | '2' | '3' | '5'))),
            "{ticks:?}"
        );
        let colours: Vec<_> = (0..=100).map(|i| scale.colour_at(f64::from(i) / 100.0)).collect();
        let grey = |colour: &[u8; 3]| colour.iter().zip(BLANK).all(|(a, b)| a.abs_diff(b) < 24);
        assert!(!colours.iter().any(grey), "a colour like that of blank pixels: {scale:?}");
    }
    let noise = Scale::one_sided(-1.0, 30.0, 0.01);
    assert!(noise.position(0.03) - noise.position(0.0) > 0.1, "faint emission must show");
    assert_eq!(noise.colour(f32::NAN), BLANK);
}

#[test]
fn text_is_where_it_should_be() {
    let inked = |draw: &dyn Fn(&mut Canvas)| {
        let mut canvas = Canvas::new(200, 100);
        draw(&mut canvas);
        let dark = |i: &usize| canvas.get(i % 200, i / 200) != WHITE;
        let places: Vec<(usize, usize)> = (0..200 * 100).filter(dark).map(|i| (i % 200, i / 200)).collect();
        let range = |f: fn(&(usize, usize)) -> usize| (places.iter().map(f).min(), places.iter().map(f).max());
        (range(|p| p.0), range(|p| p.1), places.len())
    };
    let width = Style::Plain.width("12h29m");
    let (x, y, count) = inked(&|canvas| write(canvas, (100, 20), "12h29m", Style::Plain, Align::Left, [0; 3]));
    assert!(x.0 >= Some(100) && x.1 < Some(100 + width) && y.0 >= Some(20) && y.1 < Some(36) && count > 100);
    let (x, _, _) = inked(&|canvas| write(canvas, (100, 20), "12h29m", Style::Plain, Align::Right, [0; 3]));
    assert!(x.1 < Some(100) && x.0 >= Some(100 - width));
    let (x, y, _) = inked(&|canvas| write_upwards(canvas, (100, 90), "12h29m", Style::Plain, Align::Left, [0; 3]));
    assert!(x.0 >= Some(100) && x.1 < Some(116) && y.1 <= Some(90) && y.0 > Some(90 - width));
    // Letters that the font lacks, and text outside of the picture.
    inked(&|canvas| write(canvas, (-40, -5), "\u{4e2d}\u{1f600}\u{b5}\u{b0}", Style::Title, Align::Middle, [0; 3]));
    assert_eq!(Style::Plain.wrap("a bb  ccc", Style::Plain.width("a bb")), ["a bb", "ccc"]);
    assert_eq!(Style::Plain.fit("abcdef", Style::Plain.width("abcd")), "ab..");
}

#[test]
fn panels_are_means_and_extremes_of_blocks() {
    let directory = tempfile::tempdir().unwrap();
    let (rows, cols) = (1100, 1500);
    let value = |i: usize| match (i / 1500, i % 1500) {
        (0..3, 0..3) => f32::NAN,
        (3, 3) => f32::NAN,
        (4, 4) => -900.0,
        (y, x) => (y / 3 + x / 3) as f32,
    };
    for transposed in [false, true] {
        let cards = ["CTYPE1  = 'DEC'", "CTYPE2  = 'RA'"];
        let image = match transposed {
            false => fits(&directory.path().join("a.fits"), &[cols, rows], &[], value),
            true => {
                fits(&directory.path().join("b.fits"), &[rows, cols], &cards, |i| value(i % rows * cols + i / rows))
            }
        };
        let zoom = Zoom::new(image.shape(), 512);
        assert_eq!((zoom.block, zoom.grow, zoom.size()), (3, (1, 1), (367, 500)));
        let mean = Panel::read(&image, 0, &zoom, Reduce::Mean).unwrap();
        let extreme = Panel::read(&image, 0, &zoom, Reduce::Extreme).unwrap();
        assert_eq!(mean.values.len(), 367 * 500);
        assert!(mean.values[0].is_nan() && extreme.values[0].is_nan());
        assert_eq!(mean.values[501], (7.0 * 2.0 - 900.0) / 8.0);
        assert_eq!(extreme.values[501], -900.0);
        assert_eq!((mean.values[366 * 500 + 499], mean.values[10 * 500 + 7]), (865.0, 17.0));
    }
}
