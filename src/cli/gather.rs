//! `deconv gather`: what the elements of a job directory came to.

use super::run::tell;
use super::status::{count, table};
use crate::cluster::{self, Gathered, Standing, State};
use crate::error::{Error, Kind};
use clap::Args;
use std::path::PathBuf;

/// What `deconv gather` takes.
#[derive(Debug, Args)]
#[command(after_help = GATHER)]
pub struct GatherArguments {
    /// The job directory that deconv submit wrote
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Submit again what is lost, as long as it has not begun --tries times, and a gather job after it; what was never
    /// submitted counts as lost
    #[arg(long)]
    resubmit: bool,
}

const GATHER: &str = "\
Of every element that is done the products are read and held against their checksums (FITS), and its summary is read. Into the \
job directory go summary.csv and summary.json: a line for each element and plane. Where elements worked on some planes \
of a cube each (--planes-per-job), the products of all planes are made of theirs once all are done. The last job of a submission does this by \
itself, with --resubmit.

Exit status: 0 all elements are done and their products whole, 1 some failed, or are lost and not submitted again, 2 wrong \
usage, 75 some are not done yet.";

/// Looks at every element, tells of it, and returns why not all is done, if so.
pub fn gather(arguments: &GatherArguments) -> Vec<Error> {
    match cluster::gather(&arguments.directory, arguments.resubmit) {
        Err(error) => vec![error],
        Ok(gathered) => {
            tell(text(&gathered).as_bytes());
            shortfall(arguments, &gathered).into_iter().collect()
        }
    }
}

fn text(gathered: &Gathered) -> String {
    let open: Vec<Standing> =
        gathered.standings.iter().filter(|standing| standing.state != State::Done).cloned().collect();
    let mut text = if open.is_empty() { String::new() } else { table(&open) };
    text.push_str(&count(&gathered.standings));
    gathered.cubes.iter().for_each(|path| text.push_str(&format!("made of its parts: {}\n", path.display())));
    if let [jobs @ .., last] = gathered.submitted.as_slice() {
        for job in jobs {
            let numbers: Vec<usize> = job.elements.iter().map(|(number, _)| *number).collect();
            text.push_str(&format!("submitted again as job {}: {}\n", job.job, listed(&numbers)));
        }
        text.push_str(&format!("job {} gathers after that\n", last.job));
    }
    text
}

/// Why not all is done.
fn shortfall(arguments: &GatherArguments, gathered: &Gathered) -> Option<Error> {
    let numbers = |states: &[State]| -> Vec<usize> {
        let of_them = gathered.standings.iter().filter(|standing| states.contains(&standing.state));
        of_them.map(|standing| standing.element).collect()
    };
    let (failed, lost) = (numbers(&[State::Failed]), numbers(&[State::Lost, State::Unknown]));
    let error = |kind, message: String| Some(Error::new(kind, message).about(&arguments.directory));
    if !gathered.given_up.is_empty() {
        let message = format!("lost, and not submitted again after as many tries as --tries allows: {}", listed(&lost));
        return error(Kind::Input, message);
    }
    if !failed.is_empty() {
        let message = format!("failed: {}", listed(&failed));
        return error(Kind::Input, message).map(|error| {
            error.remedy("logs/N.log has the reason of element N; submit it again by hand when that is mended")
        });
    }
    let waiting = numbers(&[State::Waiting, State::Running]);
    match (lost.is_empty(), waiting.is_empty()) {
        (true, true) => None,
        (true, false) => error(Kind::Stopped, format!("not done yet: {}", listed(&waiting))),
        (false, _) => error(Kind::Input, format!("lost: {}", listed(&lost)))
            .map(|error| error.remedy("give --resubmit to submit them again")),
    }
}

/// Numbers of elements, the first few of them.
fn listed(numbers: &[usize]) -> String {
    const MOST: usize = 20;
    let shown: Vec<String> = numbers.iter().take(MOST).map(usize::to_string).collect();
    let more = if numbers.len() > MOST { format!(" and {} more", numbers.len() - MOST) } else { String::new() };
    let word = if numbers.len() == 1 { "element" } else { "elements" };
    format!("{word} {}{more}", shown.join(", "))
}
