//! Is a file as it was written?

use super::BLOCK;
use super::cfitsio::Handle;
use crate::error::{Error, Result};
use std::path::Path;

/// Looks whether a FITS file is there in full length and has, in each of its HDUs, the bytes that DATASUM and CHECKSUM were
/// made of. An HDU without them passes.
///
/// # Errors
/// Of kind `Input`, if it is missing, cut short or damaged.
pub fn check_whole(path: &Path) -> Result<()> {
    let bytes =
        std::fs::metadata(path).map_err(|error| Error::input(path, format!("cannot be opened: {error}")))?.len();
    if bytes == 0 || bytes % BLOCK as u64 != 0 {
        return Err(Error::input(path, format!("is cut short: {bytes} bytes are not whole blocks of {BLOCK}")));
    }
    let mut file = Handle::open(path, path)?;
    let mut hdu = 0;
    while file.go_to(hdu)? {
        let (_, end) = file.extent()?;
        if end > bytes {
            return Err(Error::input(path, format!("is cut short: {bytes} bytes, header needs {end}")));
        }
        let (data, whole) = file.checksums()?;
        if data < 0 || whole < 0 {
            let sum = if data < 0 { "DATASUM" } else { "CHECKSUM" };
            return Err(Error::input(path, format!("is not as it was written: {sum} of HDU {hdu} is wrong")));
        }
        hdu += 1;
    }
    Ok(())
}
