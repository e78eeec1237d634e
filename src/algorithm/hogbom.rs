//! Textbook CLEAN (Högbom 1974, A&AS 15, 417): the definition that faster variants are held against.
//!
//! The plane is one chunk and the PSF is whole, so that a minor cycle is exact up to rounding; the refresh takes even
//! that away and is where noise, progress and divergence are looked at.

use super::{Algorithm, Control, Measured, Next, Outcome, Parameters, Plane, Progress, StopReason, Verdict};
use crate::array::{ArrayIds, Builder, ChunkedArray, Grid};
use crate::error::{Error, Result};
use crate::event::Key;
use crate::graph::Graph;
use crate::kernel::{CycleEnd, HogbomCycle, Payload, Scatter};

/// A task touches about so many pixels, some tens of milliseconds of work.
const PIXELS_A_TASK: u64 = 100_000_000;

/// A CLEAN run on one plane.
#[derive(Debug, Clone)]
pub struct Hogbom {
    plane: Plane,
    gain: f32,
    control: Control,
    /// The whole PSF in one chunk.
    psf: Option<ChunkedArray>,
    model: Option<Model>,
    best: Option<Model>,
    residual: ChunkedArray,
    stage: Stage,
}

/// A model and how many components are in it.
#[derive(Debug, Clone, PartialEq)]
struct Model {
    array: ChunkedArray,
    iterations: u64,
}

/// What the last tasks were for.
#[derive(Debug, Clone, PartialEq)]
enum Stage {
    New,
    Refreshing,
    Cycling(Cycle),
    RollingBack(StopReason),
}

/// A minor cycle that is under way.
#[derive(Debug, Clone, PartialEq)]
struct Cycle {
    level: f64,
    divergence: f64,
    left: u64,
    chunk: Key,
    components: Vec<Key>,
}

impl Hogbom {
    /// Has not begun.
    pub fn new(plane: Plane, parameters: Parameters) -> Hogbom {
        let residual = plane.dirty.clone();
        let control = Control::new(parameters);
        Hogbom {
            plane,
            gain: parameters.gain,
            control,
            psf: None,
            model: None,
            best: None,
            residual,
            stage: Stage::New,
        }
    }

    /// An empty model, whose residual is the dirty image, and the PSF in one chunk.
    fn start(&mut self, b: &mut Builder<'_>) -> Next {
        let psf = ChunkedArray::from_fits(b, &self.plane.psf.source(), self.plane.psf.reach.section.rows);
        b.keep(psf.keys());
        self.psf = Some(psf);
        let array = ChunkedArray::fill(b, self.plane.dirty.grid(), 0.0);
        b.keep(array.keys());
        self.model = Some(Model { array, iterations: 0 });
        self.stage = Stage::Refreshing;
        self.plane.measure(b, &self.residual)
    }

    fn begin_cycle(&mut self, b: &mut Builder<'_>, level: f64, iterations: u64, divergence: f64) -> Result<Next> {
        let whole = self.residual.rechunk(b, Grid::whole(self.residual.grid().shape), f32::NAN);
        // The refresh makes a new residual; the dirty image is needed for that.
        if self.residual != self.plane.dirty {
            b.release(self.residual.keys());
        }
        let cycle = Cycle { level, divergence, left: iterations, chunk: whole.key(0), components: Vec::new() };
        self.clean(b, cycle)
    }

    /// One task of a minor cycle.
    fn clean(&mut self, b: &mut Builder<'_>, mut cycle: Cycle) -> Result<Next> {
        let (rows, cols) = self.residual.grid().shape;
        let psf = self.psf.as_ref().ok_or_else(|| Error::internal("CLEAN has not begun"))?.key(0);
        let limit = (PIXELS_A_TASK / (rows * cols) as u64).max(1);
        let kernel = HogbomCycle {
            rows,
            cols,
            psf: self.plane.psf.reach.offsets,
            gain: self.gain,
            level: cycle.level as f32,
            divergence: cycle.divergence as f32,
            max_iterations: cycle.left.min(limit) as u32,
        };
        let array = b.new_array();
        let output = |chunk| Key { array, chunk };
        b.task(kernel, vec![cycle.chunk, psf], vec![output(0), output(1), output(2)]);
        if !cycle.components.is_empty() {
            b.release([cycle.chunk]);
        }
        b.keep([output(0), output(1)]);
        b.answer(output(2));
        cycle.chunk = output(0);
        cycle.components.push(output(1));
        self.stage = Stage::Cycling(cycle);
        Ok(Next::Run)
    }

    fn cycled(&mut self, b: &mut Builder<'_>, mut cycle: Cycle, answers: &[Payload]) -> Result<Next> {
        let [Payload::Numbers(numbers)] = answers else { return Err(Error::internal("no minor cycle has run")) };
        let (iterations, end) = (numbers[0] as u64, CycleEnd::from_code(numbers[3]));
        self.control.cleaned(iterations);
        cycle.left -= iterations;
        match end {
            None => Err(Error::internal("a minor cycle ended for no reason")),
            Some(CycleEnd::Diverged) => {
                b.release(cycle.components.iter().copied().chain([cycle.chunk]));
                self.roll_back(b, StopReason::Diverged)
            }
            Some(CycleEnd::IterationsDone) if cycle.left > 0 => self.clean(b, cycle),
            Some(CycleEnd::IterationsDone | CycleEnd::LevelReached) => self.refresh(b, &cycle),
        }
    }

    /// Adds a cycle's components to the model and recomputes the residual.
    fn refresh(&mut self, b: &mut Builder<'_>, cycle: &Cycle) -> Result<Next> {
        let old = self.current()?;
        let array = scatter(b, &old.array, &cycle.components);
        b.keep(array.keys());
        b.release(cycle.components.iter().copied().chain([cycle.chunk]));
        if self.best.as_ref() != Some(&old) {
            b.release(old.array.keys());
        }
        self.residual = self.plane.refresh(b, &array);
        self.model = Some(Model { array, iterations: self.control.progress().iterations });
        self.stage = Stage::Refreshing;
        Ok(self.plane.measure(b, &self.residual))
    }

    fn refreshed(&mut self, b: &mut Builder<'_>, answers: &[Payload]) -> Result<Next> {
        let measured = Measured::read(answers)?;
        let (verdict, best) = self.control.refreshed(&measured);
        let current = self.current()?;
        if best
            && let Some(old) = self.best.replace(current.clone())
            && old != current
        {
            b.release(old.array.keys());
        }
        match verdict {
            Verdict::Stop(reason) => Ok(self.stop(reason, current)),
            Verdict::RollBack(reason) if self.best.as_ref() == Some(&current) => Ok(self.stop(reason, current)),
            Verdict::RollBack(reason) => {
                // The best residual is made once more; the dirty image is needed for that.
                if self.residual != self.plane.dirty {
                    b.release(self.residual.keys());
                }
                self.roll_back(b, reason)
            }
            Verdict::Clean { level, iterations, divergence } => self.begin_cycle(b, level, iterations, divergence),
        }
    }

    /// Makes the residual of the best model once more: it was not kept.
    fn roll_back(&mut self, b: &mut Builder<'_>, reason: StopReason) -> Result<Next> {
        let current = self.current()?;
        let best = self.best.clone().ok_or_else(|| Error::internal("there is no state to go back to"))?;
        if best != current {
            b.release(current.array.keys());
        }
        self.residual = self.plane.refresh(b, &best.array);
        self.model = Some(best);
        self.stage = Stage::RollingBack(reason);
        Ok(self.plane.measure(b, &self.residual))
    }

    fn stop(&self, reason: StopReason, model: Model) -> Next {
        Next::Stop(Outcome { reason, model: model.array, residual: self.residual.clone() })
    }

    fn current(&self) -> Result<Model> {
        self.model.clone().ok_or_else(|| Error::internal("CLEAN has not begun"))
    }
}

/// A model with the components of some lists added.
fn scatter(b: &mut Builder<'_>, model: &ChunkedArray, components: &[Key]) -> ChunkedArray {
    let made = ChunkedArray::from_keys(b.new_array(), model.grid());
    for k in 0..model.grid().len() {
        let inputs = std::iter::once(model.key(k)).chain(components.iter().copied()).collect();
        b.task(Scatter { at: model.grid().core(k) }, inputs, vec![made.key(k)]);
    }
    made
}

impl Algorithm for Hogbom {
    fn advance(&mut self, b: &mut Builder<'_>, answers: Vec<Payload>) -> Result<Next> {
        match self.stage.clone() {
            Stage::New => Ok(self.start(b)),
            Stage::Refreshing => self.refreshed(b, &answers),
            Stage::Cycling(cycle) => self.cycled(b, cycle, &answers),
            Stage::RollingBack(reason) => {
                let model = self.current()?;
                self.control.rolled_back(&Measured::read(&answers)?, model.iterations);
                Ok(self.stop(reason, model))
            }
        }
    }

    fn progress(&self) -> Progress {
        self.control.progress()
    }

    fn rehearse(&self, ids: &mut ArrayIds) -> Vec<Graph> {
        let mut actor = self.clone();
        let mut graphs = Vec::new();
        let mut act = |scene: &mut dyn FnMut(&mut Builder<'_>) -> Result<()>| {
            let mut b = Builder::new(ids);
            if scene(&mut b).is_ok() {
                graphs.push(b.finish());
            }
        };
        act(&mut |b| {
            actor.start(b);
            Ok(())
        });
        actor.best = actor.model.clone();
        let mut cycles = Vec::new();
        // Twice, so that the second refresh has a model that is not the best one.
        for _ in 0..2 {
            act(&mut |b| actor.begin_cycle(b, 0.0, 1, 1.0).map(drop));
            if let Stage::Cycling(cycle) = &actor.stage {
                cycles.push(cycle.clone());
            }
            act(&mut |b| cycles.last().map_or(Ok(()), |cycle| actor.refresh(b, cycle).map(drop)));
        }
        graphs
    }
}
