//! The region files of CASA (`.crtf`): "Region File Format" in the CASA documentation.

use super::ds9::Wrong;
use super::number::{number, sexagesimal, with_unit};
use super::place::{Drawn, Place, Shape, Size, System};

/// Reads the shapes of a file, of an image of a single plane or of several.
pub fn read(text: &str, single: bool) -> Result<Vec<Drawn>, Wrong> {
    let mut global = System::Image;
    let mut drawn = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.trim();
        let wrong = |what: String| (i + 1, what);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(keys) = line.strip_prefix("global") {
            global = system(keys, global, single).map_err(wrong)?;
            continue;
        }
        if let Some(one) = region(line, global, single).map_err(wrong)? {
            drawn.push(Drawn { line: i + 1, ..one });
        }
    }
    Ok(drawn)
}

/// The words of a list of parameters, cut at commas that are neither in brackets nor in quotes.
fn pairs(keys: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut start, mut found) = (0, None, 0, Vec::new());
    for (i, c) in keys.char_indices() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') => depth -= 1,
            (None, ',') if depth == 0 => {
                found.push(&keys[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    found.push(&keys[start..]);
    found
}

/// The coordinates that a list of parameters names, or else those that hold already.
fn system(keys: &str, known: System, single: bool) -> Result<System, String> {
    let mut found = known;
    for (key, value) in pairs(keys).into_iter().filter_map(|pair| pair.split_once('=')) {
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim().trim_matches(['"', '\'']));
        match key.as_str() {
            "coord" => {
                found = match value.to_ascii_uppercase().as_str() {
                    "J2000" | "ICRS" => System::J2000,
                    "B1950" => System::B1950,
                    "GALACTIC" => System::Galactic,
                    _ => return Err(format!("coordinates in {value} are not understood")),
                }
            }
            "range" | "corr" if !single => {
                return Err(format!("{key} chooses planes, but a region here holds for all planes of the image"));
            }
            // The rest is about drawing, and velocities.
            _ => {}
        }
    }
    Ok(found)
}

/// The shape of a line; none if it is an annotation.
fn region(line: &str, global: System, single: bool) -> Result<Option<Drawn>, String> {
    let (include, rest) = match line.strip_prefix('-') {
        Some(rest) => (false, rest),
        None => (true, line.strip_prefix('+').unwrap_or(line)),
    };
    let rest = rest.trim_start();
    let name = rest.split('[').next().unwrap_or_default().trim().to_ascii_lowercase();
    if name.starts_with("ann ") || ["line", "vector", "text", "symbol"].iter().any(|word| name.starts_with(word)) {
        return Ok(None);
    }
    let Some((inside, keys)) = bracketed(rest) else { return Err(format!("\"{line}\" is not a region")) };
    let told = system(keys, global, single)?;
    let groups: Vec<Vec<&str>> = pairs(inside).into_iter().map(group).collect();
    let lengths: Vec<usize> = groups.iter().map(Vec::len).collect();
    let at = |i: usize| place(groups[i][0], groups[i][1], told);
    let size = |i: usize, j: usize| size(groups[i][j]);
    let shape = match (name.as_str(), lengths.as_slice()) {
        ("circle", [2, 1]) => Shape::Ellipse(at(0)?, [size(1, 0)?, size(1, 0)?], 0.0),
        // The position angle of the first axis is counted from north.
        ("ellipse", [2, 2, 1]) => Shape::Ellipse(at(0)?, [size(1, 0)?, size(1, 1)?], angle(groups[2][0])? + 90.0),
        ("annulus", [2, 2]) => Shape::Annulus(at(0)?, [size(1, 0)?, size(1, 1)?]),
        ("box", [2, 2]) => Shape::Corners(at(0)?, at(1)?),
        ("centerbox", [2, 2]) => Shape::Box(at(0)?, [size(1, 0)?, size(1, 1)?], 0.0),
        ("rotbox", [2, 2, 1]) => Shape::Box(at(0)?, [size(1, 0)?, size(1, 1)?], angle(groups[2][0])?),
        ("poly", [2, 2, 2, ..]) if lengths.iter().all(|&length| length == 2) => {
            Shape::Polygon((0..groups.len()).map(at).collect::<Result<_, _>>()?)
        }
        _ => return Err(format!("\"{line}\" is not a region that is understood")),
    };
    Ok(Some(Drawn { line: 0, include, shape }))
}

/// What is inside the first pair of brackets, and what comes after it.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let first = text.find('[')?;
    let mut depth = 0;
    for (i, c) in text.char_indices().skip_while(|(i, _)| *i < first) {
        depth += i32::from(c == '[') - i32::from(c == ']');
        if depth == 0 {
            return Some((&text[first + 1..i], &text[i + 1..]));
        }
    }
    None
}

/// The words of `[a, b]`, or a word alone.
fn group(text: &str) -> Vec<&str> {
    let text = text.trim();
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    inner.split(',').map(str::trim).collect()
}

const ANGLES: [(&str, f64); 4] =
    [("arcsec", 1.0 / 3600.0), ("arcmin", 1.0 / 60.0), ("deg", 1.0), ("rad", 180.0 / std::f64::consts::PI)];

fn place(x: &str, y: &str, told: System) -> Result<Place, String> {
    // CASA counts pixels from 0.
    let pixel = |text: &str| with_unit(text, &[("pix", 1.0)]);
    if let (Some(x), Some(y)) = (pixel(x), pixel(y)) {
        return Ok(Place::Pixel([x, y]));
    }
    let degrees = |text: &str, hours: bool| {
        let found = with_unit(text, &ANGLES).or_else(|| sexagesimal(text, hours));
        found.ok_or_else(|| format!("\"{text}\" is not a coordinate that is understood: a unit may be missing"))
    };
    Ok(Place::Sky([degrees(x, told != System::Galactic)?, degrees(y, false)?], told))
}

fn size(text: &str) -> Result<Size, String> {
    let angle = with_unit(text, &ANGLES).map(Size::Degrees);
    angle
        .or_else(|| with_unit(text, &[("pix", 1.0)]).map(Size::Pixels))
        .ok_or_else(|| format!("\"{text}\" is not a size that is understood: a unit may be missing"))
}

fn angle(text: &str) -> Result<f64, String> {
    with_unit(text, &ANGLES)
        .or_else(|| number(text).filter(|number| *number == 0.0))
        .ok_or_else(|| format!("\"{text}\" is not an angle that is understood: a unit may be missing"))
}
