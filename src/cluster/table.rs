//! Runs that are listed in a table: a CSV file whose columns are options of a run.

use super::element::{Language, Setting};
use crate::error::{Error, Result};
use csv::{ReaderBuilder, StringRecord, Trim};
use std::path::Path;

/// The settings of each run in the table, with the number of its line.
///
/// # Errors
/// Of kind `Input`, saying what is wrong in which line.
pub fn read(path: &Path, language: &Language) -> Result<Vec<(u64, Vec<Setting>)>> {
    let wrong = |line: u64, what: String| Error::input(path, format!("line {line}: {what}"));
    let failed = |error: csv::Error| match error.kind() {
        csv::ErrorKind::Io(error) => Error::input(path, format!("cannot be read: {error}")).because(error),
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let what = format!("has {len} fields, the header {expected_len}");
            wrong(pos.as_ref().map_or(0, csv::Position::line), what)
        }
        other => wrong(error.position().map_or(0, csv::Position::line), format!("{other:?}")),
    };
    let mut reader = ReaderBuilder::new().trim(Trim::All).comment(Some(b'#')).from_path(path).map_err(failed)?;
    let header = reader.headers().map_err(failed)?.clone();
    let columns = columns(&header, language).map_err(|what| {
        wrong(1, what).remedy("columns have the names of options without the dashes: dirty,psf,output,mask,threshold")
    })?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(failed)?;
        let line = record.position().map_or(0, csv::Position::line);
        let given = columns.iter().zip(record.iter()).filter(|(_, value)| !value.is_empty());
        let settings: Vec<Setting> =
            given.map(|((option, file), value)| Setting::new(option, Some(value.into()), *file)).collect();
        if !settings.iter().any(|setting| setting.option == "dirty") {
            return Err(wrong(line, "names no dirty image".into()));
        }
        rows.push((line, settings));
    }
    if rows.is_empty() {
        return Err(Error::input(path, "lists no runs").remedy("give it a line for each, below the header"));
    }
    Ok(rows)
}

/// The options that the columns are of, and whether each names a file.
fn columns(header: &StringRecord, language: &Language) -> std::result::Result<Vec<(String, bool)>, String> {
    let mut columns: Vec<(String, bool)> = Vec::new();
    for name in header {
        let kind = language.kind(name).filter(|kind| kind.takes_value && !kind.of_job);
        let kind = kind.ok_or_else(|| format!("{name:?} is no column that is known"))?;
        if columns.iter().any(|(known, _)| known == name) {
            return Err(format!("the column {name} is there twice"));
        }
        columns.push((name.into(), kind.is_file));
    }
    match columns.iter().any(|(name, _)| name == "dirty") {
        true => Ok(columns),
        false => Err("there is no column dirty".into()),
    }
}
