//! `deconv submit`: what it writes, and what it refuses.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use serde_json::Value;
use std::path::Path;
use std::process::Command;
use support::cluster::{Cluster, read_json};

/// The directives that a script has, without the prefix.
fn directives<'a>(script: &'a str, prefix: &str) -> Vec<&'a str> {
    script.lines().filter_map(|line| line.strip_prefix(prefix)).collect()
}

/// All lines before the first one that is neither a comment nor empty: batch systems read directives from there alone.
fn head(script: &str) -> String {
    script.lines().take_while(|line| line.is_empty() || line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

fn read(cluster: &Cluster, name: &str) -> String {
    std::fs::read_to_string(cluster.place.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn assert_bash_reads(script: &Path) {
    let output = Command::new("bash").arg("-n").arg(script).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}: {output:?}", script.display());
}

/// Long options of `sbatch` (its manual page).
const SBATCH: [&str; 16] = [
    "job-name",
    "nodes",
    "ntasks",
    "cpus-per-task",
    "gres",
    "mem",
    "time",
    "requeue",
    "open-mode",
    "signal",
    "array",
    "output",
    "account",
    "partition",
    "mail-user",
    "mail-type",
];

/// Options of `qsub` (its manual page).
const QSUB: [&str; 9] = ["N", "S", "l", "r", "j", "o", "A", "q", "M"];

#[test]
fn the_directives_of_slurm() {
    let cluster = Cluster::new();
    cluster.images(&["a", "b", "c"]);
    cluster.array(
        "slurm",
        &[
            "--name",
            "night1",
            "--account",
            "p7",
            "--queue",
            "long",
            "--mail",
            "me@x.org",
            "--walltime",
            "2:03:04",
            "--grace",
            "90",
            "--max-running",
            "2",
            "--threads",
            "3",
            "--memory",
            "200MiB",
        ],
    );
    let script = read(&cluster, "jobs/job.sh");
    let found = directives(&script, "#SBATCH --");
    assert_eq!(
        found,
        [
            "job-name=night1",
            "nodes=1",
            "ntasks=1",
            "cpus-per-task=3",
            "mem=284M",
            "time=02:03:04",
            "requeue",
            "open-mode=append",
            "signal=B:USR1@90",
            "array=1-3%2",
            "output=logs/%a.log",
            "account=p7",
            "partition=long",
            "mail-user=me@x.org",
            "mail-type=FAIL"
        ]
    );
    assert!(found.iter().all(|one| SBATCH.contains(&one.split('=').next().unwrap())), "{found:?}");
    assert_eq!(directives(&head(&script), "#SBATCH --"), found, "a directive stands where it is not read");
    assert!(
        script.contains("# deconv may take the 200 MiB of --memory") && script.contains("memory=200MiB"),
        "{script}"
    );
    assert!(script.contains("# --walltime (") && script.contains("stop_after=0"), "{script}");
    let gather = read(&cluster, "jobs/gather.sh");
    assert_eq!(directives(&head(&gather), "#SBATCH --").len(), 13);
    assert!(gather.contains("#SBATCH --mail-type=END,FAIL") && gather.contains("#SBATCH --job-name=night1-gather"));
    for name in ["job.sh", "gather.sh", "elements/1.sh", "elements/3.sh"] {
        assert_bash_reads(&cluster.place.path(&format!("jobs/{name}")));
    }
}

#[test]
fn the_directives_of_pbs() {
    let cluster = Cluster::new();
    cluster.images(&["a", "b"]);
    let written = cluster.array(
        "pbs",
        &[
            "--account",
            "p7",
            "--queue",
            "long",
            "--mail",
            "me@x.org",
            "--walltime",
            "90m",
            "--threads",
            "2",
            "--memory",
            "1G",
        ],
    );
    let script = read(&cluster, "jobs/job.sh");
    let found = directives(&script, "#PBS -");
    assert_eq!(
        found,
        [
            "N deconv",
            "S /bin/bash",
            "l select=1:ncpus=2:mem=1191mb",
            "l walltime=01:30:00",
            "r y",
            "j oe",
            "o logs/",
            "A p7",
            "q long",
            "M me@x.org",
            "m a"
        ]
    );
    assert!(found.iter().all(|one| QSUB.contains(&&one[..1]) || one.starts_with("m ")), "{found:?}");
    assert_eq!(directives(&head(&script), "#PBS -"), found, "a directive stands where it is not read");
    assert!(script.contains("stop_after=5280"), "{script}");
    assert!(written.out.contains("id=$(qsub -J 1-2 job.sh)"), "{}", written.out);
    assert!(written.out.contains("qsub -W \"depend=afterany:$id\" gather.sh"), "{}", written.out);
    ["job.sh", "gather.sh"].iter().for_each(|name| assert_bash_reads(&cluster.place.path(&format!("jobs/{name}"))));
}

#[test]
fn what_is_granted_follows_the_forecast() {
    let cluster = Cluster::new();
    let arguments = ["submit", "slurm", "--dirty", "dirty.fits", "--psf", "psf.fits", "--output", "x"];
    let written = cluster.done(&arguments);
    assert!(written.out.contains("x-job: one element, each granted 4 cores"), "{}", written.out);
    let plan = cluster.done(&["plan", "--dirty", "dirty.fits", "--psf", "psf.fits", "--threads", "4", "--json"]);
    let plan: Value = serde_json::from_str(&plan.out).unwrap();
    let wanted = plan["wanted_bytes"].as_f64().unwrap() / (1 << 20) as f64;
    let manifest = read_json(&cluster.place.path("x-job/manifest.json"));
    let granted = |name: &str| manifest["resources"][name].as_f64().unwrap();
    // What a process has at its start is not the same each time.
    assert!((1.0..1.5).contains(&(granted("run_mib") / wanted / 1.1)), "{wanted} {}", granted("run_mib"));
    assert!(manifest["resources"]["memory_reason"].as_str().unwrap().contains(" MiB, 1 are set aside for lists"));
    let beyond = granted("granted_mib") - 64.0 - 1.1 * granted("run_mib");
    assert!((0.0..1.0).contains(&beyond), "{beyond}");
    assert_eq!((granted("walltime_s"), granted("grace_s"), granted("cores")), (600.0, 120.0, 4.0));
    let element = &manifest["elements"][0];
    assert_eq!(element["planes"], Value::Null);
    assert_eq!(element["products"].as_array().unwrap().len(), 4);
    // What is no array has its command line in the script.
    let script = read(&cluster, "x-job/job.sh");
    assert!(script.contains("run+=(\n    --dirty=/") && !script.contains("#SBATCH --array"), "{script}");
    assert!(!cluster.place.path("x-job/elements/1.sh").exists());
}

#[test]
fn a_job_on_a_device_asks_for_one() {
    let cluster = Cluster::new();
    cluster.images(&["a", "b"]);
    for (system, asks) in [("slurm", "\n#SBATCH --gres=gpu:1\n"), ("pbs", "\n#PBS -l select=1:ncpus=3:ngpus=1:mem=")] {
        for (device, expected) in [("gpu", true), ("auto", false), ("cpu", false)] {
            let shown = cluster.array(system, &["--dry-run", "--device", device, "--threads", "3"]).out;
            let (job, gather) = shown.split_once("gather.sh <==").unwrap();
            assert!(job.contains(asks) == expected && !gather.contains("gpu"), "{device}: {shown}");
            assert!(job.contains(&format!("--device={device}")), "{device}: {shown}");
        }
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let cluster = Cluster::new();
    cluster.images(&["a", "b"]);
    let before = cluster.place.listing();
    let shown = cluster.array("slurm", &["--dry-run", "--module", "gcc/12", "--setup", "ulimit -c 0"]).out;
    assert!(before == cluster.place.listing());
    for part in
        ["jobs/job.sh <==", "jobs/elements/1.sh <==", "jobs/gather.sh <==", "for 1 more", "#SBATCH --array=1-2\n"]
    {
        assert!(shown.contains(part), "no {part} in {shown}");
    }
    assert!(shown.contains("#!/bin/bash -l\n") && shown.contains("\nulimit -c 0\n"), "{shown}");
    assert!(shown.contains("module load gcc/12 || give_up \"module load failed: \"gcc/12\n"), "{shown}");
}

#[test]
fn what_the_wildcard_matched_fills_the_braces() {
    let cluster = Cluster::new();
    cluster.images(&["a", "b c"]);
    cluster.array("slurm", &["--summary", "out/{}.json", "--components", "out/{}.reg"]);
    let element = read(&cluster, "jobs/elements/2.sh");
    let here = cluster.place.path(".").canonicalize().unwrap();
    for part in ["in/b c-dirty.fits", "in/b c-psf.fits", "out/b c", "out/b c.json", "out/b c.reg"] {
        assert!(element.contains(&format!("={}/{part}'", here.display())), "no {part} in {element}");
    }
    assert!(element.contains("\n    --niter=8"), "{element}");
}

#[test]
fn a_table_of_runs() {
    let cluster = Cluster::new();
    cluster.images(&["a", "b"]);
    let table = "# two runs\ndirty, psf, output, niter, mask-region\nin/a-dirty.fits, psf.fits,\"out/a, 1\", 7,\n\
                 in/b-dirty.fits, in/b-psf.fits, out/b, ,\n";
    std::fs::write(cluster.place.path("runs.csv"), table).unwrap();
    let arguments = ["submit", "slurm", "--job-dir", "jobs", "--manifest", "runs.csv", "--niter", "5", "--nsigma", "3"];
    cluster.done(&arguments);
    let (first, second) = (read(&cluster, "jobs/elements/1.sh"), read(&cluster, "jobs/elements/2.sh"));
    assert!(first.contains("/out/a, 1'") && first.contains("--niter=7") && first.contains("--nsigma=3"), "{first}");
    assert!(second.contains("--niter=5") && second.contains("/in/b-psf.fits"), "{second}");

    let wrong = [
        ("dirty,psf,colour\nx,y,z\n", "line 1: \"colour\" is no column"),
        ("dirty,psf,overwrite\nx,y,z\n", "line 1: \"overwrite\" is no column"),
        ("dirty,dirty\nx,y\n", "line 1: the column dirty is there twice"),
        ("psf\nx\n", "line 1: there is no column dirty"),
        ("dirty,psf\ndirty.fits,psf.fits\nx\n", "line 3: has 1 fields, the header 2"),
        ("dirty,psf\n,psf.fits\n", "line 2: names no dirty image"),
        ("dirty,psf\n", "lists no runs"),
        ("dirty,psf\ndirty.fits,none.fits\n", "none.fits: cannot be opened"),
    ];
    for (text, part) in wrong {
        std::fs::write(cluster.place.path("runs.csv"), text).unwrap();
        cluster.place.refused("submit slurm --job-dir new --manifest runs.csv --output out/{}", 1, &[part]);
    }
    std::fs::write(cluster.place.path("runs.csv"), "dirty,psf,niter\ndirty.fits,psf.fits,many\n").unwrap();
    cluster.place.refused("submit slurm --job-dir new --manifest runs.csv", 2, &["'many'", "--niter"]);
}

#[test]
fn what_is_refused_is_refused_before_anything_is_written() {
    let cluster = Cluster::new();
    cluster.images(&["a", "b"]);
    let place = &cluster.place;
    let both = "submit slurm --dirty in/*-dirty.fits --psf in/{}-psf.fits";
    place.refused("submit slurm --dirty in/*.fit --psf psf.fits", 1, &["in/*.fit: no file matches", "quotes"]);
    place.refused(&format!("{both} --output out/x"), 1, &["would both write it", "in/a-dirty.fits", "{}"]);
    place.refused(&format!("{both} --output out/{{}} --summary s.json"), 1, &["s.json", "would both write it"]);
    place.refused(&format!("{both} --output none/{{}}"), 1, &["none does not exist"]);
    place.refused(
        "submit slurm --dirty in/*-dirty.fits --psf no-{}.fits --output out/{}",
        1,
        &["no-a.fits", "cannot be opened"],
    );
    place.refused(&format!("{both} --output out/{{}} --job-dir in"), 1, &["in: is there already"]);
    place.refused(&format!("{both} --output out/{{}} --job-dir no/jobs"), 1, &["no does not exist"]);
    let one = "submit slurm --dirty dirty.fits --psf psf.fits";
    place.refused(&format!("{one} --grace 900"), 2, &["--grace 900", "--walltime"]);
    place.refused(&format!("{one} --name a;b"), 2, &["--name"]);
    place.refused(&format!("{one} --name 1a"), 2, &["--name", "a letter first"]);
    place.refused(&format!("{one} --queue a$b"), 2, &["--queue"]);
    place.refused(&format!("{one} --tries 0"), 2, &["--tries"]);
    place.refused(&format!("{one} --walltime 5"), 2, &["at least a minute"]);
    place.refused(&format!("{one} --local-scratch $(id)"), 2, &["$", "variable"]);
    place.refused(&format!("{one} --local-scratch /tmp --scratch /tmp"), 2, &["cannot be used with"]);
    place.refused(&format!("{one} --manifest x.csv"), 2, &["cannot be used with"]);
    place.refused("submit slurm --dirty dirty.fits", 2, &["--psf"]);
    place.refused("submit lsf --dirty dirty.fits --psf psf.fits", 2, &["slurm, pbs"]);
    place.refused(&format!("{one} --gain 7"), 2, &["--gain 7"]);
    place.refused(&format!("{one} --memory 1MiB"), 1, &["the least that would do"]);
    std::fs::write(place.path("dirty-model.fits"), "precious").unwrap();
    place.refused(one, 1, &["dirty-model.fits: exists already"]);
    cluster.done(&[one.split(' ').collect::<Vec<_>>().as_slice(), &["--overwrite"]].concat());
    std::fs::remove_file(place.path("dirty-model.fits")).unwrap();
    let written_by_the_other =
        "dirty,psf,output,model\nin/a-dirty.fits,psf.fits,out/a,\nin/b-dirty.fits,psf.fits,out/b,out/a-model.fits\n";
    std::fs::write(place.path("runs.csv"), written_by_the_other).unwrap();
    std::fs::copy(place.path("dirty.fits"), place.path("out/a-model.fits")).unwrap();
    place.refused("submit slurm --manifest runs.csv --overwrite", 1, &["out/a-model.fits"]);
}

#[test]
fn jobs_are_handed_over() {
    let cluster = Cluster::new();
    cluster.images(&["a", "b"]);
    let said = cluster.array("slurm", &["--submit"]).out;
    assert!(said.contains("submitted as 101 and 102") && said.contains("scancel 102 101"), "{said}");
    assert_eq!(
        cluster.log("sbatch"),
        ["--version", "--parsable --array=1-2 job.sh", "--parsable --dependency=afterany:101 gather.sh"]
    );
    let submissions = read_json(&cluster.place.path("jobs/submissions.json"));
    assert_eq!(submissions["jobs"][0]["elements"], serde_json::json!([[1, 0], [2, 0]]));

    let one = ["--dirty", "dirty.fits", "--psf", "psf.fits", "--submit"];
    cluster.done(&[&["submit", "pbs"], one.as_slice()].concat());
    assert_eq!(cluster.log("qsub"), ["--version", "job.sh", "-W depend=afterany:103 gather.sh"]);

    std::fs::write(cluster.place.path("bin/refuse"), "").unwrap();
    let refused = cluster.run(&[&["submit", "slurm", "--job-dir", "other"], one.as_slice()].concat());
    assert_eq!(refused.status, Some(1));
    assert!(refused.err.contains("sbatch does not take job.sh: no such account"), "{}", refused.err);
    let mut command = cluster.place.command("submit slurm --job-dir third");
    let output = command.args(one).env("PATH", "/nowhere").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("sbatch is not found"), "{output:?}");
    assert!(!cluster.place.path("third").exists());
}

#[test]
fn a_directory_that_cannot_be_written() {
    let cluster = Cluster::new();
    // A limit on the size of files stands for a full disk: it holds for root, too.
    let mut shell = Command::new("bash");
    shell.args(["-c", "ulimit -f 1; \"$0\" submit slurm --dirty dirty.fits --psf psf.fits --output x"]);
    let output = shell.arg(env!("CARGO_BIN_EXE_deconv")).current_dir(cluster.place.path(".")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("x-job: cannot be written") && said.contains("--job-dir"), "{said}");
    assert_eq!(cluster.place.names("."), ["bin", "dirty.fits", "psf.fits"]);
}
