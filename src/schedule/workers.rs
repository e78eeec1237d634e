//! The executors: one thread, or a pool of them, around the same state machine.

use super::perform::{panicked, perform};
use super::{Assignment, Client, Fault, Finished, Schedule};
use crate::error::{Error, Result};
use crate::event::{Events, What};
use crate::graph::Graph;
use crate::store::Pool;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Which executor runs the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheduler {
    /// The calling thread alone: for debugging and as the reference.
    Inline,
    /// A pool of worker threads.
    Threads,
}

/// How a run is made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The executor.
    pub scheduler: Scheduler,
    /// Number of worker threads of [`Scheduler::Threads`].
    pub threads: usize,
    /// Bytes that the clients under way together may need; one client is always let in.
    pub budget: usize,
    /// Set to stop the run.
    pub cancel: Arc<AtomicBool>,
    /// For tests: take ready tasks in an order drawn from this seed.
    pub shuffle: Option<u64>,
    /// For tests: hand out buffers full of NaN.
    pub poison: bool,
    /// For tests: let a kernel fail.
    pub fault: Option<Fault>,
}

impl Settings {
    /// A plain run on so many worker threads.
    pub fn threads(threads: usize) -> Settings {
        Settings {
            scheduler: Scheduler::Threads,
            threads: threads.max(1),
            budget: usize::MAX,
            cancel: Arc::default(),
            shuffle: None,
            poison: false,
            fault: None,
        }
    }

    /// A plain run on the calling thread.
    pub fn inline() -> Settings {
        Settings { scheduler: Scheduler::Inline, ..Settings::threads(1) }
    }

    /// Number of workers.
    pub fn workers(&self) -> usize {
        match self.scheduler {
            Scheduler::Inline => 1,
            Scheduler::Threads => self.threads.max(1),
        }
    }
}

/// What a run took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Tasks run.
    pub tasks: u64,
    /// The most bytes the buffer pool was predicted to hold.
    pub predicted_peak_bytes: usize,
    /// The most bytes it held.
    pub peak_bytes: usize,
}

/// Runs clients until all are done. They are let in in order, while their predicted peaks fit the budget and there
/// is a worker for each.
///
/// # Errors
/// The first error of a task or a client, or `Interrupted`.
pub fn run(clients: &mut [&mut dyn Client], settings: &Settings, events: &Events) -> Result<Report> {
    let workers = settings.workers();
    let state = State {
        schedule: Schedule::new(workers, settings.shuffle),
        waiting: clients.iter().map(|client| client.peak_bytes(workers)).enumerate().rev().collect(),
        under_way: Vec::new(),
        failure: None,
    };
    let clients = clients.iter_mut().map(Mutex::new).collect();
    let office = Office {
        state: Mutex::new(state),
        changed: Condvar::new(),
        clients,
        pool: Pool::new(settings.poison),
        settings,
        events,
    };
    match settings.scheduler {
        Scheduler::Inline => office.work(0),
        Scheduler::Threads => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(workers).thread_name(|i| format!("worker {i}"));
            let pool = pool.build().map_err(|e| Error::internal(format!("no worker threads: {e}")))?;
            let office = &office;
            pool.scope(|scope| (0..workers).for_each(|worker| scope.spawn(move |_| office.work(worker))));
        }
    }
    let state = office.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    match state.failure {
        Some(error) => Err(error),
        None => Ok(Report {
            tasks: state.schedule.tasks_ended(),
            predicted_peak_bytes: state.schedule.predicted_peak_bytes(),
            peak_bytes: office.pool.peak_bytes(),
        }),
    }
}

/// What the workers share.
struct Office<'a, 'c> {
    state: Mutex<State>,
    changed: Condvar,
    clients: Vec<Mutex<&'a mut &'c mut dyn Client>>,
    pool: Pool,
    settings: &'a Settings,
    events: &'a Events,
}

struct State {
    schedule: Schedule,
    /// Clients not yet let in with their predicted peaks, the next one last.
    waiting: Vec<(usize, usize)>,
    /// Clients let in and not done, with their predicted peaks.
    under_way: Vec<(usize, usize)>,
    failure: Option<Error>,
}

impl State {
    /// The next client that may be let in.
    fn admit(&mut self, budget: usize, workers: usize) -> Option<usize> {
        let &(client, peak) = self.waiting.last()?;
        let taken: usize = self.under_way.iter().map(|(_, peak)| peak).sum();
        let fits = self.under_way.len() < workers && taken.saturating_add(peak) <= budget;
        if !fits && !self.under_way.is_empty() {
            return None;
        }
        self.under_way.extend(self.waiting.pop());
        Some(client)
    }

    fn is_over(&self) -> bool {
        self.failure.is_some() || (self.waiting.is_empty() && self.under_way.is_empty())
    }
}

impl Office<'_, '_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What every worker does until there is nothing left to do.
    fn work(&self, worker: usize) {
        let mut state = self.lock();
        while !state.is_over() {
            if self.settings.cancel.load(Ordering::Relaxed) {
                state.failure.get_or_insert_with(Error::interrupted);
                break;
            }
            if let Some(client) = state.admit(self.settings.budget, self.settings.workers()) {
                drop(state);
                state = self.advance(Finished { client, answers: Vec::new() });
            } else if let Some(assignment) = state.schedule.next() {
                drop(state);
                state = self.perform(worker, assignment);
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Runs a task; when it was its graph's last, asks the client for the next graph.
    fn perform(&self, worker: usize, assignment: Assignment) -> MutexGuard<'_, State> {
        let (at, task, owned) =
            ((assignment.client, assignment.position), assignment.task.clone(), assignment.owned.is_some());
        let start = Instant::now();
        let result = perform(assignment, &self.pool, &self.settings.cancel, self.settings.fault.as_ref());
        if self.events.heard() {
            self.events.tell(What::TaskFinished {
                client: at.0,
                key: task.outputs[0],
                name: task.name(),
                worker,
                seconds: start.elapsed().as_secs_f64(),
                bytes: task.shapes().iter().map(crate::kernel::Shape::bytes).sum(),
            });
        }
        let mut state = self.lock();
        match result {
            Err(error) => fail(&mut state, error),
            Ok(outputs) => {
                if let Some(finished) = state.schedule.end(at, &task, owned, outputs, &self.pool) {
                    drop(state);
                    return self.advance(finished);
                }
            }
        }
        self.changed.notify_all();
        state
    }

    /// Tells a client its answers and submits what it wants next.
    fn advance(&self, finished: Finished) -> MutexGuard<'_, State> {
        let client = finished.client;
        let ask = || {
            let mut client = self.clients[client].lock().unwrap_or_else(PoisonError::into_inner);
            client.advance(finished.answers)
        };
        // A panic here must not leave the other workers waiting.
        let next = catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
        let mut state = self.lock();
        if let Err(error) = next.and_then(|graph| self.take(&mut state, client, graph)) {
            fail(&mut state, error);
        }
        self.changed.notify_all();
        state
    }

    fn take(&self, state: &mut State, client: usize, graph: Option<Graph>) -> Result<()> {
        let Some(graph) = graph else {
            state.under_way.retain(|(other, _)| *other != client);
            state.schedule.close(client, &self.pool);
            return Ok(());
        };
        let tasks = graph.tasks.len();
        if tasks == 0 {
            return Err(Error::internal("a client submitted a graph without tasks"));
        }
        let prediction = state.schedule.submit(client, graph, &self.pool)?;
        self.events.tell(What::GraphSubmitted { client, tasks, peak_bytes: prediction.peak_bytes() });
        Ok(())
    }
}

/// Keeps the first failure, but one that says more than that the run was stopped.
fn fail(state: &mut State, error: Error) {
    match &state.failure {
        Some(known) if known.kind != crate::error::Kind::Interrupted => {}
        _ => state.failure = Some(error),
    }
}
