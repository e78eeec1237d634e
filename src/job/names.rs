//! Names of files that are to be written: whether they may be, and giving them.

use crate::error::{Error, Result};
use crate::image::Product;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Can files of these names be written beside these inputs? If not, other `options` are to be chosen.
///
/// # Errors
/// Of kind `Output`, if a directory is missing, or if a name is that of a directory, of an input or of another output.
pub fn check_names<'a>(
    outputs: impl Iterator<Item = &'a PathBuf>,
    inputs: impl Iterator<Item = PathBuf>,
    options: &str,
) -> Result<()> {
    let inputs: Vec<_> = inputs.map(|path| path.canonicalize().ok()).collect();
    let wrong = |path: &Path, what: &str| Err(Error::output(path, what).remedy(format!("choose another {options}")));
    let mut taken = Vec::new();
    for path in outputs {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !directory.is_dir() {
            let message = format!("the directory {} does not exist", directory.display());
            return Err(Error::output(path, message).remedy(format!("create it, or choose another {options}")));
        }
        let place = (directory.canonicalize().ok(), path.file_name());
        if taken.contains(&place) {
            return wrong(path, "is the name of a product too");
        }
        taken.push(place);
        if path.is_dir() {
            return wrong(path, "is a directory");
        }
        if path.canonicalize().is_ok_and(|there| inputs.contains(&Some(there))) {
            return wrong(path, "is an input of this run");
        }
    }
    Ok(())
}

/// The directory for scratch: the one that is asked for, or that of a product.
///
/// # Errors
/// Of kind `Output`, if it is not there.
pub fn scratch(asked: Option<&Path>, product: &Path) -> Result<PathBuf> {
    let beside = product.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = asked.or(beside).unwrap_or(Path::new("."));
    match directory.is_dir() {
        true => Ok(directory.to_path_buf()),
        false => Err(Error::output(directory, "is not a directory").remedy("create it, or give another --scratch")),
    }
}

/// Are these names free, or may the files be replaced?
///
/// # Errors
/// Of kind `Output`.
pub fn check_free<'a>(mut outputs: impl Iterator<Item = &'a PathBuf>, overwrite: bool) -> Result<()> {
    // A link to a file that is not there takes the name too.
    match outputs.find(|path| path.symlink_metadata().is_ok()) {
        Some(path) if !overwrite => {
            Err(Error::output(path, "exists already").remedy("give --overwrite, or choose another --output"))
        }
        _ => Ok(()),
    }
}

/// Gives files their names.
///
/// # Errors
/// Of kind `Output`. None has its name then, unless a file was overwritten.
pub fn publish(products: &mut [Product], overwrite: bool) -> Result<()> {
    for i in 0..products.len() {
        if let Err(error) = products[i].publish(overwrite) {
            // Without leave to overwrite, these names were free a moment ago: the files are this run's own.
            for product in products[..i].iter_mut().filter(|_| !overwrite) {
                product.withdraw()?;
            }
            return Err(error);
        }
    }
    Ok(())
}

/// A path whose last part ends with something more.
pub fn with_ending(prefix: &Path, ending: &str) -> PathBuf {
    let mut path = OsString::from(prefix);
    path.push(ending);
    path.into()
}
