//! `deconv status`: where the elements of a job directory stand, as text or as JSON.

use super::table::columns;
use crate::cluster::{self, Standing, State, Status};
use crate::error::{Error, Result};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// What `deconv status` takes.
#[derive(Debug, Args)]
#[command(after_help = STATUS)]
pub struct StatusArguments {
    /// The job directory that deconv submit wrote
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

const STATUS: &str = "\
waiting: has not begun, or is to go on. running: it runs. unknown: it has begun, and neither the batch system nor a lock on \
its files tells whether it runs. done: its run ended well. failed: its run failed and would fail again. lost: it was killed, \
stopped or forgotten, or failed for a reason that may pass; deconv gather --resubmit submits it again.

What is known comes from what the jobs write down, from locks on unfinished products, and from squeue or qstat where they are \
there. checkpoint is how long ago the last one was written.

Exit status: 0 done, 1 if it is no job directory, 2 wrong usage.";

/// Where all elements stand.
///
/// # Errors
/// Of kind `Input`, if it is no job directory.
pub fn status(arguments: &StatusArguments) -> Result<String> {
    let Status { manifest, submissions, standings, .. } = cluster::status(&arguments.directory)?;
    if arguments.json {
        let counts: serde_json::Map<_, _> =
            counted(&standings).map(|(state, n)| (state.name().into(), json!(n))).collect();
        let jobs: Vec<&String> = submissions.jobs.iter().map(|submission| &submission.job).collect();
        let whole = json!({"name": manifest.name, "system": manifest.system, "jobs": jobs, "counts": counts, "elements": standings});
        let text = serde_json::to_string_pretty(&whole);
        return text.map(|text| text + "\n").map_err(|error| Error::internal(format!("no status: {error}")));
    }
    Ok(table(&standings) + &count(&standings))
}

/// The elements, a line each.
pub fn table(standings: &[Standing]) -> String {
    let head = ["element", "state", "tries", "node", "job", "time", "checkpoint", "image", ""];
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let age = |seconds: Option<u64>| seconds.map_or("-".into(), span);
    let row = |standing: &Standing| {
        vec![
            standing.element.to_string(),
            standing.state.name().into(),
            standing.tries.to_string(),
            or_none(&standing.node),
            or_none(&standing.job),
            age(standing.seconds),
            age(standing.checkpoint_age_s),
            standing.origin.clone(),
            standing.why.clone(),
        ]
    };
    columns(&std::iter::once(head.map(String::from).to_vec()).chain(standings.iter().map(row)).collect::<Vec<_>>())
}

/// How many there are of each state, in a line.
pub fn count(standings: &[Standing]) -> String {
    let counts: Vec<String> =
        counted(standings).filter(|(_, n)| *n > 0).map(|(state, n)| format!("{n} {}", state.name())).collect();
    format!(
        "{} of {}: {}\n",
        if standings.len() == 1 { "element" } else { "elements" },
        standings.len(),
        counts.join(", ")
    )
}

fn counted(standings: &[Standing]) -> impl Iterator<Item = (State, usize)> {
    State::ALL.into_iter().map(|state| (state, standings.iter().filter(|standing| standing.state == state).count()))
}

/// Seconds as people read them.
fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}
