//! What a job directory is about.

use super::resources::Resources;
use super::system::System;
use crate::error::{Error, Result};
use crate::job::ProductFile;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The number of this format; one more with every change that an older program could not read.
const FORMAT: u32 = 1;

/// What a job directory is about: `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The number of the format.
    pub format: u32,
    /// Version of the program that wrote it.
    pub version: String,
    /// The batch system.
    pub system: System,
    /// The job's name.
    pub name: String,
    /// How often an element may begin.
    pub tries: u32,
    /// The most elements that run at once, if there is a limit.
    pub max_running: Option<usize>,
    /// What each element is granted.
    pub resources: Resources,
    /// The elements, numbered from 1 in this order.
    pub elements: Vec<Element>,
    /// What is to be made of the products of several elements.
    pub cubes: Vec<Cube>,
}

/// Elements that work on some planes of one image each, and the products that are made of theirs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cube {
    /// The image.
    pub dirty: PathBuf,
    /// The first and the last of the elements.
    pub elements: (usize, usize),
    /// The products, in the order of those of each element.
    pub images: Vec<ProductFile>,
    /// May they replace files?
    pub overwrite: bool,
}

/// One run: what it reads and writes. All names are from the root.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Element {
    /// Where it comes from: its dirty image, or its line of a table.
    pub origin: String,
    /// The options of its run that are not those of all elements.
    pub arguments: Vec<String>,
    /// The planes of the dirty image that it works on, counted from 0, the last one included; none: all of them.
    pub planes: Option<(usize, usize)>,
    /// What it leaves when it is done.
    pub products: Vec<PathBuf>,
    /// What it can be gone on from where it is not.
    pub checkpoint: PathBuf,
    /// The summary of its run, one of its products.
    pub summary: PathBuf,
}

impl Manifest {
    /// The number of this format.
    pub const FORMAT: u32 = FORMAT;

    /// That of a job directory.
    ///
    /// # Errors
    /// Of kind `Input`, if it is not one.
    pub fn read(directory: &Path) -> Result<Manifest> {
        let path = directory.join("manifest.json");
        let text = std::fs::read(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Error::input(directory, "is no job directory")
                .remedy("give the one that deconv submit wrote: it has a manifest.json"),
            _ => Error::input(&path, format!("cannot be read: {error}")).because(&error),
        })?;
        let damaged = |error: serde_json::Error| Error::input(&path, format!("is damaged: {error}"));
        let manifest: Manifest = serde_json::from_slice(&text).map_err(damaged)?;
        match manifest.format {
            FORMAT => Ok(manifest),
            other => Err(Error::input(&path, format!("is of format {other}, this program reads {FORMAT}"))
                .remedy("use the version of the program that wrote it")),
        }
    }

    /// Is it an array of jobs, or one alone?
    pub fn is_array(&self) -> bool {
        self.elements.len() > 1
    }
}
