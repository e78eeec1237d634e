//! The region files of SAOImage DS9 (`.reg`): <https://ds9.si.edu/doc/ref/region.html>.

use super::number::{number, sexagesimal, with_unit};
use super::place::{Drawn, Place, Shape, Size, System};

/// A line (counted from 1) that is not understood, and why.
pub type Wrong = (usize, String);

/// The coordinates in which shapes are told.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Told {
    Physical,
    Image,
    Sky(System),
}

/// Reads the shapes of a file.
pub fn read(text: &str) -> Result<Vec<Drawn>, Wrong> {
    // As DS9 has it where a file says nothing.
    let mut told = Told::Physical;
    let mut drawn = Vec::new();
    for (i, line) in text.lines().enumerate() {
        // What comes after a # is about colours and names.
        let line = line.split('#').next().unwrap_or_default();
        if line.trim_start().to_ascii_lowercase().starts_with("global") {
            continue;
        }
        for statement in line.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
            match system(statement) {
                Some(system) => told = system,
                None => {
                    let one = shape(statement, told).map_err(|what| (i + 1, what))?;
                    drawn.push(Drawn { line: i + 1, ..one });
                }
            }
        }
    }
    Ok(drawn)
}

/// The coordinates that a word names.
fn system(word: &str) -> Option<Told> {
    Some(match word.to_ascii_lowercase().as_str() {
        "physical" => Told::Physical,
        "image" => Told::Image,
        "wcs" => Told::Sky(System::Image),
        "fk5" | "j2000" | "icrs" => Told::Sky(System::J2000),
        "fk4" | "b1950" => Told::Sky(System::B1950),
        "galactic" => Told::Sky(System::Galactic),
        _ => return None,
    })
}

/// One shape: `circle(x,y,r)` or `circle x y r`, after a sign perhaps.
fn shape(statement: &str, told: Told) -> Result<Drawn, String> {
    let (include, rest) = match statement.strip_prefix(['-', '!']) {
        Some(rest) => (false, rest),
        None => (true, statement.strip_prefix('+').unwrap_or(statement)),
    };
    let rest = rest.trim_end().trim_end_matches("||");
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    if !matches!(rest.matches(['(', ')']).collect::<Vec<_>>().as_slice(), [] | ["(", ")"]) {
        return Err(format!("\"{statement}\" is not one shape"));
    }
    let words: Vec<&str> = rest.split(['(', ')', ',', ' ', '\t']).filter(|word| !word.is_empty()).collect();
    let count = |wanted: &[usize]| match wanted.contains(&words.len()) {
        true => Ok(()),
        false => Err(format!("{name} has {} numbers, which is not understood", words.len())),
    };
    let size = |i: usize| size(words[i], told);
    let centre = || place(words[0], words[1], told);
    let angle = |i: usize| words.get(i).map_or(Ok(0.0), |word| angle(word));
    let shape = match name.to_ascii_lowercase().as_str() {
        "circle" => count(&[3]).and_then(|()| Ok(Shape::Ellipse(centre()?, [size(2)?, size(2)?], 0.0)))?,
        "ellipse" => count(&[4, 5]).and_then(|()| Ok(Shape::Ellipse(centre()?, [size(2)?, size(3)?], angle(4)?)))?,
        "box" | "rotbox" => count(&[4, 5]).and_then(|()| Ok(Shape::Box(centre()?, [size(2)?, size(3)?], angle(4)?)))?,
        // Of more radii each ring touches the next.
        "annulus" if words.len() > 4 => Shape::Annulus(centre()?, [size(2)?, size(words.len() - 1)?]),
        "annulus" => count(&[4]).and_then(|()| Ok(Shape::Annulus(centre()?, [size(2)?, size(3)?])))?,
        "polygon" if words.len() >= 6 && words.len().is_multiple_of(2) => {
            let points = words.chunks_exact(2).map(|pair| place(pair[0], pair[1], told));
            Shape::Polygon(points.collect::<Result<_, _>>()?)
        }
        "polygon" => return Err(format!("polygon has {} numbers, but needs three points", words.len())),
        _ => {
            return Err(format!(
                "\"{statement}\" is neither a shape with an area nor a system of coordinates that is understood"
            ));
        }
    };
    Ok(Drawn { line: 0, include, shape })
}

fn place(x: &str, y: &str, told: Told) -> Result<Place, String> {
    let wrong = |text: &str| format!("\"{text}\" is not a coordinate that is understood");
    // DS9 counts pixels from 1.
    let pixel = |text: &str| with_unit(text, &[("i", 1.0), ("p", 1.0)]).map(|pixel| pixel - 1.0);
    if let (Some(x), Some(y)) = (pixel(x), pixel(y)) {
        return Ok(Place::Pixel([x, y]));
    }
    let Told::Sky(system) = told else {
        let pixel = |text: &str| number(text).map(|pixel| pixel - 1.0).ok_or_else(|| wrong(text));
        let at = [pixel(x)?, pixel(y)?];
        return Ok(if told == Told::Physical { Place::Physical(at) } else { Place::Pixel(at) });
    };
    let degrees = |text: &str, hours: bool| {
        let plain = number(text).or_else(|| with_unit(text, &[("d", 1.0), ("r", 180.0 / std::f64::consts::PI)]));
        plain.or_else(|| sexagesimal(text, hours)).ok_or_else(|| wrong(text))
    };
    Ok(Place::Sky([degrees(x, system != System::Galactic)?, degrees(y, false)?], system))
}

fn size(text: &str, told: Told) -> Result<Size, String> {
    const ANGLES: [(&str, f64); 4] =
        [("\"", 1.0 / 3600.0), ("'", 1.0 / 60.0), ("d", 1.0), ("r", 180.0 / std::f64::consts::PI)];
    let plain = number(text).map(if matches!(told, Told::Sky(_)) { Size::Degrees } else { Size::Pixels });
    let pixels = || with_unit(text, &[("i", 1.0), ("p", 1.0)]).map(Size::Pixels);
    plain
        .or_else(|| with_unit(text, &ANGLES).map(Size::Degrees))
        .or_else(pixels)
        .ok_or_else(|| format!("\"{text}\" is not a size that is understood"))
}

fn angle(text: &str) -> Result<f64, String> {
    number(text)
        .or_else(|| with_unit(text, &[("d", 1.0)]))
        .ok_or_else(|| format!("\"{text}\" is not an angle that is understood"))
}
