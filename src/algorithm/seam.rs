//! How well the chunks of a minor cycle agree with each other, and with the refresh that follows.

use crate::array::{Builder, ChunkedArray};
use crate::event::Key;
use crate::kernel::{Lines, Payload};
use serde::{Deserialize, Serialize};

/// How far what the chunks of a cycle predicted of the residual was from what the refresh found, in the unit of the dirty image.
/// The refresh is exact, so nothing of it is left in the residual; what it tells is how much the chunks knew.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Seams {
    /// Root mean square at the borders between the cores of chunks.
    pub border_rms: f64,
    /// The largest absolute difference there, of the pixels that are looked at: every sixteenth.
    pub border_max: f64,
    /// Root mean square on lines through the middles of the cores.
    pub inside_rms: f64,
}

impl Seams {
    /// Of the answers of [`ChunkedArray::seam`] for all chunks; none if no pixel was seen.
    pub fn of(answers: &[Payload]) -> Option<Seams> {
        let sum = |at: usize| answers.iter().map(|answer| answer.numbers()[at]).sum::<f64>();
        let rms = |at: usize| (sum(at) > 0.0).then(|| (sum(at + 1) / sum(at)).sqrt());
        let border_max = answers.iter().map(|answer| answer.numbers()[2]).fold(0.0, f64::max);
        Some(Seams { border_rms: rms(0)?, border_max, inside_rms: rms(3)? })
    }
}

/// What the tasks of a minor cycle on all chunks make.
#[derive(Debug, Default)]
pub struct Cleaned {
    /// Lists of components.
    pub lists: Vec<Key>,
    /// What is picked of the residual of each chunk that is not alone.
    pub picked: Vec<(Lines, Key)>,
}

impl Cleaned {
    /// Appends a look at the seams beside the refreshed residuals of all planes, and answers with a payload for each chunk of
    /// each; the number of them.
    pub fn look_at_seams(self, b: &mut Builder<'_>, residuals: &[&ChunkedArray]) -> usize {
        for (lines, picked) in &self.picked {
            for (plane, residual) in residuals.iter().enumerate() {
                let numbers = residual.seam(b, lines.clone(), (*picked, plane));
                b.answer(numbers);
            }
        }
        self.picked.len() * residuals.len()
    }
}
