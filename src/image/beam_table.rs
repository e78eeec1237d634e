//! The BEAMS table that CASA puts beside an image whose planes have beams of their own.

use super::axes::Axes;
use super::beam::Beam;
use super::cell::degrees_per;
use super::cfitsio::Handle;
use super::checksum;
use super::header::{Header, integer_card, text_card, true_card};
use crate::error::Result;

/// The beam in one row of a BEAMS table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    beam: Option<Beam>,
    channel: Option<usize>,
    stokes: Option<usize>,
}

/// The rows of the BEAMS table of a file; none if there is no such table.
///
/// # Errors
/// Of kind `Input`, if the table is there but cannot be read.
pub fn read(file: &mut Handle) -> Result<Vec<Row>> {
    let mut hdu = 1;
    // What is damaged behind the image is no reason not to read the image.
    while file.go_to(hdu).unwrap_or(false) {
        let header = Header::new(file.cards()?);
        if header.text("EXTNAME").as_deref() == Some("BEAMS") {
            return read_rows(file, &header);
        }
        hdu += 1;
    }
    Ok(Vec::new())
}

/// The rows of the table in the current HDU.
fn read_rows(file: &mut Handle, header: &Header) -> Result<Vec<Row>> {
    let (Some(major), Some(minor), Some(pa)) =
        (in_degrees(file, header, "BMAJ")?, in_degrees(file, header, "BMIN")?, in_degrees(file, header, "BPA")?)
    else {
        return Ok(Vec::new());
    };
    let (channel, stokes) = (file.column("CHAN")?, file.column("POL")?);
    let place = |column: &Option<Vec<f64>>, i: usize| column.as_ref().map(|numbers| numbers[i].max(0.0) as usize);
    let row = |i: usize| Row {
        beam: Beam::sensible(major[i], minor[i], pa[i]),
        channel: place(&channel, i),
        stokes: place(&stokes, i),
    };
    Ok((0..major.len()).map(row).collect())
}

/// A column of angles in degrees, whatever its unit.
fn in_degrees(file: &mut Handle, header: &Header, name: &str) -> Result<Option<Vec<f64>>> {
    let columns = header.number("TFIELDS").unwrap_or(0.0) as usize;
    let is_it = |i: &usize| header.text(&format!("TTYPE{i}")).is_some_and(|text| text.eq_ignore_ascii_case(name));
    let Some(number) = (1..=columns).find(is_it) else { return Ok(None) };
    let degrees = degrees_per(&header.text(&format!("TUNIT{number}")).unwrap_or_default());
    let numbers = file.column(name)?;
    Ok(numbers.map(|numbers| numbers.into_iter().map(|angle| angle * degrees).collect()))
}

/// The beam that the rows of a table give for a plane.
///
/// Rows are matched by channel and polarization; a table without these columns by the plane's number.
pub fn beam_of(rows: &[Row], axes: &Axes, plane: usize) -> Option<Beam> {
    let position = axes.position(plane);
    let at = |axis: Option<usize>| axis.map_or(0, |i| position[i]);
    let (channel, stokes) = (at(axes.channel_axis()), at(axes.stokes_axis()));
    let fits = |row: &&Row| row.channel.is_none_or(|c| c == channel) && row.stokes.is_none_or(|s| s == stokes);
    let numbered = rows.iter().all(|row| row.channel.is_none() && row.stokes.is_none());
    let row = if rows.len() <= 1 {
        rows.first()
    } else if numbered {
        rows.get(plane)
    } else {
        rows.iter().find(fits)
    };
    row.and_then(|row| row.beam)
}

/// How many rows have a beam that makes no sense.
pub fn nonsense(rows: &[Row]) -> usize {
    rows.iter().filter(|row| row.beam.is_none()).count()
}

/// Bytes of a row: three f32 and two i32.
const ROW: usize = 20;

/// Bytes of the HDU that [`hdu`] makes for so many beams.
pub fn hdu_bytes(beams: usize) -> usize {
    // Its header of 30 cards fills one block.
    super::BLOCK + (beams * ROW).next_multiple_of(super::BLOCK)
}

/// The HDU of a BEAMS table with one beam (in degrees) a plane, as bytes with their checksums.
pub fn hdu(beams: &[Beam], axes: &Axes) -> Vec<u8> {
    let place = |axis: Option<usize>, position: &[usize]| axis.map_or(0, |i| position[i]) as i32;
    let mut data = Vec::with_capacity(hdu_bytes(beams.len()));
    for (plane, beam) in beams.iter().enumerate() {
        let position = axes.position(plane);
        for number in [beam.major * 3600.0, beam.minor * 3600.0, beam.pa] {
            data.extend_from_slice(&(number as f32).to_be_bytes());
        }
        data.extend_from_slice(&place(axes.channel_axis(), &position).to_be_bytes());
        data.extend_from_slice(&place(axes.stokes_axis(), &position).to_be_bytes());
    }
    data.resize(data.len().next_multiple_of(super::BLOCK), 0);
    let mut hdu = super::header::sealed(cards(beams.len(), axes), super::BLOCK, checksum::of_bytes(&data));
    hdu.append(&mut data);
    hdu
}

/// The cards of a BEAMS table with so many rows.
fn cards(rows: usize, axes: &Axes) -> Vec<String> {
    let length = |axis: Option<usize>| axis.map_or(1, |i| axes.list()[i].length) as i64;
    let mut cards = vec![
        text_card("XTENSION", "BINTABLE", "binary table extension"),
        integer_card("BITPIX", 8, ""),
        integer_card("NAXIS", 2, ""),
        integer_card("NAXIS1", ROW as i64, "bytes a row"),
        integer_card("NAXIS2", rows as i64, "rows: one a plane"),
        integer_card("PCOUNT", 0, ""),
        integer_card("GCOUNT", 1, ""),
        integer_card("TFIELDS", 5, ""),
    ];
    let columns = [
        ("BMAJ", "1E", "arcsec"),
        ("BMIN", "1E", "arcsec"),
        ("BPA", "1E", "deg"),
        ("CHAN", "1J", ""),
        ("POL", "1J", ""),
    ];
    for (i, (name, form, unit)) in (1..).zip(columns) {
        cards.push(text_card(&format!("TTYPE{i}"), name, ""));
        cards.push(text_card(&format!("TFORM{i}"), form, ""));
        if !unit.is_empty() {
            cards.push(text_card(&format!("TUNIT{i}"), unit, ""));
        }
    }
    cards.extend([
        text_card("EXTNAME", "BEAMS", ""),
        integer_card("EXTVER", 1, ""),
        integer_card("NCHAN", length(axes.channel_axis()), "number of channels"),
        integer_card("NPOL", length(axes.stokes_axis()), "number of polarizations"),
    ]);
    cards
}

/// The cards that announce a BEAMS table in the header of its image.
pub fn announcement() -> String {
    true_card("CASAMBM", "CASA multiple BEAMS table present")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_channel_and_polarization() {
        let names = ["CTYPE1  = 'RA'", "CTYPE2  = 'DEC'", "CTYPE3  = 'STOKES'", "CTYPE4  = 'FREQ'"];
        let header = Header::new(names.map(str::to_string).to_vec());
        let axes = Axes::from_header(&header, &[4, 4, 2, 3]);
        let row = |channel, stokes| Row {
            beam: Beam::sensible(10.0 + 2.0 * channel as f64 + stokes as f64, 1.0, 0.0),
            channel: Some(channel),
            stokes: Some(stokes),
        };
        let rows: Vec<Row> = (0..2).flat_map(|s| (0..3).map(move |c| row(c, s))).collect();
        for plane in 0..6 {
            let beam = beam_of(&rows, &axes, plane).expect("every plane has a row");
            assert_eq!(beam.major, 10.0 + plane as f64);
        }
        assert_eq!(beam_of(&[], &axes, 0), None);
    }
}
