//! One plane, as large as it is drawn: blocks of pixels become one, or one pixel becomes many.

use crate::error::Result;
use crate::image::{Image, Rect};

/// Pixels that are read at once, at most, beside one row of blocks.
const PIXELS: usize = 1 << 20;

/// The least that a panel measures, so that a sliver can be seen.
const SLIVER: usize = 32;

/// How pixels of a plane become pixels of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zoom {
    /// Rows and columns of the plane.
    pub plane: (usize, usize),
    /// Pixels of the plane that make one of the panel, on both axes. The last block may reach over the edge.
    pub block: usize,
    /// Pixels of the picture that show one of the panel, along rows' and along columns' numbers.
    pub grow: (usize, usize),
}

impl Zoom {
    /// The zoom that makes the longer side of a plane at most `side`, and as large as whole factors allow.
    pub fn new(plane: (usize, usize), side: usize) -> Zoom {
        let longer = plane.0.max(plane.1).max(1);
        let block = longer.div_ceil(side.max(1));
        let grow = (side / longer).max(1);
        let wide = |pixels: usize| grow * SLIVER.div_ceil((grow * pixels.div_ceil(block)).max(1));
        Zoom { plane, block, grow: (wide(plane.0), wide(plane.1)) }
    }

    /// Rows and columns of a panel.
    pub fn panel(&self) -> (usize, usize) {
        (self.plane.0.div_ceil(self.block), self.plane.1.div_ceil(self.block))
    }

    /// Height and width of a panel in the picture.
    pub fn size(&self) -> (usize, usize) {
        let (rows, cols) = self.panel();
        (rows * self.grow.0, cols * self.grow.1)
    }

    /// Pixels of the picture for one of the plane, downwards and across.
    pub fn factor(&self) -> (f64, f64) {
        (self.grow.0 as f64 / self.block as f64, self.grow.1 as f64 / self.block as f64)
    }
}

/// What stands for a block of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduce {
    /// Their mean.
    Mean,
    /// The one of largest absolute value, so that a lone component is not lost.
    Extreme,
}

/// The values that a panel shows, row 0 the lowest; NaN where all of a block is blank.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// Row after row.
    pub values: Vec<f32>,
}

impl Panel {
    /// Reads a plane, a strip at a time.
    ///
    /// # Errors
    /// Of kind `Input`, if the file cannot be read.
    pub fn read(image: &Image, plane: usize, zoom: &Zoom, reduce: Reduce) -> Result<Panel> {
        let (rows, cols) = zoom.panel();
        let mut values = Vec::with_capacity(rows * cols);
        let strip = zoom.block * (PIXELS / (zoom.block * zoom.plane.1).max(1)).max(1);
        let mut pixels = Vec::new();
        for y in (0..zoom.plane.0).step_by(strip) {
            let height = strip.min(zoom.plane.0 - y);
            pixels.resize(height * zoom.plane.1, 0.0);
            image.section(plane, Rect::new(y as i64, 0, height, zoom.plane.1)).read(&mut pixels)?;
            for blocks in pixels.chunks(zoom.block * zoom.plane.1) {
                values.extend(row_of_blocks(blocks, zoom, reduce));
            }
        }
        Ok(Panel { rows, cols, values })
    }

    /// Those values that are numbers.
    pub fn finite(&self) -> impl Iterator<Item = f32> + '_ {
        self.values.iter().copied().filter(|value| value.is_finite())
    }

    /// 1.4826 × the median absolute deviation from the median: the noise, if most pixels hold nothing else.
    pub fn noise(&self) -> f64 {
        let mut values: Vec<f32> = self.finite().collect();
        let centre = median(&mut values);
        values.iter_mut().for_each(|value| *value = (*value - centre).abs());
        1.4826 * f64::from(median(&mut values))
    }

    /// The same panel with what is not zero grown by `reach` pixels over zeros about it.
    pub fn grown(&self, reach: usize) -> Panel {
        let mut grown = self.clone();
        for y in 0..self.rows {
            for x in 0..self.cols {
                if self.values[y * self.cols + x] == 0.0 {
                    grown.values[y * self.cols + x] = self.extreme_about(y, x, reach);
                }
            }
        }
        grown
    }

    fn extreme_about(&self, y: usize, x: usize, reach: usize) -> f32 {
        let mut extreme = 0.0f32;
        for row in y.saturating_sub(reach)..(y + reach + 1).min(self.rows) {
            let columns = x.saturating_sub(reach)..(x + reach + 1).min(self.cols);
            for &value in &self.values[row * self.cols..][columns] {
                if value.abs() > extreme.abs() {
                    extreme = value;
                }
            }
        }
        extreme
    }
}

/// One row of a panel from the rows of pixels that it stands for.
fn row_of_blocks(pixels: &[f32], zoom: &Zoom, reduce: Reduce) -> Vec<f32> {
    let (width, block) = (zoom.plane.1, zoom.block);
    let mut sums = vec![(0.0f64, 0u32); width.div_ceil(block)];
    let mut extremes = vec![f32::NAN; sums.len()];
    for row in pixels.chunks_exact(width) {
        for (x, &pixel) in row.iter().enumerate().filter(|(_, pixel)| pixel.is_finite()) {
            let (sum, extreme) = (&mut sums[x / block], &mut extremes[x / block]);
            *sum = (sum.0 + f64::from(pixel), sum.1 + 1);
            if extreme.is_nan() || pixel.abs() > extreme.abs() {
                *extreme = pixel;
            }
        }
    }
    match reduce {
        Reduce::Extreme => extremes,
        // Nothing over nothing is NaN: blank.
        Reduce::Mean => sums.into_iter().map(|(sum, count)| (sum / f64::from(count)) as f32).collect(),
    }
}

/// The middle one, the upper of two; 0 of none.
fn median(values: &mut [f32]) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}
