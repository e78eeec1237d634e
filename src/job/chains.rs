//! The figures of the chains of a sampler.

use super::figures::{described, title, write};
use super::plan::PlanePlan;
use super::summary::Summary;
use crate::algorithm::{Chain, Estimate, Strengths};
use crate::error::{Error, Result};
use crate::figure::number::{decimal, prefix};
use crate::figure::{Trace, Traces, draw_chains};
use crate::image::{Hidden, Image};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// Planes in a figure.
pub const PLANES: usize = 4;

/// A chain in a summary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChainSummary {
    /// Standard deviation of the noise, in the unit of the dirty image.
    pub noise: Estimate,
    /// Standard deviation of the sky where the prior's R is 1, in the unit of the dirty image per pixel.
    pub sky: Estimate,
    /// λ.
    pub balance: Estimate,
    /// Draws at the begin that do not count, and then all of them: noise and sky.
    pub chain: Chain,
}

impl ChainSummary {
    /// Of the draws of a plane.
    pub fn new(chain: &Chain) -> ChainSummary {
        ChainSummary {
            noise: chain.estimate(|draw| draw.sigma),
            sky: chain.estimate(|draw| draw.tau),
            balance: chain.estimate(Strengths::balance),
            chain: chain.clone(),
        }
    }

    fn traces(&self, name: String, caption: String, unit: &str) -> Traces {
        let trace = |name: &str, unit: &str, estimate: &Estimate, of: fn(&Strengths) -> f64| {
            let (scale, unit) = prefix(estimate.mean, unit);
            let size = |value: f64| decimal(scale * value, 3);
            let in_unit = if unit.is_empty() { name.to_string() } else { format!("{name} ({unit})") };
            Trace {
                name: in_unit,
                remark: format!(
                    "{} \u{b1} {}, {:.0} independent draws",
                    size(estimate.mean),
                    size(estimate.std),
                    estimate.effective
                ),
                values: self.chain.draws.iter().map(|draw| scale * of(draw)).collect(),
                mean: scale * estimate.mean,
            }
        };
        let per_pixel = format!("{}/pixel", unit.trim_end_matches("/beam"));
        let traces = vec![
            trace("Noise", unit, &self.noise, |draw| draw.sigma),
            trace("Sky", &per_pixel, &self.sky, |draw| draw.tau),
            trace("Balance", "", &self.balance, Strengths::balance),
        ];
        Traces { name, caption, burn_in: self.chain.burn_in, traces }
    }
}

/// Draws the chains of all planes that have any, [`PLANES`] of them a figure, under temporary names yet.
///
/// # Errors
/// Of kind `Output`, if a figure cannot be written; `Interrupted`.
pub fn draw(
    paths: &[PathBuf],
    dirty: &Image,
    plans: &[PlanePlan],
    summary: &Summary,
    cancel: &AtomicBool,
) -> Result<Vec<Hidden>> {
    let planes = plans.iter().zip(&summary.planes).filter_map(|(plan, plane)| {
        let chain = plane.chain.as_ref()?;
        let caption = format!(
            "{}, {} draws, of which the first {} do not count.",
            summary.method,
            chain.chain.draws.len(),
            chain.chain.burn_in
        );
        let name = if plans.len() == 1 { String::new() } else { described(plan) };
        Some(chain.traces(name, caption, &summary.unit))
    });
    let planes: Vec<Traces> = planes.collect();
    let sheet = |(path, planes): (&PathBuf, &[Traces])| {
        if cancel.load(Ordering::Relaxed) {
            return Err(Error::interrupted());
        }
        write(path, &draw_chains(&title(dirty, plans), planes).canvas.png()?)
    };
    paths.iter().zip(planes.chunks(PLANES)).map(sheet).collect()
}
