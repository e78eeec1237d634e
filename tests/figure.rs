//! The figures: whole pictures of all kinds of planes, and the program that draws them.
#![allow(clippy::unwrap_used)] // A test may panic.

#[path = "support/sky.rs"]
mod support;

use deconv::figure::axes::Axes;
use deconv::figure::beam::BEAM;
use deconv::figure::canvas::{Area, WHITE};
use deconv::figure::panel::Zoom;
use deconv::figure::{BLANK, Figure, Plane, draw};
use std::path::Path;
use std::process::{Command, Output};
use support::{VLA, fits, header, noise};

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
fn a_beam_as_large_as_the_plane_is_only_outlined() {
    let mut case = Case::new((16, 16));
    case.covariance = [10.0, -4.0, 10.0];
    let figure = case.draw();
    let (area, restored) = (figure.beams[0].unwrap(), figure.panels[0][2]);
    assert!(area.x >= restored.x && area.right() <= restored.right() && area.bottom() <= restored.bottom());
    let middle = figure.canvas.get(area.x + area.width / 2, area.y + area.height / 2);
    assert!(middle != BEAM && middle != WHITE, "what lies below must show");
    let row = (area.x..area.right()).map(|x| figure.canvas.get(x, area.y + area.height / 2));
    assert!(row.filter(|colour| *colour == BEAM).count() >= 4);
    case.covariance = [50.0, 0.0, 10.0];
    assert_eq!(case.draw().beams[0], None);
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
    let picture = image::open(path).unwrap().into_rgb8();
    (picture.width(), picture.height(), picture.into_raw())
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
