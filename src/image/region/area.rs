//! Shapes among pixels: geometry only.

use crate::image::rect::Rect;
use serde::{Deserialize, Serialize};

/// A shape in the plane of an image. Points are (column, row), 0-based, at the centres of pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Area {
    /// The points p with `hole` ≤ |M (p − c)| ≤ 1.
    Ellipse {
        /// The centre c.
        centre: [f64; 2],
        /// The rows of M.
        matrix: [[f64; 2]; 2],
        /// Where an annulus begins, as a part of its outer ellipse; 0 for one without a hole.
        hole: f64,
    },
    /// The points p for which both numbers of M (p − c) are within ±1.
    Box {
        /// The centre c.
        centre: [f64; 2],
        /// The rows of M.
        matrix: [[f64; 2]; 2],
    },
    /// What a closed line through these points goes around, an odd number of times.
    Polygon(Vec<[f64; 2]>),
}

impl Area {
    /// The first and last columns, as real numbers, between which row `y` is inside: none, one or several pairs are appended.
    pub fn spans(&self, y: f64, spans: &mut Vec<(f64, f64)>) {
        match self {
            Area::Ellipse { centre, matrix, hole } => {
                let Some((from, to)) = chord(matrix, y - centre[1], 1.0) else { return };
                let inner = if *hole > 0.0 { chord(matrix, y - centre[1], *hole) } else { None };
                match inner {
                    None => spans.push((centre[0] + from, centre[0] + to)),
                    Some((left, right)) => {
                        spans.push((centre[0] + from, centre[0] + left));
                        spans.push((centre[0] + right, centre[0] + to));
                    }
                }
            }
            Area::Box { centre, matrix } => {
                let mut span = (f64::NEG_INFINITY, f64::INFINITY);
                for &[p, q] in matrix {
                    let rest = q * (y - centre[1]);
                    let (a, b) = match p == 0.0 {
                        true if rest.abs() <= 1.0 => continue,
                        true => return,
                        false => ((-1.0 - rest) / p, (1.0 - rest) / p),
                    };
                    span = (span.0.max(a.min(b)), span.1.min(a.max(b)));
                }
                if span.0 <= span.1 {
                    spans.push((centre[0] + span.0, centre[0] + span.1));
                }
            }
            Area::Polygon(points) => {
                let mut crossings: Vec<f64> = edges(points)
                    .filter(|([_, y0], [_, y1])| (*y0 <= y) != (*y1 <= y))
                    .map(|([x0, y0], [x1, y1])| x0 + (y - y0) * (x1 - x0) / (y1 - y0))
                    .collect();
                crossings.sort_by(f64::total_cmp);
                spans.extend(crossings.as_chunks::<2>().0.iter().map(|&[from, to]| (from, to)));
            }
        }
    }

    /// May it hold a pixel of a rectangle?
    pub fn touches(&self, at: &Rect) -> bool {
        let [(x0, x1), (y0, y1)] = self.bounds();
        // The other way round, so that a bound that is no number does not count.
        !(x1 < at.x0 as f64 || x0 > (at.x1() - 1) as f64 || y1 < at.y0 as f64 || y0 > (at.y1() - 1) as f64)
    }

    /// The smallest and largest column and row of the shape, a little on the outside.
    fn bounds(&self) -> [(f64, f64); 2] {
        let about = |centre: &[f64; 2], reach: [f64; 2]| {
            [0, 1].map(|i| (centre[i] - reach[i] - 1e-3, centre[i] + reach[i] + 1e-3))
        };
        match self {
            Area::Ellipse { centre, matrix, .. } => about(centre, inverse(matrix).map(|[a, b]| a.hypot(b))),
            Area::Box { centre, matrix } => about(centre, inverse(matrix).map(|[a, b]| a.abs() + b.abs())),
            Area::Polygon(points) => [0, 1].map(|i| {
                let along = points.iter().map(|point| point[i]);
                along.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), at| (low.min(at), high.max(at)))
            }),
        }
    }
}

/// The sides of a polygon.
fn edges(points: &[[f64; 2]]) -> impl Iterator<Item = ([f64; 2], [f64; 2])> + '_ {
    (0..points.len()).map(|i| (points[i], points[(i + 1) % points.len()]))
}

/// The offsets x from the centre between which |M (x, y)| ≤ `radius`.
fn chord([[p, q], [r, s]]: &[[f64; 2]; 2], y: f64, radius: f64) -> Option<(f64, f64)> {
    // A x² + 2 B y x + C y² ≤ radius²
    let (a, b, c) = (p * p + r * r, p * q + r * s, q * q + s * s);
    let root = (b * y).powi(2) - a * (c * y * y - radius * radius);
    (root >= 0.0).then(|| ((-b * y - root.sqrt()) / a, (-b * y + root.sqrt()) / a))
}

/// The inverse of a matrix.
pub fn inverse([[p, q], [r, s]]: &[[f64; 2]; 2]) -> [[f64; 2]; 2] {
    let determinant = p * s - q * r;
    [[s / determinant, -q / determinant], [-r / determinant, p / determinant]]
}
