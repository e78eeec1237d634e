//! Which run writes and reads which files.

use super::element::Run;
use crate::error::{Error, Result};
use crate::job::Files;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The files that runs read and write, none of which may be written twice.
#[derive(Debug, Default)]
pub struct Taken {
    written: BTreeMap<(PathBuf, OsString), String>,
    read: BTreeMap<PathBuf, String>,
}

impl Taken {
    /// Adds those of a run.
    ///
    /// # Errors
    /// Of kind `Output`, if another run writes one of them, or reads what this one writes.
    pub fn add(&mut self, run: &Run, files: &Files) -> Result<()> {
        let remedy = "give --output (and --summary, --components) with {}, which stands for the name of each input";
        let clash = |path: &Path, what: String| Err(Error::output(path, what).remedy(remedy));
        for path in files.products.iter().chain([&files.checkpoint]) {
            let real = path.parent().and_then(|parent| parent.canonicalize().ok());
            let directory = real.or(path.parent().map(Path::to_path_buf)).unwrap_or_default();
            let place = (directory, path.file_name().unwrap_or_default().to_os_string());
            if let Some(reader) = self.read.get(&place.0.join(&place.1)).filter(|reader| **reader != run.origin) {
                return clash(path, format!("the run of {} would write it, that of {reader} reads it", run.origin));
            }
            if let Some(other) = self.written.insert(place, run.origin.clone()) {
                return clash(path, format!("the runs of {other} and of {} would both write it", run.origin));
            }
        }
        for path in &files.inputs {
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            let place =
                (real.parent().unwrap_or(Path::new("")).to_path_buf(), real.file_name().unwrap_or_default().into());
            if let Some(writer) = self.written.get(&place).filter(|writer| **writer != run.origin) {
                return clash(path, format!("the run of {writer} would write it, that of {} reads it", run.origin));
            }
            self.read.insert(real, run.origin.clone());
        }
        Ok(())
    }
}
