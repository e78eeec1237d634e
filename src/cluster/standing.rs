//! Where elements stand: what they wrote down, held against what their files and the batch system say.

use super::manifest::{Element, Manifest};
use super::queue::{Queue, Said, element_name, whole_name};
use super::record::{Record, Step};
use super::submissions::Submissions;
use super::system::System;
use crate::error::Result;
use serde::Serialize;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where an element stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It has not begun, or is to begin again.
    Waiting,
    /// It runs.
    Running,
    /// It has begun and not ended, and nobody can be asked whether it runs.
    Unknown,
    /// It has ended well.
    Done,
    /// It failed, and would fail again.
    Failed,
    /// It was killed, stopped or forgotten, or failed for a reason that may pass.
    Lost,
}

impl State {
    /// All of them, in the order in which they are counted up.
    pub const ALL: [State; 6] =
        [State::Waiting, State::Running, State::Unknown, State::Done, State::Failed, State::Lost];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Running => "running",
            State::Unknown => "unknown",
            State::Done => "done",
            State::Failed => "failed",
            State::Lost => "lost",
        }
    }
}

/// Where an element stands, and what is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// Its number, from 1.
    pub element: usize,
    /// Its dirty image, or its line of a table.
    pub origin: String,
    /// Where it stands.
    pub state: State,
    /// Why that is thought, in words.
    pub why: String,
    /// How often it has begun.
    pub tries: u32,
    /// The node on which it ran last.
    pub node: Option<String>,
    /// The job in which it ran last, or will run.
    pub job: Option<String>,
    /// Seconds from when it began last to when it ended, or until now.
    pub seconds: Option<u64>,
    /// Seconds since its last checkpoint.
    pub checkpoint_age_s: Option<u64>,
}

/// A job directory, and where its elements stand.
#[derive(Debug)]
pub struct Status {
    /// What it is about.
    pub manifest: Manifest,
    /// What was submitted.
    pub submissions: Submissions,
    /// Where the elements stand.
    pub standings: Vec<Standing>,
    /// Does a gather job wait for its turn?
    pub is_to_gather: bool,
}

/// Where all elements of a job directory stand.
///
/// # Errors
/// Of kind `Input`, if it is no job directory, or one of its files cannot be read.
pub fn status(directory: &Path) -> Result<Status> {
    let manifest = Manifest::read(directory)?;
    let submissions = Submissions::read(directory)?;
    let numbers = 1..=manifest.elements.len();
    let records = numbers.clone().map(|number| Record::read(directory, number)).collect::<Result<Vec<_>>>()?;
    let next: Vec<Option<String>> = numbers.map(|number| Record::next(directory, number)).collect();
    let queue = ask(manifest.system, &submissions, &records, &next);
    let standing = |i: usize| {
        let known = Known { manifest: &manifest, submissions: &submissions, queue: &queue };
        known.standing(i + 1, records[i].as_ref(), next[i].as_deref())
    };
    let standings = (0..manifest.elements.len()).map(standing).collect();
    let mut gathering = submissions.jobs.iter().filter(|job| job.elements.is_empty());
    let is_to_gather = gathering.any(|job| queue.of(&job.job) == Said::Waits);
    Ok(Status { manifest, submissions, standings, is_to_gather })
}

/// Asks the batch system for all jobs in which an element that is not done may be.
fn ask(system: System, submissions: &Submissions, records: &[Option<Record>], next: &[Option<String>]) -> Queue {
    let open = |i: usize| !records[i].as_ref().is_some_and(Record::is_done);
    if !(0..records.len()).any(open) {
        return Queue::silent();
    }
    let of_records = records.iter().flatten().map(|record| whole_name(system, &record.job));
    let submitted = submissions.jobs.iter().map(|job| job.job.clone());
    let mut jobs: Vec<String> = of_records.chain(submitted).chain(next.iter().flatten().cloned()).collect();
    jobs.retain(|job| job != "none");
    jobs.sort();
    jobs.dedup();
    Queue::ask(system, &jobs)
}

/// What is known of the whole.
struct Known<'a> {
    manifest: &'a Manifest,
    submissions: &'a Submissions,
    queue: &'a Queue,
}

impl Known<'_> {
    fn standing(&self, number: usize, record: Option<&Record>, next: Option<&str>) -> Standing {
        let element = &self.manifest.elements[number - 1];
        let tries = record.map_or(0, |record| record.tries);
        let (state, why, job) = self.judge(number, element, record, next);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let begun = record.filter(|record| record.step != Step::Requeued || record.ended.is_some());
        Standing {
            element: number,
            origin: element.origin.clone(),
            state,
            why,
            tries,
            node: record.map(|record| record.host.clone()),
            job,
            // Clocks of nodes differ.
            seconds: begun.map(|record| record.ended.unwrap_or(now).saturating_sub(record.begun)),
            checkpoint_age_s: element.checkpoint_age().map(|age| age.as_secs()),
        }
    }

    /// Its state, why, and its job.
    fn judge(
        &self,
        number: usize,
        element: &Element,
        record: Option<&Record>,
        next: Option<&str>,
    ) -> (State, String, Option<String>) {
        let recorded = record.map(|record| record.job.clone());
        if record.is_some_and(Record::is_done) {
            return (State::Done, String::new(), recorded);
        }
        if element.is_held() {
            return (State::Running, "a run holds its files".into(), recorded);
        }
        let tries = record.map_or(0, |record| record.tries);
        if let Some((submission, before)) = self.submissions.last_of(number)
            && before >= tries
        {
            let job = match submission.is_array {
                true => element_name(self.manifest.system, &submission.job, number),
                false => submission.job.clone(),
            };
            let (state, why) = match self.queue.of(&job) {
                Said::Waits => (State::Waiting, "is in the queue".into()),
                Said::Runs => (State::Running, "begins".into()),
                Said::Gone => (State::Lost, "is not in the queue any more".into()),
                Said::Nothing => (State::Waiting, "not known whether it is in the queue".into()),
            };
            return (state, why, Some(job));
        }
        let Some(record) = record else { return (State::Waiting, "is not submitted".into(), None) };
        let job = next.filter(|_| record.step == Step::Requeued).unwrap_or(&record.job);
        let said = self.queue.of(job);
        let again = format!("{}, is to go on", record.how_it_ended());
        let (state, why) = match (record.step, said) {
            (Step::Ended, _) if record.passes(element) => (State::Lost, record.how_it_ended()),
            (Step::Ended, _) => (State::Failed, record.how_it_ended()),
            (Step::Begun, Said::Runs) => (State::Running, String::new()),
            (Step::Begun, Said::Waits) => (State::Waiting, "is in the queue again".into()),
            (Step::Begun, Said::Gone) => (State::Lost, "ended without a word".into()),
            (Step::Begun, Said::Nothing) => (State::Unknown, "not known whether it runs".into()),
            (Step::Requeued, Said::Runs | Said::Waits) => (State::Waiting, again),
            (Step::Requeued, Said::Gone) => (State::Lost, format!("{again}, but is not in the queue")),
            (Step::Requeued, Said::Nothing) => {
                (State::Waiting, format!("{again}; not known whether it is in the queue"))
            }
        };
        (state, why, Some(job.into()))
    }
}
