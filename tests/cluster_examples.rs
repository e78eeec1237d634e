//! The examples of batch scripts, which are written by hand: they are to say what `deconv submit` writes.
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::cluster::Cluster;

/// The names of directives: `#SBATCH --mem=5M` and `##SBATCH --mem=5M` have `mem`, `#PBS -l select=1` has `l select`.
fn names(script: &str, prefix: &str) -> Vec<String> {
    let of_line = |line: &str| {
        let directive = line.trim_start_matches('#').strip_prefix(prefix)?.trim_start_matches([' ', '-']);
        let name = directive.split('=').next().unwrap_or_default();
        let is_resource = name.starts_with("l ");
        Some(if is_resource { name.to_string() } else { name.split(' ').next().unwrap_or_default().to_string() })
    };
    script.lines().filter(|line| line.starts_with('#')).filter_map(of_line).collect()
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name)
}

#[test]
fn examples_have_the_directives_of_the_generator() {
    for (system, prefix) in [("slurm", "SBATCH"), ("pbs", "PBS")] {
        let cluster = Cluster::new();
        let run = ["--dirty", "dirty.fits", "--psf", "psf.fits", "--dry-run"];
        let job = ["--account", "a", "--queue", "b", "--mail", "c"];
        let written = cluster.done(&[&["submit", system], run.as_slice(), &job].concat()).out;
        let generated = names(&written, prefix);
        let text = std::fs::read_to_string(example(&format!("{system}.sh"))).unwrap();
        let found = names(&text, prefix);
        assert!(found.len() > 9, "{found:?}");
        assert!(found.iter().all(|name| generated.contains(name)), "{found:?} {generated:?}");
        let checked = Command::new("bash").arg("-n").arg(example(&format!("{system}.sh"))).output().unwrap();
        assert!(checked.status.success(), "{checked:?}");
    }
}

#[test]
fn examples_go_on_as_another_job() {
    for (script, submit, expected) in [("slurm.sh", "scontrol", vec!["requeue 7"]), ("pbs.sh", "qsub", vec!["pbs.sh"])]
    {
        for status in [0, 1, 75] {
            let cluster = Cluster::new();
            cluster.executable("bin/deconv", &format!("echo \"$*\" >>\"${{0%/*}}/deconv.log\"\nexit {status}\n"));
            let mut command = Command::new("bash");
            command.arg(example(script)).env("PATH", cluster.search_path()).env("SLURM_JOB_ID", "7");
            let output = command.current_dir(cluster.place.path(".")).output().unwrap();
            assert_eq!(output.status.code(), Some(status), "{output:?}");
            assert_eq!(cluster.log(submit), if status == 75 { expected.clone() } else { vec![] });
            let words = cluster.log("deconv").remove(0);
            // All of its options are options of the program.
            let words: Vec<&str> = words.split(' ').collect();
            let planned = cluster.place.run(&format!("plan {}", words.join(" ")));
            assert_eq!(planned.status, Some(0), "{planned:?}");
            assert!(words.contains(&"--resume") && words.contains(&"--memory"), "{words:?}");
        }
    }
}
