//! The axes of an image: which two are the sky, and what the planes along the others are called.

use super::header::Header;

/// One axis of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Its length in pixels.
    pub length: usize,
    /// What it counts: its CTYPE up to the first dash, in capitals (`RA`, `FREQ`), empty if there is none.
    pub name: String,
    /// The 0-based place in the file of its first pixel: 0, but for an axis that is cut.
    pub first: usize,
    /// 1-based pixel at which the coordinate is `value`.
    reference: f64,
    /// Coordinate at the reference pixel.
    value: f64,
    /// Coordinate step a pixel.
    step: f64,
}

impl PlaneLabel {
    /// Is its polarization one that is of both signs by nature?
    pub fn is_signed(&self) -> bool {
        const SIGNED: [&str; 7] = ["Q", "U", "V", "RL", "LR", "XY", "YX"];
        self.stokes.as_deref().is_some_and(|stokes| SIGNED.contains(&stokes))
    }
}

/// The axes of an image, in the file's order (the first varies fastest).
#[derive(Debug, Clone, PartialEq)]
pub struct Axes {
    list: Vec<Axis>,
    lon: usize,
    lat: usize,
    sky_known: bool,
}

/// What one plane of an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaneLabel {
    /// Its polarization (`I`, `Q`, `RR` …), if the image has a STOKES axis.
    pub stokes: Option<String>,
    /// Its 0-based place on the axis of frequency, velocity or wavelength, if there is one.
    pub channel: Option<usize>,
    /// What to call it: `I`, `I/3`, `channel 3` or `plane 2`. Never empty.
    pub name: String,
}

impl Axes {
    /// The axes that a header describes, with their lengths (at least two).
    ///
    /// Sky axes are found by CTYPE; without a pair of them the first two axes longer than one pixel are taken.
    pub fn from_header(header: &Header, lengths: &[usize]) -> Axes {
        let list: Vec<Axis> = lengths.iter().enumerate().map(|(i, &length)| axis(header, i + 1, length)).collect();
        let find = |is: fn(&str) -> bool| list.iter().position(|axis| is(&axis.name));
        let by_name = find(is_longitude).zip(find(is_latitude));
        let (lon, lat) = by_name.unwrap_or_else(|| {
            let mut long = (0..list.len()).filter(|&i| list[i].length > 1);
            long.next().zip(long.next()).unwrap_or((0, 1))
        });
        Axes { list, lon, lat, sky_known: by_name.is_some() }
    }

    /// All of them.
    pub fn list(&self) -> &[Axis] {
        &self.list
    }

    /// Number (0-based) of the axis of longitude, along which a row runs.
    pub fn lon(&self) -> usize {
        self.lon
    }

    /// Number (0-based) of the axis of latitude, along which a column runs.
    pub fn lat(&self) -> usize {
        self.lat
    }

    /// Did the header name the sky axes?
    pub fn sky_known(&self) -> bool {
        self.sky_known
    }

    /// Rows (latitude) and columns (longitude) of a plane.
    pub fn shape(&self) -> (usize, usize) {
        (self.list[self.lat].length, self.list[self.lon].length)
    }

    /// Numbers of the axes that are not sky axes.
    pub fn others(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.list.len()).filter(|&i| i != self.lon && i != self.lat)
    }

    /// Number of planes: the product of the lengths of the axes that are not sky axes.
    pub fn planes(&self) -> usize {
        self.others().map(|i| self.list[i].length).product()
    }

    /// Number of pixels of all planes.
    pub fn pixels(&self) -> usize {
        self.list.iter().map(|axis| axis.length).product()
    }

    /// Pixels from one place on an axis to the next.
    pub fn stride(&self, axis: usize) -> usize {
        self.list[..axis].iter().map(|axis| axis.length).product()
    }

    /// The 0-based place of a plane on every axis; 0 on the sky axes.
    pub fn position(&self, plane: usize) -> Vec<usize> {
        let mut position = vec![0; self.list.len()];
        let mut rest = plane;
        for i in self.others() {
            position[i] = rest % self.list[i].length;
            rest /= self.list[i].length;
        }
        position
    }

    /// The plane at a place; the inverse of `position`.
    pub fn plane_at(&self, position: &[usize]) -> usize {
        let mut plane = 0;
        let mut size = 1;
        for i in self.others() {
            plane += position[i] * size;
            size *= self.list[i].length;
        }
        plane
    }

    /// The axes of some planes alone, of which `last` is one; none, if no cut of each axis makes them.
    pub fn cut(&self, first: usize, last: usize) -> Option<Axes> {
        let (from, to) = (self.position(first), self.position(last));
        let mut cut = self.clone();
        for i in self.others() {
            let axis = &mut cut.list[i];
            (axis.length, axis.first) = ((to[i] + 1).checked_sub(from[i])?, from[i]);
            axis.reference -= from[i] as f64;
        }
        (cut.planes() == last + 1 - first).then_some(cut)
    }

    /// All planes in parts, first and last of each, of at most so many planes and such as can be [cut](Axes::cut).
    pub fn parts(&self, most: usize) -> Vec<(usize, usize)> {
        let (mut parts, mut first) = (Vec::new(), 0);
        while first < self.planes() {
            let lasts = (first..self.planes()).take(most).rev();
            let last = lasts.into_iter().find(|&last| self.cut(first, last).is_some()).unwrap_or(first);
            parts.push((first, last));
            first = last + 1;
        }
        parts
    }

    /// The axis of frequency, velocity or wavelength.
    pub fn channel_axis(&self) -> Option<usize> {
        self.others().find(|&i| is_spectral(&self.list[i].name))
    }

    /// The axis of polarizations.
    pub fn stokes_axis(&self) -> Option<usize> {
        self.others().find(|&i| self.list[i].name == "STOKES")
    }

    /// What a plane is.
    pub fn label(&self, plane: usize) -> PlaneLabel {
        let position = self.position(plane);
        let stokes = self.stokes_axis().and_then(|i| self.list[i].stokes(position[i])).map(str::to_string);
        let channel = self.channel_axis().map(|i| position[i]);
        let long = |axis: Option<usize>| axis.is_some_and(|i| self.list[i].length > 1);
        let named = [self.stokes_axis().filter(|_| stokes.is_some()), self.channel_axis()];
        // A name must tell the planes apart: if any other axis has a length, only the plane's number does.
        let unnamed = self.others().any(|i| long(Some(i)) && !named.contains(&Some(i)));
        let name = match (&stokes, channel) {
            _ if unnamed => format!("plane {plane}"),
            (Some(stokes), Some(channel)) if long(named[1]) => format!("{stokes}/{channel}"),
            (Some(stokes), _) => stokes.clone(),
            (None, Some(channel)) if long(named[1]) => format!("channel {channel}"),
            _ => format!("plane {plane}"),
        };
        PlaneLabel { stokes, channel, name }
    }
}

impl Axis {
    /// The coordinate at a 0-based place.
    pub fn value_at(&self, place: usize) -> f64 {
        self.value + (place as f64 + 1.0 - self.reference) * self.step
    }

    /// The polarization at a 0-based place on a STOKES axis.
    fn stokes(&self, place: usize) -> Option<&'static str> {
        let code = self.value_at(place);
        const NAMES: [&str; 13] = ["YX", "XY", "YY", "XX", "LR", "RL", "LL", "RR", "", "I", "Q", "U", "V"];
        let index = (code + 8.0).round();
        let name = (0.0..=12.0).contains(&index).then(|| NAMES[index as usize])?;
        (!name.is_empty()).then_some(name)
    }
}

/// Axis `i` (1-based) of a header.
fn axis(header: &Header, i: usize, length: usize) -> Axis {
    let number = |name: &str, default| header.number(&format!("{name}{i}")).unwrap_or(default);
    let ctype = header.text(&format!("CTYPE{i}")).unwrap_or_default();
    let name = ctype.split('-').next().unwrap_or_default().trim().to_ascii_uppercase();
    let (reference, value, step) = (number("CRPIX", 1.0), number("CRVAL", 1.0), number("CDELT", 1.0));
    Axis { length, name, first: 0, reference, value, step }
}

fn is_longitude(name: &str) -> bool {
    name == "RA" || (name.len() == 4 && (name.ends_with("LON") || name.ends_with("LN")))
}

fn is_latitude(name: &str) -> bool {
    name == "DEC" || (name.len() == 4 && (name.ends_with("LAT") || name.ends_with("LT")))
}

fn is_spectral(name: &str) -> bool {
    const NAMES: [&str; 13] =
        ["FREQ", "VELO", "FELO", "VRAD", "VOPT", "WAVE", "AWAV", "WAVN", "ENER", "ZOPT", "BETA", "LAMBDA", "CHANNEL"];
    NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(names: &[&str], lengths: &[usize]) -> Axes {
        let card = |(i, name): (usize, &&str)| format!("CTYPE{}  = '{name}'", i + 1);
        let mut cards: Vec<String> = names.iter().enumerate().map(card).collect();
        cards.push("CRVAL1  = -1.0".into());
        cards.push("CDELT1  = -1.0".into());
        Axes::from_header(&Header::new(cards), lengths)
    }

    #[test]
    fn sky_axes_in_any_order() {
        let axes = axes(&["STOKES", "DEC--SIN", "FREQ", "RA---SIN"], &[2, 5, 3, 7]);
        assert_eq!((axes.shape(), axes.planes()), ((5, 7), 6));
        assert_eq!((axes.stride(axes.lat()), axes.stride(axes.lon())), (2, 30));
        assert_eq!(axes.position(5), vec![1, 0, 2, 0]);
        assert!((0..6).all(|plane| axes.plane_at(&axes.position(plane)) == plane));
        assert_eq!(axes.label(5).name, "LL/2");
        assert_eq!(axes.label(0).stokes.as_deref(), Some("RR"));
    }

    #[test]
    fn without_names_the_first_long_axes() {
        let axes = axes(&[], &[1, 4, 5, 2]);
        assert_eq!((axes.shape(), axes.planes(), axes.sky_known()), ((5, 4), 2, false));
        assert_eq!(axes.label(1).name, "plane 1");
        assert_eq!(self::axes(&[], &[1, 4]).shape(), (4, 1));
    }

    #[test]
    fn cut() {
        let axes = axes(&["RA", "DEC", "STOKES", "FREQ"], &[5, 4, 2, 3]);
        let lengths = |first, last| axes.cut(first, last).map(|cut| (cut.list[2].length, cut.list[3].length));
        let whole = [((0, 5), (2, 3)), ((2, 5), (2, 2)), ((3, 3), (1, 1)), ((0, 1), (2, 1))];
        assert!(whole.iter().all(|&((first, last), is)| lengths(first, last) == Some(is)));
        assert!([(1, 2), (0, 2), (1, 5), (3, 4)].iter().all(|&(first, last)| lengths(first, last).is_none()));
        assert_eq!(axes.parts(3), vec![(0, 1), (2, 3), (4, 5)]);
        assert_eq!(axes.parts(4), vec![(0, 3), (4, 5)]);
        assert_eq!(axes.parts(1).len(), 6);
        assert_eq!(axes.parts(100), vec![(0, 5)]);
        let cut = axes.cut(4, 5).unwrap_or_else(|| axes.clone());
        assert_eq!((cut.list[3].first, cut.list[3].value_at(0)), (2, axes.list[3].value_at(2)));
    }

    #[test]
    fn labels() {
        assert_eq!(axes(&["GLON-CAR", "GLAT-CAR", "VRAD"], &[4, 4, 2]).label(1).name, "channel 1");
        assert_eq!(axes(&["RA", "DEC", "FREQ"], &[4, 4, 1]).label(0).name, "plane 0");
        assert_eq!(axes(&["STOKES", "RA", "DEC", "FOO"], &[1, 4, 4, 2]).label(1).name, "plane 1");
    }
}
