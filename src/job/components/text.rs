//! A list of components as text: CSV, DS9 regions, the sky model of WSClean and DP3.

use super::{Catalogue, Entry, Format};

/// Jy in one of a unit of flux; none if it is no such unit.
fn jansky(unit: &str) -> Option<f64> {
    match unit {
        "Jy" => Some(1.0),
        "mJy" => Some(1e-3),
        "uJy" => Some(1e-6),
        _ => None,
    }
}

/// The polarizations that a sky model has a column for.
const STOKES: [&str; 4] = ["I", "Q", "U", "V"];

/// Why a sky model cannot be made, if it cannot.
pub(super) fn check(catalogue: &Catalogue<'_>) -> Result<(), String> {
    let Some(sky) = &catalogue.sky else {
        return Err("it has no coordinates that can be understood, which a sky model needs".into());
    };
    if !matches!(catalogue.system(), Some("icrs" | "fk5")) {
        let name = if sky.frame().is_empty() { sky.longitude() } else { sky.frame() };
        return Err(format!("its coordinates are {name}, but a sky model is in J2000"));
    }
    if jansky(&catalogue.unit).is_none() {
        return Err(format!("its components are in {}, but those of a sky model in Jy", catalogue.unit));
    }
    let labels = (0..catalogue.image.planes()).map(|plane| catalogue.image.plane(plane));
    let mut seen = Vec::new();
    for label in labels {
        let stokes = label.stokes.unwrap_or_else(|| STOKES[0].into());
        if !STOKES.contains(&stokes.as_str()) {
            return Err(format!("it has {stokes}, but a sky model knows I, Q, U and V"));
        }
        if seen.contains(&stokes) {
            return Err(
                "it has channels with components of their own, but a sky model adds up all that it holds".into()
            );
        }
        seen.push(stokes);
    }
    Ok(())
}

/// Are there columns for Q, U and V?
fn is_polarized(catalogue: &Catalogue<'_>) -> bool {
    (0..catalogue.image.planes()).any(|plane| catalogue.image.plane(plane).stokes.is_some_and(|stokes| stokes != "I"))
}

/// What comes before the first component.
pub(super) fn head(catalogue: &Catalogue<'_>) -> String {
    let unit = catalogue.unit.to_ascii_lowercase();
    match catalogue.format {
        Format::Table => String::new(),
        Format::Csv => {
            let [lon, lat] = catalogue.names().map(str::to_ascii_lowercase);
            format!("x,y,{lon}_deg,{lat}_deg,flux_{unit},scale_pixel,plane,stokes,channel,frequency_hz\n")
        }
        Format::Regions => {
            let system = catalogue.system().unwrap_or("image");
            format!("# Region file format: DS9 version 4.1\nglobal color=green\n{system}\n")
        }
        Format::SkyModel => {
            let more = if is_polarized(catalogue) { " Q, U, V," } else { "" };
            // Where planes have one frequency, it is what a line without one has.
            let frequency = catalogue.image.frequency(0).map_or(String::new(), |frequency| format!("='{frequency}'"));
            format!(
                "Format = Name, Type, Ra, Dec, I,{more} SpectralIndex, LogarithmicSI, ReferenceFrequency{frequency}, \
                 MajorAxis, MinorAxis, Orientation\n"
            )
        }
    }
}

/// The line of a component, the `number`-th; none if the format has no place for it.
pub(super) fn line(catalogue: &Catalogue<'_>, number: u64, entry: &Entry) -> Option<String> {
    match catalogue.format {
        Format::Table => None,
        Format::Csv => Some(csv(catalogue, entry)),
        Format::Regions => region(catalogue, entry),
        Format::SkyModel => source(catalogue, number, entry),
    }
}

fn csv(catalogue: &Catalogue<'_>, entry: &Entry) -> String {
    let Entry { plane, component, position } = entry;
    let label = catalogue.image.plane(*plane);
    let (lon, lat) = position.map_or_else(Default::default, |(lon, lat)| (format!("{lon:.10}"), format!("{lat:.10}")));
    let channel = label.channel.map_or(String::new(), |channel| channel.to_string());
    let frequency = catalogue.image.frequency(*plane).map_or(String::new(), |frequency| frequency.to_string());
    format!(
        "{},{},{lon},{lat},{:e},{},{},{},{channel},{frequency}\n",
        component.x,
        component.y,
        component.flux,
        catalogue.size(entry),
        catalogue.image.in_file(*plane),
        label.stokes.unwrap_or_default()
    )
}

/// A point, or for a scale a circle of its size, with its flux and, where there are several planes, the name of its own.
fn region(catalogue: &Catalogue<'_>, entry: &Entry) -> Option<String> {
    let Entry { plane, component, position } = entry;
    let known = catalogue.system().is_some();
    // DS9 counts pixels from 1.
    let place = match position.filter(|_| known) {
        Some((lon, lat)) => format!("{lon:.10},{lat:.10}"),
        None if known => return None,
        None => format!("{},{}", component.x + 1, component.y + 1),
    };
    let name = match catalogue.image.planes() {
        1 => String::new(),
        _ => format!(" tag={{{}}}", catalogue.image.plane(*plane).name),
    };
    let radius = catalogue.size(entry) / 2.0;
    let cell = catalogue.image.cell();
    let about = format!("text={{{:.4e} {}}}{name}", component.flux, catalogue.unit);
    Some(match (radius > 0.0, known) {
        (false, _) => format!("point({place}) # point=cross {about}\n"),
        (true, true) => {
            format!("circle({place},{:.6}\") # {about}\n", radius * (cell.x * cell.y).abs().sqrt() * 3600.0)
        }
        (true, false) => format!("circle({place},{radius}) # {about}\n"),
    })
}

fn source(catalogue: &Catalogue<'_>, number: u64, entry: &Entry) -> Option<String> {
    let Entry { plane, component, position } = entry;
    let (lon, lat) = (*position)?;
    let flux = match jansky(&catalogue.unit)? {
        1.0 => format!("{:e}", component.flux),
        scale => format!("{:e}", f64::from(component.flux) * scale),
    };
    let fluxes = match is_polarized(catalogue) {
        false => flux,
        true => {
            let own = catalogue.image.plane(*plane).stokes.unwrap_or_else(|| STOKES[0].into());
            STOKES.map(|stokes| if stokes == own { flux.clone() } else { "0".into() }).join(",")
        }
    };
    let frequency = catalogue.image.frequency(*plane).map_or(String::new(), |frequency| frequency.to_string());
    let fwhm = catalogue.fwhm(entry);
    let (kind, shape) =
        if fwhm > 0.0 { ("GAUSSIAN", format!("{fwhm:.6},{fwhm:.6},0")) } else { ("POINT", ",,".to_string()) };
    Some(format!(
        "s{}c{number},{kind},{},{},{fluxes},[],false,{frequency},{shape}\n",
        component.scale,
        hours(lon),
        degrees(lat)
    ))
}

/// A longitude in degrees as hours, `hh:mm:ss.ssssss`.
fn hours(degrees: f64) -> String {
    const PER_SECOND: u64 = 1_000_000;
    let units = (degrees.rem_euclid(360.0) / 15.0 * 3600.0 * PER_SECOND as f64).round() as u64 % (86400 * PER_SECOND);
    let (seconds, part) = (units / PER_SECOND, units % PER_SECOND);
    format!("{:02}:{:02}:{:02}.{part:06}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A latitude in degrees, `+dd.mm.ss.sssss`.
fn degrees(degrees: f64) -> String {
    const PER_SECOND: u64 = 100_000;
    let units = (degrees.abs() * 3600.0 * PER_SECOND as f64).round() as u64;
    let (seconds, part) = (units / PER_SECOND, units % PER_SECOND);
    let sign = if degrees < 0.0 { '-' } else { '+' };
    format!("{sign}{:02}.{:02}.{:02}.{part:05}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_carry() {
        assert_eq!(hours(0.0), "00:00:00.000000");
        assert_eq!(hours(186.638533333), "12:26:33.248000");
        assert_eq!(hours(359.999_999_999_9), "00:00:00.000000");
        assert_eq!(hours(15.0 - 1e-10), "01:00:00.000000");
        assert_eq!(degrees(-0.5), "-00.30.00.00000");
        assert_eq!(degrees(2.328_691_667), "+02.19.43.29000");
        assert_eq!(degrees(-59.999_999_999_9), "-60.00.00.00000");
    }
}
