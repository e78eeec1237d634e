//! The 2-D real transform on chunks: rows, a rechunk in blocks that are transposed already, columns.

use super::{Builder, ChunkedArray, Grid};
use crate::event::Key;
use crate::image::rect::Rect;
use crate::kernel::fft::{fast_length, strip_rows, strip_rows_of};
use crate::kernel::{
    AddNumbers, ColumnForward, ColumnInverse, Correlate, GaussianMultiply, Kernel, Multiply, RowForward, RowInverse,
    ScaleMultiply, SpectrumExtremes, Strip,
};
use serde::{Deserialize, Serialize};

/// The padded frame of a transform: its rows and columns, and how what is transformed in it is cut into strips, which
/// changes no bit.
///
/// The spectrum has `cols / 2 + 1` columns and is stored transposed: strip `j` holds the columns from `j × strip` on,
/// each as a line of `rows` numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Padding {
    /// Rows of the padded frame.
    pub rows: usize,
    /// Columns of the padded frame.
    pub cols: usize,
    /// Columns of the spectrum in a strip.
    pub strip: usize,
    /// Bytes that a strip of rows of an image should have at most.
    pub image_bytes: usize,
    /// Bytes that strips are to have; none: as many as suit what is cut.
    pub wanted: Option<usize>,
}

/// There are not many more strips than this, rows or columns, however small they should be: every pair of them has a block,
/// and those take memory by their number, too.
const STRIPS: usize = 256;

impl Padding {
    /// The smallest frame of fast lengths with at least so many rows and columns.
    pub fn at_least(rows: usize, cols: usize) -> Padding {
        Padding::exactly(fast_length(rows), fast_length(cols))
    }

    /// The frame with so many rows and columns, fast to transform or not.
    pub fn exactly(rows: usize, cols: usize) -> Padding {
        Padding { rows, cols, strip: 0, image_bytes: 0, wanted: None }.within(usize::MAX)
    }

    /// The same frame, cut into strips of at most so many bytes where that is possible.
    pub fn within(self, bytes: usize) -> Padding {
        let (columns, bytes_per_column) = (self.cols / 2 + 1, self.rows * size_of::<num_complex::Complex32>());
        let most = bytes.max(columns * bytes_per_column / STRIPS);
        let strip = self.lines((columns, bytes_per_column), most).next_multiple_of(COLUMNS_TOGETHER).min(columns);
        Padding { strip, image_bytes: bytes, ..self }
    }

    /// The same frame, cut into strips of about so many bytes, or as suits it, and of no more than before.
    pub fn in_strips(self, wanted: Option<usize>) -> Padding {
        Padding { wanted, ..self }.within(self.image_bytes)
    }

    /// The same frame, cut as another one is.
    pub fn cut_like(self, other: &Padding) -> Padding {
        Padding { wanted: other.wanted, ..self }.within(other.image_bytes)
    }

    /// Rows of a strip of an image of this shape that is transformed in this frame.
    pub fn image_strip(&self, shape: (usize, usize)) -> usize {
        let (rows, bytes_per_row) = (shape.0, shape.1 * size_of::<f32>());
        self.lines((rows, bytes_per_row), self.image_bytes.max(rows * bytes_per_row / STRIPS))
    }

    /// Lines of a strip of so many lines of so many bytes.
    fn lines(&self, (count, bytes): (usize, usize), most: usize) -> usize {
        match self.wanted {
            None => strip_rows(count, bytes, most),
            Some(wanted) => strip_rows_of(wanted.max(count * bytes / STRIPS), (count, bytes), most),
        }
    }

    /// The spectrum as a grid: lines are columns of the frame.
    fn grid(&self) -> Grid {
        Grid::strips((self.cols / 2 + 1, self.rows), self.strip)
    }
}

/// Rows of a strip of an image of this shape, of at most so many bytes where that is possible.
pub fn image_strip(shape: (usize, usize), bytes: usize) -> usize {
    strip_rows(shape.0, shape.1 * size_of::<f32>(), bytes)
}

/// Column transforms take whole cache lines of each block.
const COLUMNS_TOGETHER: usize = 8;

/// The lazy spectrum of an array in a padded frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum {
    pub(super) strips: ChunkedArray,
    pub(super) padding: Padding,
}

impl Spectrum {
    /// The spectrum of an array on strips of whole rows, with its pixel (0, 0) at pixel `origin` of the frame and
    /// wrapping around its edges (the peak of a PSF goes to pixel (0, 0)). Blank pixels count as zero, as does
    /// the frame around the array. Unscaled.
    pub fn of(b: &mut Builder<'_>, array: &ChunkedArray, origin: (usize, usize), padding: Padding) -> Spectrum {
        let grid = array.grid();
        let strips = ChunkedArray::promised(b, padding.grid());
        let blocks = Blocks::new(b, grid.len());
        for i in 0..grid.len() {
            let Rect { rows, cols, .. } = grid.core(i);
            let kernel = RowForward { rows, cols, length: padding.cols, first: origin.1, width: padding.strip };
            let outputs = (0..strips.grid().len()).map(|j| blocks.key(i, j)).collect();
            b.task(kernel, vec![array.key(i)], outputs);
        }
        for j in 0..strips.grid().len() {
            let columns = strips.grid().core(j).rows;
            let (length, rows, block_rows) = (padding.rows, grid.shape.0, grid.chunk.0);
            let kernel = ColumnForward { columns, length, first: origin.0, rows, block_rows };
            b.task(kernel, blocks.column(j), vec![strips.key(j)]);
        }
        Spectrum { strips, padding }
    }

    /// A spectrum that is made by a kernel a strip, given its first column, its columns and their length.
    pub fn made(b: &mut Builder<'_>, padding: Padding, kernel: impl Fn(usize, usize, usize) -> Kernel) -> Spectrum {
        let strips = ChunkedArray::promised(b, padding.grid());
        for j in 0..strips.grid().len() {
            let core = strips.grid().core(j);
            b.task(kernel(core.y0 as usize, core.rows, core.cols), vec![], vec![strips.key(j)]);
        }
        Spectrum { strips, padding }
    }

    /// The frame.
    pub fn padding(&self) -> Padding {
        self.padding
    }

    /// The keys of its strips.
    pub fn keys(&self) -> impl Iterator<Item = Key> + use<> {
        self.strips.keys()
    }

    /// The inverse transform, cropped to a grid of row strips whose pixel (0, 0) is pixel (0, 0) of the frame.
    /// Scaled so that it undoes [`Spectrum::of`].
    pub fn inverse(&self, b: &mut Builder<'_>, grid: Grid) -> ChunkedArray {
        self.inverse_from(b, grid, (0, 0))
    }

    /// [`Spectrum::inverse`] with pixel (0, 0) of the grid at pixel `origin` of the frame, around whose edges it goes on.
    pub fn inverse_from(&self, b: &mut Builder<'_>, grid: Grid, origin: (usize, usize)) -> ChunkedArray {
        let padding = self.padding;
        let made = ChunkedArray::promised(b, grid);
        let blocks = Blocks::new(b, grid.len());
        for j in 0..self.strips.grid().len() {
            let columns = self.strips.grid().core(j).rows;
            let (length, rows, block_rows) = (padding.rows, grid.shape.0, grid.chunk.0);
            let kernel = ColumnInverse { columns, length, first: origin.0, rows, block_rows };
            b.task(kernel, vec![self.strips.key(j)], blocks.column(j));
        }
        let scale = (1.0 / (padding.rows as f64 * padding.cols as f64)) as f32;
        for i in 0..grid.len() {
            let Rect { rows, cols, .. } = grid.core(i);
            let (length, width) = (padding.cols, padding.strip);
            let kernel = RowInverse { rows, cols, length, first: origin.1, width, scale };
            let inputs = (0..self.strips.grid().len()).map(|j| blocks.key(i, j)).collect();
            b.task(kernel, inputs, vec![made.key(i)]);
        }
        made
    }

    /// The product with another spectrum of the same frame: the convolution of the two arrays.
    pub fn multiply(&self, b: &mut Builder<'_>, other: &Spectrum) -> Spectrum {
        self.pointwise(b, Some(other), |_, columns, length| Multiply { columns, length }.into())
    }

    /// The product with the conjugate of another spectrum of the same frame: the correlation of the two arrays.
    pub fn correlate(&self, b: &mut Builder<'_>, other: &Spectrum) -> Spectrum {
        self.pointwise(b, Some(other), |_, columns, length| Correlate { columns, length }.into())
    }

    /// The convolution with a Gaussian of peak 1 and this covariance ([xx, xy, yy], pixels²).
    pub fn multiply_gaussian(&self, b: &mut Builder<'_>, covariance: [f64; 3]) -> Spectrum {
        let row_length = self.padding.cols;
        self.pointwise(b, None, |first_column, columns, length| {
            GaussianMultiply { columns, length, first_column, row_length, covariance }.into()
        })
    }

    /// The convolution with the shape of a [scale](crate::kernel::scale) in pixels.
    pub fn multiply_scale(&self, b: &mut Builder<'_>, scale: f64) -> Spectrum {
        let row_length = self.padding.cols;
        self.pointwise(b, None, |first_column, columns, length| {
            ScaleMultiply { columns, length, first_column, row_length, scale }.into()
        })
    }

    /// What a kernel makes of each strip and of the same strip of another spectrum of this frame, given where it lies; it works in
    /// place.
    pub fn with(&self, b: &mut Builder<'_>, other: &Spectrum, kernel: impl Fn(Strip) -> Kernel) -> Spectrum {
        let row_length = self.padding.cols;
        self.pointwise(b, Some(other), |first_column, columns, length| {
            kernel(Strip { columns, length, first_column, row_length })
        })
    }

    /// The sum of `width` numbers that a kernel makes of each column, given a strip of this spectrum, the same of others, and
    /// where it lies.
    pub fn sums(
        &self,
        b: &mut Builder<'_>,
        others: &[&Spectrum],
        width: usize,
        kernel: impl Fn(Strip) -> Kernel,
    ) -> Key {
        let strip = |j| {
            let Rect { y0, rows: columns, cols: length, .. } = self.strips.grid().core(j);
            let at = Strip { columns, length, first_column: y0 as usize, row_length: self.padding.cols };
            let inputs = std::iter::once(self).chain(others.iter().copied()).map(|s| s.strips.key(j)).collect();
            b.single(kernel(at), inputs)
        };
        let columns = (0..self.strips.grid().len()).map(strip).collect();
        b.single(AddNumbers { width }, columns)
    }

    /// How far it is from being real and not negative: three numbers of [`SpectrumExtremes`] for every strip.
    pub fn extremes(&self, b: &mut Builder<'_>) -> Vec<Key> {
        let strip = |j| {
            let Rect { rows: columns, cols: length, .. } = self.strips.grid().core(j);
            b.single(SpectrumExtremes { columns, length }, vec![self.strips.key(j)])
        };
        (0..self.strips.grid().len()).map(strip).collect()
    }

    /// What a kernel makes of each strip, given its first column, its columns and their length; it works in place.
    pub fn map(&self, b: &mut Builder<'_>, kernel: impl Fn(usize, usize, usize) -> Kernel) -> Spectrum {
        self.pointwise(b, None, kernel)
    }

    /// Appends one kernel a strip, given its first column, its columns and their length.
    fn pointwise(
        &self,
        b: &mut Builder<'_>,
        other: Option<&Spectrum>,
        kernel: impl Fn(usize, usize, usize) -> Kernel,
    ) -> Spectrum {
        let grid = self.strips.grid();
        let made = ChunkedArray::promised(b, grid);
        for j in 0..grid.len() {
            let core = grid.core(j);
            let inputs = std::iter::once(self).chain(other).map(|s| s.strips.key(j)).collect();
            b.task(kernel(core.y0 as usize, core.rows, core.cols), inputs, vec![made.key(j)]);
        }
        Spectrum { strips: made, padding: self.padding }
    }
}

/// The blocks between rows and columns: one for each row strip and column strip.
struct Blocks {
    array: u64,
    row_strips: usize,
}

impl Blocks {
    fn new(b: &mut Builder<'_>, row_strips: usize) -> Blocks {
        Blocks { array: b.new_array(), row_strips }
    }

    fn key(&self, row_strip: usize, column_strip: usize) -> Key {
        Key { array: self.array, chunk: (column_strip * self.row_strips + row_strip) as u32 }
    }

    fn column(&self, column_strip: usize) -> Vec<Key> {
        (0..self.row_strips).map(|i| self.key(i, column_strip)).collect()
    }
}
