//! The figures of a job, drawn from its products when they are complete.

use super::outputs::Products;
use super::plan::PlanePlan;
use super::summary::{PlaneSummary, Summary};
use crate::algorithm::StopReason;
use crate::error::{Error, Result};
use crate::figure::number::{decimal, quantity};
use crate::figure::{self, Plane};
use crate::image::{Hidden, Image};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Draws a figure for every [`figure::PLANES`] planes, under temporary names yet.
///
/// # Errors
/// Of kind `Input` or `Output`, if an image cannot be read or a figure not be written; `Interrupted`.
pub fn draw(
    paths: &[PathBuf],
    dirty: &Image,
    products: &Products,
    plans: &[PlanePlan],
    summary: &Summary,
    cancel: &AtomicBool,
) -> Result<Vec<Hidden>> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let [model, residual, restored] = products.results().map(|product| product.image());
    let images = [dirty, &model?, &residual?, &restored?];
    let single = plans.len() == 1;
    let planes: Vec<Plane<'_>> =
        (0..plans.len()).map(|i| plane(i, images, &plans[i], &summary.planes[i], summary, single)).collect();
    let sheet = |(path, planes): (&PathBuf, &[Plane<'_>])| {
        if cancel.load(Ordering::Relaxed) {
            return Err(Error::interrupted());
        }
        let png = figure::draw(&title(dirty, plans), planes, single)?.canvas.png()?;
        write(path, &png)
    };
    paths.iter().zip(planes.chunks(figure::PLANES)).map(sheet).collect()
}

/// Writes a figure under a temporary name.
pub fn write(path: &Path, png: &[u8]) -> Result<Hidden> {
    let file = Hidden::create(path)?;
    file.file().write_all(png).and_then(|()| file.file().sync_all()).map_err(|error| file.failed(&error))?;
    Ok(file)
}

/// The source, or the file if it has no name; the plane if there is but one.
pub fn title(dirty: &Image, plans: &[PlanePlan]) -> String {
    let file = || dirty.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let source = if dirty.object().is_empty() { file() } else { dirty.object().to_string() };
    match plans {
        [plan] if plan.label.stokes.is_some() || plan.label.channel.is_some() => {
            format!("{source}, {}", described(plan))
        }
        _ => source,
    }
}

/// The name of a plane, with a word for what it is.
pub fn described(plan: &PlanePlan) -> String {
    match (&plan.label.stokes, plan.label.channel) {
        (Some(stokes), _) if plan.label.name == *stokes => format!("Stokes {stokes}"),
        (Some(stokes), Some(channel)) => format!("Stokes {stokes}, channel {channel}"),
        _ => plan.label.name.clone(),
    }
}

fn plane<'a>(
    index: usize,
    [dirty, model, residual, restored]: [&'a Image; 4],
    plan: &PlanePlan,
    result: &PlaneSummary,
    summary: &Summary,
    single: bool,
) -> Plane<'a> {
    let size = |value: f64| quantity(value, restored.unit());
    let flux = model.unit().trim_end_matches("/pixel");
    Plane {
        dirty,
        model,
        residual,
        restored,
        index,
        covariance: plan.covariance,
        signed: plan.label.is_signed(),
        name: if single { String::new() } else { described(plan) },
        caption: caption(result, &summary.method, restored.unit()),
        remarks: [
            format!("peak {}", size(result.peak_before)),
            format!("rms {}", size(result.rms_after)),
            beam(result),
            format!("sum {}", quantity(result.model_flux, flux)),
        ],
    }
}

/// Method and end of a plane, what is left, and the beam, in words.
fn caption(result: &PlaneSummary, method: &str, unit: &str) -> String {
    let done = match result.stop_reason {
        StopReason::Solved => format!("{method}, solved"),
        reason => format!("{method}, {} iterations, stopped: {reason}", result.iterations),
    };
    let size = |value: f64| quantity(value, unit);
    // Without a minus before a zero.
    let pa = (result.beam.pa * 10.0).round() / 10.0 + 0.0;
    format!(
        "{done}. Residual: rms {}, peak {} (dirty: {}). Beam: {}, PA {pa:.1}\u{b0}.",
        size(result.rms_after),
        size(result.peak_after),
        size(result.peak_before),
        beam(result)
    )
}

/// The widths of the restoring beam.
fn beam(result: &PlaneSummary) -> String {
    let beam = &result.beam;
    let unit = if beam.unit == "arcsec" { "\"" } else { " px" };
    format!("{}{unit} \u{d7} {}{unit}", decimal(beam.major, 3), decimal(beam.minor, 3))
}
