//! Progress on a terminal, and in a log file.

use super::stderr::Stderr;
use crate::error::Bytes;
use crate::event::{Event, Listener, What};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

/// Lines on standard error: notes, planes as they begin and end, and every refresh if `verbose`.
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
        let text = self.names.line(&event.what);
        let wanted = match event.what {
            What::Note { .. } | What::TryingAgain { .. } => true,
            What::Refreshed { .. } => self.verbose && !self.notes_only,
            _ => !self.notes_only,
        };
        if let Some(text) = text.filter(|_| wanted) {
            // A reader that has gone (deconv ... | head) is no reason to fail.
            let _ = writeln!(std::io::stderr(), "[{:8.2} s] {text}", event.seconds);
        }
    }
}

/// A bar at the bottom of a terminal; notes and finished planes stay above it, with `verbose` every refresh too.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    names: Names,
    parts: Mutex<HashMap<usize, f64>>,
    verbose: bool,
}

/// Steps of the bar for each plane.
const STEPS: f64 = 1000.0;

impl Bar {
    /// An empty bar.
    pub fn new(verbose: bool) -> Bar {
        let bar = ProgressBar::new(0);
        if !std::io::stderr().is_terminal() {
            // indicatif would say nothing at all there.
            bar.set_draw_target(ProgressDrawTarget::term_like(Box::new(Stderr)));
        }
        if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} [{bar:24}] {percent:>3} %  {wide_msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(std::time::Duration::from_millis(100));
        Bar { bar, names: Names::default(), parts: Mutex::default(), verbose }
    }

    /// Sets how much of a plane is done; the bar never goes back.
    fn set(&self, plane: usize, part: f64) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = parts.entry(plane).or_default();
        *known = known.max(part);
        self.bar.set_position((STEPS * parts.values().sum::<f64>()) as u64);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Listener for Bar {
    fn hear(&self, event: &Event) {
        match event.what {
            What::PlaneStarted { planes, .. } => self.bar.set_length((STEPS * planes as f64) as u64),
            What::PlaneFinished { plane, .. } => self.set(plane, 1.0),
            What::Refreshed { plane, iterations, niter, first_peak, peak, level, .. } => {
                self.set(plane, part_done(iterations, niter, first_peak, peak, level));
            }
            _ => {}
        }
        let Some(text) = self.names.line(&event.what) else { return };
        let stays = self.verbose
            || matches!(event.what, What::Note { .. } | What::TryingAgain { .. } | What::PlaneFinished { .. });
        match stays {
            true => self.bar.println(text),
            false => self.bar.set_message(text),
        }
    }
}

/// How much of a plane is done: the way from the first peak down to the level, in decibels, or the part of the
/// components that are allowed, whichever is further.
fn part_done(iterations: u64, niter: u64, first_peak: f64, peak: f64, level: f64) -> f64 {
    let by_count = iterations as f64 / niter.max(1) as f64;
    let by_level =
        if level > 0.0 && first_peak > level { (first_peak / peak).ln() / (first_peak / level).ln() } else { 0.0 };
    by_count.max(by_level).clamp(0.0, 1.0)
}

/// What planes are called.
#[derive(Debug, Default)]
struct Names(Mutex<HashMap<usize, String>>);

impl Names {
    /// What an event reads like, if it is one for a reader.
    fn line(&self, what: &What) -> Option<String> {
        match what {
            What::PlaneStarted { plane, name, .. } => {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(*plane, name.clone());
                Some(format!("{}: begins", called(name)))
            }
            What::Refreshed { plane, iterations, niter, peak, rms, level, .. } => {
                let level = if *level > 0.0 { format!(", stops at {level:.4e}") } else { String::new() };
                let name = self.of(*plane);
                Some(format!(
                    "{name}: {iterations} of at most {niter} iterations, peak {peak:.4e}, rms {rms:.4e}{level}"
                ))
            }
            What::PlaneFinished { plane, reason } => Some(format!("{}: done, {reason}", self.of(*plane))),
            What::TryingAgain { error, attempt, of } => Some(format!("{error}\n  trying again ({attempt} of {of})")),
            What::Planned { peak_bytes, memory_bytes, scratch_bytes, output_bytes } => {
                let scratch = match scratch_bytes {
                    0 => "no scratch".into(),
                    bytes => format!("{} of scratch", Bytes(*bytes)),
                };
                let (peak, memory) = (Bytes(*peak_bytes as u64), Bytes(*memory_bytes as u64));
                Some(format!("will take {peak} of memory (of {memory}), {scratch}, and write {}", Bytes(*output_bytes)))
            }
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

#[cfg(test)]
mod tests {
    use super::part_done;

    #[test]
    fn a_plane_is_half_done_halfway_down_in_decibels() {
        assert!((part_done(0, 100, 1.0, 0.1, 0.01) - 0.5).abs() < 1e-12);
        assert_eq!(part_done(30, 100, 1.0, 1.0, 0.01), 0.3);
        assert_eq!(part_done(0, 100, 1.0, 0.001, 0.01), 1.0);
        assert_eq!(part_done(0, 0, 0.0, 0.0, 0.0), 0.0);
    }
}
