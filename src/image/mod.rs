//! FITS images: what their headers say, and how sections of their planes are read and written.
//!
//! [`Image`] is the header and geometry of an input: sky axes in any order, planes along the others. A task reads
//! pixels through a [`Section`] and writes them through a [`Target`], which are plain data: they name a file and a
//! rectangle, never a handle, so that they can be sent anywhere. A [`Product`] is an output file that, being
//! [`Hidden`], comes to its name only when it is whole. [`fit_beam`] measures the main lobe of a PSF.
//!
//! cfitsio reads; headers and pixels are written here, as bytes at known places, which any number of tasks may do at
//! once and again. In arrays, rows run along longitude and columns along latitude, whatever the order in the file.

pub mod axes;
pub mod beam;
mod beam_table;
pub mod cell;
pub mod cfitsio;
pub mod checksum;
pub mod file;
mod find;
pub mod fit;
pub mod header;
mod header_beam;
pub mod hidden;
pub mod input;
pub mod product;
pub mod rect;
pub mod region;
mod same;
pub mod section;
pub mod sky;
pub mod target;
mod unit;
mod whole;

pub use axes::{Axis, PlaneLabel};
pub use beam::{Beam, BeamSource};
pub use cell::Cell;
pub use fit::fit_beam;
pub use hidden::{Hidden, reserve_space};
pub use input::Image;
pub use product::Product;
pub use rect::Rect;
pub use region::Regions;
pub use section::Section;
pub use sky::Sky;
pub use target::Target;
pub use unit::ProductKind;
pub use whole::check_whole;

/// Bytes of a FITS block: headers and data fill whole ones.
pub const BLOCK: usize = 2880;
