//! How fast a device transforms and convolves a plane, and whether it does so rightly.

use super::super::fft::half_length;
use super::super::{
    ColumnForward, ColumnInverse, Kernel, Multiply, OnDevice, Payload, Random, RowForward, RowInverse, Shape,
};
use super::recording::{record, run};
use crate::device::{Facts, Gpu, Recorded};
use crate::error::{Bytes, Error, Kind, Result};

/// How far, in parts of its peak, an image may be off that was transformed and transformed back: f32 keeps it to a tenth of that.
const TOLERANCE: f32 = 1e-5;

/// What is measured: a square plane that is transformed and transformed back, as one strip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// Rows and columns of the plane.
    pub side: usize,
    /// Rows and columns of the frame in which it is transformed.
    pub frame: usize,
    /// Is its spectrum multiplied with another one in between, as in a convolution?
    pub multiplied: bool,
}

impl Round {
    /// The kernels, each of which reads what the one before it makes.
    fn kernels(&self) -> Vec<Kernel> {
        let Round { side, frame, multiplied } = *self;
        let (columns, first) = (half_length(frame), 0);
        let scale = (1.0 / (frame as f64 * frame as f64)) as f32;
        let multiply: Kernel = Multiply { columns, length: frame }.into();
        let forward: [Kernel; 2] = [
            RowForward { rows: side, cols: side, length: frame, first, width: columns }.into(),
            ColumnForward { columns, length: frame, first, rows: side, block_rows: side }.into(),
        ];
        let inverse: [Kernel; 2] = [
            ColumnInverse { columns, length: frame, first, rows: side, block_rows: side }.into(),
            RowInverse { rows: side, cols: side, length: frame, first, width: columns, scale }.into(),
        ];
        forward.into_iter().chain(multiplied.then_some(multiply)).chain(inverse).collect()
    }

    /// The plane.
    fn plane(&self) -> Shape {
        Shape::Real { rows: self.side, cols: self.side }
    }

    /// Bytes of a device's memory for all that is read and made, and for the working memory of all kernels; none if it cannot run one.
    fn bytes(&self, facts: &Facts) -> Option<(u64, u64)> {
        let kernels = self.kernels();
        let work: Option<u64> = kernels.iter().map(|kernel| Some(kernel.device_work_bytes(facts)? as u64)).sum();
        // What is multiplied is changed in place, and there is another one.
        let made = kernels.iter().flat_map(Kernel::outputs);
        Some((made.chain([self.plane()]).map(|shape| shape.bytes() as u64).sum(), work?))
    }

    /// Why such a device cannot do it; none: it can.
    pub fn refusal(&self, facts: &Facts) -> Option<String> {
        if self.kernels().iter().any(|kernel| kernel.twin().is_none()) {
            return Some("no FFT on this device".into());
        }
        let Some((made, work)) = self.bytes(facts) else { return Some("no FFT of this size on this device".into()) };
        let (needed, room) = (made + work, facts.room);
        (needed > room).then(|| format!("{} of memory are needed, {} may be used", Bytes(needed), Bytes(room)))
    }
}

/// A round on a device, with all that it needs.
pub struct Chain<'g> {
    gpu: &'g Gpu,
    kernels: Vec<Kernel>,
    /// What the first kernel reads, and what each makes.
    payloads: Vec<Payload>,
    /// What is read by kernels that work in place, beside what they change.
    other: Option<Payload>,
    image: Vec<f32>,
    most_rounds: usize,
}

impl<'g> Chain<'g> {
    /// The round with an image of noise, whose spectrum is the other one, too.
    ///
    /// # Errors
    /// Of kind `Device`, if the device cannot do it.
    pub fn new(gpu: &'g Gpu, round: Round) -> Result<Chain<'g>> {
        let facts = gpu.facts();
        if let Some(refusal) = round.refusal(&facts) {
            return Err(Error::new(Kind::Device, format!("{}: {refusal}", gpu.adapter())));
        }
        let (made, work) = round.bytes(&facts).unwrap_or_default();
        let most_rounds = facts.room.saturating_sub(made).checked_div(work).unwrap_or(u64::MAX) as usize;
        let there = |shape: Shape| Ok(Payload::Device(OnDevice { chunk: gpu.chunk(shape.bytes())?, shape }));
        let (kernels, mut payloads, mut other) = (round.kernels(), vec![there(round.plane())?], None);
        for kernel in &kernels {
            let shape = kernel.outputs()[0];
            if kernel.in_place() {
                other = Some(there(shape)?);
                payloads.push(payloads[payloads.len() - 1].clone());
            } else {
                payloads.push(there(shape)?);
            }
        }
        let random = Random::new(1, 1);
        let image: Vec<f32> = (0..round.side.pow(2)).map(|i| random.uniform(i as u64) as f32 - 0.5).collect();
        gpu.upload(bytemuck::cast_slice(&image), &payloads[0].on_device().chunk)?;
        let chain = Chain { gpu, kernels, payloads, other, image, most_rounds };
        chain.fill_other()?;
        Ok(chain)
    }

    /// Makes the other spectrum: that of the image.
    fn fill_other(&self) -> Result<()> {
        let Some(other) = &self.other else { return Ok(()) };
        let before = self.kernels.iter().position(Kernel::in_place).unwrap_or_default();
        for i in 0..before {
            run(self.gpu, &self.kernels[i], &[&self.payloads[i]], &mut [self.payloads[i + 1].clone()])?;
        }
        let (from, to) = (self.payloads[before].on_device(), other.on_device());
        let mut recorder = self.gpu.recorder();
        recorder.copy(&from.chunk, &to.chunk, (0, 0), to.shape.bytes());
        recorder.submit().map(drop)
    }

    /// What kernel `i` reads beside what it changes, and what it makes.
    fn of(&self, i: usize) -> (&Payload, [Payload; 1]) {
        let read = self.other.as_ref().filter(|_| self.kernels[i].in_place()).unwrap_or(&self.payloads[i]);
        (read, [self.payloads[i + 1].clone()])
    }

    /// Runs the kernels, each after the one before is done, as they are run in a graph.
    ///
    /// # Errors
    /// Of kind `Device`.
    pub fn run(&self) -> Result<()> {
        for (i, kernel) in self.kernels.iter().enumerate() {
            let (input, mut outputs) = self.of(i);
            run(self.gpu, kernel, &[input], &mut outputs)?;
            self.gpu.wait(None)?;
        }
        Ok(())
    }

    /// Seconds that the device takes for the kernels, apart from what it takes to hand them over.
    ///
    /// # Errors
    /// Of kind `Device`.
    pub fn seconds(&self) -> Result<f64> {
        self.gpu.seconds(self.most_rounds, || {
            let record = |(i, kernel): (usize, &Kernel)| {
                let (input, mut outputs) = self.of(i);
                record(self.gpu, kernel, &[input], &mut outputs)
            };
            self.kernels.iter().enumerate().map(record).collect::<Result<Vec<Recorded>>>()
        })
    }

    /// Sees whether a round without a product, in a frame of the size of the plane or a larger one, gives the image back.
    ///
    /// # Errors
    /// Of kind `Device`, if they do not.
    pub fn check(&self) -> Result<()> {
        self.run()?;
        let mut made = vec![f32::NAN; self.image.len()];
        let last = &self.payloads[self.payloads.len() - 1];
        self.gpu.download(&last.on_device().chunk, bytemuck::cast_slice_mut(&mut made))?;
        let peak = self.image.iter().fold(0f32, |peak, pixel| peak.max(pixel.abs()));
        let is_back = |a: f32, b: f32| (a - b).abs() <= TOLERANCE * peak;
        let wrong = self.image.iter().zip(&made).find(|&(&a, &b)| !is_back(a, b));
        match wrong {
            None => Ok(()),
            Some((a, b)) => Err(Error::new(
                Kind::Device,
                format!("{} transforms wrongly: a pixel of {a} came back as {b}", self.gpu.adapter()),
            )
            .remedy("give --device cpu")),
        }
    }
}
