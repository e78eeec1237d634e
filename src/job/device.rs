//! Which planes of a job are worked on by a device.
//!
//! What that means is what graphs say: transforms, and all that works on what is on the device already. Minor cycles and files stay with the
//! cores. It is settled before the run, a plane at a time, and holds for the whole of it, unless the device fails.

use super::Options;
use super::group::groups;
use super::machine;
use super::plan::{Inputs, PlaneDevice, PlanePlan};
use super::speed::speed;
use super::steps;
use crate::algorithm::Method;
use crate::array::{Padding, PsfReach};
use crate::device::{Facts, Gpu, STAGING_BYTES, Wanted};
use crate::error::Bytes;
use crate::graph::{Graph, Place};
use crate::kernel::Kernel;
use std::sync::Arc;

/// Where a job's transforms are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// On the cores.
    Cpu,
    /// On a graphics processor, if there is one.
    Gpu,
    /// Where they are done sooner.
    Auto,
}

impl Device {
    /// All there are.
    pub const ALL: &[Device] = &[Device::Cpu, Device::Gpu, Device::Auto];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Device::Cpu => "cpu",
            Device::Gpu => "gpu",
            Device::Auto => "auto",
        }
    }
}

/// A device that has been opened for a job, or none, and why not.
pub struct Opened {
    /// The device.
    pub gpu: Option<Arc<Gpu>>,
    /// Bytes of the machine's memory that it takes: what the process has grown by, and what carrying takes.
    pub bytes: usize,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// Opens the device that a job on planes of so many pixels asks for, if it asks for any and there is none `open` already. Where it is left to
/// the machine none is opened that could not be of use.
pub fn open(options: &Options, pixels: usize, open: Option<Arc<Gpu>>) -> Opened {
    let none = |bytes, notes| Opened { gpu: None, bytes, notes };
    let may = match options.device {
        Device::Cpu => false,
        Device::Gpu => true,
        Device::Auto => is_worth_it(options.method) && pixels >= SMALLEST,
    };
    if !may {
        return none(0, Vec::new());
    }
    if open.is_some() {
        return Opened { gpu: open, bytes: STAGING_BYTES, notes: Vec::new() };
    }
    let before = machine::resident_bytes();
    let grown = || machine::resident_bytes().saturating_sub(before);
    match Gpu::open(Wanted::usual(options.gpu_memory.map(|bytes| bytes as u64))) {
        Ok(gpu) => Opened { gpu: Some(Arc::new(gpu)), bytes: grown() + STAGING_BYTES, notes: Vec::new() },
        // To look for one has loaded drivers.
        Err(error) => {
            none(grown(), vec![format!("--device {}: {}; works on the CPU", options.device.name(), error.message)])
        }
    }
}

/// Planes of fewer pixels the cores refresh before a device has begun.
const SMALLEST: usize = 256 * 256;

/// Is a method one whose transforms are most of its work?
fn is_worth_it(method: Method) -> bool {
    matches!(method, Method::Clark | Method::Multiscale | Method::Wiener | Method::WienerHunt | Method::RichardsonLucy)
}

/// Why the cores are left with planes of so many pixels, where that is left to the machine: they refresh them sooner, or nobody knows.
pub fn slower(gpu: &Gpu, options: &Options, pixels: usize) -> Option<String> {
    if options.device != Device::Auto {
        return None;
    }
    let name = &gpu.adapter().name;
    match speed(options.profile.as_deref(), gpu) {
        Err(error) => Some(format!("--device auto: {error}; works on the CPU")),
        Ok(speed) => {
            let (cores, device) = speed.refresh_seconds(pixels);
            let ms = |seconds: f64| format!("{:.1} ms", 1e3 * seconds);
            let text = format!("a refresh takes about {} on the cores, {} on {name}", ms(cores), ms(device));
            (device >= cores).then(|| format!("--device auto: {text}; works on the CPU"))
        }
    }
}

/// The least bytes of a strip: a plane that would have to be cut finer is not for the device.
const FINEST: usize = 256 << 10;

/// Gives a device the planes that it can work on, cut into as few strips as fit it; what the user should know. The machine's memory has
/// so many bytes for the job.
pub fn assign(gpu: &Gpu, options: &Options, inputs: &Inputs, plans: &mut [PlanePlan], budget: usize) -> Vec<String> {
    let device = PlaneDevice { name: gpu.adapter().name.clone(), facts: gpu.facts() };
    let mut known: Vec<(Alike, Option<usize>)> = Vec::new();
    let mut notes = Vec::new();
    for group in groups(options, &inputs.dirty) {
        let alike: Alike = group.iter().map(|&plane| (plans[plane].psf.reach, plans[plane].padding)).collect();
        let strip = match known.iter().find(|(other, _)| *other == alike) {
            Some((_, strip)) => *strip,
            None => {
                let strip = coarsest(&device, (options, inputs), (plans, &group), budget);
                if strip.is_none() {
                    notes.push(refusal(&device, &plans[group[0]]));
                }
                known.push((alike, strip));
                strip
            }
        };
        if let Some(strip) = strip {
            give(&device, plans, &group, (strip, budget));
        }
    }
    notes
}

/// What makes groups of planes alike: the frames of their planes.
type Alike = Vec<(PsfReach, Padding)>;

/// The most bytes of a strip with which all transforms of a group of planes run on a device; none if they do not with any.
fn coarsest(
    device: &PlaneDevice,
    (options, inputs): (&Options, &Inputs),
    (plans, group): (&[PlanePlan], &[usize]),
    budget: usize,
) -> Option<usize> {
    let fits = |strip: &usize| {
        let mut tried = plans.to_vec();
        give(device, &mut tried, group, (*strip, budget));
        let work = (options.method, options.parameters);
        steps::rehearse(&inputs.dirty, group, &tried, work).iter().all(transforms_there)
    };
    let largest = usize::try_from(device.facts.largest).unwrap_or(usize::MAX);
    let strips = std::iter::successors(Some(largest), |strip| Some(strip / 2)).take_while(|strip| *strip >= FINEST);
    strips.into_iter().find(fits)
}

/// Gives a device some planes, in strips of at most so many bytes.
fn give(device: &PlaneDevice, plans: &mut [PlanePlan], group: &[usize], (strip, budget): (usize, usize)) {
    for &plane in group {
        let plan = &mut plans[plane];
        plan.padding = cut_for_device(plan.padding.in_strips(Some(strip)), budget);
        plan.device = Some(device.clone());
    }
}

/// A frame of a plane on a device, in strips of which several fit the machine's memory.
pub fn cut_for_device(frame: Padding, budget: usize) -> Padding {
    frame.within(budget / 8)
}

/// Do all transforms of a graph run on the device?
fn transforms_there(graph: &Graph) -> bool {
    let is_transform = |kernel: &Kernel| {
        matches!(
            kernel,
            Kernel::RowForward(_) | Kernel::ColumnForward(_) | Kernel::ColumnInverse(_) | Kernel::RowInverse(_)
        )
    };
    let mut transforms = graph.tasks.iter().filter(|task| task.steps.iter().any(|step| is_transform(&step.kernel)));
    transforms.all(|task| task.place != Place::Memory)
}

/// Why a device cannot work on a plane.
fn refusal(device: &PlaneDevice, plan: &PlanePlan) -> String {
    let (rows, cols) = (plan.padding.rows, plan.padding.cols);
    let Facts { room, largest } = device.facts;
    format!(
        "{}: a frame of {rows} x {cols} cannot be transformed on {}, which has {} of memory, {} in one piece; works on the CPU",
        plan.label.name,
        device.name,
        Bytes(room),
        Bytes(largest)
    )
}
