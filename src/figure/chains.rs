//! The chains of a sampler: the value of each parameter against the number of the draw.

use super::axes::Axes;
use super::canvas::{Area, Canvas, Colour, INK, SOFT_INK};
use super::paint::{BELOW, left_of, paint_axes, paint_heading, stroke};
use super::text::{Align, Style, write};
use super::ticks::{Notation, Tick};

/// The draws that do not count yet.
pub const BURN_IN: Colour = [226, 226, 226];

/// A chain.
pub const LINE: Colour = [31, 90, 160];

/// The mean of what counts.
pub const MEAN: Colour = [200, 60, 30];

/// Width and height of a panel.
const PANEL: (usize, usize) = (640, 120);

/// Pixels around everything.
const MARGIN: usize = 24;

/// Pixels of a line of text, and of one of the title.
const LINES: (usize, usize) = (20, 30);

/// Pixels of what is written above a panel.
const HEADING: usize = 21;

/// Pixels between two panels.
const BETWEEN: usize = 14;

/// The values of one parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// What it is called, with its unit.
    pub name: String,
    /// What is told beside it.
    pub remark: String,
    /// One value a draw.
    pub values: Vec<f64>,
    /// Mean of those that count.
    pub mean: f64,
}

/// The chains of one plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Traces {
    /// What the plane is called; nothing if the title says so.
    pub name: String,
    /// What is told of it, above its panels.
    pub caption: String,
    /// Draws at the begin that do not count.
    pub burn_in: usize,
    /// Its parameters, of as many draws each.
    pub traces: Vec<Trace>,
}

/// A figure of chains, and where in it things are.
#[derive(Debug, Clone)]
pub struct ChainFigure {
    /// The picture.
    pub canvas: Canvas,
    /// The panels of each plane.
    pub panels: Vec<Vec<Area>>,
}

/// Draws the chains of planes, a panel a parameter, below each other.
pub fn draw_chains(title: &str, planes: &[Traces]) -> ChainFigure {
    let axes: Vec<Vec<Axes>> =
        planes.iter().map(|plane| plane.traces.iter().map(|trace| axes(plane, trace)).collect()).collect();
    let beside = axes.iter().flatten().map(Axes::left_width).max().unwrap_or(0);
    let left = MARGIN + left_of(beside);
    let width = left + PANEL.0 + 2 * MARGIN;
    let text = width - 2 * MARGIN;
    let captions: Vec<Vec<String>> = planes.iter().map(|plane| Style::Plain.wrap(&plane.caption, text)).collect();
    let head = |i: usize| (usize::from(!planes[i].name.is_empty()) + captions[i].len()) * LINES.0 + 8;
    let stack = |i: usize| planes[i].traces.len() * (HEADING + PANEL.1 + BETWEEN) + BELOW;
    let title = Style::Title.wrap(title, text);
    let height = MARGIN + title.len() * LINES.1 + (0..planes.len()).map(|i| head(i) + stack(i)).sum::<usize>();
    let mut canvas = Canvas::new(width, height + MARGIN / 2);
    let mut y = MARGIN;
    for line in &title {
        let line = Style::Title.fit(line, text);
        write(&mut canvas, (MARGIN as i64, y as i64 - 4), &line, Style::Title, Align::Left, INK);
        y += LINES.1;
    }
    let mut panels = Vec::new();
    for (i, plane) in planes.iter().enumerate() {
        paint_head(&mut canvas, plane, &captions[i], y);
        y += head(i);
        let area = |k: usize| {
            let below = y + k * (HEADING + PANEL.1 + BETWEEN) + HEADING;
            Area { x: left, y: below, width: PANEL.0, height: PANEL.1 }
        };
        let areas: Vec<Area> = (0..plane.traces.len()).map(area).collect();
        for (k, trace) in plane.traces.iter().enumerate() {
            paint_trace(&mut canvas, areas[k], plane, trace);
            paint_axes(&mut canvas, areas[k], &axes[i][k], (true, k + 1 == plane.traces.len()));
        }
        y += stack(i);
        panels.push(areas);
    }
    ChainFigure { canvas, panels }
}

fn paint_head(canvas: &mut Canvas, plane: &Traces, caption: &[String], mut y: usize) {
    let named = (!plane.name.is_empty()).then_some((&plane.name, Style::Strong, INK));
    for (line, style, colour) in named.into_iter().chain(caption.iter().map(|line| (line, Style::Plain, SOFT_INK))) {
        write(canvas, (MARGIN as i64, y as i64), line, style, Align::Left, colour);
        y += LINES.0;
    }
}

/// The values that a panel reaches from and to: those that count, with a margin; burn-in may come from further away.
fn range(trace: &Trace, burn_in: usize) -> (f64, f64) {
    let kept = if burn_in < trace.values.len() { &trace.values[burn_in..] } else { &trace.values };
    let finite = kept.iter().copied().filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return (0.0, 1.0);
    }
    let margin = match 0.3 * (high - low) {
        0.0 if low == 0.0 => 1.0,
        // What is told of a number that is given is not its rounding.
        margin => margin.max(0.01 * low.abs().max(high.abs())),
    };
    (low - margin, high + margin)
}

/// Number of draws that a panel reaches over, at least two places.
fn draws(trace: &Trace) -> usize {
    trace.values.len().max(2)
}

fn axes(plane: &Traces, trace: &Trace) -> Axes {
    let ((low, high), count) = (range(trace, plane.burn_in), draws(trace) as f64);
    let (width, height) = (PANEL.0 as f64, PANEL.1 as f64);
    // Draws are counted from 1, each in the middle of its place.
    let number = |at: f64| Some(at / width * count + 0.5);
    let value = |at: f64| Some(low + at / height * (high - low));
    let apart = |ticks: &[Tick], least: f64| ticks.windows(2).all(|pair| (pair[1].at - pair[0].at).abs() >= least);
    let lower = Notation::Pixels.ticks(width, number, 10, |ticks| apart(ticks, 60.0)).unwrap_or_default();
    let left = Notation::Number.ticks(height, value, 5, |ticks| apart(ticks, 20.0)).unwrap_or_default();
    let lower_names = match plane.burn_in {
        0 => vec!["Draw".into()],
        _ => vec!["Draw (grey: burn-in, not counted)".into(), "Draw".into()],
    };
    Axes { lower, left, lower_names, left_names: Vec::new() }
}

fn paint_trace(canvas: &mut Canvas, area: Area, plane: &Traces, trace: &Trace) {
    let ((low, high), count) = (range(trace, plane.burn_in), draws(trace) as f64);
    let x = |draw: f64| area.x as f64 + (draw + 0.5) / count * area.width as f64;
    let y = |value: f64| {
        let part = ((value - low) / (high - low)).clamp(0.0, 1.0);
        (area.bottom() - 1) as f64 - part * (area.height - 2) as f64
    };
    let grey = (plane.burn_in.min(trace.values.len()) as f64 / count * area.width as f64).round() as usize;
    canvas.fill(Area { width: grey, ..area }, BURN_IN);
    if trace.mean.is_finite() && trace.mean >= low && trace.mean <= high {
        let row = y(trace.mean) as usize;
        canvas.fill(Area { x: area.x + grey, y: row, width: area.width - grey, height: 1 }, MEAN);
    }
    // Draws beyond the panel are left out: along its edge they would look as if nothing moved.
    let place = |(draw, value): (usize, &f64)| ((low..=high).contains(value), (x(draw as f64), y(*value)));
    let places: Vec<(bool, (f64, f64))> =
        trace.values.iter().enumerate().filter(|(_, value)| value.is_finite()).map(place).collect();
    for pair in places.windows(2).filter(|pair| pair[0].0 || pair[1].0) {
        stroke(canvas, pair[0].1, pair[1].1, LINE);
    }
    for (_, (x, y)) in places.into_iter().filter(|place| place.0) {
        canvas.fill(Area { x: x as usize - 1, y: y as usize - 1, width: 2, height: 2 }, LINE);
    }
    canvas.frame(area, INK);
    paint_heading(canvas, area, &trace.name, &trace.remark);
}
