//! `deconv devices` as a user meets it, and what is kept of how fast a device is.
#![cfg(feature = "gpu")]
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::device::{AdapterFacts, Gpu};
use deconv::job::{DeviceSpeed, Hardware, Profile, speed};
use deconv::kernel::Kernel;
use deconv::kernel::twin::measure::{Chain, Round};
use serde_json::Value;
use support::gpu::gpu;
use support::program::{Ended, Place};

/// Runs `deconv devices`, with a software device where there is no other if that is `allowed`.
fn devices(arguments: &str, allowed: bool) -> Ended {
    let place = Place::new();
    let mut command = place.command(&format!("devices {arguments}"));
    command.env("DECONV_SOFTWARE_GPU", if allowed { "1" } else { "0" });
    // A layer of Mesa's would look for a screen, and complain where there is none.
    command.env("NODEVICE_SELECT", "1");
    let ended = Ended::from(command.output().unwrap());
    assert_eq!((ended.status, ended.err.as_str()), (Some(0), ""), "{arguments}: {ended:?}");
    ended
}

fn json(arguments: &str, allowed: bool) -> Value {
    serde_json::from_str(&devices(&format!("{arguments} --json"), allowed).out).unwrap()
}

fn positive(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number > 0.0 && number.is_finite())
}

/// Is there a shader for transforms?
fn transforms() -> bool {
    ["RowForward", "ColumnForward", "ColumnInverse", "RowInverse"].iter().all(|name| Kernel::TWINS.contains(name))
}

#[test]
fn gpu_devices_are_listed_with_their_limits() {
    let Some(gpu) = gpu() else { return };
    let listed = json("--list", true);
    let adapters: Vec<AdapterFacts> = serde_json::from_value(listed["adapters"].clone()).unwrap();
    assert_eq!((listed["chosen"].as_u64(), &listed["measured"]), (Some(0), &Value::Null), "{listed}");
    assert_eq!(&adapters[0], gpu.adapter());
    for name in ["buffer_bytes", "binding_bytes", "workgroup_bytes", "workgroup_invocations"] {
        assert!(positive(&listed["adapters"][0][name]), "{name}: {listed}");
    }
    let text = devices("--list", true).out;
    let name = &adapters[0].name;
    assert!(text.starts_with(name) && text.contains(&format!("\n--device gpu takes {name}")), "{text}");
    for part in ["  driver ", "  memory ", "  buffer ", "  workgroup "] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("GiB/s"), "{text}");
}

#[test]
fn gpu_a_software_device_is_taken_only_if_that_is_allowed() {
    let Some(gpu) = gpu() else { return };
    if gpu.adapter().sort.name() != "software" {
        return println!("SKIPPED: {} is no software", gpu.adapter());
    }
    let without = json("", false);
    assert_eq!((&without["chosen"], &without["measured"]), (&Value::Null, &Value::Null), "{without}");
    let text = devices("", false).out;
    assert!(text.contains("is no graphics processor; work is done on the CPU\n"), "{text}");
}

#[test]
fn gpu_what_is_measured_is_positive() {
    let Some(_) = gpu() else { return };
    let measured = json("--fft 64,100 --gpu-memory 256MiB", true)["measured"].take();
    for name in ["room_bytes", "copy_bytes_per_s", "upload_bytes_per_s", "download_bytes_per_s"] {
        assert!(positive(&measured[name]), "{name}: {measured}");
    }
    assert!(measured["room_bytes"].as_u64().unwrap() <= 256 << 20);
    for (fft, side) in measured["fft"].as_array().unwrap().iter().zip([64, 100]) {
        assert_eq!(fft["side"], side);
        let figures = [&fft["seconds"], &fft["share"]];
        assert!(if transforms() { figures.iter().all(|figure| positive(figure)) } else { !fft["refusal"].is_null() });
    }
    let text = devices("--fft 64", true).out;
    let fft = if transforms() { "ms there and back" } else { "no FFT on this device" };
    for part in ["  copy ", "  upload ", "  download ", " GiB/s\n", "  FFT 64² ", fft] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn gpu_a_transform_that_does_not_fit_is_not_measured() {
    let Some(_) = gpu() else { return };
    let measured = json("--fft 4096 --gpu-memory 128MiB", true)["measured"].take();
    let fft = &measured["fft"][0];
    assert!(fft["seconds"].is_null() && fft["share"].is_null(), "{fft}");
    let refusal = fft["refusal"].as_str().unwrap();
    assert!(refusal.contains(if transforms() { "may be used" } else { "no FFT" }), "{refusal}");
}

#[test]
fn gpu_without_a_device_the_cpu_does_it() {
    let place = Place::new();
    for arguments in ["devices", "devices --list", "devices --fft 64"] {
        let mut command = place.command(arguments);
        command.envs(["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].map(|name| (name, "/dev/null")));
        let ended = Ended::from(command.output().unwrap());
        let says = "no graphics processor was found; work is done on the CPU\n";
        assert_eq!((ended.status, ended.out.as_str(), ended.err.as_str()), (Some(0), says, ""));
        let ended = Ended::from(command.arg("--json").output().unwrap());
        let none: Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!(none, serde_json::json!({"adapters": [], "chosen": null, "measured": null}));
    }
}

#[test]
fn gpu_wrong_flags_are_refused() {
    let place = Place::new();
    for (arguments, says) in [
        ("--fft 0", "--fft"),
        ("--fft 64,x", "--fft"),
        ("--list --fft 64", "--list"),
        ("--list --gpu-memory 1GiB", "--list"),
        ("--gpu-memory 63MiB", "--gpu-memory: a device needs 64 MiB at least"),
        ("--gpu-memory much", "--gpu-memory"),
        ("--measure", "--measure"),
    ] {
        place.refused(&format!("devices {arguments}"), 2, &[says]);
    }
}

/// What might have been measured of a device by a version of the program.
fn made_up(gpu: &Gpu, version: &str) -> DeviceSpeed {
    let AdapterFacts { name, driver, .. } = gpu.adapter().clone();
    DeviceSpeed {
        adapter: name,
        driver,
        version: version.into(),
        upload_bytes_per_s: 1e9,
        download_bytes_per_s: 2e9,
        cpu_fft_s: 0.5,
        device_fft_s: 0.25,
        overhead_s: 0.125,
    }
}

#[test]
fn gpu_a_speed_is_measured_once() {
    let Some(gpu) = gpu() else { return };
    let place = Place::new();
    let path = place.path("profile.json");
    let known = made_up(&gpu, env!("CARGO_PKG_VERSION"));
    let mut profile = Profile::empty();
    profile.remember_device(&Hardware::here(), known.clone());
    profile.write(&path).unwrap();
    assert_eq!(speed(Some(&path), &gpu), Ok(known));
    // By another version, it counts no more.
    profile.remember_device(&Hardware::here(), made_up(&gpu, "0.0.1"));
    profile.write(&path).unwrap();
    let measured = speed(Some(&path), &gpu);
    let kept = Profile::read(&path).unwrap().unwrap();
    let kept = &kept.of(&Hardware::here()).unwrap().devices;
    if !transforms() || !Kernel::TWINS.contains(&"Multiply") {
        assert!(measured.unwrap_err().message.contains("no FFT on this device"));
        assert_eq!(kept[0].version, "0.0.1");
        return;
    }
    let measured = measured.unwrap();
    assert_eq!((measured.version.as_str(), kept.len()), (env!("CARGO_PKG_VERSION"), 1));
    assert!((kept[0].cpu_fft_s / measured.cpu_fft_s - 1.0).abs() < 1e-12 && measured.cpu_fft_s > 0.0);
    assert!(measured.device_fft_s >= measured.overhead_s && measured.overhead_s > 0.0, "{measured:?}");
    assert!(measured.refresh_seconds(1 << 24).1 > measured.refresh_seconds(1 << 20).1);
    // One that cannot be written is no failure: it is measured again.
    let measured = speed(Some(&place.path("psf.fits/profile.json")), &gpu).unwrap();
    assert!(measured.version == env!("CARGO_PKG_VERSION") && place.path("psf.fits").is_file());
}

#[test]
fn gpu_a_transform_that_is_wrong_is_found_out() {
    let Some(gpu) = gpu() else { return };
    if !transforms() || !Kernel::TWINS.contains(&"Multiply") {
        return println!("SKIPPED: no FFT on this device");
    }
    let check = |multiplied| Chain::new(&gpu, Round { side: 30, frame: 48, multiplied }).unwrap().check();
    assert_eq!(check(false), Ok(()));
    assert!(check(true).unwrap_err().message.contains("transforms wrongly"));
}
