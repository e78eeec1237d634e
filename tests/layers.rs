//! Imports point downward only, and no source file grows beyond what can be read at once.
#![allow(clippy::unwrap_used)] // A test may panic.

use std::path::{Path, PathBuf};

/// Rooms from the top down; those in one row must not know each other.
const ROWS: [&[&str]; 12] = [
    &["cli"],
    &["cluster", "bench"],
    &["simulate"],
    &["job"],
    &["diagnose", "algorithm", "schedule", "figure"],
    &["array"],
    &["graph"],
    &["store"],
    &["kernel"],
    &["image", "device"],
    &["event"],
    &["error"],
];

const LONGEST: usize = 400;

fn row(room: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&room))
}

/// The rooms that a source text names in paths that begin with `crate::`, comments left out.
fn named_rooms(source: &str) -> Vec<String> {
    let code: String = source.lines().map(|line| line.split("//").next().unwrap_or("").to_string() + "\n").collect();
    let mut rooms = Vec::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            None => rooms.push(first_word(after)),
            Some(group) => rooms.extend(members(group)),
        }
    }
    rooms
}

fn first_word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The first words of the members of a group `a::{b, c}, d}`.
fn members(group: &str) -> Vec<String> {
    let (mut depth, mut start, mut found) = (1, 0, Vec::new());
    for (i, c) in group.char_indices() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if (c == ',' && depth == 1) || depth == 0 {
            found.push(first_word(&group[start..i]));
            start = i + 1;
        }
        if depth == 0 {
            break;
        }
    }
    found.retain(|word| !word.is_empty());
    found
}

/// What is wrong with the paths in a source text of a room.
fn offences(room: &str, source: &str) -> Vec<String> {
    let here = row(room).unwrap_or_else(|| panic!("src/{room} has no place among the rooms"));
    let allowed = |named: &str| named == room || row(named).is_some_and(|there| there > here);
    named_rooms(source).into_iter().filter(|named| !allowed(named)).collect()
}

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let (directories, files): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
    let files = files.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    files.chain(directories.iter().flat_map(|directory| sources(directory))).collect()
}

#[test]
fn imports_point_downward() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut looked_at = 0;
    for path in sources(&src) {
        let inside = path.strip_prefix(&src).unwrap();
        let room = Path::new(inside.components().next().unwrap().as_os_str()).file_stem().unwrap();
        let room = room.to_str().unwrap();
        if ["main", "lib"].contains(&room) {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        looked_at += named_rooms(&source).len();
        assert_eq!(offences(room, &source), Vec::<String>::new(), "src/{} looks upward", inside.display());
    }
    assert!(looked_at > 100, "only {looked_at} paths were found");
}

#[test]
fn files_can_be_read_at_once() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in ["src", "tests", "benches"].iter().flat_map(|name| sources(&here.join(name))) {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= LONGEST, "{} has {lines} lines", path.strip_prefix(here).unwrap().display());
    }
}

#[test]
fn the_checker_finds_what_it_should() {
    assert_eq!(offences("graph", "use crate::schedule::run;"), ["schedule"]);
    assert_eq!(offences("graph", "fn f() { crate::job::deconvolve() }"), ["job"]);
    assert_eq!(offences("schedule", "use crate::algorithm::Method;"), ["algorithm"]);
    assert_eq!(
        offences("event", "use crate::{\n    error::{Error, Result},\n    image::Image,\n    cli,\n};"),
        ["image", "cli"]
    );
    assert_eq!(offences("event", "pub use crate::event::Key; use crate::error::Error;"), Vec::<String>::new());
    assert_eq!(offences("kernel", "use crate::nowhere::X;"), ["nowhere"]);
    assert_eq!(offences("store", "//! As [`crate::job`] says.\nuse crate::kernel::Buffer; // not crate::cli"), [""; 0]);
}
