//! Panels, axes and bars on the canvas.

use super::axes::Axes;
use super::canvas::{Area, Canvas, Colour, INK, SOFT_INK};
use super::panel::{Panel, Zoom};
use super::scale::Scale;
use super::text::{Align, Style, write, write_upwards};

/// Pixels of a tick.
const TICK: i64 = 5;

/// Pixels from an edge to the labels of its ticks.
const TO_LABEL: i64 = 9;

/// Pixels that a label below a panel may reach beyond it on either side.
const BEYOND: i64 = 12;

/// Pixels that labels and name take below a panel.
pub const BELOW: usize = 54;

/// Pixels that the name of the left axis takes, and the gap after it.
const NAME: usize = 26;

/// Pixels that are needed left of a panel for labels of a width.
pub fn left_of(label: usize) -> usize {
    label + TO_LABEL as usize + NAME
}

/// The pixels of a panel.
pub fn paint_panel(canvas: &mut Canvas, area: Area, panel: &Panel, zoom: &Zoom, scale: &Scale) {
    for (i, row) in panel.values.chunks_exact(panel.cols.max(1)).enumerate() {
        for (j, &value) in row.iter().enumerate() {
            let (height, width) = zoom.grow;
            let pixel = Area { x: area.x + j * width, y: area.bottom() - (i + 1) * height, width, height };
            canvas.fill(pixel, scale.colour(value));
        }
    }
    canvas.frame(area, INK);
}

/// What stands above a panel: its name, and a remark if there is room for it.
pub fn paint_heading(canvas: &mut Canvas, area: Area, name: &str, remark: &str) {
    let y = area.y as i64 - 19;
    write(canvas, (area.x as i64 - 1, y), name, Style::Strong, Align::Left, INK);
    if Style::Strong.width(name) + 12 + Style::Plain.width(remark) <= area.width {
        write(canvas, (area.right() as i64 + 1, y), remark, Style::Plain, Align::Right, SOFT_INK);
    }
}

/// The ticks of a panel, and their labels on the edges that have any: `left`, `lower`.
pub fn paint_axes(canvas: &mut Canvas, area: Area, axes: &Axes, (left, lower): (bool, bool)) {
    let (x0, x1) = (area.x as i64, area.right() as i64);
    let (y0, y1) = (area.y as i64, area.bottom() as i64);
    for tick in &axes.lower {
        let x = x0 + (tick.at - 0.5).round().clamp(0.0, area.width as f64 - 1.0) as i64;
        (1..=TICK).for_each(|k| canvas.set(x, y1 + k, INK));
        let half = Style::Plain.width(&tick.label) as i64 / 2;
        if lower && x - half >= x0 - BEYOND && x + half <= x1 + BEYOND {
            write(canvas, (x, y1 + TO_LABEL), &tick.label, Style::Plain, Align::Middle, INK);
        }
    }
    for tick in &axes.left {
        let y = y1 - 1 - (tick.at - 0.5).round().clamp(0.0, area.height as f64 - 1.0) as i64;
        (1..=TICK).for_each(|k| canvas.set(x0 - 1 - k, y, INK));
        if left {
            write(canvas, (x0 - TO_LABEL, y - 8), &tick.label, Style::Plain, Align::Right, INK);
        }
    }
    if lower {
        let name = fitting(&axes.lower_names, area.width + 2 * BEYOND as usize);
        write(canvas, ((x0 + x1) / 2, y1 + TO_LABEL + 20), name, Style::Plain, Align::Middle, INK);
    }
    if left {
        let x = x0 - left_of(axes.left_width()) as i64;
        let name = fitting(&axes.left_names, area.height + 20);
        write_upwards(canvas, (x, (y0 + y1) / 2), name, Style::Plain, Align::Middle, INK);
    }
}

/// The first of some names that takes so many pixels at most, or nothing.
fn fitting(names: &[String], pixels: usize) -> &str {
    names.iter().find(|name| Style::Plain.width(name) <= pixels).map_or("", String::as_str)
}

/// A thin line, smoothed across.
pub fn stroke(canvas: &mut Canvas, from: (f64, f64), to: (f64, f64), colour: Colour) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let steps = dx.abs().max(dy.abs()).ceil().max(1.0);
    for step in 0..=steps as usize {
        let part = step as f64 / steps;
        let (x, y) = (from.0 + part * dx - 0.5, from.1 + part * dy - 0.5);
        // A line that goes more across than down is spread over two rows, another over two columns.
        let (along, across) = if dx.abs() >= dy.abs() { (x.round(), y) } else { (y.round(), x) };
        let share = across - across.floor();
        for (place, share) in [(across.floor(), 1.0 - share), (across.floor() + 1.0, share)] {
            let (x, y) = if dx.abs() >= dy.abs() { (along, place) } else { (place, along) };
            canvas.cover(x as i64, y as i64, colour, (200.0 * share) as u8);
        }
    }
}

/// What a bar's labels are.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Positions from 0 to 1, and labels.
    ticks: Vec<(f64, String)>,
    /// What is told along it, from long to short: the first that fits is.
    names: Vec<String>,
}

impl Bar {
    /// A bar of so many pixels for a scale; `of` says of which panels it is.
    pub fn new(scale: &Scale, unit: &str, of: &str, pixels: usize) -> Bar {
        let (ticks, unit) = scale.ticks(unit, pixels, 26);
        Bar { ticks, names: vec![format!("{of} ({unit})"), unit] }
    }

    /// Pixels that are needed beside it.
    pub fn beside(&self) -> usize {
        let label = self.ticks.iter().map(|(_, label)| Style::Plain.width(label)).max().unwrap_or(0);
        TO_LABEL as usize + label + NAME
    }

    /// Draws it; `beside` is the room for labels and name.
    pub fn paint(&self, canvas: &mut Canvas, area: Area, scale: &Scale, beside: usize) {
        for y in 0..area.height {
            let position = 1.0 - (y as f64 + 0.5) / area.height as f64;
            canvas.fill(Area { y: area.y + y, height: 1, ..area }, scale.colour_at(position));
        }
        canvas.frame(area, INK);
        let right = area.right() as i64;
        for (position, label) in &self.ticks {
            let y = area.bottom() as i64 - 1 - (position * (area.height as f64 - 1.0)).round() as i64;
            (1..=TICK).for_each(|k| canvas.set(right + k, y, INK));
            write(canvas, (right + TO_LABEL, y - 8), label, Style::Plain, Align::Left, INK);
        }
        let place = (right + beside as i64 - 18, area.y as i64 + area.height as i64 / 2);
        let name = fitting(&self.names, area.height + 20);
        write_upwards(canvas, place, name, Style::Plain, Align::Middle, INK);
    }
}
