//! Where components may be found, of what was given for it.

use super::operation::{Call, Operation};
use super::payload::Shape;
use crate::error::Result;
use crate::image::rect::Rect;
use crate::image::region::Regions;
use serde::{Deserialize, Serialize};

/// Makes a chunk of a mask.
///
/// Input: the pixels of `at` in a mask file, or ones where there is none. Output: as many, in their place: 1 where a pixel is
/// neither 0 nor blank and lies in `inside` and in the regions, else 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mask {
    /// Where the chunk lies in the plane.
    pub at: Rect,
    /// The plane without its border.
    pub inside: Rect,
    /// The regions that touch the chunk, if there are any in use.
    pub regions: Option<Regions>,
}

impl Operation for Mask {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Real { rows: self.at.rows, cols: self.at.cols }]
    }

    fn scratch_bytes(&self) -> usize {
        self.regions.as_ref().map_or(0, |_| self.at.cols * size_of::<f32>())
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let mask = call.outputs[0].real_mut();
        let inside = self.inside.intersect(&self.at);
        for y in 0..self.at.rows {
            let row = mask.row_mut(y);
            let columns = match inside.filter(|inside| (inside.y0..inside.y1()).contains(&(self.at.y0 + y as i64))) {
                Some(inside) => (inside.x0 - self.at.x0) as usize..(inside.x1() - self.at.x0) as usize,
                None => 0..0,
            };
            row[..columns.start].fill(0.0);
            row[columns.end..].fill(0.0);
            row[columns].iter_mut().for_each(|pixel| *pixel = f32::from(u8::from(*pixel != 0.0 && !pixel.is_nan())));
            if let Some(regions) = &self.regions {
                let inside = &mut call.scratch.as_mut_slice::<f32>()[..self.at.cols];
                regions.fill(self.at.y0 + y as i64, self.at.x0, inside);
                row.iter_mut().zip(inside).for_each(|(pixel, inside)| *pixel *= *inside);
            }
        }
        Ok(())
    }
}
