//! A list of components as a FITS table.

use super::{Catalogue, Entry};
use crate::image::header::{CARD, integer_card, keyword, sealed, text_card, text_cards, true_card};
use crate::image::{BLOCK, checksum};

/// Bytes of a row: whole 32-bit words, of which the checksum is made.
const ROW: usize = 52;

/// What stands for a channel where there is none.
const NO_CHANNEL: i32 = -1;

/// The rows so far.
#[derive(Debug, Default)]
pub(super) struct Sum {
    rows: u64,
    datasum: u32,
}

impl Sum {
    /// Counts a row.
    pub(super) fn add(&mut self, row: Vec<u8>) -> Vec<u8> {
        self.rows += 1;
        self.datasum = checksum::add(self.datasum, checksum::of_bytes(&row));
        row
    }

    /// What fills the last block.
    pub(super) fn padding(&self) -> Vec<u8> {
        let bytes = self.rows * ROW as u64;
        vec![0; (bytes.next_multiple_of(BLOCK as u64) - bytes) as usize]
    }
}

/// The bytes of a row, in the order of [`columns`].
pub(super) fn row(catalogue: &Catalogue<'_>, entry: &Entry) -> Vec<u8> {
    let Entry { plane, component, position } = entry;
    let label = catalogue.image.plane(*plane);
    let (lon, lat) = position.unwrap_or((f64::NAN, f64::NAN));
    let mut stokes = label.stokes.unwrap_or_default().into_bytes();
    stokes.resize(4, b' ');
    let mut row = Vec::with_capacity(ROW);
    row.extend_from_slice(&(component.x as i32).to_be_bytes());
    row.extend_from_slice(&(component.y as i32).to_be_bytes());
    row.extend_from_slice(&lon.to_be_bytes());
    row.extend_from_slice(&lat.to_be_bytes());
    row.extend_from_slice(&component.flux.to_be_bytes());
    row.extend_from_slice(&(catalogue.size(entry) as f32).to_be_bytes());
    row.extend_from_slice(&(catalogue.image.in_file(*plane) as i32).to_be_bytes());
    row.extend_from_slice(&stokes);
    row.extend_from_slice(&label.channel.map_or(NO_CHANNEL, |channel| channel as i32).to_be_bytes());
    row.extend_from_slice(&catalogue.image.frequency(*plane).unwrap_or(f64::NAN).to_be_bytes());
    row
}

/// Name, form, unit and meaning of each column.
fn columns<'a>(catalogue: &'a Catalogue<'_>) -> [(&'a str, &'a str, &'a str, &'a str); 10] {
    let [lon, lat] = catalogue.names();
    [
        ("X", "1J", "pixel", "column, counted from 0"),
        ("Y", "1J", "pixel", "row, counted from 0"),
        (lon, "1D", "deg", "longitude"),
        (lat, "1D", "deg", "latitude"),
        ("FLUX", "1E", &catalogue.unit, "flux of the component"),
        ("SCALE", "1E", "pixel", "size of the scale, 0 for a point"),
        ("PLANE", "1J", "", "plane of the image, counted from 0"),
        ("STOKES", "4A", "", "polarization"),
        ("CHANNEL", "1J", "", "channel, counted from 0"),
        ("FREQ", "1D", "Hz", "frequency"),
    ]
}

/// The header of the file and that of the table with these rows.
pub(super) fn head(catalogue: &Catalogue<'_>, sum: &Sum) -> Vec<u8> {
    let primary = vec![
        true_card("SIMPLE", "file does conform to FITS standard"),
        integer_card("BITPIX", 8, ""),
        integer_card("NAXIS", 0, "there is no image, but a table"),
        true_card("EXTEND", "file may contain extensions"),
    ];
    let cards = cards(catalogue, sum);
    // Beside CHECKSUM, DATASUM and END.
    let bytes = ((cards.len() + 3) * CARD).next_multiple_of(BLOCK);
    [sealed(primary, BLOCK, 0), sealed(cards, bytes, sum.datasum)].concat()
}

fn cards(catalogue: &Catalogue<'_>, sum: &Sum) -> Vec<String> {
    let columns = columns(catalogue);
    let mut cards = vec![
        text_card("XTENSION", "BINTABLE", "binary table extension"),
        integer_card("BITPIX", 8, ""),
        integer_card("NAXIS", 2, ""),
        integer_card("NAXIS1", ROW as i64, "bytes a row"),
        integer_card("NAXIS2", sum.rows as i64, "rows: one a component"),
        integer_card("PCOUNT", 0, ""),
        integer_card("GCOUNT", 1, ""),
        integer_card("TFIELDS", columns.len() as i64, ""),
    ];
    for (i, (name, form, unit, meaning)) in (1..).zip(columns) {
        cards.push(text_card(&format!("TTYPE{i}"), name, ""));
        cards.push(text_card(&format!("TFORM{i}"), form, ""));
        if !unit.is_empty() {
            cards.push(text_card(&format!("TUNIT{i}"), unit, ""));
        }
        cards.push(text_card(&format!("TCOMM{i}"), meaning, ""));
        if name == "CHANNEL" {
            cards.push(integer_card(&format!("TNULL{i}"), i64::from(NO_CHANNEL), ""));
        }
    }
    cards.push(text_card("EXTNAME", "COMPONENTS", "components of the model"));
    const FRAME: [&str; 6] = ["RADESYS", "RADECSYS", "EQUINOX", "EPOCH", "OBJECT", "SPECSYS"];
    let kept = catalogue.image.header().cards().iter().filter(|card| FRAME.contains(&keyword(card)));
    cards.extend(kept.take(FRAME.len()).cloned());
    let file = catalogue.image.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    cards.extend(
        text_cards("HISTORY", &format!("deconv {}: components of {file}", env!("CARGO_PKG_VERSION")))
            .into_iter()
            .take(3),
    );
    cards
}
