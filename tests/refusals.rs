//! What the program refuses: one message that names the file and the remedy, the exit status, and nothing changed.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use support::fits::Fits;
use support::program::{Place, dirty, psf};

const BOTH: &str = "--dirty dirty.fits --psf psf.fits --niter 20";

#[test]
fn wrong_usage() {
    let place = Place::new();
    let refused = |arguments: &str, parts: &[&str]| place.refused(&format!("{BOTH} {arguments}"), 2, parts);
    for gain in ["0", "2", "nan", "-0.1", "1.0001", "inf"] {
        refused(&format!("--gain={gain}"), &["--gain", "above 0 and at most 1"]);
    }
    for option in ["--threshold", "--nsigma", "--balance", "--noise"] {
        for value in ["-1", "nan", "inf"] {
            refused(&format!("{option}={value}"), &[option, "not negative"]);
        }
        refused(&format!("{option} -1"), &[option, "not negative"]);
        refused(&format!("{option}=much"), &[option, "much"]);
    }
    for tolerance in ["-1", "1", "nan", "inf"] {
        refused(&format!("--tolerance={tolerance}"), &["--tolerance", "at least 0 and below 1"]);
    }
    refused("--method wiener --noise 1 --balance 0.1", &["--noise", "leave one of them out"]);
    refused("--method wiener --noise 1 --balance gcv", &["--noise", "leave one of them out"]);
    refused("--method wiener --regularization gradient", &["--regularization", "wiener-hunt"]);
    for option in
        ["--noise 1", "--noise-spectrum white", "--regularization flat", "--boundary periodic", "--iterations 3"]
    {
        refused(&format!("--method clark {option}"), &[option.split(' ').next().unwrap(), "clark", "wiener"]);
    }
    refused("--chunk 0", &["--chunk", "at least one pixel"]);
    refused("--chunk 8x0", &["--chunk", "at least one pixel"]);
    refused("--chunk 8x", &["--chunk"]);
    refused("--chunk -3", &["-3"]);
    refused("--overlap=-1", &["--overlap"]);
    refused("--threads 0", &["--threads 0"]);
    refused("--threads 1000000", &["--threads 1000000", "leave it out"]);
    for size in ["much", "-1", "0", "4X", "1e3", "GiB", ""] {
        refused(&format!("--memory={size}"), &["--memory"]);
        place.refused(&format!("plan {BOTH} --memory={size}"), 2, &["--memory"]);
    }
    refused("--niter=-1", &["--niter"]);
    refused("--niter 18446744073709551616", &["--niter"]);
    refused("--method magic", &["magic", "hogbom", "wiener"]);
    refused("--scheduler gpu", &["gpu", "inline", "threads"]);
    refused("--progress loud", &["loud", "auto", "always", "never"]);
    refused("-v -q", &["--quiet"]);
    refused("--no-such-option", &["--no-such-option"]);
    refused("extra.fits", &["extra.fits"]);
    place.refused("--dirty dirty.fits", 2, &["--psf"]);
    place.refused("", 2, &["--dirty"]);
}

#[test]
fn nonsense_for_a_beam() {
    let place = Place::new();
    for beam in
        ["3,2", "3", "3,2,1,0", ",,", "2,3,0", "-3,-3,0", "0,0,0", "nan,2,0", "inf,inf,0", "3km,2,0", "3,2,north"]
    {
        place.refused(&format!("{BOTH} --beam={beam}"), 2, &[&format!("--beam {beam}"), "MAJ,MIN,PA, such as"]);
    }
    // It is a beam, but none for this image.
    place.refused(&format!("{BOTH} --beam 0.01,0.01,0"), 1, &["dirty.fits", "too narrow", "--beam"]);
    place.refused(&format!("{BOTH} --beam 1e30,2,0"), 1, &["dirty.fits", "larger than the image", "--beam"]);
}

#[test]
fn files_that_are_no_images() {
    let place = Place::new();
    fs::create_dir(place.path("directory.fits")).unwrap();
    fs::write(place.path("text.fits"), "No FITS, but some text.\n".repeat(1000)).unwrap();
    fs::write(place.path("empty.fits"), "").unwrap();
    let image = dirty(&[("RA---SIN", 48), ("DEC--SIN", 40), ("STOKES", 2)]);
    image.write(place.path("whole.fits"));
    let bytes = fs::read(place.path("whole.fits")).unwrap();
    fs::write(place.path("cut.fits"), &bytes[..9000]).unwrap();
    fs::write(place.path("head.fits"), &bytes[..1000]).unwrap();
    let axes = vec![("RA---SIN".to_string(), 0), ("DEC--SIN".to_string(), 9)];
    Fits { axes, cards: Vec::new(), pixels: Vec::new() }.write(place.path("hollow.fits"));
    let wrong = [
        ("missing.fits", "cannot be opened", "check the name"),
        ("directory.fits", "is not a file", "name a FITS file"),
        ("text.fits", "cannot be read as FITS", "check that it is"),
        ("empty.fits", "cannot be read as FITS", "check that it is"),
        ("cut.fits", "truncated", "again"),
        ("head.fits", "cannot be read as FITS", "check that it is"),
        ("hollow.fits", "no image", "give a FITS file"),
    ];
    for (name, what, remedy) in wrong {
        place.refused(&format!("--dirty {name} --psf psf.fits --output x"), 1, &[name, what, remedy]);
        place.refused(&format!("plan --dirty {name} --psf psf.fits --output x"), 1, &[name, what, remedy]);
        place.refused(&format!("--dirty dirty.fits --psf {name} --output x"), 1, &[name, what, remedy]);
    }
    let file = place.path("secret.fits");
    fs::copy(place.path("dirty.fits"), &file).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o000)).unwrap();
    // Nothing is secret to root.
    if fs::File::open(&file).is_err() {
        let output = place.run("--dirty secret.fits --psf psf.fits --output x");
        assert_eq!(output.status, Some(1), "{output:?}");
        assert!(output.err.contains("secret.fits"), "{output:?}");
    }
}

#[test]
fn a_psf_that_is_none() {
    let place = Place::new();
    let axes = [("RA---SIN", 48), ("DEC--SIN", 40)];
    let values: [(&str, f64, &str); 4] = [
        ("zero.fits", 0.0, "zero or blank"),
        ("blank.fits", f64::NAN, "zero or blank"),
        ("below.fits", -1.0, "negative"),
        ("flat.fits", 1.0, "--beam"),
    ];
    for (name, value, what) in values {
        Fits::new(&axes, |_, _, _| value).write(place.path(name));
        place.refused(&format!("--dirty dirty.fits --psf {name} --output x"), 1, &[name, what]);
    }
}

#[test]
fn shapes_that_cannot_go_together() {
    let place = Place::new();
    let (ra, dec) = (("RA---SIN", 48), ("DEC--SIN", 40));
    let others: [(&str, &[_]); 4] = [
        ("three.fits", &[ra, dec, ("STOKES", 3)]),
        ("channels.fits", &[ra, dec, ("FREQ", 2)]),
        ("both.fits", &[ra, dec, ("STOKES", 2), ("FREQ", 5)]),
        ("nameless.fits", &[ra, dec, ("", 3)]),
    ];
    for (name, axes) in others {
        psf(axes).write(place.path(name));
        let parts = [name, "dirty.fits", "length", "one plane"];
        place.refused(&format!("--dirty dirty.fits --psf {name} --output x"), 1, &parts);
    }
}

#[test]
fn outputs_that_cannot_be() {
    let place = Place::new();
    let refused = |arguments: &str, parts: &[&str]| place.refused(&format!("{BOTH} {arguments}"), 1, parts);
    refused("--output none/out", &["none/out-model.fits", "none does not exist", "create it"]);
    refused("--summary none/s.json", &["none/s.json", "none does not exist", "create it"]);
    for command in ["", "plan "] {
        let scratch = |directory: &str, parts: &[&str]| {
            place.refused(&format!("{command}{BOTH} --scratch {directory}"), 1, parts);
        };
        scratch("none", &["none", "is not a directory", "--scratch"]);
        scratch("psf.fits", &["psf.fits", "is not a directory", "--scratch"]);
    }
    refused("--output psf.fits/out", &["psf.fits", "does not exist", "--output"]);
    fs::create_dir(place.path("taken-image.fits")).unwrap();
    refused("--output taken --overwrite", &["taken-image.fits", "is a directory", "--output"]);
    refused("--summary taken-image.fits --overwrite", &["taken-image.fits", "is a directory", "--summary"]);
    refused("--output out --summary ./out-model.fits --overwrite", &["out-model.fits", "product", "--summary"]);
    symlink("nowhere", place.path("link-residual.fits")).unwrap();
    refused("--output link", &["link-residual.fits", "exists already", "--overwrite"]);
    // As long a name as this no file system takes.
    refused(&format!("--output {}", "x".repeat(300)), &["cannot be written"]);
}

#[test]
fn outputs_that_are_inputs() {
    let place = Place::new();
    fs::copy(place.path("dirty.fits"), place.path("a-model.fits")).unwrap();
    symlink("dirty.fits", place.path("b-image.fits")).unwrap();
    let own = "is an input of this run";
    for overwrite in ["", "--overwrite"] {
        let refused = |arguments: &str, parts: &[&str]| place.refused(&format!("{arguments} {overwrite}"), 1, parts);
        refused("--dirty a-model.fits --psf psf.fits --output a", &["a-model.fits", own, "--output"]);
        refused("--dirty dirty.fits --psf a-model.fits --output a", &["a-model.fits", own, "--output"]);
        refused("--dirty dirty.fits --psf psf.fits --output b", &["b-image.fits", own, "--output"]);
        refused("--dirty dirty.fits --psf psf.fits --summary psf.fits", &["psf.fits", own]);
    }
}

#[test]
fn a_directory_that_cannot_be_written() {
    let place = Place::new();
    fs::create_dir(place.path("closed")).unwrap();
    fs::set_permissions(place.path("closed"), Permissions::from_mode(0o555)).unwrap();
    // Root writes everywhere, but not into /proc.
    let closed = if fs::write(place.path("closed/try"), "").is_ok() { "/proc" } else { "closed" };
    if !fs::exists(closed).unwrap_or(false) && closed == "/proc" {
        return;
    }
    let summary = format!("{closed}/summary.json");
    // All the work is done by then: it is not lost.
    let ended = place.run(&format!("{BOTH} --output out --summary {summary}"));
    assert_eq!((ended.status, ended.out.as_str()), (Some(1), ""), "{ended:?}");
    for part in [&summary, "cannot be written", "choose another --summary; give the same command with --resume"] {
        assert!(ended.err.contains(part), "{ended:?}");
    }
    let ended = place.run(&format!("{BOTH} --output out --resume --summary s.json"));
    assert!(ended.status == Some(0) && ended.err.contains("of 2 planes 2 are done"), "{ended:?}");
    let output = format!("{closed}/out");
    place.refused(&format!("{BOTH} --output {output}"), 1, &["out-", "cannot be written", "directory"]);
}
