//! Listeners to events: what the user sees while it runs.

mod progress;

pub use progress::{Bar, Lines};
