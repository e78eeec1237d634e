//! The two halves of an iteration of the alternating direction method of multipliers (ADMM; Boyd et al. 2011, Found. Trends
//! Mach. Learn. 3, 1).
//!
//! A term f(L x) of an energy is split off: z stands for L x, and u, the scaled multiplier, holds both together with the weight ρ. Of
//! t = L x + u follow z, which minimises f(z) + ρ/2 |z − t|², and the next u = t − z. So t alone is kept from one iteration to the
//! next, and of the penalty f only the function u(t) is needed.

use super::operation::{Call, Operation};
use super::payload::{Payload, Shape};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// L: what a term looks at. Blank pixels count as 0, and so does what is beyond the plane, unless it wraps around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Term {
    /// The pixels themselves.
    Pixels,
    /// Each pixel less its neighbour on the left: a column more than there are pixels, unless the plane wraps around.
    Across,
    /// Each pixel less its neighbour above: a row more than there are pixels, unless the plane wraps around.
    Down,
}

/// f: what a term costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Penalty {
    /// λ φ (Huber 1964), φ = t²/2 up to δ and δ|t| − δ²/2 beyond, where u is `part` of t, but no more than `most`.
    Huber {
        /// (λ/ρ) / (1 + λ/ρ).
        part: f32,
        /// λδ/ρ.
        most: f32,
    },
    /// What is negative is forbidden: u is the negative part of t.
    Positive,
}

impl Penalty {
    /// λ φ with this λ, δ and ρ.
    pub fn huber(balance: f64, delta: f64, rho: f64) -> Penalty {
        Penalty::Huber { part: (balance / (rho + balance)) as f32, most: (balance * delta / rho) as f32 }
    }

    fn multiplier(self, t: f32) -> f32 {
        match self {
            Penalty::Huber { part, most } => (part * t).clamp(-most, most),
            Penalty::Positive => t.min(0.0),
        }
    }
}

/// A term that is split off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// L.
    pub term: Term,
    /// f.
    pub penalty: Penalty,
    /// Does the plane go on at its other edge?
    pub wraps: bool,
}

impl Split {
    /// z − u.
    fn pull(&self, t: f32) -> f32 {
        t - 2.0 * self.penalty.multiplier(t)
    }

    /// Number `c` of L x of a row, given that row and the one above, where there are such.
    fn look(&self, here: &[f32], above: &[f32], c: usize) -> f32 {
        let pixel = |row: &[f32], c: usize| row.get(c).copied().filter(|pixel| !pixel.is_nan()).unwrap_or(0.0);
        let before = match self.term {
            Term::Pixels => 0.0,
            Term::Down => pixel(above, c),
            Term::Across if c > 0 => pixel(here, c - 1),
            Term::Across if self.wraps => pixel(here, here.len() - 1),
            Term::Across => 0.0,
        };
        pixel(here, c) - before
    }
}

/// t of the next iteration: α L x + (1 − α) z + u, α the over-relaxation.
///
/// Inputs: t, `rows` × `cols`; if `held` > 0, as many rows of x, the first of them being that of t's first row; if `above`, the row of x
/// above that. Outputs: t, in its place; for each row Σ (L x − z)² of the new z.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitStep {
    /// The term.
    pub split: Split,
    /// Number of rows of t.
    pub rows: usize,
    /// Number of columns of t.
    pub cols: usize,
    /// Rows of x that there are; what is missing lies beyond the plane.
    pub held: usize,
    /// Is there a row above?
    pub above: bool,
    /// α, 1 to 2.
    pub relax: f32,
}

impl SplitStep {
    fn row(&self, t: &mut [f32], here: &[f32], above: &[f32]) -> f64 {
        let (penalty, mut apart) = (self.split.penalty, 0.0);
        for (c, t) in t.iter_mut().enumerate() {
            let seen = self.split.look(here, above, c);
            let u = penalty.multiplier(*t);
            *t = self.relax * seen + (1.0 - self.relax) * (*t - u) + u;
            apart += f64::from(seen - (*t - penalty.multiplier(*t))).powi(2);
        }
        apart
    }
}

impl Operation for SplitStep {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.rows, cols: self.cols }, Shape::Small(self.rows * size_of::<f64>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let (held, above) = call.inputs.split_at(usize::from(self.held > 0));
        let held = |y: usize| held.first().filter(|_| y < self.held).map_or(&[][..], |x| x.real().row(y));
        let above = above.first().map_or(&[][..], |x| x.real().row(0));
        let t = call.outputs[0].real_mut();
        let row = |y: usize| self.row(t.row_mut(y), held(y), if y == 0 { above } else { held(y - 1) });
        let apart = (0..self.rows).map(row).collect();
        call.outputs[1] = Payload::Numbers(apart);
        Ok(())
    }
}

/// What pulls x to where z is, added to something: + ρ Lᵀ (z − u).
///
/// Inputs: `rows` × `cols` pixels; t of the same rows, and where there is one, of the one below; if `below`, that row of t by itself.
/// Output: the pixels, in their place; those that are blank stay so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitPull {
    /// The term.
    pub split: Split,
    /// ρ.
    pub weight: f32,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Is the row below by itself?
    pub below: bool,
}

impl SplitPull {
    fn row(&self, pixels: &mut [f32], here: &[f32], below: &[f32]) {
        let split = &self.split;
        for (c, pixel) in pixels.iter_mut().enumerate() {
            let next = match split.term {
                Term::Pixels => 0.0,
                Term::Down => split.pull(below[c]),
                Term::Across => split.pull(here[(c + 1) % here.len()]),
            };
            *pixel += self.weight * (split.pull(here[c]) - next);
        }
    }
}

impl Operation for SplitPull {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.rows, cols: self.cols }]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let t = call.inputs[0].real();
        let beyond = if self.below { call.inputs[1].real().row(0) } else { t.row(t.dim().0 - 1) };
        let pixels = call.outputs[0].real_mut();
        for y in 0..self.rows {
            let below = if y + 1 < t.dim().0 { t.row(y + 1) } else { beyond };
            self.row(pixels.row_mut(y), t.row(y), below);
        }
        Ok(())
    }
}
