//! Reading FITS files with cfitsio: all the unsafe calls of this room, in safe clothes.
//!
//! A [`Handle`] belongs to one thread. cfitsio is built reentrant, so threads may use handles of their own at once,
//! on the same file too.

use crate::error::{Error, Result};
use fitsio::sys;
use std::ffi::{CStr, CString, c_char, c_int, c_long};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::null_mut;

/// The most axes that cfitsio reads sections of.
pub const MAX_AXES: usize = 9;

/// cfitsio's status for "there are no more HDUs".
const END_OF_FILE: c_int = 107;

/// cfitsio's status for "error reading from FITS file": of the system's, not of what is in the file.
const READ_ERROR: c_int = 108;

/// cfitsio's status for "numerical overflow during type conversion".
const OVERFLOW: c_int = 412;

/// BITPIX of f32.
const F32: c_int = -32;

/// Room for a card, a keyword or a message and the zero after it.
const TEXT: usize = 128;

/// A FITS file opened for reading.
pub struct Handle {
    raw: *mut sys::fitsfile,
    /// What errors call the file.
    path: PathBuf,
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut status = 0;
        // SAFETY: `raw` came from ffdkopn and is closed only here. A file opened for reading loses nothing if closing fails.
        unsafe { sys::ffclos(self.raw, &mut status) };
    }
}

impl Handle {
    /// Opens a file that exists, under its plain name: brackets and the like mean nothing special. Errors call it `known_as`.
    ///
    /// # Errors
    /// Of kind `Input`, if cfitsio does not take it for a FITS file.
    pub fn open(path: &Path, known_as: &Path) -> Result<Handle> {
        // cfitsio expands a tilde and skips blanks at the start of a name.
        let plain = if path.is_relative() { Path::new(".").join(path) } else { path.to_path_buf() };
        let name = CString::new(plain.as_os_str().as_bytes()).map_err(|_| Error::input(known_as, "not a file name"))?;
        let (mut raw, mut status) = (null_mut(), 0);
        // SAFETY: the name ends with a zero; `raw` is only used if the call says that it succeeded.
        unsafe { sys::ffdkopn(&mut raw, name.as_ptr(), 0, &mut status) };
        if status != 0 {
            let reason = reason(status);
            return Err(Error::input(known_as, format!("cannot be read as FITS: {reason}"))
                .remedy("check that it is a whole FITS file, unpacked or packed with gzip"));
        }
        Ok(Handle { raw, path: known_as.to_path_buf() })
    }

    /// Goes to an HDU (0-based); false if there is none of that number.
    ///
    /// # Errors
    /// Of kind `Input`, if its header is damaged.
    pub fn go_to(&mut self, hdu: usize) -> Result<bool> {
        let mut status = 0;
        // SAFETY: `raw` is open; cfitsio accepts null for a type that is not wanted.
        unsafe { sys::ffmahd(self.raw, hdu as c_int + 1, null_mut(), &mut status) };
        if status == END_OF_FILE {
            forget_messages();
            return Ok(false);
        }
        self.check(status, "its header cannot be read").map(|()| true)
    }

    /// Is the current HDU an image, compressed or not?
    pub fn is_image(&mut self) -> bool {
        let (mut kind, mut status) = (0, 0);
        // SAFETY: `raw` is open.
        unsafe { sys::ffghdt(self.raw, &mut kind, &mut status) };
        status == 0 && (kind == sys::IMAGE_HDU as c_int || self.is_compressed())
    }

    /// Is the current HDU a compressed image?
    pub fn is_compressed(&mut self) -> bool {
        let mut status = 0;
        // SAFETY: `raw` is open.
        unsafe { sys::fits_is_compressed_image(self.raw, &mut status) != 0 }
    }

    /// Lengths of the axes of the image in the current HDU.
    ///
    /// # Errors
    /// Of kind `Input`, if the header is damaged or there are more than [`MAX_AXES`].
    pub fn lengths(&mut self) -> Result<Vec<usize>> {
        let (mut count, mut status) = (0, 0);
        let mut lengths = [0 as c_long; MAX_AXES];
        // SAFETY: `raw` is open.
        unsafe { sys::ffgidm(self.raw, &mut count, &mut status) };
        self.check(status, "its axes cannot be read")?;
        if count > MAX_AXES as c_int {
            return Err(Error::input(&self.path, format!("has {count} axes, at most {MAX_AXES} can be read"))
                .remedy("drop the axes of length 1"));
        }
        // SAFETY: `raw` is open; `lengths` has room for `count` numbers.
        unsafe { sys::ffgisz(self.raw, count, lengths.as_mut_ptr(), &mut status) };
        self.check(status, "its axes cannot be read")?;
        Ok(lengths[..count as usize].iter().map(|&length| length.max(0) as usize).collect())
    }

    /// All cards of the current HDU but END, each of at most 80 characters; bytes that are not ASCII come as Latin-1.
    ///
    /// # Errors
    /// Of kind `Input`, if they cannot be read.
    pub fn cards(&mut self) -> Result<Vec<String>> {
        let (mut count, mut more, mut status) = (0, 0, 0);
        // SAFETY: `raw` is open.
        unsafe { sys::ffghsp(self.raw, &mut count, &mut more, &mut status) };
        self.check(status, "its header cannot be read")?;
        let mut cards = Vec::with_capacity(count as usize);
        for number in 1..=count {
            let mut card = [0 as c_char; TEXT];
            // SAFETY: `raw` is open; cfitsio writes at most 81 bytes, the last of them zero.
            unsafe { sys::ffgrec(self.raw, number, card.as_mut_ptr(), &mut status) };
            self.check(status, "its header cannot be read")?;
            cards.push(text(&card));
        }
        Ok(cards)
    }

    /// Bytes of the file up to the data of the current HDU and up to its end, as its header has it.
    ///
    /// # Errors
    /// Of kind `Input`, if the header is damaged.
    pub fn extent(&mut self) -> Result<(u64, u64)> {
        let (mut head, mut data, mut end, mut status) = (0, 0, 0, 0);
        // SAFETY: `raw` is open.
        unsafe { sys::ffghadll(self.raw, &mut head, &mut data, &mut end, &mut status) };
        self.check(status, "its size cannot be read")?;
        Ok((data.max(0) as u64, end.max(0) as u64))
    }

    /// Reads the pixels from `first` to `last` (1-based, both included, one number an axis), the first axis varying
    /// fastest. Blanks become NaN; infinities stay, unless the image is compressed.
    ///
    /// # Errors
    /// Of kind `Input`, if they cannot be read or do not fit an f32.
    pub fn read(&mut self, first: &[i64], last: &[i64], out: &mut [f32]) -> Result<()> {
        let pixels: i64 = first.iter().zip(last).map(|(a, b)| (b - a + 1).max(0)).product();
        let lengths = self.lengths()?;
        let inside = lengths.iter().zip(first.iter().zip(last)).all(|(&n, (&a, &b))| 1 <= a && a <= b && b <= n as i64);
        if !inside || first.len() != lengths.len() || last.len() != lengths.len() || pixels as usize != out.len() {
            return Err(Error::internal("a section does not fit its image").about(&self.path));
        }
        let (mut first, mut last) = (first.to_vec(), last.to_vec());
        let (mut step, mut blank) = ([1 as c_long; MAX_AXES], f32::NAN);
        let (mut any_blank, mut status) = (0, 0);
        // cfitsio takes infinities for blanks, and numbers near zero for zero, if it looks for blanks. A NaN is a NaN without.
        let blank = if self.holds_floats()? { std::ptr::null_mut() } else { (&raw mut blank).cast() };
        // SAFETY: `raw` is open; the corners and steps have a number for each axis of the image and lie inside it;
        // `out` has room for exactly the pixels between them, which cfitsio converts to f32; `blank` is null or an f32.
        unsafe {
            sys::ffgsv(
                self.raw,
                sys::TFLOAT as c_int,
                first.as_mut_ptr(),
                last.as_mut_ptr(),
                step.as_mut_ptr(),
                blank,
                out.as_mut_ptr().cast(),
                &mut any_blank,
                &mut status,
            )
        };
        if status == OVERFLOW {
            forget_messages();
            return Err(Error::input(&self.path, "holds infinite pixels, or larger ones than an f32 can be")
                .remedy("make them blank (NaN), or find out where they come from"));
        }
        self.check(status, "its pixels cannot be read")
    }

    /// Are the pixels of the current HDU stored as floating-point numbers, as they are?
    fn holds_floats(&mut self) -> Result<bool> {
        let (mut bits, mut status) = (0, 0);
        // SAFETY: `raw` is open.
        unsafe { sys::ffgidt(self.raw, &mut bits, &mut status) };
        self.check(status, "its pixels cannot be read")?;
        Ok(bits < 0 && !self.is_compressed())
    }

    /// The byte at which the pixels of the current HDU begin, if they are f32 as they are: neither scaled nor compressed.
    ///
    /// # Errors
    /// Of kind `Input`, if it cannot be read.
    pub fn plain_floats(&mut self) -> Result<Option<u64>> {
        let (mut bits, mut status) = (0, 0);
        // SAFETY: `raw` is open.
        unsafe { sys::ffgidt(self.raw, &mut bits, &mut status) };
        self.check(status, "its pixels cannot be read")?;
        let scaled = self.number(c"BSCALE").is_some_and(|scale| scale != 1.0);
        if bits != F32 || self.is_compressed() || scaled || self.number(c"BZERO").is_some_and(|zero| zero != 0.0) {
            return Ok(None);
        }
        let (mut head, mut data, mut end) = (0, 0, 0);
        // SAFETY: `raw` is open.
        unsafe { sys::ffghadll(self.raw, &mut head, &mut data, &mut end, &mut status) };
        self.check(status, "its pixels cannot be read")?;
        Ok(u64::try_from(data).ok())
    }

    /// The number that a keyword of the current HDU has; none if it is not there.
    fn number(&mut self, keyword: &CStr) -> Option<f64> {
        let (mut number, mut status) = (0.0, 0);
        // SAFETY: `raw` is open and the keyword ends with a zero; no comment is asked for.
        unsafe { sys::ffgkyd(self.raw, keyword.as_ptr(), &mut number, null_mut(), &mut status) };
        if status != 0 {
            forget_messages();
        }
        (status == 0).then_some(number)
    }

    /// A column of numbers of the table in the current HDU, one a row; `None` if it has no such column.
    ///
    /// # Errors
    /// Of kind `Input`, if it cannot be read.
    pub fn column(&mut self, name: &str) -> Result<Option<Vec<f64>>> {
        let name = CString::new(name).map_err(|_| Error::internal("not a column name"))?;
        let (mut rows, mut number, mut any_blank, mut status) = (0, 0, 0, 0);
        // SAFETY: `raw` is open; cfitsio does not write to the name, which ends with a zero.
        unsafe { sys::ffgcno(self.raw, 0, name.as_ptr().cast_mut(), &mut number, &mut status) };
        if status != 0 {
            forget_messages();
            return Ok(None);
        }
        // SAFETY: `raw` is open.
        unsafe { sys::ffgnrw(self.raw, &mut rows, &mut status) };
        self.check(status, "its table cannot be read")?;
        let mut numbers = vec![f64::NAN; rows.max(0) as usize];
        // SAFETY: `numbers` has room for one number a row; cfitsio converts them to f64.
        unsafe {
            let (count, out) = (rows, numbers.as_mut_ptr());
            sys::ffgcvd(self.raw, number, 1, 1, count, f64::NAN, out, &mut any_blank, &mut status)
        };
        self.check(status, "its table cannot be read")?;
        Ok(Some(numbers))
    }

    /// Do DATASUM and CHECKSUM of the current HDU hold? For each 1 if it does, 0 if there is none, -1 if it does not.
    ///
    /// # Errors
    /// Of kind `Input`, if the file cannot be read.
    pub fn checksums(&mut self) -> Result<(i32, i32)> {
        let (mut data, mut whole, mut status) = (0, 0, 0);
        // SAFETY: `raw` is open.
        unsafe { sys::ffvcks(self.raw, &mut data, &mut whole, &mut status) };
        self.check(status, "its checksums cannot be verified")?;
        Ok((data, whole))
    }

    /// The error for a status that is not zero.
    fn check(&self, status: c_int, what: &str) -> Result<()> {
        if status == 0 {
            return Ok(());
        }
        let message = format!("{what}: {}", reason(status));
        let error = Error::input(&self.path, message).remedy("the file may be damaged or cut short: fetch it again");
        Err(Error { passing: status == READ_ERROR, ..error })
    }
}

/// What cfitsio says about a status.
fn reason(status: c_int) -> String {
    let mut message = [0 as c_char; TEXT];
    // SAFETY: cfitsio writes at most 31 bytes, the last of them zero.
    unsafe { sys::ffgerr(status, message.as_mut_ptr()) };
    forget_messages();
    format!("{} (cfitsio status {status})", text(&message))
}

/// Empties cfitsio's stack of messages, which all threads share and nobody here reads.
fn forget_messages() {
    // SAFETY: it takes no arguments and locks the stack.
    unsafe { sys::ffcmsg() };
}

/// The text up to the zero in a buffer that cfitsio filled, each byte a character.
fn text(buffer: &[c_char; TEXT]) -> String {
    let bytes: &[u8] = bytemuck::cast_slice(buffer);
    let text = CStr::from_bytes_until_nul(bytes).map(CStr::to_bytes).unwrap_or(bytes);
    text.iter().map(|&byte| char::from(byte)).collect()
}
