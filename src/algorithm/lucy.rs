//! Richardson–Lucy iterations (Richardson 1972, J. Opt. Soc. Am. 62, 55; Lucy 1974, AJ 79, 745), for PSFs that are nowhere negative.
//!
//! model ← model · Aᵀ(dirty / A model) / Aᵀ1, with A = crop · PSF · pad and Aᵀ its transpose: each iteration makes the dirty image more
//! likely, if its noise is that of counts. A blank pixel of the dirty image lies outside the frame: it is in neither of the sums over
//! data, and the model is 0 there. Data below zero count as 0. The first model is flat, inside the mask if there is one; since a
//! factor of 0 stays 0, the model never leaves it, nor becomes negative. The height of the first model does not matter to the second.

use super::{
    Algorithm, Held, Measured, Method, Model, Next, Outcome, Parameters, Plane, Progress, Rehearsed, Saved, Search,
    StopReason,
};
use crate::array::{ArrayIds, Builder, ChunkedArray, Grid};
use crate::error::{Error, Kind, Result};
use crate::image::rect::Rect;
use crate::kernel::{Payload, Ratio, Rescale, Signs, Stats, VALUE as MAD, mad_to_sigma};

/// Iterations, if nothing is said.
pub const ITERATIONS: u64 = 30;

/// What the model shows counts as no less than this part of the dirty image's peak: transforms are rounded to about that.
const ROUNDING: f32 = 1e-6;

/// The least of Aᵀ1 that counts. A pixel that holds data sees itself through the PSF's peak, which is 1.
const LEAST: f32 = 0.5;

/// The residual's rms must fall by this part to have fallen.
const PROGRESS: f64 = 1e-6;

/// So many iterations without that are a stall.
const STALLED_AFTER: u32 = 3;

/// Data further below zero than so many times the noise …
const NOISE: f64 = 6.0;

/// … and than this part of the peak are worth a note.
const FAINT: f64 = 1e-3;

/// The iterations on one plane.
#[derive(Debug, Clone)]
pub struct RichardsonLucy {
    plane: Plane,
    search: Search,
    most: u64,
    /// Aᵀ1, kept; blank where the dirty image is.
    weights: Option<ChunkedArray>,
    /// The largest absolute value of the dirty image.
    highest: f32,
    /// Model and residual, kept.
    state: Option<(ChunkedArray, ChunkedArray)>,
    lowest_rms: f64,
    without_progress: u32,
    late: bool,
    progress: Progress,
    notes: Vec<String>,
    /// What an earlier run has held.
    recalled: Option<Held>,
}

/// What must be known to go on, beside the model: the largest absolute value of the dirty image, the lowest rms, the iterations without
/// progress, how far it is, and the notes.
type HeldState = (f32, f64, u32, Progress, Vec<String>);

impl RichardsonLucy {
    /// Has not begun; it is of one plane.
    pub fn new(mut planes: Vec<Plane>, parameters: Parameters, _saved: Option<Saved>) -> RichardsonLucy {
        let plane = planes.swap_remove(0);
        // Its peaks are of the pixels inside the mask, of both signs; the noise decides nothing.
        let measured = Parameters { nsigma: 0.0, auto_mask: None, signs: Signs::Both, ..parameters };
        RichardsonLucy {
            search: Search::new(&plane, &measured, false),
            plane,
            most: Method::RichardsonLucy.most_iterations(&parameters),
            weights: None,
            highest: 0.0,
            state: None,
            lowest_rms: f64::INFINITY,
            without_progress: 0,
            late: false,
            progress: Progress::default(),
            notes: Vec::new(),
            recalled: None,
        }
    }

    /// Goes on from a model, with its residual and Aᵀ1 made anew.
    fn recall(&mut self, b: &mut Builder<'_>, held: Held) -> Result<Next> {
        let state: HeldState = held.known()?;
        (self.highest, self.lowest_rms, self.without_progress, self.progress, self.notes) = state;
        let model = held.arrays.into_iter().next().ok_or_else(Held::senseless)?;
        self.make_weights(b);
        let residual = self.plane.refresh(b, &model);
        b.keep(residual.keys());
        self.search.measure(b, &[&residual], None);
        self.state = Some((model, residual));
        Ok(Next::Run)
    }

    /// Makes Aᵀ1.
    fn make_weights(&mut self, b: &mut Builder<'_>) -> ChunkedArray {
        let dirty = &self.plane.dirty;
        let data = ChunkedArray::fill(b, dirty.grid(), 1.0).combine(b, 1.0, dirty, 0.0);
        let weights = self.plane.convolution.apply_transposed(b, &data).combine(b, 1.0, dirty, 0.0);
        b.keep(weights.keys());
        self.weights = Some(weights.clone());
        weights
    }

    /// Makes Aᵀ1, and measures the dirty image: its noise, its pixels below zero and those above, all of it.
    fn weigh(&mut self, b: &mut Builder<'_>) -> Next {
        let weights = self.make_weights(b);
        let dirty = &self.plane.dirty;
        let (_, mad) = dirty.median_and_mad(b);
        b.answer(mad);
        for array in [weights, dirty.keep_sign(b, true), dirty.keep_sign(b, false)] {
            let stats = array.stats(b, None);
            b.answer(stats);
        }
        self.search.measure(b, &[dirty], None);
        Next::Run
    }

    /// Reads what was measured of the dirty image, and does the first iteration, if there is anything to show.
    fn weighed(&mut self, b: &mut Builder<'_>, answers: &[Payload]) -> Result<Next> {
        let [Payload::Numbers(mad), Payload::Stats(weights), Payload::Stats(below), Payload::Stats(above), dirty @ ..] =
            answers
        else {
            return Err(Error::internal("the dirty image was not measured"));
        };
        let measured = Measured::read(dirty)?;
        self.highest = measured.stats.peak.abs();
        self.note(&measured);
        self.progress.first_peak = self.progress.peak;
        self.look_below(below, mad_to_sigma(mad[MAD]));
        if measured.search.count == 0 || above.count == 0 {
            return self.stop_empty(b, StopReason::NothingToClean);
        }
        if self.late {
            return self.stop_empty(b, StopReason::TimeLimit);
        }
        // One that shows as the mean of the data above zero where A sees most.
        self.begin(b, (above.mean() / f64::from(weights.peak)) as f32)
    }

    /// Negative data that are more than noise are no data for this method.
    fn look_below(&mut self, below: &Stats, sigma: f64) {
        let lowest = f64::from(below.peak);
        if -lowest > (NOISE * sigma).max(FAINT * f64::from(self.highest)) {
            self.notes.push(format!(
                "the dirty image goes down to {lowest:.3e}, {:.1} times its noise below zero: data below zero count as 0",
                -lowest / sigma
            ));
        }
    }

    /// The first iteration, on a flat model of this value, blank where the dirty image is.
    fn begin(&mut self, b: &mut Builder<'_>, flat: f32) -> Result<Next> {
        let dirty = &self.plane.dirty;
        let inside = self.plane.mask.clone().unwrap_or_else(|| ChunkedArray::fill(b, dirty.grid(), 1.0));
        let model = inside.combine(b, flat, dirty, 0.0);
        let residual = self.plane.refresh(b, &model);
        self.iterate(b, &model, &residual)
    }

    /// An iteration, and what is measured of its residual.
    fn iterate(&mut self, b: &mut Builder<'_>, model: &ChunkedArray, residual: &ChunkedArray) -> Result<Next> {
        let weights = self.weights.as_ref().ok_or_else(|| Error::internal("the iterations have not begun"))?;
        let floor = (ROUNDING * self.highest).max(f32::MIN_POSITIVE);
        let dirty = &self.plane.dirty;
        let ratio = residual.map(b, &[dirty], |at| Ratio { rows: at.rows, cols: at.cols, floor }.into());
        let correction = self.plane.convolution.apply_transposed(b, &ratio);
        let rescale = |at: Rect| Rescale { rows: at.rows, cols: at.cols, least: LEAST }.into();
        let model = model.map(b, &[&correction, weights], rescale);
        let residual = self.plane.refresh(b, &model);
        for array in [&model, &residual] {
            b.keep(array.keys());
        }
        self.search.measure(b, &[&residual], None);
        self.state = Some((model, residual));
        Ok(Next::Run)
    }

    fn note(&mut self, measured: &Measured) {
        self.progress.pixels = measured.search.count;
        self.progress.peak = f64::from(measured.search.peak.abs());
        self.progress.score = measured.score;
        self.progress.rms = measured.rms;
    }

    /// Why it ends after an iteration, if it does.
    fn judge(&mut self) -> Option<StopReason> {
        let falls = self.progress.rms < (1.0 - PROGRESS) * self.lowest_rms;
        self.without_progress = if falls { 0 } else { self.without_progress + 1 };
        self.lowest_rms = self.lowest_rms.min(self.progress.rms);
        match () {
            () if self.progress.iterations >= self.most => Some(StopReason::Iterations),
            () if self.without_progress >= STALLED_AFTER => Some(StopReason::Stalled),
            () if self.late => Some(StopReason::TimeLimit),
            () => None,
        }
    }

    /// Ends without a model.
    fn stop_empty(&mut self, b: &mut Builder<'_>, reason: StopReason) -> Result<Next> {
        let residual = self.plane.dirty.clone();
        let model = ChunkedArray::fill(b, residual.grid(), 0.0);
        Ok(self.stop(b, reason, model, residual))
    }

    fn stop(&self, b: &mut Builder<'_>, reason: StopReason, model: ChunkedArray, residual: ChunkedArray) -> Next {
        b.release(self.weights.iter().flat_map(ChunkedArray::keys));
        Next::Stop(vec![self.outcome(reason, model, residual)])
    }

    fn outcome(&self, reason: StopReason, model: ChunkedArray, residual: ChunkedArray) -> Outcome {
        let mask = self.plane.mask.as_ref().map(|_| self.search.allowed(None));
        let (progress, model) = (self.progress, Model::Pixels(model));
        Outcome { reason, progress, model, mask, residual, components: None, posterior: None }
    }
}

impl Algorithm for RichardsonLucy {
    fn advance(&mut self, b: &mut Builder<'_>, answers: Vec<Payload>) -> Result<Next> {
        if self.weights.is_none() {
            return match self.recalled.take() {
                Some(held) => self.recall(b, held),
                None => Ok(self.weigh(b)),
            };
        }
        let Some((model, residual)) = self.state.clone() else { return self.weighed(b, &answers) };
        let measured = Measured::read(&answers)?;
        if measured.search.count != self.progress.pixels || !measured.rms.is_finite() {
            return Err(Error::new(Kind::Input, "the iterations left the range of 32-bit numbers")
                .remedy("scale the image to values nearer to 1"));
        }
        self.note(&measured);
        self.progress.iterations += 1;
        self.progress.refreshes += 1;
        match self.judge() {
            Some(reason) => Ok(self.stop(b, reason, model, residual)),
            None => {
                b.release(model.keys().chain(residual.keys()));
                self.iterate(b, &model, &residual)
            }
        }
    }

    fn hurry(&mut self) {
        self.late = true;
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
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

    fn hold(&self, _answers: &[Payload]) -> Option<Held> {
        let (model, _) = self.state.clone()?;
        let state: HeldState =
            (self.highest, self.lowest_rms, self.without_progress, self.progress, self.notes.clone());
        Held::new(&state, vec![model])
    }

    fn go_on(&mut self, held: Held) -> Result<()> {
        self.recalled = Some(held);
        Ok(())
    }

    fn rehearse(&self, ids: &mut ArrayIds) -> Result<Rehearsed> {
        let mut actor = self.clone();
        let mut b = Builder::new(ids);
        actor.weigh(&mut b);
        let mut graphs = vec![b.finish()];
        let mut b = Builder::new(ids);
        actor.begin(&mut b, 1.0)?;
        graphs.push(b.finish());
        let state =
            |actor: &RichardsonLucy| actor.state.clone().ok_or_else(|| Error::internal("iterations without a model"));
        let (model, residual) = state(&actor)?;
        let mut b = Builder::new(ids);
        b.release(model.keys().chain(residual.keys()));
        actor.iterate(&mut b, &model, &residual)?;
        graphs.push(b.finish());
        let (model, residual) = state(&actor)?;
        Ok((graphs, vec![actor.outcome(StopReason::Iterations, model, residual)]))
    }
}
