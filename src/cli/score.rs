//! `deconv score`: how near products come to a sky that is known, as a table or as JSON.

use super::program::ScoreArguments;
use super::run::tell;
use super::table::{Short, columns};
use crate::error::{Error, Kind};
use crate::job::{self, Score, Scored};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Scores what is asked for and tells of it. Returns the errors of what cannot be scored.
pub fn score(arguments: &ScoreArguments, cancel: &Arc<AtomicBool>) -> Vec<Error> {
    let mut failures = Vec::new();
    let mut objects = Vec::new();
    let mut found = Vec::new();
    for (name, scored) in wanted(arguments) {
        match job::score(&arguments.truth, &scored, cancel) {
            Ok(score) => {
                objects.push(named(&name, json!(score)));
                found.push((name, score));
            }
            Err(error) => {
                let stop = error.kind == Kind::Interrupted;
                objects.push(named(&name, json!({"error": error.message, "remedy": error.remedy})));
                failures.push(error);
                if stop {
                    break;
                }
            }
        }
    }
    if arguments.json {
        tell(format!("{:#}\n", Value::from(objects)).as_bytes());
    } else if !found.is_empty() {
        tell(table(&found).as_bytes());
    }
    failures
}

/// What is to be scored, each with the name under which it is told.
fn wanted(arguments: &ScoreArguments) -> Vec<(String, Scored)> {
    if let (Some(model), Some(residual)) = (&arguments.model, &arguments.residual) {
        let (model, residual, image) = (model.clone(), residual.clone(), arguments.image.clone());
        return vec![(model.display().to_string(), Scored { model, residual, image })];
    }
    arguments.prefixes.iter().map(|prefix| (prefix.display().to_string(), Scored::of_prefix(prefix))).collect()
}

fn named(name: &str, mut object: Value) -> Value {
    object["products"] = name.into();
    object
}

/// A column of figures for every run.
fn table(found: &[(String, Score)]) -> String {
    let lists: Vec<Vec<Figure>> = found.iter().map(|(_, score)| figures(score)).collect();
    let mut rows = vec![std::iter::once(String::new()).chain(found.iter().map(|(name, _)| name.clone())).collect()];
    for (i, (what, unit, _)) in lists[0].iter().enumerate() {
        let what = if unit.is_empty() { (*what).to_string() } else { format!("{what}, {unit}") };
        rows.push(std::iter::once(what).chain(lists.iter().map(|list| list[i].2.clone())).collect());
    }
    columns(&rows)
}

/// The figures of a run for the end of its table, a line each.
pub fn lines(score: &Score) -> String {
    let line = |(what, unit, value): Figure| format!("{what}: {value} {unit}").trim_end().to_string() + "\n";
    figures(score).into_iter().map(line).collect()
}

/// A figure's name, its unit and its value.
type Figure = (&'static str, &'static str, String);

fn figures(score: &Score) -> Vec<Figure> {
    let number = |number: f64| Short(number).to_string();
    let percent = |share: Option<f64>| share.map_or("-".into(), |share| format!("{:.3}", 100.0 * share));
    let beam = "Jy/beam";
    vec![
        ("residual peak", beam, number(score.res_peak)),
        ("residual rms", beam, number(score.res_rms)),
        ("fidelity rms", beam, number(score.fid_rms)),
        ("fidelity rms without the edges", beam, number(score.fid_rms_inner)),
        ("largest error", beam, number(score.fid_max)),
        ("error of the model, rms", beam, number(score.fid_model_rms)),
        ("error beyond the noise, rms", beam, number(score.beyond_noise_rms)),
        ("model flux", "Jy", number(score.model_flux)),
        ("true flux", "Jy", number(score.true_flux)),
        ("flux recovered", "%", percent(score.flux_recovered)),
        ("negative flux", "Jy", number(score.negative_flux)),
        ("negative flux", "%", percent(score.negative_share)),
        ("model pixels not zero", "", score.model_nonzero.to_string()),
        ("restored peak", beam, number(score.restored_peak)),
        ("dynamic range", "", score.dynamic_range.map_or("-".into(), number)),
        ("blank pixels left out", "", score.blank.to_string()),
    ]
}
