//! Which HDU of a file is the image, and what to say if none is.

use super::cfitsio::Handle;
use super::file::{Hdu, InputFile};
use super::header::Header;
use crate::error::{Error, Result};

/// What a file holds beside images of at least two axes.
#[derive(Default)]
struct Seen {
    axes: usize,
    groups: bool,
    visibilities: bool,
    tables: bool,
}

/// Opens the file and goes to its image: the HDU that its name asks for, else the first image with at least two axes.
/// Returns the handle, the HDU and the lengths of the axes.
///
/// # Errors
/// Of kind `Input`, if there is no such image or the file is shorter than its header claims.
pub fn open_image(mut input: InputFile) -> Result<(InputFile, Handle, usize, Vec<usize>)> {
    if input.ends_in_header() {
        return Err(Error::input(&input.name, "cannot be read as FITS: it is truncated, its header has no end")
            .remedy("check that it is a whole FITS file; fetch or copy it again"));
    }
    let mut file = Handle::open(&input.read, &input.name)?;
    let (hdu, lengths) = match input.hdu.clone() {
        None => first_image(&mut file, &input)?,
        Some(wanted) => wanted_image(&mut file, &input, &wanted)?,
    };
    let (bytes, (data, end)) = (input.bytes(), file.extent()?);
    if bytes >= end {
        return Ok((input, file, hdu, lengths));
    }
    if bytes < data.saturating_add(data_bytes(&Header::new(file.cards()?))) {
        let message = format!("file is truncated: {bytes} bytes, header needs {end}");
        return Err(Error::input(&input.name, message).remedy("fetch or copy the file again"));
    }
    // All pixels are there, but cfitsio reads whole blocks only.
    input = input.padded(end)?;
    let mut file = Handle::open(&input.read, &input.name)?;
    file.go_to(hdu)?;
    Ok((input, file, hdu, lengths))
}

/// Bytes of the data that a header announces, without padding.
fn data_bytes(header: &Header) -> u64 {
    let number = |name: &str, default: f64| header.number(name).unwrap_or(default).abs() as u64;
    let axes = (1..=number("NAXIS", 0.0)).map(|i| number(&format!("NAXIS{i}"), 0.0));
    let product = axes.fold(1u64, u64::saturating_mul).saturating_add(number("PCOUNT", 0.0));
    product.saturating_mul(number("GCOUNT", 1.0)).saturating_mul(number("BITPIX", 8.0) / 8)
}

/// Lengths of the axes of the image in the current HDU, if that has at least two, none of them of no length.
fn lengths_of(file: &mut Handle, input: &InputFile, seen: &mut Seen) -> Result<Option<Vec<usize>>> {
    let header = Header::new(file.cards()?);
    seen.groups |= header.is_true("GROUPS");
    if !file.is_image() {
        seen.tables = true;
        seen.visibilities |= header.text("EXTNAME").is_some_and(|name| name == "AIPS UV" || name == "UV_DATA");
        return Ok(None);
    }
    let lengths = file.lengths()?;
    let pixels = lengths.iter().try_fold(8usize, |product, &length| product.checked_mul(length));
    if pixels.is_none_or(|pixels| pixels > i64::MAX as usize) {
        return Err(Error::input(&input.name, "its header claims more pixels than can be counted")
            .remedy("the header is damaged: fetch the file again"));
    }
    if lengths.len() >= 2 && lengths.iter().all(|&length| length > 0) {
        return Ok(Some(lengths));
    }
    seen.axes = seen.axes.max(lengths.iter().filter(|&&length| length > 0).count());
    Ok(None)
}

fn first_image(file: &mut Handle, input: &InputFile) -> Result<(usize, Vec<usize>)> {
    let mut seen = Seen::default();
    let mut hdu = 0;
    while file.go_to(hdu)? {
        if let Some(lengths) = lengths_of(file, input, &mut seen)? {
            return Ok((hdu, lengths));
        }
        hdu += 1;
    }
    Err(seen.error(input, "holds"))
}

fn wanted_image(file: &mut Handle, input: &InputFile, wanted: &Hdu) -> Result<(usize, Vec<usize>)> {
    let mut hdu = 0;
    while file.go_to(hdu)? {
        if is_wanted(file, hdu, wanted)? {
            let mut seen = Seen::default();
            let lengths = lengths_of(file, input, &mut seen)?;
            return lengths.map(|lengths| (hdu, lengths)).ok_or_else(|| seen.error(input, "this HDU holds"));
        }
        hdu += 1;
    }
    let message = format!("has no such HDU, but {hdu} others");
    Err(Error::input(&input.name, message).remedy("leave the brackets out for the first image of the file"))
}

fn is_wanted(file: &mut Handle, hdu: usize, wanted: &Hdu) -> Result<bool> {
    let Hdu::Name(name, version) = wanted else { return Ok(*wanted == Hdu::Number(hdu)) };
    let header = Header::new(file.cards()?);
    let named = ["EXTNAME", "HDUNAME"].iter().filter_map(|keyword| header.text(keyword));
    // A missing EXTVER is 1.
    let of_version = version.is_none_or(|version| header.number("EXTVER").unwrap_or(1.0) == version as f64);
    Ok(of_version && named.into_iter().any(|text| text.eq_ignore_ascii_case(name)))
}

impl Seen {
    /// The error of a file, or one HDU of it, that `holds` no image.
    fn error(&self, input: &InputFile, holds: &str) -> Error {
        const GIVE: &str = "give a FITS file with an image of the sky";
        let (what, remedy) = match self {
            Seen { groups: true, .. } => ("visibilities (random groups), not an image", "image it first"),
            Seen { visibilities: true, .. } => ("visibilities (in a table), not an image", "image it first"),
            Seen { axes: 1.., .. } => ("no image with at least 2 axes", GIVE),
            Seen { tables: true, .. } => ("tables, no image", GIVE),
            _ => ("no image", GIVE),
        };
        Error::input(&input.name, format!("{holds} {what}")).remedy(remedy)
    }
}
