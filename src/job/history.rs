//! What the products' headers say of the run that made them.

use super::{Options, PlaneSummary, Summary, mask};
use crate::algorithm::Method;

/// Lines of HISTORY beside one a plane.
pub const HISTORY_LINES: usize = 8;

/// What HISTORY says of a run.
pub fn history(options: &Options, summary: &Summary) -> Vec<String> {
    let parameters = &options.parameters;
    let name = |path: &std::path::Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let from = options.model.as_deref().map_or(String::new(), |model| format!(", from the model {}", name(model)));
    let mut lines = vec![
        format!("deconv {} of {} with PSF {}{from}", summary.version, name(&options.dirty), name(&options.psf)),
        match options.method {
            Method::Clark | Method::Hogbom | Method::Multiscale => format!(
                "deconv method={} niter={} gain={} threshold={} nsigma={}{}",
                summary.method,
                parameters.niter,
                parameters.gain,
                parameters.threshold,
                parameters.nsigma,
                bias(options)
            ),
            Method::RichardsonLucy => {
                format!("deconv method={} iterations={}", summary.method, options.method.most_iterations(parameters))
            }
            Method::Wiener => format!("deconv method=wiener balance={}", parameters.balance),
        },
        format!(
            "deconv grid: chunk {}x{} overlap {}, instruction set {}",
            summary.chunk[0], summary.chunk[1], summary.overlap, summary.instruction_set
        ),
    ];
    let joined = "deconv join-polarizations: Stokes planes of a channel cleaned as one";
    lines.extend(options.join_polarizations.then(|| joined.to_string()));
    lines.extend(mask::history(options));
    lines.extend(summary.planes.iter().zip(&summary.padded).map(|(plane, padded)| {
        format!(
            "deconv plane {}: padded {}x{}, {} iterations, {} refreshes{}, stopped: {}{}",
            plane.name,
            padded[0],
            padded[1],
            plane.iterations,
            plane.refreshes,
            if plane.careful { ", careful" } else { "" },
            plane.stop_reason,
            scales(plane)
        )
    }));
    lines
}

fn bias(options: &Options) -> String {
    let bias = options.parameters.scale_bias;
    if options.method == Method::Multiscale { format!(" scale-bias={bias}") } else { String::new() }
}

fn scales(plane: &PlaneSummary) -> String {
    let pixels = plane.scales.iter().flatten().map(f64::to_string).collect::<Vec<_>>().join(",");
    if pixels.is_empty() { pixels } else { format!(", scales {pixels}") }
}
