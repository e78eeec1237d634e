//! What the products' headers say of the run that made them.

use super::{Options, PlaneSummary, Summary, mask};
use crate::algorithm::{FilterFacts, Method, Parameters};

/// Lines of HISTORY beside one a plane.
pub const HISTORY_LINES: usize = 8;

/// What the line of HISTORY begins with that says which planes alone were worked on.
pub const PLANES: &str = "deconv planes ";

/// What the line of a plane begins with.
pub const PLANE: &str = "deconv plane ";

/// What HISTORY says of a run.
pub fn history(options: &Options, summary: &Summary) -> Vec<String> {
    let name = |path: &std::path::Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let from = options.model.as_deref().map_or(String::new(), |model| format!(", from the model {}", name(model)));
    let mut lines = vec![
        format!("deconv {} of {} with PSF {}{from}", summary.version, name(&options.dirty), name(&options.psf)),
        format!(
            "deconv method={} {}",
            summary.method,
            if options.method.is_clean() { clean(options) } else { filter(options) }
        ),
        format!(
            "deconv grid: chunk {}x{} overlap {}, instruction set {}",
            summary.chunk[0], summary.chunk[1], summary.overlap, summary.instruction_set
        ),
    ];
    lines.extend(options.planes.map(|(first, last)| format!("{PLANES}{first}-{last} of the dirty image")));
    let joined = "deconv join-polarizations: Stokes planes of a channel cleaned as one";
    lines.extend(options.join_polarizations.then(|| joined.to_string()));
    lines.extend(mask::history(options));
    lines.extend(summary.planes.iter().zip(&summary.padded).map(|(plane, padded)| {
        format!(
            "{PLANE}{}: padded {}x{}, {} iterations, {} refreshes{}, stopped: {}{}{}{}",
            plane.name,
            padded[0],
            padded[1],
            plane.iterations,
            plane.refreshes,
            if plane.careful { ", careful" } else { "" },
            plane.stop_reason,
            scales(plane),
            plane.filter.map_or(String::new(), |filter| found(&filter)),
            plane.device.as_ref().map_or(String::new(), |device| format!(", on {}", in_ascii(device)))
        )
    }));
    lines
}

/// What a header can hold of a name.
fn in_ascii(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect()
}

fn clean(options: &Options) -> String {
    let Parameters { niter, gain, threshold, nsigma, .. } = options.parameters;
    format!("niter={niter} gain={gain} threshold={threshold} nsigma={nsigma}{}", bias(options))
}

/// What a filter was asked for.
fn filter(options: &Options) -> String {
    if options.method == Method::RichardsonLucy {
        return format!("iterations={}", options.method.most_iterations(&options.parameters));
    }
    let Parameters { balance, boundary, noise_spectrum, regularization, delta, .. } = options.parameters;
    let spectrum = noise_spectrum.map_or(String::new(), |noise| format!(" noise-spectrum={}", noise.name()));
    let regularization = regularization.map_or(String::new(), |r| format!(" regularization={}", r.name()));
    let delta = delta.map_or(String::new(), |delta| format!(" delta={delta}"));
    format!("balance={balance} boundary={}{spectrum}{regularization}{delta}", boundary.name())
}

/// What a filter took for what it was not told.
fn found(filter: &FilterFacts) -> String {
    let delta = filter.delta.map_or(String::new(), |delta| format!(", delta {delta:e}"));
    format!(", balance {:e}{delta}", filter.balance)
}

fn bias(options: &Options) -> String {
    let bias = options.parameters.scale_bias;
    if options.method == Method::Multiscale { format!(" scale-bias={bias}") } else { String::new() }
}

fn scales(plane: &PlaneSummary) -> String {
    let pixels = plane.scales.iter().flatten().map(f64::to_string).collect::<Vec<_>>().join(",");
    if pixels.is_empty() { pixels } else { format!(", scales {pixels}") }
}
