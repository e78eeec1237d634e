//! What a job will do, settled before it does it: which PSF, which beam, which frame for every plane.

use super::Options;
use super::components::Catalogue;
use super::inspect::{Inspection, PsfFacts};
use super::mask::Masks;
use crate::algorithm::{Boundary, Method, Psf, scales};
use crate::array::{Convolution, Padding, PsfReach};
use crate::device::Facts;
use crate::error::{Error, Kind, Result};
use crate::event::Events;
use crate::image::{Beam, BeamSource, Cell, Image, PlaneLabel, ProductKind};
use crate::kernel::{Scales, Signs, is_sampled};
use crate::schedule::{self, Client, Settings};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A PSF's peak may be this far from 1 and is still taken as it is.
const UNIT_PEAK: f32 = 1e-4;

/// Sidelobes at a PSF's edge that are less than this part of its peak (0.00 %) are none.
const NOTHING: f64 = 5e-5;

/// The images of a job, and for each plane of the dirty image the plane of the PSF that belongs to it.
#[derive(Debug)]
pub struct Inputs {
    /// The dirty image.
    pub dirty: Image,
    /// The PSF.
    pub psf: Image,
    /// The PSF's plane for each plane of the dirty image.
    pub psf_planes: Vec<usize>,
    /// Where components may be found, if not everywhere.
    pub masks: Option<Arc<Masks>>,
    /// The model that is started from, and its plane for each plane of the dirty image.
    pub model: Option<(Image, Vec<usize>)>,
}

impl Inputs {
    /// Opens the images and matches their planes.
    ///
    /// # Errors
    /// Of kind `Input`, if one of them cannot be used or they do not go together.
    pub fn open(options: &Options) -> Result<Inputs> {
        let (dirty, psf) = (open_dirty(options)?, Image::open(&options.psf)?);
        check_cells(&dirty, &psf)?;
        check_signs(options, &dirty)?;
        let psf_planes =
            (0..dirty.planes()).map(|plane| psf.matching_plane(&dirty, plane, "PSF")).collect::<Result<_>>()?;
        let masks = Masks::open(options, &dirty)?.map(Arc::new);
        let model = options.model.as_deref().map(|model| open_model(model, &dirty)).transpose()?;
        if let Some(path) = &options.components {
            Catalogue::new(path, &dirty, Vec::new())?;
        }
        Ok(Inputs { dirty, psf, psf_planes, masks, model })
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        let model = self.model.as_ref().map_or(0, |(model, _)| model.bytes());
        let masks = self.masks.as_ref().map_or(0, |masks| masks.bytes());
        self.dirty.bytes() + self.psf.bytes() + model + masks
    }

    fn stated_beam(&self, options: &Options, plane: usize) -> Option<(Beam, BeamSource)> {
        stated_beam(options.beam, (&self.dirty, plane), Some((&self.psf, self.psf_planes[plane])))
    }
}

/// The beam of a plane that is given by the user or by a header; a header's own keywords go before a table, the image before
/// the PSF.
pub fn stated_beam(
    given: Option<Beam>,
    (image, plane): (&Image, usize),
    psf: Option<(&Image, usize)>,
) -> Option<(Beam, BeamSource)> {
    let known = image.cell().known;
    let per_arcsec = |beam: Beam| Beam { major: beam.major * 3600.0, minor: beam.minor * 3600.0, pa: beam.pa };
    let in_pixels = |beam: Beam, psf: &Image| Beam::from_covariance(beam.covariance(&psf.cell()), &Cell::UNKNOWN);
    let given = given.map(|beam| (if known { beam } else { per_arcsec(beam) }, BeamSource::Option));
    let of_psf = psf.and_then(|(psf, plane)| {
        let (beam, source) = psf.beam(plane)?;
        Some((if known { beam } else { in_pixels(beam, psf) }, source))
    });
    let stated = [image.beam(plane), of_psf];
    let header = stated.into_iter().flatten().find(|(_, source)| *source == BeamSource::Header);
    given.or(header).or(stated.into_iter().flatten().next())
}

/// Opens the dirty image, of which some planes may be asked for alone.
///
/// # Errors
/// Of kind `Input`, if it cannot be used or has no such planes.
pub fn open_dirty(options: &Options) -> Result<Image> {
    let whole = Image::open(&options.dirty)?;
    let Some((first, last)) = options.planes else { return Ok(whole) };
    let cut = whole.cut(first, last)?;
    let polarizations = |image: &Image| image.axes().stokes_axis().map(|i| image.axes().list()[i].length);
    if options.join_polarizations && polarizations(&cut) != polarizations(&whole) {
        let message = format!("--planes {first}-{last}: they are not all polarizations of their channels");
        return Err(Error::usage(message)
            .about(&options.dirty)
            .remedy("choose others, or leave out --join-polarizations"));
    }
    Ok(cut)
}

/// Opens a model of what a dirty image, or a residual, shows, and matches their planes.
///
/// # Errors
/// Of kind `Input`, if it cannot be used, has other pixels on the sky, another unit, or planes that do not match.
pub fn open_model(model: &Path, of: &Image) -> Result<(Image, Vec<usize>)> {
    let model = Image::open(model)?;
    if of.unit().trim().to_ascii_lowercase().ends_with("/pixel") {
        let message = format!("its unit is {}, as that of a model", of.unit());
        return Err(Error::input(of.path(), message).remedy("give what the model is of: an image per beam"));
    }
    model.check_same_pixels(of)?;
    if !ProductKind::Model.has_unit(model.unit(), of.unit()) {
        let right = ProductKind::Model.unit_of(of.unit());
        let message = format!("its unit is {}, but a model of {} is in {right}", model.unit(), of.path().display());
        return Err(
            Error::input(model.path(), message).remedy("give a model, not an image: PREFIX-model.fits of a run")
        );
    }
    let planes = (0..of.planes()).map(|plane| model.matching_plane(of, plane, "model")).collect::<Result<_>>()?;
    Ok((model, planes))
}

/// Polarized emission is of both signs.
fn check_signs(options: &Options, dirty: &Image) -> Result<()> {
    let labels = (0..dirty.planes()).map(|plane| dirty.plane(plane));
    match labels.into_iter().find(|label| options.parameters.signs == Signs::Positive && label.is_signed()) {
        None => Ok(()),
        Some(label) => {
            let message = format!("--no-negative: plane {} of the dirty image is of both signs by nature", label.name);
            Err(Error::usage(message).about(dirty.path()).remedy("leave it out, or give an image of Stokes I alone"))
        }
    }
}

/// A PSF with cells of another size is another's. The sign is not looked at: it is about which way an axis runs.
fn check_cells(dirty: &Image, psf: &Image) -> Result<()> {
    let (cell, of_psf) = (dirty.cell(), psf.cell());
    let other = |a: f64, b: f64| ((a / b).abs() - 1.0).abs() > 1e-3;
    if !cell.known || !of_psf.known || !(other(cell.x, of_psf.x) || other(cell.y, of_psf.y)) {
        return Ok(());
    }
    let size = |cell: Cell| format!("{:.6} x {:.6} arcsec", cell.x.abs() * 3600.0, cell.y.abs() * 3600.0);
    let message = format!(
        "its cell is {}, but that of the dirty image {} is {}",
        size(of_psf),
        dirty.path().display(),
        size(cell)
    );
    Err(Error::input(psf.path(), message).remedy("give the PSF that was made with the same cell as the image"))
}

/// What will be done with one plane.
#[derive(Debug, Clone)]
pub struct PlanePlan {
    /// Its polarization, channel and name.
    pub label: PlaneLabel,
    /// Its PSF.
    pub psf: Psf,
    /// Where components may be found, if not everywhere.
    pub masks: Option<Arc<Masks>>,
    /// Pixels along a side of the boxes in which its noise is measured, if not in the plane as a whole.
    pub noise_box: Option<usize>,
    /// The model that it starts from, and the plane there.
    pub model: Option<(Image, usize)>,
    /// The frame of its transforms.
    pub padding: Padding,
    /// The restoring beam.
    pub beam: Beam,
    /// Where that comes from.
    pub beam_source: BeamSource,
    /// The beam's covariance, pixels².
    pub covariance: [f64; 3],
    /// Where the PSF does not hold every sidelobe that the plane can see: the size of those that it lacks, as a part
    /// of a source (rms at the PSF's edge).
    pub missing_sidelobes: Option<f64>,
    /// The device that works on it, if one does.
    pub device: Option<PlaneDevice>,
    /// What the user should know of it.
    pub notes: Vec<String>,
}

/// A device that works on a plane.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaneDevice {
    /// What it calls itself.
    pub name: String,
    /// What graphs for it go by.
    pub facts: Facts,
}

impl PlanePlan {
    /// The scales of its components, for an image of this shape, if the method has any.
    pub fn scales(&self, options: &Options, shape: (usize, usize)) -> Option<Scales> {
        (options.method == Method::Multiscale).then(|| scales(&options.parameters, &self.psf, shape))
    }
}

/// Settles what will be done with every plane. The PSF is read for that.
///
/// # Errors
/// If a PSF cannot be used or no beam can be had.
pub fn plan(inputs: &Inputs, options: &Options, settings: &Settings, events: &Events) -> Result<Vec<PlanePlan>> {
    let facts = inspect(inputs, options, settings, events)?;
    let plans =
        (0..inputs.dirty.planes()).map(|plane| plan_plane(inputs, options, plane, &facts[&inputs.psf_planes[plane]]));
    plans.collect()
}

/// Inspects each plane of the PSF that is needed, once.
fn inspect(
    inputs: &Inputs,
    options: &Options,
    settings: &Settings,
    events: &Events,
) -> Result<BTreeMap<usize, PsfFacts>> {
    let mut wanted: BTreeMap<usize, bool> = BTreeMap::new();
    for (plane, &psf_plane) in inputs.psf_planes.iter().enumerate() {
        *wanted.entry(psf_plane).or_default() |= inputs.stated_beam(options, plane).is_none();
    }
    let jobs = wanted.into_iter().enumerate();
    let positive = options.method.needs_positive_psf();
    let job = |(i, (plane, fit))| (plane, Inspection::new(i, &inputs.psf, plane, fit).positive(positive));
    let mut jobs: Vec<_> = jobs.map(job).collect();
    let mut clients: Vec<&mut dyn Client> = jobs.iter_mut().map(|(_, job)| job as &mut dyn Client).collect();
    schedule::run(&mut clients, settings, events)?;
    let facts = jobs.into_iter().map(|(plane, job)| {
        job.facts.map(|facts| (plane, facts)).ok_or_else(|| Error::internal("a PSF was not inspected"))
    });
    facts.collect()
}

fn plan_plane(inputs: &Inputs, options: &Options, plane: usize, facts: &PsfFacts) -> Result<PlanePlan> {
    let shape = inputs.dirty.shape();
    let cell = inputs.dirty.cell();
    let reach = PsfReach::new(shape, inputs.psf.shape(), facts.peak);
    let periodic = options.parameters.boundary == Boundary::Periodic;
    let reach = if periodic { reach.within(shape) } else { reach };
    let fitted = || facts.fitted.map(|covariance| (Beam::from_covariance(covariance, &cell), BeamSource::Fit));
    let (beam, beam_source) = inputs
        .stated_beam(options, plane)
        .or_else(fitted)
        .ok_or_else(|| Error::internal("a plane without a beam").about(inputs.psf.path()))?;
    let covariance = beam.covariance(&cell);
    check_scales(options, shape).map_err(|error| error.about(inputs.dirty.path()))?;
    check_beam(covariance, shape).map_err(|error| error.about(inputs.dirty.path()))?;
    let unit = (facts.value - 1.0).abs() <= UNIT_PEAK;
    let scale = if unit { 1.0 } else { 1.0 / facts.value };
    Ok(PlanePlan {
        label: inputs.dirty.plane(plane),
        psf: Psf {
            image: inputs.psf.clone(),
            plane: inputs.psf_planes[plane],
            reach,
            scale,
            outside_patch: facts.outside_patch,
            lobe: lobe(covariance),
            covariance,
            width: fwhm(covariance),
        },
        masks: inputs.masks.clone(),
        noise_box: options.parameters.local_rms.map(|beams| noise_box(covariance, beams)),
        model: inputs.model.as_ref().map(|(model, planes)| (model.clone(), planes[plane])),
        padding: match options.parameters.boundary {
            Boundary::Linear => Convolution::padding(shape, &reach, beam_reach(covariance)),
            Boundary::Periodic => Padding::exactly(shape.0, shape.1),
        }
        .in_strips(options.strip),
        beam,
        beam_source,
        covariance,
        missing_sidelobes: (!periodic && !reach.is_complete(shape)).then_some(facts.edge_rms),
        device: None,
        notes: notes(facts, (!periodic).then_some(&reach), shape, unit),
    })
}

/// Is a scale larger than the image?
fn check_scales(options: &Options, (rows, cols): (usize, usize)) -> Result<()> {
    let largest = options.parameters.scales.map_or(0.0, |scales| scales.largest());
    if options.method != Method::Multiscale || largest <= rows.min(cols) as f64 {
        return Ok(());
    }
    Err(Error::usage(format!("--scales: {largest} pixels are more than the image has, {rows} x {cols}"))
        .remedy("give scales that are smaller than it"))
}

/// Pixels along a side of a box of so many beams (the geometric mean of both FWHM), no fewer than what tells noise.
fn noise_box(covariance: [f64; 3], beams: f64) -> usize {
    const LEAST: f64 = 16.0;
    (beams * fwhm(covariance)).round().max(LEAST) as usize
}

/// Can an image of this shape be restored with a beam? Not if it is narrower than its pixels, or far larger than it.
pub fn check_beam(covariance: [f64; 3], shape: (usize, usize)) -> Result<()> {
    let wrong = |what: &str| {
        let Beam { major, minor, .. } = Beam::from_covariance(covariance, &Cell::UNKNOWN);
        let message = format!("its restoring beam of {major:.3e} x {minor:.3e} pixels is {what}");
        Err(Error::new(Kind::Input, message)
            .remedy("give a beam that fits the cells of the image with --beam MAJ,MIN,PA"))
    };
    if beam_reach(covariance) > 4 * shape.0.max(shape.1).max(64) {
        return wrong("larger than the image");
    }
    if !is_sampled(covariance) {
        return wrong("too narrow for the pixels");
    }
    Ok(())
}

/// The solid angle of a Gaussian of this covariance and peak 1, in pixels.
fn lobe([xx, xy, yy]: [f64; 3]) -> f64 {
    2.0 * std::f64::consts::PI * (xx * yy - xy * xy).sqrt()
}

/// Pixels from its centre beyond which a Gaussian is below 1e-7 of its peak.
pub(super) fn beam_reach([xx, _, yy]: [f64; 3]) -> usize {
    (xx.max(yy) * 2.0 * 1e7f64.ln()).sqrt().ceil() as usize
}

/// FWHM of a Gaussian, the geometric mean of both axes, in pixels.
fn fwhm([xx, xy, yy]: [f64; 3]) -> f64 {
    (8.0 * 2.0f64.ln() * (xx * yy - xy * xy).max(0.0).sqrt()).sqrt()
}

/// `reach` is that of the PSF, if it should hold all that the image can see.
fn notes(facts: &PsfFacts, reach: Option<&PsfReach>, shape: (usize, usize), unit: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if !unit {
        notes.push(format!("the PSF's peak is {}: the PSF is divided by it", facts.value));
    }
    if let Some(reach) = reach.filter(|reach| !reach.is_complete(shape) && facts.edge_rms >= NOTHING) {
        let (down, across) = reach.reach();
        notes.push(format!(
            "the PSF ends {down} rows and {across} columns from its peak, the image is {} x {}: sidelobes beyond that, \
             about {:.2} % of a source (rms at the PSF's edge), stay in the residual and limit how deep it gets",
            shape.0,
            shape.1,
            100.0 * facts.edge_rms
        ));
    }
    notes
}
