//! `deconv info`: what was found out about files, as text or as JSON.

use super::program::InfoArguments;
use super::run::tell;
use super::table::{Short, columns};
use crate::algorithm::PATCH;
use crate::error::{Error, Kind};
use crate::job::{self, BeamSummary, FileInfo, PlaneInfo, PsfInfo, Transfer};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Planes that are shown unless all are asked for.
const MOST_PLANES: usize = 20;

/// Looks at every file and tells of it. Returns the errors of those that cannot be used.
pub fn info(arguments: &InfoArguments, cancel: &Arc<AtomicBool>) -> Vec<Error> {
    let mut failures = Vec::new();
    let mut objects = Vec::new();
    for path in &arguments.files {
        match job::info(path, cancel) {
            Ok(found) if arguments.json => objects.push(json!(found)),
            Ok(found) => tell(text(&found, arguments.verbose).as_bytes()),
            Err(error) => {
                let stop = error.kind == Kind::Interrupted;
                objects
                    .push(json!({"file": path.display().to_string(), "error": error.message, "remedy": error.remedy}));
                failures.push(error);
                if stop {
                    return failures;
                }
            }
        }
    }
    if arguments.json {
        tell(format!("{:#}\n", serde_json::Value::from(objects)).as_bytes());
    }
    failures
}

fn text(info: &FileInfo, verbose: bool) -> String {
    let mut text = format!("{}\n", info.file);
    let single = info.planes.first().filter(|_| info.planes.len() == 1);
    let psf = single.and_then(|plane| plane.psf.as_ref().map(|psf| psf_facts(plane, psf)));
    for (name, value) in facts(info).into_iter().chain(psf.unwrap_or_default()) {
        text.push_str(&format!("  {name:<10}{value}\n"));
    }
    text.push_str(&indented(&plane_table(info), verbose));
    if single.is_none() && info.planes.iter().any(|plane| plane.psf.is_some()) {
        text.push_str("  as PSFs:\n");
        text.push_str(&indented(&psf_table(info), verbose));
    }
    if let Some(sentences) = worst_transfer(info).map(meaning) {
        text.push_str(&wrapped(&sentences));
    }
    info.notes.iter().for_each(|note| text.push_str(&format!("  note: {note}\n")));
    text
}

fn facts(info: &FileInfo) -> Vec<(&'static str, String)> {
    let or_none = |text: &str| if text.is_empty() { "none".to_string() } else { text.to_string() };
    let axes = info.axes.iter().enumerate().map(|(i, axis)| {
        let name = if axis.name.is_empty() { format!("axis {}", i + 1) } else { axis.name.clone() };
        let counts = axis.counts.map(|counts| format!(" ({counts})")).unwrap_or_default();
        format!("{name} {}{counts}", axis.length)
    });
    let planes = match info.planes.len() {
        1 => "1 plane".to_string(),
        n => format!("{n} planes"),
    };
    let place = match (info.compressed, info.in_extension) {
        (true, _) => ", compressed",
        (false, true) => ", in an extension",
        (false, false) => "",
    };
    let cell = info.cell.map_or("not known: widths are in pixels".into(), |cell| {
        format!("{} x {} arcsec", Short(cell.x), Short(cell.y))
    });
    vec![
        ("object", or_none(&info.object)),
        ("axes", axes.collect::<Vec<_>>().join(", ")),
        ("size", format!("{} rows x {} columns, {planes}{place}", info.shape[0], info.shape[1])),
        ("cell", cell),
        ("unit", or_none(&info.unit)),
        ("beam", beams(info)),
        ("PSF", if info.is_psf { "yes" } else { "no" }.into()),
    ]
}

/// The beam that header or table give, or how far those of the planes spread.
fn beams(info: &FileInfo) -> String {
    let known: Vec<&BeamSummary> = info.planes.iter().filter_map(|plane| plane.beam.as_ref()).collect();
    let Some(first) = known.first() else { return "none in the file".into() };
    if known.iter().all(|beam| beam == first) {
        return format!("{} ({})", beam(first), first.source);
    }
    let range = |of: fn(&BeamSummary) -> f64| {
        let (low, high) = known
            .iter()
            .map(|beam| of(beam))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), width| (low.min(width), high.max(width)));
        format!("{:.3} to {:.3}", low, high)
    };
    format!(
        "a beam for each of {} planes, {} x {} {} ({})",
        known.len(),
        range(|beam| beam.major),
        range(|beam| beam.minor),
        first.unit,
        first.source
    )
}

fn beam(beam: &BeamSummary) -> String {
    format!("{:.3} x {:.3} {}, PA {:.1} deg", beam.major, beam.minor, beam.unit, beam.pa)
}

fn plane_table(info: &FileInfo) -> Vec<Vec<String>> {
    let head = ["plane", "blank", "minimum", "maximum", "peak", "row", "column", "sigma"];
    let number = |number: Option<f64>| number.map_or("-".into(), |number| Short(number).to_string());
    let place = |plane: &PlaneInfo, i: usize| plane.peak_at.map_or("-".into(), |at| at[i].to_string());
    let row = |plane: &PlaneInfo| {
        vec![
            plane.name.clone(),
            plane.blank.to_string(),
            number(plane.minimum),
            number(plane.maximum),
            number(plane.peak),
            place(plane, 0),
            place(plane, 1),
            number(plane.sigma),
        ]
    };
    std::iter::once(head.map(String::from).to_vec()).chain(info.planes.iter().map(row)).collect()
}

/// What is to be said of the only plane of a PSF.
fn psf_facts(plane: &PlaneInfo, psf: &PsfInfo) -> Vec<(&'static str, String)> {
    let [y, x] = plane.peak_at.unwrap_or_default();
    let centre = if psf.centred { "the centre pixel" } else { "not the centre pixel" };
    let [[down, up], [left, right]] = [psf.reach_rows, psf.reach_columns];
    let lobe = psf.fitted.as_ref().map_or("is not like a Gaussian: give --beam".into(), beam);
    let at = psf.sidelobe_at.map(|[y, x]| format!(" at row {y}, column {x}")).unwrap_or_default();
    let value = |value: Option<f64>| value.map_or("none".into(), |value| Short(value).to_string());
    vec![
        ("peak", format!("{} at row {y}, column {x}, {centre}", Short(plane.peak.unwrap_or_default()))),
        ("reach", format!("{down} rows down and {up} up, {left} columns left and {right} right of the peak")),
        ("main lobe", lobe),
        ("sidelobes", format!("worst {}{at}", value(psf.sidelobe))),
        ("patch", format!("worst {} further than {PATCH} rows or columns from the peak", value(psf.outside_patch))),
        ("transfer", format!("minimum / maximum {}", psf.transfer.iter().map(transfer).collect::<Vec<_>>().join(", "))),
    ]
}

fn transfer(transfer: &Transfer) -> String {
    let [rows, cols] = transfer.image;
    format!("{} for an image of {rows} x {cols}", percent(transfer))
}

/// The smallest as a part of the largest.
fn percent(transfer: &Transfer) -> String {
    // Without the sign of what rounds to 0.
    let percent = (1e5 * transfer.ratio).round() / 1e3 + 0.0;
    format!("{percent:.3} %")
}

fn psf_table(info: &FileInfo) -> Vec<Vec<String>> {
    let head = ["plane", "centred", "main lobe", "sidelobe", "outside patch", "min / max", "for half the size"];
    let mut rows = vec![head.map(String::from).to_vec()];
    for plane in &info.planes {
        let Some(psf) = &plane.psf else { continue };
        let value = |value: Option<f64>| value.map_or("-".into(), |value| Short(value).to_string());
        let ratio = |i: usize| psf.transfer.get(i).map_or("-".into(), percent);
        rows.push(vec![
            plane.name.clone(),
            if psf.centred { "yes" } else { "no" }.into(),
            psf.fitted.as_ref().map_or("-".into(), beam),
            value(psf.sidelobe),
            value(psf.outside_patch),
            ratio(0),
            ratio(1),
        ]);
    }
    rows
}

/// The lines of a table, no more than [`MOST_PLANES`] planes unless all are asked for.
fn indented(rows: &[Vec<String>], all: bool) -> String {
    let shown = if all { rows.len() } else { rows.len().min(1 + MOST_PLANES) };
    let mut text: String = columns(&rows[..shown]).lines().map(|line| format!("    {line}\n")).collect();
    if shown < rows.len() {
        text.push_str(&format!("    and {} planes more, which -v shows\n", rows.len() - shown));
    }
    text
}

/// A text in lines of at most 100 characters.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::from(" ");
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > 100 {
            lines.push_str(&line);
            lines.push('\n');
            line = String::from(" ");
        }
        line.push(' ');
        line.push_str(word);
    }
    lines + &line + "\n"
}

/// The transfer functions of the plane whose own is the most negative.
fn worst_transfer(info: &FileInfo) -> Option<&[Transfer]> {
    let known = info.planes.iter().filter_map(|plane| plane.psf.as_ref()).map(|psf| psf.transfer.as_slice());
    known.filter(|known| !known.is_empty()).min_by(|a, b| a[0].ratio.total_cmp(&b[0].ratio))
}

/// What a transfer function means for CLEAN.
fn meaning(transfer: &[Transfer]) -> String {
    let [own, others @ ..] = transfer else { return String::new() };
    let [rows, cols] = own.image;
    if own.not_negative {
        return format!(
            "The transfer function is not negative: CLEAN of an image of {rows} x {cols} or less converges with any gain \
             up to 1."
        );
    }
    let mut text = format!(
        "The transfer function is negative at some frequencies, down to {} of its maximum, as that of a PSF that is cut \
         off: what an image of {rows} x {cols} holds there grows with every CLEAN cycle instead of shrinking. CLEAN \
         works down to a level, and diverges below it; the nearer to 0, the deeper it gets.",
        percent(own)
    );
    for other in others {
        let [rows, cols] = other.image;
        text.push_str(&match other.not_negative {
            true => format!(" For an image of {rows} x {cols} or less it is not negative: CLEAN converges."),
            false => format!(" For an image of {rows} x {cols} it is {}.", percent(other)),
        });
    }
    text + " Stop with --nsigma or --threshold, or make a PSF of twice the image's size."
}
