//! The file behind the name of an input: `x.fits`, `x.fits.gz`, `x.fits[SCI,2]`.
//!
//! What cfitsio cannot read in place, a packed file or one without its padding, is copied once to a scratch file, so that
//! tasks read sections of it and not the whole in memory. The scratch file goes when nobody needs it any more.

use super::BLOCK;
use crate::error::{Error, Result};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::{NamedTempFile, TempPath};

/// Which HDU a name asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hdu {
    /// The one of this number; 0 is the primary.
    Number(usize),
    /// The one with this EXTNAME and, if given, EXTVER.
    Name(String, Option<i64>),
}

/// A file to read, and what the user calls it.
#[derive(Debug)]
pub struct InputFile {
    /// What the user calls it, brackets and all: for messages.
    pub name: Arc<Path>,
    /// What is to be opened: the user's file or its scratch copy.
    pub read: Arc<Path>,
    /// The HDU that the name asks for.
    pub hdu: Option<Hdu>,
    /// Removes the scratch copy when it is dropped.
    _scratch: Option<TempPath>,
}

impl InputFile {
    /// Finds the file, unpacks it if it is packed.
    ///
    /// # Errors
    /// Of kind `Input`, if it is missing, no file, packed with something other than gzip, or damaged.
    pub fn find(name: &Path) -> Result<InputFile> {
        let (path, hdu) = split(name)?;
        let metadata = std::fs::metadata(&path)
            .map_err(|error| Error::input(name, format!("cannot be opened: {error}")).remedy("check the name"))?;
        if !metadata.is_file() {
            return Err(Error::input(name, "is not a file").remedy("name a FITS file"));
        }
        let found = InputFile { name: name.into(), read: path.into(), hdu, _scratch: None };
        match packing(&start(&found.read)) {
            None => Ok(found),
            Some(("gzip", _)) => found.unpacked(),
            Some((program, remedy)) => {
                Err(Error::input(name, format!("is packed with {program}, which is not read")).remedy(remedy))
            }
        }
    }

    /// The bytes of the file that is read.
    pub fn bytes(&self) -> u64 {
        std::fs::metadata(&self.read).map_or(0, |metadata| metadata.len())
    }

    /// Is there less in it than one block of a FITS file, though it begins as one?
    pub fn ends_in_header(&self) -> bool {
        self.bytes() < BLOCK as u64 && start(&self.read).starts_with(b"SIMPLE")
    }

    /// The same file in a scratch copy that ends with as many zeros as the last block lacks.
    pub fn padded(self, bytes: u64) -> Result<InputFile> {
        let missing = bytes.saturating_sub(self.bytes());
        let file = File::open(&self.read).map_err(|error| self.unread(&error))?;
        self.copied(file.chain(std::io::repeat(0).take(missing)))
    }

    fn unpacked(self) -> Result<InputFile> {
        let file = File::open(&self.read).map_err(|error| self.unread(&error))?;
        self.copied(MultiGzDecoder::new(std::io::BufReader::new(file)))
    }

    /// The same with its bytes in a scratch file.
    fn copied(self, from: impl Read) -> Result<InputFile> {
        let mut scratch = scratch_file().map_err(|error| self.no_scratch(&error))?;
        copy(from, &mut scratch).map_err(|(error, reading)| match reading {
            true => self.unread(&error),
            false => self.no_scratch(&error),
        })?;
        let scratch = scratch.into_temp_path();
        Ok(InputFile { read: scratch.to_path_buf().into(), _scratch: Some(scratch), ..self })
    }

    fn unread(&self, error: &std::io::Error) -> Error {
        // What flate2 says of bytes that are no gzip at all is of no use to anybody.
        let damaged =
            matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof);
        let what = if damaged { "its packed data are damaged or cut short" } else { "cannot be read" };
        Error::input(&self.name, format!("{what}: {error}")).remedy("fetch or copy the file again")
    }

    fn no_scratch(&self, error: &std::io::Error) -> Error {
        let place = std::env::temp_dir();
        Error::input(&self.name, format!("cannot be copied to the scratch directory {}: {error}", place.display()))
            .remedy("name a directory with room in the environment variable TMPDIR, or unpack the file yourself")
    }
}

/// The user's own file behind the name of an input: what comes before the brackets.
pub fn path_of(name: &Path) -> PathBuf {
    split(name).map_or_else(|_| name.to_path_buf(), |(path, _)| path)
}

/// The path and the HDU of a name. Brackets mean something only where there is no file of that very name.
fn split(name: &Path) -> Result<(PathBuf, Option<Hdu>)> {
    let plain = || Ok((name.to_path_buf(), None));
    let Some((path, inside)) = name.to_str().and_then(|text| text.strip_suffix(']')?.rsplit_once('[')) else {
        return plain();
    };
    if name.exists() {
        return plain();
    }
    match hdu(inside).filter(|_| !path.ends_with(']')) {
        Some(hdu) => Ok((path.into(), Some(hdu))),
        None => Err(Error::input(name, "there is no such file, and its brackets name no HDU").remedy(
            "give an HDU as x.fits[1], x.fits[NAME] or x.fits[NAME,VERSION]; sections and filters are not read",
        )),
    }
}

/// The HDU that the text in brackets means.
fn hdu(inside: &str) -> Option<Hdu> {
    let sound =
        |name: &str| !name.is_empty() && !name.contains([':', '*', '=', '<', '>', ';', '#', '(', '[', ']', ',']);
    let inside = inside.trim();
    if let Ok(number) = inside.parse() {
        return Some(Hdu::Number(number));
    }
    let (name, version) = match inside.split_once(',') {
        Some((name, version)) => (name.trim(), Some(version.trim().parse().ok()?)),
        None => (inside, None),
    };
    sound(name).then(|| Hdu::Name(name.to_string(), version))
}

/// The first bytes of a file, as many as tell what it is.
fn start(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A file that cannot be read is noticed where it is opened.
    let _ = File::open(path).and_then(|file| file.take(6).read_to_end(&mut bytes));
    bytes
}

/// The program that packed a file which begins like this, if one did, and how to unpack it.
fn packing(start: &[u8]) -> Option<(&'static str, &'static str)> {
    const KNOWN: [(&[u8], &str, &str); 7] = [
        (b"\x1f\x8b", "gzip", ""),
        (b"BZh", "bzip2", "unpack it first: bunzip2"),
        (b"\xfd7zXZ", "xz", "unpack it first: unxz"),
        (b"\x28\xb5\x2f\xfd", "zstd", "unpack it first: unzstd"),
        (b"PK\x03\x04", "zip", "unpack it first: unzip"),
        (b"\x1f\x9d", "compress", "unpack it first: uncompress"),
        (b"\x1f\xa0", "compress -H", "unpack it first: uncompress"),
    ];
    KNOWN.iter().find(|(magic, ..)| start.starts_with(magic)).map(|&(_, program, remedy)| (program, remedy))
}

fn scratch_file() -> std::io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix("deconv-").suffix(".fits").tempfile()
}

/// Copies all bytes; an error comes with whether it happened in reading.
fn copy(mut from: impl Read, to: &mut NamedTempFile) -> std::result::Result<(), (std::io::Error, bool)> {
    let mut buffer = vec![0; 1 << 20];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return to.flush().map_err(|error| (error, false)),
            Ok(count) => to.write_all(&buffer[..count]).map_err(|error| (error, false))?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err((error, true)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_brackets_mean() {
        let named = |name: &str, version| Some(Hdu::Name(name.into(), version));
        assert_eq!(hdu("1"), Some(Hdu::Number(1)));
        assert_eq!(hdu(" SCI "), named("SCI", None));
        assert_eq!(hdu("SCI, 2"), named("SCI", Some(2)));
        for nonsense in ["", "1:10,*", "SCI,2,i", "-1:3", "#x > 1", "SCI;x", "a=b", ",2", "SCI,x"] {
            assert_eq!(hdu(nonsense), None, "{nonsense}");
        }
        let split = |name: &str| split(Path::new(name));
        assert_eq!(split("a/x.fits[2]").ok(), Some(("a/x.fits".into(), Some(Hdu::Number(2)))));
        assert_eq!(split("x.fits").ok(), Some(("x.fits".into(), None)));
        assert!(split("x.fits[1][2]").is_err());
    }
}
