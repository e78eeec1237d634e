//! Files from the wild (`data/nasty`): a right answer or a clear message, and the pixels that astropy reads.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::image::{Image, Rect};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::fits::Fits;
use support::job::data;
use support::program::{Ended, Place};

/// Files that hold nothing that can be deconvolved, and what is said of them.
const NO_IMAGE: [(&str, &str); 19] = [
    ("astrogo_issue38.fits", "holds no image"),
    ("comp_float_bzero.fits", "no image with at least 2 axes"),
    ("group_invalid.fits", "visibilities (random groups), not an image"),
    ("header_only.fits", "holds no image"),
    ("iue_swp.fits", "holds tables, no image"),
    ("nomtam_issue49.fits", "holds tables, no image"),
    ("random_group_small.fits", "visibilities (random groups), not an image"),
    ("random_groups.fits", "visibilities (random groups), not an image"),
    ("table_only.fits", "holds tables, no image"),
    ("tb_table.fits", "holds tables, no image"),
    ("test.fits.bz2", "unpack it first: bunzip2"),
    ("trunc_data60.fits", "file is truncated: 644544 bytes, header needs 1074240"),
    ("trunc_header.fits", "its header has no end"),
    ("verify_badcards.fits", "cannot be read as FITS: second keyword not BITPIX"),
    ("vla_3c161_uvfits.fits", "visibilities (random groups), not an image"),
    ("zerowidth.fits", "visibilities (in a table), not an image"),
    ("lofar_overflow_1e37.fits", "more than can be computed with"),
    // These two are images of one pixel, the first blank, the second zero.
    ("blank_kw.fits", ""),
    ("header_newlines.fits", ""),
];

/// No run may take longer.
const LIMIT: Duration = Duration::from_secs(10);

fn nasty() -> Vec<PathBuf> {
    let entries = fs::read_dir(data("nasty")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end != "tsv")).collect();
    files.sort();
    files
}

/// Runs the program with scratch files in `scratch`, quietly, for no longer than the limit.
fn run(place: &Place, arguments: &str) -> Ended {
    let mut command = place.command(&format!("{arguments} --output out --niter 30 --threads 1 -q"));
    command.env("TMPDIR", place.path("scratch")).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, begin) = (command.spawn().unwrap(), Instant::now());
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > LIMIT {
            child.kill().unwrap();
            panic!("{arguments}: runs for more than {LIMIT:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ended::from(child.wait_with_output().unwrap())
}

/// Runs the program and looks whether it did its work or said why not; did it?
fn right_or_refused(place: &Place, name: &str, arguments: &str) -> (bool, Ended) {
    let before = place.listing();
    let ended = run(place, arguments);
    let mut after = place.listing();
    let products: Vec<PathBuf> =
        ["model", "residual", "image"].map(|product| place.path(&format!("out-{product}.fits"))).to_vec();
    let done = ended.status == Some(0);
    if done {
        assert!(products.iter().all(|path| after.remove(path).is_some()), "{arguments}: {ended:?}");
        assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""), "{arguments}");
    } else {
        assert_eq!(ended.status, Some(1), "{arguments}: {ended:?}");
        let lines: Vec<&str> = ended.err.lines().collect();
        assert!(lines.len() == 2 && lines[0].contains(name), "{arguments}: {ended:?}");
        assert!(lines[0].starts_with("deconv: ") && lines[1].starts_with("  "), "{arguments}: {ended:?}");
        assert!(!ended.err.contains("panicked") && ended.out.is_empty(), "{arguments}: {ended:?}");
    }
    assert!(before == after, "{arguments} left {:?}", after.keys().filter(|path| !before.contains_key(*path)));
    (done, ended)
}

/// One file as dirty image, as PSF and as both.
fn in_every_part(path: &Path, expected: &BTreeMap<String, Row>) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let place = Place::new();
    fs::create_dir(place.path("scratch")).unwrap();
    fs::copy(path, place.path(name)).unwrap();
    let lobe = |scale: f64| {
        move |_: usize, y: usize, x: usize| {
            let square = |a: usize| (a as f64 - 20.0) * (a as f64 - 20.0);
            scale * (-(square(y) + square(x)) / 4.0).exp()
        }
    };
    // Without WCS they go with every cell.
    Fits::new(&[("", 41), ("", 41)], lobe(1.0)).write(place.path("lobe.fits"));
    Fits::new(&[("", 41), ("", 41)], lobe(3.0)).write(place.path("point.fits"));
    let no_image = NO_IMAGE.iter().find(|(file, _)| *file == name);
    for (dirty, psf) in [(name, "lobe.fits"), ("point.fits", name), (name, name)] {
        let (done, ended) = right_or_refused(&place, name, &format!("--dirty {dirty} --psf {psf}"));
        match no_image {
            Some((_, what)) if !what.is_empty() => {
                assert!(!done && ended.err.contains(what), "{name}: {ended:?}");
            }
            _ => assert!(done || psf == name, "{name} as dirty image: {ended:?}"),
        }
        if done {
            let residual = Fits::read(&place.path("out-residual.fits"));
            let row = expected.get(dirty).map_or((1681, 1681), |row| (row.pixels, row.finite));
            let finite = residual.pixels.iter().filter(|pixel| pixel.is_finite()).count();
            assert_eq!((residual.pixels.len(), finite), row, "{dirty} with {psf}");
        }
        for product in ["model", "residual", "image"] {
            let _ = fs::remove_file(place.path(&format!("out-{product}.fits")));
        }
    }
}

#[test]
fn every_file_in_every_part() {
    let (files, expected) = (nasty(), pixels());
    assert_eq!(files.len(), 49);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from).min(8) {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    in_every_part(path, &expected);
                }
            });
        }
    });
}

/// What astropy reads from an image.
struct Row {
    pixels: usize,
    finite: usize,
    sum: f64,
    absolutes: f64,
    least: f64,
    most: f64,
    places: Vec<(usize, f64)>,
}

/// The table that `scripts/nasty_pixels.py` made.
fn pixels() -> BTreeMap<String, Row> {
    let text = fs::read_to_string(data("nasty/PIXELS.tsv")).unwrap();
    let row = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let number = |i: usize| fields[i].parse::<f64>().unwrap();
        let places = fields[7..].iter().map(|field| {
            let (place, value) = field.split_once(':').unwrap();
            (place.parse().unwrap(), value.parse().unwrap())
        });
        let row = Row {
            pixels: fields[1].parse().unwrap(),
            finite: fields[2].parse().unwrap(),
            sum: number(3),
            absolutes: number(4),
            least: number(5),
            most: number(6),
            places: places.collect(),
        };
        (fields[0].to_string(), row)
    };
    text.lines().skip(1).map(row).collect()
}

/// Are they the same but for the last bit of an f32?
fn near(a: f64, b: f64) -> bool {
    (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1.2e-7 * b.abs()
}

#[test]
fn the_pixels_that_astropy_reads() {
    let rows = pixels();
    assert!(rows.len() >= 35);
    for (name, row) in rows.iter().filter(|(name, _)| !name.ends_with(".bz2")) {
        let image = Image::open(&data(&format!("nasty/{name}"))).unwrap_or_else(|error| panic!("{error}"));
        let (height, width) = image.shape();
        let mut all = Vec::new();
        for plane in 0..image.planes() {
            let mut pixels = vec![0.0; height * width];
            image.section(plane, Rect::plane(height, width)).read(&mut pixels).unwrap();
            all.extend(pixels.into_iter().map(f64::from));
        }
        let sound: Vec<f64> = all.iter().copied().filter(|pixel| pixel.is_finite()).collect();
        assert_eq!((all.len(), sound.len()), (row.pixels, row.finite), "{name}");
        for &(place, value) in &row.places {
            assert!(near(all[place], value), "{name}, pixel {place}: {} {value}", all[place]);
        }
        if sound.is_empty() {
            continue;
        }
        let sum: f64 = sound.iter().sum();
        assert!((sum - row.sum).abs() <= 1.2e-7 * row.absolutes, "{name}: {sum} {}", row.sum);
        let (least, most) =
            (sound.iter().copied().fold(f64::MAX, f64::min), sound.iter().copied().fold(f64::MIN, f64::max));
        assert!(near(least, row.least) && near(most, row.most), "{name}: {least} {most}");
    }
}
