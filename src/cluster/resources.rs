//! What an element is granted, and where the numbers come from.

use super::submit::JobOptions;
use crate::algorithm::Method;
use crate::error::{Error, Result};
use crate::job::{Device, Forecast, Options};
use serde::{Deserialize, Serialize};

/// Cores of an element, unless `--threads` says otherwise.
pub const CORES: usize = 4;

/// The run may take so much more memory than it is predicted to want, and the job is granted so much more than the run may
/// take, in percent.
const MARGIN_PERCENT: usize = 10;

/// MiB that the job is granted beside: for the shell, and files in the page cache.
const BESIDE_MIB: usize = 64;

/// Bytes for each component that a run of CLEAN may find, which no forecast knows. A noisy plane of 1024² with one in each
/// pixel took 350 (the lists of a cycle are there several times); runs that stop at the noise have them in few.
const COMPONENT: usize = 128;

/// The walltime is so many times the estimate, and no less than so many seconds.
const TIME_MARGIN: f64 = 4.0;
const LEAST_TIME: u64 = 600;

/// Of each core more, so much is won.
const EFFICIENCY: f64 = 0.7;

/// Bytes of memory that the driver of a graphics processor may take; nobody knows it where the job is submitted.
const DRIVER: usize = 512 << 20;

const MIB: usize = 1 << 20;

/// What an element is granted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// Cores, and threads of the run.
    pub cores: usize,
    /// Graphics processors.
    #[serde(default)]
    pub gpus: usize,
    /// MiB that the run may take.
    pub run_mib: usize,
    /// MiB that the job is granted.
    pub granted_mib: usize,
    /// Seconds after which the batch system ends it.
    pub walltime_s: u64,
    /// Seconds before that at which it is told to stop.
    pub grace_s: u64,
    /// Where the memory comes from, in words.
    pub memory_reason: String,
    /// Where the walltime comes from, in words.
    pub walltime_reason: String,
}

/// What is known of the elements of which each is granted the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct Demand {
    /// The most bytes of memory that one wants.
    pub bytes: usize,
    /// The most bytes that are set aside for components.
    pub component_bytes: usize,
    /// The most seconds that one is estimated to take.
    pub seconds: f64,
    /// The most graphics processors that one works on.
    pub gpus: usize,
    /// The most megapixels of padded frames that one has, all planes together.
    pub megapixels: f64,
}

impl Demand {
    /// Of an element that was forecast with as much memory as it wants.
    pub fn of(options: &Options, forecast: &Forecast, cores: usize) -> Demand {
        let plane =
            forecast.output_bytes as usize / size_of::<f32>() / options.products() / forecast.padded.len().max(1);
        let most = options.method.most_iterations(&options.parameters).min(plane as u64) as usize;
        let at_once = if options.method.is_clean() { cores.min(forecast.padded.len()) } else { 0 };
        let component_bytes = most * at_once * COMPONENT;
        let pixels: f64 = forecast.padded.iter().map(|&[rows, cols]| rows as f64 * cols as f64).sum();
        let megapixels = pixels / 1e6;
        let at_once = match options.method {
            // Its minor cycles work on one core a plane.
            Method::Hogbom => cores.min(forecast.padded.len()),
            _ => cores,
        };
        let seconds = megapixels * seconds_per_megapixel(options.method) / (1.0 + EFFICIENCY * (at_once as f64 - 1.0));
        let gpus = usize::from(options.device == Device::Gpu);
        let bytes = forecast.wanted_bytes + gpus * DRIVER;
        Demand { bytes, component_bytes, seconds, gpus, megapixels }
    }

    /// The larger of two, in each respect.
    pub fn max(self, other: Demand) -> Demand {
        Demand {
            bytes: self.bytes.max(other.bytes),
            component_bytes: self.component_bytes.max(other.component_bytes),
            seconds: self.seconds.max(other.seconds),
            gpus: self.gpus.max(other.gpus),
            megapixels: self.megapixels.max(other.megapixels),
        }
    }
}

/// Seconds of one core for a megapixel of padded frame with the defaults: two to four times what planes of 1024² and 2048² of
/// `deconv simulate` took, as others have more to clean (unsupervised-wiener 1.5 times).
fn seconds_per_megapixel(method: Method) -> f64 {
    match method {
        Method::Clark => 0.5,
        Method::Multiscale => 1.5,
        Method::Hogbom => 3.0,
        Method::Wiener => 1.5,
        Method::WienerHunt => 1.5,
        Method::UnsupervisedWiener => 60.0,
        Method::RichardsonLucy => 3.0,
        Method::Huber => 4.0,
    }
}

impl Resources {
    /// For elements that want no more than this.
    ///
    /// # Errors
    /// Of kind `Usage`, if the walltime leaves no time before the signal.
    pub fn new(demand: Demand, asked_bytes: Option<usize>, cores: usize, job: &JobOptions) -> Result<Resources> {
        let (foretold, components) = (demand.bytes.div_ceil(MIB), demand.component_bytes.div_ceil(MIB));
        let wanted = foretold + components;
        let with_margin = |mib: usize| (mib * (100 + MARGIN_PERCENT)).div_ceil(100);
        // No more than the user says.
        let run_mib = asked_bytes.map_or(with_margin(wanted), |asked| (asked / MIB).max(1));
        let granted_mib = with_margin(run_mib) + BESIDE_MIB;
        let of_run = match asked_bytes {
            Some(_) => format!("deconv may take the {run_mib} MiB of --memory (it would want {wanted})"),
            None => format!(
                "deconv is predicted to take {foretold} MiB, {components} are set aside for lists of components; it may take {run_mib} ({MARGIN_PERCENT} % more)"
            ),
        };
        let memory_reason = format!("{of_run}; granted are {MARGIN_PERCENT} % and {BESIDE_MIB} MiB beyond that");
        let margin = (demand.seconds * TIME_MARGIN).ceil() as u64;
        let estimate = format!(
            "{:.0} s estimated for {:.1} megapixels of padded frame on {cores} cores, times {TIME_MARGIN}, no less than {} min",
            demand.seconds.ceil(),
            demand.megapixels,
            LEAST_TIME / 60
        );
        let (walltime_s, walltime_reason) = match job.walltime_s {
            Some(asked) => (asked, format!("--walltime ({estimate} otherwise)")),
            // Slurm counts in minutes.
            None => (margin.max(LEAST_TIME).next_multiple_of(60), estimate),
        };
        if job.grace_s >= walltime_s {
            let message = format!("--grace {}: the walltime is {walltime_s} s", job.grace_s);
            return Err(Error::usage(message).remedy("choose a longer --walltime, or a shorter --grace"));
        }
        let grace_s = job.grace_s;
        Ok(Resources {
            cores,
            gpus: demand.gpus,
            run_mib,
            granted_mib,
            walltime_s,
            grace_s,
            memory_reason,
            walltime_reason,
        })
    }

    /// The walltime as batch systems write it, `H:MM:SS`.
    pub fn walltime(&self) -> String {
        hours(self.walltime_s)
    }
}

/// Seconds as `HH:MM:SS`.
pub fn hours(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
