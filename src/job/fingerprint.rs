//! What a checkpoint is of: all that decides the bits of a job.

use super::Options;
use super::plan::{Inputs, PlanePlan};
use crate::algorithm::Parameters;
use crate::array::Grid;
use crate::error::{Error, Result};
use crate::graph::instruction_set;
use crate::image::file::path_of;
use crate::kernel::Signs;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Facts about a job, each a name and a value. Jobs with the same ones make the same products.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint(Vec<(String, String)>);

impl Fingerprint {
    /// Of a job whose planes are cut like that. The inputs are only looked at by their names yet.
    pub fn new(options: &Options, prefix: &Path, inputs: &Inputs, plans: &[PlanePlan], grids: &[Grid]) -> Fingerprint {
        let Parameters { niter, gain, threshold, nsigma, chunk, overlap, .. } = options.parameters;
        let Parameters { scales, scale_bias, signs, auto_mask, local_rms, .. } = options.parameters;
        let or_none = |number: Option<f64>| number.map_or_else(|| "none".to_string(), |number| number.to_string());
        let own = || "chosen by the method".to_string();
        let mut facts = vec![
            ("--dirty", options.dirty.display().to_string()),
            ("--psf", options.psf.display().to_string()),
            ("--model", options.model.as_ref().map_or("that is empty".into(), |model| model.display().to_string())),
            (
                "--components",
                options.components.as_ref().map_or("that are not listed".into(), |path| path.display().to_string()),
            ),
            ("--planes", options.planes.map_or_else(|| "of all".into(), |(first, last)| format!("{first}-{last}"))),
            ("--output", prefix.display().to_string()),
            ("--method", options.method.name().into()),
            ("--niter", niter.to_string()),
            ("--gain", gain.to_string()),
            ("--threshold", threshold.to_string()),
            ("--nsigma", nsigma.to_string()),
            ("--chunk", chunk.map_or_else(own, |(rows, cols)| format!("{rows}x{cols}"))),
            ("--overlap", overlap.map_or_else(own, |pixels| pixels.to_string())),
            ("--scales", scales.map_or_else(own, |scales| scales.to_string())),
            ("--scale-bias", scale_bias.to_string()),
            ("--beam", options.beam.map_or_else(own, |beam| format!("{},{},{} deg", beam.major, beam.minor, beam.pa))),
            ("--join-polarizations:", if options.join_polarizations { "yes" } else { "no" }.into()),
            ("--border", options.border.to_string()),
            ("--auto-mask", or_none(auto_mask)),
            ("--local-rms", or_none(local_rms)),
            ("signs of components:", signs_text(signs).into()),
            ("deconv", env!("CARGO_PKG_VERSION").into()),
            ("a machine with", instruction_set().into()),
            ("as many planes as", inputs.dirty.planes().to_string()),
        ];
        facts.extend(filter_facts(&options.parameters));
        facts.extend(options.files()[2..].iter().map(|(what, file)| (*what, file.display().to_string())));
        for (plan, grid) in plans.iter().zip(grids) {
            let (beam, frame) = (&plan.beam, &plan.padding);
            let (rows, cols) = grid.chunk;
            facts.extend([
                ("chunks of", format!("{rows}x{cols} pixels with a halo of {} in {}", grid.halo, plan.label.name)),
                ("a padded frame of", format!("{}x{} pixels in {}", frame.rows, frame.cols, plan.label.name)),
                ("a beam of", format!("{},{},{} deg in {}", beam.major, beam.minor, beam.pa, plan.label.name)),
            ]);
        }
        Fingerprint(facts.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
    }

    /// The same with the sizes and the contents of the inputs, which are read from begin to end.
    ///
    /// # Errors
    /// Of kind `Input`, if one cannot be read.
    pub fn with_contents(mut self, options: &Options) -> Result<Fingerprint> {
        for (what, file) in options.files() {
            let (bytes, sum) = contents(file)?;
            self.0.push((format!("{what} of"), format!("{bytes} bytes")));
            self.0.push((format!("{what} with"), format!("the CRC-32 {sum:08x}")));
        }
        Ok(self)
    }

    /// The chunk that was asked for, or that was fastest where that was; none: the method's own.
    pub fn chunk(&self) -> Option<(usize, usize)> {
        let (_, chunk) = self.0.iter().find(|(name, _)| name == "--chunk")?;
        let (rows, cols) = chunk.split_once('x')?;
        Some((rows.parse().ok()?, cols.parse().ok()?))
    }

    /// The first fact that is another one in a second fingerprint: this one's, the other's.
    pub fn difference(&self, other: &Fingerprint) -> Option<(String, String)> {
        let said =
            |fact: Option<&(String, String)>| fact.map_or("less".into(), |(name, value)| format!("{name} {value}"));
        let facts = 0..self.0.len().max(other.0.len());
        let mut both = facts.map(|i| (self.0.get(i), other.0.get(i)));
        both.find(|(ours, theirs)| ours != theirs).map(|(ours, theirs)| (said(ours), said(theirs)))
    }
}

/// Length and CRC-32 of the file behind the name of an input.
fn contents(name: &Path) -> Result<(u64, u32)> {
    let failed = |error: std::io::Error| Error::input(name, format!("cannot be read: {error}")).because(&error);
    let mut file = File::open(path_of(name)).map_err(failed)?;
    let mut hasher = crc32fast::Hasher::new();
    let (mut bytes, mut buffer) = (0, vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok((bytes, hasher.finalize())),
            count => {
                hasher.update(&buffer[..count]);
                bytes += count as u64;
            }
        }
    }
}

/// What is asked of a filter.
fn filter_facts(parameters: &Parameters) -> [(&'static str, String); 11] {
    let Parameters { balance, noise, noise_spectrum, regularization, delta, boundary, .. } = *parameters;
    let Parameters { iterations, tolerance, .. } = *parameters;
    let own = || "the method's own".to_string();
    [
        ("--balance", balance.to_string()),
        ("--noise", noise.map_or_else(|| "measured".into(), |noise| noise.to_string())),
        ("--noise-spectrum", noise_spectrum.map_or_else(own, |noise| noise.name().into())),
        ("--regularization", regularization.map_or_else(own, |regularization| regularization.name().into())),
        ("--delta", delta.map_or_else(own, |delta| delta.to_string())),
        ("--boundary", boundary.name().into()),
        ("--iterations", iterations.map_or_else(own, |most| most.to_string())),
        ("--tolerance", tolerance.to_string()),
        ("--samples", parameters.samples.map_or_else(own, |draws| draws.to_string())),
        ("--seed", parameters.seed.to_string()),
        ("--model-uncertainty:", if parameters.model_uncertainty { "yes" } else { "no" }.into()),
    ]
}

/// Which signs components may have, in words.
fn signs_text(signs: Signs) -> &'static str {
    match signs {
        Signs::Both => "both",
        Signs::Positive => "--no-negative",
        Signs::UntilNegative => "--stop-on-negative",
    }
}
