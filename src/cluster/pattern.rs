//! Inputs that are named by a pattern.

use crate::error::{Error, Result};
use crate::image::file::path_of;
use glob::{MatchOptions, glob_with};
use std::path::{Path, PathBuf};

/// What stands for the part of a name that a pattern leaves open.
pub const BRACES: &str = "{}";

/// A file that a pattern matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// The file, with the HDU if the pattern names one.
    pub path: String,
    /// What stands where the pattern has its first wildcard to where it has its last one.
    pub name: String,
}

/// Is it a pattern? `*` and `?` make one, if there is no file of that very name; brackets name an HDU.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?']) && !Path::new(text).exists()
}

/// The files that a pattern matches, sorted by name: `*` and `?` stand for characters of one part of a path, `**` for any
/// directories. Hidden files are not matched.
///
/// # Errors
/// Of kind `Input`, if there are none, or if a directory cannot be read.
pub fn expand(text: &str) -> Result<Vec<Matched>> {
    let file = path_of(Path::new(text)).to_string_lossy().into_owned();
    let hdu = &text[file.len()..];
    let options =
        MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
    let wrong = |message: String| Error::input(Path::new(text), message);
    let found = glob_with(&file.replace('[', "[[]"), options)
        .map_err(|error| wrong(format!("is no pattern: {error}")).remedy("use * and ?"))?;
    let mut matched = Vec::new();
    for path in found {
        let path: PathBuf =
            path.map_err(|error| wrong(format!("{} cannot be read: {}", error.path().display(), error.error())))?;
        if path.is_file() {
            let path = path.to_str().ok_or_else(|| wrong(format!("{} is not UTF-8", path.display())))?;
            matched.push(Matched { path: format!("{path}{hdu}"), name: open_part(&file, path) });
        }
    }
    if matched.is_empty() {
        return Err(wrong("no file matches".into()).remedy("check the pattern; it is to stand in quotes"));
    }
    Ok(matched)
}

/// What a path has where a pattern has its wildcards: without what the pattern says before the first and after the last.
fn open_part(pattern: &str, path: &str) -> String {
    let wild = ['*', '?'];
    let before = pattern.find(wild).unwrap_or(0);
    let after = pattern.rfind(wild).map_or(0, |last| pattern.len() - last - 1);
    // A pattern may begin with `./`, which the path that is found does not.
    let begin = before - (pattern.len() - pattern.trim_start_matches("./").len()).min(before);
    let begin = if path.starts_with(&pattern[..before]) { before } else { begin };
    path.get(begin..path.len().saturating_sub(after)).unwrap_or(path).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test may panic.
mod tests {
    use super::*;

    #[test]
    fn what_patterns_match() {
        let place = tempfile::tempdir().unwrap();
        for name in
            ["a-dirty.fits", "b c-dirty.fits", ".hidden-dirty.fits", "a-psf.fits", "x[1]-dirty.fits", "é-dirty.fits"]
        {
            std::fs::write(place.path().join(name), "").unwrap();
        }
        for directory in ["p/in", "q/in", "r-dirty.fits"] {
            std::fs::create_dir_all(place.path().join(directory)).unwrap();
        }
        for name in ["p/in/dirty.fits", "q/in/dirty.fits"] {
            std::fs::write(place.path().join(name), "").unwrap();
        }
        let names = |pattern: &str| {
            let text = place.path().join(pattern);
            expand(text.to_str().unwrap()).map(|found| found.into_iter().map(|one| one.name).collect::<Vec<_>>())
        };
        assert_eq!(names("*-dirty.fits").unwrap(), ["a", "b c", "x[1]", "é"]);
        assert_eq!(names("?-dirty.fits").unwrap(), ["a", "é"]);
        assert_eq!(names("*/in/dirty.fits").unwrap(), ["p", "q"]);
        assert_eq!(names("*/in/*.fits").unwrap(), ["p/in/dirty", "q/in/dirty"]);
        assert_eq!(names("x[1]*.fits").unwrap(), ["-dirty"]);
        let with_hdu = expand(place.path().join("a*y.fits[SCI,2]").to_str().unwrap()).unwrap();
        assert!(with_hdu[0].path.ends_with("a-dirty.fits[SCI,2]") && with_hdu[0].name == "-dirt", "{with_hdu:?}");
        assert!(names("*.txt").unwrap_err().message.contains("no file matches"));
    }

    #[test]
    fn the_open_part_without_the_dot() {
        assert_eq!(open_part("./in/*.fits", "in/a.fits"), "a");
        assert_eq!(open_part("./*.fits", "./a.fits"), "a");
    }
}
