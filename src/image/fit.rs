//! The Gaussian that fits the main lobe of a PSF.
//!
//! Restoring a model needs a beam without sidelobes that agrees with the PSF's core. Peak value and centre are those of
//! the PSF; the three numbers of the quadratic form are fitted by damped Gauss-Newton steps (Levenberg-Marquardt).

use crate::error::{Error, Kind, Result};
use ndarray::ArrayView2;
use std::collections::HashSet;

/// Part of the peak down to which pixels belong to the main lobe.
const LEVEL: f64 = 0.35;

/// A lobe of fewer points is interpolated onto a finer grid.
const POINTS: usize = 30;

/// The finest grid that is tried, in points a pixel.
const FINEST: i64 = 16;

/// The covariance [xx, xy, yy], in pixels², of the Gaussian that fits a PSF around its peak at (row, column).
///
/// # Errors
/// Of kind `Input`, if the main lobe is not like a Gaussian.
pub fn fit_beam(psf: ArrayView2<'_, f32>, peak: (usize, usize)) -> Result<[f64; 3]> {
    let value = psf.get(peak).map_or(f64::NAN, |&value| f64::from(value));
    if !value.is_finite() || value <= 0.0 {
        return Err(no_gaussian("the PSF's peak is not positive"));
    }
    let lobe = Lobe { psf, peak: (peak.0 as i64, peak.1 as i64), value };
    // In a corner of the image, most of a finer grid cannot be interpolated; the pixels alone may still do.
    let form = fit(&lobe.points()).or_else(|| fit(&lobe.connected(1)));
    let form = form.ok_or_else(|| no_gaussian("the PSF's main lobe is not like a Gaussian"))?;
    let covariance = inverse(form).ok_or_else(|| no_gaussian("the PSF's main lobe is not like a Gaussian"))?;
    // A lobe that fills the whole image says nothing about a beam.
    let longest = psf.nrows().max(psf.ncols()) as f64;
    if covariance[0].max(covariance[2]) > longest * longest {
        return Err(no_gaussian("the PSF's main lobe is larger than its image"));
    }
    Ok(covariance)
}

fn no_gaussian(message: &str) -> Error {
    Error::new(Kind::Input, message).remedy("give the beam with --beam MAJ,MIN,PA")
}

/// A point of the lobe: its place relative to the peak in pixels, and its value relative to the peak's.
struct Point {
    x: f64,
    y: f64,
    value: f64,
}

/// A PSF seen from its peak.
struct Lobe<'a> {
    psf: ArrayView2<'a, f32>,
    peak: (i64, i64),
    value: f64,
}

impl Lobe<'_> {
    /// The points of the main lobe, on the pixels or, if these are few, on a finer grid.
    fn points(&self) -> Vec<Point> {
        let mut fine = 1;
        loop {
            let points = self.connected(fine);
            if points.len() >= POINTS || fine >= FINEST {
                return points;
            }
            fine += 1;
        }
    }

    /// The points above the level that are connected with the peak, on a grid of `fine` points a pixel.
    fn connected(&self, fine: i64) -> Vec<Point> {
        let mut seen = HashSet::from([(0, 0)]);
        let mut waiting = vec![(0i64, 0i64)];
        let mut points = Vec::new();
        while let Some((y, x)) = waiting.pop() {
            let value = self.at(y, x, fine);
            if value.is_nan() || value <= LEVEL {
                continue;
            }
            points.push(Point { x: x as f64 / fine as f64, y: y as f64 / fine as f64, value });
            for next in [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)] {
                if seen.insert(next) {
                    waiting.push(next);
                }
            }
        }
        points
    }

    /// Value at a pixel away from the peak, relative to the peak; NaN outside the image.
    ///
    /// A PSF is symmetric about its centre: beyond the edge, the pixel opposite is taken.
    fn pixel(&self, dy: i64, dx: i64) -> f64 {
        let get = |y: i64, x: i64| {
            let index = (usize::try_from(y).ok()?, usize::try_from(x).ok()?);
            self.psf.get(index).map(|&value| f64::from(value) / self.value)
        };
        let (y, x) = self.peak;
        get(y + dy, x + dx).or_else(|| get(y - dy, x - dx)).unwrap_or(f64::NAN)
    }

    /// Value at a point of the finer grid, by Catmull-Rom interpolation.
    ///
    /// Logarithms are interpolated where they exist: there a Gaussian is a parabola, which comes out exactly.
    fn at(&self, y: i64, x: i64, fine: i64) -> f64 {
        if y % fine == 0 && x % fine == 0 {
            return self.pixel(y / fine, x / fine);
        }
        let (y0, x0) = (y.div_euclid(fine), x.div_euclid(fine));
        let weights_y = catmull_rom(y.rem_euclid(fine) as f64 / fine as f64);
        let weights_x = catmull_rom(x.rem_euclid(fine) as f64 / fine as f64);
        let (mut sum, mut log_sum, mut positive) = (0.0, 0.0, true);
        for (j, wy) in (-1..).zip(weights_y) {
            for (i, wx) in (-1..).zip(weights_x) {
                let weight = wy * wx;
                // Taps without weight are left out: they may lie outside the image.
                if weight != 0.0 {
                    let value = self.pixel(y0 + j, x0 + i);
                    sum += weight * value;
                    positive &= value > 0.0;
                    log_sum += weight * value.max(f64::MIN_POSITIVE).ln();
                }
            }
        }
        if positive { log_sum.exp() } else { sum }
    }
}

/// Weights of the four points around a place `t` (0 to 1) between the middle two.
fn catmull_rom(t: f64) -> [f64; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [(-t3 + 2.0 * t2 - t) / 2.0, (3.0 * t3 - 5.0 * t2 + 2.0) / 2.0, (-3.0 * t3 + 4.0 * t2 + t) / 2.0, (t3 - t2) / 2.0]
}

/// The form [a, b, c] of exp(-(a x² + 2 b x y + c y²) / 2) that fits the points best.
fn fit(points: &[Point]) -> Option<[f64; 3]> {
    let mut form = logarithmic_fit(points)?;
    let (mut error, mut damping) = (square_error(points, form), 1e-3);
    for _ in 0..100 {
        let step = solve(damped(normal_equations(points, form), damping))?;
        let trial = [form[0] + step[0], form[1] + step[1], form[2] + step[2]];
        let trial_error = square_error(points, trial);
        if trial_error <= error {
            let change = step.iter().map(|s| s.abs()).fold(0.0, f64::max);
            (form, error, damping) = (trial, trial_error, damping / 10.0);
            if change <= 1e-10 * (form[0] + form[2]).abs() {
                break;
            }
        } else if damping > 1e10 {
            break;
        } else {
            damping *= 10.0;
        }
    }
    form.iter().all(|number| number.is_finite()).then_some(form)
}

/// Three equations with three unknowns, the right-hand side last.
type Equations = [[f64; 4]; 3];

/// Adds the equations of one point: derivatives `d` of what should change by `rest`, with a weight.
fn accumulate(equations: &mut Equations, d: [f64; 3], rest: f64, weight: f64) {
    for i in 0..3 {
        for j in 0..3 {
            equations[i][j] += weight * d[i] * d[j];
        }
        equations[i][3] += weight * d[i] * rest;
    }
}

/// Derivatives of the exponent -(a x² + 2 b x y + c y²) / 2.
fn derivatives(point: &Point) -> [f64; 3] {
    [-point.x * point.x / 2.0, -point.x * point.y, -point.y * point.y / 2.0]
}

/// Value of the Gaussian at a point.
fn gaussian(point: &Point, form: [f64; 3]) -> f64 {
    let d = derivatives(point);
    (d[0] * form[0] + d[1] * form[1] + d[2] * form[2]).exp()
}

/// The start: a linear fit to the logarithms, weighted so that it nearly minimises the error of the values.
fn logarithmic_fit(points: &[Point]) -> Option<[f64; 3]> {
    let mut equations = Equations::default();
    for point in points {
        accumulate(&mut equations, derivatives(point), point.value.ln(), point.value * point.value);
    }
    solve(equations)
}

fn normal_equations(points: &[Point], form: [f64; 3]) -> Equations {
    let mut equations = Equations::default();
    for point in points {
        let value = gaussian(point, form);
        accumulate(&mut equations, derivatives(point).map(|d| d * value), point.value - value, 1.0);
    }
    equations
}

fn damped(mut equations: Equations, damping: f64) -> Equations {
    for (i, row) in equations.iter_mut().enumerate() {
        row[i] *= 1.0 + damping;
    }
    equations
}

fn square_error(points: &[Point], form: [f64; 3]) -> f64 {
    points.iter().map(|point| (point.value - gaussian(point, form)).powi(2)).sum()
}

/// The solution of three equations with a positive definite matrix; `None` if it is not.
fn solve(mut m: Equations) -> Option<[f64; 3]> {
    let scale = m[0][0].max(m[1][1]).max(m[2][2]);
    for i in 0..3 {
        if m[i][i].is_nan() || m[i][i] <= 1e-12 * scale {
            return None;
        }
        let pivot = m[i];
        for row in &mut m[i + 1..] {
            let factor = row[i] / pivot[i];
            for (number, above) in row.iter_mut().zip(pivot) {
                *number -= factor * above;
            }
        }
    }
    let mut x = [0.0; 3];
    for i in (0..3).rev() {
        let known: f64 = (i + 1..3).map(|j| m[i][j] * x[j]).sum();
        x[i] = (m[i][3] - known) / m[i][i];
    }
    Some(x)
}

/// The covariance that belongs to a form, if the form is positive definite.
fn inverse([a, b, c]: [f64; 3]) -> Option<[f64; 3]> {
    let determinant = a * c - b * b;
    let sound = a > 0.0 && c > 0.0 && determinant > 1e-9 * a * c;
    sound.then(|| [c / determinant, -b / determinant, a / determinant])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Beam, Cell};
    use ndarray::Array2;

    /// A Gaussian of 64 × 64 pixels, widths in pixels.
    fn gaussian_psf(beam: &Beam, peak: (usize, usize)) -> Array2<f32> {
        let form = inverse(beam.covariance(&Cell::UNKNOWN)).expect("a covariance is positive definite");
        Array2::from_shape_fn((64, 64), |(y, x)| {
            let point = Point { x: x as f64 - peak.1 as f64, y: y as f64 - peak.0 as f64, value: 0.0 };
            (2.5 * gaussian(&point, form)) as f32
        })
    }

    fn fitted(beam: &Beam, peak: (usize, usize)) -> Beam {
        let covariance = fit_beam(gaussian_psf(beam, peak).view(), peak).expect("a Gaussian can be fitted");
        Beam::from_covariance(covariance, &Cell::UNKNOWN)
    }

    fn assert_close(found: &Beam, beam: &Beam) {
        let turned = (found.pa - beam.pa).rem_euclid(180.0);
        let angle_off = turned.min(180.0 - turned);
        assert!((found.major / beam.major - 1.0).abs() < 0.01, "{found:?} {beam:?}");
        assert!((found.minor / beam.minor - 1.0).abs() < 0.01, "{found:?} {beam:?}");
        assert!(angle_off < 1.0 || beam.major == beam.minor, "{found:?} {beam:?}");
    }

    #[test]
    fn gaussians_are_recovered() {
        for minor in [1.5, 2.0, 3.3, 10.0] {
            for ratio in [1.0, 1.3, 3.0] {
                for pa in [-80.0, -45.0, 0.0, 17.0, 62.0, 90.0] {
                    let beam = Beam { major: minor * ratio, minor, pa };
                    assert_close(&fitted(&beam, (32, 32)), &beam);
                }
            }
        }
    }

    #[test]
    fn narrow_ones_too() {
        for (major, minor, pa) in [(1.5, 0.75, 30.0), (1.5, 0.5, 0.0), (3.0, 1.0, 45.0)] {
            let beam = Beam { major, minor, pa };
            assert_close(&fitted(&beam, (32, 32)), &beam);
        }
    }

    #[test]
    fn a_peak_near_the_edge() {
        let beam = Beam { major: 4.0, minor: 2.5, pa: 25.0 };
        for peak in [(0, 0), (1, 63), (63, 1), (2, 30)] {
            assert_close(&fitted(&beam, peak), &beam);
        }
    }

    #[test]
    fn no_gaussian_no_beam() {
        let flat = Array2::from_elem((16, 16), 1.0f32);
        let error = fit_beam(flat.view(), (8, 8)).expect_err("a constant is no Gaussian");
        assert!(error.remedy.expect("there is a remedy").contains("--beam"));
        assert!(fit_beam(Array2::zeros((16, 16)).view(), (8, 8)).is_err());
        assert!(fit_beam(Array2::from_elem((16, 16), f32::NAN).view(), (8, 8)).is_err());
        // A ridge has no end in one direction.
        let ridge = Array2::from_shape_fn((32, 32), |(_, x)| (-(x as f32 - 16.0).powi(2) / 8.0).exp());
        assert!(fit_beam(ridge.view(), (16, 16)).is_err());
    }
}
