//! How fast a device is: seconds of what is tried several times, and of its memory.

use super::{Bandwidth, Gpu, Recorded};
use crate::error::Result;
use std::time::{Duration, Instant};

/// Something is tried again for so long.
const WHILE: Duration = Duration::from_millis(40);

/// Bytes that are copied: more than caches hold.
const COPIED: u64 = 256 << 20;

/// Bytes that are carried.
const CARRIED: u64 = 64 << 20;

/// The most commands that are handed to a device at once.
const MOST_ROUNDS: usize = 256;

/// Seconds that something takes: the least of several tries, the first of which does not count.
///
/// # Errors
/// Those of the work.
pub fn seconds(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    work()?;
    let begun = Instant::now();
    let mut least = f64::INFINITY;
    loop {
        let try_begun = Instant::now();
        work()?;
        least = least.min(try_begun.elapsed().as_secs_f64());
        if begun.elapsed() >= WHILE {
            return Ok(least);
        }
    }
}

impl Gpu {
    /// Seconds that the device takes for what is recorded, apart from recording it: so often is it handed over at once that the way there
    /// and back does not count, but not more often than that.
    ///
    /// # Errors
    /// Of kind `Device`; those of recording.
    pub fn seconds(&self, most: usize, record: impl Fn() -> Result<Vec<Recorded>>) -> Result<f64> {
        let time = |rounds: usize| {
            let mut recorded = Vec::new();
            for _ in 0..rounds {
                recorded.extend(record()?);
            }
            self.wait(None)?;
            let begun = Instant::now();
            self.wait(Some(self.submit(recorded)?))?;
            Ok(begun.elapsed().as_secs_f64() / rounds as f64)
        };
        // The first time shaders and tables are made.
        time(1)?;
        let about: f64 = time(1)?;
        let rounds = ((WHILE.as_secs_f64() / about) as usize).clamp(1, most.clamp(1, MOST_ROUNDS));
        // What takes long is not tried in vain.
        let tries = if about < 10.0 * WHILE.as_secs_f64() { 3 } else { 0 };
        (0..tries).try_fold(about, |least, _| Ok(least.min(time(rounds)?)))
    }

    /// How fast its memory is, and how fast it is reached.
    ///
    /// # Errors
    /// Of kind `Device`.
    pub fn bandwidth(&self) -> Result<Bandwidth> {
        let facts = self.facts();
        let room = facts.largest.min(facts.room / 4) / 4 * 4;
        let (copied, carried) = (COPIED.min(room) as usize, CARRIED.min(room) as usize);
        let (a, b) = (self.chunk(copied)?, self.chunk(copied)?);
        let there_and_back = self.seconds(MOST_ROUNDS, || {
            let mut recorder = self.recorder();
            recorder.copy(&a, &b, (0, 0), copied);
            recorder.copy(&b, &a, (0, 0), copied);
            Ok(vec![recorder.finish()])
        })?;
        let mut bytes = vec![1; carried];
        let upload = seconds(|| {
            self.upload(&bytes, &a)?;
            self.wait(None)
        })?;
        let download = seconds(|| self.download(&a, &mut bytes))?;
        let (copied, carried) = (copied as f64, carried as f64);
        Ok(Bandwidth {
            // Two copies, each of which reads and writes.
            copy_bytes_per_s: 4.0 * copied / there_and_back,
            upload_bytes_per_s: carried / upload,
            download_bytes_per_s: carried / download,
        })
    }
}
