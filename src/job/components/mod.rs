//! The components of a run as a list: a FITS table, CSV, a DS9 region file, or the text sky model of WSClean and DP3.
//!
//! The list is the model that is written, whole: what was started from too, as points. So it has every pixel of the model
//! that is not zero, but for components of extended scales, which stand for many pixels.

mod spool;
mod table;
mod text;

pub use spool::{Place, Spool};

use crate::error::{Error, Result};
use crate::image::{Hidden, Image, ProductKind, Rect, Sky};
use crate::kernel::{Component, Scales};
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// FWHM of the Gaussian that stands for a scale of size 1 in a sky model: that of WSClean, of σ = 3/16 of the size.
const FWHM_OF_SCALE: f64 = 0.441_526_7;

/// How a list of components is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A binary table in a FITS file.
    Table,
    /// Comma-separated values.
    Csv,
    /// Regions for DS9.
    Regions,
    /// The text that `WSClean -save-source-list` writes, and DP3 and makesourcedb read.
    SkyModel,
}

impl Format {
    /// The format that a file's ending asks for.
    ///
    /// # Errors
    /// Of kind `Usage`, if the ending is none of those that are known.
    pub fn of(path: &Path) -> Result<Format> {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match ending.as_str() {
            "fits" => Ok(Format::Table),
            "csv" => Ok(Format::Csv),
            "reg" => Ok(Format::Regions),
            "txt" | "skymodel" => Ok(Format::SkyModel),
            _ => Err(Error::usage(format!("--components {}: its ending says no format", path.display())).remedy(
                "give a name that ends in .fits (table), .csv, .reg (DS9 regions), .txt or .skymodel (WSClean, DP3)",
            )),
        }
    }
}

/// What is to be listed, and how.
#[derive(Debug)]
pub struct Catalogue<'a> {
    format: Format,
    image: &'a Image,
    /// The scales of each plane.
    scales: Vec<Scales>,
    sky: Option<Sky>,
    /// Unit of the fluxes.
    unit: String,
}

/// A component with its place.
#[derive(Debug)]
struct Entry {
    plane: usize,
    component: Component,
    /// Longitude and latitude in degrees.
    position: Option<(f64, f64)>,
}

impl<'a> Catalogue<'a> {
    /// Of a dirty image, for a file of this name; `scales` are those of each plane.
    ///
    /// # Errors
    /// Of kind `Usage`, if the file's ending is not known; of kind `Input`, if the format cannot hold what the image shows.
    pub fn new(path: &Path, image: &'a Image, scales: Vec<Scales>) -> Result<Catalogue<'a>> {
        let unit = ProductKind::Model.unit_of(image.unit());
        let unit = unit.strip_suffix("/pixel").unwrap_or(&unit).to_string();
        let catalogue = Catalogue { format: Format::of(path)?, image, scales, sky: Sky::of(image), unit };
        if catalogue.format == Format::SkyModel {
            text::check(&catalogue).map_err(|why| {
                Error::input(image.path(), format!("{why}: {} cannot be written", path.display()))
                    .remedy("choose another format with --components, such as .csv or .fits")
            })?;
        }
        Ok(catalogue)
    }

    /// The name of the coordinates among those that programs agree on; none if they are others, or not known.
    fn system(&self) -> Option<&'static str> {
        let sky = self.sky.as_ref()?;
        match (sky.longitude(), sky.frame()) {
            ("RA", "ICRS" | "GCRS" | "") => Some("icrs"),
            ("RA", "J2000" | "FK5") => Some("fk5"),
            ("RA", "B1950" | "FK4") => Some("fk4"),
            ("GLON", _) => Some("galactic"),
            _ => None,
        }
    }

    /// What longitude and latitude are called.
    fn names(&self) -> [&str; 2] {
        self.sky.as_ref().map_or(["RA", "DEC"], |sky| [sky.longitude(), sky.latitude()])
    }

    /// Size of a component in pixels.
    fn size(&self, Entry { plane, component, .. }: &Entry) -> f64 {
        self.scales[*plane].pixels()[usize::from(component.scale)]
    }

    /// FWHM, in arcsec, of the Gaussian that stands for a component; 0 for a point.
    fn fwhm(&self, entry: &Entry) -> f64 {
        let cell = self.image.cell();
        self.size(entry) * FWHM_OF_SCALE * (cell.x * cell.y).abs().sqrt() * 3600.0
    }

    /// Writes the components of all planes, in the order of planes, scales, rows and columns. `model` is what was started
    /// from, with its plane for each plane; `found` tells what was found in a plane, sorted by scale, row and column.
    ///
    /// The file has its temporary name still. Also says how many components lie off the sky and are left out: regions and sky
    /// models have no place for them.
    ///
    /// # Errors
    /// Of kind `Output`, if the file cannot be written; what `found` fails with; or if it was stopped.
    pub fn write(
        &self,
        path: &Path,
        model: Option<&(Image, Vec<usize>)>,
        found: impl Fn(usize) -> Result<Vec<Component>>,
        cancel: &AtomicBool,
    ) -> Result<(Hidden, u64)> {
        let hidden = Hidden::create(path)?;
        let failed = |error: std::io::Error| hidden.failed(&error);
        let mut file = BufWriter::with_capacity(1 << 20, hidden.file());
        let mut table = table::Sum::default();
        let (mut listed, mut left_out) = (0, 0);
        let head = match self.format {
            Format::Table => table::head(self, &table),
            _ => text::head(self).into_bytes(),
        };
        file.write_all(&head).map_err(failed)?;
        for plane in 0..self.image.planes() {
            let start = model.map(|(image, planes)| (image, planes[plane]));
            let found = found(plane)?;
            let known = self.scales.get(plane).map_or(0, |scales| scales.pixels().len());
            if found.iter().any(|component| usize::from(component.scale) >= known) {
                return Err(Error::internal("a component has a scale that is not known").about(path));
            }
            whole(start, &found, cancel, &mut |component| {
                let (y, x) = (f64::from(component.y), f64::from(component.x));
                let position = self.sky.as_ref().and_then(|sky| sky.at(y, x));
                let entry = Entry { plane, component, position };
                let bytes = match self.format {
                    Format::Table => Some(table.add(table::row(self, &entry))),
                    _ => text::line(self, listed, &entry).map(String::into_bytes),
                };
                listed += 1;
                left_out += u64::from(bytes.is_none());
                file.write_all(&bytes.unwrap_or_default()).map_err(failed)
            })?;
        }
        if self.format == Format::Table {
            file.write_all(&table.padding()).map_err(failed)?;
        }
        file.flush().map_err(failed)?;
        drop(file);
        if self.format == Format::Table {
            hidden.file().write_all_at(&table::head(self, &table), 0).map_err(failed)?;
        }
        hidden.file().sync_all().map_err(failed)?;
        Ok((hidden, left_out))
    }
}

/// Bytes of a model that are read at once.
const STRIP: usize = 4 << 20;

/// Tells of the components of a plane: those found, sorted, and as points what was started from. At a pixel, points are one: in
/// f32, as in the model that is written. Those without flux are passed over.
fn whole(
    start: Option<(&Image, usize)>,
    found: &[Component],
    cancel: &AtomicBool,
    tell: &mut dyn FnMut(Component) -> Result<()>,
) -> Result<()> {
    let mut tell = |component: Component| if component.flux == 0.0 { Ok(()) } else { tell(component) };
    let Some((image, plane)) = start else { return found.iter().copied().try_for_each(tell) };
    let (points, extended) = found.split_at(found.partition_point(|component| component.scale == 0));
    let mut points = points.iter().peekable();
    let (rows, cols) = image.shape();
    let strip = (STRIP / (cols * size_of::<f32>())).clamp(1, rows);
    let mut pixels = Vec::new();
    for y0 in (0..rows).step_by(strip) {
        if cancel.load(Ordering::Relaxed) {
            return Err(Error::interrupted());
        }
        let part = Rect::new(y0 as i64, 0, strip.min(rows - y0), cols);
        pixels.resize(part.pixels(), 0.0);
        image.section(plane, part).read(&mut pixels)?;
        for (i, &pixel) in pixels.iter().enumerate() {
            let (y, x) = ((y0 + i / cols) as u32, (i % cols) as u32);
            let pixel = if pixel.is_nan() { 0.0 } else { pixel };
            let point = points.next_if(|point| (point.y, point.x) == (y, x)).map_or(0.0, |point| point.flux);
            tell(Component { y, x, scale: 0, flux: pixel + point })?;
        }
    }
    extended.iter().copied().try_for_each(tell)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list of a point and of a component of 10 pixels, in an image whose cell is 1.6 arcsec.
    fn listed(name: &str, scales: Scales) -> Result<String> {
        let directory = tempfile::tempdir().map_err(|e| Error::internal(e.to_string()))?;
        let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/meerkat-sim/dirty.fits");
        let (image, path) = (Image::open(&image)?, directory.path().join(name));
        let at = |scale: u16| Component { y: 128, x: 128, scale, flux: 2.0 };
        let found = |_| Ok(vec![at(0), at(1)]);
        let (file, left_out) =
            Catalogue::new(&path, &image, vec![scales])?.write(&path, None, found, &AtomicBool::new(false))?;
        assert_eq!(left_out, 0);
        std::fs::read_to_string(file.temporary()).map_err(|e| Error::internal(e.to_string()))
    }

    #[test]
    fn scales_are_gaussians_and_circles() -> Result<()> {
        let scales = Scales::new(&[0.0, 10.0])?;
        let lines = |name: &str| Ok(listed(name, scales)?.lines().skip(1).map(String::from).collect::<Vec<_>>());
        // 2 sqrt(2 ln 2) 3/16 of 16 arcsec.
        let sky_model = lines("c.txt")?;
        assert!(sky_model[0].starts_with("s0c0,POINT,") && sky_model[0].ends_with(",,,"), "{sky_model:?}");
        assert!(
            sky_model[1].starts_with("s1c1,GAUSSIAN,") && sky_model[1].ends_with(",7.064427,7.064427,0"),
            "{sky_model:?}"
        );
        let csv = lines("c.csv")?;
        assert!(csv[0].contains(",2e0,0,0,I,0,") && csv[1].contains(",2e0,10,0,I,0,"), "{csv:?}");
        let regions = lines("c.reg")?;
        assert!(regions[2].starts_with("point(") && regions[3].starts_with("circle("), "{regions:?}");
        assert!(regions[3].contains(",8.000000\")"), "{regions:?}");
        assert!(listed("c.csv", Scales::POINTS).is_err_and(|error| error.message.contains("scale")));
        Ok(())
    }
}
