//! Where CLEAN looks for components, and what it measures for that.

use super::{Parameters, Plane};
use crate::array::{Builder, ChunkedArray, Grid};
use crate::event::Key;
use crate::image::rect::Rect;
use crate::kernel::{NoiseBoxes, NoiseMap, Positions, RootOfSquares, Score, Signs, Stack, Weigh};

/// Every so manieth row is looked at to count pixels above levels: a sample that is large enough where it matters.
const SAMPLED: u32 = 4;

/// Where components may be found.
#[derive(Debug, Clone, PartialEq)]
pub enum Allowed {
    /// Anywhere.
    Everywhere,
    /// Where a mask, kept on strips of whole rows, is 1.
    Mask(ChunkedArray),
    /// Where a model has components already: its list, kept.
    Found(Key),
}

impl Allowed {
    /// Appends what makes it pixels, 1 where components may be and else 0, on a grid.
    /// Of components those of one scale count, if one is named.
    pub fn pixels(&self, b: &mut Builder<'_>, grid: Grid, scale: Option<u16>) -> ChunkedArray {
        match self {
            Allowed::Everywhere => ChunkedArray::fill(b, grid, 1.0),
            Allowed::Mask(mask) if mask.grid() == grid => mask.clone(),
            Allowed::Mask(mask) => mask.rechunk(b, grid),
            Allowed::Found(list) => {
                let made = ChunkedArray::from_keys(b.new_array(), grid);
                for k in 0..grid.len() {
                    b.task(Positions { at: grid.outer(k), scale }, vec![*list], vec![made.key(k)]);
                }
                made
            }
        }
    }
}

/// The search for components in a plane.
#[derive(Debug, Clone)]
pub struct Search {
    mask: Allowed,
    signs: Signs,
    /// Is the noise among what decides when to stop?
    noise: bool,
    /// Is the number of pixels above levels among what decides how deep a cycle goes?
    levels: bool,
    /// The boxes in which it is measured, if not in the plane as a whole.
    boxes: Option<Grid>,
    /// The noise in them when it was measured last, kept.
    map: Option<Key>,
}

impl Search {
    /// In a plane, by the parameters of a run.
    pub fn new(plane: &Plane, parameters: &Parameters, levels: bool) -> Search {
        let noise = parameters.nsigma > 0.0 || parameters.auto_mask.is_some() || plane.noise_boxes.is_some();
        let mask = plane.mask.clone().map_or(Allowed::Everywhere, Allowed::Mask);
        Search { mask, signs: parameters.signs, noise, levels, boxes: plane.noise_boxes, map: None }
    }

    /// Where components may be found, if it is kept to those of a list, and if not. (They are inside the mask themselves.)
    pub fn allowed(&self, found: Option<Key>) -> Allowed {
        found.map_or_else(|| self.mask.clone(), Allowed::Found)
    }

    /// A residual on chunks, and what its pixels are multiplied by in the search, if the noise around them counts. Where it does
    /// not, what may not be found is blank instead. Those of several planes are put below one another; to be blank in the first is
    /// enough then.
    pub fn chunks(
        &self,
        b: &mut Builder<'_>,
        residuals: &[&ChunkedArray],
        grid: Grid,
        found: Option<Key>,
    ) -> (ChunkedArray, Option<ChunkedArray>) {
        let chunks = residuals[0].rechunk(b, grid);
        let (first, weights) = match self.boxes {
            Some(_) => (chunks, self.weights(b, grid, found)),
            None => (self.blanked(b, &chunks, found, None), None),
        };
        if residuals.len() == 1 {
            return (first, weights);
        }
        let others: Vec<ChunkedArray> = residuals[1..].iter().map(|other| other.rechunk(b, grid)).collect();
        let (others, planes): (Vec<&ChunkedArray>, _) = (others.iter().collect(), residuals.len());
        (first.map(b, &others, |at| Stack { planes, rows: at.rows, cols: at.cols }.into()), weights)
    }

    /// A residual, or what a scale makes of it, blank where no component may be found.
    pub fn blanked(
        &self,
        b: &mut Builder<'_>,
        residual: &ChunkedArray,
        found: Option<Key>,
        scale: Option<u16>,
    ) -> ChunkedArray {
        let allowed = self.allowed(found);
        if allowed == Allowed::Everywhere {
            return residual.clone();
        }
        let allowed = allowed.pixels(b, residual.grid(), scale);
        residual.map(b, &[&allowed], |at| Score { rows: at.rows, cols: at.cols, signs: Signs::Both }.into())
    }

    /// Of which signs components may be.
    pub fn signs(&self) -> Signs {
        self.signs
    }

    /// What a residual, or what a scale makes of it, counts in the search, on strips of whole rows.
    pub fn scored(
        &self,
        b: &mut Builder<'_>,
        residual: &ChunkedArray,
        found: Option<Key>,
        scale: Option<u16>,
    ) -> ChunkedArray {
        if !self.is_narrowed(found) {
            return residual.clone();
        }
        let weights = match self.boxes {
            Some(_) => self.weights(b, residual.grid(), found),
            None if self.allowed(found) == Allowed::Everywhere => None,
            None => Some(self.allowed(found).pixels(b, residual.grid(), scale)),
        };
        let others: Vec<&ChunkedArray> = weights.iter().collect();
        residual.map(b, &others, |at| Score { rows: at.rows, cols: at.cols, signs: self.signs }.into())
    }

    /// What pixels are multiplied by in the search, on a grid; none if all count as they are.
    fn weights(&self, b: &mut Builder<'_>, grid: Grid, found: Option<Key>) -> Option<ChunkedArray> {
        let allowed = self.allowed(found);
        if allowed == Allowed::Everywhere && self.map.is_none() {
            return None;
        }
        let allowed = allowed.pixels(b, grid, None);
        let Some((boxes, map)) = self.boxes.zip(self.map) else { return Some(allowed) };
        let made = ChunkedArray::from_keys(b.new_array(), grid);
        for k in 0..grid.len() {
            let kernel = Weigh { at: grid.outer(k), shape: boxes.shape, size: boxes.chunk };
            b.task(kernel, vec![allowed.key(k), map], vec![made.key(k)]);
        }
        Some(made)
    }

    /// Appends the measuring of a residual, or of those of several planes and of the root of the sum of their squares, of the noise
    /// too where that decides: six times over all pixels, or once in boxes. The answers, the last of the graph, are read by
    /// [`super::Measured::read_planes`].
    pub fn measure(&mut self, b: &mut Builder<'_>, residuals: &[&ChunkedArray], found: Option<Key>) {
        let scored: Vec<ChunkedArray> =
            residuals.iter().map(|residual| self.measure_plane(b, residual, found)).collect();
        let scored = match &scored[..] {
            [scored] => scored.clone(),
            _ => {
                let root = |at: Rect| RootOfSquares { rows: at.rows, cols: at.cols }.into();
                let roots = residuals[0].map(b, &residuals[1..], root);
                let scored = self.scored(b, &roots, found, None);
                let stats = scored.stats(b, None);
                b.answer(stats);
                scored
            }
        };
        if self.levels {
            let levels = scored.levels(b, SAMPLED);
            b.answer(levels);
        }
    }

    /// Appends the measuring of a plane; what its residual counts in the search.
    fn measure_plane(&mut self, b: &mut Builder<'_>, residual: &ChunkedArray, found: Option<Key>) -> ChunkedArray {
        let stats = residual.stats(b, None);
        b.answer(stats);
        let lowest = self.map_noise(b, residual);
        let scored = self.scored(b, residual, found, None);
        if self.is_narrowed(found) {
            let stats = scored.stats(b, None);
            b.answer(stats);
        }
        match lowest {
            Some(lowest) => b.answer(lowest),
            None if self.noise => {
                let (_, mad) = residual.median_and_mad(b);
                b.answer(mad);
            }
            None => {}
        }
        scored
    }

    /// Appends the noise of a residual in boxes, if it is measured in them, and keeps it for the next weights; the key of its
    /// lowest.
    pub fn map_noise(&mut self, b: &mut Builder<'_>, residual: &ChunkedArray) -> Option<Key> {
        let boxes = self.boxes?;
        let bands = residual.rechunk(b, Grid::strips(boxes.shape, boxes.chunk.0));
        let mut found = Vec::new();
        for k in 0..bands.grid().len() {
            let Rect { rows, cols, .. } = bands.grid().core(k);
            found.push(b.single(NoiseBoxes { rows, cols, size: boxes.chunk }, vec![bands.key(k)]));
        }
        let array = b.new_array();
        let [map, lowest] = [0, 1].map(|chunk| Key { array, chunk });
        b.task(NoiseMap { boxes: boxes.len() }, found, vec![map, lowest]);
        b.keep([map]);
        b.release(self.map.replace(map));
        Some(lowest)
    }

    /// How many answers the measuring of so many planes has.
    pub fn answers(&self, planes: usize, found: Option<Key>) -> usize {
        let of_plane = 1 + usize::from(self.is_narrowed(found)) + usize::from(self.noise);
        planes * of_plane + usize::from(planes > 1) + usize::from(self.levels)
    }

    /// Is there a pixel of the plane that might not be found, or not for what it is?
    fn is_narrowed(&self, found: Option<Key>) -> bool {
        self.allowed(found) != Allowed::Everywhere || self.boxes.is_some() || self.signs == Signs::Positive
    }
}
