//! The files that a job writes.

use super::Options;
use super::chains;
use super::checkpoint::PlaneState;
use super::components::Spool;
use super::names::{check_free, check_names, publish, scratch, with_ending};
use super::plan::{Inputs, open_dirty};
use super::plane::PlaneResult;
use super::truth;
use crate::algorithm::Method;
use crate::error::{Error, Result};
use crate::figure;
use crate::image::file::path_of;
use crate::image::{Beam, Hidden, Product, ProductKind, checksum};
use serde::{Deserialize, Serialize};
use std::io::{ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A product of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductFile {
    /// Its name.
    pub path: PathBuf,
    /// What it is.
    pub kind: ProductKind,
}

/// The files of a run, for one who watches it from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Files {
    /// The images among the products.
    pub images: Vec<ProductFile>,
    /// What it leaves when it is done: products, figures, list of components, summary.
    pub products: Vec<PathBuf>,
    /// What it can be gone on from where it is not.
    pub checkpoint: PathBuf,
    /// What it reads.
    pub inputs: Vec<PathBuf>,
}

/// Names of the products and of the summary, known to be free.
#[derive(Debug)]
pub struct Outputs {
    products: Vec<PathBuf>,
    kinds: Vec<ProductKind>,
    figures: Vec<PathBuf>,
    chains: Vec<PathBuf>,
    summary: Option<PathBuf>,
    components: Option<PathBuf>,
    prefix: PathBuf,
    checkpoint: PathBuf,
}

/// The products that every run has.
const RESULTS: [ProductKind; 3] = [ProductKind::Model, ProductKind::Residual, ProductKind::Image];

/// What the name of a product has after the prefix.
fn ending(kind: ProductKind) -> &'static str {
    match kind {
        ProductKind::Model => "-model.fits",
        ProductKind::Residual => "-residual.fits",
        ProductKind::Image => "-image.fits",
        ProductKind::Mask => "-mask.fits",
        ProductKind::Uncertainty => "-uncertainty.fits",
        ProductKind::ModelUncertainty => "-model-uncertainty.fits",
    }
}

impl Outputs {
    /// The names that the options ask for, for an image of so many planes.
    ///
    /// # Errors
    /// Of kind `Output`, if a file is there and may not be replaced, if it is one of the inputs, if its directory is
    /// missing, or if there is a checkpoint of which the options do not say what is to become of it.
    pub fn new(options: &Options, planes: usize) -> Result<Outputs> {
        let outputs = Outputs::named(options, planes);
        outputs.check(options)?;
        let stopped = outputs.checkpoint.symlink_metadata().is_ok();
        if stopped && !options.resume && !options.overwrite {
            return Err(Error::output(&outputs.checkpoint, "a run has been stopped here")
                .remedy("give --resume to go on with it, or --overwrite to start anew"));
        }
        // What a run that goes on finds published may be its own: see `adopt`.
        if !(stopped && options.resume) {
            outputs.check_free(options)?;
        }
        Ok(outputs)
    }

    pub fn named(options: &Options, planes: usize) -> Outputs {
        let stem = stem(&options.dirty);
        let prefix = options.output.as_deref().map_or(stem.clone(), |asked| prefix(asked, &stem));
        let named = |ending: String| with_ending(&prefix, &ending);
        let kinds = options.kinds();
        let products = kinds.iter().map(|kind| named(ending(*kind).into())).collect();
        let sheets = if options.png { planes.div_ceil(figure::PLANES) } else { 0 };
        let number = |sheet: usize| if sheet == 1 { String::new() } else { format!("-{sheet}") };
        let figures = (1..=sheets).map(|sheet| named(format!("{}.png", number(sheet)))).collect();
        let sampled = options.png && options.method == Method::UnsupervisedWiener;
        let sheets = if sampled { planes.div_ceil(chains::PLANES) } else { 0 };
        let chains = (1..=sheets).map(|sheet| named(format!("-chains{}.png", number(sheet)))).collect();
        let checkpoint = named(".checkpoint".into());
        let (summary, components) = (options.summary.clone(), options.components.clone());
        Outputs { products, kinds, figures, chains, summary, components, checkpoint, prefix }
    }

    /// All files that stay.
    fn all(&self) -> impl Iterator<Item = &PathBuf> {
        self.products.iter().chain(&self.figures).chain(&self.chains).chain(&self.components).chain(&self.summary)
    }

    /// Where the components of planes are until all are done, under its temporary name.
    pub fn spool(&self) -> PathBuf {
        with_ending(&self.prefix, ".components")
    }

    /// Where the list of components goes, if one is asked for.
    pub fn components(&self) -> Option<&Path> {
        self.components.as_deref()
    }

    /// Where the checkpoint is.
    pub fn checkpoint(&self) -> &Path {
        &self.checkpoint
    }

    /// What the names of the products begin with.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    fn check(&self, options: &Options) -> Result<()> {
        let truth = options.truth.iter().flat_map(|directory| truth::FILES.map(|name| directory.join(name)));
        let inputs = options.files().into_iter().map(|(_, name)| path_of(name).to_path_buf()).chain(truth);
        check_names(self.all().chain([&self.checkpoint]), inputs, "--output, --summary or --components")
    }

    fn check_free(&self, options: &Options) -> Result<()> {
        check_free(self.all(), options.overwrite)
    }

    /// Makes the products' files under temporary names, with all the room they need.
    ///
    /// # Errors
    /// Of kind `Output`, if they cannot be made.
    pub fn create(&self, inputs: &Inputs, history_lines: usize) -> Result<Products> {
        let make = |i: usize| Product::create(&self.products[i], &inputs.dirty, self.kinds[i], history_lines);
        let components = self.components.as_ref().map(|_| Spool::create(&self.spool())).transpose()?;
        let all = (0..self.products.len()).map(make).collect::<Result<_>>()?;
        let products = Products { all, components };
        match std::fs::remove_file(&self.checkpoint) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Error::output(&self.checkpoint, format!("cannot be removed: {error}")))
            }
            _ => Ok(products),
        }
    }

    /// Takes over the files of an earlier run, and makes those that are missing. A plane that is not in them as its state
    /// says becomes a new one.
    ///
    /// # Errors
    /// Of kind `Output`, if they cannot be made, if another run is at work on them, or if a file has a product's name and
    /// may not be replaced.
    pub fn adopt(
        &self,
        inputs: &Inputs,
        history_lines: usize,
        options: &Options,
        states: &mut [PlaneState],
    ) -> Result<Products> {
        let adopt = |i: usize, published| {
            Product::adopt(&self.products[i], published, &inputs.dirty, self.kinds[i], history_lines)
        };
        let adopted = |i: usize| -> Result<Option<Product>> {
            // The earlier run may have been killed while it published its products.
            match adopt(i, true)?.filter(|product| holds_all(product, i, states)) {
                Some(mut published) => published.withdraw().map(|()| Some(published)),
                None => adopt(i, false),
            }
        };
        let found: Vec<_> = (0..self.products.len()).map(adopted).collect::<Result<_>>()?;
        self.check_free(options)?;
        let make = |i: usize| Product::create(&self.products[i], &inputs.dirty, self.kinds[i], history_lines);
        let mut all = Vec::with_capacity(found.len());
        for (i, product) in found.into_iter().enumerate() {
            let mut product = product.map_or_else(|| make(i), Ok)?;
            // The checkpoint counts on it.
            product.leave();
            all.push(product);
        }
        let components = self.components.as_ref().map(|_| self.adopt_spool(states)).transpose()?;
        let listed = |result: &PlaneResult| {
            components.as_ref().is_none_or(|spool| result.components.is_some_and(|place| spool.holds(&place)))
        };
        for (plane, state) in states.iter_mut().enumerate() {
            let whole = |result: &PlaneResult| {
                listed(result) && (0..all.len()).all(|i| all[i].sum(plane) == result.sums.get(i).copied())
            };
            if matches!(state, PlaneState::Done(result) if !whole(result)) {
                *state = PlaneState::New;
            }
        }
        Ok(Products { all, components })
    }

    fn adopt_spool(&self, states: &[PlaneState]) -> Result<Spool> {
        let place = |state: &PlaneState| match state {
            PlaneState::Done(result) => result.components,
            _ => None,
        };
        let mut spool = Spool::adopt(&self.spool(), states.iter().filter_map(place))?;
        spool.leave();
        Ok(spool)
    }

    /// Is everything there that a run of these options would make, and no sign that one was stopped?
    fn is_finished(&self) -> bool {
        let begun = self.all().any(|path| Hidden::is_begun(path));
        !begun && !self.checkpoint.exists() && self.all().all(|path| path.is_file())
    }

    /// The directory for scratch: the one that is asked for, or that of the products.
    ///
    /// # Errors
    /// Of kind `Output`, if it is not there.
    pub fn scratch(&self, options: &Options) -> Result<PathBuf> {
        scratch(options.scratch.as_deref(), &self.products[0])
    }

    /// The names of the figures, one for every [`figure::PLANES`] planes; none if none is asked for.
    pub fn figures(&self) -> &[PathBuf] {
        &self.figures
    }

    /// The names of the figures of chains, one for every [`chains::PLANES`] planes; none if none is asked for.
    pub fn chains(&self) -> &[PathBuf] {
        &self.chains
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

/// The files of a run with these options, which it might write now.
///
/// # Errors
/// Of kind `Input`, if the dirty image cannot be read; of kind `Output`, if a file may not be written.
pub fn files(options: &Options) -> Result<Files> {
    Ok(files_of(&Outputs::new(options, open_dirty(options)?.planes())?, options))
}

/// The same, whether it might write them or not.
///
/// # Errors
/// Of kind `Input`, if the dirty image cannot be read.
pub fn files_to_be(options: &Options) -> Result<Files> {
    Ok(files_of(&Outputs::named(options, open_dirty(options)?.planes()), options))
}

fn files_of(outputs: &Outputs, options: &Options) -> Files {
    let image = |(path, kind): (&PathBuf, &ProductKind)| ProductFile { path: path.clone(), kind: *kind };
    Files {
        images: outputs.products.iter().zip(&outputs.kinds).map(image).collect(),
        products: outputs.all().cloned().collect(),
        checkpoint: outputs.checkpoint.clone(),
        inputs: options.files().into_iter().map(|(_, name)| path_of(name)).collect(),
    }
}

/// The names of the products of a run with this prefix: model, residual, restored image.
pub fn product_paths(prefix: &Path) -> [PathBuf; RESULTS.len()] {
    RESULTS.map(|kind| with_ending(prefix, ending(kind)))
}

/// Has a run with these options come to its end before? Of figures, only the first is looked for.
pub fn is_finished(options: &Options) -> bool {
    Outputs::named(options, 1).is_finished()
}

/// Is this product of a run, all of whose planes are done?
fn holds_all(product: &Product, i: usize, states: &[PlaneState]) -> bool {
    let holds = |(plane, state): (usize, &PlaneState)| matches!(state, PlaneState::Done(result) if product.sum(plane) == result.sums.get(i).copied());
    states.iter().enumerate().all(holds)
}

/// What names begin with, where this was asked for: after a last / a file's stem is added.
pub fn prefix(asked: &Path, stem: &Path) -> PathBuf {
    if asked.as_os_str().as_bytes().ends_with(b"/") { asked.join(stem) } else { asked.to_path_buf() }
}

/// A file's name without what comes after its last dot.
pub fn stem(dirty: &Path) -> PathBuf {
    let dirty = path_of(dirty);
    let name = dirty.file_stem().map(PathBuf::from).unwrap_or_else(|| PathBuf::from("deconv"));
    let compressed = dirty.extension().is_some_and(|ending| ending == "gz" || ending == "fz");
    if compressed { name.with_extension("") } else { name }
}

/// The files being written: model, residual, restored image, and whatever else the [options](Options::kinds) ask for.
#[derive(Debug)]
pub struct Products {
    all: Vec<Product>,
    components: Option<Spool>,
}

impl Products {
    /// All of them, in the order of [`Options::kinds`].
    pub fn all(&self) -> &[Product] {
        &self.all
    }

    /// Model, residual, restored image.
    pub fn results(&self) -> [&Product; RESULTS.len()] {
        std::array::from_fn(|i| &self.all[i])
    }

    /// Where the components of planes go, if they are to be listed.
    pub fn components(&self) -> Option<&Spool> {
        self.components.as_ref()
    }

    /// Completes the headers; from then on the files can be read.
    ///
    /// `sums` are the planes' sums of pixels for each product.
    ///
    /// # Errors
    /// Of kind `Output`.
    pub fn finish(&mut self, history: &[String], beams: &[Beam], sums: &[&[u32]]) -> Result<()> {
        for (i, product) in self.all.iter_mut().enumerate() {
            let sum = sums.iter().fold(0, |total, plane| checksum::add(total, plane[i]));
            product.finish(history, beams, sum)?;
        }
        Ok(())
    }

    /// The temporary names of the files.
    pub fn temporary(&self) -> Vec<PathBuf> {
        self.all.iter().map(|product| product.temporary().to_path_buf()).collect()
    }

    /// The files stay under their temporary names.
    pub fn leave(&mut self) {
        self.all.iter_mut().for_each(Product::leave);
        self.components.iter_mut().for_each(Spool::leave);
    }

    /// Gives the files their names.
    ///
    /// # Errors
    /// Of kind `Output`. None has its name then, unless a file was overwritten.
    pub fn publish(&mut self, overwrite: bool) -> Result<()> {
        publish(&mut self.all, overwrite)
    }
}
