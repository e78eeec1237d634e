//! From what a region file says to shapes among the pixels of an image.

use super::area::{Area, inverse};
use crate::image::Image;
use crate::image::sky::Sky;

/// A shape of a region file.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// The line that says it.
    pub line: usize,
    /// Are its pixels inside?
    pub include: bool,
    /// What it is.
    pub shape: Shape,
}

/// A shape, in whatever coordinates.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// An ellipse with two semi-axes, of which the first lies at an angle.
    Ellipse(Place, [Size; 2], f64),
    /// The ring between two radii.
    Annulus(Place, [Size; 2]),
    /// A box with two widths, of which the first lies at an angle.
    Box(Place, [Size; 2], f64),
    /// A box along the axes of the image between two corners.
    Corners(Place, Place),
    /// A polygon.
    Polygon(Vec<Place>),
}

/// A point.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// Along the first two axes of the file, 0-based.
    Pixel([f64; 2]),
    /// The same, in physical coordinates.
    Physical([f64; 2]),
    /// Longitude and latitude in degrees.
    Sky([f64; 2], System),
}

/// Coordinates on the sky.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// Those of the image, whatever they are.
    Image,
    /// FK5 and ICRS.
    J2000,
    /// FK4.
    B1950,
    /// Galactic.
    Galactic,
}

/// A length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Size {
    /// In pixels.
    Pixels(f64),
    /// In degrees.
    Degrees(f64),
}

impl Size {
    fn number(self) -> f64 {
        let (Size::Pixels(number) | Size::Degrees(number)) = self;
        number
    }
}

/// The coordinates of an image.
pub struct Pixels {
    sky: Option<Sky>,
    /// Does the first axis of the file run along the columns of the plane?
    transposed: bool,
    /// Has it physical coordinates of its own? (It was cut out of another image.)
    physical: bool,
}

impl Pixels {
    pub fn of(image: &Image) -> Pixels {
        let cut = image.header().cards().iter().any(|card| card.starts_with("LTV") || card.starts_with("LTM"));
        Pixels { sky: Sky::of(image), transposed: image.axes().lat() < image.axes().lon(), physical: cut }
    }

    /// The shape among the pixels of a plane; or what is wrong with it.
    pub fn area(&self, drawn: &Drawn) -> Result<Area, String> {
        match &drawn.shape {
            Shape::Ellipse(centre, axes, angle) => {
                let (centre, matrix) = self.frame(centre, axes, *angle)?;
                Ok(Area::Ellipse { centre, matrix, hole: 0.0 })
            }
            Shape::Annulus(centre, [inner, outer]) => {
                let (centre, matrix) = self.frame(centre, &[*outer, *outer], 0.0)?;
                let hole = inner.number() / outer.number();
                let alike = std::mem::discriminant(inner) == std::mem::discriminant(outer);
                match alike && (0.0..1.0).contains(&hole) {
                    true => Ok(Area::Ellipse { centre, matrix, hole }),
                    false => Err("the inner radius of an annulus is in the unit of the outer one, and smaller".into()),
                }
            }
            Shape::Box(centre, widths, angle) => {
                let half = widths.map(|width| match width {
                    Size::Pixels(pixels) => Size::Pixels(pixels / 2.0),
                    Size::Degrees(degrees) => Size::Degrees(degrees / 2.0),
                });
                let (centre, matrix) = self.frame(centre, &half, *angle)?;
                Ok(Area::Box { centre, matrix })
            }
            Shape::Corners(a, b) => {
                let (a, b) = (self.pixel(a)?, self.pixel(b)?);
                let half = [0, 1].map(|i| (a[i] - b[i]).abs() / 2.0);
                let centre = [0, 1].map(|i| (a[i] + b[i]) / 2.0);
                sized(Area::Box { centre, matrix: [[1.0 / half[0], 0.0], [0.0, 1.0 / half[1]]] }, &half)
            }
            Shape::Polygon(points) => {
                points.iter().map(|point| self.pixel(point)).collect::<Result<_, _>>().map(Area::Polygon)
            }
        }
    }

    /// Column and row of a point in the plane.
    fn pixel(&self, place: &Place) -> Result<[f64; 2], String> {
        match place {
            Place::Physical(_) if self.physical => {
                Err("the image has physical coordinates of its own (LTV, LTM), which are not \
                 followed: give image or sky coordinates"
                    .into())
            }
            Place::Pixel([x, y]) | Place::Physical([x, y]) => Ok(if self.transposed { [*y, *x] } else { [*x, *y] }),
            Place::Sky([lon, lat], system) => {
                let sky = self.sky_in(*system)?;
                let (y, x) = sky
                    .pixel(*lon, *lat)
                    .ok_or_else(|| format!("{lon} {lat} deg is not a place on the sky that the image could show"))?;
                Ok([x, y])
            }
        }
    }

    fn sky(&self) -> Result<&Sky, String> {
        self.sky
            .as_ref()
            .ok_or_else(|| "the image has no coordinates on the sky that are understood: give pixels".into())
    }

    /// The image's coordinates, if they are in a system.
    fn sky_in(&self, system: System) -> Result<&Sky, String> {
        let sky = self.sky()?;
        match is_in(sky, system) {
            true => Ok(sky),
            false => {
                let image = if sky.frame().is_empty() { "others" } else { sky.frame() };
                Err(format!(
                    "it is in {system:?} coordinates, those of the image are {image}: give it in the image's own, or in pixels"
                ))
            }
        }
    }

    /// The centre of a shape with two sizes, and the matrix that brings offsets from there to a circle or square of 1. An angle
    /// (degrees) is from the first axis towards the second one, on the sky from west to north.
    fn frame(&self, centre: &Place, sizes: &[Size; 2], angle: f64) -> Result<([f64; 2], [[f64; 2]; 2]), String> {
        let at = self.pixel(centre)?;
        let axes = match sizes {
            [Size::Pixels(_), Size::Pixels(_)] if self.transposed => [[0.0, 1.0], [1.0, 0.0]],
            [Size::Pixels(_), Size::Pixels(_)] => [[1.0, 0.0], [0.0, 1.0]],
            [Size::Degrees(_), Size::Degrees(_)] => self.west_and_north(at)?,
            _ => return Err("sizes in pixels and in degrees do not go together".into()),
        };
        let (sin, cos) = angle.to_radians().sin_cos();
        let turned = [[cos, sin], [-sin, cos]];
        let row = |i: usize, j: usize| (turned[i][0] * axes[0][j] + turned[i][1] * axes[1][j]) / sizes[i].number();
        let matrix = [[row(0, 0), row(0, 1)], [row(1, 0), row(1, 1)]];
        sized((at, matrix), &sizes.map(Size::number))
    }

    /// Degrees to the west and to the north for a pixel along a row and along a column, near a pixel (column, row).
    fn west_and_north(&self, [x, y]: [f64; 2]) -> Result<[[f64; 2]; 2], String> {
        /// A step in degrees: small on the sky, large against rounding.
        const STEP: f64 = 1e-5;
        let sky = self.sky()?;
        let steps = || {
            let (lon, lat) = sky.at(y, x)?;
            // A step away from the pole, where there is no west.
            let north = if lat > 0.0 { -STEP } else { STEP };
            let (to_west, to_north) =
                (sky.pixel(lon - STEP / lat.to_radians().cos(), lat)?, sky.pixel(lon, lat + north)?);
            let along = |(y1, x1): (f64, f64), step: f64| [(x1 - x) / step, (y1 - y) / step];
            let (west, north) = (along(to_west, STEP), along(to_north, north));
            let matrix = inverse(&[[west[0], north[0]], [west[1], north[1]]]);
            matrix.as_flattened().iter().all(|number| number.is_finite()).then_some(matrix)
        };
        steps().ok_or_else(|| "its centre is not on the sky that the image could show".into())
    }
}

/// Are an image's coordinates in a system? One that does not say its equinox is taken for J2000.
fn is_in(sky: &Sky, system: System) -> bool {
    match system {
        System::Image => true,
        System::J2000 => sky.in_hours() && (sky.frame().is_empty() || sky.is_j2000()),
        System::B1950 => sky.in_hours() && ["B1950", "FK4"].contains(&sky.frame()),
        System::Galactic => sky.longitude() == "GLON",
    }
}

/// The same, if its sizes make sense.
fn sized<T>(shape: T, sizes: &[f64; 2]) -> Result<T, String> {
    match sizes.iter().all(|size| *size > 0.0 && size.is_finite()) {
        true => Ok(shape),
        false => Err("its size must be above zero".into()),
    }
}
