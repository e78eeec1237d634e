//! What was measured to be fastest on this machine, kept for later runs: `deconv bench --save-profile`.
//!
//! A home directory may be that of many machines, so the file has a part for each kind of them. What a run takes from it by itself
//! changes no bit; the chunk only if `--chunk auto` asks for it, and the device only if `--device auto` does.

use super::hardware::Hardware;
use super::speed::DeviceSpeed;
use crate::algorithm::Method;
use crate::error::{Error, Result};
use crate::image::Hidden;
use serde::{Deserialize, Serialize};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The number of this format; one more with every change of what is in it.
pub const FORMAT: u32 = 1;

/// What was measured for a plane holds for another whose side is up to so many times as long, or as short.
const ALIKE: f64 = 2.0;

/// Where a user's profile is: the variable DECONV_PROFILE, else deconv/profile.json in XDG_CONFIG_HOME, else in .config of the home
/// directory. None if the first is empty, or if nothing is known.
pub fn profile_path() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let config = variable("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let config = config.or_else(|| variable("HOME").map(|home| home.join(".config")));
    let usual = || config.map(|config| config.join("deconv/profile.json"));
    variable("DECONV_PROFILE").or_else(usual).filter(|path| !path.as_os_str().is_empty())
}

/// What is fastest, on each kind of machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The number of the format.
    pub format: u32,
    /// The machines.
    pub machines: Vec<MachineProfile>,
}

/// What is fastest on a kind of machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MachineProfile {
    /// The kind of machine.
    pub machine: Hardware,
    /// What was measured.
    pub best: Vec<Best>,
    /// The devices that were measured in it.
    #[serde(default)]
    pub devices: Vec<DeviceSpeed>,
}

/// What is fastest for a method and a size of plane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The method.
    pub method: Method,
    /// Worker threads.
    pub threads: usize,
    /// Rows and columns of the plane that was measured.
    pub plane: [usize; 2],
    /// What it is.
    pub choice: Choice,
    /// Seconds that the run took.
    pub seconds: f64,
    /// The version of the program that was measured.
    pub version: String,
}

/// What was found to be fastest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// Rows and columns of a chunk for minor cycles; as many as those of the plane: one chunk.
    Chunk([usize; 2]),
    /// Bytes of a storage strip; none: as many as suit the plane.
    Strip(Option<usize>),
}

impl Best {
    /// The chunk for a plane of this shape, if it says one.
    pub fn chunk_of(&self, shape: (usize, usize)) -> Option<(usize, usize)> {
        let Choice::Chunk([rows, cols]) = self.choice else { return None };
        let is_whole = rows >= self.plane[0] && cols >= self.plane[1];
        Some(if is_whole { shape } else { (rows, cols) })
    }

    /// The storage strip, if it says one.
    pub fn strip(&self) -> Option<usize> {
        if let Choice::Strip(bytes) = self.choice { bytes } else { None }
    }

    /// How many times the side of its plane is longer or shorter than that of another.
    fn unlike(&self, shape: (usize, usize)) -> f64 {
        let side = |(rows, cols): (usize, usize)| ((rows * cols).max(1) as f64).sqrt();
        let ratio = side((self.plane[0], self.plane[1])) / side(shape);
        ratio.max(1.0 / ratio)
    }

    /// Is it about the same as another one: method, threads, what was chosen, and class of size, a power of two of the side?
    fn replaces(&self, other: &Best) -> bool {
        let class = |best: &Best| (((best.plane[0] * best.plane[1]).max(1) as f64).log2() / 2.0).round();
        let what = |best: &Best| (best.method, best.threads, std::mem::discriminant(&best.choice));
        what(self) == what(other) && class(self) == class(other)
    }
}

impl Profile {
    /// Nothing is known.
    pub fn empty() -> Profile {
        Profile { format: FORMAT, machines: Vec::new() }
    }

    /// Reads a profile; none if there is no such file.
    ///
    /// # Errors
    /// Of kind `Input`, if it is no profile, or one of another format.
    pub fn read(path: &Path) -> Result<Option<Profile>> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let wrong = |what: String| {
            Error::input(path, what).remedy("remove it, or name another file in the variable DECONV_PROFILE")
        };
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(format!("the profile cannot be read: {error}"))),
            Ok(text) => text,
        };
        let no_profile = |error: serde_json::Error| wrong(format!("is no profile of this program: {error}"));
        let Head { format } = serde_json::from_str(&text).map_err(no_profile)?;
        if format != FORMAT {
            return Err(wrong(format!("is a profile of format {format}, this program reads {FORMAT}")));
        }
        serde_json::from_str(&text).map(Some).map_err(no_profile)
    }

    /// Writes it, and the directories that it is in, so that there is either the old file or the new one.
    ///
    /// # Errors
    /// Of kind `Output`.
    pub fn write(&self, path: &Path) -> Result<()> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(directory)
            .map_err(|error| Error::output(directory, format!("cannot be made: {error}")))?;
        let text = serde_json::to_string_pretty(self).map_err(|e| Error::internal(format!("no profile: {e}")))?;
        let mut file = Hidden::create(path)?;
        file.file().write_all((text + "\n").as_bytes()).map_err(|error| file.failed(&error))?;
        file.publish(true)
    }

    /// What is known of a kind of machine; none: nothing.
    pub fn of(&self, machine: &Hardware) -> Option<&MachineProfile> {
        self.machines.iter().find(|known| known.machine == *machine)
    }

    /// Takes something measured on a kind of machine in the place of what it replaces.
    pub fn remember(&mut self, machine: &Hardware, best: Best) {
        let known = &mut self.part(machine).best;
        known.retain(|old| !best.replaces(old));
        known.push(best);
    }

    /// Takes what was measured of a device in a kind of machine in the place of what was known of it.
    pub fn remember_device(&mut self, machine: &Hardware, speed: DeviceSpeed) {
        let known = &mut self.part(machine).devices;
        known.retain(|old| !speed.replaces(old));
        known.push(speed);
    }

    /// The part of a kind of machine, a new one if there is none.
    fn part(&mut self, machine: &Hardware) -> &mut MachineProfile {
        let at = self.machines.iter().position(|known| known.machine == *machine).unwrap_or_else(|| {
            let machine = machine.clone();
            self.machines.push(MachineProfile { machine, best: Vec::new(), devices: Vec::new() });
            self.machines.len() - 1
        });
        &mut self.machines[at]
    }
}

impl MachineProfile {
    /// The fastest chunk for a method with so many threads and a plane of about this shape; none if nothing alike was measured.
    pub fn chunk(&self, work: (Method, usize), shape: (usize, usize)) -> Option<(usize, usize)> {
        let best = self.nearest(work, shape, |best| matches!(best.choice, Choice::Chunk(_)))?;
        best.chunk_of(shape)
    }

    /// The fastest strip; none if nothing alike was measured, or if none is faster than the usual one.
    pub fn strip(&self, work: (Method, usize), shape: (usize, usize)) -> Option<usize> {
        self.nearest(work, shape, |best| matches!(best.choice, Choice::Strip(_)))?.strip()
    }

    fn nearest(&self, work: (Method, usize), shape: (usize, usize), is: fn(&Best) -> bool) -> Option<&Best> {
        let known = self.best.iter().filter(|best| (best.method, best.threads) == work && is(best));
        let nearest = known.min_by(|a, b| a.unlike(shape).total_cmp(&b.unlike(shape)));
        nearest.filter(|best| best.unlike(shape) <= ALIKE * 1.001)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test may panic.
    use super::*;

    fn machine(cores: usize) -> Hardware {
        Hardware { cores, model: "X".into(), l2_bytes: None, l3_bytes: None }
    }

    fn best(side: usize, choice: Choice) -> Best {
        let (method, plane, version) = (Method::Clark, [side, side], String::new());
        Best { method, threads: 2, plane, choice, seconds: 1.0, version }
    }

    #[test]
    fn what_is_nearest_counts_and_only_if_it_is_near() {
        let mut profile = Profile::empty();
        for (side, chunk) in [(1024, 128), (4096, 512), (8192, 8192)] {
            profile.remember(&machine(2), best(side, Choice::Chunk([chunk, chunk])));
        }
        profile.remember(&machine(2), best(4096, Choice::Strip(Some(7))));
        let known = profile.of(&machine(2)).unwrap();
        let chunk = |side: usize| known.chunk((Method::Clark, 2), (side, side));
        assert_eq!(
            [500, 512, 1400, 1500, 5000].map(chunk).map(|chunk| chunk.map(|(rows, _)| rows)),
            [None, Some(128), Some(128), Some(128), Some(512)]
        );
        assert_eq!((chunk(6000), chunk(16384), chunk(20000)), (Some((6000, 6000)), Some((16384, 16384)), None));
        assert_eq!(known.chunk((Method::Clark, 4), (4096, 4096)), None);
        assert_eq!(known.chunk((Method::Multiscale, 2), (4096, 4096)), None);
        assert_eq!(known.strip((Method::Clark, 2), (4096, 4096)), Some(7));
        assert_eq!(known.strip((Method::Clark, 2), (1024, 1024)), None);
        assert_eq!(profile.of(&machine(3)), None);
    }

    #[test]
    fn what_is_measured_anew_takes_the_place_of_what_was() {
        let mut profile = Profile::empty();
        let count = |profile: &Profile| profile.machines.iter().map(|known| known.best.len()).collect::<Vec<_>>();
        profile.remember(&machine(2), best(4096, Choice::Chunk([512, 512])));
        profile.remember(&machine(2), best(4096, Choice::Strip(None)));
        profile.remember(&machine(4), best(4096, Choice::Chunk([64, 64])));
        assert_eq!(count(&profile), [2, 1]);
        profile.remember(&machine(2), best(4000, Choice::Chunk([256, 256])));
        assert_eq!(count(&profile), [2, 1]);
        let known = profile.of(&machine(2)).unwrap();
        assert_eq!(known.chunk((Method::Clark, 2), (4096, 4096)), Some((256, 256)));
    }

    #[test]
    fn a_file_of_another_kind_or_format_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/profile.json");
        assert_eq!(Profile::read(&path), Ok(None));
        let mut profile = Profile::empty();
        profile.remember(&machine(2), best(64, Choice::Strip(Some(1 << 20))));
        profile.write(&path).unwrap();
        assert_eq!(Profile::read(&path), Ok(Some(profile.clone())));
        // What devices there are was not always told.
        let older = std::fs::read_to_string(&path).unwrap().replace(",\n      \"devices\": []", "");
        assert!(!older.contains("devices"), "{older}");
        std::fs::write(&path, older).unwrap();
        assert_eq!(Profile::read(&path), Ok(Some(profile)));
        for (text, says) in [("{\"format\": 9, \"other\": 1}", "of format 9"), ("[", "no profile"), ("", "no profile")]
        {
            std::fs::write(&path, text).unwrap();
            assert!(Profile::read(&path).unwrap_err().message.contains(says), "{text}");
        }
    }
}
