//! The axes of a figure: sky coordinates where there are any, pixels otherwise.

use super::panel::Zoom;
use super::text::Style;
use super::ticks::{Notation, Tick};
use crate::image::{Image, Sky};

/// The ticks along the lower and the left edge of every panel; places are in pixels of the picture, from the left and
/// from below.
#[derive(Debug, Clone, PartialEq)]
pub struct Axes {
    /// Ticks of the lower edge.
    pub lower: Vec<Tick>,
    /// Ticks of the left edge.
    pub left: Vec<Tick>,
    /// What is told along the lower edge, from long to short.
    pub lower_names: Vec<String>,
    /// What is told along the left edge, from long to short.
    pub left_names: Vec<String>,
}

/// Pixels of the picture between two labels, at least.
const GAP: f64 = 9.0;

/// Ticks on an axis, at most.
const MOST: usize = 7;

impl Axes {
    /// The axes of an image drawn at a zoom.
    pub fn of(image: &Image, zoom: &Zoom) -> Axes {
        Sky::of(image).and_then(|sky| Axes::of_sky(&sky, zoom)).unwrap_or_else(|| Axes::of_pixels(zoom))
    }

    /// None if the coordinates along an edge do not grow or fall all along it.
    fn of_sky(sky: &Sky, zoom: &Zoom) -> Option<Axes> {
        let (along, up) = match sky.in_hours() {
            true => (Notation::Hours, Notation::Degrees),
            false => (Notation::Circle, Notation::Latitude),
        };
        // The edge of a pixel lies half a pixel before its centre.
        let lower = ticks(along, zoom, true, |x| Some(sky.at(-0.5, x - 0.5)?.0))?;
        let left = ticks(up, zoom, false, |y| Some(sky.at(y - 0.5, -0.5)?.1))?;
        let [lower_names, left_names] = sky.names();
        Some(Axes { lower, left, lower_names, left_names })
    }

    fn of_pixels(zoom: &Zoom) -> Axes {
        let number = |at: f64| Some(at - 0.5);
        Axes {
            lower: ticks(Notation::Pixels, zoom, true, number).unwrap_or_default(),
            left: ticks(Notation::Pixels, zoom, false, number).unwrap_or_default(),
            lower_names: vec!["Column (pixels)".into(), "Column".into()],
            left_names: vec!["Row (pixels)".into(), "Row".into()],
        }
    }

    /// Pixels that the widest label of the left edge takes.
    pub fn left_width(&self) -> usize {
        self.left.iter().map(|tick| Style::Plain.width(&tick.label)).max().unwrap_or(0)
    }
}

/// Ticks along the lower edge (`across`) or along the left one.
fn ticks(notation: Notation, zoom: &Zoom, across: bool, value: impl Fn(f64) -> Option<f64>) -> Option<Vec<Tick>> {
    let (size, factor) = (zoom.size(), zoom.factor());
    let (length, factor) = if across { (size.1, factor.1) } else { (size.0, factor.0) };
    let room = |ticks: &[Tick]| {
        let extent =
            |tick: &Tick| if across { Style::Plain.width(&tick.label) as f64 } else { Style::Plain.height() as f64 };
        ticks.windows(2).all(|pair| {
            let apart = (pair[1].at - pair[0].at).abs() * factor;
            apart >= (extent(&pair[0]) + extent(&pair[1])) / 2.0 + GAP
        })
    };
    let ticks = notation.ticks(length as f64 / factor, value, MOST, room)?;
    Some(ticks.into_iter().map(|tick| Tick { at: tick.at * factor, ..tick }).collect())
}
