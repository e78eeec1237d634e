//! What flows between tasks.

use super::buffer::Buffer;
use super::measured::{RowStats, Stats};
use crate::device::Chunk;
use bytemuck::Pod;
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder};
use num_complex::Complex32;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// A 2-D array of `T`, rows contiguous, each row `stride` numbers after the one before.
#[derive(Debug, Clone)]
pub struct Block<T> {
    buffer: Buffer,
    rows: usize,
    cols: usize,
    stride: usize,
    number: PhantomData<T>,
}

impl<T: Pod> Block<T> {
    /// A block of `rows` × `cols` in a buffer that is large enough for `stride` numbers a row.
    ///
    /// Contents are what the buffer held.
    pub fn in_buffer(buffer: Buffer, rows: usize, cols: usize, stride: usize) -> Block<T> {
        assert!(stride >= cols && buffer.as_slice::<T>().len() >= rows * stride);
        Block { buffer, rows, cols, stride, number: PhantomData }
    }

    /// Number of rows and of columns.
    pub fn dim(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// Row `y`.
    pub fn row(&self, y: usize) -> &[T] {
        &self.buffer.as_slice()[y * self.stride..][..self.cols]
    }

    /// Row `y`, to be changed.
    pub fn row_mut(&mut self, y: usize) -> &mut [T] {
        &mut self.buffer.as_mut_slice()[y * self.stride..][..self.cols]
    }

    /// Numbers from the start of one row to the start of the next.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// All the rows with what lies between them: `rows * stride` numbers.
    pub fn strided(&self) -> &[T] {
        &self.buffer.as_slice()[..self.rows * self.stride]
    }

    /// All the rows with what lies between them, to be changed.
    pub fn strided_mut(&mut self) -> &mut [T] {
        &mut self.buffer.as_mut_slice()[..self.rows * self.stride]
    }

    /// The block as an ndarray view.
    pub fn view(&self) -> ArrayView2<'_, T> {
        let shape = (self.rows, self.cols).strides((self.stride, 1));
        ArrayView2::from_shape(shape, self.strided()).expect("a block's rows lie inside its buffer")
    }

    /// The block as an ndarray view, to be changed.
    pub fn view_mut(&mut self) -> ArrayViewMut2<'_, T> {
        let shape = (self.rows, self.cols).strides((self.stride, 1));
        ArrayViewMut2::from_shape(shape, self.strided_mut()).expect("a block's rows lie inside its buffer")
    }

    /// Gives the memory back.
    pub fn into_buffer(self) -> Buffer {
        self.buffer
    }

    /// A copy in another buffer of at least the same size.
    pub fn copy_into(&self, mut buffer: Buffer) -> Block<T> {
        buffer.as_mut_slice()[..self.rows * self.stride].copy_from_slice(self.strided());
        Block::in_buffer(buffer, self.rows, self.cols, self.stride)
    }
}

/// A component of a CLEAN model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// Row in the plane, 0-based.
    pub y: u32,
    /// Column in the plane, 0-based.
    pub x: u32,
    /// Which of the scales of the run it has, by number; 0 is a point.
    pub scale: u16,
    /// Flux in the unit of the dirty image per pixel (Jy/pixel for Jy/beam).
    pub flux: f32,
}

/// Pixels or part of a spectrum in the memory of a device, laid out as in a block.
#[derive(Debug, Clone)]
pub struct OnDevice {
    /// Where they are.
    pub chunk: Chunk,
    /// What they are.
    pub shape: Shape,
}

/// What a task makes and another takes.
#[derive(Debug, Clone, Default)]
pub enum Payload {
    /// Nothing yet: the state of a small output before its task has run.
    #[default]
    Empty,
    /// Pixels.
    Real(Block<f32>),
    /// Part of a spectrum.
    Complex(Block<Complex32>),
    /// Pixels or part of a spectrum, in the memory of a device.
    Device(OnDevice),
    /// Components in the order in which they were found, or those of a model, sorted by row and column.
    Components(Vec<Component>),
    /// Statistics of each row of a chunk.
    Rows(Vec<RowStats>),
    /// Statistics of a plane.
    Stats(Stats),
    /// Counts of a histogram.
    Histogram(Vec<u64>),
    /// A few numbers whose meaning the kernel that makes them states.
    Numbers(Vec<f64>),
}

/// Kind and size of a payload, known before its task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// Pixels in a pooled buffer.
    Real {
        /// Number of rows.
        rows: usize,
        /// Number of columns.
        cols: usize,
    },
    /// Part of a spectrum in a pooled buffer.
    Complex {
        /// Number of rows.
        rows: usize,
        /// Number of columns.
        cols: usize,
    },
    /// Anything that needs no pooled buffer; at most so many bytes.
    Small(usize),
    /// So many bytes in the memory of a device, none in the machine's.
    Device(usize),
}

impl Shape {
    /// Numbers from the start of one row to the next.
    ///
    /// Rows of a spectrum are an odd number of cache lines long: with a power of two between them, the rows of a
    /// transpose would all fall on the same few cache sets.
    pub fn stride(&self) -> usize {
        match *self {
            Shape::Real { cols, .. } => cols,
            Shape::Complex { cols, .. } => odd_lines(cols),
            Shape::Small(_) | Shape::Device(_) => 0,
        }
    }

    /// Bytes that such a payload takes in memory.
    pub fn bytes(&self) -> usize {
        match *self {
            Shape::Real { rows, .. } => Buffer::size_class(rows * self.stride() * size_of::<f32>()),
            Shape::Complex { rows, .. } => Buffer::size_class(rows * self.stride() * size_of::<Complex32>()),
            Shape::Small(bytes) | Shape::Device(bytes) => bytes,
        }
    }

    /// Bytes that it takes of the buffer pool.
    pub fn pooled_bytes(&self) -> usize {
        match self {
            Shape::Small(_) | Shape::Device(_) => 0,
            _ => self.bytes(),
        }
    }
}

/// The smallest row stride of at least `cols` complex numbers that is an odd number of cache lines.
pub fn odd_lines(cols: usize) -> usize {
    const PER_LINE: usize = 64 / size_of::<Complex32>();
    (cols.div_ceil(PER_LINE) | 1) * PER_LINE
}

impl Payload {
    /// The pixels.
    ///
    /// # Panics
    /// If it is not pixels: a graph that connects kernels wrongly, which becomes its task's error.
    pub fn real(&self) -> &Block<f32> {
        match self {
            Payload::Real(block) => block,
            other => panic!("pixels were expected, not {}", other.kind()),
        }
    }

    /// The pixels, to be changed. Panics as [`Payload::real`] does.
    pub fn real_mut(&mut self) -> &mut Block<f32> {
        match self {
            Payload::Real(block) => block,
            other => panic!("pixels were expected, not {}", other.kind()),
        }
    }

    /// The spectrum. Panics as [`Payload::real`] does.
    pub fn complex(&self) -> &Block<Complex32> {
        match self {
            Payload::Complex(block) => block,
            other => panic!("a spectrum was expected, not {}", other.kind()),
        }
    }

    /// The spectrum, to be changed. Panics as [`Payload::real`] does.
    pub fn complex_mut(&mut self) -> &mut Block<Complex32> {
        match self {
            Payload::Complex(block) => block,
            other => panic!("a spectrum was expected, not {}", other.kind()),
        }
    }

    /// The chunk on a device. Panics as [`Payload::real`] does.
    pub fn on_device(&self) -> &OnDevice {
        match self {
            Payload::Device(there) => there,
            other => panic!("a chunk on a device was expected, not {}", other.kind()),
        }
    }

    /// The components. Panics as [`Payload::real`] does.
    pub fn components(&self) -> &[Component] {
        match self {
            Payload::Components(list) => list,
            other => panic!("components were expected, not {}", other.kind()),
        }
    }

    /// The statistics of rows. Panics as [`Payload::real`] does.
    pub fn rows(&self) -> &[RowStats] {
        match self {
            Payload::Rows(rows) => rows,
            other => panic!("statistics of rows were expected, not {}", other.kind()),
        }
    }

    /// The statistics of a plane. Panics as [`Payload::real`] does.
    pub fn stats(&self) -> &Stats {
        match self {
            Payload::Stats(stats) => stats,
            other => panic!("statistics were expected, not {}", other.kind()),
        }
    }

    /// The histogram. Panics as [`Payload::real`] does.
    pub fn histogram(&self) -> &[u64] {
        match self {
            Payload::Histogram(counts) => counts,
            other => panic!("a histogram was expected, not {}", other.kind()),
        }
    }

    /// The numbers. Panics as [`Payload::real`] does.
    pub fn numbers(&self) -> &[f64] {
        match self {
            Payload::Numbers(numbers) => numbers,
            other => panic!("numbers were expected, not {}", other.kind()),
        }
    }

    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Payload::Empty => "nothing",
            Payload::Real(_) => "pixels",
            Payload::Complex(_) => "a spectrum",
            Payload::Device(_) => "a chunk on a device",
            Payload::Components(_) => "components",
            Payload::Rows(_) => "statistics of rows",
            Payload::Stats(_) => "statistics",
            Payload::Histogram(_) => "a histogram",
            Payload::Numbers(_) => "numbers",
        }
    }

    /// Pixels or spectrum with what lies between the rows, as bytes in the machine's order; nothing of small payloads.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Payload::Real(block) => bytemuck::cast_slice(block.strided()),
            Payload::Complex(block) => bytemuck::cast_slice(block.strided()),
            _ => &[],
        }
    }

    /// [`Payload::as_bytes`], to be changed.
    pub fn as_mut_bytes(&mut self) -> &mut [u8] {
        match self {
            Payload::Real(block) => bytemuck::cast_slice_mut(block.strided_mut()),
            Payload::Complex(block) => bytemuck::cast_slice_mut(block.strided_mut()),
            _ => &mut [],
        }
    }

    /// How often a list of components counts in [`Payload::small_bytes`]: a merge copies and sorts it.
    pub const COPIES: usize = 3;

    /// Bytes that it takes beside the buffer pool.
    pub fn small_bytes(&self) -> usize {
        match self {
            Payload::Components(list) => Payload::COPIES * list.capacity() * size_of::<Component>(),
            Payload::Rows(rows) => rows.capacity() * size_of::<RowStats>(),
            Payload::Histogram(counts) => counts.capacity() * size_of::<u64>(),
            Payload::Numbers(numbers) => numbers.capacity() * size_of::<f64>(),
            _ => 0,
        }
    }

    /// Gives back the memory that came from the pool, if any did.
    pub fn into_buffer(self) -> Option<Buffer> {
        match self {
            Payload::Real(block) => Some(block.into_buffer()),
            Payload::Complex(block) => Some(block.into_buffer()),
            _ => None,
        }
    }
}
