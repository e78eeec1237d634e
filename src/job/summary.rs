//! What a run did, for people and for programs.

use super::chains::ChainSummary;
use super::plan::PlanePlan;
use super::score::Score;
use crate::algorithm::{FilterFacts, Progress, Seams, StopReason};
use crate::image::{Beam, BeamSource};
use crate::schedule::{KernelTime, ScratchReport};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The summary of a run; `--summary` writes it as JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Version of the program.
    pub version: String,
    /// The method's name.
    pub method: String,
    /// Were planes that differ in their polarization alone cleaned as one?
    pub join_polarizations: bool,
    /// The model that it started from.
    pub model: Option<PathBuf>,
    /// `inline` or `threads`.
    pub scheduler: String,
    /// Worker threads.
    pub threads: usize,
    /// Rows and columns of a chunk of the numerical grid.
    pub chunk: [usize; 2],
    /// Halo of a chunk in pixels.
    pub overlap: usize,
    /// The instruction set that decides the bits of the transforms.
    pub instruction_set: String,
    /// Rows and columns of the padded frame of the transforms, one for each plane.
    pub padded: Vec<[usize; 2]>,
    /// The unit of the dirty image, in which peaks and rms are; model flux is in it × pixel.
    pub unit: String,
    /// The planes in the order of the file.
    pub planes: Vec<PlaneSummary>,
    /// Bytes that storage strips were to have; none: as many as suit the plane. They change no bit.
    pub strip_bytes: Option<usize>,
    /// Seconds from begin to end.
    pub wall_s: f64,
    /// Seconds of processor time, all threads.
    pub cpu_s: f64,
    /// Seconds of both in which the planes were worked on: without the look at the PSFs before, and without what is written after.
    pub run_s: f64,
    /// Processor time of these.
    pub run_cpu_s: f64,
    /// Checkpoints written.
    pub checkpoints: u64,
    /// Seconds that writing them took.
    pub checkpoint_s: f64,
    /// The most memory that the process had.
    pub peak_rss_bytes: usize,
    /// The most memory that it was predicted to need.
    pub predicted_peak_bytes: usize,
    /// The most memory that it was allowed.
    pub memory_bytes: usize,
    /// The most bytes of a device's memory that were in use; 0 where no device was.
    pub device_peak_bytes: u64,
    /// What went to scratch.
    pub scratch: ScratchReport,
    /// Tasks run.
    pub tasks: u64,
    /// What the kernels took, by name. Seconds are of the clock, so that they count what else the machine did meanwhile.
    pub kernels: BTreeMap<&'static str, KernelTime>,
    /// How near the products come to the truth, if that was asked for.
    pub score: Option<Score>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// The summary of a plane.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlaneSummary {
    /// What the plane is called.
    pub name: String,
    /// Its polarization, if the image has any.
    pub stokes: Option<String>,
    /// Its channel, if the image has any, counted from 0.
    pub channel: Option<usize>,
    /// With which planes it was cleaned as one, if with any.
    pub joined: Option<JoinedSummary>,
    /// The device that worked on it; none: the cores alone.
    pub device: Option<String>,
    /// Components found in this run; 1 for a direct method.
    pub iterations: u64,
    /// Components found in halos of chunks, which were forgotten again and do not count.
    pub halo_iterations: u64,
    /// Exact recomputations of the residual.
    pub refreshes: u64,
    /// Did CLEAN go wrong once, and then go on from its best state with less gain and shallower cycles?
    pub careful: bool,
    /// What a filter knew of noise and sky, and the balance it took.
    pub filter: Option<FilterFacts>,
    /// What a sampler drew of noise and sky.
    pub chain: Option<ChainSummary>,
    /// Why it stopped.
    pub stop_reason: StopReason,
    /// Sizes of the components in pixels, where they can have more than one.
    pub scales: Option<Vec<f64>>,
    /// Largest absolute value of the dirty image, less what the model explains of it that the run started from, where
    /// components may be found.
    pub peak_before: f64,
    /// Largest absolute value of the residual where components may be found.
    pub peak_after: f64,
    /// Standard deviation of the residual.
    pub rms_after: f64,
    /// How far what chunks predicted of the residual was from what the exact refresh found; none where a plane is one chunk.
    pub seams: Option<Seams>,
    /// Pixels inside the mask that are not blank, if there is a mask.
    pub mask_pixels: Option<u64>,
    /// Sum of the model.
    pub model_flux: f64,
    /// What sidelobes of the brightest source that the PSF does not hold leave in the residual (rms), if it lacks any.
    pub missing_sidelobes: Option<f64>,
    /// The restoring beam.
    pub beam: BeamSummary,
    /// Seconds from the plane's begin to its end; planes run side by side.
    pub seconds: f64,
}

/// Planes that were cleaned as one, in a summary. Peaks are of the root of the sum of squares over them, in the unit of the dirty image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JoinedSummary {
    /// What the planes are called, the plane itself among them.
    pub planes: Vec<String>,
    /// Peak of what there was to clean at first, where components may be found.
    pub peak_before: f64,
    /// Peak of the residuals there, which is what ended it where that was a level.
    pub peak_after: f64,
    /// Root of the sum of squares of the standard deviations of the residuals.
    pub rms_after: f64,
}

impl JoinedSummary {
    /// Of the planes of a group, by number, that came so far together.
    pub fn new(group: &[usize], plans: &[PlanePlan], progress: &Progress) -> JoinedSummary {
        JoinedSummary {
            planes: group.iter().map(|&plane| plans[plane].label.name.clone()).collect(),
            peak_before: progress.first_peak,
            peak_after: progress.peak,
            rms_after: progress.rms,
        }
    }
}

/// A beam in a summary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BeamSummary {
    /// Full width at half maximum along the major axis.
    pub major: f64,
    /// Full width at half maximum along the minor axis.
    pub minor: f64,
    /// Position angle in degrees, from north through east.
    pub pa: f64,
    /// Unit of the widths: `arcsec`, or `pixel` for an image without WCS.
    pub unit: String,
    /// Where the beam comes from.
    pub source: String,
}

impl BeamSummary {
    /// Of a beam in degrees where the cell of its image is `known`, else in pixels.
    pub fn new(beam: &Beam, source: BeamSource, known: bool) -> BeamSummary {
        let (scale, unit) = if known { (3600.0, "arcsec") } else { (1.0, "pixel") };
        BeamSummary {
            major: beam.major * scale,
            minor: beam.minor * scale,
            pa: beam.pa,
            unit: unit.into(),
            source: source.to_string(),
        }
    }
}
