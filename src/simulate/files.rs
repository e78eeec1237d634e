//! The files of a simulation: a directory of them, or none.

use super::options::{Convolved, Options};
use crate::error::{Error, Result};
use crate::image::header::{Header, real_card, text_card};
use crate::image::{Hidden, Product, ProductKind};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The images, under temporary names.
#[derive(Debug)]
pub struct Files {
    /// Where they are; goes last.
    pub dirty: Product,
    /// The PSF as large as the image.
    pub psf: Product,
    /// That of twice the size, if it is wanted.
    pub psf2n: Option<Product>,
    /// The sky, Jy/pixel.
    pub sky: Product,
    /// The sky convolved with the restoring beam.
    pub truth: Product,
    /// The noise of the dirty image.
    pub noise: Product,
    texts: Vec<Hidden>,
    directory: Directory,
}

const TEXTS: [&str; 2] = ["catalog.csv", "meta.json"];

impl Files {
    /// Makes the directory, if it is missing, and the images in it, with all the room they need.
    ///
    /// # Errors
    /// Of kind `Output`, if a file is there and may not be replaced, or if they cannot be made.
    pub fn create(options: &Options) -> Result<Files> {
        let directory = Directory::create(&options.output)?;
        check(options)?;
        let size = options.size;
        let image = |name: &str, size: usize, kind: ProductKind| {
            let unit = if kind == ProductKind::Model { "Jy/pixel" } else { "Jy/beam" };
            Product::new(&options.output.join(name), &header(options, size), &[size, size, 1, 1], (kind, unit), 2)
        };
        Ok(Files {
            dirty: image("dirty.fits", size, ProductKind::Image)?,
            psf: image("psf.fits", size, ProductKind::Image)?,
            psf2n: options.psf_twice.then(|| image("psf2n.fits", 2 * size, ProductKind::Image)).transpose()?,
            sky: image("sky.fits", size, ProductKind::Model)?,
            truth: image("truth_restored.fits", size, ProductKind::Image)?,
            noise: image("noise.fits", size, ProductKind::Image)?,
            texts: Vec::new(),
            directory,
        })
    }

    /// Writes catalogue and numbers.
    ///
    /// # Errors
    /// Of kind `Output`.
    pub fn write_texts(&mut self, catalogue: &str, meta: &str) -> Result<()> {
        for (name, text) in TEXTS.iter().zip([catalogue, meta]) {
            let file = Hidden::create(&self.directory.path.join(name))?;
            file.file().write_all(text.as_bytes()).map_err(|error| file.failed(&error))?;
            self.texts.push(file);
        }
        Ok(())
    }

    /// Gives all files their names.
    ///
    /// # Errors
    /// Of kind `Output`. Files that have not got their names are gone then.
    pub fn publish(self, overwrite: bool) -> Result<()> {
        let Files { dirty, psf, psf2n, sky, truth, noise, texts, mut directory } = self;
        let images = [psf, sky, truth, noise, dirty].into_iter().chain(psf2n);
        let images = images.map(|image| (image.path().to_path_buf(), Either::Image(Box::new(image))));
        let texts = texts.into_iter().map(|text| (text.path().to_path_buf(), Either::Text(text)));
        let mut published = Vec::new();
        for (path, file) in images.chain(texts) {
            let result = match file {
                Either::Image(mut image) => image.publish(overwrite),
                Either::Text(mut text) => text.publish(overwrite),
            };
            result.inspect_err(|_| {
                // Without leave to overwrite, these names were free a moment ago: the files are this run's own.
                for path in published.iter().filter(|_| !overwrite) {
                    let _ = std::fs::remove_file(path);
                }
            })?;
            published.push(path);
        }
        directory.made.clear();
        Ok(())
    }
}

enum Either {
    Image(Box<Product>),
    Text(Hidden),
}

/// Are the names free?
fn check(options: &Options) -> Result<()> {
    let images = ["dirty.fits", "psf.fits", "sky.fits", "truth_restored.fits", "noise.fits"];
    for name in images.into_iter().chain(["psf2n.fits"]).chain(TEXTS) {
        let path = options.output.join(name);
        // A link to a file that is not there takes the name too.
        if path.symlink_metadata().is_err() {
            continue;
        }
        if path.is_dir() {
            return Err(Error::output(&path, "is a directory").remedy("choose another --output"));
        }
        if !options.overwrite {
            return Err(Error::output(&path, "exists already").remedy("give --overwrite, or choose another --output"));
        }
        if name == "psf2n.fits" && !options.psf_twice {
            // Beside a new dirty image it would be taken for its PSF.
            return Err(Error::output(&path, "is of another observation, and would be left")
                .remedy("give --psf-twice too, or remove it"));
        }
    }
    Ok(())
}

/// The directory of the files, and those above it that had to be made. They are removed on drop, if they are empty, unless the
/// list is cleared.
#[derive(Debug)]
struct Directory {
    path: PathBuf,
    made: Vec<PathBuf>,
}

impl Directory {
    fn create(path: &Path) -> Result<Directory> {
        if path.exists() && !path.is_dir() {
            return Err(Error::output(path, "is not a directory").remedy("choose another --output"));
        }
        let missing = path.ancestors().filter(|above| !above.as_os_str().is_empty());
        let made = missing.take_while(|above| !above.exists()).map(Path::to_path_buf).collect();
        let directory = Directory { path: path.into(), made };
        std::fs::create_dir_all(path).map_err(|error| {
            Error::output(path, format!("cannot be made: {error}")).remedy("name a directory that you may write to")
        })?;
        Ok(directory)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        for path in &self.made {
            // Somebody may have put a file there.
            let _ = std::fs::remove_dir(path);
        }
    }
}

/// What the header of an image of `size` × `size` pixels says of axes and origin.
fn header(options: &Options, size: usize) -> Header {
    let site = options.telescope.site();
    let cell = options.cell() / 3600.0;
    let centre = (size / 2 + 1) as f64;
    let (frequency, width) = ((site.band.0 + site.band.1) / 2.0, site.band.1 - site.band.0);
    let mut cards = vec![text_card("BTYPE", "Intensity", ""), text_card("OBJECT", "SYNTH", "")];
    let mut number = |name: &str, value: f64| cards.push(real_card(name, value, ""));
    number("EQUINOX", 2000.0);
    number("LONPOLE", 180.0);
    number("LATPOLE", site.declination);
    cards.push(text_card("RADESYS", "FK5", ""));
    let axes = [
        ("RA---SIN", centre, 60.0, -cell, "deg"),
        ("DEC--SIN", centre, site.declination, cell, "deg"),
        ("FREQ", 1.0, frequency, width, "Hz"),
        ("STOKES", 1.0, 1.0, 1.0, ""),
    ];
    for (i, (name, reference, value, step, unit)) in (1..).zip(axes) {
        cards.push(text_card(&format!("CTYPE{i}"), name, ""));
        cards.push(real_card(&format!("CRPIX{i}"), reference, ""));
        cards.push(real_card(&format!("CRVAL{i}"), value, ""));
        cards.push(real_card(&format!("CDELT{i}"), step, ""));
        cards.push(text_card(&format!("CUNIT{i}"), unit, ""));
    }
    cards.push(real_card("PV2_1", 0.0, ""));
    cards.push(real_card("PV2_2", 0.0, ""));
    cards.push(real_card("RESTFRQ", frequency, ""));
    let texts = [
        ("SPECSYS", "TOPOCENT"),
        ("TELESCOP", site.name),
        ("OBSERVER", "synthetic"),
        ("DATE-OBS", "2020-01-01T00:00:00.0"),
        ("TIMESYS", "UTC"),
        ("ORIGIN", concat!("deconv ", env!("CARGO_PKG_VERSION"), " simulate")),
    ];
    cards.extend(texts.map(|(name, text)| text_card(name, text, "")));
    Header::new(cards)
}

/// The HISTORY of every file.
pub fn history(options: &Options) -> Vec<String> {
    let Options { size, seed, telescope, convolved, robust, hours, noise, on_grid, .. } = options;
    let grid = if *on_grid { ", points on pixels" } else { "" };
    let twice = if *convolved == Convolved::Periodic { 1 } else { 2 };
    vec![format!(
        "deconv simulate: {} seed {seed} size {size} uv grid {} conv {} cell {} arcsec robust {robust} ha {hours} h noise {noise} \
         Jy/beam, {} points{grid}",
        telescope.name(),
        twice * size,
        convolved.name(),
        options.cell(),
        options.sources()
    )]
}
