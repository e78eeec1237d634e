//! The `image` room: files of every axis order, products, and what is wrong with inputs and outputs.
#![allow(clippy::unwrap_used)] // A test may panic.

use deconv::error::Kind;
use deconv::image::cfitsio::Handle;
use deconv::image::{Beam, BeamSource, Image, Product, ProductKind, Rect, checksum, fit_beam};
use ndarray::{Array2, s};
use std::path::{Path, PathBuf};

/// A FITS file of f32, made byte by byte: axes with their names (none if empty) and lengths, pixel values 0, 1, 2 ...
fn write_fits(path: &Path, axes: &[(&str, usize)], extra: &[&str]) -> usize {
    let mut cards = vec![
        "SIMPLE  =                    T".to_string(),
        "BITPIX  =                  -32".to_string(),
        format!("NAXIS   = {:20}", axes.len()),
    ];
    cards.extend(axes.iter().enumerate().map(|(i, axis)| format!("NAXIS{}  = {:20}", i + 1, axis.1)));
    for (i, (name, _)) in axes.iter().enumerate().filter(|(_, axis)| !axis.0.is_empty()) {
        cards.push(format!("CTYPE{}  = '{name:8}'", i + 1));
        cards.push(format!("CDELT{}  = {:20}", i + 1, if name.starts_with("RA") { "-0.001" } else { "0.001" }));
    }
    cards.extend(extra.iter().map(|card| (*card).to_string()));
    cards.push("END".into());
    let mut bytes: Vec<u8> = cards.iter().flat_map(|card| format!("{card:<80}").into_bytes()).collect();
    bytes.resize(bytes.len().next_multiple_of(2880), b' ');
    let pixels: usize = axes.iter().map(|axis| axis.1).product();
    bytes.extend((0..pixels).flat_map(|i| (i as f32).to_be_bytes()));
    bytes.resize(bytes.len().next_multiple_of(2880), 0);
    std::fs::write(path, &bytes).unwrap();
    pixels
}

/// The axis orders that every test of reading and writing goes through.
const ORDERS: [&[(&str, usize)]; 7] = [
    &[("RA---SIN", 7), ("DEC--SIN", 5)],
    &[("DEC--SIN", 5), ("RA---SIN", 7)],
    &[("STOKES", 3), ("RA---SIN", 7), ("DEC--SIN", 5), ("FREQ", 2)],
    &[("STOKES", 2), ("DEC--SIN", 5), ("FREQ", 3), ("RA---SIN", 7)],
    &[("RA---SIN", 7), ("DEC--SIN", 5), ("STOKES", 2), ("FREQ", 3), ("", 2)],
    &[("GLON-CAR", 7), ("GLAT-CAR", 5), ("VRAD", 4)],
    &[("", 7), ("", 5), ("", 3)],
];

/// The value that `write_fits` gave to a pixel, worked out without the code under test.
fn expected(axes: &[(&str, usize)], plane: usize, y: usize, x: usize) -> f32 {
    let is = |name: &str, kinds: [&str; 2]| kinds.iter().any(|kind| name.starts_with(kind));
    let lon = axes.iter().position(|axis| is(axis.0, ["RA", "GLON"])).unwrap_or(0);
    let lat = axes.iter().position(|axis| is(axis.0, ["DEC", "GLAT"])).unwrap_or(1);
    let (mut index, mut stride, mut rest) = (0, 1, plane);
    for (i, axis) in axes.iter().enumerate() {
        let place = if i == lon {
            x
        } else if i == lat {
            y
        } else {
            let place = rest % axis.1;
            rest /= axis.1;
            place
        };
        index += place * stride;
        stride *= axis.1;
    }
    index as f32
}

fn read(image: &Image, plane: usize, rect: Rect) -> Array2<f32> {
    let mut pixels = Array2::zeros((rect.rows, rect.cols));
    image.section(plane, rect).read(pixels.as_slice_mut().unwrap()).unwrap();
    pixels
}

fn read_plane(image: &Image, plane: usize) -> Array2<f32> {
    let (rows, cols) = image.shape();
    read(image, plane, Rect::plane(rows, cols))
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

#[test]
fn sections_of_every_axis_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("[odd] name.fits");
    for axes in ORDERS {
        let pixels = write_fits(&path, axes, &[]);
        let image = Image::open(&path).unwrap();
        assert_eq!(image.shape(), (5, 7));
        assert_eq!(image.planes() * 35, pixels);
        for plane in 0..image.planes() {
            let rect = Rect::new(1, 2, 3, 4);
            let section = read(&image, plane, rect);
            for ((y, x), &value) in section.indexed_iter() {
                assert_eq!(value, expected(axes, plane, y + 1, x + 2), "{axes:?} plane {plane}");
            }
        }
    }
}

#[test]
fn a_section_survives_the_trip_to_another_process() {
    let image = Image::open(&data("vla-ngc5921/dirty.fits")).unwrap();
    let section = image.section(3, Rect::new(10, 20, 30, 40));
    let bytes = postcard::to_stdvec(&section).unwrap();
    assert!(bytes.len() < 1000);
    assert_eq!(postcard::from_bytes::<deconv::image::Section>(&bytes).unwrap(), section);
}

#[test]
fn many_threads_read_at_once() {
    let image = Image::open(&data("vla-3c273/dirty.fits")).unwrap();
    let whole: Vec<Array2<f32>> = (0..4).map(|plane| read_plane(&image, plane)).collect();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (image, whole) = (&image, &whole);
            scope.spawn(move || {
                for i in 0..50 {
                    let (plane, y, x) = ((thread + i) % 4, (i * 3) % 200, (i * 5 + thread) % 200);
                    let section = read(image, plane, Rect::new(y as i64, x as i64, 50, 50));
                    assert_eq!(section, whole[plane].slice(s![y..y + 50, x..x + 50]));
                }
            });
        }
    });
}

#[test]
fn a_changed_file_is_read_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.fits");
    write_fits(&path, &[("", 7), ("", 5)], &[]);
    assert_eq!(read_plane(&Image::open(&path).unwrap(), 0)[[1, 0]], 7.0);
    write_fits(&path, &[("", 4), ("", 5)], &[]);
    assert_eq!(read_plane(&Image::open(&path).unwrap(), 0)[[1, 0]], 4.0);
}

#[test]
fn labels_cells_and_beams_of_real_files() {
    let image = Image::open(&data("vla-3c273/dirty.fits")).unwrap();
    assert_eq!((image.object(), image.unit(), image.planes()), ("3C273", "", 4));
    let names: Vec<String> = (0..4).map(|plane| image.plane(plane).name).collect();
    assert_eq!(names, ["I", "Q", "U", "V"]);
    assert!((image.cell().x * 3600.0 + 0.4).abs() < 1e-9 && (image.cell().y * 3600.0 - 0.4).abs() < 1e-9);
    assert_eq!(image.beam(0), None);
    assert_eq!(Image::open(&data("vla-ngc5921/dirty.fits")).unwrap().plane(3).name, "I/3");

    let psf = Image::open(&data("vla-ngc5921/psf.fits")).unwrap();
    let (beam, source) = psf.beam(1).unwrap();
    assert_eq!(source, BeamSource::Table);
    assert!((beam.major * 3600.0 - 52.853092).abs() < 1e-5 && (beam.pa - 7.2442017).abs() < 1e-6);
    let (beam, source) = Image::open(&data("meerkat-sim/psf.fits")).unwrap().beam(0).unwrap();
    assert_eq!((beam.major, source), (0.00202307635452386, BeamSource::Header));
}

#[test]
fn planes_of_the_psf() {
    let directory = tempfile::tempdir().unwrap();
    let open = |name: &str, axes: &[(&str, usize)]| {
        let path = directory.path().join(name);
        write_fits(&path, axes, &[]);
        Image::open(&path).unwrap()
    };
    let sky = [("RA---SIN", 7), ("DEC--SIN", 5)];
    let dirty = open("dirty.fits", &[sky[0], sky[1], ("STOKES", 2), ("FREQ", 3)]);
    let swapped = open("swapped.fits", &[("FREQ", 3), sky[0], sky[1], ("STOKES", 2)]);
    let matched: Vec<usize> = (0..6).map(|plane| swapped.matching_plane(&dirty, plane, "PSF").unwrap()).collect();
    assert_eq!(matched, [0, 3, 1, 4, 2, 5]);
    let flat = open("flat.fits", &sky);
    assert!((0..6).all(|plane| flat.matching_plane(&dirty, plane, "PSF").unwrap() == 0));
    let channels = open("channels.fits", &[sky[0], sky[1], ("FREQ", 3), ("STOKES", 1)]);
    assert_eq!(channels.matching_plane(&dirty, 5, "PSF").unwrap(), 2);
    let nameless = open("nameless.fits", &[("", 7), ("", 5), ("", 2), ("", 3)]);
    assert_eq!(nameless.matching_plane(&dirty, 5, "PSF").unwrap(), 5);

    let error =
        open("four.fits", &[sky[0], sky[1], ("FREQ", 4)]).matching_plane(&dirty, 0, "PSF").unwrap_err().to_string();
    for part in ["four.fits", "dirty.fits", "length 4", "but 3", "FREQ"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(channels.matching_plane(&flat, 0, "PSF").is_err());
}

/// Writes a copy of an image through scattered targets in a wild order; returns its sum.
fn copy_pixels(image: &Image, product: &Product) -> u32 {
    let (rows, cols) = image.shape();
    let cuts = |length: usize| [0, length / 3, length / 3 + 1, length];
    let mut pieces = Vec::new();
    for plane in 0..image.planes() {
        for y in cuts(rows).windows(2) {
            // Full rows in one plane of two, so that both ways to write are used.
            let columns = if plane % 2 == 0 { cuts(cols).to_vec() } else { vec![0, cols] };
            for x in columns.windows(2) {
                pieces.push((plane, Rect::new(y[0] as i64, x[0] as i64, y[1] - y[0], x[1] - x[0])));
            }
        }
    }
    pieces.sort_by_key(|(plane, rect)| (rect.x0 * 7919 + rect.y0 * 104_729 + *plane as i64 * 31) % 101);
    pieces.iter().fold(0, |sum, (plane, rect)| {
        let target = product.target(*plane, *rect);
        let written = target.write(read(image, *plane, *rect).view()).unwrap();
        // Writing again changes nothing.
        assert_eq!(target.write(read(image, *plane, *rect).view()).unwrap(), written);
        checksum::add(sum, written)
    })
}

fn assert_same_bits(a: &Array2<f32>, b: &Array2<f32>) {
    assert!(a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())));
}

fn assert_sums_hold(path: &Path, hdus: usize) {
    let mut file = Handle::open(path, path).unwrap();
    for hdu in 0..hdus {
        assert!(file.go_to(hdu).unwrap());
        assert_eq!(file.checksums().unwrap(), (1, 1), "HDU {hdu} of {}", path.display());
    }
    assert!(!file.go_to(hdus).unwrap());
}

#[test]
fn products_of_every_axis_order() {
    let directory = tempfile::tempdir().unwrap();
    let (input, output) = (directory.path().join("in.fits"), directory.path().join("out.fits"));
    for axes in ORDERS {
        write_fits(&input, axes, &["HIERARCH a long name = 3", "COMMENT what", "", "HISTORY was", "BSCALE  = 1.0"]);
        let image = Image::open(&input).unwrap();
        let mut product = Product::create(&output, &image, ProductKind::Residual, 2).unwrap();
        let sum = copy_pixels(&image, &product);
        let beam = Beam { major: 0.01, minor: 0.005, pa: 10.0 };
        product.finish(&["x".repeat(100), "short".into()], &vec![beam; image.planes()], sum).unwrap();
        assert!(!output.exists());
        product.publish(true).unwrap();
        let copy = Image::open(&output).unwrap();
        assert_eq!(copy.axes(), image.axes());
        for plane in 0..image.planes() {
            assert_same_bits(&read_plane(&image, plane), &read_plane(&copy, plane));
        }
        assert_sums_hold(&output, 1);
        let cards: Vec<&str> = copy.header().cards().iter().map(|card| card.trim_end()).collect();
        for card in ["HIERARCH a long name = 3", "COMMENT what", "HISTORY was", "HISTORY short"] {
            assert!(cards.contains(&card), "{card}");
        }
        assert!(!cards.iter().any(|card| card.starts_with("BSCALE")));
        assert_eq!(copy.unit(), "Jy/beam");
        match image.cell().known {
            true => assert_eq!(copy.beam(0), Some((beam, BeamSource::Header))),
            false => assert!(cards.iter().any(|card| card.starts_with("COMMENT restoring beam in pixels: 0.0100 x"))),
        }
        std::fs::remove_file(&output).unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "a temporary file was left");
    }
}

#[test]
fn products_of_real_files() {
    let directory = tempfile::tempdir().unwrap();
    for (set, hdus) in [("vla-3c273", 1), ("vla-ngc5921", 2), ("meerkat-sim", 1)] {
        let image = Image::open(&data(&format!("{set}/dirty.fits"))).unwrap();
        let psf = Image::open(&data(&format!("{set}/psf.fits"))).unwrap();
        let beams: Vec<Beam> = (0..image.planes()).map(|plane| psf.beam(plane).unwrap().0).collect();
        let per_pixel = [ProductKind::Model, ProductKind::ModelUncertainty].map(|kind| (kind, 1));
        let per_beam = [ProductKind::Residual, ProductKind::Image, ProductKind::Uncertainty].map(|kind| (kind, hdus));
        for (kind, hdus) in per_pixel.into_iter().chain(per_beam) {
            let path = directory.path().join(format!("{set}-{kind:?}.fits"));
            let mut product = Product::create(&path, &image, kind, 1).unwrap();
            let sum = copy_pixels(&image, &product);
            product.finish(&["made by a test".into()], &beams, sum).unwrap();
            product.publish(false).unwrap();
            assert_sums_hold(&path, hdus);
            let copy = Image::open(&path).unwrap();
            assert_eq!((copy.axes(), copy.cell()), (image.axes(), image.cell()));
            assert_eq!(copy.unit(), if per_pixel.contains(&(kind, 1)) { "Jy/pixel" } else { "Jy/beam" });
            for (plane, expected) in beams.iter().enumerate() {
                assert_same_bits(&read_plane(&image, plane), &read_plane(&copy, plane));
                let beam = copy.beam(plane).map(|(beam, _)| beam);
                assert_eq!(beam.is_some(), !per_pixel.contains(&(kind, 1)));
                assert!(beam.is_none_or(|beam| beam.same(expected)));
            }
        }
    }
    // For a look at them with other programs: fitsverify, astropy.
    if let Some(keep) = std::env::var_os("DECONV_KEEP") {
        for entry in std::fs::read_dir(directory.path()).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, Path::new(&keep).join(path.file_name().unwrap())).unwrap();
        }
    }
}

#[test]
fn too_much_history_is_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.fits");
    let image = Image::open(&data("meerkat-sim/dirty.fits")).unwrap();
    let mut product = Product::create(&path, &image, ProductKind::Model, 1).unwrap();
    let sum = copy_pixels(&image, &product);
    product.finish(&vec!["line".into(); 1000], &[], sum).unwrap();
    product.publish(false).unwrap();
    assert_sums_hold(&path, 1);
    assert_same_bits(&read_plane(&image, 0), &read_plane(&Image::open(&path).unwrap(), 0));
}

#[test]
fn fitted_beams_agree_with_the_tables() {
    for (set, planes) in [("vla-3c273", 1), ("vla-ngc5921", 4), ("meerkat-sim", 1)] {
        let psf = Image::open(&data(&format!("{set}/psf.fits"))).unwrap();
        for plane in 0..planes {
            let (beam, _) = psf.beam(plane).unwrap();
            let covariance = fit_beam(read_plane(&psf, plane).view(), (128, 128)).unwrap();
            let fitted = Beam::from_covariance(covariance, &psf.cell());
            // WSClean's beam is narrower than the lobe above 0.35; scipy's fit to the same pixels agrees with ours.
            let limit = if set == "meerkat-sim" { 0.12 } else { 0.015 };
            assert!((fitted.major / beam.major - 1.0).abs() < limit, "{set} {plane}: {fitted:?} {beam:?}");
            assert!((fitted.minor / beam.minor - 1.0).abs() < limit, "{set} {plane}: {fitted:?} {beam:?}");
            assert!(
                (fitted.pa - beam.pa).abs() < if set == "meerkat-sim" { 15.0 } else { 4.0 },
                "{set} {plane}: {fitted:?} {beam:?}"
            );
        }
    }
}

#[test]
fn inputs_that_cannot_be_used() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.fits");
    let refused = |path: &Path, what: &str| {
        let error = Image::open(path).expect_err(what);
        assert_eq!((error.kind, error.file.as_deref()), (Kind::Input, Some(path)));
        assert!(error.message.contains(what) && error.remedy.is_some(), "{error}");
    };
    refused(&path, "cannot be opened");
    refused(directory.path(), "is not a file");
    std::fs::write(&path, "no FITS at all, but some text").unwrap();
    refused(&path, "cannot be read as FITS");
    std::fs::write(&path, "").unwrap();
    refused(&path, "cannot be read as FITS");
    write_fits(&path, &[], &[]);
    refused(&path, "holds no image");
    write_fits(&path, &[("FREQ", 9)], &[]);
    refused(&path, "holds no image with at least 2 axes");
    write_fits(&path, &[("RA---SIN", 90), ("DEC--SIN", 90)], &[]);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..5000]).unwrap();
    refused(&path, "file is truncated: 5000 bytes, header needs 37440");
}

#[test]
fn a_file_cut_short_while_it_is_used() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.fits");
    write_fits(&path, &[("RA---SIN", 90), ("DEC--SIN", 90)], &[]);
    let image = Image::open(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..20_000]).unwrap();
    let error = image.section(0, Rect::plane(90, 90)).read(&mut vec![0.0; 8100]).unwrap_err();
    assert_eq!((error.kind, error.file.as_deref()), (Kind::Input, Some(path.as_path())));
}

#[test]
fn outputs_that_cannot_be_written() {
    let directory = tempfile::tempdir().unwrap();
    let image = Image::open(&data("meerkat-sim/dirty.fits")).unwrap();
    let create = |path: &Path| Product::create(path, &image, ProductKind::Model, 0);
    let error = create(&directory.path().join("none/out.fits")).unwrap_err();
    assert_eq!(error.kind, Kind::Output);
    assert!(error.message.contains("does not exist"));
    assert!(create(directory.path()).is_err());

    let path = directory.path().join("out.fits");
    std::fs::write(&path, "precious").unwrap();
    let mut product = create(&path).unwrap();
    product.finish(&[], &[], 0).unwrap();
    let error = product.publish(false).unwrap_err();
    assert!(error.message.contains("exists already"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    assert!(create(&path).unwrap_err().message.contains("by another run"));
    drop(product);
    drop(create(&path).unwrap());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "a temporary file was left");
}
