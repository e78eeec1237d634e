//! The figures: coordinates against astropy, ticks, scales, text, and whole pictures of all kinds of planes.
#![allow(clippy::unwrap_used)] // A test may panic.

use deconv::figure::axes::Axes;
use deconv::figure::beam::BEAM;
use deconv::figure::canvas::{Area, Canvas, WHITE};
use deconv::figure::number::{decimal, quantity};
use deconv::figure::panel::{Panel, Reduce, Zoom};
use deconv::figure::sky::Sky;
use deconv::figure::text::{Align, Style, write, write_upwards};
use deconv::figure::ticks::Notation;
use deconv::figure::{BLANK, Figure, Plane, Scale, draw};
use deconv::image::Image;
use std::path::Path;
use std::process::{Command, Output};

/// Writes a FITS file of f32 and opens it; `lengths` are those of the axes in the file's order.
fn fits(path: &Path, lengths: &[usize], cards: &[&str], value: impl Fn(usize) -> f32) -> Image {
    let mut all = vec!["SIMPLE  = T".to_string(), "BITPIX  = -32".into(), format!("NAXIS   = {}", lengths.len())];
    all.extend(lengths.iter().enumerate().map(|(i, length)| format!("NAXIS{}  = {length}", i + 1)));
    all.extend(cards.iter().map(|card| (*card).to_string()));
    all.push("END".into());
    let card = |text: &String| match text.split_once("= ") {
        // Numbers end in column 30.
        Some((name, value)) if !value.starts_with('\'') => format!("{:<80}", format!("{name}= {value:>20}")),
        _ => format!("{text:<80}"),
    };
    let mut bytes: Vec<u8> = all.iter().flat_map(|text| card(text).into_bytes()).collect();
    bytes.resize(bytes.len().next_multiple_of(2880), b' ');
    bytes.extend((0..lengths.iter().product()).flat_map(|i| value(i).to_be_bytes()));
    bytes.resize(bytes.len().next_multiple_of(2880), 0);
    std::fs::write(path, bytes).unwrap();
    Image::open(path).unwrap()
}

/// The header of data/vla-3c273/dirty.fits, as far as the sky is concerned.
const VLA: [&str; 12] = [
    "CTYPE1  = 'RA---SIN'",
    "CRVAL1  = 1.866385333330E+02",
    "CDELT1  = -1.111111111111E-04",
    "CRPIX1  = 1.290000000000E+02",
    "CTYPE2  = 'DEC--SIN'",
    "CRVAL2  = 2.328691666670E+00",
    "CDELT2  = 1.111111111111E-04",
    "CRPIX2  = 1.290000000000E+02",
    "LONPOLE = 180.0",
    "EQUINOX = 1979.9",
    "RADESYS = 'FK4     '",
    "OBJECT  = '3C273   '",
];

/// A noise of about 1 that depends on the pixel only.
fn noise(i: usize) -> f32 {
    let bits = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let bits = (bits ^ (bits >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((bits >> 40) as f32 / (1u64 << 24) as f32 - 0.5) * 3.4
}

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

/// A header with a projection, and with other cards before it, so that these count.
fn header(code: &str, extra: &[&str]) -> Vec<String> {
    let name = |name: &str| if code.is_empty() { name.to_string() } else { format!("{name:-<5}{code}") };
    let mut cards: Vec<String> = extra.iter().map(|card| (*card).to_string()).collect();
    cards.push(format!("CTYPE1  = '{}'", name("RA")));
    cards.push(format!("CTYPE2  = '{}'", name("DEC")));
    let numbers = ["CRPIX1  = 30.0", "CRPIX2  = 40.0", "CRVAL1  = 350.0", "CRVAL2  = 62.0"];
    cards.extend(numbers.iter().chain(&["CDELT1  = -0.02", "CDELT2  = 0.025"]).map(|card| (*card).to_string()));
    cards
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

/// A cube of planes of one shape, each image from a function of pixel and plane: dirty, model, residual, restored.
struct Case {
    shape: (usize, usize),
    planes: usize,
    cards: Vec<&'static str>,
    covariance: [f64; 3],
    values: [fn(usize, usize) -> f32; 4],
}

impl Case {
    fn new(shape: (usize, usize)) -> Case {
        let restored = |i, plane| noise(i + 1000 * plane) * 0.01 + if i == 17 { 2.0 } else { 0.0 };
        let model = |i, _| if i == 17 { 2.0 } else { 0.0 };
        let residual = |i, plane| noise(i + 1000 * plane) * 0.01;
        let cards = VLA.iter().copied().chain(["BUNIT   = 'Jy/beam'"]).collect();
        Case { shape, planes: 1, cards, covariance: [4.0, 1.0, 2.0], values: [restored, model, residual, restored] }
    }

    fn draw(&self) -> Figure {
        let directory = tempfile::tempdir().unwrap();
        let (rows, cols) = self.shape;
        let image = |k: usize| {
            let path = directory.path().join(format!("{k}.fits"));
            let value = |i: usize| self.values[k](i % (rows * cols), i / (rows * cols));
            fits(&path, &[cols, rows, self.planes], &self.cards, value)
        };
        let images = [image(0), image(1), image(2), image(3)];
        let plane = |index: usize| Plane {
            dirty: &images[0],
            model: &images[1],
            residual: &images[2],
            restored: &images[3],
            index,
            covariance: self.covariance,
            signed: false,
            name: if self.planes > 1 { format!("plane {index}") } else { String::new() },
            caption: "A caption that is long enough to be wrapped where the figure is a narrow one. ".repeat(2),
            remarks: ["peak 2", "rms 0.01", "2\" x 2\"", "sum 2"].map(String::from),
        };
        let planes: Vec<Plane<'_>> = (0..self.planes).map(plane).collect();
        draw("A title", &planes, self.planes == 1).unwrap()
    }
}

/// The place of a pixel's middle in a panel.
fn place(figure: &Figure, area: Area, y: usize, x: usize) -> (usize, usize) {
    let (down, across) = figure.zoom.factor();
    let (dx, dy) = ((x as f64 + 0.5) * across, (y as f64 + 0.5) * down);
    (area.x + dx as usize, area.bottom() - 1 - dy as usize)
}

/// Everything lies on the paper, and apart from everything else; nothing is written up to the edges.
fn check_layout(figure: &Figure) {
    let canvas = &figure.canvas;
    for areas in &figure.panels {
        for (i, a) in areas.iter().enumerate() {
            assert_eq!((a.height, a.width), figure.zoom.size());
            assert!(a.x >= 40 && a.y >= 40 && a.right() + 40 <= canvas.width() && a.bottom() + 40 <= canvas.height());
            let apart = |b: &Area| a.right() < b.x || b.right() < a.x || a.bottom() < b.y || b.bottom() < a.y;
            assert!(areas[i + 1..].iter().all(apart));
        }
    }
    let (right, bottom) = (canvas.width() - 1, canvas.height() - 1);
    let edge = (0..=right).flat_map(|x| [(x, 0), (x, 3), (x, bottom - 3), (x, bottom)]);
    let edge = edge.chain((0..=bottom).flat_map(|y| [(0, y), (3, y), (right - 3, y), (right, y)]));
    for (x, y) in edge {
        assert_eq!(canvas.get(x, y), WHITE, "something is clipped at {x}, {y}");
    }
}

#[test]
fn figures_of_every_shape() {
    let shapes = [(5, 7), (1, 1), (1, 40), (40, 1), (60, 180), (180, 60), (64, 64), (300, 400), (3, 900), (1300, 700)];
    for shape in shapes {
        let mut case = Case::new(shape);
        let figure = case.draw();
        check_layout(&figure);
        assert!(figure.canvas.width() < 1600 && figure.canvas.height() < 1400, "{shape:?}");
        case.planes = 3;
        check_layout(&case.draw());
    }
}

#[test]
fn pixels_have_the_colours_of_their_scale() {
    let mut case = Case::new((32, 32));
    case.values[3] = |i, _| match i {
        528 => 2.0,
        600 => f32::NAN,
        i => noise(i) * 0.01,
    };
    case.values[1] = |i, _| if i == 528 { -2.0 } else { 0.0 };
    let figure = case.draw();
    check_layout(&figure);
    let [_, _, restored, model] = figure.panels[0];
    let [brightness, components] = figure.scales[0];
    let colour = |area: Area, i: usize| {
        let (x, y) = place(&figure, area, i / 32, i % 32);
        figure.canvas.get(x, y)
    };
    assert_eq!(colour(restored, 528), brightness.colour_at(1.0));
    assert_eq!(colour(restored, 600), BLANK);
    assert_eq!(colour(restored, 700), brightness.colour(noise(700) * 0.01));
    assert_eq!(colour(model, 528), components.colour(-2.0));
    assert_eq!(colour(model, 700), components.colour(0.0));
    let beam = figure.beams[0].unwrap();
    assert_eq!(figure.canvas.get(beam.x + beam.width / 2, beam.y + beam.height / 2), BEAM);
    assert_eq!(figure.canvas.get(beam.x + 1, beam.y + 1), WHITE);
    // The ellipse leans to the right, for x and y are correlated.
    let inked = |x: usize, y: usize| figure.canvas.get(x, y) == BEAM;
    let (quarter_x, quarter_y) = (beam.width / 4, beam.height / 4);
    assert!(inked(beam.right() - quarter_x, beam.y + quarter_y + 1));
    assert!(!inked(beam.x + quarter_x, beam.y + quarter_y));
    assert_eq!(figure.canvas.png().unwrap(), case.draw().canvas.png().unwrap(), "the same bytes");
}

#[test]
fn components_are_seen_when_many_pixels_become_one() {
    let mut case = Case::new((1300, 1300));
    case.values[1] = |i, _| if i == 650 * 1300 + 700 { 1e-3 } else { 0.0 };
    let figure = case.draw();
    assert_eq!(figure.zoom.block, 3);
    let model = figure.panels[0][3];
    let ink = figure.scales[0][1].colour(1e-3);
    let places = (model.y..model.bottom()).flat_map(|y| (model.x..model.right()).map(move |x| (x, y)));
    assert_eq!(places.filter(|&(x, y)| figure.canvas.get(x, y) == ink).count(), 9);
}

#[test]
fn nothing_blank_negative_and_endless() {
    let constant: [fn(usize, usize) -> f32; 6] = [
        |_, _| 0.0,
        |_, _| f32::NAN,
        |_, _| -3.0,
        |_, _| 1e-38,
        |_, _| 3e38,
        |i, _| if i == 0 { f32::INFINITY } else { 1.0 },
    ];
    for value in constant {
        let mut case = Case::new((20, 30));
        case.values = [value, |_, _| 0.0, value, value];
        check_layout(&case.draw());
        case.values = [value; 4];
        case.covariance = [f64::NAN, 0.0, 1e9];
        check_layout(&case.draw());
    }
    let mut case = Case::new((20, 30));
    case.values[3] = |i, _| if i == 25 { -2.0 } else { noise(i) * 0.01 };
    assert!(case.draw().scales[0][0].two_sided, "a negative source needs colours below zero");
}

#[test]
fn without_a_sky_in_pixels() {
    let mut case = Case::new((20, 30));
    for cards in [
        vec![],
        header("SIN", &["CRVAL1  = NaN"]),
        header("TAN", &["CDELT1  = 80.0"]),
        header("SIN", &["CRVAL2  = 90.0"]),
    ] {
        case.cards = cards.into_iter().map(|card| &*card.leak()).collect();
        check_layout(&case.draw());
    }
    let directory = tempfile::tempdir().unwrap();
    let image = fits(&directory.path().join("a.fits"), &[30, 20], &[], |_| 0.0);
    let axes = Axes::of(&image, &Zoom::new((20, 30), 512));
    let labels: Vec<&str> = axes.lower.iter().map(|tick| tick.label.as_str()).collect();
    assert_eq!(labels, ["0", "5", "10", "15", "20", "25"]);
    assert_eq!(axes.lower[1].at, 5.5 * 17.0, "the middle of column 5");
}

fn deconv(directory: &Path, dirty: &Path, psf: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deconv"));
    command.current_dir(directory).arg("--dirty").arg(dirty).arg("--psf").arg(psf);
    command.args(["--png", "--quiet", "--nsigma", "0", "--niter", "20"]).args(more).output().unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn decoded(path: &Path) -> (u32, u32, Vec<u8>) {
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    (frame.width, frame.height, pixels)
}

#[test]
fn the_program_draws_refuses_and_cleans_up() {
    let inputs = tempfile::tempdir().unwrap();
    let (dirty, psf) = (inputs.path().join("d.fits"), inputs.path().join("p.fits"));
    let gaussian = |i: usize| (-(((i / 24) as f32 - 12.0).powi(2) + ((i % 24) as f32 - 12.0).powi(2)) / 8.0).exp();
    fits(&dirty, &[24, 24, 5], &VLA, |i| gaussian(i % 576) + noise(i) * 0.01);
    fits(&psf, &[24, 24], &VLA, gaussian);

    let first = tempfile::tempdir().unwrap();
    let output = deconv(first.path(), &dirty, &psf, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected = ["d-2.png", "d-image.fits", "d-model.fits", "d-residual.fits", "d.png"];
    assert_eq!(names(first.path()), expected, "five planes are two sheets");
    let (sheet, rest) = (decoded(&first.path().join("d.png")), decoded(&first.path().join("d-2.png")));
    assert!(sheet.0 > 1200 && sheet.1 > 1400, "{} {}", sheet.0, sheet.1);
    assert!(rest.0 > 1200 && rest.1 < 600, "{} {}", rest.0, rest.1);
    assert!(sheet.2.chunks(3).any(|pixel| pixel == BEAM));

    // One figure in the way, and nothing is begun.
    for name in expected.iter().filter(|name| **name != "d-2.png") {
        std::fs::remove_file(first.path().join(name)).unwrap();
    }
    let output = deconv(first.path(), &dirty, &psf, &[]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && message.contains("d-2.png: exists already"), "{message}");
    assert_eq!(names(first.path()), ["d-2.png"]);
    assert!(deconv(first.path(), &dirty, &psf, &["--overwrite", "--scheduler", "inline"]).status.success());
    assert_eq!(decoded(&first.path().join("d.png")), sheet, "the same picture");

    // An input that has the name of a figure is never replaced.
    let disguised = inputs.path().join("x.png");
    std::fs::copy(&psf, &disguised).unwrap();
    let output = deconv(inputs.path(), &dirty, &disguised, &["--output", "x", "--overwrite"]);
    assert!(output.status.code() == Some(1));
    assert_eq!(names(inputs.path()), ["d.fits", "p.fits", "x.png"]);
}
