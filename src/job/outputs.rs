//! The files that a job writes.

use super::Options;
use super::plan::Inputs;
use super::truth;
use crate::error::{Error, Result};
use crate::figure;
use crate::image::file::path_of;
use crate::image::{Beam, Hidden, Product, ProductKind, checksum};
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Names of the products and of the summary, known to be free.
#[derive(Debug)]
pub struct Outputs {
    products: [PathBuf; 3],
    figures: Vec<PathBuf>,
    summary: Option<PathBuf>,
}

const KINDS: [(ProductKind, &str); 3] =
    [(ProductKind::Model, "model"), (ProductKind::Residual, "residual"), (ProductKind::Image, "image")];

impl Outputs {
    /// The names that the options ask for, for an image of so many planes.
    ///
    /// # Errors
    /// Of kind `Output`, if a file is there and may not be replaced, if it is one of the inputs, or if its directory is
    /// missing.
    pub fn new(options: &Options, planes: usize) -> Result<Outputs> {
        let prefix = match &options.output {
            None => stem(&options.dirty),
            Some(prefix) if prefix.as_os_str().as_bytes().ends_with(b"/") => prefix.join(stem(&options.dirty)),
            Some(prefix) => prefix.clone(),
        };
        let named = |ending: String| with_ending(&prefix, &ending);
        let products = product_paths(&prefix);
        let sheets = if options.png { planes.div_ceil(figure::PLANES) } else { 0 };
        let number = |sheet: usize| if sheet == 1 { String::new() } else { format!("-{sheet}") };
        let figures = (1..=sheets).map(|sheet| named(format!("{}.png", number(sheet)))).collect();
        let outputs = Outputs { products, figures, summary: options.summary.clone() };
        outputs.check(options)?;
        Ok(outputs)
    }

    fn check(&self, options: &Options) -> Result<()> {
        let truth = options.truth.iter().flat_map(|directory| truth::FILES.map(|name| directory.join(name)));
        let inputs = [&options.dirty, &options.psf].map(|name| path_of(name).to_path_buf()).into_iter().chain(truth);
        let inputs: Vec<_> = inputs.map(|path| path.canonicalize().ok()).collect();
        let mut taken = Vec::new();
        for path in self.products.iter().chain(&self.figures).chain(&self.summary) {
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

    /// The names of the figures, one for every [`figure::PLANES`] planes; none if none is asked for.
    pub fn figures(&self) -> &[PathBuf] {
        &self.figures
    }

    /// Writes the summary, if one is asked for, under a temporary name.
    ///
    /// # Errors
    /// Of kind `Output`.
    pub fn write_summary(&self, text: &str) -> Result<Option<Hidden>> {
        let Some(path) = &self.summary else { return Ok(None) };
        let write = || {
            let file = Hidden::create(path)?;
            file.file().write_all(text.as_bytes()).map_err(|error| file.failed(&error))?;
            Ok(Some(file))
        };
        write().map_err(|error: Error| error.remedy("choose another --summary"))
    }
}

/// The names of the products of a run with this prefix: model, residual, restored image.
pub fn product_paths(prefix: &Path) -> [PathBuf; 3] {
    KINDS.map(|(_, name)| with_ending(prefix, &format!("-{name}.fits")))
}

fn with_ending(prefix: &Path, ending: &str) -> PathBuf {
    let mut path = OsString::from(prefix);
    path.push(ending);
    path.into()
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

    /// Completes the headers; from then on the files can be read.
    ///
    /// `sums` are the planes' sums of pixels for each product.
    ///
    /// # Errors
    /// Of kind `Output`.
    pub fn finish(&mut self, history: &[String], beams: &[Beam], sums: &[[u32; 3]]) -> Result<()> {
        for (i, product) in self.all.iter_mut().enumerate() {
            let sum = sums.iter().fold(0, |total, plane| checksum::add(total, plane[i]));
            let beams = if KINDS[i].0 == ProductKind::Model { &[] } else { beams };
            product.finish(history, beams, sum)?;
        }
        Ok(())
    }

    /// Gives the files their names.
    ///
    /// # Errors
    /// Of kind `Output`. Files that have not got their names are gone then.
    pub fn publish(self, overwrite: bool) -> Result<()> {
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
