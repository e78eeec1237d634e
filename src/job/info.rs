//! What the program understands of a file: `deconv info`.

use super::memory::settings;
use super::summary::BeamSummary;
use super::survey::{Measured, MeasuredPsf, PlaneSurvey, PsfSurvey, TransferExtremes, Worst};
use crate::error::{Error, Result};
use crate::event::Events;
use crate::image::{Axis, Beam, BeamSource, Image};
use crate::schedule::{self, Client, Scheduler, Settings};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A plane whose pixel of largest absolute value is this near to 1 is taken for a PSF.
const PSF_PEAK: f64 = 1e-3;

/// A transfer function that is nowhere below minus so much of its maximum counts as not negative: transforms in f32
/// know it no better.
const NEGLIGIBLE: f64 = 1e-5;

/// What the program understands of a file. Rows and columns are counted from 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileInfo {
    /// The file as it was named.
    pub file: String,
    /// The object of the header; empty if there is none.
    pub object: String,
    /// The unit of the pixels as the header has it; empty if there is none.
    pub unit: String,
    /// Is the image compressed within the file?
    pub compressed: bool,
    /// Does the image lie in an extension?
    pub in_extension: bool,
    /// The axes in the order of the file.
    pub axes: Vec<AxisInfo>,
    /// Rows and columns of a plane.
    pub shape: [usize; 2],
    /// Size of a pixel on the sky, if the header tells it.
    pub cell: Option<CellInfo>,
    /// Is every plane that is not blank plausibly a PSF?
    pub is_psf: bool,
    /// The planes in the order of the file.
    pub planes: Vec<PlaneInfo>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// An axis of an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AxisInfo {
    /// What it counts; empty if the header does not say.
    pub name: String,
    /// Its length in pixels.
    pub length: usize,
    /// `rows` or `columns` if the axis counts those of a plane: latitude and longitude.
    pub counts: Option<&'static str>,
}

/// Size of a pixel on the sky, in arcsec.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CellInfo {
    /// From column to column; negative where longitude grows to the left.
    pub x: f64,
    /// From row to row.
    pub y: f64,
}

/// What is known of a plane. Numbers are missing where every pixel is blank.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlaneInfo {
    /// What the plane is called.
    pub name: String,
    /// Its polarization, if the image has any.
    pub stokes: Option<String>,
    /// Its channel, if the image has any, counted from 0.
    pub channel: Option<usize>,
    /// Its beam, as header or table have it.
    pub beam: Option<BeamSummary>,
    /// Number of blank pixels.
    pub blank: u64,
    /// The smallest pixel.
    pub minimum: Option<f64>,
    /// The largest pixel.
    pub maximum: Option<f64>,
    /// The pixel with the largest absolute value.
    pub peak: Option<f64>,
    /// Row and column of that pixel.
    pub peak_at: Option<[usize; 2]>,
    /// 1.4826 × the median absolute deviation.
    pub sigma: Option<f64>,
    /// What it is as a PSF, if it plausibly is one.
    pub psf: Option<PsfInfo>,
}

/// What is known of a plane of a PSF.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PsfInfo {
    /// Is the peak at the centre pixel, row ⌊rows / 2⌋ and column ⌊columns / 2⌋?
    pub centred: bool,
    /// Rows below and above that of the peak.
    pub reach_rows: [usize; 2],
    /// Columns before and behind that of the peak.
    pub reach_columns: [usize; 2],
    /// The beam that fits the main lobe.
    pub fitted: Option<BeamSummary>,
    /// The value of largest absolute value outside the main lobe, which is the ellipse around the peak with axes of 2.5 × the
    /// FWHM of the fitted beam.
    pub sidelobe: Option<f64>,
    /// Row and column of that.
    pub sidelobe_at: Option<[usize; 2]>,
    /// The value of largest absolute value further than [`crate::algorithm::PATCH`] rows or columns from the peak.
    pub outside_patch: Option<f64>,
    /// The transfer function for images of the PSF's own size, then for those of half that size.
    pub transfer: Vec<Transfer>,
}

/// The transfer function of a PSF, in the frame in which it is convolved with images of one size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Transfer {
    /// Rows and columns of the images.
    pub image: [usize; 2],
    /// Rows and columns of the padded frame.
    pub frame: [usize; 2],
    /// The smallest real part.
    pub minimum: f64,
    /// The largest real part.
    pub maximum: f64,
    /// The smallest over the largest.
    pub ratio: f64,
    /// The largest absolute imaginary part: 0 if the PSF is symmetric about its peak.
    pub imaginary: f64,
    /// Is it nowhere negative, as far as transforms in f32 can tell? Then CLEAN converges.
    pub not_negative: bool,
}

/// Looks at a file: reads it all, changes nothing. `cancel` stops it.
///
/// # Errors
/// If the file cannot be used as an image, or if it was stopped.
pub fn info(path: &Path, cancel: &Arc<AtomicBool>) -> Result<FileInfo> {
    info_with(path, &settings(Scheduler::Threads, None, None, cancel)?)
}

fn info_with(path: &Path, settings: &Settings) -> Result<FileInfo> {
    let image = Image::open(path)?;
    let measured = measure(&image, settings)?;
    let is_psf = |found: &Measured| found.stats.count > 0 && (f64::from(found.stats.peak) - 1.0).abs() <= PSF_PEAK;
    let psfs: Vec<usize> = (0..measured.len()).filter(|&plane| is_psf(&measured[plane])).collect();
    let mut notes = Vec::new();
    let mut planes: Vec<PlaneInfo> =
        measured.iter().enumerate().map(|(plane, found)| plane_info(&image, plane, found)).collect();
    for (plane, found) in measure_psfs(&image, &measured, &psfs, settings, &mut notes)? {
        if let Err(error) = &found.fitted {
            notes.push(format!("{}: {}", planes[plane].name, error.message));
        }
        planes[plane].psf = Some(psf_info(&image, &measured[plane], &found));
    }
    let seen = |plane: &&PlaneInfo| plane.peak.is_some();
    Ok(FileInfo {
        file: path.display().to_string(),
        object: image.object().into(),
        unit: image.unit().into(),
        compressed: image.compressed(),
        in_extension: image.in_extension(),
        axes: axes(&image),
        shape: image.shape().into(),
        cell: cell(&image),
        is_psf: !psfs.is_empty() && planes.iter().filter(seen).all(|plane| plane.psf.is_some()),
        planes,
        notes,
    })
}

fn measure(image: &Image, settings: &Settings) -> Result<Vec<Measured>> {
    let mut jobs: Vec<PlaneSurvey<'_>> =
        (0..image.planes()).map(|plane| PlaneSurvey::new(plane, image, plane)).collect();
    let mut clients: Vec<&mut dyn Client> = jobs.iter_mut().map(|job| job as &mut dyn Client).collect();
    schedule::run(&mut clients, settings, &Events::silent())?;
    jobs.into_iter().map(|job| job.found.ok_or_else(|| Error::internal("a plane was not measured"))).collect()
}

/// What is measured of the planes that are PSFs, with their numbers.
fn measure_psfs(
    image: &Image,
    measured: &[Measured],
    planes: &[usize],
    settings: &Settings,
    notes: &mut Vec<String>,
) -> Result<Vec<(usize, MeasuredPsf)>> {
    let (rows, cols) = image.shape();
    let shapes = vec![(rows, cols), (rows.div_ceil(2), cols.div_ceil(2))];
    let job = |(client, &plane): (usize, &usize)| {
        let peak = (measured[plane].stats.peak_y as usize, measured[plane].stats.peak_x as usize);
        let job = |shapes| PsfSurvey::new(client, image, plane, peak, shapes);
        let whole = job(shapes.clone());
        if whole.peak_bytes(settings.workers()) <= settings.budget { whole } else { job(Vec::new()) }
    };
    let mut jobs: Vec<PsfSurvey<'_>> = planes.iter().enumerate().map(job).collect();
    let mut clients: Vec<&mut dyn Client> = jobs.iter_mut().map(|job| job as &mut dyn Client).collect();
    if !clients.is_empty() {
        schedule::run(&mut clients, settings, &Events::silent())?;
    }
    let found = jobs.into_iter().zip(planes).map(|(job, &plane)| {
        job.found.map(|found| (plane, found)).ok_or_else(|| Error::internal("a PSF was not measured"))
    });
    let found: Vec<(usize, MeasuredPsf)> = found.collect::<Result<_>>()?;
    if found.iter().any(|(_, found)| found.transfer.is_empty()) {
        notes.push("there is too little memory for the PSF's transfer function".into());
    }
    Ok(found)
}

fn axes(image: &Image) -> Vec<AxisInfo> {
    let axes = image.axes();
    let counts = |i| match i {
        i if i == axes.lat() => Some("rows"),
        i if i == axes.lon() => Some("columns"),
        _ => None,
    };
    let info = |(i, Axis { name, length, .. }): (usize, &Axis)| AxisInfo {
        name: name.clone(),
        length: *length,
        counts: counts(i),
    };
    axes.list().iter().enumerate().map(info).collect()
}

fn cell(image: &Image) -> Option<CellInfo> {
    let cell = image.cell();
    cell.known.then_some(CellInfo { x: cell.x * 3600.0, y: cell.y * 3600.0 })
}

fn plane_info(image: &Image, plane: usize, found: &Measured) -> PlaneInfo {
    let label = image.plane(plane);
    let (rows, cols) = image.shape();
    let seen = found.stats.count > 0;
    PlaneInfo {
        name: label.name,
        stokes: label.stokes,
        channel: label.channel,
        beam: image.beam(plane).map(|(beam, source)| BeamSummary::new(&beam, source, true)),
        blank: (rows * cols) as u64 - found.stats.count,
        minimum: seen.then_some(found.minimum),
        maximum: seen.then_some(found.maximum),
        peak: seen.then_some(found.stats.peak.into()),
        peak_at: seen.then_some([found.stats.peak_y as usize, found.stats.peak_x as usize]),
        sigma: seen.then_some(found.sigma),
        psf: None,
    }
}

fn psf_info(image: &Image, measured: &Measured, found: &MeasuredPsf) -> PsfInfo {
    let (rows, cols) = image.shape();
    let (y, x) = (measured.stats.peak_y as usize, measured.stats.peak_x as usize);
    let beam = |covariance: &[f64; 3]| {
        let cell = image.cell();
        BeamSummary::new(&Beam::from_covariance(*covariance, &cell), BeamSource::Fit, cell.known)
    };
    let value = |worst: &Worst| f64::from(worst.0);
    PsfInfo {
        centred: (y, x) == (rows / 2, cols / 2),
        reach_rows: [y, rows - 1 - y],
        reach_columns: [x, cols - 1 - x],
        fitted: found.fitted.as_ref().ok().map(beam),
        sidelobe: found.sidelobe.as_ref().map(value),
        sidelobe_at: found.sidelobe.map(|worst| worst.1),
        outside_patch: found.outside_patch.as_ref().map(value),
        transfer: found.transfer.iter().map(transfer).collect(),
    }
}

fn transfer(found: &TransferExtremes) -> Transfer {
    let TransferExtremes { shape, frame, minimum, maximum, imaginary } = *found;
    let ratio = minimum / maximum;
    Transfer {
        image: shape.into(),
        frame: frame.into(),
        minimum,
        maximum,
        ratio,
        imaginary,
        not_negative: maximum > 0.0 && ratio >= -NEGLIGIBLE,
    }
}
