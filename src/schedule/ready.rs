//! The ready tasks of one graph, so that the first one that fits is found without looking at all of them.

use crate::graph::Price;
use std::collections::{BTreeMap, BTreeSet};

/// Ready tasks by what they need: bytes with and without taking over their first input.
#[derive(Debug, Default)]
pub(super) struct Ready {
    classes: BTreeMap<(usize, usize), BTreeSet<usize>>,
}

/// Of the tasks that fit only where they take over their first input, so many are looked at.
const LOOK_AT: usize = 32;

/// The prices of a task: where it copies its first input, where it takes it over. The same if it does neither.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prices {
    pub(super) copying: Price,
    pub(super) taking: Price,
}

impl Prices {
    pub(super) fn of(&self, takes_over: bool) -> Price {
        if takes_over { self.taking } else { self.copying }
    }

    fn class(&self) -> (usize, usize) {
        (self.taking.during, self.copying.during)
    }
}

impl Ready {
    pub(super) fn insert(&mut self, position: usize, prices: &Prices) {
        self.classes.entry(prices.class()).or_default().insert(position);
    }

    pub(super) fn remove(&mut self, position: usize, prices: &Prices) {
        if let Some(class) = self.classes.get_mut(&prices.class()) {
            class.remove(&position);
            if class.is_empty() {
                self.classes.remove(&prices.class());
            }
        }
    }

    pub(super) fn contains(&self, position: usize, prices: &Prices) -> bool {
        self.classes.get(&prices.class()).is_some_and(|class| class.contains(&position))
    }

    /// The first task that needs at most so many bytes.
    pub(super) fn first(&self, bytes: usize, takes_over: impl Fn(usize) -> bool) -> Option<usize> {
        let first = |(&(_, copying), class): (&(usize, usize), &BTreeSet<usize>)| {
            if copying <= bytes {
                return class.first().copied();
            }
            class.iter().take(LOOK_AT).copied().find(|&position| takes_over(position))
        };
        self.classes.range(..=(bytes, usize::MAX)).filter_map(first).min()
    }

    /// All tasks that need at most so many bytes.
    pub(super) fn all(&self, bytes: usize, takes_over: impl Fn(usize) -> bool) -> impl Iterator<Item = usize> {
        let classes = self.classes.range(..=(bytes, usize::MAX));
        let tasks = classes.flat_map(|(class, tasks)| tasks.iter().map(move |&position| (class.1, position)));
        tasks.filter(move |&(copying, position)| copying <= bytes || takes_over(position)).map(|(_, position)| position)
    }
}
