//! Keeps the checkpoint of a job: what is in it, and when it is written.

use super::Options;
use super::checkpoint::{Checkpoint, PlaneState};
use super::plane::PlaneResult;
use super::shelf::Shelved;
use crate::algorithm::Saved;
use crate::error::{Error, Kind, Result};
use crate::event::Events;
use crate::image::Hidden;
use crate::image::file::path_of;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

/// What a first checkpoint is expected to cost: seconds for the file, and for every byte of the inputs, which are read for it.
const FIRST: (f64, f64) = (0.05, 1e-9);

/// Length of a file and when it was changed last.
type Stamp = (u64, SystemTime);

fn stamps(options: &Options) -> Vec<Option<Stamp>> {
    let stamp = |name: &Path| {
        let metadata = std::fs::metadata(path_of(name)).ok()?;
        Some((metadata.len(), metadata.modified().ok()?))
    };
    options.files().into_iter().map(|(_, name)| stamp(name)).collect()
}

/// How far planes are that are worked on as one.
pub enum Standing {
    /// They are done.
    Done(Vec<PlaneResult>),
    /// They go on from what lies on the shelf.
    Held(Box<Shelved>),
    /// They go on from there, or start anew.
    From(Option<Box<Saved>>),
}

/// Knows how far the planes of a job are, and writes that down: at most so often that it takes a given part of the run's
/// time, and where the run ends before its time.
#[derive(Debug)]
pub struct Keeper {
    path: PathBuf,
    options: Options,
    /// Of the inputs, when the job began.
    stamps: Vec<Option<Stamp>>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    checkpoint: Checkpoint,
    /// Are the contents of the inputs in the fingerprint?
    complete: bool,
    /// Is there a checkpoint of this job?
    on_disk: bool,
    /// Does it say less than is known?
    stale: bool,
    /// Number of checkpoints written.
    written: u64,
    /// Seconds that they have taken.
    spent: f64,
    /// Seconds that the next one is expected to take.
    expected: f64,
    /// Has a failure to write been told?
    told: bool,
}

impl Keeper {
    /// For a job that begins: nothing is known of its planes.
    pub fn begin(path: &Path, options: &Options, checkpoint: Checkpoint, input_bytes: u64) -> Keeper {
        Keeper::new(path, options, checkpoint, (false, FIRST.0 + FIRST.1 * input_bytes as f64))
    }

    /// For a job that goes on from a checkpoint, with what could be taken over of it.
    pub fn resume(path: &Path, options: &Options, checkpoint: Checkpoint) -> Keeper {
        Keeper::new(path, options, checkpoint, (true, FIRST.0))
    }

    fn new(path: &Path, options: &Options, checkpoint: Checkpoint, (resumed, expected): (bool, f64)) -> Keeper {
        let (complete, on_disk) = (resumed, resumed);
        let inner =
            Inner { checkpoint, complete, on_disk, stale: false, written: 0, spent: 0.0, expected, told: false };
        let stamps = stamps(options);
        Keeper { path: path.into(), options: options.clone(), stamps, inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What planes that are worked on as one go on from, if from anything; or what came of them, if all are done.
    pub fn state(&self, planes: &[usize]) -> Standing {
        let states = &self.lock().checkpoint.planes;
        let done = planes.iter().map(|&plane| match &states[plane] {
            PlaneState::Done(result) => Some(result.as_ref().clone()),
            _ => None,
        });
        match (done.collect(), &states[planes[0]]) {
            (Some(results), _) => Standing::Done(results),
            (None, PlaneState::Held(shelved)) => Standing::Held(shelved.clone()),
            (None, PlaneState::Running(saved)) => Standing::From(Some(saved.clone())),
            _ => Standing::From(None),
        }
    }

    /// Planes that are worked on as one have come to a refresh that they can go on from.
    pub fn refreshed(&self, planes: &[usize], saved: Saved, events: &Events) {
        let others = planes[1..].iter().map(|&plane| (plane, PlaneState::Joined));
        let first = (planes[0], PlaneState::Running(Box::new(saved)));
        self.keep(std::iter::once(first).chain(others), events);
    }

    /// Where the checkpoint is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Is it time for a state that takes so many seconds to be put on the shelf?
    pub fn is_due(&self, seconds: f64, events: &Events) -> bool {
        let inner = self.lock();
        inner.spent + inner.expected + seconds <= self.options.checkpoint_share * events.seconds()
    }

    /// The state of a plane lies on the shelf, which took so many seconds: the checkpoint is written. Does it count on it?
    pub fn held(&self, plane: usize, shelved: Shelved, seconds: f64, events: &Events) -> bool {
        let mut inner = self.lock();
        inner.checkpoint.planes[plane] = PlaneState::Held(Box::new(shelved));
        inner.spent += seconds;
        self.write(&mut inner, events);
        !inner.stale
    }

    /// Planes that are worked on as one are done.
    pub fn done(&self, results: &[(usize, PlaneResult)], events: &Events) {
        self.keep(results.iter().map(|(plane, result)| (*plane, PlaneState::Done(Box::new(result.clone())))), events);
    }

    fn keep(&self, states: impl Iterator<Item = (usize, PlaneState)>, events: &Events) {
        let mut inner = self.lock();
        states.for_each(|(plane, state)| inner.checkpoint.planes[plane] = state);
        inner.stale = true;
        if inner.spent + inner.expected <= self.options.checkpoint_share * events.seconds() {
            self.write(&mut inner, events);
        }
    }

    /// The products are complete, and are to be published one after the other: where there is a checkpoint, it says so, or
    /// a run that is killed in between could not be gone on with.
    pub fn complete(&self, events: &Events) {
        let mut inner = self.lock();
        if inner.on_disk && inner.stale {
            self.write(&mut inner, events);
        }
    }

    /// Writes the checkpoint. That it cannot be written is no reason to end the run; it is told once.
    fn write(&self, inner: &mut Inner, events: &Events) {
        let start = Instant::now();
        let written = self.try_write(inner);
        inner.expected = start.elapsed().as_secs_f64();
        inner.spent += inner.expected;
        match written {
            Ok(()) => {
                (inner.on_disk, inner.stale) = (true, false);
                inner.written += 1;
            }
            Err(error) if !std::mem::replace(&mut inner.told, true) => {
                events.note(None, format!("the run cannot be gone on with if it is stopped: {error}"));
            }
            Err(_) => {}
        }
    }

    fn try_write(&self, inner: &mut Inner) -> Result<()> {
        if !inner.complete {
            if stamps(&self.options) != self.stamps {
                return Err(Error::new(Kind::Input, "an input was changed during the run"));
            }
            inner.checkpoint.fingerprint = inner.checkpoint.fingerprint.clone().with_contents(&self.options)?;
            inner.complete = true;
        }
        inner.checkpoint.write(&self.path)
    }

    /// The run ends with an error: writes down how far it came, if that is of use, and says in the error how to go on.
    pub fn give_up(&self, error: Error, events: &Events) -> Error {
        let mut inner = self.lock();
        let begun = inner.checkpoint.planes.iter().any(|state| *state != PlaneState::New);
        let passes = error.passing || matches!(error.kind, Kind::Interrupted | Kind::Output | Kind::Memory);
        if begun && passes && inner.stale {
            self.write(&mut inner, events);
        }
        if !inner.on_disk {
            return error;
        }
        let file = self.path.display();
        match error.kind {
            Kind::Interrupted => Error { message: format!("stopped on request; its state is in {file}"), ..error }
                .remedy("give the same command with --resume to go on"),
            _ => {
                let first = error.remedy.as_ref().map_or(String::new(), |remedy| format!("{remedy}; "));
                let remedy = format!("{first}give the same command with --resume to go on: its state is in {file}");
                error.remedy(remedy)
            }
        }
    }

    /// How many checkpoints were written, and the seconds that they took.
    pub fn cost(&self) -> (u64, f64) {
        let inner = self.lock();
        (inner.written, inner.spent)
    }

    /// Is there a checkpoint that counts on the product files?
    pub fn is_on_disk(&self) -> bool {
        self.lock().on_disk
    }

    /// The job has succeeded: its checkpoint goes.
    pub fn succeed(&self) {
        // A checkpoint that outlives its run is refused or overwritten later: no reason to fail now.
        if self.is_on_disk() {
            let _ = std::fs::remove_file(&self.path);
        }
        Hidden::sweep(&self.path);
    }
}
