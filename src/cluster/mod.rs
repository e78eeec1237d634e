//! Runs as jobs of a batch system: job directories, their scripts, what became of them.
//!
//! A *job directory* holds everything about a submission:
//!
//! | file | what |
//! | --- | --- |
//! | `manifest.json` | the elements: a run each, with what it reads and writes ([`Manifest`]) |
//! | `job.sh` | the batch script that runs one element |
//! | `gather.sh` | the last job, which looks whether all is there |
//! | `elements/N.sh` | the command line of element N, where there are several |
//! | `elements/N.json` | how far it is, written by `job.sh` ([`Record`]) |
//! | `elements/N-summary.json` | the summary of its run |
//! | `parts/` | products of elements that work on some planes of a cube each; they are made one when all are done |
//! | `logs/` | what the jobs print |
//! | `submissions.json` | what was handed to the batch system |
//! | `summary.csv`, `summary.json` | what `deconv gather` found |
//!
//! Scripts know nothing that is not in them or in these files, and a file is either the old or the new one, whatever happens.

mod cubes;
mod element;
mod gather;
mod maker;
mod manifest;
mod pattern;
mod queue;
mod quote;
mod record;
mod resources;
mod script;
mod standing;
mod submissions;
mod submit;
mod system;
mod table;
mod taken;

pub use element::{Language, OptionKind, Setting};
pub use gather::{Gathered, gather};
pub use manifest::{Cube, Element, Manifest};
pub use record::{Record, Step};
pub use standing::{Standing, State, Status, status};
pub use submissions::{Submission, Submissions};
pub use submit::{JobOptions, Prepared, prepare};
pub use system::System;
