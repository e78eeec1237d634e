//! The ready tasks of one graph, so that the first one that fits is found without looking at all of them.

use crate::graph::Prices;
use std::collections::{BTreeMap, BTreeSet};

/// Ready tasks by what they need: bytes with and without taking over their first input.
#[derive(Debug, Default)]
pub(super) struct Ready {
    classes: BTreeMap<(usize, usize), BTreeSet<usize>>,
}

/// Of the tasks that fit only where they take over their first input, so many are looked at.
const LOOK_AT: usize = 32;

/// Where a task of these prices is kept.
fn class(prices: &Prices) -> (usize, usize) {
    (prices.taking.during, prices.copying.during)
}

impl Ready {
    pub(super) fn insert(&mut self, position: usize, prices: &Prices) {
        self.classes.entry(class(prices)).or_default().insert(position);
    }

    pub(super) fn remove(&mut self, position: usize, prices: &Prices) {
        let class = class(prices);
        if let Some(tasks) = self.classes.get_mut(&class) {
            tasks.remove(&position);
            if tasks.is_empty() {
                self.classes.remove(&class);
            }
        }
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
