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
        idle: 0,
        called: 0,
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
    /// Workers that sleep and have not been called.
    idle: usize,
    /// Workers that have been called and have not woken yet.
    called: usize,
    failure: Option<Error>,
}

impl State {
    /// May the next client be let in?
    fn may_admit(&self, settings: &Settings) -> bool {
        let Some((_, peak)) = self.waiting.last() else { return false };
        let taken: usize = self.under_way.iter().map(|(_, peak)| peak).sum();
        let fits = self.under_way.len() < settings.workers() && taken.saturating_add(*peak) <= settings.budget;
        fits || self.under_way.is_empty()
    }

    /// The next client that may be let in.
    fn admit(&mut self, settings: &Settings) -> Option<usize> {
        let next = if self.may_admit(settings) { self.waiting.pop() } else { None };
        self.under_way.extend(next);
        next.map(|(client, _)| client)
    }

    fn is_over(&self) -> bool {
        self.failure.is_some() || (self.waiting.is_empty() && self.under_way.is_empty())
    }
}

impl Office<'_, '_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What every worker does until there is nothing left to do. A panic of the scheduler itself, or of a listener,
    /// must not leave the other workers waiting.
    fn work(&self, worker: usize) {
        let worked = catch_unwind(AssertUnwindSafe(|| self.work_on(worker)));
        if let Err(panic) = worked {
            fail(&mut self.lock(), panicked(panic.as_ref()));
        }
        self.changed.notify_all();
    }

    fn work_on(&self, worker: usize) {
        let mut state = self.lock();
        while !state.is_over() {
            if self.settings.cancel.load(Ordering::Relaxed) {
                state.failure.get_or_insert_with(Error::interrupted);
            } else if let Some(client) = state.admit(self.settings) {
                self.call_another(&mut state);
                drop(state);
                state = self.advance(Finished { client, answers: Vec::new() });
            } else if let Some(assignment) = state.schedule.next_task() {
                self.call_another(&mut state);
                drop(state);
                state = self.perform(worker, assignment);
            } else {
                state = self.sleep(state);
            }
        }
    }

    /// Sleeps until called.
    ///
    /// Whoever changes the state looks for work itself next, and calls one other worker if there is more than it takes;
    /// that one does the same. So nobody is woken for nothing, and no work waits while somebody sleeps.
    fn sleep<'s>(&self, mut state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        state.idle += 1;
        while state.called == 0 && !state.is_over() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.called = state.called.saturating_sub(1);
        state
    }

    /// Wakes a sleeping worker if there is something to do for it.
    fn call_another(&self, state: &mut State) {
        if state.idle > 0 && (state.may_admit(self.settings) || state.schedule.has_task()) {
            state.idle -= 1;
            state.called += 1;
            self.changed.notify_one();
        }
    }

    /// Runs a task; when it was its graph's last, asks the client for the next graph.
    fn perform(&self, worker: usize, assignment: Assignment) -> MutexGuard<'_, State> {
        let (at, task, owned) =
            ((assignment.client, assignment.position), assignment.task.clone(), assignment.owned.is_some());
        let start = Instant::now();
        let fault = self.settings.fault.as_ref();
        let result = perform(assignment, &self.pool, &self.settings.cancel, fault, self.events);
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
        state
    }

    fn take(&self, state: &mut State, client: usize, graph: Option<Graph>) -> Result<()> {
        let Some(graph) = graph else {
            state.under_way.retain(|(other, _)| *other != client);
            state.schedule.close(client, &self.pool);
            return Ok(());
        };
        let tasks = graph.tasks.len();
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
