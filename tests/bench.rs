//! `deconv bench` as a user meets it: a sweep, its files, what it says, and the profile that it keeps.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::program::{Ended, Place};

/// Runs that are over soon, on four chunks of 64 pixels.
const SMALL: &str = "bench --dirty dirty.fits --psf psf.fits --threads 1,2 --output b";
const RUN: &str = "-- --niter 200 --nsigma 0";

/// The rows of a CSV file, each with its cells by their names. None of these has a comma in a cell.
fn rows(place: &Place, name: &str) -> Vec<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(place.path(name)).unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), names.len(), "{line}");
        names.iter().zip(cells).map(|(name, cell)| ((*name).to_string(), cell.to_string())).collect()
    };
    lines.map(row).collect()
}

fn json(place: &Place, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(place.path(name)).unwrap()).unwrap()
}

fn done(place: &Place, arguments: &str) -> Ended {
    let ended = place.run(arguments);
    assert_eq!(ended.status, Some(0), "{arguments}: {ended:?}");
    ended
}

#[test]
fn a_sweep_is_recorded() {
    let place = Place::simulated(128);
    let ended = done(&place, &format!("{SMALL} --chunks 64,whole,500 --reps 2 --check-auto {RUN}"));
    // A chunk that is larger than the image is the image as one.
    assert_eq!(place.names("."), ["b.csv", "b.json", "b.png", "dirty.fits", "psf.fits"]);
    let rows = rows(&place, "b.csv");
    let ways: Vec<String> = rows.iter().map(|row| format!("{} {}", row["chunk"], row["threads"])).collect();
    let sweep = ["64 1", "64 2", "whole 1", "whole 2", "auto 1", "auto 2"];
    assert_eq!(ways, [sweep, sweep].concat());
    for row in &rows {
        let number = |name: &str| row[name].parse::<f64>().unwrap_or_else(|_| panic!("no {name} in {row:?}"));
        assert_eq!((row["status"].as_str(), row["method"].as_str(), row["rows"].as_str()), ("done", "clark", "128"));
        for positive in ["wall_s", "cpu_s", "run_s", "kernel_s", "peak_bytes", "predicted_bytes", "tasks", "refreshes"]
        {
            assert!(number(positive) > 0.0, "{positive} in {row:?}");
        }
        assert!(number("run_s") <= number("wall_s") && number("components") == 200.0, "{row:?}");
        let shares = [number("idle_share"), number("scheduler_share")];
        assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{row:?}");
        // What auto takes for one thread may be another chunk.
        assert!(row["efficiency"].is_empty() == (row["threads"] == "1") || row["chunk"] == "auto", "{row:?}");
        let whole = row["chunk_rows"] == "128";
        assert_eq!((row["border_rms"].is_empty(), row["overlap"] == "0"), (whole, whole), "{row:?}");
    }
    let pair = |name: &str, chunk: &str| -> Vec<String> {
        rows.iter().filter(|row| row["chunk"] == chunk).map(|row| row[name].clone()).collect()
    };
    // The numbers are those of the grid, whatever the threads.
    for name in ["residual_rms", "border_rms", "refreshes"] {
        assert_eq!(pair(name, "64"), vec![pair(name, "64")[0].clone(); 4]);
    }
    assert_ne!(pair("residual_rms", "64")[0], pair("residual_rms", "whole")[0]);
    let known = json(&place, "b.json");
    assert_eq!((&known["complete"], known["runs"].as_array().unwrap().len()), (&true.into(), 12));
    assert_eq!(known["runs"][3]["wall_s"].as_f64().unwrap(), rows[3]["wall_s"].parse::<f64>().unwrap());
    assert_eq!(known["points"].as_array().unwrap().len(), 6);
    assert!(known["machine"]["cores"].as_u64().unwrap() > 0 && known["methods"][0]["auto_excess"].is_f64());
    let words = known["recommendation"].as_array().unwrap().iter().map(|line| line.as_str().unwrap());
    let words: Vec<&str> = words.collect();
    assert!(
        words[0].starts_with("clark, 128 x 128 on 2 threads, ") && words[0].ends_with("; the fastest"),
        "{words:?}"
    );
    assert!(words[2].contains("--chunk auto took "), "{words:?}");
    for line in words {
        assert!(ended.out.contains(line), "{line:?} in {}", ended.out);
    }
    assert_eq!(ended.out.matches("best\n").count(), 1, "{}", ended.out);
    let told = ended.err.lines().filter(|line| line.contains(" of 12: clark, chunk "));
    assert_eq!(told.count(), 12, "{}", ended.err);
    let picture = image::open(place.path("b.png")).unwrap();
    assert!(picture.width() > 800 && picture.height() > 800);
}

#[test]
fn an_observation_is_made_and_goes_again() {
    let place = Place::new();
    std::fs::create_dir(place.path("scratch")).unwrap();
    let arguments = "bench --simulate 64 --chunks 32 --overlaps 4,8 --schedulers inline,threads --threads 3 --reps 1";
    let ended = done(&place, &format!("{arguments} --strips usual,16KiB --scratch scratch -q {RUN}"));
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""));
    assert_eq!(place.names("scratch"), [""; 0]);
    let rows = rows(&place, "bench.csv");
    let way = |row: &BTreeMap<String, String>| {
        ["overlap", "scheduler", "threads", "strip_bytes"].map(|name| row[name].clone()).join(" ")
    };
    let ways: Vec<String> = rows.iter().map(way).collect();
    let inline = ["4 inline 1 ", "8 inline 1 ", "4 inline 1 16384", "8 inline 1 16384"];
    let threads = ["4 threads 3 ", "8 threads 3 ", "4 threads 3 16384", "8 threads 3 16384"];
    assert_eq!(ways, [inline, threads].concat());
    assert!(rows[4]["tasks"] < rows[6]["tasks"] && rows[4]["residual_rms"] == rows[6]["residual_rms"]);
}

#[test]
fn a_point_that_fails_is_recorded_and_the_sweep_goes_on() {
    let place = Place::simulated(128);
    let ended = done(&place, &format!("{SMALL} --methods richardson-lucy,clark --chunks 64 --reps 2"));
    let text = std::fs::read_to_string(place.path("b.csv")).unwrap();
    let status = |line: &str| line.split(',').nth(11).unwrap().to_string();
    // What failed once is not tried again.
    let expected = ["failed", "failed", "done", "done", "done", "done"];
    assert_eq!(text.lines().skip(1).map(status).collect::<Vec<_>>(), expected, "{text}");
    assert!(ended.out.contains("richardson-lucy: ") && ended.out.contains("psf.fits"), "{}", ended.out);
    let known = json(&place, "b.json");
    assert!(known["runs"][0]["message"].as_str().unwrap().contains("psf.fits") && known["runs"][0]["wall_s"].is_null());
    assert_eq!((&known["complete"], known["points"].as_array().unwrap().len()), (&true.into(), 2));

    let ended = place.run("bench --dirty dirty.fits --psf psf.fits --methods richardson-lucy --output c");
    assert_eq!(ended.status, Some(1));
    assert!(ended.err.contains("no run ended well") && ended.err.contains("psf.fits"), "{}", ended.err);
}

#[test]
fn what_takes_too_long_is_given_up() {
    let place = Place::simulated(256);
    // Chunks of one pixel with a halo of 64: the same pixels again and again, thousands of times.
    let arguments = "bench --dirty dirty.fits --psf psf.fits --chunks whole,1 --reps 2 --give-up 1.5 --output b";
    let ended = done(&place, &format!("{arguments} {RUN}"));
    let rows = rows(&place, "b.csv");
    let found: Vec<[&str; 2]> = rows.iter().map(|row| [row["chunk"].as_str(), row["status"].as_str()]).collect();
    assert_eq!(found, [["whole", "done"], ["1", "given up"], ["whole", "done"]]);
    assert!(ended.out.contains("clark, chunk 1: given up after "), "{}", ended.out);
}

#[test]
fn an_interrupt_keeps_what_was_measured() {
    for signal in ["INT", "TERM"] {
        let place = Place::simulated(128);
        let mut command = place.command(&format!("{SMALL} --chunks 64 --reps 1000 {RUN}"));
        let mut child = command.stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(120);
        while std::fs::read_to_string(place.path("b.csv")).map_or(0, |text| text.lines().count()) < 4 {
            assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none(), "no rows come");
            std::thread::sleep(Duration::from_millis(5));
        }
        let kill = format!("kill -{signal} {}", child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert_eq!(place.names("."), ["b.csv", "b.json", "b.png", "dirty.fits", "psf.fits"]);
        let known = json(&place, "b.json");
        let rows = rows(&place, "b.csv");
        assert_eq!((&known["complete"], known["runs"].as_array().unwrap().len()), (&false.into(), rows.len()));
        assert!(rows.iter().all(|row| row["status"] == "done"));
    }
}

#[test]
fn what_cannot_be_measured_is_refused_before_anything_is() {
    let place = Place::new();
    let files = "bench --dirty dirty.fits --psf psf.fits";
    place.refused("bench --dirty none.fits --psf psf.fits", 1, &["none.fits"]);
    place.refused("bench --dirty dirty.fits", 2, &["--psf"]);
    place.refused(&format!("{files} --simulate 64"), 2, &["--simulate"]);
    place.refused("bench --simulate 63", 2, &["--simulate 63: must be an even number"]);
    for (option, says) in [
        ("--chunks 64,half", "pixels a side, or whole"),
        ("--chunks 0", "at least one pixel"),
        ("--overlaps 1,x", "--overlaps"),
        ("--threads 1,many", "a number, or all"),
        ("--threads 0", "--threads 0: must be from 1"),
        ("--methods clark,cleen", "the methods are clark"),
        ("--schedulers dask", "threads and inline"),
        ("--strips 0", "at least a byte"),
        ("--reps 0", "--reps 0: must be from 1"),
        ("--give-up 1", "--give-up 1: must be above 1"),
        ("-- --niter many", "the options of a run after --"),
        ("-- --chunk 64", "--chunk <N|NxM|auto>' cannot be used multiple times"),
        ("-- --output here", "--output"),
        ("-- --gain 2", "--gain 2: must be above 0"),
        ("--save-profile", "no place for a profile"),
    ] {
        place.refused(&format!("{files} {option}"), 2, &[says]);
    }
    place.refused(&format!("{files} --output none/b"), 1, &["the directory none does not exist"]);
    place.refused(&format!("{files} --scratch none"), 1, &["none", "another --scratch"]);
    std::fs::write(place.path("b.json"), "precious").unwrap();
    place.refused(&format!("{files} --output b"), 1, &["b.json: exists already", "--overwrite"]);
    done(&place, &format!("{files} --output b --overwrite --reps 1 --threads 1 -- --niter 8"));
    assert_eq!(json(&place, "b.json")["complete"], true);
}

/// Runs the program with a profile in the place.
fn with_profile(place: &Place, arguments: &str) -> Ended {
    Ended::from(place.command(arguments).env("DECONV_PROFILE", place.path("p/profile.json")).output().unwrap())
}

#[test]
fn the_profile_is_kept_followed_and_passed_over() {
    let place = Place::simulated(128);
    let shown = with_profile(&place, "bench --show-profile");
    assert!(shown.status == Some(1) && shown.err.contains("there is no profile"), "{shown:?}");
    let arguments = "bench --dirty dirty.fits --psf psf.fits --threads 2 --chunks 40,48 --strips usual,16KiB --reps 1";
    let ended = with_profile(&place, &format!("{arguments} --output b --save-profile {RUN}"));
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let known = json(&place, "p/profile.json");
    let best = json(&place, "b.json")["methods"][0]["best_chunk"].clone();
    assert_eq!((&known["format"], &known["machines"][0]["best"][0]["choice"]["chunk"]), (&1.into(), &best));
    assert!(known["machines"][0]["best"][1]["choice"].as_object().unwrap().contains_key("strip"));
    let shown = with_profile(&place, "bench --show-profile");
    let side = best[0].as_u64().unwrap();
    assert!(shown.out.contains(&format!("clark, 128 x 128, threads 2: chunk {side} x {side}")), "{}", shown.out);
    assert!(shown.out.contains(" (this machine)\n"), "{}", shown.out);

    let clean = |output: &str, chunk: &str| {
        let run = "--dirty dirty.fits --psf psf.fits --threads 2 --niter 200 --nsigma 0";
        let ended = with_profile(&place, &format!("{run} --chunk {chunk} --output {output} --summary {output}.json"));
        assert_eq!(ended.status, Some(0), "{ended:?}");
        (json(&place, &format!("{output}.json")), ended.err)
    };
    let products = |output: &str| {
        ["model", "residual", "image"].map(|name| std::fs::read(place.path(&format!("{output}-{name}.fits"))).unwrap())
    };
    let (summary, notes) = clean("auto", "auto");
    assert_eq!(summary["chunk"], best);
    assert!(notes.contains(&format!("--chunk auto: {side} x {side}, the fastest of the profile")), "{notes}");
    clean("told", &side.to_string());
    assert!(products("auto") == products("told"));

    // Strips that the profile asks for, and what it says of other machines and in another format.
    let write = |known: &Value| std::fs::write(place.path("p/profile.json"), known.to_string()).unwrap();
    let mut strips = known.clone();
    strips["machines"][0]["best"][1]["choice"]["strip"] = 16384.into();
    write(&strips);
    let (summary, notes) = clean("strips", "auto");
    assert_eq!(
        (&summary["strip_bytes"], summary["tasks"].as_u64() > clean("t2", "64").0["tasks"].as_u64()),
        (&16384.into(), true)
    );
    assert!(products("auto") == products("strips") && notes.contains("the profile"), "{notes}");
    let mut other = known.clone();
    other["machines"][0]["machine"]["cores"] = 1000.into();
    write(&other);
    let (summary, notes) = clean("other", "auto");
    assert!(notes.contains("is of other machines than this") && summary["strip_bytes"].is_null(), "{notes}");
    assert!(notes.contains("by what is known of such machines"), "{notes}");
    other["format"] = 9.into();
    write(&other);
    let (_, notes) = clean("format", "64");
    assert!(notes.contains("is a profile of format 9") && notes.contains("not used"), "{notes}");
    // What cannot be read is not replaced.
    let ended = with_profile(&place, &format!("{arguments} --output c --save-profile {RUN}"));
    assert!(ended.status == Some(1) && ended.err.contains("format 9") && !place.path("c.csv").exists(), "{ended:?}");
}
