//! A device that has been opened.

use super::adapter;
use super::carry::Staging;
use super::memory::{Chunk, Memory};
use super::{Access, AdapterFacts, Facts, Recorder, Shader, Wanted};
use crate::error::{Error, Kind, Result};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use wgpu::{
    Adapter, BindGroupLayoutDescriptor, BindGroupLayoutEntry, BindingType, BufferBindingType, ComputePipeline,
    ComputePipelineDescriptor, Device, DeviceDescriptor, Limits, PipelineLayoutDescriptor, PollType, Queue,
    ShaderModuleDescriptor, ShaderSource, ShaderStages, SubmissionIndex,
};

/// An open device, with its queue, its memory and the shaders that have been made ready for it.
pub struct Gpu {
    adapter: AdapterFacts,
    facts: Facts,
    pub(super) device: Device,
    pub(super) queue: Queue,
    memory: Arc<Memory>,
    pub(super) staging: Mutex<Staging>,
    pipelines: Mutex<BTreeMap<&'static str, Arc<ComputePipeline>>>,
    /// Tables that shaders read, by what they are of.
    tables: Mutex<BTreeMap<usize, Chunk>>,
    lost: Arc<AtomicBool>,
    fault: Arc<Mutex<Option<String>>>,
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gpu({}, {:?})", self.adapter, self.facts)
    }
}

/// What is kept at most of a device's memory for small things: parameters, tables, what the driver itself takes.
const SPARE: u64 = 32 << 20;

impl Gpu {
    /// Opens the best device that is wanted.
    ///
    /// # Errors
    /// Of kind `Device`, if there is none, or if it cannot be used.
    pub fn open(wanted: Wanted) -> Result<Gpu> {
        let mut why = "no graphics processor was found".to_string();
        for found in adapter::found() {
            let facts = adapter::facts(&found);
            match wanted.refusal(&facts) {
                Some(refusal) => why = refusal,
                None => return Gpu::open_adapter(&found, facts, wanted.memory),
            }
        }
        Err(Error::new(Kind::Device, why))
    }

    fn open_adapter(adapter: &Adapter, facts: AdapterFacts, memory: Option<u64>) -> Result<Gpu> {
        let has = adapter.limits();
        let limits = Limits {
            max_buffer_size: has.max_buffer_size,
            max_storage_buffer_binding_size: has.max_storage_buffer_binding_size,
            max_compute_workgroup_storage_size: Shader::WORKGROUP_BYTES,
            ..Limits::default().using_alignment(has.clone())
        };
        let descriptor = DeviceDescriptor { required_limits: limits, ..DeviceDescriptor::default() };
        let opened = pollster::block_on(adapter.request_device(&descriptor));
        let (device, queue) =
            opened.map_err(|error| Error::new(Kind::Device, format!("{facts} cannot be opened: {error}")))?;
        let (lost, fault) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None)));
        let (told, noted) = (lost.clone(), fault.clone());
        device.set_device_lost_callback(move |_, _| told.store(true, Ordering::Relaxed));
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            noted.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error.to_string());
        }));
        let use_of = facts.facts(memory);
        Ok(Gpu {
            adapter: facts,
            facts: Facts { room: use_of.room - SPARE.min(use_of.room / 8), ..use_of },
            memory: Arc::new(Memory::new(device.clone(), use_of.room)),
            staging: Mutex::new(Staging::new(&device)),
            device,
            queue,
            pipelines: Mutex::default(),
            tables: Mutex::default(),
            lost,
            fault,
        })
    }

    /// What it is.
    pub fn adapter(&self) -> &AdapterFacts {
        &self.adapter
    }

    /// What work on it has to go by.
    pub fn facts(&self) -> Facts {
        self.facts
    }

    /// Bytes of its memory that are in use now, and the most that ever were.
    pub fn used_bytes(&self) -> (u64, u64) {
        self.memory.used()
    }

    /// A piece of its memory of at least so many bytes, with unknown contents.
    ///
    /// # Errors
    /// Of kind `Device`, if there is none.
    pub fn chunk(&self, bytes: usize) -> Result<Chunk> {
        self.memory.take(bytes as u64)
    }

    /// A table that is made once, by its number; `make` gives its contents.
    ///
    /// # Errors
    /// Those of [`Gpu::chunk`] and [`Gpu::upload`].
    pub fn table(&self, number: usize, make: impl FnOnce() -> Vec<f32>) -> Result<Chunk> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = tables.get(&number) {
            return Ok(table.clone());
        }
        let contents = make();
        let table = self.chunk(size_of_val(&contents[..]))?;
        self.upload(bytemuck::cast_slice(&contents), &table)?;
        tables.insert(number, table.clone());
        Ok(table)
    }

    /// Something to record work with.
    pub fn recorder(&self) -> Recorder<'_> {
        Recorder::new(self)
    }

    /// For tests: the device is lost.
    pub fn lose(&self) {
        self.device.destroy();
        self.lost.store(true, Ordering::Relaxed);
    }

    /// For tests: there is no memory left.
    pub fn starve(&self) {
        self.memory.starve();
    }

    /// Looks whether the device is still there and has had no fault.
    ///
    /// # Errors
    /// Of kind `Device`.
    pub(super) fn check(&self) -> Result<()> {
        if self.lost.load(Ordering::Relaxed) {
            return Err(Error::new(Kind::Device, format!("{} was lost", self.adapter)).remedy("give --device cpu"));
        }
        match &*self.fault.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(fault) => Err(Error::new(Kind::Device, format!("{} failed: {fault}", self.adapter))),
            None => Ok(()),
        }
    }

    /// Waits until something that was submitted, or all of it, is done.
    ///
    /// # Errors
    /// Of kind `Device`, if the device is lost meanwhile.
    pub fn wait(&self, submission: Option<SubmissionIndex>) -> Result<()> {
        self.check()?;
        let waited = self.device.poll(PollType::Wait { submission_index: submission, timeout: None });
        self.check()?;
        waited.map(|_| ()).map_err(|error| Error::new(Kind::Device, format!("{} failed: {error}", self.adapter)))
    }

    /// A shader, ready to run; made so once.
    pub(super) fn pipeline(&self, shader: &'static Shader) -> Arc<ComputePipeline> {
        let mut pipelines = self.pipelines.lock().unwrap_or_else(PoisonError::into_inner);
        pipelines.entry(shader.name).or_insert_with(|| Arc::new(self.build(shader))).clone()
    }

    fn build(&self, shader: &'static Shader) -> ComputePipeline {
        let source = ShaderSource::Wgsl(shader.source.into());
        let module = self.device.create_shader_module(ShaderModuleDescriptor { label: Some(shader.name), source });
        let accesses = std::iter::once(&Access::Read).chain(shader.buffers);
        let entries: Vec<BindGroupLayoutEntry> = accesses
            .zip(0..)
            .map(|(access, binding)| BindGroupLayoutEntry {
                binding,
                visibility: ShaderStages::COMPUTE,
                ty: BindingType::Buffer {
                    ty: BufferBindingType::Storage { read_only: *access == Access::Read },
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        let bound = BindGroupLayoutDescriptor { label: Some(shader.name), entries: &entries };
        let bound = self.device.create_bind_group_layout(&bound);
        let layout = PipelineLayoutDescriptor {
            label: Some(shader.name),
            bind_group_layouts: &[Some(&bound)],
            immediate_size: 0,
        };
        let layout = self.device.create_pipeline_layout(&layout);
        self.device.create_compute_pipeline(&ComputePipelineDescriptor {
            label: Some(shader.name),
            layout: Some(&layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: Default::default(),
            cache: None,
        })
    }
}
