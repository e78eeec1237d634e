//! Which chunk should be fastest where nothing was measured: a model of the minor cycles.
//!
//! Fitted to planes of 1024² to 4096² of `deconv simulate`, whose minor cycles were timed chunk by chunk on one core and dealt out to
//! 1 to 64 workers on paper. It weighs
//!
//! - the pixels of halos, which are searched and subtracted from for nothing,
//! - the shared cache, which large chunks outgrow,
//! - the chunk with the most in it, for which the others wait: of n chunks it had n^-0.6 of all the work,
//! - tasks, of which small chunks make many.

use crate::array::Grid;

/// A shared cache where the system does not say.
const L3: usize = 32 << 20;

/// The smallest chunk that is thought of.
const SMALLEST: usize = 64;

/// Of n chunks, the one with the most in it has n to this power of all the work.
const LARGEST: f64 = -0.6;

/// What is not minor cycles takes as long as they do in a plane of so many rows and columns, and in larger ones longer in proportion to
/// them.
const EVEN: f64 = 1024.0;

/// Tasks of chunks of this side cost so much of what is not minor cycles, those of smaller ones more, as their number.
const TASKS: (f64, f64) = (256.0, 0.03);

/// What the model knows of a job.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// Rows and columns of a plane.
    pub shape: (usize, usize),
    /// The halo of a chunk.
    pub halo: usize,
    /// Worker threads.
    pub workers: usize,
    /// Bytes of the cache that cores share; none if that is not known.
    pub cache: Option<usize>,
    /// The most bytes that the pixels of a worker's chunk may have.
    pub most: usize,
}

impl Work {
    /// Rows and columns of the chunk that should be fastest: a power of two, or the plane as one.
    pub fn fastest(&self) -> (usize, usize) {
        let longer = self.shape.0.max(self.shape.1);
        let powers = std::iter::successors(Some(SMALLEST), |side| Some(2 * side)).take_while(|&side| side < longer);
        let grids = powers.map(|side| self.grid((side, side))).chain([self.grid(self.shape)]);
        let fitting = grids.filter(|grid| self.bytes(grid) <= self.most);
        let best = fitting.min_by(|a, b| self.cost(a).total_cmp(&self.cost(b)));
        best.map_or((SMALLEST, SMALLEST), |grid| grid.chunk)
    }

    /// The largest chunk that is no larger than one and fits the memory.
    pub fn fitting(&self, chunk: (usize, usize)) -> (usize, usize) {
        let halves = std::iter::successors(Some(chunk), |&(rows, cols)| Some((rows / 2, cols / 2)));
        let sensible = halves.take_while(|&(rows, cols)| rows.min(cols) >= SMALLEST);
        let mut fitting = sensible.filter(|&chunk| self.bytes(&self.grid(chunk)) <= self.most);
        fitting.next().unwrap_or((chunk.0.min(SMALLEST), chunk.1.min(SMALLEST)))
    }

    /// A plane that is one chunk has nothing around it.
    fn grid(&self, chunk: (usize, usize)) -> Grid {
        let grid = Grid::new(self.shape, chunk);
        if grid.len() == 1 { grid } else { grid.with_halo(self.halo) }
    }

    /// Bytes of the largest chunk.
    fn bytes(&self, grid: &Grid) -> usize {
        let side = |chunk: usize, length: usize| (chunk + 2 * grid.halo).min(length);
        side(grid.chunk.0, grid.shape.0) * side(grid.chunk.1, grid.shape.1) * size_of::<f32>()
    }

    /// How long a job takes, in units of what is not minor cycles.
    fn cost(&self, grid: &Grid) -> f64 {
        let (count, workers) = (grid.len() as f64, self.workers as f64);
        let pixels = (self.shape.0 * self.shape.1) as f64;
        let searched: usize = (0..grid.len()).map(|k| grid.outer(k).pixels()).sum();
        // Where more than two share it there is more of it.
        let together = grid.len().min(self.workers).min(2);
        let outgrown = 1.0 + (together * self.bytes(grid)) as f64 / self.cache.unwrap_or(L3) as f64;
        let waiting = (1.0 + (workers * count.powf(LARGEST)).powi(2)).sqrt().min(workers);
        let side = (grid.chunk.0 as f64 * grid.chunk.1 as f64).sqrt();
        let tasks = TASKS.1 * (TASKS.0 / side).powi(2);
        EVEN / pixels.sqrt() * (searched as f64 / pixels) * outgrown * waiting + 1.0 + tasks
    }
}

#[cfg(test)]
mod tests {
    use super::Work;

    fn work(side: usize, workers: usize) -> Work {
        Work { shape: (side, side), halo: 64, workers, cache: Some(32 << 20), most: usize::MAX }
    }

    /// What was fastest, or within some percent of it, with the chunks as they were timed.
    #[test]
    fn it_chooses_as_was_measured() {
        let measured: [(usize, usize, &[usize]); 12] = [
            (1024, 1, &[512, 1024]),
            (1024, 2, &[512]),
            (1024, 8, &[256]),
            (1024, 64, &[128]),
            (2048, 2, &[512, 1024]),
            (2048, 4, &[512]),
            (2048, 16, &[256, 512]),
            (4096, 2, &[512]),
            (4096, 8, &[512]),
            (4096, 32, &[256, 512]),
            (4096, 64, &[256]),
            (8192, 2, &[512, 1024]),
        ];
        for (side, workers, good) in measured {
            let (rows, cols) = work(side, workers).fastest();
            assert!(rows == cols && good.contains(&rows), "{side} {workers}: {rows}");
        }
    }

    #[test]
    fn it_keeps_to_the_memory() {
        let tight = Work { most: 400 * 400 * 4, ..work(4096, 2) };
        assert_eq!((tight.fastest(), tight.fitting((1000, 1000))), ((256, 256), (250, 250)));
        let nothing = Work { most: 1, ..tight };
        assert_eq!(
            (nothing.fastest(), nothing.fitting((4096, 4096)), nothing.fitting((9, 70))),
            ((64, 64), (64, 64), (9, 64))
        );
        assert_eq!(work(4096, 2).fitting((40, 30)), (40, 30));
    }

    #[test]
    fn planes_of_any_shape_have_one() {
        for shape in [(1, 1), (64, 64), (65, 3), (20_000, 7), (100, 3000)] {
            let (rows, cols) = Work { shape, ..work(1, 2) }.fastest();
            assert!(
                rows >= 1 && cols >= 1 && rows <= shape.0.max(64) && cols <= shape.1.max(64),
                "{shape:?} {rows} {cols}"
            );
        }
    }
}
