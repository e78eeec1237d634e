//! An array on a grid, of which nothing exists yet but the tasks that will make it.

use super::{Builder, Grid};
use crate::event::Key;
use crate::image::rect::Rect;
use crate::image::{Image, Product};
use crate::kernel::{
    Assemble, Combine, Fill, KeepSign, Kernel, Lines, ReadSection, RestoreComponents, Seam, Tiles, WriteSection,
};

/// Where the pixels of an array come from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The file.
    pub image: &'a Image,
    /// Its plane.
    pub plane: usize,
    /// The rectangle of the plane that becomes the array; it lies inside the plane.
    pub from: Rect,
    /// What the pixels are multiplied by.
    pub scale: f32,
    /// Do blank pixels count as zero? Otherwise they are NaN.
    pub zero_blanks: bool,
}

impl<'a> Source<'a> {
    /// A whole plane as it is, blank pixels NaN.
    pub fn plane(image: &'a Image, plane: usize) -> Source<'a> {
        let (rows, cols) = image.shape();
        Source { image, plane, from: Rect::plane(rows, cols), scale: 1.0, zero_blanks: false }
    }
}

/// A lazy 2-D array of f32 on a [`Grid`]; chunk `k` has the key (array, k).
#[derive(Debug, Clone, PartialEq)]
pub struct ChunkedArray {
    array: u64,
    grid: Grid,
}

impl ChunkedArray {
    /// A name for an array whose tasks the caller appends.
    pub(super) fn promised(b: &mut Builder<'_>, grid: Grid) -> ChunkedArray {
        ChunkedArray { array: b.new_array(), grid }
    }

    /// The chunks of an array that some task makes under these keys: `array`, chunk 0 to the grid's last.
    pub fn from_keys(array: u64, grid: Grid) -> ChunkedArray {
        ChunkedArray { array, grid }
    }

    /// How it is cut.
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// The key of chunk `k`.
    pub fn key(&self, k: usize) -> Key {
        Key { array: self.array, chunk: k as u32 }
    }

    /// The keys of all chunks.
    pub fn keys(&self) -> impl Iterator<Item = Key> + use<> {
        let array = self.array;
        (0..self.grid.len()).map(move |k| Key { array, chunk: k as u32 })
    }

    /// Pixels of a plane of a FITS image, on strips of so many whole rows. Each is read by the task that needs it.
    pub fn from_fits(b: &mut Builder<'_>, source: &Source<'_>, rows: usize) -> ChunkedArray {
        let Source { image, plane, from, scale, zero_blanks } = *source;
        let made = ChunkedArray::promised(b, Grid::strips((from.rows, from.cols), rows));
        for k in 0..made.grid.len() {
            let core = made.grid.core(k);
            let there = Rect::new(core.y0 + from.y0, core.x0 + from.x0, core.rows, core.cols);
            let section = image.section(plane, there);
            b.task(ReadSection { section, scale, zero_blanks }, vec![], vec![made.key(k)]);
        }
        made
    }

    /// An array that is made by a kernel a chunk, given where that lies.
    pub fn made(b: &mut Builder<'_>, grid: Grid, kernel: impl Fn(Rect) -> Kernel) -> ChunkedArray {
        let made = ChunkedArray::promised(b, grid);
        for k in 0..grid.len() {
            b.task(kernel(grid.outer(k)), vec![], vec![made.key(k)]);
        }
        made
    }

    /// An array of one value.
    pub fn fill(b: &mut Builder<'_>, grid: Grid, value: f32) -> ChunkedArray {
        ChunkedArray::made(b, grid, |Rect { rows, cols, .. }| Fill { rows, cols, value }.into())
    }

    /// `left` × this + `right` × other, pixel by pixel; both are on the same grid without halo. Blank where either
    /// is.
    pub fn combine(&self, b: &mut Builder<'_>, left: f32, other: &ChunkedArray, right: f32) -> ChunkedArray {
        assert_eq!(self.grid, other.grid, "arrays are combined chunk by chunk");
        let made = ChunkedArray::promised(b, self.grid);
        for k in 0..self.grid.len() {
            let Rect { rows, cols, .. } = self.grid.core(k);
            b.task(Combine { rows, cols, left, right }, vec![self.key(k), other.key(k)], vec![made.key(k)]);
        }
        made
    }

    /// This plus the components of a list (see [`RestoreComponents`]), on the same grid without halo.
    pub fn restore_components(
        &self,
        b: &mut Builder<'_>,
        list: Key,
        covariance: [f64; 3],
        reach: usize,
    ) -> ChunkedArray {
        let made = ChunkedArray::promised(b, self.grid);
        for k in 0..self.grid.len() {
            let kernel = RestoreComponents { at: self.grid.core(k), covariance, reach };
            b.task(kernel, vec![self.key(k), list], vec![made.key(k)]);
        }
        made
    }

    /// Its pixels above zero, or those below it, on the same grid without halo; all others are blank.
    pub fn keep_sign(&self, b: &mut Builder<'_>, negative: bool) -> ChunkedArray {
        let made = ChunkedArray::promised(b, self.grid);
        for k in 0..self.grid.len() {
            let Rect { rows, cols, .. } = self.grid.core(k);
            b.task(KeepSign { rows, cols, negative }, vec![self.key(k)], vec![made.key(k)]);
        }
        made
    }

    /// What a kernel makes of each chunk, given where that lies, and of those of other arrays on the same grid.
    pub fn map(&self, b: &mut Builder<'_>, others: &[&ChunkedArray], kernel: impl Fn(Rect) -> Kernel) -> ChunkedArray {
        assert!(others.iter().all(|other| other.grid == self.grid), "arrays go together chunk by chunk");
        let made = ChunkedArray::promised(b, self.grid);
        for k in 0..self.grid.len() {
            let inputs = std::iter::once(&self).chain(others).map(|array| array.key(k)).collect();
            b.task(kernel(self.grid.outer(k)), inputs, vec![made.key(k)]);
        }
        made
    }

    /// One of its rows, put together from the chunks that hold it.
    pub(super) fn row(&self, b: &mut Builder<'_>, y: usize) -> Key {
        let target = Rect::new(y as i64, 0, 1, self.grid.shape.1);
        b.single(self.assemble(target), self.touching(&target))
    }

    /// A rectangle of it, which lies inside, in strips of as many whole rows as its own chunks have.
    pub fn cut(&self, b: &mut Builder<'_>, rect: Rect) -> ChunkedArray {
        assert!(
            self.grid.halo == 0 && rect.intersect(&Rect::plane(self.grid.shape.0, self.grid.shape.1)) == Some(rect)
        );
        let made = ChunkedArray::promised(b, Grid::strips((rect.rows, rect.cols), self.grid.chunk.0));
        for k in 0..made.grid.len() {
            let core = made.grid.core(k);
            let target = Rect { y0: core.y0 + rect.y0, x0: core.x0 + rect.x0, ..core };
            b.task(self.assemble(target), self.touching(&target), vec![made.key(k)]);
        }
        made
    }

    /// The same pixels on another grid of the same plane. Where the other grid has a halo this is overlap: every
    /// chunk also holds its surroundings, however many chunks away they come from.
    pub fn rechunk(&self, b: &mut Builder<'_>, grid: Grid) -> ChunkedArray {
        assert_eq!(self.grid.shape, grid.shape, "a plane is cut anew");
        self.gather(b, grid, (0, 0))
    }

    /// A part of a plane without halo, on a grid of its own whose pixel (0, 0) is pixel `corner` of the plane.
    pub fn crop(&self, b: &mut Builder<'_>, grid: Grid, corner: (usize, usize)) -> ChunkedArray {
        assert!(
            self.grid.halo == 0
                && corner.0 + grid.shape.0 <= self.grid.shape.0
                && corner.1 + grid.shape.1 <= self.grid.shape.1,
            "a part lies inside its plane"
        );
        self.gather(b, grid, corner)
    }

    /// The chunks of a grid whose pixel (0, 0) is pixel `corner` of this plane.
    fn gather(&self, b: &mut Builder<'_>, grid: Grid, corner: (usize, usize)) -> ChunkedArray {
        assert_eq!(
            (self.grid.halo, self.grid.shift),
            (0, (0, 0)),
            "chunks with halo, or shifted, are not put together"
        );
        let made = ChunkedArray::promised(b, grid);
        for k in 0..grid.len() {
            let there = grid.outer(k);
            let (y0, x0) = (there.y0 + corner.0 as i64, there.x0 + corner.1 as i64);
            let target = Rect { y0, x0, ..there };
            b.task(self.assemble(target), self.touching(&target), vec![made.key(k)]);
        }
        made
    }

    /// How far what a chunk predicted on its lines, [picked](Lines::pick) of it as that plane, is from this residual: the key of
    /// the numbers of a [`Seam`].
    pub fn seam(&self, b: &mut Builder<'_>, lines: Lines, (picked, plane): (Key, usize)) -> Key {
        let hull = lines.hull();
        let residual = Tiles::touching(self.grid.shape, self.grid.chunk, &hull);
        let inputs = std::iter::once(picked).chain(self.touching(&hull)).collect();
        b.single(Seam { lines, plane, residual }, inputs)
    }

    /// The kernel that puts a rectangle of the plane together, given the chunks that [touch](Self::touching) it.
    fn assemble(&self, target: Rect) -> Assemble {
        Assemble { target, sources: Tiles::touching(self.grid.shape, self.grid.chunk, &target) }
    }

    /// The keys of the chunks that hold something of a rectangle, row by row.
    fn touching(&self, target: &Rect) -> Vec<Key> {
        let Tiles { first, count, .. } = Tiles::touching(self.grid.shape, self.grid.chunk, target);
        let across = self.grid.counts().1;
        let row = |ty: usize| (first.1..first.1 + count.1).map(move |tx| ty * across + tx);
        (first.0..first.0 + count.0).flat_map(row).map(|k| self.key(k)).collect()
    }

    /// Writes it to a plane of an output file. The answers of the graph get one sum of 32-bit words (for DATASUM) a
    /// chunk, in the order of the chunks.
    pub fn to_fits(&self, b: &mut Builder<'_>, product: &Product, plane: usize) {
        for k in 0..self.grid.len() {
            let target = product.target(plane, self.grid.core(k));
            let sum = b.single(WriteSection { target }, vec![self.key(k)]);
            b.answer(sum);
        }
    }
}
