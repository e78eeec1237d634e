//! `deconv devices`: which graphics processors there are and how fast, as text or as JSON.

use super::bytes::parse_bytes;
use super::table::Short;
use crate::device::AdapterFacts;
use crate::error::{Bytes, Error, Result};
use crate::job::{AdapterOptions, Adapters, MeasuredDevice, MeasuredFft, MeasuredRefresh, find_adapters};
use clap::Args;

/// What `deconv devices` takes.
#[derive(Debug, Args)]
#[command(after_help = DEVICES)]
pub struct DevicesArguments {
    /// Measure nothing
    #[arg(long, conflicts_with_all = ["fft", "refresh", "gpu_memory"])]
    list: bool,

    /// Rows and columns of the planes whose transforms are measured
    #[arg(long, value_name = "SIDE,...", value_delimiter = ',', default_value = "2048", value_parser = clap::value_parser!(u32).range(2..=65536))]
    fft: Vec<u32>,

    /// Measure a refresh of CLEAN, too, of planes of so many rows and columns: on the device, the residual's way back included, and on all cores
    #[arg(long, value_name = "SIDE,...", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(2..=65536))]
    refresh: Vec<u32>,

    /// Memory of the device that may be used, such as 8GiB [default: 0.9 of it; 0.25 where it is the machine's own]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    gpu_memory: Option<usize>,

    /// Print a JSON object: adapters, the number of the one that is chosen, what was measured of it
    #[arg(long)]
    json: bool,
}

const DEVICES: &str = "\
What is measured: copies within the device's memory, of which what is read and what is written counts, those between the \
machine's memory and the device's, and the transform of a real plane forward and back, apart from what it takes to hand the \
work over. Of the transform it is told which part of its time copies would take that read and write the plane once a pass, with four \
passes. What comes back is compared with what went in.

A device is reached through Vulkan, on macOS through Metal; a driver must be installed. One that is a program, such as llvmpipe, is \
taken only where the environment says DECONV_SOFTWARE_GPU=1: it is no faster than the CPU.

Exit status: 0 done, with or without a device, 1 if the device fails or transforms wrongly, 2 wrong usage.";

/// What is known of the devices.
///
/// # Errors
/// Those of [`find_adapters`].
pub fn devices(arguments: &DevicesArguments) -> Result<String> {
    let options = AdapterOptions {
        measure: !arguments.list,
        sides: arguments.fft.iter().map(|&side| side as usize).collect(),
        refreshes: arguments.refresh.iter().map(|&side| side as usize).collect(),
        memory: arguments.gpu_memory,
    };
    let found = find_adapters(&options)?;
    if arguments.json {
        let text = serde_json::to_string_pretty(&found);
        return text.map(|text| text + "\n").map_err(|error| Error::internal(format!("no list of devices: {error}")));
    }
    Ok(text(&found))
}

fn text(found: &Adapters) -> String {
    let listed: String = found.adapters.iter().map(adapter).collect();
    let chosen = found.chosen.map(|i| &found.adapters[i]);
    let sentence = match (chosen, &found.refusal) {
        _ if !cfg!(feature = "gpu") => "this program was built without the feature gpu; work is done on the CPU".into(),
        (Some(chosen), _) => format!("--device gpu takes {chosen}"),
        (None, Some(refusal)) => format!("{refusal}; work is done on the CPU"),
        (None, None) => "no graphics processor was found; work is done on the CPU".into(),
    };
    format!("{listed}{sentence}\n{}", found.measured.as_ref().map(measured).unwrap_or_default())
}

/// Lines of names and what they stand for.
fn lines(facts: Vec<(String, String)>) -> String {
    facts.iter().map(|(name, value)| format!("  {name:<15}{value}\n")).collect()
}

fn adapter(adapter: &AdapterFacts) -> String {
    let memory = adapter.memory_bytes.map_or("not told".into(), |bytes| Bytes(bytes).to_string());
    let buffer = format!("{}, {} in a shader", Bytes(adapter.buffer_bytes), Bytes(adapter.binding_bytes));
    let workgroup =
        format!("{} KiB shared by at most {}", adapter.workgroup_bytes >> 10, adapter.workgroup_invocations);
    let facts = [("driver", adapter.driver.clone()), ("memory", memory), ("buffer", buffer), ("workgroup", workgroup)];
    let lacks = adapter.lacks.clone().map(|lacks| ("of no use", lacks));
    let facts = facts.into_iter().chain(lacks).map(|(name, value)| (name.into(), value)).collect();
    format!("{adapter}\n{}", lines(facts))
}

fn measured(measured: &MeasuredDevice) -> String {
    let rate = |rate: f64| format!("{} GiB/s", Short(rate / (1u64 << 30) as f64));
    let of = &measured.bandwidth;
    let facts = [
        ("may use", Bytes(measured.room_bytes).to_string()),
        ("copy", rate(of.copy_bytes_per_s)),
        ("upload", rate(of.upload_bytes_per_s)),
        ("download", rate(of.download_bytes_per_s)),
    ];
    let fft = measured.fft.iter().map(|fft| (format!("FFT {}²", fft.side), transform(fft)));
    let refresh = measured.refresh.iter().map(|one| (format!("refresh {}²", one.side), beside_cores(one)));
    lines(facts.into_iter().map(|(name, value)| (name.into(), value)).chain(fft).chain(refresh).collect())
}

fn transform(fft: &MeasuredFft) -> String {
    match (fft.seconds, fft.share, &fft.refusal) {
        (Some(seconds), Some(share), _) => {
            format!("{} ms there and back, {:.0} % of it for copies", Short(1e3 * seconds), 100.0 * share)
        }
        (_, _, refusal) => refusal.clone().unwrap_or_default(),
    }
}

fn beside_cores(refresh: &MeasuredRefresh) -> String {
    let MeasuredRefresh { threads, cpu_s, device_s, .. } = *refresh;
    let (device, cores) = (Short(1e3 * device_s), Short(1e3 * cpu_s));
    format!("{device} ms, {cores} ms on {threads} cores: {} times as fast", Short(cpu_s / device_s))
}
