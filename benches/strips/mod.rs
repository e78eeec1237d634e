//! A whole plane transformed by the bare kernels: buffers allocated once, strips shared out by rayon.

use deconv::kernel::fft::{half_length, strip_rows};
use deconv::kernel::{
    Block, Buffer, Call, ColumnForward, ColumnInverse, Kernel, Payload, RowForward, RowInverse, Shape,
};
use num_complex::Complex32;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// A square plane, its spectrum and what lies between, in strips.
pub struct Strips {
    kernels: Kernels,
    workers: Workers,
    /// Row strips of the image.
    pub image: Vec<Payload>,
    /// Column strips of the spectrum.
    pub spectrum: Vec<Payload>,
    /// Row strips of the image that the inverse transform makes.
    pub back: Vec<Payload>,
    /// Memory for the blocks between rows and columns, which both directions take and give back.
    pool: Vec<Buffer>,
}

/// The kernels of all strips.
struct Kernels {
    row_forward: Vec<Kernel>,
    column_forward: Vec<Kernel>,
    column_inverse: Vec<Kernel>,
    row_inverse: Vec<Kernel>,
}

impl Kernels {
    fn new(size: usize) -> Kernels {
        let block_rows = strip_rows(size, size * size_of::<f32>(), usize::MAX);
        let width = strip_rows(half_length(size), size * size_of::<Complex32>(), usize::MAX);
        let scale = 1.0 / (size as f32 * size as f32);
        let (rows, cols, length, first) = (size, size, size, 0);
        let row_strips = || cut(size, block_rows);
        let column_strips = || cut(half_length(size), width);
        Kernels {
            row_forward: row_strips().map(|rows| RowForward { rows, cols, length, first, width }.into()).collect(),
            column_forward: column_strips()
                .map(|columns| ColumnForward { columns, length, first, rows, block_rows }.into())
                .collect(),
            column_inverse: column_strips()
                .map(|columns| ColumnInverse { columns, length, first, rows, block_rows }.into())
                .collect(),
            row_inverse: row_strips()
                .map(|rows| RowInverse { rows, cols, length, first, width, scale }.into())
                .collect(),
        }
    }

    fn scratch_bytes(&self) -> usize {
        let all = [&self.row_forward, &self.column_forward, &self.column_inverse, &self.row_inverse];
        all.into_iter().flatten().map(Kernel::scratch_bytes).max().unwrap_or(0)
    }
}

fn cut(total: usize, each: usize) -> impl Iterator<Item = usize> {
    (0..total).step_by(each).map(move |start| each.min(total - start))
}

impl Strips {
    /// A plane of zeros and `threads` threads to transform it.
    pub fn new(size: usize, threads: usize) -> Strips {
        let kernels = Kernels::new(size);
        let made_by = |kernels: &[Kernel]| -> Vec<Payload> {
            let outputs = kernels.iter().flat_map(Kernel::outputs);
            outputs.map(|shape| payload(shape, Buffer::zeroed(shape.bytes()).expect("memory for a bench"))).collect()
        };
        let blocks = || kernels.row_forward.iter().chain(&kernels.column_inverse).flat_map(Kernel::outputs);
        let most = blocks().map(|shape| shape.bytes()).max().unwrap_or(0);
        Strips {
            workers: Workers::new(threads, kernels.scratch_bytes()),
            image: made_by(&kernels.row_inverse),
            spectrum: made_by(&kernels.column_forward),
            back: made_by(&kernels.row_inverse),
            pool: (0..blocks().count() / 2).map(|_| Buffer::zeroed(most).expect("memory for a bench")).collect(),
            kernels,
        }
    }

    /// Image to spectrum. Milliseconds that it took.
    pub fn forward(&mut self) -> f64 {
        let mut blocks = take(&mut self.pool, &self.kernels.row_forward);
        let rows = self.kernels.row_forward.iter().zip(&self.image).zip(&mut blocks);
        let rows = rows.map(|((kernel, image), outputs)| Task { kernel, inputs: vec![image], outputs }).collect();
        let rows = self.workers.run(rows);
        let columns = self.kernels.column_forward.iter().zip(&mut self.spectrum).enumerate();
        let columns = columns.map(|(strip, (kernel, spectrum))| Task {
            kernel,
            inputs: blocks.iter().map(|row| &row[strip]).collect(),
            outputs: std::slice::from_mut(spectrum),
        });
        let columns = self.workers.run(columns.collect());
        give_back(&mut self.pool, blocks);
        rows + columns
    }

    /// Spectrum to image, scaled. Milliseconds that it took.
    pub fn inverse(&mut self) -> f64 {
        let mut blocks = take(&mut self.pool, &self.kernels.column_inverse);
        let columns = self.kernels.column_inverse.iter().zip(&self.spectrum).zip(&mut blocks);
        let columns = columns.map(|((kernel, spectrum), outputs)| Task { kernel, inputs: vec![spectrum], outputs });
        let columns = self.workers.run(columns.collect());
        let rows = self.kernels.row_inverse.iter().zip(&mut self.back).enumerate();
        let rows = rows.map(|(strip, (kernel, image))| Task {
            kernel,
            inputs: blocks.iter().map(|column| &column[strip]).collect(),
            outputs: std::slice::from_mut(image),
        });
        let rows = self.workers.run(rows.collect());
        give_back(&mut self.pool, blocks);
        rows + columns
    }
}

fn payload(shape: Shape, buffer: Buffer) -> Payload {
    match shape {
        Shape::Real { rows, cols } => Payload::Real(Block::in_buffer(buffer, rows, cols, shape.stride())),
        Shape::Complex { rows, cols } => Payload::Complex(Block::in_buffer(buffer, rows, cols, shape.stride())),
        Shape::Small(_) | Shape::Device(_) => Payload::Empty,
    }
}

/// The outputs of each kernel, in memory from the pool.
fn take(pool: &mut Vec<Buffer>, kernels: &[Kernel]) -> Vec<Vec<Payload>> {
    let mut outputs = |kernel: &Kernel| {
        let shapes = kernel.outputs().into_iter();
        shapes.map(|shape| payload(shape, pool.pop().expect("the pool holds a buffer for each block"))).collect()
    };
    kernels.iter().map(&mut outputs).collect()
}

fn give_back(pool: &mut Vec<Buffer>, blocks: Vec<Vec<Payload>>) {
    pool.extend(blocks.into_iter().flatten().rev().filter_map(Payload::into_buffer));
}

/// One run of a kernel.
struct Task<'a> {
    kernel: &'a Kernel,
    inputs: Vec<&'a Payload>,
    outputs: &'a mut [Payload],
}

/// Threads with their working memory.
struct Workers {
    pool: ThreadPool,
    scratch: Vec<Mutex<Buffer>>,
}

impl Workers {
    fn new(threads: usize, scratch_bytes: usize) -> Workers {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be started");
        Workers {
            pool,
            scratch: (0..threads)
                .map(|_| Mutex::new(Buffer::zeroed(scratch_bytes).expect("memory for a bench")))
                .collect(),
        }
    }

    /// Runs the tasks. Milliseconds that it took, without waking the threads, which a scheduler does once a job.
    fn run(&self, tasks: Vec<Task<'_>>) -> f64 {
        self.pool.install(|| {
            let start = Instant::now();
            rayon::scope(|scope| tasks.into_iter().for_each(|task| scope.spawn(|_| self.run_one(task))));
            start.elapsed().as_secs_f64() * 1e3
        })
    }

    fn run_one(&self, task: Task<'_>) {
        let thread = rayon::current_thread_index().expect("kernels run in the pool");
        let mut scratch = self.scratch[thread].lock().expect("no kernel panics");
        let cancel = AtomicBool::new(false);
        let mut call = Call { inputs: &task.inputs, outputs: task.outputs, scratch: &mut scratch, cancel: &cancel };
        task.kernel.run(&mut call).expect("the kernels know no error");
    }
}
