//! The program as a user meets it: options, products, headers, messages, summary, and Ctrl-C.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::image::Image;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::fits::Fits;
use support::job::{SETS, data};
use support::program::{Ended, Place};

const PRODUCTS: [&str; 3] = ["image", "model", "residual"];

/// The names of a prefix's products and some other files, sorted.
fn names(prefix: &str, others: &[&str]) -> Vec<String> {
    let products = PRODUCTS.iter().map(|product| format!("{prefix}-{product}.fits"));
    let mut names: Vec<String> = products.chain(others.iter().map(|name| (*name).to_string())).collect();
    names.sort();
    names
}

#[test]
fn products_get_the_stem_of_the_dirty_image_here() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("in")).unwrap();
    std::fs::rename(place.path("dirty.fits"), place.path("in/my field.v2.fits")).unwrap();
    std::fs::create_dir(place.path("here")).unwrap();
    let mut command = place.command("--psf ../psf.fits --niter 20");
    let output = command.current_dir(place.path("here")).args(["--dirty", "../in/my field.v2.fits"]).output().unwrap();
    assert_eq!(Ended::from(output).status, Some(0));
    assert_eq!(place.names("here"), names("my field.v2", &[]));
    assert_eq!(place.names("in"), ["my field.v2.fits"]);
}

#[test]
fn products_get_a_prefix() {
    let place = Place::new();
    place.done("--output a.b");
    assert_eq!(place.names("."), names("a.b", &["dirty.fits", "psf.fits"]));
    std::fs::create_dir(place.path("sub")).unwrap();
    place.done("--output sub/x");
    assert_eq!(place.names("sub"), names("x", &[]));
    place.done("--output sub/");
    assert_eq!(place.names("sub").len(), 6);
    assert!(place.path("sub/dirty-model.fits").is_file());
}

#[test]
fn every_option_is_taken() {
    let place = Place::new();
    let done = |arguments: &str| {
        let ended = place.run(&format!("--dirty dirty.fits --psf psf.fits {arguments}"));
        assert_eq!(ended.status, Some(0), "{arguments}: {ended:?}");
    };
    done(
        "--output all --overwrite --method hogbom --niter 30 --gain 0.2 --threshold 0.01 --nsigma 3 --beam 4,3,20 \
         --balance 0.2 --chunk 32x16 --overlap 8 --scheduler threads --threads 2 --summary s.json --progress auto -v",
    );
    done("--output all --overwrite --method wiener --balance 1 --chunk 64 --scheduler inline --progress never -q");
    done("--output all --overwrite --method wiener --noise 0.01 --boundary periodic --noise-spectrum natural");
    done("--output all --overwrite --method wiener-hunt --regularization gradient --balance gcv --iterations 7");
    done("--output all --overwrite --method wiener-hunt --tolerance 0.01 --time-limit 1h");
    done("--output all --overwrite --method huber --delta 1e-5 --balance 3 --iterations 2");
    done("--output all --overwrite --threshold 0 --nsigma 0 --beam 0.001deg,3arcsec,-20 --verbose");
}

#[test]
fn files_are_replaced_with_overwrite_only() {
    let place = Place::new();
    std::fs::write(place.path("out-residual.fits"), "precious").unwrap();
    let arguments = "--dirty dirty.fits --psf psf.fits --niter 20 --output out --summary s.json";
    place.refused(arguments, 1, &["out-residual.fits: exists already", "--overwrite"]);
    place.done("--output out --overwrite --summary s.json");
    assert_ne!(std::fs::read(place.path("out-residual.fits")).unwrap(), b"precious");
    place.refused(arguments, 1, &["exists already", "--overwrite"]);
    place.done("--output out --overwrite --summary s.json");
}

#[test]
fn help_is_grouped() {
    let place = Place::new();
    let help = place.run("--help");
    assert_eq!(help.status, Some(0));
    let at = |text: &str| help.out.find(text).unwrap_or_else(|| panic!("no {text} in {}", help.out));
    let groups =
        ["\nInput:\n", "\nOutput:\n", "\nMethod:\n", "\nFilters:\n", "\nExecution:\n", "\nMessages:\n"].map(at);
    assert!(groups.is_sorted(), "{groups:?}");
    let options = [
        ["--dirty <FILE>", "--psf <FILE>"].as_slice(),
        &["--output <PREFIX>", "--overwrite", "--beam <MAJ,MIN,PA>", "--summary <FILE>"],
        &["--method <", "--niter <N>", "--gain <", "--threshold <JY>", "--nsigma <S>"],
        &["--balance <", "--noise <JY>", "--regularization <", "--boundary <", "--tolerance <"],
        &["--chunk <N|NxM|auto>", "--overlap <N>", "--scheduler <", "--threads <N>"],
        &["--progress <", "-v, --verbose", "-q, --quiet"],
    ];
    for (i, options) in options.iter().enumerate() {
        let end = groups.get(i + 1).copied().unwrap_or(help.out.len());
        assert!(options.iter().all(|option| help.out[groups[i]..end].contains(option)), "{options:?}: {}", help.out);
    }
    let version = place.run("--version");
    assert_eq!(version.out, format!("deconv {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_is_said_while_it_runs() {
    let place = Place::new();
    let lines = place.done("--output a");
    assert!(lines.err.contains("plane I: begins") && lines.err.contains("plane Q: done, niter"), "{}", lines.err);
    assert!(!lines.err.contains('\x1b') && !lines.err.contains("of at most"), "{}", lines.err);
    let verbose = place.done("--output b --verbose");
    assert!(verbose.err.contains("8 of at most 8 iterations, peak "), "{}", verbose.err);

    let never = place.done("--output c --progress never");
    assert!(never.err.contains("note: ") && !never.err.contains("begins"), "{}", never.err);
    let always = place.done("--output d --progress always");
    assert!(always.err.contains("note: ") && always.err.contains('\x1b'), "{}", always.err);
    let quiet = place.done("--output e -q --progress always");
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
}

#[test]
fn the_table_at_the_end() {
    let place = Place::new();
    let table = place.done("--output a").out;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    for head in ["plane", "iterations", "refreshes", "peak before", "peak after", "residual rms", "model flux", "time"]
    {
        assert!(lines[0].contains(head), "{table}");
    }
    let cells: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!((cells[0], cells[1], cells[7]), ("I", "8", "niter"), "{table}");
    assert!(lines[2].trim_start().starts_with("Q ") && lines[3].contains("JY/BEAM"), "{table}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = Place::new();
    for (stream, prefix) in [("2>&1 >/dev/null", "a"), ("2>/dev/null", "b")] {
        let script = format!("{{ \"$0\" \"$@\" {stream}; echo $? >{prefix}.status; }} | true");
        let program = env!("CARGO_BIN_EXE_deconv");
        let arguments = ["--dirty", "dirty.fits", "--psf", "psf.fits", "--niter", "20", "-v", "--output", prefix];
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, program]).args(arguments).current_dir(place.path("."));
        assert!(shell.status().unwrap().success());
        assert_eq!(std::fs::read_to_string(place.path(&format!("{prefix}.status"))).unwrap(), "0\n");
        assert!(place.path(&format!("{prefix}-image.fits")).is_file());
    }
}

#[test]
fn the_summary_has_every_field() {
    let place = Place::new();
    let ended = place.done("--output a --summary s.json --threads 2 --beam 4,3,20");
    let summary: Value = serde_json::from_slice(&std::fs::read(place.path("s.json")).unwrap()).unwrap();
    assert_eq!(summary["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&summary["method"], &summary["scheduler"]), (&"clark".into(), &"threads".into()));
    assert_eq!((&summary["threads"], &summary["overlap"]), (&2.into(), &0.into()));
    assert_eq!(summary["chunk"], serde_json::json!([40, 48]));
    assert!(!summary["instruction_set"].as_str().unwrap().is_empty());
    for positive in ["wall_s", "cpu_s", "peak_rss_bytes", "predicted_peak_bytes", "tasks"] {
        assert!(summary[positive].as_f64().unwrap() > 0.0, "{positive}");
    }
    assert_eq!((&summary["checkpoints"], &summary["checkpoint_s"]), (&0.into(), &0.0.into()));
    assert!(summary["wall_s"].as_f64().unwrap() < 600.0 && summary["tasks"].is_u64());
    let planes = summary["planes"].as_array().unwrap();
    assert_eq!(planes.len(), 2);
    let model = Fits::read(&place.path("a-model.fits"));
    for (i, plane) in planes.iter().enumerate() {
        let number = |name: &str| plane[name].as_f64().unwrap_or_else(|| panic!("no {name} in {plane}"));
        assert_eq!((&plane["stokes"], &plane["channel"]), (&["I", "Q"][i].into(), &Value::Null));
        assert_eq!((number("iterations"), &plane["stop_reason"]), (8.0, &"niter".into()));
        assert!(number("refreshes") >= 1.0 && number("peak_after") < number("peak_before"));
        assert!(number("rms_after") > 0.0 && number("rms_after") < number("peak_after"));
        let flux: f64 = model.plane(i).sum();
        assert!((number("model_flux") / flux - 1.0).abs() < 1e-5, "{flux} {plane}");
        let beam = ["major", "minor", "pa"].map(|name| plane["beam"][name].as_f64().unwrap());
        assert!(beam.iter().zip([4.0, 3.0, 20.0]).all(|(a, b)| (a - b).abs() < 1e-9), "{plane}");
        assert_eq!((&plane["beam"]["unit"], &plane["beam"]["source"]), (&"arcsec".into(), &"--beam".into()));
        assert!(ended.out.contains(plane["stop_reason"].as_str().unwrap()));
    }
}

#[test]
fn headers_of_the_products() {
    let place = Place::new();
    for set in SETS {
        let (dirty, psf) = (data(&format!("{set}/dirty.fits")), data(&format!("{set}/psf.fits")));
        let (dirty, psf) = (dirty.to_str().unwrap(), psf.to_str().unwrap());
        let mut command = place.command("--niter 50 --nsigma 0 --gain 0.25 -q");
        let output = command.args(["--dirty", dirty, "--psf", psf, "--output", set]).output().unwrap();
        assert_eq!(Ended::from(output).status, Some(0));
        let dirty = Fits::read(dirty.as_ref());
        let beams = Image::open(psf.as_ref()).unwrap();
        for product in PRODUCTS {
            let path = place.path(&format!("{set}-{product}.fits"));
            let fits = Fits::read(&path);
            assert_eq!(fits.axes, dirty.axes);
            assert_kept(&dirty, &fits);
            let is_model = product == "model";
            assert_eq!(fits.value("BUNIT").as_deref(), Some(if is_model { "Jy/pixel" } else { "Jy/beam" }));
            let unit = fits.cards.iter().find(|card| card.starts_with("BUNIT")).unwrap();
            assert_eq!(unit.contains("Jy per dirty beam"), product == "residual", "{unit}");
            let image = Image::open(&path).unwrap();
            for plane in 0..dirty.planes() {
                let (found, expected) = (image.beam(plane), beams.beam(plane).unwrap().0);
                assert_eq!(found.is_some(), !is_model);
                assert!(found.is_none_or(|(beam, _)| beam.same(&expected)), "{set} {product} {plane}: {found:?}");
            }
            assert_eq!(fits.value("BMAJ").is_some(), !is_model && set != "vla-ngc5921");
            let history = fits.history();
            let version = format!("deconv {} of dirty.fits with PSF psf.fits", env!("CARGO_PKG_VERSION"));
            let parameters = "method=clark niter=50 gain=0.25 threshold=0 nsigma=0";
            for part in [version.as_str(), parameters, "grid: chunk 256x256 overlap 0"] {
                assert!(history.contains(part), "{part}: {history}");
            }
            assert_eq!(history.matches("50 iterations, ").count(), dirty.planes());
            assert_eq!(history.matches(" stopped: niter").count(), dirty.planes());
        }
    }
}

/// Every card of the input that says nothing of storage, unit or beam is in the output, in the same order.
fn assert_kept(input: &Fits, output: &Fits) {
    const OTHERS: [&str; 15] = [
        "SIMPLE", "BITPIX", "NAXIS", "EXTEND", "BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM", "DATAMIN", "DATAMAX",
        "BUNIT", "BMAJ", "BMIN", "BPA",
    ];
    let mut rest = output.cards.iter();
    for card in input.cards.iter().filter(|card| !OTHERS.iter().any(|name| card.starts_with(name))) {
        assert!(rest.any(|kept| kept == card), "{card} is not kept in its place");
    }
}

#[test]
fn the_same_files_from_every_scheduler() {
    let place = Place::new();
    for (set, method) in [("vla-3c273", "clark"), ("vla-ngc5921", "wiener")] {
        let files = |how: &str| {
            let mut command =
                place.command(&format!("--method {method} --niter 700 --overwrite --output out -q {how}"));
            let (dirty, psf) = (data(&format!("{set}/dirty.fits")), data(&format!("{set}/psf.fits")));
            let output = command.arg("--dirty").arg(dirty).arg("--psf").arg(psf).output().unwrap();
            assert_eq!(Ended::from(output).status, Some(0));
            PRODUCTS.map(|product| std::fs::read(place.path(&format!("out-{product}.fits"))).unwrap())
        };
        let inline = files("--scheduler inline");
        for threads in [1, 2, 3, 8] {
            // Headers too: nothing in them is about threads.
            assert!(files(&format!("--threads {threads}")) == inline, "{method} with {threads} threads");
        }
    }
}

/// A run that would go on for many minutes: a PSF of a single pixel on noise, with every level switched off.
fn endless(place: &Place) {
    let noise = |_, y, x| f64::from(support::noise(9, 1000 * y + x));
    Fits::new(&[("RA---SIN", 512), ("DEC--SIN", 512)], noise).write(place.path("dirty.fits"));
    Fits::new(&[("RA---SIN", 1), ("DEC--SIN", 1)], |_, _, _| 1.0).write(place.path("psf.fits"));
}

#[test]
fn an_interrupt_leaves_what_can_be_gone_on_with() {
    for (signal, scheduler, code) in [("INT", "threads", 130), ("INT", "inline", 130), ("TERM", "threads", 75)] {
        let place = Place::new();
        endless(&place);
        let mut left = place.names(".");
        let arguments = "--dirty dirty.fits --psf psf.fits --beam 3,3,0 --nsigma 0 --niter 1000000000000 --gain 0.1 -v";
        let mut command = place.command(&format!("{arguments} --output out --summary s.json --scheduler {scheduler}"));
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        // It is in the middle of its work.
        lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("of at most"))).unwrap().unwrap();
        let hidden = PRODUCTS.map(|product| format!(".out-{product}.fits.part"));
        assert!(hidden.iter().all(|name| place.names(".").contains(name)));
        let kill = format!("kill -{signal} {}", child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let deadline = Instant::now() + Duration::from_secs(120);
        let reader = std::thread::spawn(move || lines.map_while(Result::ok).last());
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    child.kill().unwrap();
                    panic!("{signal} was not heard");
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        assert_eq!(status.code(), Some(code), "{signal}");
        assert_eq!(reader.join().unwrap().as_deref(), Some("  give the same command with --resume to go on"));
        left.extend(hidden);
        left.push("out.checkpoint".into());
        left.sort();
        assert_eq!(place.names("."), left);
        place.refused(&format!("{arguments} --output out"), 1, &["a run has been stopped here", "--resume"]);
    }
}

#[test]
fn a_finished_run_is_not_gone_on_with() {
    let place = Place::new();
    let begun = place.done("--output a --resume");
    assert!(begun.err.contains("there is no checkpoint a.checkpoint: starts anew"), "{}", begun.err);
    let before = place.listing();
    for more in ["", "--overwrite"] {
        let ended = place.done(&format!("--output a --resume {more}"));
        assert_eq!((ended.out.as_str(), ended.err.as_str()), ("the run is finished: its products are there\n", ""));
        assert!(place.listing() == before);
    }
    assert_eq!(place.done("--output a --resume -q").out, "");
    std::fs::remove_file(place.path("a-image.fits")).unwrap();
    place.refused("--dirty dirty.fits --psf psf.fits --output a --resume", 1, &["exists already"]);
}
