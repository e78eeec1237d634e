//! How fast a device is beside the cores of its machine: measured once on each machine, and kept in the profile.

use super::hardware::Hardware;
use super::profile::Profile;
use crate::device::{AdapterFacts, Gpu};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Rows and columns of the plane that is measured.
pub const SIDE: usize = 1024;

/// Rows and columns of the frame in which it is convolved.
pub const FRAME: usize = 1536;

/// How fast a device is, and how fast the cores are: the convolution of a plane of 1024² pixels in a frame of 1536², which is what a refresh
/// of a residual mostly is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceSpeed {
    /// What the adapter calls itself.
    pub adapter: String,
    /// Its driver, with the version.
    pub driver: String,
    /// The version of the program that was measured.
    pub version: String,
    /// Bytes that it takes a second.
    pub upload_bytes_per_s: f64,
    /// Bytes that it gives a second.
    pub download_bytes_per_s: f64,
    /// Seconds that all cores take for the convolution.
    pub cpu_fft_s: f64,
    /// Seconds that the device takes for it, what it takes to begin with included; without transfers.
    pub device_fft_s: f64,
    /// Seconds that the device takes to begin with: for the convolution of a plane of next to no pixels.
    pub overhead_s: f64,
}

impl DeviceSpeed {
    /// Seconds that a refresh of a plane of so many pixels takes on the cores, and on the device: there a model goes to it and a residual
    /// comes back.
    pub fn refresh_seconds(&self, pixels: usize) -> (f64, f64) {
        let work = |pixels: f64| pixels * (pixels * ((FRAME * FRAME) as f64 / (SIDE * SIDE) as f64)).max(2.0).log2();
        let pixels = pixels as f64;
        let times = work(pixels) / work((SIDE * SIDE) as f64);
        let bytes = pixels * size_of::<f32>() as f64;
        let carried = bytes / self.upload_bytes_per_s + bytes / self.download_bytes_per_s;
        let device = self.overhead_s + times * (self.device_fft_s - self.overhead_s).max(0.0);
        (times * self.cpu_fft_s, device + carried)
    }

    /// Was this adapter measured, with the driver that it has, by this version of the program?
    fn is_of(&self, adapter: &AdapterFacts) -> bool {
        let is = (self.adapter.as_str(), self.driver.as_str(), self.version.as_str());
        is == (&adapter.name, &adapter.driver, env!("CARGO_PKG_VERSION"))
    }

    /// Does it take the place of another one: that of the same adapter?
    pub(super) fn replaces(&self, other: &DeviceSpeed) -> bool {
        self.adapter == other.adapter
    }
}

/// How fast a device is in this machine: as the profile says, else measured in a moment and written there. A profile that cannot be written
/// is left as it is, and so is one that cannot be read.
///
/// # Errors
/// Of kind `Device`, if it fails or cannot transform; of kind `Memory`, if there is none to measure with.
pub fn speed(profile: Option<&Path>, gpu: &Gpu) -> Result<DeviceSpeed> {
    let here = Hardware::here();
    let of = |profile: &Profile| profile.of(&here)?.devices.iter().find(|known| known.is_of(gpu.adapter())).cloned();
    let mut kept = profile.and_then(|path| Some((path, Profile::read(path).ok()?.unwrap_or_else(Profile::empty))));
    if let Some(known) = kept.as_ref().and_then(|(_, profile)| of(profile)) {
        return Ok(known);
    }
    let speed = measured(gpu)?;
    if let Some((path, profile)) = &mut kept {
        profile.remember_device(&here, speed.clone());
        // It is measured again next time.
        let _ = profile.write(path);
    }
    Ok(speed)
}

/// There is nothing to be measured.
#[cfg(not(feature = "gpu"))]
fn measured(gpu: &Gpu) -> Result<DeviceSpeed> {
    match *gpu {}
}

#[cfg(feature = "gpu")]
use with::measured;

#[cfg(feature = "gpu")]
mod with {
    use super::*;
    use crate::array::{ArrayIds, Builder, ChunkedArray, Grid, Padding, Spectrum};
    use crate::device::seconds;
    use crate::event::Events;
    use crate::graph::{Graph, predict};
    use crate::kernel::Payload;
    use crate::kernel::fft::fast_length;
    use crate::kernel::twin::measure::{Chain, Round};
    use crate::schedule::{self, Client, Settings};
    use std::collections::VecDeque;
    use std::time::Instant;

    /// How often the cores convolve.
    const ROUNDS: usize = 3;

    /// Rows and columns of a plane of next to no pixels.
    const SMALL: usize = 32;

    /// Measures a device and the cores.
    pub fn measured(gpu: &Gpu) -> Result<DeviceSpeed> {
        let on_device = |side, frame| {
            let chain = Chain::new(gpu, Round { side, frame, multiplied: true })?;
            seconds(|| chain.run())
        };
        let (device_fft_s, overhead_s) = (on_device(SIDE, FRAME)?, on_device(SMALL, fast_length(3 * SMALL / 2))?);
        let bandwidth = gpu.bandwidth()?;
        let AdapterFacts { name, driver, .. } = gpu.adapter().clone();
        Ok(DeviceSpeed {
            adapter: name,
            driver,
            version: env!("CARGO_PKG_VERSION").into(),
            upload_bytes_per_s: bandwidth.upload_bytes_per_s,
            download_bytes_per_s: bandwidth.download_bytes_per_s,
            cpu_fft_s: on_cores(SIDE, FRAME)?,
            device_fft_s,
            overhead_s: overhead_s.min(device_fft_s),
        })
    }

    /// Seconds that all cores take for the convolution of a plane of `side`² pixels in a frame of `frame`².
    fn on_cores(side: usize, frame: usize) -> Result<f64> {
        let settings = Settings::threads(Hardware::here().cores);
        let mut client = Convolutions::new(side, frame, settings.workers());
        schedule::run(&mut [&mut client], &settings, &Events::silent())?;
        Ok(client.least)
    }

    /// A client that convolves a plane again and again, each time with the memory that it had before.
    struct Convolutions {
        graphs: VecDeque<Graph>,
        peak: usize,
        begun: Option<Instant>,
        least: f64,
    }

    impl Convolutions {
        /// A first graph makes the PSF's spectrum. All pixels are 1: rows of nothing would not be transformed.
        fn new(side: usize, frame: usize, workers: usize) -> Convolutions {
            let (mut ids, padding) = (ArrayIds::of_client(0), Padding::exactly(frame, frame));
            let grid = Grid::strips((side, side), padding.image_strip((side, side)));
            let mut b = Builder::new(&mut ids);
            let plane = ChunkedArray::fill(&mut b, grid, 1.0);
            let psf = Spectrum::of(&mut b, &plane, (0, 0), padding);
            b.keep(psf.keys());
            let mut graphs = VecDeque::from([b.finish()]);
            let mut before: Option<ChunkedArray> = None;
            for _ in 0..ROUNDS {
                let mut b = Builder::new(&mut ids);
                let plane = ChunkedArray::fill(&mut b, grid, 1.0);
                let made = Spectrum::of(&mut b, &plane, (0, 0), padding).multiply(&mut b, &psf).inverse(&mut b, grid);
                b.keep(made.keys());
                b.release(before.iter().flat_map(ChunkedArray::keys));
                before = Some(made);
                graphs.push_back(b.finish());
            }
            let peak = |graph: &Graph| predict(graph, &graphs[0].kept_bytes(), workers).peak_bytes();
            let peak = graphs.iter().map(peak).max().unwrap_or_default();
            Convolutions { graphs, peak, begun: None, least: f64::INFINITY }
        }
    }

    impl Client for Convolutions {
        fn peak_bytes(&self, _workers: usize) -> usize {
            self.peak
        }

        fn advance(&mut self, _: Vec<Payload>) -> Result<Option<Graph>> {
            if let Some(begun) = self.begun {
                self.least = self.least.min(begun.elapsed().as_secs_f64());
            }
            // That of the PSF does not count.
            self.begun = (self.graphs.len() <= ROUNDS).then(Instant::now);
            Ok(self.graphs.pop_front())
        }
    }

    #[test]
    fn cores_are_measured() {
        let begun = Instant::now();
        let seconds = on_cores(40, 60).expect("cores convolve");
        assert!(seconds > 0.0 && seconds < begun.elapsed().as_secs_f64() / ROUNDS as f64, "{seconds}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speed() -> DeviceSpeed {
        let (adapter, driver, version) = Default::default();
        let (cpu_fft_s, device_fft_s, overhead_s) = (0.08, 0.003, 0.001);
        let (upload_bytes_per_s, download_bytes_per_s) = (4e9, 2e9);
        DeviceSpeed {
            adapter,
            driver,
            version,
            upload_bytes_per_s,
            download_bytes_per_s,
            cpu_fft_s,
            device_fft_s,
            overhead_s,
        }
    }

    #[test]
    fn a_refresh_takes_what_was_measured_and_the_transfers() {
        let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-9;
        let (cpu, device) = speed().refresh_seconds(SIDE * SIDE);
        assert!(near(cpu, 0.08) && near(device, 0.003 + 4.0 * 1048576.0 / 4e9 + 4.0 * 1048576.0 / 2e9));
        // A plane of nothing takes the device what it takes to begin.
        let (cpu, device) = speed().refresh_seconds(0);
        assert!(cpu == 0.0 && near(device, 0.001));
        let (cpu, device) = speed().refresh_seconds(4 * SIDE * SIDE);
        assert!(cpu > 4.0 * 0.08 && cpu < 5.0 * 0.08 && device > 4.0 * 0.003 && device < 5.0 * 0.006);
    }

    #[test]
    fn a_device_that_is_slower_to_begin_with_than_it_works_has_no_negative_work() {
        let odd = DeviceSpeed { overhead_s: 0.01, ..speed() };
        assert!(odd.refresh_seconds(1 << 30).1 >= 0.01);
    }
}
