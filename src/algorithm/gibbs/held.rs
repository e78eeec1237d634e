//! What is held of the sampler for another day: between draws the first solution and what was added up. Random numbers are counted by the
//! draws, so there is nothing to know of them.

use super::draws::{Sums, Told};
use super::{Gibbs, Stage};
use crate::algorithm::filter::TransferFacts;
use crate::algorithm::held::Phase;
use crate::algorithm::{Algorithm, Chain, FilterFacts, Held, Progress, Strengths};
use crate::array::{Builder, ChunkedArray};
use crate::error::Result;
use crate::kernel::Payload;
use serde::{Deserialize, Serialize};

/// What must be known to go on, beside the arrays: the first solution, and the sums if there is anything in them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Drawing {
    facts: TransferFacts,
    known: FilterFacts,
    progress: Progress,
    /// The noise that was measured, and λ of the first solution.
    measured: f64,
    balance: f64,
    kept: u32,
    now: Strengths,
    chain: Chain,
    counting: bool,
    is_unseen: bool,
    told: Told,
}

impl Gibbs {
    /// What it could go on from: of the filter that it is at first, or where a draw tells something.
    pub(super) fn held(&self, answers: &[Payload]) -> Option<Held> {
        if self.stage == Stage::First {
            let Held { state, arrays } = self.first.hold(answers)?;
            return Held::new(&Phase::<Drawing>::First(state), arrays);
        }
        if self.stage != Stage::Telling {
            return None;
        }
        let (reference, balance) = self.reference.clone()?;
        let state = Drawing {
            facts: self.facts,
            known: self.known,
            progress: self.progress,
            measured: self.measured,
            balance,
            kept: self.kept,
            now: self.now,
            chain: self.chain.clone(),
            counting: self.counting,
            is_unseen: self.is_unseen,
            told: self.read(answers).ok()?,
        };
        let sums = self.sums.iter().filter(|_| self.kept > 0).flat_map(Sums::arrays);
        Held::new(&Phase::Own(state), std::iter::once(reference).chain(sums).collect())
    }

    /// Will go on from what an earlier run has held.
    pub(super) fn take(&mut self, held: Held) -> Result<()> {
        match held.known()? {
            Phase::First(state) => self.first.go_on(Held { state, ..held }),
            Phase::Own(state) => {
                self.recalled = Some((state, held.arrays));
                Ok(())
            }
        }
    }

    /// Goes on where a draw has told something.
    pub(super) fn recall(&mut self, b: &mut Builder<'_>, state: Drawing, arrays: Vec<ChunkedArray>) -> Result<()> {
        let Drawing { facts, known, progress, measured, balance, kept, now, chain, counting, is_unseen, told } = state;
        (self.facts, self.known, self.progress, self.measured) = (facts, known, progress, measured);
        (self.kept, self.now, self.chain) = (kept, now, chain);
        (self.counting, self.is_unseen) = (counting, is_unseen);
        self.prepare(b);
        let mut arrays = arrays.into_iter();
        let reference = arrays.next().ok_or_else(Held::senseless)?;
        self.reference = Some((reference, balance));
        let sums = (0..self.several())
            .map(|_| if kept > 0 { Sums::again(&mut arrays) } else { Some(Sums::none(b, self.plane.dirty.grid())) });
        self.sums = sums.collect::<Option<_>>().ok_or_else(Held::senseless)?;
        self.stage = Stage::Telling;
        if self.filter.is_direct() {
            // The draw releases what was made here: it is in a graph of its own.
            self.pending = Some(told);
        } else {
            self.told(b, &told);
        }
        Ok(())
    }
}
