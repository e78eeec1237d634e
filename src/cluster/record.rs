//! How far an element is: what its script writes down.

use super::manifest::Element;
use crate::error::{Error, Result};
use crate::image::Hidden;
use serde::{Deserialize, Serialize};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How far an element is, as its script says: `elements/N.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What it did last.
    pub step: Step,
    /// The exit status of the run, if it has ended.
    pub status: Option<i32>,
    /// How often it has begun.
    pub tries: u32,
    /// Does its run replace what is there?
    pub anew: bool,
    /// The job in which it ran last.
    pub job: String,
    /// The node on which it ran last.
    pub host: String,
    /// When it began last, in seconds since 1970, by the clock of the node.
    pub begun: u64,
    /// When its run ended, likewise.
    pub ended: Option<u64>,
}

/// What an element did last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// It began.
    Begun,
    /// It is to begin again: it has asked the batch system for that, or `deconv gather` has.
    Requeued,
    /// It ended.
    Ended,
}

/// The file of an element, by its number.
pub fn path(directory: &Path, number: usize) -> PathBuf {
    directory.join("elements").join(format!("{number}.json"))
}

impl Record {
    /// That of an element; none if it has never begun.
    ///
    /// # Errors
    /// Of kind `Input`, if it cannot be read.
    pub fn read(directory: &Path, number: usize) -> Result<Option<Record>> {
        let path = path(directory, number);
        match std::fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::input(&path, format!("cannot be read: {error}")).because(&error)),
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| Error::input(&path, format!("is damaged: {error}")).remedy("remove it to start anew")),
        }
    }

    /// Writes it in place of the old one, as the script would.
    ///
    /// # Errors
    /// Of kind `Output`.
    pub fn write(&self, directory: &Path, number: usize) -> Result<()> {
        let text = serde_json::to_string(self).map_err(|error| Error::internal(format!("no record: {error}")))?;
        replace(&path(directory, number), text + "\n")
    }

    /// The job in which the element runs next, if it has handed itself in again.
    pub fn next(directory: &Path, number: usize) -> Option<String> {
        let text = std::fs::read_to_string(directory.join("elements").join(format!("{number}.next"))).ok()?;
        Some(text.trim().to_string()).filter(|job| !job.is_empty())
    }

    /// Has the run ended well?
    pub fn is_done(&self) -> bool {
        self.step == Step::Ended && self.status == Some(0)
    }

    /// May the run end well if it is tried again?
    ///
    /// Wrong usage does not pass. A run that failed and left something to go on from, or found another one at work, may;
    /// so may one that was stopped or killed, or that could not begin on its node.
    pub fn passes(&self, element: &Element) -> bool {
        match self.status {
            Some(0 | 2) => false,
            Some(1) => element.is_begun(),
            _ => true,
        }
    }

    /// The exit status in words.
    pub fn how_it_ended(&self) -> String {
        match self.status {
            None => "has not ended".into(),
            Some(0) => "done".into(),
            Some(75) => "was stopped".into(),
            Some(78) => "could not be set up on its node (exit status 78)".into(),
            Some(signalled @ 129..=192) => format!("was killed (signal {})", signalled - 128),
            Some(status) => format!("failed (exit status {status})"),
        }
    }
}

impl Element {
    /// Is there a checkpoint, or an unfinished product?
    pub fn is_begun(&self) -> bool {
        self.checkpoint.exists() || self.products.iter().any(|path| Hidden::is_begun(path))
    }

    /// Is a run at work on its products?
    pub fn is_held(&self) -> bool {
        self.products.iter().any(|path| Hidden::is_held(path))
    }

    /// How long ago its checkpoint was written, if there is one.
    pub fn checkpoint_age(&self) -> Option<Duration> {
        let written = std::fs::metadata(&self.checkpoint).ok()?.modified().ok()?;
        Some(SystemTime::now().duration_since(written).unwrap_or_default())
    }
}

/// Writes a file, whole or not at all, in place of what is there.
///
/// # Errors
/// Of kind `Output`.
pub fn replace(path: &Path, text: impl AsRef<[u8]>) -> Result<()> {
    let mut file = Hidden::create(path)?;
    file.file().write_all(text.as_ref()).and_then(|()| file.file().sync_all()).map_err(|error| file.failed(&error))?;
    file.publish(true)
}
