//! From a pixel to the sky and back, by what a header says of it (Calabretta & Greisen 2002).

use super::cell::degrees_per;
use super::header::Header;
use super::input::Image;
use mapproj::zenithal::arc::Arc;
use mapproj::zenithal::sin::{Sin, SinSlant};
use mapproj::zenithal::stg::Stg;
use mapproj::zenithal::tan::Tan;
use mapproj::zenithal::zea::Zea;
use mapproj::{CanonicalProjection, CenteredProjection, LonLat, ProjXY, Projection};
use std::f64::consts::TAU;

/// The coordinate system of an image's sky axes.
pub struct Sky {
    /// CTYPE of the longitude, up to the first dash.
    longitude: String,
    /// CTYPE of the latitude.
    latitude: String,
    /// Equinox or frame; empty if the header does not say.
    frame: String,
    /// 1-based column and row of the reference pixel.
    reference: (f64, f64),
    /// Degrees along longitude and latitude for a pixel along a row and along a column.
    matrix: [[f64; 2]; 2],
    projection: Kind,
}

enum Kind {
    /// Longitude and latitude grow evenly from their values at the reference pixel, degrees.
    Linear(f64, f64),
    Curved(Box<dyn Projection>),
}

impl std::fmt::Debug for Sky {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sky").field("frame", &self.frame).field("matrix", &self.matrix).finish_non_exhaustive()
    }
}

impl Sky {
    /// The coordinates of an image; none if the header has none, if they make no sense, or if their projection is not
    /// one of SIN (slant, NCP too), TAN, ARC, STG, ZEA, CAR about the equator, or no projection at all.
    pub fn of(image: &Image) -> Option<Sky> {
        let (axes, header) = (image.axes(), image.header());
        if !axes.sky_known() {
            return None;
        }
        let (lon, lat) = (axes.lon() + 1, axes.lat() + 1);
        let number = |name: &str, axis: usize| header.number(&format!("{name}{axis}"));
        let unit = |axis: usize| degrees_per(&header.text(&format!("CUNIT{axis}")).unwrap_or_default());
        let matrix = matrix(header, lon, lat)?;
        let sky = Sky {
            longitude: axes.list()[axes.lon()].name.clone(),
            latitude: axes.list()[axes.lat()].name.clone(),
            frame: frame(header, &axes.list()[axes.lon()].name),
            reference: (number("CRPIX", lon).unwrap_or(0.0), number("CRPIX", lat).unwrap_or(0.0)),
            projection: kind(
                header,
                (lon, lat),
                (number("CRVAL", lon)? * unit(lon), number("CRVAL", lat)? * unit(lat)),
            )?,
            matrix,
        };
        (sky.reference.0.is_finite() && sky.reference.1.is_finite()).then_some(sky)
    }

    /// Longitude and latitude, degrees, at a 0-based row and column; none off the sky. Longitude is in 0 .. 360.
    pub fn at(&self, y: f64, x: f64) -> Option<(f64, f64)> {
        let (x, y) = (x + 1.0 - self.reference.0, y + 1.0 - self.reference.1);
        let [[a, b], [c, d]] = self.matrix;
        let (x, y) = (a * x + b * y, c * x + d * y);
        let (lon, lat) = match &self.projection {
            Kind::Linear(lon, lat) => (lon + x, lat + y),
            Kind::Curved(projection) => {
                let at = projection.unproj_lonlat(&ProjXY::new(x.to_radians(), y.to_radians()))?;
                (at.lon().to_degrees(), at.lat().to_degrees())
            }
        };
        (lon.is_finite() && lat.is_finite() && lat.abs() <= 90.0).then(|| (lon.rem_euclid(360.0), lat))
    }

    /// Row and column, 0-based, at a longitude and latitude in degrees; none where the projection has no such place.
    pub fn pixel(&self, lon: f64, lat: f64) -> Option<(f64, f64)> {
        let (x, y) = match &self.projection {
            Kind::Linear(lon0, lat0) => ((lon - lon0 + 180.0).rem_euclid(360.0) - 180.0, lat - lat0),
            Kind::Curved(projection) => {
                let at = projection.proj_lonlat(&LonLat::new(lon.to_radians().rem_euclid(TAU), lat.to_radians()))?;
                (at.x().to_degrees(), at.y().to_degrees())
            }
        };
        let [[a, b], [c, d]] = self.matrix;
        let determinant = a * d - b * c;
        let (x, y) = ((d * x - b * y) / determinant, (a * y - c * x) / determinant);
        (x.is_finite() && y.is_finite()).then_some((y + self.reference.1 - 1.0, x + self.reference.0 - 1.0))
    }

    /// Equinox or frame of a right ascension; empty if the header does not say.
    pub fn frame(&self) -> &str {
        &self.frame
    }

    /// Are its coordinates of the kind and, as far as both say it, of the equinox of another's? ICRS and J2000 are taken for one:
    /// they differ by 0.02 arcsec.
    pub fn has_frame_of(&self, other: &Sky) -> bool {
        let of = |sky: &Sky| if sky.is_j2000() { "J2000".to_string() } else { sky.frame.clone() };
        let unsaid = self.frame.is_empty() || other.frame.is_empty();
        self.longitude == other.longitude && (unsaid || of(self) == of(other))
    }

    /// Is its frame that of J2000, or one that hardly differs from it?
    pub fn is_j2000(&self) -> bool {
        ["J2000", "ICRS", "GCRS", "FK5"].contains(&self.frame.as_str())
    }

    /// What the longitude is called in the header: `RA`, `GLON` …
    pub fn longitude(&self) -> &str {
        &self.longitude
    }

    /// What the axis of latitude is called in the header, such as `DEC` or `GLAT`.
    pub fn latitude(&self) -> &str {
        &self.latitude
    }

    /// Is the longitude a right ascension, told in hours?
    pub fn in_hours(&self) -> bool {
        self.longitude == "RA"
    }

    /// What the axes are called, longitude and latitude, each from long to short.
    pub fn names(&self) -> [Vec<String>; 2] {
        let called = |axis: &str| match axis {
            "RA" => vec!["Right ascension".to_string(), "RA".to_string()],
            "DEC" => vec!["Declination".to_string(), "Dec".to_string()],
            "GLON" => vec!["Galactic longitude".to_string(), "l".to_string()],
            "GLAT" => vec!["Galactic latitude".to_string(), "b".to_string()],
            other => vec![other.to_string()],
        };
        let framed = |name: &String| format!("{name} ({})", self.frame);
        [&self.longitude, &self.latitude].map(|axis| {
            let plain = called(axis);
            if self.frame.is_empty() { plain } else { plain.iter().map(framed).chain(plain.last().cloned()).collect() }
        })
    }
}

/// Degrees on both sky axes for a pixel along a row and along a column; none if it is not a proper one.
fn matrix(header: &Header, lon: usize, lat: usize) -> Option<[[f64; 2]; 2]> {
    let number = |name: String| header.number(&name);
    let axes = [lon, lat];
    let unit = axes.map(|i| degrees_per(&header.text(&format!("CUNIT{i}")).unwrap_or_default()));
    let element = |name: &str, i: usize, j: usize| number(format!("{name}{}_{}", axes[i], axes[j]));
    let given = |name: &str| (0..4).any(|k| element(name, k / 2, k % 2).is_some());
    let square = |f: &dyn Fn(usize, usize) -> f64| [[f(0, 0), f(0, 1)], [f(1, 0), f(1, 1)]];
    let step = axes.map(|i| number(format!("CDELT{i}")));
    let same = |i: usize, j: usize| if i == j { 1.0 } else { 0.0 };
    let rows = match step {
        _ if given("CD") => square(&|i, j| element("CD", i, j).unwrap_or(0.0)),
        [Some(x), Some(y)] if given("PC") => square(&|i, j| [x, y][i] * element("PC", i, j).unwrap_or(same(i, j))),
        [Some(x), Some(y)] => {
            let (sin, cos) = number(format!("CROTA{lat}")).unwrap_or(0.0).to_radians().sin_cos();
            [[x * cos, -y * sin], [x * sin, y * cos]]
        }
        _ => return None,
    };
    let rows = square(&|i, j| rows[i][j] * unit[i]);
    let determinant = rows[0][0] * rows[1][1] - rows[0][1] * rows[1][0];
    (determinant.is_finite() && determinant != 0.0).then_some(rows)
}

/// The projection that both CTYPEs name, about a place in degrees.
fn kind(header: &Header, (lon, lat): (usize, usize), (lon0, lat0): (f64, f64)) -> Option<Kind> {
    if !lon0.is_finite() || !lat0.is_finite() || lat0.abs() > 90.0 {
        return None;
    }
    let code = |axis: usize| {
        let ctype = header.text(&format!("CTYPE{axis}")).unwrap_or_default();
        ctype.get(4..).map(|code| code.trim_matches([' ', '-']).to_ascii_uppercase()).unwrap_or_default()
    };
    let code = Some(code(lon)).filter(|name| *name == code(lat))?;
    let pv = |m: usize| header.number(&format!("PV{lat}_{m}")).unwrap_or(0.0);
    // mapproj says that its xi is -PV2_1; astropy agrees with +PV2_1.
    let slant = |along: f64, up: f64| (along.is_finite() && up.is_finite()).then(|| SinSlant::new(along, up));
    let pole = header.number("LONPOLE").filter(|pole| pole.is_finite());
    let turn = pole.unwrap_or(if lat0 >= 90.0 { 0.0 } else { 180.0 }).to_radians() - std::f64::consts::PI;
    let place = LonLat::new(lon0.to_radians(), lat0.to_radians());
    Some(match code.as_str() {
        "" => Kind::Linear(lon0, lat0),
        "CAR" if lat0 == 0.0 && pole.is_none_or(|pole| pole == 0.0) => Kind::Linear(lon0, lat0),
        "SIN" if pv(1) == 0.0 && pv(2) == 0.0 => about(Sin::new(), &place, turn),
        "SIN" => about(slant(pv(1), pv(2))?, &place, turn),
        "NCP" => about(slant(0.0, lat0.to_radians().tan().recip())?, &place, turn),
        "TAN" => about(Tan::new(), &place, turn),
        "ARC" => about(Arc::new(), &place, turn),
        "STG" => about(Stg::new(), &place, turn),
        "ZEA" => about(Zea::new(), &place, turn),
        _ => return None,
    })
}

fn about<P: CanonicalProjection + 'static>(projection: P, place: &LonLat, turn: f64) -> Kind {
    let mut centred = CenteredProjection::new(projection);
    centred.set_proj_center_from_lonlat_and_positional_angle(place, turn);
    Kind::Curved(Box::new(centred))
}

/// The equinox, or the frame if that has none. Galactic coordinates need neither.
fn frame(header: &Header, longitude: &str) -> String {
    if longitude != "RA" {
        return String::new();
    }
    let text = |name: &str| header.text(name).filter(|text| !text.is_empty());
    let system = text("RADESYS").or_else(|| text("RADECSYS")).unwrap_or_default().to_ascii_uppercase();
    let year =
        header.number("EQUINOX").or_else(|| header.number("EPOCH")).filter(|year| (1800.0..2200.0).contains(year));
    match (system.as_str(), year) {
        ("ICRS" | "GCRS", _) => system,
        (system, Some(year)) => {
            let letter = if system.starts_with("FK4") || (system.is_empty() && year < 1984.0) { 'B' } else { 'J' };
            format!("{letter}{year}")
        }
        (_, None) => system,
    }
}
