//! The threads that carry chunks between memory and scratch while workers compute.

use super::perform::{fail as fail_for_a_test, panicked};
use super::retry::persist;
use super::settings::{ScratchPlace, ScratchReport};
use super::state::Schedule;
use super::workers::{Office, State, fail};
use crate::error::{Error, Kind, Result};
use crate::kernel::Payload;
use crate::store::{Pool, Scratch, Transfer};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Condvar, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Threads that carry chunks to scratch and back: one reads while the other writes.
pub const PORTERS: usize = 2;

/// The name under which a test asks for failures of scratch (see [`Fault`](super::Fault)).
const SCRATCH: &str = "Scratch";

/// What porters share.
pub(super) struct Porters {
    /// Number of threads; where there is none, a worker that finds no task carries.
    pub(super) threads: usize,
    /// Told when there may be something to carry.
    pub(super) called: Condvar,
    place: Option<ScratchPlace>,
    scratch: OnceLock<Result<Scratch>>,
}

impl Porters {
    /// So many threads, and the place for a scratch file. It is made at once if it is known to be needed.
    ///
    /// # Errors
    /// Those of [`Scratch::create`].
    pub(super) fn new(threads: usize, place: Option<ScratchPlace>, needed: bool) -> Result<Porters> {
        let porters = Porters { threads, called: Condvar::new(), place, scratch: OnceLock::new() };
        if needed && porters.place.is_some() {
            porters.scratch()?;
        }
        Ok(porters)
    }

    fn scratch(&self) -> Result<&Scratch> {
        let make = || match &self.place {
            Some(place) => Scratch::create(&place.directory, place.bytes),
            None => Err(Error::new(Kind::Memory, "the run does not fit its memory, and has no directory for scratch")),
        };
        self.scratch.get_or_init(make).as_ref().map_err(Error::clone)
    }

    /// What went to scratch in a run of which each worker waited so long.
    pub(super) fn report(&self, schedule: &Schedule, waited: Duration, run: Duration) -> ScratchReport {
        let scratch = self.scratch.get().and_then(|scratch| scratch.as_ref().ok());
        let (read_bytes, written_bytes) = scratch.map_or((0, 0), Scratch::traffic);
        let waiting_share = if run.is_zero() { 0.0 } else { waited.div_duration_f64(run) };
        ScratchReport { peak_bytes: schedule.scratch_bytes(), read_bytes, written_bytes, waiting_share }
    }

    fn carry(&self, transfer: &Transfer, pool: &Pool) -> Result<Option<Payload>> {
        let scratch = self.scratch()?;
        match transfer {
            Transfer::Out(_, payload, slot) => scratch.write(payload, *slot).map(|()| None),
            Transfer::In(_, shape, slot) => {
                let mut payload = pool.payload(shape)?;
                match scratch.read(&mut payload, *slot) {
                    Ok(()) => Ok(Some(payload)),
                    Err(error) => {
                        pool.recycle(payload);
                        Err(error)
                    }
                }
            }
        }
    }
}

impl Office<'_, '_> {
    /// What every porter does until the run is over. A panic must not leave the workers waiting.
    pub(super) fn port(&self) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.carry_on())) {
            fail(&mut self.lock(), panicked(panic.as_ref()));
        }
        self.wake_all();
    }

    fn carry_on(&self) {
        let mut state = self.lock();
        while !state.is_over() {
            if self.settings.cancel.load(Ordering::Relaxed) {
                // The workers may all be waiting for what would be carried next.
                state.failure.get_or_insert_with(Error::interrupted);
                break;
            }
            let next = state.schedule.next_transfer(&self.pool);
            // To look for it may have let chunks go.
            self.call_worker(&mut state);
            state = match next {
                Some(transfer) => {
                    drop(state);
                    self.transfer(transfer)
                }
                None => {
                    self.refuse_if_stuck(&mut state);
                    self.wait(state)
                }
            };
        }
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        if state.is_over() {
            return state;
        }
        self.porters.called.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries one chunk.
    pub(super) fn transfer(&self, transfer: Transfer) -> MutexGuard<'_, State> {
        let fault = self.settings.fault.as_ref().filter(|fault| fault.kernel == SCRATCH).map(|fault| fault.mode);
        let carried = persist(&self.settings.cancel, self.events, |attempt| {
            fail_for_a_test(fault, attempt).and_then(|()| self.porters.carry(&transfer, &self.pool))
        });
        let mut state = self.lock();
        match carried {
            Ok(payload) => state.schedule.transferred(transfer, payload, &self.pool),
            Err(error) => {
                fail(&mut state, error);
                self.wake_all();
            }
        }
        self.call_another(&mut state);
        state
    }
}
