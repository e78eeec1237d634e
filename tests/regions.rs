//! Regions of DS9 and CASA: what is read, what is refused, and which pixels are in them.
#![allow(clippy::unwrap_used)] // A test may panic.

#[path = "support/sky.rs"]
mod support;

use deconv::image::region::Area;
use deconv::image::{Image, Rect, Regions, Sky};
use std::path::Path;
use support::{VLA, fits};

/// An image of 70 × 90 pixels about right ascension 350, declination 61 degrees.
fn image(directory: &Path, code: &str, turned: f64) -> Image {
    let cards = [
        format!("CTYPE1  = 'RA---{code}'"),
        format!("CTYPE2  = 'DEC--{code}'"),
        "CRVAL1  = 350.0".into(),
        "CRVAL2  = 61.0".into(),
        "CRPIX1  = 45.0".into(),
        "CRPIX2  = 30.0".into(),
        "CDELT1  = -0.002".into(),
        "CDELT2  = 0.002".into(),
        format!("CROTA2  = {turned:.1}"),
        "EQUINOX = 2000.0".into(),
        "RADESYS = 'FK5     '".into(),
    ];
    let cards: Vec<&str> = cards.iter().map(String::as_str).collect();
    fits(&directory.join("image.fits"), &[90, 70], &cards, |_| 0.0)
}

fn read(image: &Image, text: &str) -> Result<Regions, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.reg");
    std::fs::write(&path, text).unwrap();
    Regions::read(&path, image).map_err(|error| error.to_string())
}

/// The pixels of a plane that are inside, row by row.
fn inside(regions: &Regions, (rows, cols): (usize, usize)) -> Vec<bool> {
    let mut row = vec![f32::NAN; cols];
    let mut all = Vec::new();
    for y in 0..rows {
        regions.fill(y as i64, 0, &mut row);
        assert!(row.iter().all(|pixel| *pixel == 0.0 || *pixel == 1.0));
        all.extend(row.iter().map(|pixel| *pixel == 1.0));
    }
    all
}

/// How many pixels are inside, and the sums of their rows and of their columns.
fn moments(inside: &[bool], cols: usize) -> [usize; 3] {
    let found = inside.iter().enumerate().filter(|(_, inside)| **inside).map(|(i, _)| i);
    found.fold([0, 0, 0], |[count, y, x], i| [count + 1, y + i / cols, x + i % cols])
}

/// Shapes with the projection and the rotation of the image, and what astropy's `regions` 0.12 finds: the number of pixels, the
/// sums of their rows and columns.
const BY_ASTROPY: &[(&str, &str, f64, [usize; 3])] = &[
    ("image; circle(40.3,30.2,12.7)", "SIN", 0.0, [503, 14655, 19740]),
    ("image; ellipse(40.3,30.2,20.5,7.25,33)", "SIN", 0.0, [462, 13445, 18093]),
    ("image; box(40.3,30.2,31.3,12.9,57)", "SIN", 0.0, [405, 11803, 15904]),
    ("image; annulus(40.3,30.2,6.6,14.4)", "SIN", 0.0, [515, 15009, 20235]),
    ("image; polygon(10.2,10.3,60.7,15.1,55.5,60.2,30.3,25.5,12.1,50.8)", "SIN", 0.0, [1388, 37788, 49011]),
    ("fk5; circle(350.01,61.012,80.4\")", "SIN", 0.0, [396, 13860, 16455]),
    ("fk5; ellipse(23:20:02.4,+61:00:43.2,1.9',40.3\",33)", "SIN", 0.0, [277, 9695, 11517]),
    ("fk5; box(350.01,61.012,0.061,88.3\",20)", "SIN", 0.0, [374, 13074, 15541]),
    ("fk5; annulus(350.01,61.012,40.2\",1.33')", "SIN", 0.0, [288, 10080, 11949]),
    (
        "fk5; polygon(350.05,61.03,349.97,61.04,349.95,60.98,350.003,61.001,350.04,60.97)",
        "SIN",
        0.0,
        [488, 16773, 21035],
    ),
    ("#CRTF\ncircle[[39.3pix, 29.2pix], 12.7pix]", "SIN", 0.0, [503, 14655, 19740]),
    ("#CRTF\nellipse[[39.3pix, 29.2pix], [20.5pix, 7.25pix], 33deg]", "SIN", 0.0, [468, 13650, 18395]),
    ("#CRTF\nrotbox[[39.3pix, 29.2pix], [31.3pix, 12.9pix], 57deg]", "SIN", 0.0, [405, 11803, 15904]),
    ("#CRTF\ncenterbox[[39.3pix, 29.2pix], [31.3pix, 12.9pix]]", "SIN", 0.0, [403, 11687, 15717]),
    ("#CRTF\nannulus[[39.3pix, 29.2pix], [6.6pix, 14.4pix]]", "SIN", 0.0, [515, 15009, 20235]),
    ("#CRTF\ncircle[[350.01deg, 61.012deg], 80.4arcsec], coord=J2000", "SIN", 0.0, [396, 13860, 16455]),
    (
        "#CRTF\nellipse[[23h20m02.4s, 61.00.43.2], [114arcsec, 40.3arcsec], 33deg], coord=J2000",
        "SIN",
        0.0,
        [281, 9821, 11685],
    ),
    (
        "#CRTF\nrotbox[[350.01deg, 61.012deg], [219.6arcsec, 88.3arcsec], 20deg], coord=J2000",
        "SIN",
        0.0,
        [374, 13074, 15541],
    ),
    (
        "#CRTF\npoly[[350.05deg, 61.03deg], [349.97deg, 61.04deg], [349.95deg, 60.98deg], [350.003deg, 61.001deg], [350.04deg, 60.97deg]], coord=J2000",
        "SIN",
        0.0,
        [488, 16773, 21035],
    ),
    ("fk5; circle(350.01,61.012,80.4\")", "TAN", 25.0, [389, 12990, 15310]),
    ("fk5; ellipse(23:20:02.4,+61:00:43.2,1.9',40.3\",33)", "TAN", 25.0, [279, 9311, 10939]),
    ("fk5; box(350.01,61.012,0.061,88.3\",20)", "TAN", 25.0, [366, 12261, 14457]),
    ("fk5; annulus(350.01,61.012,40.2\",1.33')", "TAN", 25.0, [288, 9649, 11363]),
    (
        "fk5; polygon(350.05,61.03,349.97,61.04,349.95,60.98,350.003,61.001,350.04,60.97)",
        "TAN",
        25.0,
        [489, 16397, 20026],
    ),
    ("#CRTF\ncircle[[350.01deg, 61.012deg], 80.4arcsec], coord=J2000", "TAN", 25.0, [389, 12990, 15310]),
    (
        "#CRTF\nellipse[[23h20m02.4s, 61.00.43.2], [114arcsec, 40.3arcsec], 33deg], coord=J2000",
        "TAN",
        25.0,
        [278, 9282, 10892],
    ),
    (
        "#CRTF\nrotbox[[350.01deg, 61.012deg], [219.6arcsec, 88.3arcsec], 20deg], coord=J2000",
        "TAN",
        25.0,
        [366, 12261, 14457],
    ),
    (
        "#CRTF\npoly[[350.05deg, 61.03deg], [349.97deg, 61.04deg], [349.95deg, 60.98deg], [350.003deg, 61.001deg], [350.04deg, 60.97deg]], coord=J2000",
        "TAN",
        25.0,
        [489, 16397, 20026],
    ),
];

#[test]
fn shapes_are_those_of_astropy() {
    let directory = tempfile::tempdir().unwrap();
    for &(text, code, turned, expected) in BY_ASTROPY {
        let image = image(directory.path(), code, turned);
        let regions = read(&image, text).unwrap();
        let found = moments(&inside(&regions, (70, 90)), 90);
        if text.contains("image") || text.contains("pix") || text.contains("pol") {
            assert_eq!(found, expected, "{text}");
        } else {
            // Astropy takes one scale for both axes of the sky.
            let mean = |of: [usize; 3]| [of[1], of[2]].map(|sum| sum as f64 / of[0] as f64);
            let (a, b) = (mean(found), mean(expected));
            assert!(found[0].abs_diff(expected[0]) <= 3, "{text}: {found:?}, {expected:?}");
            assert!((a[0] - b[0]).abs() < 0.1 && (a[1] - b[1]).abs() < 0.1, "{text}: {found:?}, {expected:?}");
        }
    }
}

/// Is a point in a shape? As one would say it, by a margin that is negative outside and positive inside.
fn margin(area: &Area, x: f64, y: f64) -> f64 {
    let apply = |centre: &[f64; 2], m: &[[f64; 2]; 2]| {
        let d = [x - centre[0], y - centre[1]];
        m.map(|row| row[0] * d[0] + row[1] * d[1])
    };
    match area {
        Area::Ellipse { centre, matrix, hole } => {
            let [u, v] = apply(centre, matrix);
            let ring = if *hole > 0.0 { u.hypot(v) - hole } else { f64::INFINITY };
            ring.min(1.0 - u.hypot(v))
        }
        Area::Box { centre, matrix } => {
            let [u, v] = apply(centre, matrix);
            1.0 - u.abs().max(v.abs())
        }
        Area::Polygon(points) => {
            // The angle that the sides are seen under, one after the other, is 0 outside and ±2π inside a simple polygon.
            let sides = (0..points.len()).map(|i| (points[i], points[(i + 1) % points.len()]));
            let mut nearest = f64::INFINITY;
            let turn: f64 = sides
                .map(|(a, b)| {
                    let (a, b) = ([a[0] - x, a[1] - y], [b[0] - x, b[1] - y]);
                    let side = [b[0] - a[0], b[1] - a[1]];
                    let along = -(a[0] * side[0] + a[1] * side[1]) / (side[0] * side[0] + side[1] * side[1]);
                    let t = along.clamp(0.0, 1.0);
                    nearest = nearest.min((a[0] + t * side[0]).hypot(a[1] + t * side[1]));
                    (a[0] * b[1] - a[1] * b[0]).atan2(a[0] * b[0] + a[1] * b[1])
                })
                .sum();
            if turn.abs() > 3.0 { nearest } else { -nearest }
        }
    }
}

#[test]
fn spans_hold_the_pixels_whose_centre_is_inside() {
    let number = |seed: usize| f64::from(support::noise(seed)) / 1.7;
    let (rows, cols) = (37, 53);
    let mut seen = [0, 0];
    for n in 0..300 {
        let at = |i: usize| number(100 * n + i);
        let centre = [26.0 + 30.0 * at(1), 18.0 + 25.0 * at(2)];
        let (sin, cos) = (3.0 * at(3)).sin_cos();
        let (a, b) = (1.0 + 18.0 * at(4).abs(), 0.3 + 9.0 * at(5).abs());
        let matrix = [[cos / a, sin / a], [-sin / b + 0.01 * at(6), cos / b]];
        let area = match n % 4 {
            0 => Area::Ellipse { centre, matrix, hole: 0.0 },
            1 => Area::Ellipse { centre, matrix, hole: at(7).abs() },
            2 => Area::Box { centre, matrix },
            // A star around its centre does not cross itself.
            _ => Area::Polygon(
                (0..3 + n % 7)
                    .map(|i| {
                        let (r, t) =
                            (2.0 + 20.0 * at(20 + i).abs(), std::f64::consts::TAU * i as f64 / (3 + n % 7) as f64);
                        [centre[0] + r * t.cos(), centre[1] + r * t.sin()]
                    })
                    .collect(),
            ),
        };
        let (include, elsewhere) = (n % 3 != 0, n % 3 == 0);
        let regions = Regions { elsewhere, shapes: vec![(include, area.clone())] };
        let found = inside(&regions, (rows, cols));
        for (i, &found) in found.iter().enumerate() {
            let (y, x) = (i / cols, i % cols);
            let margin = margin(&area, x as f64, y as f64);
            if margin.abs() > 1e-9 {
                assert_eq!(found == include, margin > 0.0, "{area:?} at {y} {x}: {margin}");
                seen[usize::from(margin > 0.0)] += 1;
            }
        }
        // A strip by itself has the same pixels, with only the shapes that touch it.
        let strip = Rect::new(11, 7, 9, 20);
        let part = regions.within(&strip);
        for y in 0..9 {
            let mut row = [f32::NAN; 20];
            part.fill(11 + y as i64, 7, &mut row);
            let expected = &found[(11 + y) * cols + 7..][..20];
            assert!(row.iter().zip(expected).all(|(pixel, expected)| (*pixel == 1.0) == *expected), "{area:?}");
        }
    }
    assert!(seen.iter().all(|&count| count > 10_000), "{seen:?}");
}

#[test]
fn later_shapes_go_before_earlier_ones() {
    let directory = tempfile::tempdir().unwrap();
    let image = image(directory.path(), "SIN", 0.0);
    let at = |text: &str| {
        let found = inside(&read(&image, text).unwrap(), (70, 90));
        // In the first disk only, in both, in the second only, in none.
        [(20, 14), (20, 25), (20, 36), (60, 80)].map(|(y, x)| found[y * 90 + x])
    };
    let ds9 = |signs: [&str; 2]| at(&format!("image\n{}circle(21,21,8)\n{}circle(31,21,8)", signs[0], signs[1]));
    assert_eq!(ds9(["", ""]), [true, true, true, false]);
    assert_eq!(ds9(["-", ""]), [false, false, true, false], "what is excluded stays so");
    assert_eq!(ds9(["", "-"]), [true, false, false, false]);
    assert_eq!(ds9(["-", "-"]), [false, false, false, true]);
    let casa = |signs: [&str; 2]| {
        at(&format!("#CRTFv0\n{}circle[[20pix,20pix],8pix]\n{}circle[[30pix,20pix],8pix]", signs[0], signs[1]))
    };
    assert_eq!(casa(["", "+"]), [true, true, true, false]);
    assert_eq!(casa(["-", "+"]), [false, true, true, true], "one after the other");
    assert_eq!(casa(["+", "-"]), [true, false, false, false]);
    assert_eq!(casa(["-", "-"]), [false, false, false, true]);
}

#[test]
fn files_as_programs_write_them() {
    let directory = tempfile::tempdir().unwrap();
    let image = image(directory.path(), "SIN", 0.0);
    let count = |text: &str| moments(&inside(&read(&image, text).unwrap(), (70, 90)), 90);
    let ds9 = "# Region file format: DS9 version 4.1\nglobal color=green dashlist=8 3 include=1 source=1\nfk5\n\
               circle(23:20:02.4,+61:00:43.2,80.4\") # color=#0ff text={a;b}\n";
    let casa = "#CRTFv0 CASA Region Text Format version 0\nglobal coord=J2000, color=blue\n\n# a comment\n\
                ann circle[[1pix, 2pix], 3pix]\ntext[[1pix, 2pix], 'x']\n\
                circle [[23:20:02.4, +61.00.43.2], 1.34arcmin], label='a, b', linewidth=1, corr=[I]\n";
    let plain = count("icrs;circle 350.01d 61.012d 0.022333333333");
    assert_eq!(plain[0], 396);
    assert_eq!((count(ds9), count(casa)), (plain, plain));
    assert_eq!(count("J2000; circle(23h20m02.4s,61d00m43.2s,1.34') ||"), plain);
    assert_eq!(count("wcs; circle(350.01,61.012,80.4\")"), plain);
    assert_eq!(
        count("circle(40.3,30.2,12.7)"),
        count("IMAGE;+CIRCLE(40.3i,30.2i,12.7i)"),
        "physical where it does not say"
    );
    assert_eq!(count("image;annulus(40,30,3,5,9)"), count("image;annulus(40,30,3,9)"));
    assert_eq!(count("#CRTF\nbox[[10.5pix, 9.5pix], [3.5pix, 20.5pix]]"), [7 * 11, 7 * 11 * 15, 7 * 11 * 7]);
    assert_eq!(count("image\r\nbox(8,16,7,11)\r\n"), [7 * 11, 7 * 11 * 15, 7 * 11 * 7]);
    assert_eq!(count("image;circle(-400,30,20)"), [0, 0, 0], "off the image");
}

#[test]
fn what_is_not_understood_is_refused_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let image = image(directory.path(), "SIN", 0.0);
    for (text, line, said) in [
        ("image\ncircle(1,2)", 2, "circle has 2 numbers"),
        ("image\n\ncircle(1,2,x)", 3, "\"x\" is not a size"),
        ("image;circle(1,2,0)", 1, "above zero"),
        ("image;circle(1,2,-3)", 1, "above zero"),
        ("image;circle(1,2,nan)", 1, "\"nan\""),
        ("image;circle(1,2,1e999)", 1, "\"1e999\""),
        ("image;annulus(1,2,5,3)", 1, "inner radius"),
        ("image;annulus(1,2,5)", 1, "annulus has 3 numbers"),
        ("image;polygon(1,2,3,4)", 1, "three points"),
        ("image;polygon(1,2,3,4,5)", 1, "three points"),
        ("image;ellipse(1,2,3,4,5,6,7)", 1, "ellipse has 7 numbers"),
        ("image;box(1,2,3,4,z)", 1, "\"z\" is not an angle"),
        ("image;box(1,2,3,4\")", 1, "do not go together"),
        ("image\npoint(3,4)", 2, "neither a shape with an area"),
        ("image;circle(1,2,3) & box(1,2,3,4)", 1, "not one shape"),
        ("image;circle((1,2,3)", 1, "not one shape"),
        ("ecliptic\ncircle(1,2,3)", 1, "neither a shape"),
        ("fk4;circle(350,61,0.01)", 1, "B1950"),
        ("galactic;circle(100,3,0.01)", 1, "Galactic"),
        ("fk5;circle(170,-61,0.01)", 1, "not a place"),
        ("fk5;circle(25:61:00,61,0.01)", 1, "not a coordinate"),
        ("fk5;circle(350,61)", 1, "circle has 2"),
        ("#CRTF\ncircle[[1pix, 2pix], 3]", 2, "a unit may be missing"),
        ("#CRTF\ncircle[[1, 2], 3pix]", 2, "a unit may be missing"),
        ("#CRTF\n\ncircle[[1pix, 2pix]]", 3, "not a region that is understood"),
        ("#CRTF\ncircle[[1pix, 2pix], 3pix", 2, "not a region"),
        ("#CRTF\ncircle", 2, "not a region"),
        ("#CRTF\npoly[[1pix, 2pix], [3pix, 4pix]]", 2, "not a region that is understood"),
        ("#CRTF\nellipse[[1pix, 2pix], [3pix, 4pix], 5]", 2, "not an angle"),
        ("#CRTF\nglobal coord=AZEL\ncircle[[1deg, 2deg], 3deg]", 2, "AZEL"),
        ("#CRTF\ncircle[[1deg, 2deg], 3deg], coord=B1950", 2, "B1950"),
        ("#CRTF\nbox[[1pix, 2pix], [1pix, 4pix]]", 2, "above zero"),
    ] {
        let error = read(&image, text).unwrap_err();
        assert!(error.contains(&format!("line {line}: ")) && error.contains(said), "{text:?}: {error}");
    }
    for (text, said) in [("", "no region"), ("# nothing\nfk5\n", "no region"), ("#CRTF\n", "no region")] {
        assert!(read(&image, text).unwrap_err().contains(said));
    }
    let binary = directory.path().join("b.reg");
    std::fs::write(&binary, [0xff, 0xfe, 0x00]).unwrap();
    assert!(Regions::read(&binary, &image).unwrap_err().to_string().contains("no text"));
    assert!(Regions::read(Path::new("none.reg"), &image).unwrap_err().to_string().contains("none.reg"));
    let cube = fits(&directory.path().join("c.fits"), &[9, 9, 2], &VLA, |_| 0.0);
    assert!(
        read(&cube, "#CRTF\ncircle[[1pix,2pix],3pix], range=[1chan, 2chan]").unwrap_err().contains("chooses planes")
    );
    let blind = fits(&directory.path().join("d.fits"), &[9, 9], &["LTV1    = -3.0"], |_| 0.0);
    assert!(read(&blind, "fk5;circle(1,2,3)").unwrap_err().contains("no coordinates"));
    assert!(read(&blind, "circle(1,2,3)").unwrap_err().contains("LTV"));
    assert!(read(&blind, "image;circle(1,2,3)").is_ok());
}

#[test]
fn the_sky_of_3c273_and_back() {
    let directory = tempfile::tempdir().unwrap();
    let vla = Image::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/vla-3c273/dirty.fits")).unwrap();
    let sky = Sky::of(&vla).unwrap();
    for (y, x) in [(0.0, 0.0), (0.0, 255.0), (128.0, 128.0), (255.0, 3.25), (-40.5, 300.0)] {
        let (lon, lat) = sky.at(y, x).unwrap();
        let back = sky.pixel(lon, lat).unwrap();
        assert!((back.0 - y).abs() < 1e-6 && (back.1 - x).abs() < 1e-6, "{y} {x}: {back:?}");
    }
    assert!(sky.pixel(6.6, -2.3).is_none(), "the other side of the sky");
    // The reference pixel is 129 of 1 on both axes.
    let nucleus = |text: &str| moments(&inside(&read(&vla, text).unwrap(), (256, 256)), 256);
    let expected = nucleus("image;circle(129,129,9.5)");
    assert_eq!(nucleus("wcs;circle(186.638533333,2.328691666670,3.8\")"), expected);
    assert_eq!(nucleus("#CRTF\ncircle[[12h26m33.248s, 2.19.43.29], 3.8arcsec]"), expected);
    // It is of B1979.9.
    for system in ["fk5", "fk4", "galactic"] {
        assert!(read(&vla, &format!("{system};circle(186.6,2.3,0.01)")).unwrap_err().contains("B1979.9"));
    }
    for (code, cards) in [
        ("TAN", &["CROTA2  = 25.0"][..]),
        ("SIN", &["PV2_1   = 0.1", "PV2_2   = -0.3"]),
        ("NCP", &[]),
        ("", &[]),
        ("ZEA", &["PC1_2   = 0.3", "PC2_1   = -0.2"]),
    ] {
        let header = support::header(code, cards);
        let cards: Vec<&str> = header.iter().map(String::as_str).collect();
        let sky = Sky::of(&fits(&directory.path().join("a.fits"), &[8, 8], &cards, |_| 0.0)).unwrap();
        for (y, x) in [(0.0, 0.0), (39.0, 29.0), (60.5, -7.0)] {
            let (lon, lat) = sky.at(y, x).unwrap();
            let back = sky.pixel(lon, lat).unwrap();
            assert!((back.0 - y).abs() < 1e-6 && (back.1 - x).abs() < 1e-6, "{code} {y} {x}: {back:?}");
        }
    }
}
