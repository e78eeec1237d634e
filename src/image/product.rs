//! An output file: hidden until it is whole.
//!
//! Its header is laid out first, with room for what is only known at the end, so that the pixels that tasks write in
//! between never move.

use super::axes::Axes;
use super::beam::Beam;
use super::beam_table;
use super::cell::Cell;
use super::header::{self, CARD, Header, integer_card, keyword, real_card, text_card, text_cards, true_card};
use super::hidden::Hidden;
use super::input::Image;
use super::rect::Rect;
use super::target::{PIXEL, Target};
use super::unit::ProductKind;
use super::{BLOCK, unit};
use crate::error::{Error, Result};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// An output file under a temporary name beside its final one. It is removed on drop unless published or left.
#[derive(Debug)]
pub struct Product {
    hidden: Hidden,
    axes: Axes,
    cell: Cell,
    kind: ProductKind,
    cards: Vec<String>,
    /// Bytes of the header.
    data: usize,
}

impl Product {
    /// A file with the axes and the header of `like`, room for its pixels, and for `reserve` lines of HISTORY (of 144
    /// characters on average). Unwritten pixels are zero.
    ///
    /// # Errors
    /// Of kind `Output`, if the directory is missing, cannot be written or has no space.
    pub fn create(path: &Path, like: &Image, kind: ProductKind, reserve: usize) -> Result<Product> {
        let product = Product::laid_out(Hidden::create(path)?, like, kind, reserve);
        product.allocate()?;
        Ok(product)
    }

    /// A file without an input, with axes of these lengths (at least two), pixels in this unit, and a header that says what
    /// axes and pixels are and nothing of how they are stored. Otherwise as [`Product::create`].
    ///
    /// # Errors
    /// Those of [`Product::create`].
    pub fn new(
        path: &Path,
        header: &Header,
        lengths: &[usize],
        (kind, unit): (ProductKind, &str),
        reserve: usize,
    ) -> Result<Product> {
        let axes = Axes::from_header(header, lengths);
        let cell = Cell::from_header(header, &axes).unwrap_or(Cell::UNKNOWN);
        let mut cards = structure(&axes);
        cards.push(text_card("BUNIT", unit, ""));
        cards.extend_from_slice(header.cards());
        let product = Product::with_cards(Hidden::create(path)?, cards, (axes, cell, kind), reserve);
        product.allocate()?;
        Ok(product)
    }

    /// The file that an earlier run has left of this product, under its temporary name or, if `published`, under its final
    /// one (see [`Hidden::adopt`]); none if there is none, or if it cannot be this product.
    ///
    /// # Errors
    /// Of kind `Output`, if another run is writing it.
    pub fn adopt(
        path: &Path,
        published: bool,
        like: &Image,
        kind: ProductKind,
        reserve: usize,
    ) -> Result<Option<Product>> {
        let product = Hidden::adopt(path, published)?.map(|hidden| Product::laid_out(hidden, like, kind, reserve));
        let bytes = |product: &Product| product.hidden.file().metadata().map_or(0, |metadata| metadata.len());
        Ok(product.filter(|product| bytes(product) >= product.image_end()))
    }

    fn laid_out(hidden: Hidden, like: &Image, kind: ProductKind, reserve: usize) -> Product {
        Product::with_cards(hidden, cards(like, kind), (like.axes().clone(), like.cell(), kind), reserve)
    }

    fn with_cards(
        hidden: Hidden,
        cards: Vec<String>,
        (axes, cell, kind): (Axes, Cell, ProductKind),
        reserve: usize,
    ) -> Product {
        let beams = if cell.known { 4 } else { axes.planes() + 1 };
        let data = ((cards.len() + beams + 2 * reserve + 3) * CARD).next_multiple_of(BLOCK) + BLOCK;
        Product { hidden, axes, cell, kind, cards, data }
    }

    /// The ones'-complement sum of the pixels of a plane as they are in the file now; none if they cannot be read.
    pub fn sum(&self, plane: usize) -> Option<u32> {
        let (rows, cols) = self.axes.shape();
        self.target(plane, Rect::plane(rows, cols)).sum_in(self.hidden.file()).ok()
    }

    /// Takes its final name from a published file, and so from an adopted one that was.
    ///
    /// # Errors
    /// Of kind `Output`.
    pub fn withdraw(&mut self) -> Result<()> {
        self.hidden.withdraw()
    }

    /// The file stays under its temporary name when this is dropped.
    pub fn leave(&mut self) {
        self.hidden.leave();
    }

    /// The final name.
    pub fn path(&self) -> &Path {
        self.hidden.path()
    }

    /// The temporary name.
    pub fn temporary(&self) -> &Path {
        self.hidden.temporary()
    }

    /// The file as it is, under its temporary name, to be read.
    ///
    /// # Errors
    /// Of kind `Input`, if it is not [finished](Product::finish).
    pub fn image(&self) -> Result<Image> {
        Image::open(self.hidden.temporary())
    }

    /// Size of a pixel on the sky; a pixel, if the header does not tell it.
    pub fn cell(&self) -> Cell {
        self.cell
    }

    /// Where a rectangle of a plane goes.
    pub fn target(&self, plane: usize, rect: Rect) -> Target {
        Target::new(self.hidden.temporary().clone(), self.data as u64, &self.axes, plane, rect)
    }

    /// Writes the header: with HISTORY lines, the beam of each plane (none for model and mask), and the sum of all pixels
    /// that the targets returned. Lines of HISTORY that do not fit the space reserved for them are left out.
    ///
    /// # Errors
    /// Of kind `Output`, if the file cannot be written.
    pub fn finish(&mut self, history: &[String], beams: &[Beam], datasum: u32) -> Result<()> {
        if !beams.is_empty() && beams.len() != self.axes.planes() {
            return Err(Error::internal("a product needs one beam a plane, or none").about(self.path()));
        }
        let beams = if self.kind.has_beam() { beams } else { &[] };
        let different = beams.iter().any(|beam| !beam.same(&beams[0]));
        let mut cards = self.cards.clone();
        cards.extend(beam_cards(beams, &self.cell, different));
        cards.extend(history.iter().flat_map(|line| text_cards("HISTORY", line)));
        cards.truncate(header::room(self.data));
        let mut end = self.image_end();
        let write = || -> std::io::Result<()> {
            self.hidden.file().write_all_at(&header::sealed(cards, self.data, datasum), 0)?;
            if self.cell.known && different {
                let table = beam_table::hdu(beams, &self.axes);
                self.hidden.file().write_all_at(&table, end)?;
                end += table.len() as u64;
            }
            self.hidden.file().set_len(end)?;
            // Some file systems report a full disk only now.
            self.hidden.file().sync_all()
        };
        write().map_err(|error| self.hidden.failed(&error))
    }

    /// Gives the file its final name. A file that has the name already is only replaced if `overwrite` says so.
    ///
    /// # Errors
    /// Of kind `Output`, if the name is taken or cannot be given.
    pub fn publish(&mut self, overwrite: bool) -> Result<()> {
        self.hidden.publish(overwrite)
    }

    /// Takes the space on the disk for the pixels and what may follow them.
    fn allocate(&self) -> Result<()> {
        let table = if self.kind.has_beam() { beam_table::hdu_bytes(self.axes.planes()) } else { 0 };
        let bytes = self.image_end() + table as u64;
        self.hidden.reserve(bytes)
    }

    /// Bytes of header and pixels.
    fn image_end(&self) -> u64 {
        self.data as u64 + (self.axes.pixels() as u64 * PIXEL).next_multiple_of(BLOCK as u64)
    }
}

/// The cards that are known from the start: structure, unit, and all that the input says beside these.
fn cards(like: &Image, kind: ProductKind) -> Vec<String> {
    let mut cards = structure(like.axes());
    cards.push(text_card("BUNIT", &unit::of_product(like.unit(), kind), &unit::comment(like.unit(), kind)));
    let mut left_out = false;
    for card in like.header().cards() {
        // A CONTINUE card shares the fate of the card that it continues.
        left_out = if keyword(card) == "CONTINUE" { left_out } else { is_replaced(keyword(card), like) };
        if !left_out {
            cards.push(shifted(card, like.axes()));
        }
    }
    cards
}

/// A card of the input; the reference pixel of an axis that is cut lies elsewhere.
fn shifted(card: &str, axes: &Axes) -> String {
    let name = keyword(card);
    // Other coordinates than the first ones have a letter at the end.
    let number = name.strip_prefix("CRPIX").map(|rest| rest.trim_end_matches(|c: char| c.is_ascii_uppercase()));
    let axis = number.and_then(|number| axes.list().get(number.parse::<usize>().ok()?.checked_sub(1)?));
    let pixel = || Header::new(vec![card.into()]).number(name);
    match axis.filter(|axis| axis.first > 0).zip(pixel()) {
        None => card.into(),
        Some((axis, pixel)) => real_card(name, pixel - axis.first as f64, "reference pixel"),
    }
}

/// The cards that say how pixels are stored.
fn structure(axes: &Axes) -> Vec<String> {
    let lengths = axes.list().iter().map(|axis| axis.length as i64);
    let mut cards = vec![
        true_card("SIMPLE", "file does conform to FITS standard"),
        integer_card("BITPIX", -32, "number of bits per data pixel"),
        integer_card("NAXIS", axes.list().len() as i64, "number of data axes"),
    ];
    cards.extend((1..).zip(lengths).map(|(i, length)| integer_card(&format!("NAXIS{i}"), length, "")));
    cards.push(true_card("EXTEND", "file may contain extensions"));
    cards
}

/// Is a keyword of the input about how its pixels are stored, or written anew?
fn is_replaced(keyword: &str, like: &Image) -> bool {
    const ALWAYS: [&str; 22] = [
        "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS", "BSCALE", "BZERO", "BLANK",
        "CHECKSUM", "DATASUM", "DATAMIN", "DATAMAX", "BUNIT", "BMAJ", "BMIN", "BPA", "CASAMBM", "END", "BLOCKED",
    ];
    const EXTENSION: [&str; 4] = ["EXTNAME", "EXTVER", "EXTLEVEL", "INHERIT"];
    const COMPRESSED: [&str; 24] = [
        "ZIMAGE", "ZTENSION", "ZSIMPLE", "ZEXTEND", "ZBLOCKED", "ZBITPIX", "ZNAXIS", "ZPCOUNT", "ZGCOUNT", "ZCMPTYPE",
        "ZMASKCMP", "ZQUANTIZ", "ZDITHER0", "ZBLANK", "ZSCALE", "ZZERO", "ZHECKSUM", "ZDATASUM", "ZTILE", "ZNAME",
        "ZVAL", "TFIELDS", "THEAP", "TTYPE",
    ];
    let stem = keyword.trim_end_matches(|c: char| c.is_ascii_digit());
    ALWAYS.contains(&keyword)
        || (stem == "NAXIS")
        || (like.in_extension() && EXTENSION.contains(&keyword))
        || (like.compressed()
            && (COMPRESSED.contains(&keyword) || COMPRESSED.contains(&stem) || stem == "TFORM" || stem == "TUNIT"))
}

/// The cards that tell the beams of the planes.
fn beam_cards(beams: &[Beam], cell: &Cell, different: bool) -> Vec<String> {
    let Some(first) = beams.first() else { return Vec::new() };
    if !cell.known {
        let line = |beam: &Beam| {
            let sizes = format!("{:.4} x {:.4}, angle {:.2} deg", beam.major, beam.minor, beam.pa);
            text_cards("COMMENT", &format!("restoring beam in pixels: {sizes}"))
        };
        return beams.iter().take(if different { beams.len() } else { 1 }).flat_map(line).collect();
    }
    if different {
        return vec![beam_table::announcement()];
    }
    vec![
        real_card("BMAJ", first.major, "[deg] beam major axis (FWHM)"),
        real_card("BMIN", first.minor, "[deg] beam minor axis (FWHM)"),
        real_card("BPA", first.pa, "[deg] beam position angle"),
    ]
}
