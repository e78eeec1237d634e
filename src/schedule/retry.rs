//! What fails for a reason that may pass is tried again.

use crate::error::{Error, Result};
use crate::event::{Events, What};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Pauses in seconds before what failed for a reason that may pass is tried again: three times.
const PAUSES: [f64; 3] = [0.1, 0.5, 2.0];

/// How often a pause looks whether the run is to stop.
const LOOK: Duration = Duration::from_millis(20);

/// Tries something, told how often it has failed already, until it succeeds, fails for good, or has failed once more than
/// there are pauses. Every new try is told.
///
/// # Errors
/// The last one; `Interrupted`, if the run is stopped meanwhile.
pub fn persist<T>(cancel: &AtomicBool, events: &Events, mut try_it: impl FnMut(u32) -> Result<T>) -> Result<T> {
    let mut attempt = 0;
    loop {
        let error = match try_it(attempt) {
            Err(error) if error.passing && (attempt as usize) < PAUSES.len() => error,
            result => return result,
        };
        let pause = PAUSES[attempt as usize];
        attempt += 1;
        events.tell(What::TryingAgain { error: error.to_string(), attempt, of: PAUSES.len() as u32 });
        wait(pause, cancel)?;
    }
}

/// Waits for so many seconds.
fn wait(seconds: f64, cancel: &AtomicBool) -> Result<()> {
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    while Instant::now() < end {
        if cancel.load(Ordering::Relaxed) {
            return Err(Error::interrupted());
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}
