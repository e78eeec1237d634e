//! From a value to a colour.

use super::canvas::Colour;
use super::number::{decimal, prefix};

/// A pixel that is blank.
pub const BLANK: Colour = [150, 150, 150];

/// Of a plane's largest value, how large the opposite one must be for a scale with zero in its middle.
const TWO_SIDED: f64 = 0.25;

/// The part of a one-sided scale that values below zero get at most.
const BELOW_ZERO: f64 = 0.2;

/// A scale of colours: v ↦ asinh(v / anchor), linear up to the anchor and logarithmic beyond.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// The value of the first colour.
    pub low: f64,
    /// The value of the last colour.
    pub high: f64,
    /// Where the scale turns from linear to logarithmic.
    pub anchor: f64,
    /// Is zero white, with other colours below it than above?
    pub two_sided: bool,
}

impl Scale {
    /// A scale for values from `min` to `max` over a noise, which is linear up to twice that. What is below zero by
    /// more than a few times the noise is as dark as it gets.
    pub fn one_sided(min: f64, max: f64, noise: f64) -> Scale {
        let (high, anchor) = ends(min, max, 2.0 * noise);
        let high = if max > 0.0 && max.is_finite() { max } else { high };
        let above = (high / anchor).asinh();
        let below = 2.5f64.asinh().min(above * BELOW_ZERO / (1.0 - BELOW_ZERO)).min((-min.min(0.0) / anchor).asinh());
        Scale { low: -anchor * below.sinh(), high, anchor, two_sided: false }
    }

    /// A scale with as many colours below zero as above, of which it has those that values from `min` to `max` need.
    pub fn two_sided(min: f64, max: f64, anchor: f64) -> Scale {
        let (largest, anchor) = ends(min, max, anchor);
        let (low, high) = (min.min(0.0).max(-largest), max.max(0.0).min(largest));
        let (low, high) = if low < high { (low, high) } else { (-largest, largest) };
        Scale { low, high, anchor, two_sided: true }
    }

    /// Do values reach so far on both sides of zero that both must be told apart?
    pub fn is_two_sided(min: f64, max: f64, noise: f64) -> bool {
        -min > TWO_SIDED * max && -min > 8.0 * noise
    }

    /// Where a value lies, from 0 to 1; values beyond the ends lie at the ends.
    pub fn position(&self, value: f64) -> f64 {
        let (low, high) = ((self.low / self.anchor).asinh(), (self.high / self.anchor).asinh());
        (((value / self.anchor).asinh() - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// The colour at a position.
    pub fn colour_at(&self, position: f64) -> Colour {
        let (low, high) = ((self.low / self.anchor).asinh(), (self.high / self.anchor).asinh());
        let colour = match self.two_sided {
            true => {
                let side = (low + position * (high - low)) / high.max(-low);
                colorous::RED_BLUE.eval_continuous((1.0 - side) / 2.0)
            }
            false => colorous::INFERNO.eval_continuous(position),
        };
        [colour.r, colour.g, colour.b]
    }

    /// The colour of a value.
    pub fn colour(&self, value: f32) -> Colour {
        if value.is_finite() { self.colour_at(self.position(f64::from(value))) } else { BLANK }
    }

    /// Ticks for a bar of so many pixels: values 0, 1, 2 and 5 × powers of ten, as positions with their labels, with
    /// `gap` pixels in between; and the unit that the labels are in.
    pub fn ticks(&self, unit: &str, pixels: usize, gap: usize) -> (Vec<(f64, String)>, String) {
        let (factor, unit) = prefix(self.high, unit);
        let mut chosen: Vec<(f64, f64)> = Vec::new();
        for value in self.candidates(factor) {
            let position = self.position(value / factor);
            let apart = |other: &(f64, f64)| (other.0 - position).abs() * pixels as f64 >= gap as f64;
            if chosen.iter().all(apart) {
                chosen.push((position, value));
            }
        }
        chosen.sort_by(|a, b| a.0.total_cmp(&b.0));
        (chosen.into_iter().map(|(position, value)| (position, decimal(value, 1))).collect(), unit)
    }

    /// Round values inside the scale, times a factor, the most wanted ones first.
    fn candidates(&self, factor: f64) -> Vec<f64> {
        let (low, high) = (self.low * factor, self.high * factor);
        let inside = |value: &f64| *value >= low * (1.0 + 1e-9) && *value <= high * (1.0 + 1e-9);
        let top = high.max(-low).log10().floor() as i32;
        // Below the anchor the scale is linear, and small numbers crowd.
        let bottom = (self.anchor * factor).log10().floor() as i32 - 1;
        let power = |exponent: i32, digit: f64| digit * 10f64.powi(exponent);
        let mut values = vec![0.0];
        for digits in [&[1.0][..], &[2.0, 5.0], &[3.0]] {
            for exponent in (bottom..=top).rev() {
                values.extend(digits.iter().flat_map(|&digit| [power(exponent, digit), -power(exponent, digit)]));
            }
        }
        values.into_iter().filter(inside).collect()
    }
}

/// The largest absolute value, and an anchor that is sensible for it.
fn ends(min: f64, max: f64, anchor: f64) -> (f64, f64) {
    let largest = max.abs().max(min.abs());
    // Nothing but zeros or blanks: any scale will do.
    let largest = if largest > 0.0 && largest.is_finite() { largest } else { 1.0 };
    let anchor = if anchor > 0.0 && anchor.is_finite() { anchor } else { largest / 500.0 };
    (largest, anchor.clamp(largest * 1e-6, largest))
}
