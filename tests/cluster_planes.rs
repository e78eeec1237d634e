//! Cubes whose planes are elements of an array, and products that are made of theirs.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use support::cluster::{Cluster, read_json};
use support::fits::Fits;
use support::program;

const PRODUCTS: [&str; 3] = ["model", "residual", "image"];

/// A cube of two polarizations and so many channels with one PSF, and what a run on all planes makes of it: `whole`.
fn cluster(channels: usize) -> Cluster {
    let cluster = Cluster::new();
    let axes = [("RA---SIN", 48), ("DEC--SIN", 40), ("STOKES", 2), ("FREQ", channels)];
    program::dirty(&axes).write(cluster.place.path("dirty.fits"));
    program::psf(&axes[..2]).write(cluster.place.path("psf.fits"));
    cluster.place.done("--output whole");
    std::fs::create_dir(cluster.place.path("out")).unwrap();
    cluster
}

fn submit(cluster: &Cluster, more: &[&str]) {
    let run = ["--dirty", "dirty.fits", "--psf", "psf.fits", "--niter", "8"];
    cluster.done(&[&["submit", "slurm", "--job-dir", "jobs"], run.as_slice(), more].concat());
}

fn bytes(cluster: &Cluster, name: &str) -> Vec<u8> {
    std::fs::read(cluster.place.path(name)).unwrap()
}

#[test]
fn planes_of_a_cube_are_elements() {
    let cluster = cluster(3);
    submit(&cluster, &["--output", "out/cube", "--planes-per-job", "3", "--components", "out/cube.csv", "--png"]);
    let manifest = read_json(&cluster.place.path("jobs/manifest.json"));
    let planes: Vec<String> =
        manifest["elements"].as_array().unwrap().iter().map(|one| one["planes"].to_string()).collect();
    // Parts of the two axes: of three planes none can be made.
    assert_eq!(planes, ["[0,1]", "[2,3]", "[4,5]"]);
    assert_eq!(manifest["elements"][1]["origin"], "dirty.fits, planes 2-3");
    for element in [3, 1] {
        assert_eq!(cluster.run_job(element).status, Some(0));
    }
    let early = cluster.run(&["gather", "jobs"]);
    assert!(!early.out.contains("made of its parts") && cluster.place.names("out").is_empty(), "{early:?}");
    assert_eq!(cluster.run_job(2).status, Some(0));
    let said = cluster.done(&["gather", "jobs"]).out;
    assert_eq!(said.matches("made of its parts: ").count(), 3, "{said}");
    for product in PRODUCTS {
        let (joined, whole) = (format!("out/cube-{product}.fits"), format!("whole-{product}.fits"));
        assert!(bytes(&cluster, &joined) == bytes(&cluster, &whole), "{product}");
    }
    assert_eq!(cluster.place.names("out").len(), 3);
    for name in ["1.csv", "1.png", "3-image.fits"] {
        assert!(cluster.place.path("jobs/parts").join(name).is_file(), "{name}");
    }
    let rows = read_json(&cluster.place.path("jobs/summary.json"));
    let names: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row["plane"].as_str().unwrap()).collect();
    assert_eq!(names, ["I/0", "Q/0", "I/1", "Q/1", "I/2", "Q/2"]);
}

#[test]
fn what_is_made_of_parts_is_made_once() {
    let cluster = cluster(2);
    submit(&cluster, &["--output", "out/cube", "--planes-per-job", "2"]);
    (1..=2).for_each(|element| assert_eq!(cluster.run_job(element).status, Some(0)));
    // A file that somebody else has put there stays, and is told of.
    std::fs::write(cluster.place.path("out/cube-residual.fits"), "mine").unwrap();
    let ended = cluster.run(&["gather", "jobs"]);
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(ended.err.contains("out/cube-residual.fits"), "{ended:?}");
    assert_eq!(bytes(&cluster, "out/cube-residual.fits"), b"mine");
    std::fs::remove_file(cluster.place.path("out/cube-residual.fits")).unwrap();
    // The model was made already.
    assert_eq!(cluster.done(&["gather", "jobs"]).out.matches("made of its parts: ").count(), 2);
    assert_eq!(cluster.done(&["gather", "jobs"]).out, "elements of 2: 2 done\n");
    // One that is damaged or gone is made again.
    std::fs::remove_file(cluster.place.path("out/cube-image.fits")).unwrap();
    let mut model = bytes(&cluster, "out/cube-model.fits");
    let end = model.len() - 2881;
    model[end] ^= 1;
    std::fs::write(cluster.place.path("out/cube-model.fits"), model).unwrap();
    assert_eq!(cluster.done(&["gather", "jobs"]).out.matches("made of its parts: ").count(), 2);
    for product in PRODUCTS {
        let (joined, whole) = (format!("out/cube-{product}.fits"), format!("whole-{product}.fits"));
        assert!(bytes(&cluster, &joined) == bytes(&cluster, &whole), "{product}");
    }
    // An image that is another one now.
    let axes = [("RA---SIN", 48), ("DEC--SIN", 40), ("STOKES", 2), ("FREQ", 3)];
    program::dirty(&axes).write(cluster.place.path("dirty.fits"));
    std::fs::remove_file(cluster.place.path("out/cube-image.fits")).unwrap();
    let ended = cluster.run(&["gather", "jobs"]);
    assert!(
        ended.status == Some(1) && ended.err.contains("has 6 planes, the parts of its products have 4"),
        "{ended:?}"
    );
}

#[test]
fn planes_have_beams_of_their_own() {
    let cluster = cluster(2);
    let axes = [("RA---SIN", 48), ("DEC--SIN", 40), ("FREQ", 2)];
    Fits::new(&axes, |plane, y, x| {
        let (dy, dx) = (y as f64 - 20.0, x as f64 - 24.0);
        (-(dy * dy + dx * dx * 0.7) / (4.0 + plane as f64)).exp()
    })
    .write(cluster.place.path("psf.fits"));
    cluster.place.done("--output whole --overwrite");
    submit(&cluster, &["--output", "out/cube", "--planes-per-job", "2"]);
    (1..=2).for_each(|element| assert_eq!(cluster.run_job(element).status, Some(0)));
    cluster.done(&["gather", "jobs"]);
    for product in PRODUCTS {
        let (joined, whole) = (format!("out/cube-{product}.fits"), format!("whole-{product}.fits"));
        assert!(bytes(&cluster, &joined) == bytes(&cluster, &whole), "{product}");
    }
}

#[test]
fn what_does_not_go_with_parts() {
    let cluster = cluster(2);
    let job = "submit slurm --dirty dirty.fits --psf psf.fits --niter 8 --output out/cube --job-dir jobs";
    cluster.place.refused(&format!("{job} --planes-per-job 0"), 2, &["--planes-per-job", "at least 1"]);
    cluster.place.refused(&format!("{job} --planes-per-job 2 --planes 0-1"), 2, &["cannot be used with"]);
    let summary = format!("{job} --planes-per-job 2 --summary out/all.json");
    cluster.place.refused(&summary, 2, &["--summary", "summary.json in the job directory"]);
    let joined = format!("{job} --planes-per-job 1 --join-polarizations");
    cluster.place.refused(&joined, 2, &["--planes 0-0", "polarizations"]);
    std::fs::write(cluster.place.path("out/cube-image.fits"), "mine").unwrap();
    cluster.place.refused(&format!("{job} --planes-per-job 2"), 1, &["out/cube-image.fits"]);
    // With no more planes than that it is one job like all others.
    cluster.place.run(&format!("{job} --planes-per-job 4 --overwrite"));
    assert!(!cluster.place.path("jobs/parts").exists() && cluster.place.path("jobs/job.sh").exists());
}
