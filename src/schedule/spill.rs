//! Which chunks leave the memory and which come back, where a run needs more memory than it may have.
//!
//! The static order says what will be used when. A window of the next tasks is looked at: each of them in turn is
//! promised the memory for what it reads and makes. What it reads is fetched from scratch as soon as the memory is there,
//! ahead of need; where memory is missing, the chunks leave whose next use is furthest away (Belady 1966, IBM Systems
//! Journal 5, 78), and only ones that are used later than the task for which they leave. So the next task in order can
//! always run in the end, if it fits at all, and the others do not delay it.

use super::state::{scramble, takes_over};
use super::{Schedule, Site};
use crate::event::Key;
use crate::graph;
use crate::kernel::Payload;
use crate::store::{Eviction, Pool, Transfer};

/// So many of the next tasks are looked at: two a worker, for what runs and what is fetched meanwhile, and some more.
fn window(workers: usize) -> usize {
    2 * workers + 2
}

/// A place in the order of all tasks: client, then position.
type Place = (usize, usize);

/// What a task needs before it can start.
#[derive(Default)]
struct Need {
    /// Can it start as soon as what it reads is in memory?
    ready: bool,
    /// Is all that it reads in memory?
    at_hand: bool,
    /// Bytes that must be read from scratch first.
    to_read: usize,
    /// Bytes that it takes beside what it reads.
    during: usize,
}

impl Schedule {
    /// Bytes that are taken: chunks, and what running tasks hold.
    fn taken(&self) -> usize {
        self.store.bytes() + self.beside() + self.running.values().sum::<usize>()
    }

    /// The tasks that are looked at, in order.
    fn window(&self) -> Vec<Place> {
        let most = window(self.workers);
        let tasks = self.runs.iter().flat_map(|(&client, run)| run.next_tasks(most).map(move |p| (client, p)));
        tasks.take(most).collect()
    }

    fn need(&self, (client, position): Place) -> Need {
        let Some(run) = self.runs.get(&client) else { return Need::default() };
        let task = run.task(position);
        Need {
            ready: run.is_ready(position),
            at_hand: task.inputs.iter().all(|key| self.store.is_at_hand(*key)),
            to_read: task.inputs.iter().map(|key| self.store.bytes_to_read(*key)).sum(),
            during: run.price(position, takes_over(&self.store, task)).during,
        }
    }

    /// The first task of the window, or the one that a test's shuffling prefers, that can start now without taking
    /// memory from those before it.
    pub(super) fn pick_what_fits(&self, site: Site) -> Option<Place> {
        let mut promised = self.taken();
        let mut fits = Vec::new();
        for place in self.window() {
            let need = self.need(place);
            let may = self.is_at(place, site) && need.ready && need.at_hand;
            if may && promised.saturating_add(need.during) <= self.limit {
                match self.shuffle {
                    None => return Some(place),
                    Some(_) => fits.push(place),
                }
            }
            if need.ready {
                promised += need.to_read + need.during;
            }
        }
        let seed = self.shuffle?;
        fits.into_iter().min_by_key(|&(client, position)| scramble(seed, client, position))
    }

    /// May a worker of a site take a task of the window, as far as that decides? On the device they start in order.
    fn is_at(&self, place: Place, site: Site) -> bool {
        let Some(run) = self.runs.get(&place.0) else { return false };
        match (site, run.task(place.1).place) {
            (Site::Memory, graph::Place::Memory) => true,
            (Site::Device, graph::Place::Device(_)) => run.is_next_there(place.1) && self.fits_there(place),
            _ => false,
        }
    }

    /// The next thing to do with the scratch file, if there is anything.
    pub fn next_transfer(&mut self, pool: &Pool) -> Option<Transfer> {
        let next = if self.has_transfer(pool) { self.transfers.pop_front() } else { None };
        self.moving += usize::from(next.is_some());
        next
    }

    /// Is there anything to do with the scratch file?
    pub fn has_transfer(&mut self, pool: &Pool) -> bool {
        if self.transfers.is_empty() && self.is_spilling() {
            self.plan_transfers(pool);
        }
        !self.transfers.is_empty()
    }

    /// Is something being carried?
    pub fn is_moving(&self) -> bool {
        self.moving > 0
    }

    /// Is nothing under way that could let a task start? Then what is under way does not fit the memory.
    pub fn is_stuck(&self) -> bool {
        self.is_spilling() && !self.runs.is_empty() && self.running.is_empty() && self.moving == 0
    }

    fn plan_transfers(&mut self, pool: &Pool) {
        let mut promised = 0;
        for place in self.window() {
            let need = self.need(place);
            let wanted = promised + need.to_read + need.during;
            let short = (self.taken() - self.store.leaving_bytes() + wanted).saturating_sub(self.limit);
            if short > 0 && self.make_room(short, place, pool) < short {
                return;
            }
            if need.to_read > 0 && self.taken() + wanted <= self.limit {
                self.fetch(place);
                promised += need.during;
            } else {
                promised = wanted;
            }
        }
    }

    /// Fetches all that the task reads from scratch.
    fn fetch(&mut self, (client, position): Place) {
        let Some(task) = self.runs.get(&client).map(|run| run.task(position).clone()) else { return };
        let reads: Vec<Transfer> = task.inputs.iter().filter_map(|key| self.store.fetch(*key)).collect();
        self.transfers.extend(reads);
    }

    /// Lets chunks leave that are used later than a task, the one that is used last first; the bytes that this gives.
    fn make_room(&mut self, bytes: usize, before: Place, pool: &Pool) -> usize {
        let mut candidates: Vec<_> = self.store.movable().collect();
        candidates.retain(|(key, ..)| !self.runs.values().any(|run| run.answers().contains(key)));
        // Of those that no task under way will read: what is in scratch already, and what comes late in its array.
        let rank = |&(key, _, saved): &(Key, usize, bool)| (self.next_use(key), saved, key.chunk, key.array);
        let mut ranked: Vec<_> = candidates.iter().map(|chunk| (rank(chunk), chunk.0, chunk.1)).collect();
        ranked.retain(|((next, ..), ..)| next.is_none_or(|next| next > before));
        ranked.sort_unstable_by_key(|&((next, saved, chunk, array), ..)| {
            std::cmp::Reverse((next.is_none(), next, saved, chunk, array))
        });
        // For a task that has to wait anyway, nothing leaves.
        if ranked.iter().map(|chunk| chunk.2).sum::<usize>() < bytes && self.window().first() != Some(&before) {
            return 0;
        }
        let mut made = 0;
        for (_, key, bytes_of_chunk) in ranked {
            if made >= bytes {
                break;
            }
            match self.store.evict(key) {
                Some(Eviction::Gone(payload)) => pool.recycle(payload),
                Some(Eviction::Write(transfer)) => self.transfers.push_back(transfer),
                None => continue,
            }
            made += bytes_of_chunk;
        }
        made
    }

    /// The first task that will read a chunk, if one of a graph under way will.
    fn next_use(&self, key: Key) -> Option<Place> {
        self.runs.iter().find_map(|(&client, run)| run.next_use(key).map(|position| (client, position)))
    }

    /// A transfer is done; `payload` is what was read.
    pub fn transferred(&mut self, transfer: Transfer, payload: Option<Payload>, pool: &Pool) {
        self.moving -= 1;
        let unused = match (transfer, payload) {
            (Transfer::Out(key, written, slot), _) => {
                drop(written);
                self.store.written(key, slot)
            }
            (Transfer::In(key, ..), Some(payload)) => self.store.read(key, payload),
            (Transfer::In(..), None) => None,
        };
        if let Some(payload) = unused {
            pool.recycle(payload);
        }
    }
}
