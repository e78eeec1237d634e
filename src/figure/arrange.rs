//! Where the panels of a plane lie, and where its bars.

use super::canvas::Area;

/// The order of the panels of one plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrangement {
    /// Two above two: dirty and model, residual and restored.
    Square,
    /// Side by side: dirty, residual, restored, model.
    Row,
    /// One above the other, in the same order.
    Stack,
}

/// Pixels between the columns of panels.
pub const ACROSS: usize = 34;

/// Pixels between the rows of panels, without the line above a panel.
const DOWN: usize = 14;

/// Pixels of the line above a panel.
pub const HEADING: usize = 21;

/// Pixels between a panel and its bar.
const TO_BAR: usize = 16;

/// Pixels of a bar's width.
const BAR: usize = 16;

/// The panels and bars of one plane, in pixels from its left upper corner.
#[derive(Debug, Clone, PartialEq)]
pub struct Places {
    /// The panels, in the order of [`super::picture::NAMES`].
    pub panels: [Area; 4],
    /// The bars: of dirty, residual and restored image, and of the model.
    pub bars: [Area; 2],
    /// Width and height of it all, without what is written below.
    pub size: (usize, usize),
}

impl Arrangement {
    /// The one that suits panels of a height and width best; many planes are always in rows.
    pub fn suiting((height, width): (usize, usize), single: bool) -> Arrangement {
        match (single, width as f64 / height.max(1) as f64) {
            (true, ratio) if ratio > 2.0 => Arrangement::Stack,
            (true, ratio) if ratio > 0.5 => Arrangement::Square,
            _ => Arrangement::Row,
        }
    }

    /// Column and row of each panel.
    fn cells(self) -> [(usize, usize); 4] {
        match self {
            Arrangement::Square => [(0, 0), (0, 1), (1, 1), (1, 0)],
            Arrangement::Row => [(0, 0), (1, 0), (2, 0), (3, 0)],
            Arrangement::Stack => [(0, 0), (0, 1), (0, 2), (0, 3)],
        }
    }

    /// Is a panel at the left edge, and is it at the lower one?
    pub fn at_edge(self, panel: usize) -> (bool, bool) {
        let cells = self.cells();
        let lowest = cells.iter().map(|cell| cell.1).max().unwrap_or(0);
        (cells[panel].0 == 0, cells[panel].1 == lowest)
    }

    /// Lays out panels of a height and width beside bars whose ticks and unit take `beside` pixels.
    pub fn places(self, (height, width): (usize, usize), beside: usize) -> Places {
        let bar = TO_BAR + BAR + beside;
        let column = |number: usize| {
            // In a row, the bar of brightness stands before the model.
            let bars = if self == Arrangement::Row && number > 2 { bar } else { 0 };
            number * (width + ACROSS) + bars
        };
        let row = |number: usize| number * (HEADING + height + DOWN) + HEADING;
        let cells = self.cells();
        let panels = cells.map(|cell| Area { x: column(cell.0), y: row(cell.1), width, height });
        let right = |panel: &Area| Area { x: panel.right() + TO_BAR, width: BAR, ..*panel };
        let mut shared = right(&panels[2]);
        if self == Arrangement::Stack {
            shared.height = panels[2].bottom() - panels[0].y;
            shared.y = panels[0].y;
        }
        let bars = [shared, right(&panels[3])];
        let size = (
            bars.iter().map(|bar| bar.right() + beside).max().unwrap_or(0),
            panels.iter().map(Area::bottom).max().unwrap_or(0),
        );
        Places { panels, bars, size }
    }
}

impl Area {
    /// The same rectangle further right and down.
    pub fn moved(&self, x: usize, y: usize) -> Area {
        Area { x: self.x + x, y: self.y + y, ..*self }
    }
}
