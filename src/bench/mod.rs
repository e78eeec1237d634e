//! Which chunk size, measured: `deconv bench`.
//!
//! A real job is run at every point of a sweep (chunks, overlaps, threads, methods, schedulers, storage strips), each time by a process of
//! its own, so that its memory and its processor time are its own. The repetitions of a sweep come one after the other, each over
//! all points, so that what else the machine does at a time falls on all of them; what counts is the median.
//!
//! Figures of a run, beside those of its [`crate::job::Summary`], whose workers' time is workers × seconds from the first task to the last:
//!
//! - *idle*: the part of the workers' time in which no processor worked for them.
//! - *scheduling*: the part that is neither idle nor in kernels: graphs made, cut, ordered and priced, tasks handed out.
//! - *efficiency*: the time of one thread over (threads × the time of several).

mod child;
mod findings;
mod options;
mod picture;
mod record;
mod run;
mod words;

pub use findings::{Finding, Spread};
pub use options::{Chunk, Input, Options, Point};
pub use record::Measured;
pub use run::{Report, bench};
