//! Whole jobs on a device: what they make is what the cores make, to rounding, whatever memory the device has and whatever becomes of it.
#![cfg(feature = "gpu")]
#![allow(clippy::unwrap_used)] // A test may panic.

mod support;

use deconv::algorithm::{Balance, Boundary, Method, Parameters};
use deconv::device::Gpu;
use deconv::event::Events;
use deconv::job::{Device, Options, deconvolve_with};
use deconv::kernel::NoiseSpectrum;
use deconv::schedule::{Fault, FaultMode, Settings};
use ndarray::Array2;
use std::path::Path;
use std::sync::Arc;
use support::fits::Fits;
use support::gpu::{gpu, gpu_with};
use support::job::{Done, on_set, products};
use support::oracle::{Beam, convolve, peak, without_blanks};
use support::program::{Ended, Place};

/// Bytes of a device that is too small for a plane of the sets.
const SMALL: u64 = 3 << 20;

/// The part of the peak by which products of a device may differ from those of the cores.
const APART: f64 = 1e-5;

/// Runs a job with or without a device, and reads its products.
fn run(job: &Options, gpu: Option<&Arc<Gpu>>, fault: Option<Fault>) -> Done {
    let device = if gpu.is_some() { Device::Gpu } else { Device::Cpu };
    let job = Options { device, ..job.clone() };
    let settings = Settings { device: gpu.cloned(), fault, poison: true, ..Settings::threads(2) };
    let summary = deconvolve_with(&job, &settings, &Events::silent()).unwrap_or_else(|error| panic!("{error}"));
    products(&job, summary)
}

/// A filter that makes some iterations, the same ones wherever: what it comes to differs by rounding alone.
fn filter(set: &str, directory: &Path) -> Options {
    let parameters = Parameters {
        balance: Balance::Given(1.0),
        tolerance: 1e-6,
        iterations: Some(10),
        boundary: Boundary::Linear,
        ..Parameters::DEFAULT
    };
    let planes = Some((0, if set == "meerkat-sim" { 0 } else { 1 }));
    Options { method: Method::Wiener, overwrite: true, planes, parameters, ..on_set(set, directory.join("out")) }
}

fn clean(set: &str, method: Method, directory: &Path) -> Options {
    let parameters = Parameters { niter: 400, nsigma: 3.0, ..Parameters::DEFAULT };
    Options { method, overwrite: true, parameters, ..on_set(set, directory.join("out")) }
}

fn planes(of: &Fits) -> Vec<Array2<f64>> {
    (0..of.planes()).map(|plane| of.plane(plane)).collect()
}

/// The largest difference of two images, as a part of the second one's peak.
fn apart(found: &Fits, expected: &Fits) -> f64 {
    let both = planes(found).into_iter().zip(planes(expected));
    let parts = both.map(|(found, expected)| {
        let blanks = |plane: &Array2<f64>| plane.iter().map(|pixel| pixel.is_nan()).collect::<Vec<_>>();
        assert!(blanks(&found) == blanks(&expected), "other pixels are blank");
        peak(&(&found - &expected)) / peak(&expected)
    });
    parts.fold(0.0, f64::max)
}

fn assert_same(found: &Done, expected: &Done, what: &str) {
    for (name, found, expected) in [
        ("model", &found.model, &expected.model),
        ("residual", &found.residual, &expected.residual),
        ("image", &found.image, &expected.image),
    ] {
        let off = apart(found, expected);
        assert!(off <= APART, "{what}: {name} is off by {off} of the peak");
    }
}

/// Is every residual dirty − PSF ⊛ model, in f64, to the same part of the peak?
fn assert_exact(job: &Options, done: &Done) {
    let (dirty, psf) = (Fits::read(&job.dirty), Fits::read(&job.psf));
    for plane in 0..done.model.planes() {
        let beam = Beam::new(&psf.plane(plane.min(psf.planes() - 1)));
        let (dirty, model) = (dirty.plane(plane), without_blanks(&done.model.plane(plane)));
        let off = peak(&(&dirty - &convolve(&model, &beam) - done.residual.plane(plane)));
        assert!(off <= APART * peak(&dirty), "plane {plane}: the residual is off by {off}");
    }
}

#[test]
fn gpu_wiener_makes_what_the_cores_make() {
    let Some(gpu) = gpu().map(Arc::new) else { return };
    let directory = tempfile::tempdir().unwrap();
    for set in ["vla-ngc5921", "meerkat-sim"] {
        let job = filter(set, directory.path());
        let (there, here) = (run(&job, Some(&gpu), None), run(&job, None, None));
        assert_same(&there, &here, set);
        assert_exact(&job, &there);
        let (there, here) = (there.summary, here.summary);
        assert!(there.planes.iter().all(|plane| plane.device.as_deref() == Some(&gpu.adapter().name)), "{there:?}");
        assert!(there.device_peak_bytes > 0 && there.kernels.contains_key("Upload"), "{there:?}");
        assert!(here.planes.iter().all(|plane| plane.device.is_none()) && here.device_peak_bytes == 0);
    }
}

#[test]
fn gpu_filters_of_one_transform_and_of_other_priors_too() {
    let Some(gpu) = gpu().map(Arc::new) else { return };
    let directory = tempfile::tempdir().unwrap();
    for (method, boundary, noise) in [
        (Method::Wiener, Boundary::Periodic, None),
        (Method::WienerHunt, Boundary::Periodic, Some(NoiseSpectrum::Natural)),
        (Method::WienerHunt, Boundary::Linear, Some(NoiseSpectrum::White)),
        (Method::WienerHunt, Boundary::Linear, None),
    ] {
        let mut job = filter("vla-ngc5921", directory.path());
        (job.method, job.parameters.boundary, job.parameters.noise_spectrum) = (method, boundary, noise);
        assert_same(
            &run(&job, Some(&gpu), None),
            &run(&job, None, None),
            &format!("{method:?} {boundary:?} {noise:?}"),
        );
    }
}

#[test]
fn gpu_clean_ends_as_deep_with_exact_residuals() {
    let Some(gpu) = gpu().map(Arc::new) else { return };
    let directory = tempfile::tempdir().unwrap();
    for method in [Method::Clark, Method::Hogbom, Method::Multiscale] {
        let job = clean("vla-3c273", method, directory.path());
        let (there, here) = (run(&job, Some(&gpu), None), run(&job, None, None));
        assert_exact(&job, &there);
        for (there, here) in there.summary.planes.iter().zip(&here.summary.planes) {
            assert!(there.device.is_some() && there.stop_reason == here.stop_reason, "{there:?} {here:?}");
            let off = (there.rms_after / here.rms_after - 1.0).abs();
            assert!(off < 0.02, "{method:?}: the residual's rms is off by {off}");
        }
    }
}

#[test]
fn gpu_a_plane_that_the_device_cannot_hold_goes_through_it_in_pieces() {
    let (Some(small), Some(large)) = (gpu_with(Some(SMALL)).map(Arc::new), gpu().map(Arc::new)) else { return };
    let directory = tempfile::tempdir().unwrap();
    let job = filter("vla-3c273", directory.path());
    let (pieces, whole) = (run(&job, Some(&small), None), run(&job, Some(&large), None));
    assert_same(&pieces, &whole, "in pieces");
    assert!(pieces.summary.planes[0].device.is_some());
    assert!(
        pieces.summary.device_peak_bytes <= SMALL && whole.summary.device_peak_bytes > SMALL,
        "{:?}",
        whole.summary
    );
    let carried = |done: &Done| done.summary.kernels["Upload"].runs + done.summary.kernels["Download"].runs;
    assert!(carried(&pieces) > 2 * carried(&whole));
}

#[test]
fn gpu_a_device_that_is_lost_or_full_is_done_without() {
    let directory = tempfile::tempdir().unwrap();
    let job = filter("vla-ngc5921", directory.path());
    let expected = run(&job, None, None);
    for (kernel, mode, says) in [
        ("Upload", FaultMode::Lost, "was lost"),
        ("ColumnInverse", FaultMode::Lost, "was lost"),
        ("Download", FaultMode::Lost, "was lost"),
        ("RowForward", FaultMode::Starved, "memory left"),
        ("Combine", FaultMode::Starved, "memory left"),
    ] {
        let Some(gpu) = gpu().map(Arc::new) else { return };
        let done = run(&job, Some(&gpu), Some(Fault { kernel: kernel.into(), mode }));
        let told = done.summary.notes.iter().any(|note| note.contains(says) && note.contains("on the CPU"));
        assert!(told, "{kernel}: {:?}", done.summary.notes);
        assert!(done.summary.planes.iter().all(|plane| plane.device.is_none()));
        // To the bit: none of it is the device's.
        for (found, expected) in [(&done.model, &expected.model), (&done.residual, &expected.residual)] {
            assert!(planes(found) == planes(expected) || apart(found, expected) == 0.0, "{kernel} {mode:?}");
        }
    }
}

#[test]
fn gpu_clean_goes_on_from_its_last_refresh_without_the_device() {
    let Some(gpu) = gpu().map(Arc::new) else { return };
    let directory = tempfile::tempdir().unwrap();
    let job = Options { planes: Some((0, 0)), ..clean("vla-3c273", Method::Multiscale, directory.path()) };
    // What restores the image at the end is the first to need it, so that all cycles are done by then.
    let fault = Fault { kernel: "GaussianMultiply".into(), mode: FaultMode::Lost };
    let done = run(&job, Some(&gpu), Some(fault));
    assert!(done.summary.notes.iter().any(|note| note.contains("was lost")), "{:?}", done.summary.notes);
    // The cores have little left to do: as many refreshes as the plane had, but none made again.
    let (refreshes, again) = (done.summary.planes[0].refreshes, done.summary.kernels["MultiscaleCycle"].runs);
    assert!(refreshes > 1 && again < refreshes, "{again} cycles of {refreshes} were made again");
    assert_exact(&job, &done);
}

#[test]
fn gpu_two_runs_at_once_share_a_device() {
    let Some(gpu) = gpu().map(Arc::new) else { return };
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let jobs = [filter("vla-ngc5921", directories[0].path()), filter("meerkat-sim", directories[1].path())];
    let expected = jobs.each_ref().map(|job| run(job, None, None));
    let found: Vec<Done> = std::thread::scope(|scope| {
        let runs = jobs.each_ref().map(|job| scope.spawn(|| run(job, Some(&gpu), None)));
        runs.map(|run| run.join().unwrap()).into_iter().collect()
    });
    found.iter().zip(&expected).for_each(|(found, expected)| assert_same(found, expected, "two at once"));
}

#[test]
fn gpu_a_frame_that_no_shader_transforms_stays_with_the_cores() {
    let Some(gpu) = gpu().map(Arc::new) else { return };
    let directory = tempfile::tempdir().unwrap();
    let (rows, cols) = (33, 46);
    let image = |value: fn(usize, usize) -> f64| {
        Fits::new(&[("RA---SIN", cols), ("DEC--SIN", rows)], move |_, y, x| value(y, x))
    };
    let dirty = image(|y, x| if (y, x) == (11, 23) { 1.0 } else { 0.0 }).write(directory.path().join("dirty.fits"));
    let psf = image(|y, x| (-((y as f64 - 16.0).powi(2) + (x as f64 - 23.0).powi(2)) / 6.0).exp());
    let psf = psf.write(directory.path().join("psf.fits"));
    let mut job = support::job::options(dirty, psf, directory.path().join("out"));
    (job.method, job.parameters.boundary, job.overwrite) = (Method::Wiener, Boundary::Periodic, true);
    job.parameters.balance = Balance::Given(0.1);
    let done = run(&job, Some(&gpu), None);
    let told = done.summary.notes.iter().any(|note| note.contains("cannot be transformed") && note.contains("33 x 46"));
    assert!(told && done.summary.planes[0].device.is_none(), "{:?}", done.summary.notes);
}

#[test]
fn gpu_history_tells_of_the_device() {
    let Some(gpu) = gpu().map(Arc::new) else { return };
    let directory = tempfile::tempdir().unwrap();
    let done = run(&filter("vla-ngc5921", directory.path()), Some(&gpu), None);
    let history: String = done.model.history().split_whitespace().collect();
    let name: String = gpu.adapter().name.split_whitespace().collect();
    assert!(history.contains(&format!(",on{name}")), "{history}");
}

/// The program with a device, if that is allowed, or without any in the machine.
fn program(place: &Place, arguments: &str, allowed: bool) -> Ended {
    let mut command = place.command(arguments);
    command.env("DECONV_SOFTWARE_GPU", "1").env("NODEVICE_SELECT", "1");
    if !allowed {
        command.envs(["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].map(|name| (name, "/dev/null")));
    }
    let ended = Ended::from(command.output().unwrap());
    assert_eq!(ended.status, Some(0), "{arguments}: {ended:?}");
    ended
}

#[test]
fn gpu_a_job_without_any_device_is_one_of_the_cores() {
    let place = Place::new();
    let bytes = |prefix: &str| {
        ["model", "residual", "image"].map(|name| Fits::read(&place.path(&format!("{prefix}-{name}.fits"))).plane(0))
    };
    program(&place, "--dirty dirty.fits --psf psf.fits --output here", false);
    for device in ["gpu", "auto"] {
        let arguments = format!("--dirty dirty.fits --psf psf.fits --device {device} --output {device}");
        let ended = program(&place, &arguments, false);
        let says = "no graphics processor was found; works on the CPU";
        // Planes as small as these are not worth the question.
        assert_eq!(ended.err.contains(says), device == "gpu", "{ended:?}");
        let same = bytes("here")
            .iter()
            .zip(&bytes(device))
            .all(|(a, b)| a.iter().zip(b).all(|(a, b)| a == b || a.is_nan() && b.is_nan()));
        assert!(same && !ended.out.contains("transforms on"), "{ended:?}");
    }
}

#[test]
fn gpu_auto_takes_what_is_faster_and_remembers_it() {
    let Some(gpu) = gpu() else { return };
    let place = Place::simulated(256);
    let run = |device: &str| {
        let arguments = format!("--dirty dirty.fits --psf psf.fits --niter 50 --overwrite --device {device}");
        let mut command = place.command(&arguments);
        command.env("DECONV_SOFTWARE_GPU", "1").env("DECONV_PROFILE", place.path("profile.json"));
        let ended = Ended::from(command.output().unwrap());
        assert_eq!(ended.status, Some(0), "{ended:?}");
        ended
    };
    assert!(run("gpu").out.contains(&format!("transforms on {}", gpu.adapter().name)));
    let first = run("auto");
    let chosen = |ended: &Ended| ended.out.contains("transforms on");
    assert!(chosen(&first) != first.err.contains("on the cores"), "{first:?}");
    let profile = std::fs::read_to_string(place.path("profile.json")).unwrap();
    assert!(profile.contains(&gpu.adapter().name) && profile.contains("device_fft_s"), "{profile}");
    // What the profile says counts, whatever would be measured.
    for (cores, device) in [(1e3, 1e-3), (1e-6, 1e3)] {
        let mut known: serde_json::Value = serde_json::from_str(&profile).unwrap();
        let of = &mut known["machines"][0]["devices"][0];
        (of["cpu_fft_s"], of["device_fft_s"], of["overhead_s"]) = (cores.into(), device.into(), 1e-4.into());
        std::fs::write(place.path("profile.json"), known.to_string()).unwrap();
        assert_eq!(chosen(&run("auto")), cores > device);
    }
}

#[test]
fn gpu_wrong_options_are_refused() {
    let place = Place::new();
    for (arguments, says) in [
        ("--device tpu", "--device"),
        ("--gpu-memory 1GiB", "--gpu-memory: the job has no device"),
        ("--device gpu --gpu-memory 1MiB", "--gpu-memory: a device needs 64 MiB at least"),
    ] {
        place.refused(&format!("--dirty dirty.fits --psf psf.fits {arguments}"), 2, &[says]);
    }
}
