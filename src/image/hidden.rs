//! A file that has its name only once it is whole.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file under a temporary name beside its final one. It is removed on drop unless published.
#[derive(Debug)]
pub struct Hidden {
    path: PathBuf,
    temporary: Arc<Path>,
    published: bool,
    file: File,
}

impl Hidden {
    /// An empty file that will have the name `path`.
    ///
    /// # Errors
    /// Of kind `Output`, if the directory is missing or cannot be written.
    pub fn create(path: &Path) -> Result<Hidden> {
        let temporary = temporary_name(path)?;
        let file = File::create(&temporary).map_err(|error| {
            Error::output(path, format!("cannot be written: {error}")).remedy("name a directory that you may write to")
        })?;
        Ok(Hidden { path: path.into(), temporary: temporary.into(), published: false, file })
    }

    /// The final name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name that it has now.
    pub fn temporary(&self) -> &Arc<Path> {
        &self.temporary
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its final name. A file that has the name already is only replaced if `overwrite` says so.
    ///
    /// # Errors
    /// Of kind `Output`, if the name is taken or cannot be given.
    pub fn publish(mut self, overwrite: bool) -> Result<()> {
        if overwrite {
            std::fs::rename(&self.temporary, &self.path).map_err(|error| self.failed(&error))?;
            self.published = true;
            return Ok(());
        }
        // A link, other than a rename, never replaces a file; the temporary name goes when `self` is dropped.
        match std::fs::hard_link(&self.temporary, &self.path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists || self.path.exists() => {
                Err(Error::output(&self.path, "exists already")
                    .remedy("choose another name or allow it to be overwritten"))
            }
            // Some file systems know no links.
            Err(_) => self.publish(true),
        }
    }

    /// The error of a file that cannot be written.
    pub fn failed(&self, error: &std::io::Error) -> Error {
        Error::output(&self.path, format!("cannot be written: {error}"))
            .remedy("check the directory and the space left on the disk")
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if !self.published {
            // There is nobody left to tell if it fails.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// A hidden name in the same directory, so that the final name is given by a rename.
fn temporary_name(path: &Path) -> Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(Error::output(path, "is not a file name").remedy("name a file to write"));
    };
    if path.is_dir() {
        return Err(Error::output(path, "is a directory").remedy("name a file to write"));
    }
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !directory.is_dir() {
        let message = format!("the directory {} does not exist", directory.display());
        return Err(Error::output(path, message).remedy("create it or write elsewhere"));
    }
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.part", std::process::id()));
    Ok(directory.join(hidden))
}
