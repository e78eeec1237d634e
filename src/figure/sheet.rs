//! A whole figure: title, and the panels of one plane or of several below each other.

use super::arrange::{Arrangement, Places};
use super::axes::Axes;
use super::beam::draw_beam;
use super::canvas::{Area, Canvas, INK, SOFT_INK};
use super::paint::{BELOW, Bar, left_of, paint_axes, paint_heading, paint_panel};
use super::panel::Zoom;
use super::picture::{NAMES, Picture, Plane, RESTORED};
use super::scale::BLANK;
use super::text::{Align, Style, write};
use crate::error::{Error, Result};

/// Planes of a cube on one sheet, at most: as many as there are Stokes parameters.
pub const PLANES: usize = 4;

/// Pixels of a panel's longer side, at most, of a lone plane.
const SIDE: usize = 512;

/// The same for an oblong one.
const OBLONG_SIDE: usize = 640;

/// The same for a plane among others.
const SHEET_SIDE: usize = 320;

/// Pixels around everything.
const MARGIN: usize = 24;

/// Pixels of a line of text.
const LINE: usize = 20;

/// Pixels of a line of the title.
const TITLE_LINE: usize = 30;

/// Pixels between two planes.
const BETWEEN: usize = 26;

/// The least width of what is drawn, so that lines of text have some length.
const WIDTH: usize = 600;

/// A figure, and where in it things are.
#[derive(Debug, Clone)]
pub struct Figure {
    /// The picture.
    pub canvas: Canvas,
    /// The panels of each plane: dirty, residual, restored, model.
    pub panels: Vec<[Area; 4]>,
    /// The box of the beam in each restored panel, if it was drawn.
    pub beams: Vec<Option<Area>>,
    /// How pixels of a plane became pixels of a panel.
    pub zoom: Zoom,
    /// The two scales of each plane: of dirty, residual and restored image, and of the model.
    pub scales: Vec<[super::Scale; 2]>,
}

/// Draws planes of one image. `single` is whether the image has no others; then the panels are larger.
///
/// # Errors
/// Of kind `Input`, if an image cannot be read.
pub fn draw(title: &str, planes: &[Plane<'_>], single: bool) -> Result<Figure> {
    let first = planes.first().ok_or_else(|| Error::internal("a figure of no planes"))?;
    let shape = first.dirty.shape();
    let side = match Arrangement::suiting(shape, single) {
        Arrangement::Square => SIDE,
        _ if single => OBLONG_SIDE,
        _ => SHEET_SIDE,
    };
    let zoom = Zoom::new(shape, side);
    let pictures = planes.iter().map(|plane| Picture::of(plane, &zoom)).collect::<Result<Vec<Picture>>>()?;
    let arrangement = Arrangement::suiting(shape, single);
    Ok(Draft::new(title, planes, &pictures, arrangement, zoom).paint())
}

/// A figure before it is drawn.
struct Draft<'a> {
    title: Vec<String>,
    planes: &'a [Plane<'a>],
    pictures: &'a [Picture],
    arrangement: Arrangement,
    zoom: Zoom,
    axes: Axes,
    bars: Vec<[Bar; 2]>,
    /// Pixels beside a bar.
    beside: usize,
    places: Places,
    /// Pixels from the left edge to the first panel.
    left: usize,
    /// Lines of each plane's caption.
    captions: Vec<Vec<String>>,
    width: usize,
}

impl<'a> Draft<'a> {
    fn new(
        title: &str,
        planes: &'a [Plane<'a>],
        pictures: &'a [Picture],
        arrangement: Arrangement,
        zoom: Zoom,
    ) -> Draft<'a> {
        let axes = Axes::of(planes[0].dirty, &zoom);
        let heights = arrangement.places(zoom.size(), 0).bars.map(|bar| bar.height);
        let bars = |picture: &Picture| {
            let [brightness, components] = &picture.units;
            let others = "Dirty, residual, restored";
            [
                Bar::new(&picture.brightness, brightness, others, heights[0]),
                Bar::new(&picture.components, components, "Model", heights[1]),
            ]
        };
        let bars: Vec<[Bar; 2]> = pictures.iter().map(bars).collect();
        let beside = bars.iter().flatten().map(Bar::beside).max().unwrap_or(0);
        let places = arrangement.places(zoom.size(), beside);
        let left = MARGIN + left_of(axes.left_width());
        let width = (left + places.size.0).max(MARGIN + WIDTH) + MARGIN;
        let text = width - 2 * MARGIN;
        let caption = |plane: &Plane<'_>| Style::Plain.wrap(&(plane.caption.clone() + &shown(&zoom)), text);
        let captions = planes.iter().map(caption).collect();
        let title = Style::Title.wrap(title, text);
        Draft { title, planes, pictures, arrangement, zoom, axes, bars, beside, places, left, captions, width }
    }

    fn paint(&self) -> Figure {
        let heads: usize = (0..self.planes.len()).map(|i| self.head_height(i)).sum();
        let panels = self.planes.len() * self.places.size.1 + (self.planes.len() - 1) * BETWEEN;
        let height = MARGIN + self.title.len() * TITLE_LINE + heads + panels + BELOW + MARGIN / 2;
        let mut canvas = Canvas::new(self.width, height);
        let mut y = MARGIN;
        for line in &self.title {
            let line = Style::Title.fit(line, self.width - 2 * MARGIN);
            write(&mut canvas, (MARGIN as i64, y as i64 - 4), &line, Style::Title, Align::Left, INK);
            y += TITLE_LINE;
        }
        let (mut areas, mut beams) = (Vec::new(), Vec::new());
        for i in 0..self.planes.len() {
            self.paint_head(&mut canvas, i, y);
            y += self.head_height(i);
            let (panels, beam) = self.paint_plane(&mut canvas, i, y);
            areas.push(panels);
            beams.push(beam);
            y += self.places.size.1 + BETWEEN;
        }
        let scales = self.pictures.iter().map(|picture| [picture.brightness, picture.components]).collect();
        Figure { canvas, panels: areas, beams, zoom: self.zoom, scales }
    }

    /// Pixels of what is written above the panels of a plane.
    fn head_height(&self, i: usize) -> usize {
        let name = usize::from(!self.planes[i].name.is_empty());
        (name + self.captions[i].len()) * LINE + 8
    }

    fn paint_head(&self, canvas: &mut Canvas, i: usize, mut y: usize) {
        let name = &self.planes[i].name;
        if !name.is_empty() {
            write(canvas, (MARGIN as i64, y as i64), name, Style::Strong, Align::Left, INK);
            y += LINE;
        }
        for line in &self.captions[i] {
            let line = Style::Plain.fit(line, self.width - 2 * MARGIN);
            write(canvas, (MARGIN as i64, y as i64), &line, Style::Plain, Align::Left, SOFT_INK);
            y += LINE;
        }
    }

    /// Draws the panels and bars of a plane; where they are, and the box of its beam.
    fn paint_plane(&self, canvas: &mut Canvas, i: usize, y: usize) -> ([Area; 4], Option<Area>) {
        let (plane, picture) = (&self.planes[i], &self.pictures[i]);
        let panels = self.places.panels.map(|area| area.moved(self.left, y));
        let last = i + 1 == self.planes.len();
        for (k, &area) in panels.iter().enumerate() {
            paint_panel(canvas, area, &picture.panels[k], &self.zoom, picture.scale(k));
            paint_heading(canvas, area, NAMES[k], &plane.remarks[k]);
            let (left, lower) = self.arrangement.at_edge(k);
            paint_axes(canvas, area, &self.axes, (left, lower && last));
        }
        for ((bar, area), scale) in
            self.bars[i].iter().zip(&self.places.bars).zip([&picture.brightness, &picture.components])
        {
            bar.paint(canvas, area.moved(self.left, y), scale, self.beside);
        }
        if picture.has_blanks() {
            self.paint_blank_key(canvas, self.places.bars[0].moved(self.left, y));
        }
        let beam = draw_beam(canvas, panels[RESTORED], &self.zoom, plane.covariance);
        (panels, beam)
    }

    /// Says below the bar of brightness what the grey of blank pixels is.
    fn paint_blank_key(&self, canvas: &mut Canvas, bar: Area) {
        let key = Area { y: bar.bottom() + 6, height: 12, ..bar };
        canvas.fill(key, BLANK);
        canvas.frame(key, INK);
        let place = (key.right() as i64 + 9, key.y as i64 - 2);
        write(canvas, place, "blank", Style::Plain, Align::Left, INK);
    }
}

/// How pixels were put together, if they were.
fn shown(zoom: &Zoom) -> String {
    let block = zoom.block;
    if block == 1 {
        String::new()
    } else {
        format!(" Shown: means of {block} \u{d7} {block} pixels, extremes of the model.")
    }
}
