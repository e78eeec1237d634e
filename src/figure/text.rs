//! Text, from letters that are drawn already: Noto Sans Mono.

use super::canvas::{Canvas, Colour};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, RasterizedChar, get_raster, get_raster_width};

/// How text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// 16 pixels high.
    Plain,
    /// 16 pixels high, bold.
    Strong,
    /// 24 pixels high, bold.
    Title,
}

/// Where a text lies, seen from the place it is written at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// It begins there.
    Left,
    /// It has its middle there.
    Middle,
    /// It ends there.
    Right,
}

impl Style {
    fn font(self) -> (FontWeight, RasterHeight) {
        match self {
            Style::Plain => (FontWeight::Regular, RasterHeight::Size16),
            Style::Strong => (FontWeight::Bold, RasterHeight::Size16),
            Style::Title => (FontWeight::Bold, RasterHeight::Size24),
        }
    }

    /// Pixels from one line to the top of the next, at least.
    pub fn height(self) -> usize {
        self.font().1.val()
    }

    /// Pixels that a text takes.
    pub fn width(self, text: &str) -> usize {
        let (weight, height) = self.font();
        text.chars().count() * get_raster_width(weight, height)
    }

    /// The text in lines of at most so many pixels, broken between words; one word is never broken.
    pub fn wrap(self, text: &str, width: usize) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            match lines.last_mut() {
                Some(line) if self.width(line) + self.width(" ") + self.width(word) <= width => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_string()),
            }
        }
        lines
    }

    /// The text, cut off with dots if it takes more than so many pixels.
    pub fn fit(self, text: &str, width: usize) -> String {
        if self.width(text) <= width {
            return text.to_string();
        }
        let room = width / self.width(" ").max(1);
        let kept: String = text.chars().take(room.saturating_sub(2)).collect();
        format!("{}..", kept.trim_end())
    }

    /// The letter's picture; a question mark for one that the font lacks.
    fn letter(self, letter: char) -> Option<RasterizedChar> {
        let (weight, height) = self.font();
        get_raster(letter, weight, height).or_else(|| get_raster('?', weight, height))
    }
}

/// Writes a text from left to right; `y` is its upper edge.
pub fn write(canvas: &mut Canvas, (x, y): (i64, i64), text: &str, style: Style, align: Align, colour: Colour) {
    let start = x - before(style.width(text), align);
    letters(text, style, |along, down, part| canvas.cover(start + along, y + down, colour, part));
}

/// Writes a text from below upwards; `x` is its left edge, that is, the upper edge of its letters.
pub fn write_upwards(canvas: &mut Canvas, (x, y): (i64, i64), text: &str, style: Style, align: Align, colour: Colour) {
    let start = y + before(style.width(text), align);
    letters(text, style, |along, down, part| canvas.cover(x + down, start - along, colour, part));
}

/// Pixels of a text that lie before the place it is written at.
fn before(width: usize, align: Align) -> i64 {
    match align {
        Align::Left => 0,
        Align::Middle => width as i64 / 2,
        Align::Right => width as i64,
    }
}

/// Tells each inked pixel of a text: along the line, down from its upper edge, how much of it is covered.
fn letters(text: &str, style: Style, mut ink: impl FnMut(i64, i64, u8)) {
    let mut start = 0;
    for letter in text.chars().filter_map(|letter| style.letter(letter)) {
        for (down, row) in letter.rows().enumerate() {
            for (along, &part) in row.iter().enumerate().filter(|(_, part)| **part > 0) {
                ink((start + along) as i64, down as i64, part);
            }
        }
        start += letter.width();
    }
}
