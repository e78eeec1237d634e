//! The minor cycle on several planes at once, as those of different polarizations.

use super::eager::subtract;
use super::highest::{Highest, Search};
use super::minor::{MinorCycle, Residual};
use super::operation::{Call, Operation};
use super::payload::{Block, Component, Shape};
use super::roots::roots;
use super::score::Signs;
use crate::error::Result;
use crate::image::rect::Rect;
use serde::{Deserialize, Serialize};

/// A [`MinorCycle`] on planes that are cleaned as one: the highest pixel is the one with the largest root of the sum of squares
/// over the planes (see [`super::RootOfSquares`]), and there each plane gets a component of `gain` times its own value, and loses its
/// own PSF times that. So a pixel that is blank in any of them is never found. Level, ceiling and peaks are of the root,
/// `max_iterations` counts places. There are no weights, and signs are not asked for.
///
/// Inputs: the residuals as [`super::Stack`] puts them; the PSFs, one a plane. Outputs: the residuals, in their place; for each plane
/// the components of the core, all with the same places in the same order; the numbers of [`MinorCycle`], in which a component is a
/// place; and, if there are lines, what is picked of each residual at the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JoinedCycle {
    /// The cycle, with the PSF of the first plane.
    pub cycle: MinorCycle,
    /// Where the pixels of the other planes' PSFs lie as seen from their peaks, one for each of these planes.
    pub others: Vec<Rect>,
}

impl Operation for JoinedCycle {
    const IN_PLACE: bool = true;

    fn outputs(&self) -> Vec<Shape> {
        let cycle = self.cycle.outputs();
        let planes = 1 + self.others.len();
        let Rect { rows, cols, .. } = self.cycle.at;
        let stack = Shape::Real { rows: planes * rows, cols };
        let lists = vec![Shape::Small(self.cycle.max_iterations as usize * size_of::<Component>()); planes];
        let picked = self.cycle.lines.shape(planes).into_iter().collect();
        [vec![stack], lists, vec![cycle[2]], picked].concat()
    }

    fn scratch_bytes(&self) -> usize {
        let Rect { rows, cols, .. } = self.cycle.at;
        (rows * cols + Highest::numbers(rows, cols)) * size_of::<f32>()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let Call { inputs, outputs, scratch, cancel } = call;
        let offsets = std::iter::once(&self.cycle.psf).chain(&self.others);
        let psfs = inputs.iter().zip(offsets).map(|(psf, offsets)| (psf.real(), *offsets)).collect();
        let stack = outputs[0].real_mut();
        let mut residual = JoinedResidual::new(stack, psfs, self.cycle.at, scratch.as_mut_slice());
        let done = self.cycle.clean(&mut residual, cancel)?;
        done.tell(&mut outputs[1..]);
        self.cycle.pick(1 + self.others.len(), outputs);
        Ok(())
    }
}

/// The residuals of several planes, and the roots of the sums of their squares.
struct JoinedResidual<'a> {
    stack: &'a mut Block<f32>,
    /// The PSFs, and where their pixels lie as seen from their peaks.
    psfs: Vec<(&'a Block<f32>, Rect)>,
    rows: usize,
    cols: usize,
    roots: &'a mut [f32],
    highest: Highest<'a>,
    /// Around the pixels whose roots are no longer right, if there are any.
    touched: Option<Rect>,
}

impl<'a> JoinedResidual<'a> {
    fn new(
        stack: &'a mut Block<f32>,
        psfs: Vec<(&'a Block<f32>, Rect)>,
        Rect { rows, cols, .. }: Rect,
        numbers: &'a mut [f32],
    ) -> JoinedResidual<'a> {
        let (roots, numbers) = numbers.split_at_mut(rows * cols);
        let highest = Highest::new((rows, cols), Search { weights: None, signs: Signs::Both }, numbers);
        let touched = Some(Rect::plane(rows, cols));
        JoinedResidual { stack, psfs, rows, cols, roots, highest, touched }
    }
}

impl Residual for JoinedResidual<'_> {
    fn peak(&mut self) -> f32 {
        if let Some(touched) = self.touched.take() {
            let (first, cols) = (touched.x0 as usize, touched.cols);
            let mut planes: Vec<&[f32]> = Vec::with_capacity(self.psfs.len());
            for y in touched.y0 as usize..touched.y1() as usize {
                planes.clear();
                planes.extend((0..self.psfs.len()).map(|p| &self.stack.row(p * self.rows + y)[first..][..cols]));
                roots(&planes, &mut self.roots[y * self.cols + first..][..cols]);
            }
            self.highest.update(self.roots, &touched);
        }
        self.highest.peak()
    }

    fn find(&self, peak: f32) -> (usize, usize) {
        self.highest.find(self.roots, peak)
    }

    fn planes(&self) -> usize {
        self.psfs.len()
    }

    fn value(&self, plane: usize, (y, x): (usize, usize)) -> f32 {
        self.stack.row(plane * self.rows + y)[x]
    }

    fn subtract(&mut self, plane: usize, (y, x): (usize, usize), flux: f32) {
        let (psf, offsets) = self.psfs[plane];
        let at = Rect { y0: y as i64 + offsets.y0, x0: x as i64 + offsets.x0, ..offsets };
        if let Some(touched) = at.intersect(&Rect::plane(self.rows, self.cols)) {
            let down = |rect: Rect| Rect { y0: rect.y0 + (plane * self.rows) as i64, ..rect };
            subtract(self.stack, (psf, down(at)), &down(touched), flux);
            self.touched = Some(self.touched.map_or(touched, |others| others.around(&touched)));
        }
    }
}
