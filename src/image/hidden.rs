//! A file that has its name only once it is whole.

use crate::error::{Error, Result};
use std::fs::{File, Metadata, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A file under a temporary name beside its final one: `.NAME.part`. It is removed on drop unless published or left.
///
/// A lock on the file keeps other runs from writing to it. One that a killed run has left is taken over.
#[derive(Debug)]
pub struct Hidden {
    path: PathBuf,
    temporary: Arc<Path>,
    stays: bool,
    file: File,
}

impl Hidden {
    /// An empty file that will have the name `path`.
    ///
    /// # Errors
    /// Of kind `Output`, if the directory is missing or cannot be written, or if another run is writing the file.
    pub fn create(path: &Path) -> Result<Hidden> {
        let temporary = temporary_name(path)?;
        let failed = |error: std::io::Error| {
            Error::output(path, format!("cannot be written: {error}")).remedy("name a directory that you may write to")
        };
        // Not cut down before it is known to be nobody else's.
        let file = File::options().create(true).truncate(false).read(true).write(true).open(&temporary);
        let file = file.map_err(failed)?;
        lock(&file, &temporary, path)?;
        file.set_len(0).map_err(failed)?;
        Ok(Hidden { path: path.into(), temporary: temporary.into(), stays: false, file })
    }

    /// The file of this name that an earlier run has left, under its temporary name or, if that run was killed when it
    /// had just published it, under its final one; none if there is none. It stays on drop.
    ///
    /// # Errors
    /// Of kind `Output`, if it cannot be opened, or if another run is writing it.
    pub fn adopt(path: &Path, published: bool) -> Result<Option<Hidden>> {
        let temporary = temporary_name(path)?;
        let from = if published { path } else { &temporary };
        let file = match File::options().read(true).write(true).open(from) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            // A file that cannot be written is not one that this program has made.
            Err(_) if published => return Ok(None),
            file => file.map_err(|error| Error::output(path, format!("cannot be gone on with: {error}")))?,
        };
        lock(&file, from, path)?;
        Ok(Some(Hidden { path: path.into(), temporary: temporary.into(), stays: true, file }))
    }

    /// Is there a file of this name that is being written, or that a killed run has left?
    pub fn is_begun(path: &Path) -> bool {
        temporary_name(path).is_ok_and(|temporary| temporary.exists())
    }

    /// Is a run at work on the file of this name? Not where the file system knows no locks.
    pub fn is_held(path: &Path) -> bool {
        let file = temporary_name(path).ok().and_then(|temporary| File::open(temporary).ok());
        // A run that asks for the lock in this moment asks again.
        file.is_some_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Removes what a run that was killed may have left of a file of this name.
    pub fn sweep(path: &Path) {
        // What is not there need not go.
        let _ = temporary_name(path).map(std::fs::remove_file);
    }

    /// The final name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name that it has now.
    pub fn temporary(&self) -> &Arc<Path> {
        &self.temporary
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its final name. A file that has the name already is only replaced if `overwrite` says so.
    ///
    /// # Errors
    /// Of kind `Output`, if the name is taken or cannot be given.
    pub fn publish(&mut self, overwrite: bool) -> Result<()> {
        if overwrite {
            std::fs::rename(&self.temporary, &self.path).map_err(|error| self.failed(&error))?;
            self.stays = true;
            return Ok(());
        }
        // A link, other than a rename, never replaces a file.
        match std::fs::hard_link(&self.temporary, &self.path) {
            Ok(()) => {
                self.stays = std::fs::remove_file(&self.temporary).is_ok();
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists || self.path.exists() => {
                Err(Error::output(&self.path, "exists already")
                    .remedy("choose another name or allow it to be overwritten"))
            }
            // Some file systems know no links.
            Err(_) => self.publish(true),
        }
    }

    /// Takes its final name from a published file: it has the temporary one again.
    ///
    /// # Errors
    /// Of kind `Output`.
    pub fn withdraw(&mut self) -> Result<()> {
        // A rename does nothing where both names are of the same file.
        std::fs::rename(&self.path, &self.temporary)
            .and_then(|()| match std::fs::remove_file(&self.path) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            })
            .map_err(|error| self.failed(&error))
    }

    /// Makes it so long, with its space on the disk taken where the file system can do that.
    ///
    /// # Errors
    /// Of kind `Output`, such as a full disk.
    pub fn reserve(&self, bytes: u64) -> Result<()> {
        reserve_space(&self.file, bytes).map_err(|error| match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                Error::output(&self.path, format!("no space: needs {bytes} bytes"))
                    .remedy("free space or write elsewhere")
                    .because(&error)
            }
            _ => self.failed(&error),
        })
    }

    /// The file stays under its temporary name when this is dropped.
    pub fn leave(&mut self) {
        self.stays = true;
    }

    /// The error of a file that cannot be written.
    pub fn failed(&self, error: &std::io::Error) -> Error {
        Error::output(&self.path, format!("cannot be written: {error}"))
            .remedy("check the directory and the space left on the disk")
            .because(error)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if !self.stays {
            // There is nobody left to tell if it fails.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// A lock is asked for so many times, with such a pause in between, before it counts as another run's.
const LOCK_TRIES: usize = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Keeps other runs from a file with a temporary name, until it is closed.
fn lock(file: &File, temporary: &Path, path: &Path) -> Result<()> {
    // Some file systems know no locks.
    let is_locked = || matches!(file.try_lock(), Err(TryLockError::WouldBlock));
    // One that ends, or a process that is being started beside, may hold it for a moment more.
    let stays_locked = (0..LOCK_TRIES).all(|n| {
        std::thread::sleep(if n == 0 { Duration::ZERO } else { LOCK_PAUSE });
        is_locked()
    });
    // Its last owner may have given it another name a moment ago.
    let same =
        |there: Metadata| file.metadata().is_ok_and(|here| (here.dev(), here.ino()) == (there.dev(), there.ino()));
    if stays_locked || !std::fs::metadata(temporary).is_ok_and(same) {
        return Err(
            Error::output(path, "is being written by another run").remedy("wait for its end, or name another file")
        );
    }
    Ok(())
}

/// A hidden name in the same directory, so that the final name is given by a rename.
fn temporary_name(path: &Path) -> Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(Error::output(path, "is not a file name").remedy("name a file to write"));
    };
    if path.is_dir() {
        return Err(Error::output(path, "is a directory").remedy("name a file to write"));
    }
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !directory.is_dir() {
        let message = format!("the directory {} does not exist", directory.display());
        return Err(Error::output(path, message).remedy("create it or write elsewhere"));
    }
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".part");
    Ok(directory.join(hidden))
}

/// Makes a file so long, with its space on the disk taken where the file system can do that.
///
/// # Errors
/// Those of the system, such as a full disk.
pub fn reserve_space(file: &File, bytes: u64) -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    match nix::fcntl::fallocate(file, nix::fcntl::FallocateFlags::empty(), 0, bytes as i64) {
        Ok(()) => return Ok(()),
        Err(nix::errno::Errno::EOPNOTSUPP | nix::errno::Errno::ENOSYS | nix::errno::Errno::EINVAL) => {}
        Err(error) => return Err(error.into()),
    }
    file.set_len(bytes)
}
