//! The beam in a corner of a panel.

use super::canvas::{Area, Canvas, Colour, INK, WHITE};
use super::panel::Zoom;

/// The colour of the beam.
pub const BEAM: Colour = [70, 70, 70];

/// Pixels between the box and the edges of the panel.
const MARGIN: usize = 8;

/// The part of a panel's sides that a box may take.
const BOXED: f64 = 0.35;

/// Pixels between the ellipse and its box.
const PADDING: f64 = 5.0;

/// Draws the half-maximum ellipse of a beam, true to scale, into the lower left corner of a panel, and returns the
/// box it lies in. `covariance` is [xx, xy, yy] (σ²) in pixels of the plane, y upwards. A beam that would hide too much
/// of the panel is only outlined; one that does not fit it is not drawn.
pub fn draw_beam(canvas: &mut Canvas, panel: Area, zoom: &Zoom, covariance: [f64; 3]) -> Option<Area> {
    let (down, across) = zoom.factor();
    // (FWHM / 2)² = 2 ln 2 σ²
    let half = 2.0 * std::f64::consts::LN_2;
    let xx = (half * covariance[0] * across * across).max(1.0);
    let yy = (half * covariance[2] * down * down).max(1.0);
    // A beam smaller than a pixel of the picture becomes a dot.
    let xy = if xx > 1.0 && yy > 1.0 { half * covariance[1] * across * down } else { 0.0 };
    let determinant = xx * yy - xy * xy;
    let (width, height) = ((2.0 * (xx.sqrt() + PADDING)).ceil(), (2.0 * (yy.sqrt() + PADDING)).ceil());
    let fits = |part: f64| width <= panel.width as f64 * part && height <= panel.height as f64 * part;
    if !(determinant > 0.0 && fits(1.0)) {
        return None;
    }
    let margin = |size: f64, side: usize| MARGIN.min(side.saturating_sub(size as usize | 1) / 2);
    let (left, below) = (margin(width, panel.width), margin(height, panel.height));
    let (width, height) = (width as usize | 1, height as usize | 1);
    let area = Area { x: panel.x + left, y: panel.bottom().saturating_sub(below + height), width, height };
    let boxed = fits(BOXED);
    if boxed {
        canvas.fill(area, WHITE);
        canvas.frame(area, INK);
    }
    for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
        let (at_x, at_y) = ((area.x + x) as i64, (area.y + y) as i64);
        match boxed {
            true => canvas.cover(at_x, at_y, BEAM, inside((x, y), (width, height), [xx, xy, yy], determinant)),
            false => {
                if let Some(colour) = outline((x, y), (width, height), [xx, xy, yy], determinant) {
                    canvas.set(at_x, at_y, colour);
                }
            }
        }
    }
    Some(area)
}

/// The colour of a pixel at the edge of the ellipse: a line of the beam's colour between two of paper.
fn outline(
    (x, y): (usize, usize),
    (width, height): (usize, usize),
    [xx, xy, yy]: [f64; 3],
    determinant: f64,
) -> Option<Colour> {
    let (dx, dy) = (x as f64 + 0.5 - width as f64 / 2.0, height as f64 / 2.0 - y as f64 - 0.5);
    let radius = ((yy * dx * dx - 2.0 * xy * dx * dy + xx * dy * dy) / determinant).sqrt();
    let distance = (dx.hypot(dy) * (1.0 - 1.0 / radius)).abs();
    match distance {
        d if d < 1.2 => Some(BEAM),
        d if d < 2.4 => Some(WHITE),
        _ => None,
    }
}

/// How much of a pixel of the box lies in the ellipse, 0 to 255.
fn inside((x, y): (usize, usize), (width, height): (usize, usize), [xx, xy, yy]: [f64; 3], determinant: f64) -> u8 {
    const PARTS: usize = 4;
    let offset =
        |place: usize, part: usize, size: usize| place as f64 + (part as f64 + 0.5) / PARTS as f64 - size as f64 / 2.0;
    let hit = |k: &usize| {
        let dx = offset(x, k % PARTS, width);
        let dy = -offset(y, k / PARTS, height);
        yy * dx * dx - 2.0 * xy * dx * dy + xx * dy * dy <= determinant
    };
    let hits = (0..PARTS * PARTS).filter(hit).count();
    (255 * hits / (PARTS * PARTS)) as u8
}
