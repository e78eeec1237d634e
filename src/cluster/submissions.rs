//! What was handed to the batch system.

use super::record::replace;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::Path;

/// A job that was handed to the batch system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// What the batch system calls it.
    pub job: String,
    /// The elements that it runs, each with how often it had begun by then. None: it gathers.
    pub elements: Vec<(usize, u32)>,
    /// Is it an array?
    pub is_array: bool,
}

/// All jobs of a job directory, in the order in which they were submitted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Submissions {
    /// The jobs.
    pub jobs: Vec<Submission>,
}

impl Submissions {
    /// Those of a job directory.
    ///
    /// # Errors
    /// Of kind `Input`, if they cannot be read.
    pub fn read(directory: &Path) -> Result<Submissions> {
        let path = directory.join("submissions.json");
        match std::fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Submissions::default()),
            Err(error) => Err(Error::input(&path, format!("cannot be read: {error}")).because(&error)),
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|error| Error::input(&path, format!("is damaged: {error}")))
            }
        }
    }

    /// Writes down one more, at once: what the batch system has taken must not be forgotten.
    ///
    /// # Errors
    /// Of kind `Output`, naming the job.
    pub fn add(&mut self, directory: &Path, submission: Submission) -> Result<()> {
        let job = submission.job.clone();
        self.jobs.push(submission);
        let text = serde_json::to_string_pretty(self).map_err(|error| Error::internal(format!("no list: {error}")))?;
        replace(&directory.join("submissions.json"), text + "\n")
            .map_err(|error| Error { message: format!("job {job} is submitted, but {}", error.message), ..error })
    }

    /// The last job that was to run an element, and how often the element had begun by then.
    pub fn last_of(&self, element: usize) -> Option<(&Submission, u32)> {
        let tries =
            |job: &Submission| job.elements.iter().find(|(number, _)| *number == element).map(|(_, tries)| *tries);
        self.jobs.iter().rev().find_map(|job| Some((job, tries(job)?)))
    }

    /// How often an element was submitted.
    pub fn count_of(&self, element: usize) -> usize {
        self.jobs.iter().filter(|job| job.elements.iter().any(|(number, _)| *number == element)).count()
    }
}
