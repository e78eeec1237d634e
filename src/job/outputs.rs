//! The files that a job writes.

use super::Options;
use super::plan::Inputs;
use crate::error::{Error, Result};
use crate::image::file::path_of;
use crate::image::{Beam, Product, ProductKind, checksum};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Names of the products and of the summary, known to be free.
#[derive(Debug)]
pub struct Outputs {
    products: [PathBuf; 3],
    summary: Option<PathBuf>,
}

const KINDS: [(ProductKind, &str); 3] =
    [(ProductKind::Model, "model"), (ProductKind::Residual, "residual"), (ProductKind::Image, "image")];

impl Outputs {
    /// The names that the options ask for.
    ///
    /// # Errors
    /// Of kind `Output`, if a file is there and may not be replaced, if it is one of the inputs, or if its directory is
    /// missing.
    pub fn new(options: &Options) -> Result<Outputs> {
        let prefix = match &options.output {
            None => stem(&options.dirty),
            Some(prefix) if prefix.as_os_str().as_bytes().ends_with(b"/") => prefix.join(stem(&options.dirty)),
            Some(prefix) => prefix.clone(),
        };
        let products = KINDS.map(|(_, name)| {
            let mut path = OsString::from(&prefix);
            path.push(format!("-{name}.fits"));
            PathBuf::from(path)
        });
        let outputs = Outputs { products, summary: options.summary.clone() };
        outputs.check(options)?;
        Ok(outputs)
    }

    fn check(&self, options: &Options) -> Result<()> {
        let inputs = [&options.dirty, &options.psf].map(|name| path_of(name).canonicalize().ok());
        let mut taken = Vec::new();
        for path in self.products.iter().chain(&self.summary) {
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if !directory.is_dir() {
                let message = format!("the directory {} does not exist", directory.display());
                return Err(Error::output(path, message).remedy("create it, or choose another --output"));
            }
            let place = (directory.canonicalize().ok(), path.file_name());
            if taken.contains(&place) {
                return Err(Error::output(path, "is the name of a product too").remedy("choose another --summary"));
            }
            taken.push(place);
            if path.is_dir() {
                return Err(Error::output(path, "is a directory").remedy("choose another --output or --summary"));
            }
            // A link to a file that is not there takes the name too.
            if path.symlink_metadata().is_err() {
                continue;
            }
            if path.canonicalize().is_ok_and(|there| inputs.contains(&Some(there))) {
                return Err(Error::output(path, "is an input of this run").remedy("choose another --output"));
            }
            if !options.overwrite {
                return Err(
                    Error::output(path, "exists already").remedy("give --overwrite, or choose another --output")
                );
            }
        }
        Ok(())
    }

    /// Makes the products' files under temporary names, with all the room they need.
    ///
    /// # Errors
    /// Of kind `Output`, if they cannot be made.
    pub fn create(&self, inputs: &Inputs, history_lines: usize) -> Result<Products> {
        let make = |i: usize| Product::create(&self.products[i], &inputs.dirty, KINDS[i].0, history_lines);
        Ok(Products { all: [make(0)?, make(1)?, make(2)?] })
    }

    /// Writes the summary, if one is asked for, under a temporary name.
    ///
    /// # Errors
    /// Of kind `Output`.
    pub fn write_summary(&self, text: &str) -> Result<Option<SummaryFile>> {
        let Some(path) = &self.summary else { return Ok(None) };
        let mut hidden = path.clone().into_os_string();
        hidden.push(format!(".{}.part", std::process::id()));
        let file = SummaryFile { path: path.clone(), hidden: hidden.into() };
        std::fs::write(&file.hidden, text).map_err(|error| file.failed(&error))?;
        Ok(Some(file))
    }
}

/// A summary under a temporary name; it is removed on drop unless published.
#[derive(Debug)]
pub struct SummaryFile {
    path: PathBuf,
    hidden: PathBuf,
}

impl SummaryFile {
    /// Gives it its name.
    ///
    /// # Errors
    /// Of kind `Output`.
    pub fn publish(self) -> Result<()> {
        std::fs::rename(&self.hidden, &self.path).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        Error::output(&self.path, format!("cannot be written: {error}")).remedy("choose another --summary")
    }
}

impl Drop for SummaryFile {
    fn drop(&mut self) {
        // It may have its name by now, or never have been there.
        let _ = std::fs::remove_file(&self.hidden);
    }
}

/// The dirty file's name without what comes after its last dot, in the current directory.
fn stem(dirty: &Path) -> PathBuf {
    let dirty = path_of(dirty);
    let name = dirty.file_stem().map(PathBuf::from).unwrap_or_else(|| PathBuf::from("deconv"));
    let compressed = dirty.extension().is_some_and(|ending| ending == "gz" || ending == "fz");
    if compressed { name.with_extension("") } else { name }
}

/// The files being written: model, residual, restored image.
#[derive(Debug)]
pub struct Products {
    all: [Product; 3],
}

impl Products {
    /// Model, residual, restored image.
    pub fn all(&self) -> [&Product; 3] {
        self.all.each_ref()
    }

    /// Completes the headers and gives the files their names.
    ///
    /// `sums` are the planes' sums of pixels for each product.
    ///
    /// # Errors
    /// Of kind `Output`. Files that have not got their names are gone then.
    pub fn publish(mut self, history: &[String], beams: &[Beam], sums: &[[u32; 3]], overwrite: bool) -> Result<()> {
        for (i, product) in self.all.iter_mut().enumerate() {
            let sum = sums.iter().fold(0, |total, plane| checksum::add(total, plane[i]));
            let beams = if KINDS[i].0 == ProductKind::Model { &[] } else { beams };
            product.finish(history, beams, sum)?;
        }
        let paths = self.all.each_ref().map(|product| product.path().to_path_buf());
        for (i, product) in self.all.into_iter().enumerate() {
            product.publish(overwrite).inspect_err(|_| {
                // Without leave to overwrite, these names were free a moment ago: the files are this run's own.
                for path in paths[..i].iter().filter(|_| !overwrite) {
                    let _ = std::fs::remove_file(path);
                }
            })?;
        }
        Ok(())
    }
}
