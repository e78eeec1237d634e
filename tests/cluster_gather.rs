//! `deconv status` and `deconv gather`: where elements stand, what is whole, what is submitted again.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use serde_json::Value;
use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use support::cluster::{Cluster, read_json};

/// An array of so many elements in `jobs`.
fn array(system: &str, elements: usize, more: &[&str]) -> Cluster {
    let cluster = Cluster::new();
    let names: Vec<String> = (1..=elements).map(|number| format!("i{number}")).collect();
    cluster.images(&names.iter().map(String::as_str).collect::<Vec<_>>());
    cluster.array(system, more);
    cluster
}

fn states(cluster: &Cluster) -> Vec<String> {
    cluster.states().into_iter().map(|(state, _)| state).collect()
}

#[test]
fn where_elements_stand() {
    let cluster = array("slurm", 7, &[]);
    assert_eq!(cluster.states()[0], ("waiting".into(), "is not submitted".into()));
    assert_eq!(cluster.run_job(1).status, Some(0));
    cluster.write_record(2, "begun", "null", 1);
    cluster.write_record(3, "requeued", "75", 2);
    cluster.write_record(4, "ended", "1", 1);
    cluster.write_record(5, "ended", "137", 1);
    cluster.write_record(6, "ended", "1", 1);
    std::fs::write(cluster.place.path("out/i6.checkpoint"), "").unwrap();
    assert_eq!(states(&cluster), ["done", "unknown", "waiting", "failed", "lost", "lost", "waiting"]);
    assert_eq!(cluster.states()[1].1, "not known whether it runs");
    // The queue knows more.
    cluster.queue("101_2 RUNNING\n101_3 PENDING\n");
    assert_eq!(states(&cluster), ["done", "running", "waiting", "failed", "lost", "lost", "waiting"]);
    cluster.queue("101_2 COMPLETING\n101_3 COMPLETING\n");
    assert_eq!(states(&cluster)[1..3], ["running", "waiting"]);
    cluster.queue("101_2 FAILED\n");
    assert_eq!(states(&cluster), ["done", "lost", "lost", "failed", "lost", "lost", "waiting"]);
    assert_eq!(cluster.log("squeue").last().unwrap(), "-h -r -o %i %T -j 101");
    let shown = cluster.done(&["status", "jobs"]).out;
    assert!(shown.ends_with("elements of 7: 1 waiting, 1 done, 1 failed, 4 lost\n"), "{shown}");
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[1].contains("node_1") && lines[1].contains("in/i1-dirty.fits"), "{shown}");
    assert!(lines[5].contains("was killed (signal 9)") && lines[6].contains(" s "), "{shown}");

    std::fs::write(cluster.place.path("jobs/elements/2.json"), "{\"step\"").unwrap();
    cluster.place.refused("status jobs", 1, &["jobs/elements/2.json: is damaged", "remove it"]);
    cluster.place.refused("status in", 1, &["in: is no job directory", "deconv submit"]);
    cluster.place.refused("gather none", 1, &["none: is no job directory"]);
}

#[test]
fn all_is_gathered() {
    let cluster = array("slurm", 2, &[]);
    cluster.place.run("gather jobs");
    (1..=2).for_each(|element| assert_eq!(cluster.run_job(element).status, Some(0)));
    let said = cluster.done(&["gather", "jobs"]).out;
    assert_eq!(said, "elements of 2: 2 done\n");
    let summary = read_json(&cluster.place.path("jobs/summary.json"));
    let rows = summary.as_array().unwrap();
    let cell = |row: usize, name: &str| rows[row][name].clone();
    assert_eq!((0..4).map(|row| cell(row, "plane")).collect::<Vec<_>>(), ["I", "Q", "I", "Q"]);
    assert_eq!(
        (cell(3, "element"), cell(3, "stop_reason"), cell(3, "state")),
        (2.into(), "niter".into(), "done".into())
    );
    assert_eq!(cell(2, "iterations"), 8);
    for name in ["peak_after", "rms_after", "seconds", "run_seconds", "cpu_seconds", "memory_bytes"] {
        assert!(cell(2, name).as_f64().unwrap() > 0.0, "{name}");
    }
    let table = std::fs::read_to_string(cluster.place.path("jobs/summary.csv")).unwrap();
    assert!(table.starts_with("element,origin,state,plane,stop_reason,iterations,peak_after,"), "{table}");
    assert_eq!(table.lines().count(), 5);
}

#[test]
fn what_is_lost_is_submitted_again() {
    let cluster = array("slurm", 6, &["--submit", "--max-running", "3"]);
    assert_eq!(cluster.run_job(1).status, Some(0));
    cluster.write_record(2, "begun", "null", 1);
    cluster.write_record(3, "ended", "2", 1);
    cluster.write_record(4, "ended", "137", 1);
    cluster.queue("101_5 PENDING\n");
    let asked = cluster.run(&["gather", "jobs"]);
    assert_eq!(asked.status, Some(1));
    assert!(asked.err.contains("jobs: failed: element 3") && asked.err.contains("logs/N.log"), "{asked:?}");
    let ended = cluster.run(&["gather", "jobs", "--resubmit"]);
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(ended.out.contains("submitted again as job 103: elements 2, 4, 6"), "{ended:?}");
    assert!(ended.out.contains("job 104 gathers after that"), "{ended:?}");
    let log = cluster.log("sbatch");
    assert_eq!(log[3..], ["--parsable --array=2,4,6%3 job.sh", "--parsable --dependency=afterany:103:101 gather.sh"]);
    // They wait now, whatever they wrote down before.
    cluster.queue("101_5 PENDING\n103_2 PENDING\n103_4 PENDING\n103_6 PENDING\n");
    assert_eq!(states(&cluster), ["done", "waiting", "failed", "waiting", "waiting", "waiting"]);
    let again = cluster.run(&["gather", "jobs", "--resubmit"]);
    assert!(!again.out.contains("submitted again") && again.out.contains("job 105 gathers"), "{again:?}");
    cluster.queue("101_5 PENDING\n103_2 PENDING\n103_4 PENDING\n103_6 PENDING\n105 PENDING\n");
    let once_more = cluster.run(&["gather", "jobs", "--resubmit"]);
    assert!(!once_more.out.contains("gathers after"), "{once_more:?}");
    // One of them begins, and is lost again.
    cluster.write_record(4, "begun", "null", 2);
    cluster.queue("101_5 PENDING\n103_2 PENDING\n103_6 PENDING\n");
    assert_eq!(states(&cluster)[3], "lost");
}

#[test]
fn an_element_is_not_submitted_for_ever() {
    let cluster = array("slurm", 2, &["--submit", "--tries", "2"]);
    assert_eq!(cluster.run_job(1).status, Some(0));
    cluster.queue("");
    let first = cluster.run(&["gather", "jobs", "--resubmit"]);
    assert_eq!(first.status, Some(75), "{first:?}");
    assert!(first.err.contains("not done yet: element 2"), "{first:?}");
    let second = cluster.run(&["gather", "jobs", "--resubmit"]);
    assert_eq!(second.status, Some(1), "{second:?}");
    assert!(second.err.contains("lost, and not submitted again") && second.err.contains("element 2"), "{second:?}");
    assert_eq!(cluster.log("sbatch").len(), 5);
}

#[test]
fn what_was_never_submitted_can_be_by_gathering() {
    let cluster = array("slurm", 2, &[]);
    let ended = cluster.run(&["gather", "jobs", "--resubmit"]);
    assert_eq!(ended.status, Some(75), "{ended:?}");
    assert_eq!(cluster.log("sbatch")[0], "--parsable --array=1-2 job.sh");
    std::fs::write(cluster.place.path("bin/refuse"), "").unwrap();
    cluster.queue("");
    let refused = cluster.run(&["gather", "jobs", "--resubmit"]);
    assert_eq!(refused.status, Some(1));
    assert!(refused.err.contains("sbatch does not take job.sh"), "{refused:?}");
    assert!(refused.err.contains("jobs --resubmit"), "{refused:?}");
}

#[test]
fn products_that_are_damaged_are_made_anew() {
    let cluster = array("slurm", 3, &["--submit"]);
    (1..=3).for_each(|element| assert_eq!(cluster.run_job(element).status, Some(0)));
    let whole = std::fs::read(cluster.place.path("out/i2-model.fits")).unwrap();
    let mut file = OpenOptions::new().write(true).open(cluster.place.path("out/i2-model.fits")).unwrap();
    file.seek(SeekFrom::End(-2880 * 2)).unwrap();
    file.write_all(&[0x3f, 0x80]).unwrap();
    std::fs::remove_file(cluster.place.path("out/i3-image.fits")).unwrap();
    cluster.queue("");
    let ended = cluster.run(&["gather", "jobs", "--resubmit"]);
    assert_eq!(ended.status, Some(75), "{ended:?}");
    assert!(ended.out.contains("i2-model.fits is not as it was written: DATASUM"), "{ended:?}");
    assert!(ended.out.contains("i3-image.fits cannot be opened"), "{ended:?}");
    assert_eq!(cluster.log("sbatch")[3], "--parsable --array=2-3 job.sh");
    for element in [2, 3] {
        let again = cluster.run_job(element);
        assert_eq!(again.status, Some(0), "{again:?}");
    }
    assert_eq!(cluster.done(&["gather", "jobs"]).out, "elements of 3: 3 done\n");
    assert!(std::fs::read(cluster.place.path("out/i2-model.fits")).unwrap() == whole);

    let cut = &whole[..whole.len() - 2880];
    std::fs::write(cluster.place.path("out/i2-model.fits"), cut).unwrap();
    let ended = cluster.run(&["gather", "jobs"]);
    assert_eq!(ended.status, Some(1));
    assert!(ended.out.contains("is cut short") && ended.err.contains("give --resubmit"), "{ended:?}");
    std::fs::write(cluster.place.path("out/i2-model.fits"), &whole).unwrap();
    std::fs::write(cluster.place.path("jobs/elements/1-summary.json"), "{}").unwrap();
    let ended = cluster.run(&["gather", "jobs"]);
    assert!(ended.out.contains("1-summary.json is no summary of a run"), "{ended:?}");
}

#[test]
fn pbs_takes_ranges_and_single_jobs() {
    let cluster = array("pbs", 6, &["--submit"]);
    assert_eq!(cluster.log("qsub")[1..], ["-J 1-6 job.sh", "-W depend=afterany:101 gather.sh"]);
    // What a server of PBS calls an array.
    let path = cluster.place.path("jobs/submissions.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"101\"", "\"101[].server\"", 1)).unwrap();
    cluster.queue("Job Id: 101[].server\n    job_state = B\nJob Id: 101[4].server\n    job_state = Q\n\nJob Id: 101[5].server\n    job_state = X\n");
    let expected = ["lost", "lost", "lost", "waiting", "lost", "lost"];
    assert_eq!(states(&cluster), expected);
    assert_eq!(cluster.log("qstat")[0], "-f -t 101[].server 102");
    let ended = cluster.run(&["gather", "jobs", "--resubmit"]);
    assert_eq!(ended.status, Some(75), "{ended:?}");
    assert_eq!(
        cluster.log("qsub")[3..],
        ["-J 1-3 job.sh", "-J 5-6 job.sh", "-W depend=afterany:103:104:101[].server gather.sh"]
    );
    cluster.queue("Job Id: 103[1].server\n    job_state = Q\nJob Id: 103[3].server\n    job_state = Q\nJob Id: 101[4].server\n    job_state = R\n\
                   Job Id: 104[5].server\n    job_state = H\nJob Id: 104[6].server\n    job_state = Q\n");
    assert_eq!(states(&cluster), ["waiting", "lost", "waiting", "running", "waiting", "waiting"]);
    cluster.run(&["gather", "jobs", "--resubmit"]);
    assert_eq!(cluster.log("qsub")[6], "-v DECONV_ELEMENT=2 job.sh");
}

#[test]
fn the_gather_script() {
    let cluster = array("slurm", 2, &["--submit"]);
    assert_eq!(cluster.run_job(1).status, Some(0));
    cluster.queue("");
    let gather = || {
        let mut command = std::process::Command::new("bash");
        command.arg(cluster.place.path("jobs/gather.sh")).env("PATH", cluster.search_path()).current_dir("/");
        // What is known of this job is not about the ones to come.
        command.env("SLURM_ARRAY_TASK_ID", "1").env("DECONV_ELEMENT", "1").output().unwrap()
    };
    let first = gather();
    // The next one looks again.
    assert!(first.status.success(), "{first:?}");
    assert_eq!(cluster.log("sbatch").len(), 5);
    assert_eq!(cluster.run_job(2).status, Some(0));
    assert!(gather().status.success());
    cluster.write_record(2, "ended", "2", 3);
    assert_eq!(gather().status.code(), Some(1));
    let status: Value = serde_json::from_str(&cluster.done(&["status", "jobs", "--json"]).out).unwrap();
    assert_eq!((&status["counts"]["done"], &status["counts"]["failed"]), (&1.into(), &1.into()));
    assert_eq!(status["jobs"], serde_json::json!(["101", "102", "103", "104"]));
}
