//! Wiener's filter with a flat prior and white noise, in one transform.
//!
//! model = crop · F⁻¹ [conj(H) D / (|H|² + balance)], with D and H the transforms of the zero-padded dirty image and
//! of the PSF (Wiener 1949; the form of Hunt 1973, IEEE Trans. Comput. C-22, 805, with a unit regularisation
//! operator). Zero-padding asserts that the dirty image is zero outside its frame, which it is not: for data that are
//! not periodic this is an approximation.

use super::{Algorithm, Measured, Model, Next, Outcome, Parameters, Plane, Progress, Rehearsed, Saved, StopReason};
use crate::array::{ArrayIds, Builder, ChunkedArray, Grid};
use crate::error::{Error, Kind, Result};
use crate::kernel::Payload;

/// The filter of one plane.
#[derive(Debug, Clone)]
pub struct WienerFilter {
    plane: Plane,
    balance: f64,
    solution: Option<(ChunkedArray, ChunkedArray)>,
    progress: Progress,
}

impl WienerFilter {
    /// Has not begun; it is of one plane. It is done in one go: nothing is ever saved of it.
    pub fn new(mut planes: Vec<Plane>, parameters: Parameters, _saved: Option<Saved>) -> WienerFilter {
        let plane = planes.swap_remove(0);
        WienerFilter { plane, balance: parameters.balance, solution: None, progress: Progress::default() }
    }

    fn solve(&mut self, b: &mut Builder<'_>) -> Next {
        let convolution = &self.plane.convolution;
        let dirty = self.plane.dirty.stats(b, None);
        b.answer(dirty);
        let filtered = convolution.transform(b, &self.plane.dirty).wiener(b, convolution.psf(), self.balance);
        let model = filtered.inverse(b, self.plane.dirty.grid());
        b.keep(model.keys());
        let residual = self.plane.refresh(b, &model);
        b.keep(residual.keys());
        self.solution = Some((model, residual.clone()));
        let stats = residual.stats(b, None);
        b.answer(stats);
        Next::Run
    }
}

impl Algorithm for WienerFilter {
    fn advance(&mut self, b: &mut Builder<'_>, answers: Vec<Payload>) -> Result<Next> {
        let Some((model, residual)) = self.solution.clone() else { return Ok(self.solve(b)) };
        let Some((Payload::Stats(dirty), answers)) = answers.split_first() else {
            return Err(Error::internal("the dirty image was not measured"));
        };
        let measured = Measured::read(answers)?;
        let first_peak = f64::from(dirty.peak.abs());
        if measured.stats.count != dirty.count {
            return Err(Error::new(Kind::Input, "the filter left the range of 32-bit numbers")
                .remedy("scale the image to values nearer to 1, or raise --balance"));
        }
        let (peak, rms) = (f64::from(measured.stats.peak.abs()), measured.stats.std());
        let pixels = measured.stats.count;
        self.progress =
            Progress { iterations: 1, refreshes: 1, pixels, first_peak, peak, score: peak, rms, ..Progress::default() };
        Ok(Next::Stop(vec![outcome(model, residual, self.progress)]))
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn grid(&self) -> Grid {
        Grid::whole(self.plane.dirty.grid().shape)
    }

    fn save(&self) -> Option<Saved> {
        None
    }

    fn rehearse(&self, ids: &mut ArrayIds) -> Result<Rehearsed> {
        let mut actor = self.clone();
        let mut b = Builder::new(ids);
        actor.solve(&mut b);
        let graphs = vec![b.finish()];
        let (model, residual) = actor.solution.ok_or_else(|| Error::internal("a filter without a solution"))?;
        Ok((graphs, vec![outcome(model, residual, self.progress)]))
    }
}

fn outcome(model: ChunkedArray, residual: ChunkedArray, progress: Progress) -> Outcome {
    let (reason, model) = (StopReason::Solved, Model::Pixels(model));
    Outcome { reason, progress, model, mask: None, residual, components: None }
}
