//! Round numbers on an axis.

/// Marks on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Where it is on the axis: pixels of the plane from its first edge, 0 .. number of pixels.
    pub at: f64,
    /// What it says.
    pub label: String,
}

/// How the numbers on an axis are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// A right ascension: degrees, told in hours, minutes and seconds of time.
    Hours,
    /// A declination: degrees, minutes and seconds of arc, with a sign.
    Degrees,
    /// Degrees with decimals; 0 .. 360.
    Circle,
    /// Degrees with decimals and a sign.
    Latitude,
    /// Whole numbers.
    Pixels,
    /// Numbers with decimals.
    Number,
}

/// A second of time or arc, in degrees.
const SECOND: [f64; 2] = [15.0 / 3600.0, 1.0 / 3600.0];

impl Notation {
    /// Steps from small to large, in degrees or in pixels, from about `least` on.
    fn steps(self, least: f64) -> Vec<f64> {
        let decimals = |unit: f64, up_to: f64| {
            let first = (least / unit).max(1e-9).log10().floor() as i32;
            let powers = (first..=12).flat_map(|exponent| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(exponent)));
            powers.take_while(move |step| *step < up_to).map(move |step| step * unit).collect::<Vec<f64>>()
        };
        let sexagesimal = |unit: f64, whole: &[f64]| {
            let minutes = [1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1200.0, 1800.0];
            let mut steps = decimals(unit, 1.0);
            steps.extend(minutes.iter().map(|step| step * unit));
            steps.extend(whole.iter().map(|step| step * 3600.0 * unit));
            steps
        };
        let steps = match self {
            Notation::Hours => sexagesimal(SECOND[0], &[1.0, 2.0, 3.0, 6.0]),
            Notation::Degrees => sexagesimal(SECOND[1], &[1.0, 2.0, 5.0, 10.0, 15.0, 30.0]),
            Notation::Circle | Notation::Latitude => decimals(1.0, 100.0),
            Notation::Number => decimals(1.0, 1e12),
            Notation::Pixels => decimals(1.0, 1e12).into_iter().filter(|step| *step >= 1.0).collect(),
        };
        steps.into_iter().filter(|step| *step >= least).collect()
    }

    /// The label of a value that is a multiple of a step.
    pub fn label(self, value: f64, step: f64) -> String {
        match self {
            Notation::Hours => sexagesimal(value.rem_euclid(360.0), SECOND[0], step, ["h", "m", "s"], 24),
            Notation::Degrees => {
                let sign = if value < 0.0 { '-' } else { '+' };
                format!("{sign}{}", sexagesimal(value.abs(), SECOND[1], step, ["\u{b0}", "'", "\""], u64::MAX))
            }
            Notation::Circle => format!("{:.*}\u{b0}", places(step), value.rem_euclid(360.0)),
            Notation::Latitude => format!("{:+.*}\u{b0}", places(step), value + 0.0),
            Notation::Pixels => format!("{value:.0}"),
            Notation::Number => format!("{:.*}", places(step), value + 0.0),
        }
    }

    /// Ticks at multiples of the smallest step for which `room` finds the labels far enough apart, and no more than
    /// `most`. `value` gives the number at a place of the axis; it must grow or fall all along. None if it does not.
    pub fn ticks(
        self,
        length: f64,
        value: impl Fn(f64) -> Option<f64>,
        most: usize,
        room: impl Fn(&[Tick]) -> bool,
    ) -> Option<Vec<Tick>> {
        let curve = Curve::new(length, value, self == Notation::Hours || self == Notation::Circle)?;
        let (low, high) = curve.range();
        let mut best = Vec::new();
        for step in self.steps((high - low) / (most + 1) as f64) {
            let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
            let tick = |k: i64| {
                let number = k as f64 * step;
                Some(Tick { at: curve.find(number)?, label: self.label(number, step) })
            };
            best = (first..=last).filter_map(tick).collect();
            if best.len() <= most && room(&best) {
                break;
            }
        }
        Some(best)
    }
}

/// Decimals that a multiple of a step needs.
fn places(step: f64) -> usize {
    (-(step * (1.0 + 1e-9)).log10().floor()).max(0.0) as usize
}

/// `value` in hours or degrees, minutes and seconds, as far as the step asks for them.
fn sexagesimal(value: f64, second: f64, step: f64, marks: [&str; 3], turn: u64) -> String {
    let step = step / second;
    let decimals = places(step);
    // In whole units of the last decimal, so that 59.99 s cannot become 60.0 s.
    let unit = 10u64.pow(decimals.min(9) as u32);
    let total = (value / second * unit as f64).round() as u64;
    let (whole, fraction) = (total / unit, total % unit);
    let (first, minutes, seconds) = (whole / 3600 % turn, whole / 60 % 60, whole % 60);
    let mut text = format!("{first:02}{}", marks[0]);
    if step < 3599.0 {
        text += &format!("{minutes:02}{}", marks[1]);
    }
    if step < 59.0 {
        text += &format!("{seconds:02}");
        if decimals > 0 {
            text += &format!(".{fraction:0decimals$}");
        }
        text += marks[2];
    }
    text
}

/// The numbers along an axis, unwound where they go through a full turn.
struct Curve<F> {
    value: F,
    /// Places and numbers.
    samples: Vec<(f64, f64)>,
    rising: bool,
    circular: bool,
}

/// Pieces in which an axis is looked at.
const PIECES: usize = 64;

impl<F: Fn(f64) -> Option<f64>> Curve<F> {
    fn new(length: f64, value: F, circular: bool) -> Option<Curve<F>> {
        let mut samples: Vec<(f64, f64)> = Vec::new();
        for i in 0..=PIECES {
            let at = length * i as f64 / PIECES as f64;
            let number = value(at).filter(|number| number.is_finite())?;
            let number = samples.last().map_or(number, |last| near(number, last.1, circular));
            samples.push((at, number));
        }
        let rising = samples[1].1 > samples[0].1;
        let steady = samples.windows(2).all(|pair| (pair[1].1 > pair[0].1) == rising && pair[1].1 != pair[0].1);
        steady.then_some(Curve { value, samples, rising, circular })
    }

    fn range(&self) -> (f64, f64) {
        let (first, last) = (self.samples[0].1, self.samples[PIECES].1);
        (first.min(last), first.max(last))
    }

    /// The place at which a number stands, by halving.
    fn find(&self, number: f64) -> Option<f64> {
        let before = |sample: f64| (sample < number) == self.rising;
        let piece = self.samples.partition_point(|sample| before(sample.1)).clamp(1, PIECES);
        let (mut start, mut end) = (self.samples[piece - 1].0, self.samples[piece].0);
        for _ in 0..50 {
            let middle = (start + end) / 2.0;
            let there = near((self.value)(middle)?, self.samples[piece].1, self.circular);
            if before(there) { start = middle } else { end = middle }
        }
        Some((start + end) / 2.0)
    }
}

/// A number, moved by full turns to where it is nearest to another.
fn near(number: f64, other: f64, circular: bool) -> f64 {
    if circular { number + 360.0 * ((other - number) / 360.0).round() } else { number }
}
