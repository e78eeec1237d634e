//! What is deconvolved: simulated skies, and cubes of one of them.

use deconv::error::Result;
use deconv::event::Events;
use deconv::image::header::{Header, keyword};
use deconv::image::{Image, Product, Rect};
use deconv::image::{ProductKind, checksum};
use deconv::simulate::{Options, simulate};
use ndarray::Array2;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where skies are, and where runs may write.
pub struct Skies {
    /// Skies that are here are taken, others are made here.
    pub directory: PathBuf,
    /// What is here goes.
    pub work: PathBuf,
}

impl Skies {
    /// Dirty image and PSF of so many rows and columns.
    pub fn plane(&self, size: usize) -> [PathBuf; 2] {
        let directory = self.directory.join(format!("sky-{size}"));
        let files = ["dirty.fits", "psf.fits"].map(|name| directory.join(name));
        if !files.iter().all(|file| file.exists()) {
            let options = Options { overwrite: true, ..Options::new(size, 1, directory) };
            simulate(&options, &Events::silent(), &Arc::default()).unwrap_or_else(|error| panic!("{error}"));
        }
        files
    }

    /// The same in so many planes, each of which is as much work as any other.
    pub fn cube(&self, size: usize, planes: usize) -> [PathBuf; 2] {
        self.plane(size).map(|plane| {
            let name = plane.file_name().unwrap_or_default().to_string_lossy();
            let cube = self.directory.join(format!("cube-{size}-{planes}-{name}"));
            if !cube.exists() {
                repeat(&plane, planes, &cube).unwrap_or_else(|error| panic!("{error}"));
            }
            cube
        })
    }
}

/// Writes a cube whose channels are all the plane of a file.
fn repeat(plane: &Path, planes: usize, cube: &Path) -> Result<()> {
    const AXES: [&str; 6] = ["CTYPE", "CRPIX", "CRVAL", "CDELT", "CUNIT", "EQUINOX"];
    let image = Image::open(plane)?;
    let (rows, cols) = image.shape();
    let mut pixels = Array2::<f32>::zeros((rows, cols));
    image.section(0, Rect::plane(rows, cols)).read(pixels.as_slice_mut().unwrap_or_default())?;
    let says_of_axes = |card: &&String| AXES.iter().any(|name| keyword(card).starts_with(name));
    let header = Header::new(image.header().cards().iter().filter(says_of_axes).cloned().collect());
    let kind = (ProductKind::Image, image.unit());
    let mut product = Product::new(cube, &header, &[cols, rows, planes, 1], kind, 0)?;
    let mut sum = 0;
    for plane in 0..planes {
        sum = checksum::add(sum, product.target(plane, Rect::plane(rows, cols)).write(pixels.view())?);
    }
    let beams: Vec<_> = image.beam(0).into_iter().flat_map(|(beam, _)| vec![beam; planes]).collect();
    product.finish(&[], &beams, sum)?;
    product.publish(false)
}
