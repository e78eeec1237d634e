//! The products of elements that worked on some planes of an image each, made one.

use super::manifest::{Cube, Element, Manifest};
use super::record::replace;
use super::standing::{Standing, State};
use crate::error::Result;
use crate::image::check_whole;
use crate::job::concatenate;
use std::path::{Path, PathBuf};

/// Makes what can be made: the products of runs all of whose elements are done. Those that are there and as new as what they are
/// made of stay. Returns what was written.
///
/// # Errors
/// Of kind `Output`, if one cannot be written; of kind `Input`, if one of its parts cannot be read.
pub fn make_cubes(directory: &Path, manifest: &Manifest, standings: &[Standing]) -> Result<Vec<PathBuf>> {
    let is_done = |number: usize| standings.iter().any(|one| one.element == number && one.state == State::Done);
    let mut written = Vec::new();
    for cube in manifest.cubes.iter().filter(|cube| (cube.elements.0..=cube.elements.1).all(is_done)) {
        let elements = &manifest.elements[cube.elements.0 - 1..cube.elements.1];
        for i in 0..cube.images.len() {
            if let Some(path) = make(directory, cube, elements, i)? {
                written.push(path);
            }
        }
    }
    Ok(written)
}

/// Makes a product of a run, unless it is there; its name then.
fn make(directory: &Path, cube: &Cube, elements: &[Element], i: usize) -> Result<Option<PathBuf>> {
    let image = &cube.images[i];
    let parts: Vec<PathBuf> = elements.iter().map(|element| element.products[i].clone()).collect();
    // Says that the file of that name is of these jobs.
    let mark = directory.join("parts").join(format!("{}-{i}.made", cube.elements.0));
    let ours = mark.exists();
    if ours && is_as_new(&image.path, &parts) && check_whole(&image.path).is_ok() {
        return Ok(None);
    }
    concatenate(&cube.dirty, &parts, (&image.path, image.kind), cube.overwrite || ours)?;
    replace(&mark, "")?;
    Ok(Some(image.path.clone()))
}

fn is_as_new(path: &Path, parts: &[PathBuf]) -> bool {
    let written = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    written(path).is_some_and(|time| parts.iter().all(|part| written(part).is_some_and(|part| part <= time)))
}
