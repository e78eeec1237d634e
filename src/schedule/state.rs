//! The state machine: what is under way, what runs next, what was made. It knows no threads and does no I/O.

use super::{Run, Site};
use crate::error::{Error, Result};
use crate::event::{Key, KeyMap};
use crate::graph::{Graph, Ledger, Prediction, Task};
use crate::kernel::{Payload, Shape};
use crate::store::{Pool, Store, Transfer};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A task with its inputs, for a worker.
#[derive(Debug)]
pub struct Assignment {
    /// The client whose graph it is of.
    pub client: usize,
    /// Its position in that graph's static order.
    pub position: usize,
    /// The task.
    pub task: Arc<Task>,
    /// Its first input, if it may change that in place because nobody else needs it.
    pub owned: Option<Payload>,
    /// Its inputs, without the owned one.
    pub shared: Vec<Arc<Payload>>,
}

/// A graph that has ended.
#[derive(Debug)]
pub struct Finished {
    /// The client that submitted it.
    pub client: usize,
    /// Its answers.
    pub answers: Vec<Payload>,
}

/// The graphs under way and the chunks that exist.
///
/// Ready tasks are taken in the order of (client, position in its static order); tests may shuffle it. While what is
/// predicted fits the limit nothing else is looked at; where it does not, see the file `spill.rs`.
#[derive(Debug)]
pub struct Schedule {
    pub(super) store: Store,
    pub(super) runs: BTreeMap<usize, Run>,
    resident: BTreeMap<usize, KeyMap<usize>>,
    pub(super) shuffle: Option<u64>,
    pub(super) workers: usize,
    /// Bytes of the buffer pool that may be in use.
    pub(super) limit: usize,
    predicted: usize,
    /// Bytes of the buffer pool with which none is given back to the system and taken again.
    ease: usize,
    /// What all that is under way needs together.
    needed: usize,
    tasks: u64,
    /// Do chunks go to scratch?
    spilling: bool,
    /// What the tasks that run hold of the buffer pool, beside chunks that others use too.
    pub(super) running: BTreeMap<(usize, usize), usize>,
    /// What those on the device hold of its memory.
    running_there: BTreeMap<(usize, usize), usize>,
    /// Bytes of the device's memory that may be in use.
    room: usize,
    pub(super) transfers: VecDeque<Transfer>,
    /// Transfers that are under way.
    pub(super) moving: usize,
}

impl Schedule {
    /// Nothing is under way; graphs will be run by so many workers in so many bytes of the buffer pool.
    pub fn new(workers: usize, shuffle: Option<u64>, limit: usize) -> Schedule {
        Schedule {
            store: Store::default(),
            runs: BTreeMap::new(),
            resident: BTreeMap::new(),
            shuffle,
            workers,
            limit,
            predicted: 0,
            ease: 0,
            needed: 0,
            tasks: 0,
            spilling: false,
            running: BTreeMap::new(),
            running_there: BTreeMap::new(),
            room: 0,
            transfers: VecDeque::new(),
            moving: 0,
        }
    }

    /// The same with a device of so many bytes.
    pub fn on_device(self, room: usize) -> Schedule {
        Schedule { room, ..self }
    }

    /// Takes a client's next graph. The pool's limit becomes the most that was predicted so far for all that was under way
    /// together, or what spares fresh memory if that is more, within what it may have.
    ///
    /// # Errors
    /// If the graph cannot be run, reads a chunk that its client has not kept, or makes one that is there already.
    pub fn submit(&mut self, client: usize, graph: Graph, pool: &Pool) -> Result<Prediction> {
        let resident = self.resident.entry(client).or_default();
        if let Some(key) = graph.tasks.iter().flat_map(|task| &task.outputs).find(|key| self.store.contains(**key)) {
            return Err(Error::internal(format!("a graph makes chunk {key}, which is there already")));
        }
        if let Some((key, _)) = graph.given.iter().find(|(key, _)| self.store.contains(*key)) {
            return Err(Error::internal(format!("a graph is given chunk {key}, which is there already")));
        }
        let ledger = Ledger::of(&graph);
        let made = ledger.numbering.made();
        let reads = ledger.numbering.reads();
        let external: Vec<(Key, usize)> =
            ledger.numbering.external().iter().zip(&reads[made..]).map(|(key, &uses)| (*key, uses as usize)).collect();
        let given: KeyMap<usize> = graph.given.iter().map(|(key, _)| (*key, 0)).collect();
        let is_there = |key: &Key| resident.contains_key(key) || given.contains_key(key);
        if let Some((key, _)) = external.iter().find(|(key, _)| !is_there(key)) {
            return Err(Error::internal(format!("a graph reads chunk {key}, which does not exist")));
        }
        let release = graph.release.clone();
        let lists = graph.given.clone();
        resident.extend(given);
        let run = Run::new(graph, ledger, resident, self.workers)?;
        for (key, list) in lists {
            self.store.insert(key, Payload::Components(list), Shape::Small(0), 1);
        }
        external.into_iter().for_each(|(key, uses)| self.store.add_uses(key, uses));
        for key in release {
            // Only what the client holds, and only once: a use more would be somebody else's.
            if resident.remove(&key).is_some()
                && let Some(payload) = self.store.end_use(key)
            {
                pool.recycle(payload);
            }
        }
        let prediction = *run.prediction();
        self.runs.insert(client, run);
        self.set_limit(pool);
        Ok(prediction)
    }

    /// A client is done: what it kept may go.
    pub fn close(&mut self, client: usize, pool: &Pool) {
        for key in self.resident.remove(&client).unwrap_or_default().into_keys() {
            if let Some(payload) = self.store.end_use(key) {
                pool.recycle(payload);
            }
        }
        self.set_limit(pool);
        self.spilling &= !self.store.is_empty();
    }

    /// The bytes of the buffer pool that all clients together will need at the worst moment so far.
    pub fn predicted_peak_bytes(&self) -> usize {
        self.predicted.min(self.limit)
    }

    /// Does what is under way need more memory than there is, so that chunks go to scratch?
    pub fn is_spilling(&self) -> bool {
        self.spilling
    }

    /// Is any graph under way?
    pub fn is_under_way(&self) -> bool {
        !self.runs.is_empty()
    }

    /// The most bytes that the scratch file needed so far.
    pub fn scratch_bytes(&self) -> u64 {
        self.store.scratch_bytes()
    }

    /// Number of tasks that have ended.
    pub fn tasks_ended(&self) -> u64 {
        self.tasks
    }

    fn set_limit(&mut self, pool: &Pool) {
        let running: usize = self.runs.values().map(|run| run.prediction().peak_bytes()).sum();
        let idle = self.resident.iter().filter(|(client, _)| !self.runs.contains_key(client));
        let limit = running + idle.map(|(_, kept)| kept.values().sum::<usize>()).sum::<usize>();
        self.needed = limit;
        self.predicted = self.predicted.max(limit);
        self.ease = self.ease.max(self.runs.values().map(Run::ease).sum());
        self.watch(pool);
    }

    /// Bytes of the limit that chunks take beside the pool. The first MiB is not of the limit: who sets that has counted it.
    pub(super) fn beside(&self) -> usize {
        const COUNTED: usize = 1 << 20;
        self.store.small_bytes().saturating_sub(COUNTED)
    }

    /// Keeps what is beside the pool within the limit, too.
    fn watch(&mut self, pool: &Pool) {
        let beside = self.beside();
        self.spilling |= self.needed.saturating_add(beside) > self.limit;
        // Never below what was predicted: what the pool once had it may keep idle, rather than touch fresh memory later.
        pool.set_limit(self.predicted.max(self.ease).min(self.limit.saturating_sub(beside)));
    }

    /// Is there a task for a worker of a site that may start now?
    pub fn has_task(&self, site: Site) -> bool {
        self.pick(site).is_some()
    }

    /// The next task for a worker of a site: the first ready one whose bytes fit.
    pub fn next_task(&mut self, site: Site) -> Option<Assignment> {
        let (client, position) = self.pick(site)?;
        let (before, before_there) = (self.store.bytes(), self.store.device_bytes());
        let run = self.runs.get_mut(&client).expect("a ready task's graph is under way");
        let task = run.task(position).clone();
        let owned = if task.in_place() { self.store.take_last(task.inputs[0]) } else { None };
        if let Some(price) = run.price_there(position, owned.is_some()) {
            let taken = before_there - self.store.device_bytes();
            self.running_there.insert((client, position), taken + price.during);
        }
        run.start(position, owned.is_some());
        let taken = before - self.store.bytes();
        self.running.insert((client, position), taken + run.price(position, owned.is_some()).during);
        let rest = &task.inputs[usize::from(owned.is_some())..];
        let shared = rest.iter().map(|key| self.store.get(*key).expect("a ready task's inputs exist")).collect();
        Some(Assignment { client, position, task, owned, shared })
    }

    /// The client and the position of the next task.
    fn pick(&self, site: Site) -> Option<(usize, usize)> {
        if self.spilling {
            return self.pick_what_fits(site);
        }
        if site == Site::Device {
            let next = |(&client, run): (&usize, &Run)| Some((client, run.next_there()?));
            return self.runs.iter().filter_map(next).find(|&place| self.fits_there(place));
        }
        let takes_over = |task: &Task| takes_over(&self.store, task);
        let Some(seed) = self.shuffle else {
            return self.runs.iter().find_map(|(&client, run)| Some((client, run.first_to_start(takes_over)?)));
        };
        let all = self.runs.iter().flat_map(|(&c, run)| run.all_to_start(takes_over).into_iter().map(move |p| (c, p)));
        all.min_by_key(|&(client, position)| scramble(seed, client, position))
    }

    /// Is there room on the device for a task that would be next there? Where nothing runs there always is: its order was made for that.
    pub(super) fn fits_there(&self, (client, position): (usize, usize)) -> bool {
        let Some(run) = self.runs.get(&client) else { return false };
        let Some(price) = run.price_there(position, takes_over(&self.store, run.task(position))) else { return false };
        let used = self.store.device_bytes() + self.running_there.values().sum::<usize>();
        self.running_there.is_empty() || used + price.during <= self.room
    }

    /// A task has ended; the graph's answers if it was its last one. `task` is the assignment's, whose inputs the
    /// worker has let go; `owned` tells whether it took over its first input.
    pub fn end(
        &mut self,
        (client, position): (usize, usize),
        task: &Task,
        owned: bool,
        outputs: Vec<Payload>,
        pool: &Pool,
    ) -> Option<Finished> {
        self.tasks += 1;
        self.running.remove(&(client, position));
        self.running_there.remove(&(client, position));
        let run = self.runs.get_mut(&client).expect("a task's graph is under way");
        let mut is_small = false;
        for ((key, (shape, uses)), payload) in task.outputs.iter().zip(run.outputs(position)).zip(outputs) {
            is_small |= matches!(shape, Shape::Small(_));
            if let Some(unused) = self.store.insert(*key, payload, shape, uses) {
                pool.recycle(unused);
            }
        }
        for key in &task.inputs[usize::from(owned)..] {
            if let Some(payload) = self.store.end_use(*key) {
                pool.recycle(payload);
            }
        }
        run.end(position, owned);
        let done = run.is_done();
        if is_small {
            self.watch(pool);
        }
        if done { Some(self.finish(client, pool)) } else { None }
    }

    fn finish(&mut self, client: usize, pool: &Pool) -> Finished {
        let run = self.runs.remove(&client).expect("the graph was under way");
        self.resident.entry(client).or_default().extend(run.kept());
        let answer = |key: &Key| match self.store.end_use(*key) {
            Some(payload) => {
                pool.part_with(&payload);
                payload
            }
            // Kept as well, or asked for twice.
            None => self.store.get(*key).map_or(Payload::Empty, |payload| (*payload).clone()),
        };
        Finished { client, answers: run.answers().iter().map(answer).collect() }
    }
}

/// May the task change its first input in place, because this is its last use?
pub(super) fn takes_over(store: &Store, task: &Task) -> bool {
    task.in_place() && task.inputs.first().is_some_and(|key| store.is_last_use(*key))
}

/// A fixed shuffling of tasks (splitmix64).
pub(super) fn scramble(seed: u64, client: usize, position: usize) -> u64 {
    let mut z = seed ^ ((client as u64) << 40) ^ position as u64;
    for _ in 0..2 {
        z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
    }
    z
}
