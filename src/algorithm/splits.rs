//! The terms of huber's energy that are split off the plane, with what holds them to it: what is kept from one iteration to the next.

use crate::array::{Builder, ChunkedArray};
use crate::event::Key;
use crate::kernel::{Penalty, Prior, Regularization, Split, Term};

/// What the energy is made of, in the units of PSF and dirty image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Energy {
    /// λ.
    pub balance: f64,
    /// δ.
    pub delta: f64,
    /// By how much u may grow in an iteration where a difference is beyond δ: λδ/ρ, if ρ is not above λ.
    pub jump: f64,
    /// Is what is negative forbidden?
    pub positive: bool,
    /// Does the plane go on at its other edge?
    pub wraps: bool,
}

/// A flat term that is added, so that the sum of a sky is determined whose PSF sums to nothing; as a part of the PSF's peak.
const FLAT: f64 = 1e-4;

/// ρ of positivity, as a part of the PSF's peak, which is the mean of its transfer function.
const HOLD: f64 = 0.3;

/// Over-relaxation.
const RELAX: f32 = 1.7;

/// The terms, each with its t, which is kept, and its ρ.
#[derive(Debug, Clone)]
pub struct Splits {
    energy: Energy,
    terms: Vec<(Split, f64, ChunkedArray)>,
}

impl Splits {
    /// Appends terms of a plane, all 0, which are not kept yet.
    pub fn new(b: &mut Builder<'_>, plane: &ChunkedArray, energy: Energy) -> Splits {
        let terms = energy.terms().map(|(split, rho)| (split, rho, plane.split(b, &split)));
        Splits { energy, terms: terms.collect() }
    }

    /// With the t that earlier ones had, in the order of [`Splits::arrays`]; none if there are too few of them.
    pub fn again(energy: Energy, arrays: &mut impl Iterator<Item = ChunkedArray>) -> Option<Splits> {
        let terms = energy.terms().map(|(split, rho)| Some((split, rho, arrays.next()?)));
        Some(Splits { energy, terms: terms.collect::<Option<_>>()? })
    }

    /// Σ ρ LᵀL and the flat term: what is added to A where x is solved for.
    pub fn prior(&self) -> Prior {
        let rho = self.energy.rho();
        let hold = if self.energy.positive { HOLD } else { 0.0 };
        Prior { balance: rho, regularization: Regularization::Gradient, floor: (FLAT + hold) / rho }
    }

    /// The right-hand side for x: the dirty image and what pulls at it.
    pub fn right(&self, b: &mut Builder<'_>, dirty: &ChunkedArray) -> ChunkedArray {
        self.terms.iter().fold(dirty.clone(), |sum, (split, rho, t)| sum.split_pull(b, t, split, *rho as f32))
    }

    /// The first t of x, kept.
    pub fn first(&mut self, b: &mut Builder<'_>, x: &ChunkedArray) {
        self.advance(b, x, 1.0);
    }

    /// The next t of x, kept instead of the last. How far x is from what the terms make of it is answered: ‖L x − z‖² of each.
    pub fn step(&mut self, b: &mut Builder<'_>, x: &ChunkedArray) {
        b.release(self.keys());
        let apart = self.advance(b, x, RELAX);
        apart.into_iter().for_each(|key| b.answer(key));
    }

    fn advance(&mut self, b: &mut Builder<'_>, x: &ChunkedArray, relax: f32) -> Vec<Key> {
        let step = |(split, _, t): &mut (Split, f64, ChunkedArray)| {
            let (next, apart) = x.split_step(b, t, split, relax);
            b.keep(next.keys());
            *t = next;
            apart
        };
        self.terms.iter_mut().map(step).collect()
    }

    /// How many answers a step has.
    pub fn answers(&self) -> usize {
        self.terms.len()
    }

    /// The root of the sum of squares of ρ (L x − z), of the answers of a step.
    pub fn apart(&self, answers: &[f64]) -> f64 {
        let terms = self.terms.iter().zip(answers);
        terms.map(|((_, rho, _), square)| rho * rho * square).sum::<f64>().sqrt()
    }

    /// All t.
    pub fn arrays(&self) -> impl Iterator<Item = &ChunkedArray> {
        self.terms.iter().map(|(.., t)| t)
    }

    /// The keys of all t.
    pub fn keys(&self) -> Vec<Key> {
        self.arrays().flat_map(ChunkedArray::keys).collect()
    }
}

impl Energy {
    /// What is split off, each with its ρ.
    fn terms(&self) -> impl Iterator<Item = (Split, f64)> + use<> {
        let Energy { balance, delta, positive, wraps, .. } = *self;
        let rho = self.rho();
        let huber = Penalty::huber(balance, delta, rho);
        let differences = [Term::Across, Term::Down].map(|term| (term, huber, rho));
        let pixels = positive.then_some((Term::Pixels, Penalty::Positive, HOLD));
        let terms = differences.into_iter().chain(pixels);
        terms.map(move |(term, penalty, rho)| (Split { term, penalty, wraps }, rho))
    }

    /// ρ of the differences. Where all of them are below δ what is quadratic converges fastest with λ.
    fn rho(&self) -> f64 {
        self.balance * (self.delta / self.jump).min(1.0)
    }
}
