//! The deconvolution algorithms: state machines for one plane, or for planes that are cleaned as one; one file each, one list of
//! them.
//!
//! An algorithm looks at what was measured and answers with the next tasks, or with why it stopped. It knows nothing
//! of threads, files or other planes.

mod chain;
mod clark;
mod clean;
mod control;
mod filter;
mod gibbs;
mod held;
mod hogbom;
mod huber;
mod lucy;
mod model;
mod multiscale;
mod parameters;
mod plane;
mod saved;
mod scales;
mod seam;
mod search;
mod solver;
mod splits;
mod wiener;

pub use chain::{Chain, Estimate, Strengths};
pub use clark::PATCH;
pub use control::{Control, Cycle, Pace, Verdict};
pub use filter::FilterFacts;
pub use held::Held;
pub use model::Model;
pub use multiscale::scales;
pub use parameters::{Balance, Boundary, Parameters};
pub use plane::{Extent, Measured, Plane, Psf};
pub use saved::{Saved, SavedModel};
pub use scales::ScaleFacts;
pub use seam::{Cleaned, Seams};
pub use search::{Allowed, Search};

use crate::array::{ArrayIds, Builder, ChunkedArray, Grid};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::kernel::{Component, Payload};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Why the work on a plane ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// The largest absolute residual is at or below `--threshold`.
    Threshold,
    /// The largest absolute residual is at or below `--nsigma` times the noise.
    Nsigma,
    /// `--niter` components were found.
    Niter,
    /// `--time-limit` is over.
    TimeLimit,
    /// Neither peak nor rms of the residual got any better for some refreshes.
    Stalled,
    /// The residual grew; the best state was taken instead.
    Diverged,
    /// The next component would have been below zero, and that was to end it.
    Negative,
    /// At the start already nothing was above the level to stop at, or every pixel that may hold a component is blank or zero.
    NothingToClean,
    /// A direct method has found its solution, or an iterative one is as near to it as was asked for.
    Solved,
    /// As many iterations as were allowed, of a method that is no CLEAN.
    Iterations,
    /// Rounding has the upper hand: no more iterations would help.
    Breakdown,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StopReason::Threshold => "threshold",
            StopReason::Nsigma => "nsigma",
            StopReason::Niter => "niter",
            StopReason::TimeLimit => "time-limit",
            StopReason::Stalled => "stalled",
            StopReason::Diverged => "diverged",
            StopReason::Negative => "negative",
            StopReason::NothingToClean => "nothing to clean",
            StopReason::Solved => "solved",
            StopReason::Iterations => "iterations",
            StopReason::Breakdown => "breakdown",
        })
    }
}

/// Where an algorithm stands after its last tasks.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Components found so far.
    pub iterations: u64,
    /// Components found in halos, which were forgotten again.
    pub halo_iterations: u64,
    /// Exact recomputations of the residual so far.
    pub refreshes: u64,
    /// Pixels that may hold components: those inside the mask that are not blank.
    pub pixels: u64,
    /// Largest absolute value of what there was to clean at first where components may be found, in the unit of the dirty
    /// image.
    pub first_peak: f64,
    /// Largest absolute residual where components may be found, in the unit of the dirty image.
    pub peak: f64,
    /// Largest score of any scale, which levels are compared with, same unit; that of points is the peak.
    pub score: f64,
    /// Standard deviation of the residual, same unit.
    pub rms: f64,
    /// The level at which it will stop as far as is known now, same unit.
    pub level: f64,
    /// How well chunks agreed in the last cycle of which all that was found was kept; none if there is one chunk alone.
    pub seams: Option<Seams>,
    /// Did CLEAN go wrong once, and has it gone on with less gain and shallower cycles since?
    pub careful: bool,
    /// What a filter knows of noise and sky; none if there is none.
    pub filter: Option<FilterFacts>,
}

/// What an algorithm wants next.
#[derive(Debug)]
pub enum Next {
    /// The tasks that it has appended to the builder.
    Run,
    /// Nothing: model and residual stand. One for each of its planes.
    Stop(Vec<Outcome>),
}

/// The end of an algorithm for a plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Why.
    pub reason: StopReason,
    /// Where it stands, with peaks and rms of the plane alone.
    pub progress: Progress,
    /// The model.
    pub model: Model,
    /// Where components might be found, if there was any mask.
    pub mask: Option<Allowed>,
    /// The residual dirty − PSF ⊛ model, kept, on the strips of the dirty image; blank where the dirty image is.
    pub residual: ChunkedArray,
    /// How well it is known, of a method that can tell.
    pub posterior: Option<Posterior>,
    /// What was found, sorted by scale, row and column; none of a method whose model is pixels.
    pub components: Option<Arc<Vec<Component>>>,
}

/// How well a model is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Posterior {
    /// Standard deviation of model ⊛ beam at each pixel, kept; blank where the dirty image is.
    pub uncertainty: ChunkedArray,
    /// That of the model, if it is asked for.
    pub model_uncertainty: Option<ChunkedArray>,
    /// The strengths of noise and sky that were drawn.
    pub chain: Chain,
}

/// What an algorithm would ask for: graphs in an order in which they could run, and how it could end after them, a plane each.
pub type Rehearsed = (Vec<Graph>, Vec<Outcome>);

/// A state machine that deconvolves one plane, or some as one.
pub trait Algorithm: Send {
    /// Told the answers of its last tasks (at first: none), appends the next ones to the builder or says that it has
    /// stopped. What is to outlive the tasks it marks as kept, what it no longer needs as released.
    ///
    /// # Errors
    /// If the answers are not those of its tasks.
    fn advance(&mut self, b: &mut Builder<'_>, answers: Vec<Payload>) -> Result<Next>;

    /// There is no time left: it is to stop after its next tasks with what it has, if it can.
    fn hurry(&mut self) {}

    /// What the user should know of how it went.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Where it stands; of several planes with peaks and rms of the root of the sum of squares over them.
    fn progress(&self) -> Progress;

    /// How it cuts a plane.
    fn grid(&self) -> Grid;

    /// What must be known to go on from where it stood after its last refresh; nothing if there was none, or if it is done
    /// in one go.
    fn save(&self) -> Option<Saved>;

    /// The same of a method whose state is pixels, where it could go on from what it has now and the answers that it is about to be
    /// told.
    fn hold(&self, _answers: &[Payload]) -> Option<Held> {
        None
    }

    /// Goes on from what an earlier run has held, instead of beginning.
    ///
    /// # Errors
    /// If that makes no sense.
    fn go_on(&mut self, _held: Held) -> Result<()> {
        Err(Error::internal("this method does not go on from pixels"))
    }

    /// Graphs that need as much memory as any it will ask for, in an order in which they could run, and how it could end
    /// after them.
    ///
    /// # Errors
    /// If it has begun.
    fn rehearse(&self, ids: &mut ArrayIds) -> Result<Rehearsed>;
}

macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident = $name:literal by $new:path),* $(,)?) => {
        /// The methods that a user can choose.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Method {
            $($(#[$doc])* $variant),*
        }

        impl Method {
            /// All methods.
            pub const ALL: &[Method] = &[$(Method::$variant),*];

            /// The name on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Method::$variant => $name),* }
            }

            /// The method's state machine for a plane, or for several of one shape that are cleaned as one if it can that
            /// ([`Method::joins`]), at its begin or where it was [saved](Algorithm::save).
            pub fn start(self, planes: Vec<Plane>, parameters: Parameters, saved: Option<Saved>) -> Box<dyn Algorithm> {
                match self { $(Method::$variant => Box::new($new(planes, parameters, saved))),* }
            }
        }
    };
}

methods! {
    /// Clark's CLEAN: minor cycles with a patch of the PSF on chunks, refreshed by transforms.
    Clark = "clark" by clark::new,
    /// Multiscale CLEAN: as clark, with components of several sizes.
    Multiscale = "multiscale" by multiscale::new,
    /// Textbook CLEAN: one component at a time, the whole PSF subtracted from the whole plane.
    Hogbom = "hogbom" by hogbom::new,
    /// Wiener's filter with a flat prior: the linear problem by conjugate gradients, a periodic one by one transform.
    Wiener = "wiener" by wiener::flat,
    /// The same with a prior that holds differences of neighbours to be small (Wiener-Hunt).
    WienerHunt = "wiener-hunt" by wiener::hunt,
    /// Wiener's filter that draws the strengths of noise and sky, with error bars, by Gibbs sampling.
    UnsupervisedWiener = "unsupervised-wiener" by gibbs::new,
    /// Richardson–Lucy iterations, for PSFs that are nowhere negative.
    RichardsonLucy = "richardson-lucy" by lucy::RichardsonLucy::new,
    /// Differences of neighbours held to be small where they are noise, but not where they are edges: by ADMM, positive on request.
    Huber = "huber" by huber::new,
}

impl Method {
    /// Does it find components?
    pub fn is_clean(self) -> bool {
        matches!(self, Method::Clark | Method::Multiscale | Method::Hogbom)
    }

    /// Does it work on chunks of a plane?
    pub fn is_chunked(self) -> bool {
        matches!(self, Method::Clark | Method::Multiscale)
    }

    /// Can it clean several planes as one?
    pub fn joins(self) -> bool {
        matches!(self, Method::Clark | Method::Hogbom)
    }

    /// Is it for PSFs that are nowhere negative?
    pub fn needs_positive_psf(self) -> bool {
        self == Method::RichardsonLucy
    }

    /// The most iterations that it has in a plane.
    pub fn most_iterations(self, parameters: &Parameters) -> u64 {
        match self {
            Method::RichardsonLucy => parameters.iterations.unwrap_or(lucy::ITERATIONS),
            _ => parameters.niter,
        }
    }
}
