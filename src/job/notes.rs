//! What the user should know of a job, before and after it.

use super::Options;
use super::group::groups;
use super::plan::{Inputs, PlanePlan};
use super::plane::PlaneResult;
use crate::algorithm::{Boundary, FilterFacts, Method, Parameters, Progress, StopReason};
use crate::kernel::NoiseSpectrum;

/// What the user should know before the run.
pub fn notes(options: &Options, inputs: &Inputs, plans: &[PlanePlan]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    let Parameters { chunk, overlap, .. } = options.parameters;
    if !options.method.is_chunked() && (chunk.is_some() || overlap.is_some() || options.auto_chunk) {
        let name = options.method.name();
        notes.push(format!("{name} works on a plane as a whole: --chunk and --overlap change nothing"));
    }
    let files = [("image", &inputs.dirty), ("PSF", &inputs.psf)];
    if let Some(reason) = inputs.dirty.no_cell() {
        notes.push(format!("the image {reason}: beams are in pixels"));
    } else if let Some(reason) = inputs.psf.no_cell() {
        notes.push(format!("the PSF {reason}: its cell is taken for the image's"));
    }
    if options.beam.is_none() {
        let beams =
            files.iter().flat_map(|(what, file)| file.beams_passed_over().into_iter().map(move |beam| (what, beam)));
        notes.extend(beams.map(|(what, beam)| format!("the {what}'s {beam} makes no sense: passed over")));
    }
    if options.join_polarizations && groups(options, &inputs.dirty).iter().all(|group| group.len() == 1) {
        notes.push("the image has one polarization: --join-polarizations changes nothing".into());
    }
    let Parameters { boundary, noise_spectrum, .. } = options.parameters;
    if !options.method.is_clean() && boundary == Boundary::Linear && noise_spectrum == Some(NoiseSpectrum::White) {
        let name = options.method.name();
        notes.push(format!(
            "{name} with white noise takes the image for zero outside its frame, an approximation for data that are not periodic"
        ));
    }
    for (plan, note) in plans.iter().flat_map(|plan| plan.notes.iter().map(move |note| (plan, note))) {
        let text = format!("{}: {note}", plan.label.name);
        // A cube would say the same a thousand times.
        if !notes.iter().any(|known| known.ends_with(note.as_str())) {
            notes.push(text);
        }
    }
    notes
}

/// The unit of the dirty image; one that says nothing is taken for Jy/beam.
pub fn unit(inputs: &Inputs) -> &str {
    let unit = inputs.dirty.unit();
    if unit.is_empty() { "Jy/beam" } else { unit }
}

/// What the user should know after the run: planes that went wrong, and the level that the PSF allowed them.
pub fn end_notes(options: &Options, inputs: &Inputs, plans: &[PlanePlan], results: &[PlaneResult]) -> Vec<String> {
    let unit = unit(inputs);
    let note = |(plan, result): (&PlanePlan, &PlaneResult)| {
        let Progress { pixels, peak, rms, first_peak, .. } = result.progress;
        if plan.masks.is_some() && pixels == 0 {
            return Some(format!(
                "{}: nothing to clean: no pixel is inside the mask, or those that are there are blank",
                plan.label.name
            ));
        }
        if result.joined.is_some() && pixels == 0 {
            return Some(format!(
                "{}: nothing to clean: each pixel is blank in one of the planes that are joined at least",
                plan.label.name
            ));
        }
        if let Some(filter) = &result.progress.filter {
            return filter_note(plan, filter, unit);
        }
        let wrong = matches!(result.reason, StopReason::Diverged | StopReason::Stalled);
        if !wrong || options.method == Method::RichardsonLucy {
            return None;
        }
        let sidelobes = plan.missing_sidelobes.map(|part| {
            let level = part * first_peak;
            format!("; sidelobes of the brightest source that the PSF does not hold are about {level:.2e} {unit}")
        });
        Some(format!(
            "{}: {}; the best state is kept, with a peak of {peak:.4e} {unit} and an rms of {rms:.4e}: deeper than that \
             this PSF does not allow{}",
            plan.label.name,
            result.reason,
            sidelobes.unwrap_or_default()
        ))
    };
    let own = plans.iter().zip(results).flat_map(|(plan, result)| {
        result.notes.iter().map(|note| format!("{}: {note}", plan.label.name)).collect::<Vec<_>>()
    });
    plans.iter().zip(results).filter_map(note).chain(own).collect()
}

/// The transfer function of a PSF may be so far below zero, as a part of its largest, by rounding and gridding alone.
const ROUNDING: f64 = 5e-3;

/// What a filter took for noise and sky, and what the PSF lacks.
fn filter_note(plan: &PlanePlan, filter: &FilterFacts, unit: &str) -> Option<String> {
    let is_natural = filter.spectrum == NoiseSpectrum::Natural;
    let FilterFacts { balance, noise, sky, delta, negative, .. } = *filter;
    let known = noise
        .zip(sky)
        .map(|(noise, sky)| format!("; noise {noise:.3e} {unit}, sky {sky:.3e} a pixel (rms, where the PSF measures)"));
    let lacking = (negative > ROUNDING && is_natural).then(|| {
        format!(
            "; the PSF lacks sidelobes: its transfer function is negative, down to {:.1} % of its largest, so that no sky has such \
             a dirty image. What is negative is left out",
            100.0 * negative
        )
    });
    let edges = delta.map(|delta| format!("; differences above {delta:.3e} a pixel are edges"));
    let text = [known, edges, lacking].map(Option::unwrap_or_default).concat();
    (!text.is_empty()).then(|| format!("{}: balance {balance:.3e}{text}", plan.label.name))
}
