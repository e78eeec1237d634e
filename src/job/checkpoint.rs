//! The file from which a job goes on another day.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `deconvCP` |
//! | 4 | number of the format, little-endian |
//! | 4 | CRC-32 of the body, little-endian |
//! | the rest | the body: [`Checkpoint`] in postcard |

use super::fingerprint::Fingerprint;
use super::plane::PlaneResult;
use super::shelf::Shelved;
use crate::algorithm::Saved;
use crate::error::{Error, Result};
use crate::image::Hidden;
use serde::{Deserialize, Serialize};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8] = b"deconvCP";

/// The number of this format; one more with every change of what is in it.
const FORMAT: u32 = 10;

/// Bytes before the body.
const HEAD: usize = 16;

/// What is in a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The job that it is of.
    pub fingerprint: Fingerprint,
    /// The temporary names of the product files, which hold the planes that are done.
    pub products: Vec<PathBuf>,
    /// The planes of the dirty image, in their order.
    pub planes: Vec<PlaneState>,
}

/// How far a plane is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PlaneState {
    /// Nothing that could be gone on from.
    New,
    /// As after its last refresh.
    Running(Box<Saved>),
    /// As the first of the planes that it is cleaned with as one.
    Joined,
    /// As its method held it last, in pixels.
    Held(Box<Shelved>),
    /// It is in the product files.
    Done(Box<PlaneResult>),
}

impl Checkpoint {
    /// Reads a checkpoint; none if there is no such file.
    ///
    /// # Errors
    /// Of kind `Input`, if it is damaged, cut short, no checkpoint, or one of another format.
    pub fn read(path: &Path) -> Result<Option<Checkpoint>> {
        let wrong =
            |what: &str| Err(Error::input(path, what).remedy("give --overwrite instead of --resume to start anew"));
        let bytes = match std::fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::input(path, format!("cannot be read: {error}")).because(&error)),
            Ok(bytes) => bytes,
        };
        if !bytes.starts_with(MAGIC) {
            return wrong("is no checkpoint of this program");
        }
        let Some((head, body)) = bytes.split_at_checked(HEAD) else { return wrong("is cut short") };
        let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        if number(8) != FORMAT {
            return wrong(&format!("is a checkpoint of format {}, this program reads {FORMAT}", number(8)));
        }
        if number(12) != crc32fast::hash(body) {
            return wrong("is damaged or cut short: its sum is wrong");
        }
        match postcard::take_from_bytes(body) {
            Ok((checkpoint, [])) => Ok(Some(checkpoint)),
            _ => wrong("is damaged: its contents make no sense"),
        }
    }

    /// Writes it, so that there is either the old file or the new one, whatever happens.
    ///
    /// # Errors
    /// Of kind `Output`.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut bytes = [MAGIC, &FORMAT.to_le_bytes(), &[0; 4]].concat();
        bytes = postcard::to_extend(self, bytes).map_err(|e| Error::internal(format!("no checkpoint: {e}")))?;
        let sum = crc32fast::hash(&bytes[HEAD..]);
        bytes[HEAD - 4..HEAD].copy_from_slice(&sum.to_le_bytes());
        let mut file = Hidden::create(path)?;
        file.file().write_all(&bytes).and_then(|()| file.file().sync_all()).map_err(|error| file.failed(&error))?;
        file.publish(true)
    }
}
