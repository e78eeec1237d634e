//! Curves of measured figures against one that was chosen, on logarithmic axes.

use super::axes::Axes;
use super::canvas::{Area, Canvas, Colour, INK, SOFT_INK};
use super::number::decimal;
use super::paint::{BELOW, left_of, paint_axes, paint_heading, stroke};
use super::text::{Align, Style, write};
use super::ticks::Tick;

/// The colours of curves, one after the other.
pub const COLOURS: [Colour; 6] =
    [[31, 90, 160], [200, 60, 30], [60, 140, 60], [140, 80, 170], [190, 130, 20], [90, 90, 90]];

/// Width and height of a panel.
const PANEL: (usize, usize) = (460, 260);

/// Panels beside each other.
const COLUMNS: usize = 2;

/// Pixels around everything.
const MARGIN: usize = 24;

/// Pixels of a line of text, and of one of the title.
const LINES: (usize, usize) = (20, 30);

/// Pixels of what is written above a panel.
const HEADING: usize = 30;

/// The part of an axis that is left free at each end.
const FREE: f64 = 0.06;

/// A measured figure: where, the middle one of several measurements, the lowest and the highest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// The place on the lower axis; above 0.
    pub at: f64,
    /// The middle one.
    pub value: f64,
    /// The lowest and the highest.
    pub range: (f64, f64),
}

/// What was measured in one way, by its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Which colour it has; curves of the same name have the same.
    pub colour: usize,
    /// The figures.
    pub marks: Vec<Mark>,
}

/// What figures are drawn against.
#[derive(Debug, Clone, PartialEq)]
pub struct Lower {
    /// What the axis is.
    pub name: String,
    /// Where it has ticks, and what they say.
    pub ticks: Vec<(f64, String)>,
}

/// One figure of merit.
#[derive(Debug, Clone, PartialEq)]
pub struct PlotPanel {
    /// What it is, with its unit.
    pub name: String,
    /// The lower axis.
    pub lower: Lower,
    /// Is it a part of something, drawn from 0 to 1? Else its axis is logarithmic.
    pub is_part: bool,
    /// The curves.
    pub curves: Vec<Curve>,
}

/// Panels with the same curves.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// The title.
    pub title: String,
    /// What is told below it.
    pub caption: String,
    /// The names of the curves, in the order of their colours.
    pub names: Vec<String>,
    /// The panels.
    pub panels: Vec<PlotPanel>,
}

/// Draws it.
pub fn draw_plot(plot: &Plot) -> Canvas {
    let axes: Vec<(Span, Span, Axes)> = plot.panels.iter().map(axes).collect();
    let beside = left_of(axes.iter().map(|(.., axes)| axes.left_width()).max().unwrap_or(0));
    let pitch = (beside + PANEL.0 + MARGIN, HEADING + PANEL.1 + BELOW + 8);
    let columns = COLUMNS.min(plot.panels.len().max(1));
    let width = 2 * MARGIN + columns * pitch.0;
    let text = width - 2 * MARGIN;
    let (title, caption) = (Style::Title.wrap(&plot.title, text), Style::Plain.wrap(&plot.caption, text));
    let legend = legend_rows(&plot.names, text);
    let head = MARGIN + title.len() * LINES.1 + (caption.len() + legend.len()) * LINES.0;
    let mut canvas = Canvas::new(width, head + plot.panels.len().div_ceil(columns) * pitch.1 + MARGIN / 2);
    let mut y = MARGIN;
    for line in &title {
        write(&mut canvas, (MARGIN as i64, y as i64 - 4), line, Style::Title, Align::Left, INK);
        y += LINES.1;
    }
    for line in &caption {
        write(&mut canvas, (MARGIN as i64, y as i64), line, Style::Plain, Align::Left, SOFT_INK);
        y += LINES.0;
    }
    for row in &legend {
        for (x, name) in row {
            let colour = colour_of(*name);
            canvas.fill(Area { x: MARGIN + x, y: y + 7, width: KEY - 8, height: 3 }, colour);
            let place = ((MARGIN + x + KEY) as i64, y as i64);
            write(&mut canvas, place, &plot.names[*name], Style::Plain, Align::Left, INK);
        }
        y += LINES.0;
    }
    for (i, (panel, (lower, left, axes))) in plot.panels.iter().zip(&axes).enumerate() {
        let (row, column) = (i / columns, i % columns);
        let (x, y) = (MARGIN + column * pitch.0 + beside, y + row * pitch.1 + HEADING);
        let area = Area { x, y, width: PANEL.0, height: PANEL.1 };
        panel.curves.iter().for_each(|curve| paint_curve(&mut canvas, area, curve, (lower, left)));
        canvas.frame(area, INK);
        paint_heading(&mut canvas, area, &panel.name, "");
        paint_axes(&mut canvas, area, axes, (true, true));
    }
    canvas
}

/// Pixels of the sample of a colour before its name.
const KEY: usize = 32;

fn colour_of(index: usize) -> Colour {
    COLOURS[index % COLOURS.len()]
}

/// The names of curves in rows of at most so many pixels, each with its place; none where there is one curve alone.
fn legend_rows(names: &[String], width: usize) -> Vec<Vec<(usize, usize)>> {
    let mut rows: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut x = usize::MAX;
    for (i, name) in names.iter().enumerate().filter(|_| names.len() > 1) {
        let needs = KEY + Style::Plain.width(name) + 24;
        if x == usize::MAX || x + needs > width {
            (rows, x) = ([rows, vec![Vec::new()]].concat(), 0);
        }
        rows.last_mut().into_iter().for_each(|row| row.push((x, i)));
        x += needs;
    }
    rows
}

/// The numbers from one end of an axis to the other.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    low: f64,
    high: f64,
    is_log: bool,
}

impl Span {
    /// A logarithmic axis on which these numbers lie, those above 0; they are at least a factor of `least` apart.
    fn log(numbers: impl Iterator<Item = f64>, least: f64) -> Span {
        let sensible = numbers.filter(|number| number.is_finite() && *number > 0.0);
        let (low, high) = sensible.fold((f64::INFINITY, 0.0f64), |(low, high), n| (low.min(n), high.max(n)));
        let (low, high) = if low > high { (1.0, 10.0) } else { (low, high) };
        let wider = (least / (high / low)).max(1.0).sqrt();
        let (low, high) = (low / wider, high * wider);
        let free = (high / low).powf(FREE);
        Span { low: low / free, high: high * free, is_log: true }
    }

    /// The part of the axis that lies before a number.
    fn part(&self, number: f64) -> f64 {
        match self.is_log {
            true => (number / self.low).ln() / (self.high / self.low).ln(),
            false => (number - self.low) / (self.high - self.low),
        }
    }

    /// Round numbers on it, with their labels, a few.
    fn round(&self) -> Vec<(f64, String)> {
        if !self.is_log {
            return (0..=5).map(|n| (f64::from(n) / 5.0, format!("{}", 20 * n))).collect();
        }
        let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let digits: &[f64] = match (self.high / self.low).log10() {
            ..0.35 => &[1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 7.0, 8.0, 9.0],
            ..1.1 => &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0],
            ..2.5 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let numbers = decades.flat_map(|decade| digits.iter().map(move |digit| digit * 10f64.powi(decade)));
        let inside = numbers.filter(|number| (self.low..=self.high).contains(number));
        inside.map(|number| (number, decimal(number, 2).trim_end_matches(".0").replace(".0e", "e"))).collect()
    }
}

fn axes(panel: &PlotPanel) -> (Span, Span, Axes) {
    let marks = || panel.curves.iter().flat_map(|curve| &curve.marks);
    let lower = Span::log(panel.lower.ticks.iter().map(|(at, _)| *at), 2.0);
    let left = match panel.is_part {
        true => Span { low: 0.0, high: marks().map(|mark| mark.range.1).fold(1.0, f64::max), is_log: false },
        false => Span::log(marks().flat_map(|mark| [mark.range.0, mark.value, mark.range.1]), 1.5),
    };
    let ticks = |span: Span, pixels: usize, labels: Vec<(f64, String)>| {
        labels.into_iter().map(|(at, label)| Tick { at: span.part(at) * pixels as f64, label }).collect::<Vec<Tick>>()
    };
    let axes = Axes {
        lower: ticks(lower, PANEL.0, panel.lower.ticks.clone()),
        left: ticks(left, PANEL.1, left.round()),
        lower_names: vec![panel.lower.name.clone()],
        left_names: Vec::new(),
    };
    (lower, left, axes)
}

fn paint_curve(canvas: &mut Canvas, area: Area, curve: &Curve, (lower, left): (&Span, &Span)) {
    let x = |at: f64| area.x as f64 + lower.part(at) * area.width as f64;
    let y = |value: f64| area.bottom() as f64 - left.part(value).clamp(0.0, 1.0) * area.height as f64;
    let sensible = |mark: &&Mark| mark.value.is_finite() && (!left.is_log || mark.range.0 > 0.0);
    let marks: Vec<&Mark> = curve.marks.iter().filter(sensible).collect();
    let colour = colour_of(curve.colour);
    for pair in marks.windows(2) {
        stroke(canvas, (x(pair[0].at), y(pair[0].value)), (x(pair[1].at), y(pair[1].value)), colour);
    }
    for mark in marks {
        let (x, middle, top) = (x(mark.at) as usize, y(mark.value) as usize, y(mark.range.1) as usize);
        let height = (y(mark.range.0) as usize).saturating_sub(top).max(1);
        canvas.fill(Area { x, y: top, width: 1, height }, colour);
        canvas.fill(Area { x: x.saturating_sub(3), y: middle.saturating_sub(3), width: 7, height: 7 }, colour);
    }
}
