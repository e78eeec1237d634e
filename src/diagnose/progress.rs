//! Progress on a terminal, and in a log file.

use super::stderr::Stderr;
use crate::event::{Event, Listener, What};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

/// A plain line on standard error for every plane and every note; with `verbose`, for every refresh too.
#[derive(Debug, Default)]
pub struct Lines {
    verbose: bool,
    notes_only: bool,
    names: Names,
}

impl Lines {
    /// Writes a line for each refresh too if `verbose`.
    pub fn new(verbose: bool) -> Lines {
        Lines { verbose, ..Lines::default() }
    }

    /// Writes notes and nothing else.
    pub fn notes_only() -> Lines {
        Lines { notes_only: true, ..Lines::default() }
    }
}

impl Listener for Lines {
    fn hear(&self, event: &Event) {
        if self.notes_only && !matches!(event.what, What::Note { .. }) {
            return;
        }
        if let Some(text) = self.names.line(&event.what, self.verbose) {
            // A reader that has gone (deconv ... | head) is no reason to fail.
            let _ = writeln!(std::io::stderr(), "[{:8.2} s] {text}", event.seconds);
        }
    }
}

/// A line at the bottom of a terminal that is written anew with every refresh; notes stay above it.
#[derive(Debug)]
pub struct Bars {
    bar: ProgressBar,
    names: Names,
    verbose: bool,
}

impl Bars {
    /// A spinner; with `verbose`, a line for each refresh stays above it.
    pub fn new(verbose: bool) -> Bars {
        let bar = ProgressBar::new_spinner();
        if !std::io::stderr().is_terminal() {
            // indicatif would say nothing at all there.
            bar.set_draw_target(ProgressDrawTarget::term_like(Box::new(Stderr)));
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(std::time::Duration::from_millis(100));
        Bars { bar, names: Names::default(), verbose }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Listener for Bars {
    fn hear(&self, event: &Event) {
        if let Some(text) = self.names.line(&event.what, true) {
            let stays = self.verbose || matches!(event.what, What::Note { .. } | What::PlaneFinished { .. });
            match stays {
                true => self.bar.println(text),
                false => self.bar.set_message(text),
            }
        }
    }
}

/// What planes are called.
#[derive(Debug, Default)]
struct Names(Mutex<HashMap<usize, String>>);

impl Names {
    /// What an event reads like, if it is one for a reader.
    fn line(&self, what: &What, verbose: bool) -> Option<String> {
        match what {
            What::PlaneStarted { plane, name } => {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(*plane, name.clone());
                Some(format!("{}: begins", called(name)))
            }
            What::Refreshed { plane, iterations, niter, peak, rms, level } if verbose => Some(format!(
                "{}: {iterations} of at most {niter} components, peak {peak:.4e}, rms {rms:.4e}, stops at {level:.4e}",
                self.of(*plane)
            )),
            What::PlaneFinished { plane, reason } => Some(format!("{}: done, {reason}", self.of(*plane))),
            What::Note { plane: Some(plane), text } => Some(format!("{}: note: {text}", self.of(*plane))),
            What::Note { plane: None, text } => Some(format!("note: {text}")),
            _ => None,
        }
    }

    fn of(&self, plane: usize) -> String {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        called(names.get(&plane).map_or(&plane.to_string(), |name| name))
    }
}

/// `I` becomes `plane I`; `plane 0` and `channel 3` need no more words.
fn called(name: &str) -> String {
    if name.contains(' ') { name.to_string() } else { format!("plane {name}") }
}
