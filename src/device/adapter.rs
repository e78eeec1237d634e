//! Which devices there are.

use super::{AdapterFacts, Shader, Sort};
use wgpu::{Adapter, Backends, DeviceType, Instance, InstanceDescriptor};

/// All adapters of this machine, the best ones first.
pub fn adapters() -> Vec<AdapterFacts> {
    found().iter().map(facts).collect()
}

/// The adapters themselves, the best ones first.
pub(super) fn found() -> Vec<Adapter> {
    let mut descriptor = InstanceDescriptor::new_without_display_handle();
    descriptor.backends = Backends::VULKAN | Backends::METAL;
    // Neither debug information nor validation layers.
    descriptor.flags = wgpu::InstanceFlags::empty();
    let instance = Instance::new(descriptor);
    let mut found = pollster::block_on(instance.enumerate_adapters(Backends::all()));
    found.sort_by_key(|adapter| rank(sort(adapter.get_info().device_type)));
    found
}

fn rank(sort: Sort) -> usize {
    [Sort::Discrete, Sort::Virtual, Sort::Integrated, Sort::Other, Sort::Software]
        .iter()
        .position(|other| *other == sort)
        .unwrap_or(usize::MAX)
}

fn sort(kind: DeviceType) -> Sort {
    match kind {
        DeviceType::DiscreteGpu => Sort::Discrete,
        DeviceType::IntegratedGpu => Sort::Integrated,
        DeviceType::VirtualGpu => Sort::Virtual,
        DeviceType::Cpu => Sort::Software,
        DeviceType::Other => Sort::Other,
    }
}

/// What is known of an adapter.
pub(super) fn facts(adapter: &Adapter) -> AdapterFacts {
    let (info, limits) = (adapter.get_info(), adapter.limits());
    let mut facts = AdapterFacts {
        name: info.name,
        sort: sort(info.device_type),
        interface: info.backend.to_string(),
        driver: [info.driver, info.driver_info].join(" ").trim().to_string(),
        memory_bytes: memory(adapter),
        buffer_bytes: limits.max_buffer_size,
        binding_bytes: limits.max_storage_buffer_binding_size,
        workgroup_bytes: limits.max_compute_workgroup_storage_size,
        workgroup_invocations: limits.max_compute_invocations_per_workgroup.min(limits.max_compute_workgroup_size_x),
        lacks: None,
    };
    facts.lacks = lacks(&facts, limits.max_storage_buffers_per_shader_stage);
    facts
}

/// What an adapter lacks to be of use.
fn lacks(facts: &AdapterFacts, buffers: u32) -> Option<String> {
    /// Buffers of the shader that has the most, with its parameters.
    const BUFFERS: u32 = 5;
    const BINDING: u64 = 16 << 20;
    let wants = [
        (u64::from(facts.workgroup_bytes), u64::from(Shader::WORKGROUP_BYTES), "bytes of memory a workgroup"),
        (u64::from(facts.workgroup_invocations), u64::from(Shader::INVOCATIONS), "invocations a workgroup"),
        (u64::from(buffers), u64::from(BUFFERS), "buffers a shader"),
        (facts.binding_bytes.min(facts.buffer_bytes), BINDING, "bytes a buffer"),
    ];
    let short = wants.into_iter().find(|(has, wants, _)| has < wants);
    short.map(|(has, wants, what)| format!("it has {has} {what}, {wants} are needed"))
}

/// Bytes of the largest piece of memory that is the adapter's own.
#[cfg(not(target_vendor = "apple"))]
fn memory(adapter: &Adapter) -> Option<u64> {
    const DEVICE_LOCAL: u32 = 1;
    // SAFETY: wgpu tells nothing of it, Vulkan does. Instance and physical device live as long as the adapter, which is borrowed here, and
    // nothing is changed or kept of them; vkGetPhysicalDeviceMemoryProperties may be called at any time. A test holds the figure against
    // what is known of the software adapter.
    let properties = unsafe {
        let vulkan = adapter.as_hal::<wgpu::hal::api::Vulkan>()?;
        let instance = vulkan.shared_instance().raw_instance();
        instance.get_physical_device_memory_properties(vulkan.raw_physical_device())
    };
    let heaps = &properties.memory_heaps[..properties.memory_heap_count as usize];
    heaps.iter().filter(|heap| heap.flags.as_raw() & DEVICE_LOCAL != 0).map(|heap| heap.size).max()
}

/// The device's own memory is the machine's.
#[cfg(target_vendor = "apple")]
fn memory(_: &Adapter) -> Option<u64> {
    None
}
