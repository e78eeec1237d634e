//! Listeners to events: what the user sees while it runs.

mod progress;
mod stderr;

pub use progress::{Bar, Lines};
