//! The runs that a submission is made of, before they are written down.

use super::pattern::{BRACES, expand, is_pattern};
use super::table;
use crate::error::{Error, Result};
use crate::image::file::path_of;
use crate::job::Options;
use std::path::{Path, PathBuf};

/// An option of a run, as the command line knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionKind {
    /// Its name without dashes.
    pub name: String,
    /// Does it take a value?
    pub takes_value: bool,
    /// Is the value the name of a file?
    pub is_file: bool,
    /// Is it the same for all elements, and written by the script itself?
    pub of_job: bool,
}

/// The options of a run, and how they are read.
#[derive(Debug)]
pub struct Language {
    /// All of them.
    pub kinds: Vec<OptionKind>,
    /// The run that words ask for.
    pub read: fn(&[String]) -> Result<Options>,
}

impl Language {
    /// The option of this name.
    pub fn kind(&self, name: &str) -> Option<&OptionKind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }
}

/// An option that is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name without dashes.
    pub option: String,
    /// Its value, if it takes one.
    pub value: Option<String>,
    /// Is the value the name of a file?
    pub is_file: bool,
}

impl Setting {
    /// An option with its value.
    pub fn new(option: &str, value: Option<String>, is_file: bool) -> Setting {
        Setting { option: option.into(), value, is_file }
    }

    /// The word that says so. A value is in the same word, as it may begin with a dash.
    pub fn word(&self) -> String {
        match &self.value {
            None => format!("--{}", self.option),
            Some(value) => format!("--{}={value}", self.option),
        }
    }
}

/// A run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Where it comes from, for messages.
    pub origin: String,
    /// What stands for [`BRACES`] in names of files.
    pub name: String,
    /// Its options.
    pub settings: Vec<Setting>,
}

/// The runs that are asked for: those of a table, those of the files that the dirty image's pattern matches, or one. The
/// settings of the command line hold for all, unless the table says otherwise.
///
/// # Errors
/// Of kind `Input`, if pattern or table cannot be used.
pub fn runs(common: &[Setting], listed: Option<&Path>, language: &Language) -> Result<Vec<Run>> {
    if let Some(path) = listed {
        let rows = table::read(path, language)?;
        return Ok(rows.into_iter().map(|(line, own)| of_row(common, path, line, own)).collect());
    }
    let dirty = value(common, "dirty").unwrap_or_default();
    if !is_pattern(dirty) {
        return Ok(vec![Run { origin: dirty.into(), name: stem(dirty), settings: common.to_vec() }]);
    }
    let files = expand(dirty)?;
    let run = |file: super::pattern::Matched| {
        let dirty = [Setting::new("dirty", Some(file.path.clone()), true)];
        Run { origin: file.path, settings: filled(merged(common, &dirty), &file.name), name: file.name }
    };
    Ok(files.into_iter().map(run).collect())
}

fn of_row(common: &[Setting], table: &Path, line: u64, own: Vec<Setting>) -> Run {
    let dirty = value(&own, "dirty").unwrap_or_default();
    let (origin, name) = (format!("{dirty} (line {line} of {})", table.display()), stem(dirty));
    Run { origin, settings: filled(merged(common, &own), &name), name }
}

/// The value that settings give an option.
pub fn value<'a>(settings: &'a [Setting], option: &str) -> Option<&'a str> {
    settings.iter().find(|setting| setting.option == option).and_then(|setting| setting.value.as_deref())
}

/// Settings, with others that go before them.
fn merged(common: &[Setting], own: &[Setting]) -> Vec<Setting> {
    let kept = common.iter().filter(|setting| !own.iter().any(|one| one.option == setting.option));
    own.iter().chain(kept).cloned().collect()
}

/// Settings with a name for the braces in names of files. A dirty image has none.
fn filled(mut settings: Vec<Setting>, name: &str) -> Vec<Setting> {
    for setting in settings.iter_mut().filter(|setting| setting.is_file && setting.option != "dirty") {
        setting.value = setting.value.take().map(|value| value.replace(BRACES, name));
    }
    settings
}

/// The name of a file without directory and ending.
fn stem(file: &str) -> String {
    let path = path_of(Path::new(file));
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The same name from the root of the file system; a slash at its end stays.
///
/// # Errors
/// Of kind `Input`, if it cannot be told, or if it is not UTF-8.
pub fn absolute(name: &str) -> Result<String> {
    let path = std::path::absolute(name).map_err(|error| Error::input(Path::new(name), format!("no name: {error}")))?;
    utf8(&path).map(String::from)
}

/// A path as text.
///
/// # Errors
/// Of kind `Input`, if it is not UTF-8.
pub fn utf8(path: &Path) -> Result<&str> {
    let wrong = || Error::input(path, "is not UTF-8: it cannot be written down").remedy("give it another name");
    path.to_str().ok_or_else(wrong)
}

/// A directory made absolute, as text and as path.
///
/// # Errors
/// Those of [`absolute`].
pub fn absolute_path(path: &Path) -> Result<PathBuf> {
    absolute(utf8(path)?).map(PathBuf::from)
}
