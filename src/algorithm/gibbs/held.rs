//! What is held of the sampler for another day: between draws the first solution and what was added up. Random numbers are counted by the
//! draws, so there is nothing to know of them.

use super::draws::{Sums, Told};
use super::{Gibbs, Stage};
use crate::algorithm::filter::TransferFacts;
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
            return self.first.hold(answers)?.of_first::<Drawing>();
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
        Held::of_own(state, std::iter::once(reference).chain(sums).collect())
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
        self.sums = match kept {
            0 => self.no_sums(b),
            _ => (0..self.kinds())
                .map(|_| Sums::again(&mut arrays).ok_or_else(Held::senseless))
                .collect::<Result<_>>()?,
        };
        self.stage = Stage::Telling;
        if self.filter.is_direct() {
            // The end may release what is made here: it is in a graph of its own.
            self.pending = Some(told);
        } else {
            self.told(b, &told);
        }
        Ok(())
    }
}
