//! Graphs drawn at random, over real kernels and small chunks: several one after the other, as one client submits them.

pub use super::dice::Dice;
use super::filters::{WAYS, blanked, filtered, measured};
use super::posterior::drawn;
use super::splits::pulled;
use super::uv::observed;
use deconv::array::{ArrayIds, Builder, ChunkedArray, Grid, Padding, Source, Spectrum};
use deconv::event::Key;
use deconv::graph::Graph;
use deconv::image::region::Area;
use deconv::image::{Image, Rect, Regions};
use deconv::kernel::{
    AddComponents, Component, JoinedCycle, Kernel, Lines, MOST_SCALES, Mask, MergeComponents, MinorCycle,
    MultiscaleCycle, NoiseBoxes, NoiseMap, Positions, Ratio, Rescale, RootOfSquares, Scales, Scatter, Score, Signs,
    Stack, Weigh,
};

/// The least frame for a sky with its margins.
const MARGINS: usize = 2 * deconv::kernel::gridding::REACH + 1;

/// What a client has, while its graphs are drawn.
struct Author<'a> {
    dice: Dice,
    image: &'a Image,
    shape: (usize, usize),
    /// Arrays that the graph being drawn can read.
    arrays: Vec<ChunkedArray>,
    spectra: Vec<Spectrum>,
    padding: Padding,
}

/// The graphs of one client, as they were appended. The last one answers with all pixels that are kept.
pub fn drawn_graphs(image: &Image, client: usize, seed: u64) -> Vec<Graph> {
    let mut dice = Dice::new(seed.wrapping_mul(1000) + client as u64);
    let shape = (dice.within(3..24), dice.within(3..24));
    let mut padding = Padding::at_least(shape.0 + dice.below(8), shape.1 + dice.below(8));
    padding.strip = dice.within(1..padding.cols / 2 + 2);
    let mut author = Author { dice, image, shape, arrays: vec![], spectra: vec![], padding };
    let mut ids = ArrayIds::of_client(client);
    let mut graphs = Vec::new();
    for _ in 0..author.dice.within(1..5) {
        let mut b = Builder::new(&mut ids);
        author.graph(&mut b);
        graphs.push(b.unoptimised());
    }
    let mut b = Builder::new(&mut ids);
    author.reveal(&mut b);
    graphs.push(b.unoptimised());
    graphs
}

impl Author<'_> {
    fn graph(&mut self, b: &mut Builder<'_>) {
        let (old_arrays, old_spectra) = (self.arrays.clone(), self.spectra.clone());
        let first = self.read(b);
        self.arrays.push(first);
        for _ in 0..self.dice.within(2..9) {
            self.operation(b);
        }
        self.arrays.retain(|array| old_arrays.contains(array) || self.dice.one_in(3));
        self.spectra.retain(|spectrum| old_spectra.contains(spectrum) || self.dice.one_in(2));
        for array in self.arrays.iter().filter(|array| !old_arrays.contains(array)) {
            b.keep(array.keys());
        }
        for spectrum in self.spectra.iter().filter(|spectrum| !old_spectra.contains(spectrum)) {
            b.keep(spectrum.keys());
        }
        for array in old_arrays.iter().filter(|_| self.dice.one_in(3)) {
            b.release(array.keys());
            self.arrays.retain(|other| other != array);
        }
        // So that no graph is empty once it is culled.
        let last = self.read(b);
        let stats = last.stats(b, None);
        b.answer(stats);
    }

    fn operation(&mut self, b: &mut Builder<'_>) {
        let array = self.dice.pick(&self.arrays).clone();
        let made = match self.dice.below(15) {
            0 => ChunkedArray::fill(b, self.grid(), 0.25),
            1 => self.read(b),
            2 => array.rechunk(b, self.grid()),
            3 | 4 => {
                let other = self.dice.pick(&self.arrays).clone();
                let other = if other.grid() == array.grid() { other } else { other.rechunk(b, array.grid()) };
                array.combine(b, 0.5, &other, -0.75)
            }
            5 => return self.overlap(b, &array),
            6 => return self.measure(b, &array),
            7 | 8 => self.convolve(b, &array),
            9 => {
                let negative = self.dice.one_in(2);
                array.keep_sign(b, negative)
            }
            10 if self.dice.one_in(2) => {
                let grid = self.strips();
                let (strips, way) = (array.rechunk(b, grid), self.dice.below(6));
                let (made, apart) = pulled(b, &strips, way);
                b.answer(apart);
                made
            }
            10 => self.score(b, &array),
            11 => self.weigh(b, &array),
            13 => {
                let weights = self.mask(b, array.grid());
                self.dice.pick(&blanked(b, &array, &weights)).clone()
            }
            12 => self.iterate(b, &array),
            _ => self.clean(b, &array),
        };
        self.arrays.push(made);
    }

    fn grid(&mut self) -> Grid {
        Grid::new(self.shape, (self.dice.within(1..26), self.dice.within(1..26)))
    }

    fn strips(&mut self) -> Grid {
        Grid::strips(self.shape, self.dice.within(1..26))
    }

    fn read(&mut self, b: &mut Builder<'_>) -> ChunkedArray {
        let (rows, cols) = self.image.shape();
        let corner = (self.dice.below(rows - self.shape.0), self.dice.below(cols - self.shape.1));
        let from = Rect::new(corner.0 as i64, corner.1 as i64, self.shape.0, self.shape.1);
        let source = Source { image: self.image, plane: 0, from, scale: 2.0, zero_blanks: self.dice.one_in(2) };
        ChunkedArray::from_fits(b, &source, self.dice.within(1..26))
    }

    fn overlap(&mut self, b: &mut Builder<'_>, array: &ChunkedArray) {
        let grid = self.grid().with_halo(self.dice.below(9));
        let made = array.rechunk(b, grid);
        b.answer(made.key(self.dice.below(grid.len())));
    }

    fn measure(&mut self, b: &mut Builder<'_>, array: &ChunkedArray) {
        let grid = self.strips();
        let array = array.rechunk(b, grid);
        if self.dice.one_in(4) {
            array.extremes(b).into_iter().for_each(|key| b.answer(key));
            let other = self.dice.pick(&self.arrays).clone().rechunk(b, grid);
            let products = array.dot(b, &other);
            b.answer(products);
        }
        let stats = array.stats(b, Some(Rect::new(1, 1, 2, 2)));
        let (median, mad) = array.median_and_mad(b);
        [stats, mad, median].into_iter().take(self.dice.within(1..4)).for_each(|key| b.answer(key));
    }

    fn convolve(&mut self, b: &mut Builder<'_>, array: &ChunkedArray) -> ChunkedArray {
        let grid = self.strips();
        let array = array.rechunk(b, grid);
        let origin = (self.dice.below(self.padding.rows), self.dice.below(self.padding.cols));
        let mut spectrum = Spectrum::of(b, &array, origin, self.padding);
        if let Some(other) = self.spectra.first() {
            if self.dice.one_in(3) {
                measured(b, &spectrum, other).into_iter().for_each(|key| b.answer(key));
            }
            spectrum = match self.dice.below(6) {
                0 => spectrum.multiply(b, other),
                1 | 2 => filtered(b, &spectrum, other, self.dice.below(WAYS)),
                3 => spectrum.multiply_scale(b, 2.0),
                4 => spectrum.correlate(b, other),
                _ => spectrum.multiply_gaussian(b, [2.0, 0.3, 1.0]),
            };
            if self.dice.one_in(4) {
                let (spread, sums) = drawn(b, &array, &spectrum, other);
                sums.into_iter().for_each(|key| b.answer(key));
                return spread;
            }
        }
        if self.dice.one_in(4) && self.padding.rows.min(self.padding.cols) >= MARGINS {
            let size = 1 + self.padding.rows.min(self.padding.cols) - MARGINS;
            spectrum = observed(b, size, self.dice.within(1..26), self.padding);
        }
        if self.dice.one_in(2) {
            self.spectra.push(spectrum.clone());
        }
        if self.dice.one_in(4) {
            spectrum.extremes(b).into_iter().for_each(|key| b.answer(key));
        }
        let grid = self.strips();
        spectrum.inverse(b, grid)
    }

    /// An array over another, and that times a third.
    fn iterate(&mut self, b: &mut Builder<'_>, array: &ChunkedArray) -> ChunkedArray {
        let (dirty, weights) = (self.read(b).rechunk(b, array.grid()), self.read(b).rechunk(b, array.grid()));
        let ratio = |at: Rect| Ratio { rows: at.rows, cols: at.cols, floor: 0.5 }.into();
        let ratio = array.map(b, &[&dirty], ratio);
        ratio.map(b, &[array, &weights], |at| Rescale { rows: at.rows, cols: at.cols, least: 0.1 }.into())
    }

    /// Where components may be found: some pixels of the image.
    fn mask(&mut self, b: &mut Builder<'_>, grid: Grid) -> ChunkedArray {
        let given = self.read(b).rechunk(b, grid);
        let inside = Rect::new(1, 0, self.shape.0 - 1, self.shape.1 - 1);
        given.map(b, &[], |at| Mask { at, inside, regions: Some(disk()) }.into())
    }

    /// What the pixels of an array count in the search for components.
    fn score(&mut self, b: &mut Builder<'_>, array: &ChunkedArray) -> ChunkedArray {
        let grid = self.grid();
        let weights = self.dice.one_in(2).then(|| self.mask(b, grid));
        let others: Vec<&ChunkedArray> = weights.iter().collect();
        let array = array.rechunk(b, grid);
        array.map(b, &others, |at| Score { rows: at.rows, cols: at.cols, signs: Signs::Positive }.into())
    }

    /// Weights by the noise of an array, where components of a list are.
    fn weigh(&mut self, b: &mut Builder<'_>, array: &ChunkedArray) -> ChunkedArray {
        let shape = self.shape;
        let boxes = Grid::new(shape, (self.dice.within(3..9), self.dice.within(3..9)));
        let bands = array.rechunk(b, Grid::strips(shape, boxes.chunk.0));
        let band = |at: Rect| NoiseBoxes { rows: at.rows, cols: at.cols, size: boxes.chunk };
        let found = (0..bands.grid().len()).map(|k| b.single(band(bands.grid().core(k)), vec![bands.key(k)])).collect();
        let numbers = b.new_array();
        let [map, lowest] = [0, 1].map(|chunk| Key { array: numbers, chunk });
        b.task(NoiseMap { boxes: boxes.len() }, found, vec![map, lowest]);
        b.answer(lowest);
        let list = (0..shape.0 as u32).map(|y| Component { y, x: y % shape.1 as u32, scale: 0, flux: 1.0 });
        let list = b.give(list.collect());
        b.release([list]);
        let grid = self.grid();
        let (places, made) = (b.new_array(), b.new_array());
        let keys = |k: usize| [places, made].map(|array| Key { array, chunk: k as u32 });
        for k in 0..grid.len() {
            let (at, [place, weight]) = (grid.core(k), keys(k));
            b.task(Positions { at, scale: None }, vec![list], vec![place]);
            b.task(Weigh { at, shape, size: boxes.chunk }, vec![place, map], vec![weight]);
        }
        ChunkedArray::from_keys(made, grid)
    }

    /// A minor cycle and its components put into a model.
    fn clean(&mut self, b: &mut Builder<'_>, array: &ChunkedArray) -> ChunkedArray {
        let (rows, cols) = self.shape;
        let residual = array.rechunk(b, Grid::whole(self.shape));
        let psf = self.dice.pick(&self.arrays).clone().rechunk(b, Grid::whole(self.shape));
        let lines = Lines::of(Rect::new(0, 1, rows - 1, cols - 1), self.shape);
        let kernel = MinorCycle {
            at: Rect::plane(rows, cols),
            core: Rect::plane(rows, cols),
            psf: Rect::new(-(rows as i64 / 2), -(cols as i64 / 2), rows, cols),
            gain: 0.1,
            level: 0.01,
            max_iterations: 7,
            divergence: 1e6,
            signs: *self.dice.pick(&[Signs::Both, Signs::Positive, Signs::UntilNegative]),
            keeps_residual: true,
            lines: lines.clone(),
        };
        let weights = self.dice.one_in(2).then(|| self.mask(b, Grid::whole(self.shape)));
        let array = b.new_array();
        let output = |chunk| Key { array, chunk };
        let inputs = [&residual, &psf].into_iter().chain(&weights).map(|array| array.key(0)).collect();
        b.task(kernel, inputs, (0..4).map(output).collect());
        b.answer(output(2));
        let seam = self.read(b).seam(b, lines, (output(3), 0));
        b.answer(seam);
        let merged = b.new_array();
        let [list, count] = [0, 1].map(|chunk| Key { array: merged, chunk });
        let larger = self.clean_scales(b, [residual.key(0), psf.key(0)]);
        let joined = self.clean_joined(b, &residual, &psf);
        let weights = [2.0; MOST_SCALES];
        b.task(MergeComponents { most: 5, weights, planes: 1 }, vec![output(1), larger, joined], vec![list, count]);
        b.answer(count);
        self.arrays.push(ChunkedArray::from_keys(array, Grid::whole(self.shape)));
        let grid = self.grid();
        let (y, x) = (self.dice.below(rows) as u32, self.dice.below(cols) as u32);
        let before = b.give(vec![Component { y, x, scale: 0, flux: 1.5 }]);
        if self.dice.one_in(2) {
            b.release([before]);
        }
        let sum = b.single(AddComponents { most: 6 }, vec![before, list]);
        b.answer(sum);
        let made = ChunkedArray::from_keys(b.new_array(), grid);
        let scales = Scales::new(&[0.0, 5.0]).expect("these are scales");
        for k in 0..grid.len() {
            b.task(Scatter { at: grid.core(k), scales }, vec![sum], vec![made.key(k)]);
        }
        let levels = made.levels(b, 2);
        b.answer(levels);
        if self.dice.one_in(2) { made.restore_components(b, sum, [2.0, 0.5, 1.0], 6) } else { made }
    }

    /// A minor cycle of two scales that are the same: what it finds.
    fn clean_scales(&mut self, b: &mut Builder<'_>, [residual, psf]: [Key; 2]) -> Key {
        let (rows, cols) = self.shape;
        let kernel = MultiscaleCycle {
            at: Rect::plane(rows, cols),
            core: Rect::new(1, 1, rows - 1, cols - 2),
            scales: 2,
            patches: vec![Rect::new(-(rows as i64 / 2), -(cols as i64 / 2), rows, cols); 3],
            weights: [0.5; MOST_SCALES],
            gain: 0.1,
            level: 0.01,
            share: 0.9,
            signs: Signs::Both,
            max_iterations: 7,
            divergence: 1e6,
            lines: Lines::of(Rect::new(1, 1, rows - 1, cols - 2), self.shape),
        };
        let array = b.new_array();
        let [list, numbers, picked] = [0, 1, 2].map(|chunk| Key { array, chunk });
        b.task(kernel, vec![residual, residual, psf, psf, psf], vec![list, numbers, picked]);
        b.answer(numbers);
        b.answer(picked);
        list
    }

    /// A minor cycle on two planes at once, twice: what it finds in the first.
    fn clean_joined(&mut self, b: &mut Builder<'_>, residual: &ChunkedArray, psf: &ChunkedArray) -> Key {
        let (rows, cols) = self.shape;
        let cycle = MinorCycle {
            at: Rect::plane(rows, cols),
            core: Rect::new(0, 1, rows, cols - 1),
            psf: Rect::new(-(rows as i64 / 2), -(cols as i64 / 2), rows, cols),
            gain: 0.1,
            level: 0.01,
            max_iterations: 4,
            divergence: 1e6,
            signs: Signs::Both,
            keeps_residual: true,
            lines: Lines::default(),
        };
        let roots = residual.map(b, &[psf], |at| RootOfSquares { rows: at.rows, cols: at.cols }.into());
        let stack = Stack { planes: 2, rows, cols };
        let mut planes = b.single(stack, vec![residual.key(0), roots.key(0)]);
        let mut lists = Vec::new();
        for _ in 0..2 {
            let array = b.new_array();
            let outputs: Vec<Key> = (0..4).map(|chunk| Key { array, chunk }).collect();
            let kernel = JoinedCycle { cycle: cycle.clone(), others: vec![Rect::new(0, 1 - cols as i64, rows, cols)] };
            b.task(kernel, vec![planes, psf.key(0), psf.key(0)], outputs.clone());
            b.answer(outputs[3]);
            planes = outputs[0];
            lists.extend_from_slice(&outputs[1..3]);
        }
        let array = b.new_array();
        let merged: Vec<Key> = (0..3).map(|chunk| Key { array, chunk }).collect();
        b.task(MergeComponents { most: 6, weights: [1.0; MOST_SCALES], planes: 2 }, lists, merged.clone());
        merged[1..].iter().for_each(|key| b.answer(*key));
        merged[0]
    }

    /// Answers with everything that is kept.
    fn reveal(&mut self, b: &mut Builder<'_>) {
        // Where nothing is kept.
        let first = self.read(b);
        self.arrays.push(first);
        for array in self.arrays.clone() {
            let whole = array.rechunk(b, Grid::whole(self.shape));
            b.answer(whole.key(0));
        }
        for spectrum in self.spectra.clone() {
            let grid = Grid::whole(self.shape);
            let pixels = spectrum.inverse(b, grid);
            b.answer(pixels.key(0));
        }
    }
}

/// A disk that lies in part in the planes that are drawn.
pub fn disk() -> Regions {
    let disk = Area::Ellipse { centre: [8.0, 9.0], matrix: [[0.12, 0.0], [0.0, 0.12]], hole: 0.2 };
    Regions { elsewhere: false, shapes: vec![(true, disk)] }
}

/// Names of all kernels in a graph.
pub fn kernels_of(graph: &Graph) -> std::collections::BTreeSet<&'static str> {
    graph.tasks.iter().flat_map(|task| &task.steps).map(|step| Kernel::name(&step.kernel)).collect()
}
