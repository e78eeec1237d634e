//! The executors: one thread, or a pool of them, around the same state machine.

use super::perform::{Bench, Spent, panicked, perform};
use super::porters::{PORTERS, Porters};
use super::{Assignment, Client, Finished, KernelTime, Report, Schedule, Scheduler, Settings, Site};
use crate::error::{Error, Kind, Result};
use crate::event::{Events, What};
use crate::graph::Graph;
use crate::store::Pool;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Workers at a device: while one waits for it the other hands it more, or carries chunks.
const DEVICE_WORKERS: usize = 2;

/// Runs clients until all are done. They are let in in order, while their predicted peaks fit the budget, and the device's memory, and
/// there is a worker for each.
///
/// # Errors
/// The first error of a task or a client, or `Interrupted`.
pub fn run(clients: &mut [&mut dyn Client], settings: &Settings, events: &Events) -> Result<Report> {
    let begun = Instant::now();
    let workers = settings.workers();
    let peak = |client: &&mut dyn Client| Peak { memory: client.peak_bytes(workers), device: client.device_bytes() };
    let peaks: Vec<Peak> = clients.iter().map(peak).collect();
    let spills = peaks.iter().any(|peak| peak.memory > settings.budget);
    let room = settings.device.as_ref().map_or(0, |gpu| gpu.facts().room as usize);
    let state = State {
        schedule: Schedule::new(workers, settings.shuffle, settings.budget).on_device(room),
        room,
        waiting: peaks.into_iter().enumerate().rev().collect(),
        under_way: Vec::new(),
        crews: [Crew::default(), Crew::default()],
        waited: Duration::ZERO,
        kernels: BTreeMap::new(),
        failure: None,
    };
    let clients = clients.iter_mut().map(Mutex::new).collect();
    let porters = if spills && settings.scheduler == Scheduler::Threads { PORTERS } else { 0 };
    let office = Office {
        state: Mutex::new(state),
        changed: [Condvar::new(), Condvar::new()],
        last: Mutex::new(begun),
        clients,
        pool: Pool::new(settings.poison),
        porters: Porters::new(porters, settings.scratch.clone(), spills)?,
        settings,
        events,
    };
    match settings.scheduler {
        Scheduler::Inline => office.work(0, Site::ALL),
        Scheduler::Threads => {
            let there = if settings.device.is_some() { DEVICE_WORKERS } else { 0 };
            let threads = workers + there + porters;
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("worker {i}"));
            let pool = pool.build().map_err(|e| Error::internal(format!("no worker threads: {e}")))?;
            let office = &office;
            pool.scope(|scope| {
                (0..workers).for_each(|worker| scope.spawn(move |_| office.work(worker, &[Site::Memory])));
                (0..there).for_each(|i| scope.spawn(move |_| office.work(workers + i, &[Site::Device])));
                (0..porters).for_each(|_| scope.spawn(move |_| office.port()));
            });
        }
    }
    let state = office.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    match state.failure {
        Some(error) => Err(error),
        None => Ok(Report {
            tasks: state.schedule.tasks_ended(),
            predicted_peak_bytes: state.schedule.predicted_peak_bytes(),
            peak_bytes: office.pool.peak_bytes(),
            scratch: office.porters.report(&state.schedule, state.waited.div_f64(workers as f64), begun.elapsed()),
            device_peak_bytes: settings.device.as_ref().map_or(0, |gpu| gpu.used_bytes().1),
            kernels: state.kernels,
        }),
    }
}

/// What the workers share.
pub(super) struct Office<'a, 'c> {
    pub(super) state: Mutex<State>,
    /// Told when there may be something to do at a site.
    changed: [Condvar; 2],
    /// When the last task on the device was done.
    last: Mutex<Instant>,
    clients: Vec<Mutex<&'a mut &'c mut dyn Client>>,
    pub(super) pool: Pool,
    pub(super) porters: Porters,
    pub(super) settings: &'a Settings,
    pub(super) events: &'a Events,
}

/// The workers of a site.
#[derive(Debug, Clone, Copy, Default)]
struct Crew {
    /// Those that sleep and have not been called.
    idle: usize,
    /// Those that have been called and have not woken yet.
    called: usize,
}

/// What a client was predicted to need: bytes of the buffer pool and of the device's memory.
#[derive(Debug, Clone, Copy)]
struct Peak {
    memory: usize,
    device: usize,
}

pub(super) struct State {
    pub(super) schedule: Schedule,
    /// Bytes of the device's memory.
    room: usize,
    /// Clients not yet let in with their predicted peaks, the next one last.
    waiting: Vec<(usize, Peak)>,
    /// Clients let in and not done, with their predicted peaks.
    under_way: Vec<(usize, Peak)>,
    /// The workers in memory and at the device.
    crews: [Crew; 2],
    /// What workers have spent waiting for the scratch file, together.
    pub(super) waited: Duration,
    kernels: BTreeMap<&'static str, KernelTime>,
    pub(super) failure: Option<Error>,
}

impl State {
    /// May the next client be let in?
    fn may_admit(&self, settings: &Settings) -> bool {
        let Some((_, peak)) = self.waiting.last() else { return false };
        let taken: usize = self.under_way.iter().map(|(_, peak)| peak.memory).sum();
        let there: usize = self.under_way.iter().map(|(_, peak)| peak.device).sum();
        let fits = taken.saturating_add(peak.memory) <= settings.budget && there + peak.device <= self.room;
        fits && self.under_way.len() < settings.workers() || self.under_way.is_empty()
    }

    /// The next client that may be let in.
    fn admit(&mut self, settings: &Settings) -> Option<usize> {
        let next = if self.may_admit(settings) { self.waiting.pop() } else { None };
        self.under_way.extend(next);
        next.map(|(client, _)| client)
    }

    fn count(&mut self, spent: Spent) {
        for (kernel, seconds) in spent {
            let time = self.kernels.entry(kernel).or_default();
            time.runs += 1;
            time.seconds += seconds;
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.failure.is_some() || (self.waiting.is_empty() && self.under_way.is_empty())
    }
}

impl Office<'_, '_> {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What every worker does until there is nothing left to do. A panic of the scheduler itself, or of a listener,
    /// must not leave the other workers waiting.
    fn work(&self, worker: usize, sites: &[Site]) {
        let worked = catch_unwind(AssertUnwindSafe(|| self.work_on(worker, sites)));
        if let Err(panic) = worked {
            fail(&mut self.lock(), panicked(panic.as_ref()));
        }
        self.wake_all();
    }

    /// The run is over: everybody shall look.
    pub(super) fn wake_all(&self) {
        self.changed.iter().for_each(Condvar::notify_all);
        self.porters.called.notify_all();
    }

    fn work_on(&self, worker: usize, sites: &[Site]) {
        let home = sites[0];
        let mut state = self.lock();
        while !state.is_over() {
            if self.settings.cancel.load(Ordering::Relaxed) {
                state.failure.get_or_insert_with(Error::interrupted);
            } else if let Some(client) = if home == Site::Memory { state.admit(self.settings) } else { None } {
                self.call_another(&mut state);
                drop(state);
                state = self.advance(Finished { client, answers: Vec::new() });
            } else if let Some(assignment) = sites.iter().find_map(|site| state.schedule.next_task(*site)) {
                self.call_another(&mut state);
                drop(state);
                state = self.perform(worker, assignment);
            } else if self.porters.threads == 0
                && home == Site::Memory
                && let Some(transfer) = state.schedule.next_transfer(&self.pool)
            {
                let start = Instant::now();
                // To look for it may have let chunks go.
                self.call_worker(&mut state);
                drop(state);
                state = self.transfer(transfer);
                state.waited += start.elapsed();
            } else {
                if state.schedule.has_transfer(&self.pool) {
                    self.porters.called.notify_all();
                }
                // To look for transfers may have let chunks go.
                if !sites.iter().any(|site| state.schedule.has_task(*site)) {
                    self.refuse_if_stuck(&mut state);
                    // What it has just done may have made work for the other site.
                    self.call_worker(&mut state);
                    state = self.sleep(state, home);
                }
            }
        }
    }

    /// Ends a run of which nothing can go on.
    pub(super) fn refuse_if_stuck(&self, state: &mut State) {
        let has_task = |state: &State| Site::ALL.iter().any(|site| state.schedule.has_task(*site));
        if state.schedule.is_stuck() && !state.schedule.has_transfer(&self.pool) && !has_task(state) {
            let budget = self.settings.budget;
            let message = format!("a task does not fit into the {budget} bytes that the run may use");
            fail(state, Error::new(Kind::Memory, message).remedy("give more memory with --memory"));
            self.wake_all();
        }
    }

    /// Sleeps until called.
    ///
    /// Whoever changes the state looks for work itself next, and calls one other worker if there is more than it takes;
    /// that one does the same. So nobody is woken for nothing, and no work waits while somebody sleeps.
    fn sleep<'s>(&self, mut state: MutexGuard<'s, State>, site: Site) -> MutexGuard<'s, State> {
        state.crews[site as usize].idle += 1;
        while state.crews[site as usize].called == 0 && !state.is_over() {
            let (start, for_scratch) = (Instant::now(), state.schedule.is_moving() && site == Site::Memory);
            state = self.changed[site as usize].wait(state).unwrap_or_else(PoisonError::into_inner);
            if for_scratch {
                state.waited += start.elapsed();
            }
        }
        let crew = &mut state.crews[site as usize];
        crew.called = crew.called.saturating_sub(1);
        state
    }

    /// Wakes whoever sleeps and has something to do.
    pub(super) fn call_another(&self, state: &mut State) {
        if state.schedule.is_spilling() {
            self.porters.called.notify_all();
        }
        self.call_worker(state);
    }

    /// Wakes a sleeping worker of each site if there is a task for it.
    pub(super) fn call_worker(&self, state: &mut State) {
        for &site in Site::ALL {
            let may = || site == Site::Memory && state.may_admit(self.settings) || state.schedule.has_task(site);
            if state.crews[site as usize].idle > 0 && may() {
                let crew = &mut state.crews[site as usize];
                (crew.idle, crew.called) = (crew.idle - 1, crew.called + 1);
                self.changed[site as usize].notify_one();
            }
        }
    }

    /// Runs a task; when it was its graph's last, asks the client for the next graph.
    fn perform(&self, worker: usize, assignment: Assignment) -> MutexGuard<'_, State> {
        let (at, task, owned) =
            ((assignment.client, assignment.position), assignment.task.clone(), assignment.owned.is_some());
        let start = Instant::now();
        let result = perform(assignment, &self.bench());
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
            Ok((outputs, spent)) => {
                state.count(spent);
                if let Some(finished) = state.schedule.end(at, &task, owned, outputs, &self.pool) {
                    self.call_another(&mut state);
                    drop(state);
                    return self.advance(finished);
                }
            }
        }
        state
    }

    fn bench(&self) -> Bench<'_> {
        Bench {
            pool: &self.pool,
            cancel: &self.settings.cancel,
            fault: self.settings.fault.as_ref(),
            events: self.events,
            device: self.settings.device.as_deref(),
            last: &self.last,
        }
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
pub(super) fn fail(state: &mut State, error: Error) {
    match &state.failure {
        Some(known) if known.kind != crate::error::Kind::Interrupted => {}
        _ => state.failure = Some(error),
    }
}
