//! The header and geometry of one FITS image.

use super::axes::{Axes, Axis, PlaneLabel};
use super::beam::{Beam, BeamSource};
use super::beam_table::{self, Row};
use super::cell::Cell;
use super::file::InputFile;
use super::find::open_image;
use super::header::Header;
use super::header_beam::HeaderBeam;
use super::rect::Rect;
use super::section::Section;
use crate::error::{Error, Result};
use std::path::Path;
use std::sync::Arc;

/// The header and geometry of one FITS image. It holds no open file and is cheap to clone.
#[derive(Debug, Clone)]
pub struct Image {
    inner: Arc<Inner>,
    part: Option<Arc<Part>>,
}

/// Some planes of an image.
#[derive(Debug)]
struct Part {
    /// The first of them.
    first: usize,
    axes: Axes,
}

#[derive(Debug)]
struct Inner {
    file: InputFile,
    hdu: usize,
    compressed: bool,
    header: Header,
    axes: Axes,
    cell: std::result::Result<Cell, String>,
    beam: HeaderBeam,
    unit: String,
    object: String,
    beams: Vec<Row>,
}

impl Image {
    /// The first image of a file that has at least two axes, or the one that is asked for: `x.fits[1]` (the primary HDU is
    /// 0), `x.fits[SCI]`, `x.fits[SCI,2]`. A file of the literal name goes before.
    ///
    /// A packed file is unpacked once, to a scratch file that lasts as long as the image and its clones.
    ///
    /// # Errors
    /// Of kind `Input`, if the file is missing, not FITS, cut short, or has no such image.
    pub fn open(name: &Path) -> Result<Image> {
        let (input, mut file, hdu, lengths) = open_image(InputFile::find(name)?)?;
        let compressed = file.is_compressed();
        let header = Header::new(file.cards()?);
        let axes = Axes::from_header(&header, &lengths);
        let inner = Inner {
            hdu,
            compressed,
            cell: Cell::from_header(&header, &axes),
            beam: HeaderBeam::of(&header),
            unit: header.text("BUNIT").unwrap_or_default(),
            object: header.text("OBJECT").unwrap_or_default(),
            header,
            axes,
            beams: beam_table::read(&mut file)?,
            file: input,
        };
        Ok(Image { inner: Arc::new(inner), part: None })
    }

    /// The image of some of its planes alone, counted from 0, of which `last` is one. They keep their names, beams and
    /// frequencies.
    ///
    /// # Errors
    /// Of kind `Input`, if there are no such planes, or if a cut of each axis does not make them.
    pub fn cut(&self, first: usize, last: usize) -> Result<Image> {
        let whole = &self.inner.axes;
        let wrong = |what: String, remedy: &str| {
            Err(Error::input(self.path(), format!("planes {first}-{last}: {what}")).remedy(remedy))
        };
        if first > last || last >= whole.planes() {
            return wrong(
                format!("it has planes 0 to {}", whole.planes() - 1),
                "give the first and the last one, as they are counted from 0",
            );
        }
        match whole.cut(first, last) {
            Some(axes) => Ok(Image { inner: self.inner.clone(), part: Some(Arc::new(Part { first, axes })) }),
            None => {
                let lengths =
                    whole.others().map(|i| whole.list()[i].length.to_string()).collect::<Vec<_>>().join(" x ");
                wrong(
                    format!("of axes with lengths of {lengths} they are no rectangle"),
                    "begin and end them where the first of these axes begins and ends",
                )
            }
        }
    }

    /// The number that a plane has in the file.
    pub fn in_file(&self, plane: usize) -> usize {
        self.part.as_ref().map_or(plane, |part| part.first + plane)
    }

    /// What the user calls the file, with the HDU if that was named.
    pub fn path(&self) -> &Path {
        &self.inner.file.name
    }

    /// Rows (the axis of latitude) and columns (the axis of longitude) of a plane.
    pub fn shape(&self) -> (usize, usize) {
        self.axes().shape()
    }

    /// Number of planes: the product of the lengths of all axes but those of the sky.
    pub fn planes(&self) -> usize {
        self.axes().planes()
    }

    /// What a plane is.
    pub fn plane(&self, index: usize) -> PlaneLabel {
        self.inner.axes.label(self.in_file(index))
    }

    /// The frequency of a plane in Hz; none if there is no axis of it, or if it makes no sense.
    pub fn frequency(&self, plane: usize) -> Option<f64> {
        let axes = &self.inner.axes;
        let i = axes.channel_axis().filter(|&i| axes.list()[i].name == "FREQ")?;
        let unit = self.header().text(&format!("CUNIT{}", i + 1)).unwrap_or_default();
        let hertz = match unit.to_ascii_lowercase().as_str() {
            "khz" => 1e3,
            "mhz" => 1e6,
            "ghz" => 1e9,
            _ => 1.0,
        };
        let frequency = axes.list()[i].value_at(axes.position(self.in_file(plane))[i]) * hertz;
        (frequency.is_finite() && frequency > 0.0).then_some(frequency)
    }

    /// The bytes of the file that is read.
    pub fn bytes(&self) -> u64 {
        self.inner.file.bytes()
    }

    /// The cards of its header.
    pub fn header(&self) -> &Header {
        &self.inner.header
    }

    /// Its axes in the file's order.
    pub fn axes(&self) -> &Axes {
        self.part.as_ref().map_or(&self.inner.axes, |part| &part.axes)
    }

    /// Does the image lie in an extension of the file, or is it compressed (which makes it one)?
    pub fn in_extension(&self) -> bool {
        self.inner.hdu > 0
    }

    /// Is the image compressed within the file?
    pub fn compressed(&self) -> bool {
        self.inner.compressed
    }

    /// Size of a pixel on the sky; a pixel, if the header does not tell it.
    pub fn cell(&self) -> Cell {
        self.inner.cell.clone().unwrap_or(Cell::UNKNOWN)
    }

    /// Why the cell is not known, as in "the image has no WCS".
    pub fn no_cell(&self) -> Option<&str> {
        self.inner.cell.as_ref().err().map(String::as_str)
    }

    /// What the file tells of beams that makes no sense, as in "the image's header beam BMAJ=0 BMIN=0".
    pub fn beams_passed_over(&self) -> Vec<String> {
        let mut passed_over = self.inner.beam.passed_over.clone();
        let (rows, wrong) = (self.inner.beams.len(), beam_table::nonsense(&self.inner.beams));
        if wrong > 0 {
            passed_over.push(format!("BEAMS table, in {wrong} of {rows} rows,"));
        }
        passed_over
    }

    /// The unit of the pixels as the header has it; empty if it has none.
    pub fn unit(&self) -> &str {
        &self.inner.unit
    }

    /// The name of the object; empty if the header has none.
    pub fn object(&self) -> &str {
        &self.inner.object
    }

    /// The beam of a plane, from BMAJ, BMIN and BPA, from the HISTORY of AIPS, or else from a BEAMS table; `None` if
    /// none of them makes sense.
    ///
    /// It is in degrees: an image whose cell is not known has none.
    pub fn beam(&self, plane: usize) -> Option<(Beam, BeamSource)> {
        if self.inner.cell.is_err() {
            return None;
        }
        let header = self.inner.beam.beam.map(|beam| (beam, BeamSource::Header));
        let table = || beam_table::beam_of(&self.inner.beams, &self.inner.axes, self.in_file(plane));
        header.or_else(|| table().map(|beam| (beam, BeamSource::Table)))
    }

    /// A rectangle of a plane, to be read later.
    ///
    /// # Panics
    /// If the rectangle does not lie inside the plane, or there is no such plane.
    pub fn section(&self, plane: usize, rect: Rect) -> Section {
        let (rows, cols) = self.shape();
        assert!(plane < self.planes(), "plane {plane} of {}", self.planes());
        assert!(
            rect.y0 >= 0 && rect.x0 >= 0 && rect.y1() <= rows as i64 && rect.x1() <= cols as i64,
            "{rect:?} does not lie inside {rows} × {cols}"
        );
        Section::new(&self.inner.file, self.inner.hdu, &self.inner.axes, self.in_file(plane), rect)
    }

    /// The plane of this image, a PSF, a mask or a model as `what` says, that belongs to a plane of a dirty image.
    ///
    /// Axes are matched by CTYPE, or by order if one of them has none. An axis of this image that is missing or of length
    /// 1 serves all planes.
    ///
    /// # Errors
    /// Of kind `Input`, if an axis has another length here than in the dirty image.
    pub fn matching_plane(&self, of: &Image, plane: usize, what: &str) -> Result<usize> {
        let (ours, theirs) = (self.axes(), &of.inner.axes);
        let named = |axes: &Axes| axes.others().all(|i| axes.list()[i].length == 1 || !axes.list()[i].name.is_empty());
        let by_name = named(ours) && named(theirs);
        let wanted = theirs.position(of.in_file(plane));
        let mut position = vec![0; ours.list().len()];
        for (order, i) in ours.others().enumerate() {
            let axis = &ours.list()[i];
            if axis.length == 1 {
                continue;
            }
            let partner = if by_name {
                theirs.others().find(|&j| theirs.list()[j].name == axis.name)
            } else {
                theirs.others().nth(order)
            };
            let length = partner.map_or(1, |j| theirs.list()[j].length);
            let part = partner.map(|j| &of.axes().list()[j]).filter(|part| part.length == axis.length);
            // One that was made of the same planes is as good as one of all.
            position[i] = match (partner, part) {
                (Some(j), _) if length == axis.length => wanted[j],
                (Some(j), Some(part)) => wanted[j] - part.first,
                _ => return Err(self.mismatch((of, length), (axis, i), what)),
            };
        }
        Ok(ours.plane_at(&position))
    }

    /// The error of an axis that has another length in the dirty image.
    fn mismatch(&self, (dirty, length): (&Image, usize), (axis, number): (&Axis, usize), what: &str) -> Error {
        let name = if axis.name.is_empty() { format!("axis {}", number + 1) } else { format!("axis {}", axis.name) };
        let message = format!(
            "the {what}'s {name} has length {}, but {length} in the dirty image {}",
            axis.length,
            dirty.path().display()
        );
        Error::input(self.path(), message)
            .remedy(format!("give a {what} with one plane, or with one for every plane of the image"))
    }
}
