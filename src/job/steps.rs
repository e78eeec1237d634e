//! The graphs of a plane beside those of its algorithm: what comes before, and what comes after.

use super::plan::{PlanePlan, beam_reach};
use crate::algorithm::{Method, Model, Outcome, Parameters, Plane};
use crate::array::{ArrayIds, Builder, ChunkedArray, Convolution, Grid, Source};
use crate::graph::Graph;
use crate::image::Image;
use crate::kernel::Scales;

/// How a method cuts a plane of the dirty image.
pub fn grid(dirty: &Image, plan: &PlanePlan, (method, parameters): (Method, Parameters)) -> Grid {
    let mut ids = ArrayIds::of_client(0);
    let planes = prepare(&mut Builder::new(&mut ids), dirty, &[0], std::slice::from_ref(plan));
    method.start(planes, parameters, None).grid()
}

/// Reads planes of the dirty image that are worked on as one, and their mask, and transforms the PSFs, for later graphs.
pub fn prepare(b: &mut Builder<'_>, dirty: &Image, group: &[usize], plans: &[PlanePlan]) -> Vec<Plane> {
    // On the same strips, whatever their frames are: they are looked at together.
    let strips = group.iter().map(|&plane| plans[plane].padding.image_strip(dirty.shape()));
    let strip = strips.min().unwrap_or(1);
    let mut planes: Vec<Plane> =
        group.iter().map(|&plane| prepare_plane(b, dirty, (plane, strip), &plans[plane])).collect();
    if let Some(masks) = &plans[group[0]].masks {
        let mask = masks.planes(b, group, planes[0].dirty.grid());
        b.keep(mask.keys());
        planes.iter_mut().for_each(|plane| plane.mask = Some(mask.clone()));
    }
    planes
}

/// Reads a plane of the dirty image on strips of so many rows, and transforms its PSF; without a mask.
pub fn prepare_plane(b: &mut Builder<'_>, dirty: &Image, (index, strip): (usize, usize), plan: &PlanePlan) -> Plane {
    let dirty = ChunkedArray::from_fits(b, &Source::plane(dirty, index), strip);
    let psf = plan.psf.clone();
    let convolution = Convolution::of_psf(b, &psf.source(), &psf.reach, plan.padding);
    b.keep(dirty.keys());
    b.keep(convolution.keys());
    let noise_boxes = plan.noise_box.map(|side| Grid::new(dirty.grid().shape, (side, side)));
    Plane { index, dirty, convolution, psf, mask: None, noise_boxes }
}

/// Where a model is started from, what that leaves of the dirty image takes its place: to clean the one is to clean the other,
/// and the model never is in memory as a whole. In a graph of its own: together with the PSF's transform it would take more.
pub fn subtract_model(b: &mut Builder<'_>, plan: &PlanePlan, plane: &mut Plane) {
    if let Some(model) = starting_model(b, plan, plane) {
        let left = plane.refresh(b, &model);
        b.keep(left.keys());
        b.release(plane.dirty.keys());
        plane.dirty = left;
    }
}

/// Reads the model that a plane starts from, on the strips of the dirty image; anew with every call.
fn starting_model(b: &mut Builder<'_>, plan: &PlanePlan, plane: &Plane) -> Option<ChunkedArray> {
    plan.model.as_ref().map(|model| read_model(b, model, plane.dirty.grid().chunk.0))
}

/// Reads a plane of a model, on strips of so many rows.
pub fn read_model(b: &mut Builder<'_>, (image, index): &(Image, usize), rows: usize) -> ChunkedArray {
    let source = Source { zero_blanks: true, ..Source::plane(image, *index) };
    ChunkedArray::from_fits(b, &source, rows)
}

/// What a plane started from and what was found, in one; made anew with every call, as by [`Model::pixels`].
fn whole_model(b: &mut Builder<'_>, plan: &PlanePlan, plane: &Plane, found: &Model) -> ChunkedArray {
    let pixels = found.pixels(b);
    match starting_model(b, plan, plane) {
        Some(model) => model.combine(b, 1.0, &pixels, 1.0),
        None => pixels,
    }
}

/// Measures the model and restores the image: model, residual, restored image, and the mask and standard deviations if there are any.
pub fn restore(b: &mut Builder<'_>, plan: &PlanePlan, plane: &Plane, outcome: &Outcome) -> Vec<ChunkedArray> {
    let Outcome { model, residual, mask, posterior, .. } = outcome;
    if *residual != plane.dirty {
        b.release(plane.dirty.keys());
    }
    let flux = whole_model(b, plan, plane, model).stats(b, None);
    b.answer(flux);
    let (reach, (rows, cols)) = (beam_reach(plan.covariance), residual.grid().shape);
    let touched = (2 * reach + 1).pow(2);
    let written = whole_model(b, plan, plane, model);
    let restored = match model {
        Model::Components { list, entries, scales, .. }
            if plan.model.is_none()
                && *scales == Scales::POINTS
                && entries.saturating_mul(touched) < PAINTED * rows * cols =>
        {
            residual.restore_components(b, *list, plan.covariance, reach)
        }
        _ => {
            let convolved = whole_model(b, plan, plane, model);
            plane.convolution.restore(b, &convolved, plan.covariance).combine(b, 1.0, residual, 1.0)
        }
    };
    let mask = mask.as_ref().map(|mask| mask.pixels(b, plane.dirty.grid(), None));
    let spread =
        posterior.iter().flat_map(|known| std::iter::once(&known.uncertainty).chain(&known.model_uncertainty)).cloned();
    [written, residual.clone(), restored].into_iter().chain(mask).chain(spread).collect()
}

/// Components are convolved with the restoring beam one by one where that touches fewer pixels than this many times the
/// plane has; else by a transform, which takes about as long then.
const PAINTED: usize = 16;

/// Every kind of graph that planes that are worked on as one will submit, in an order in which they could run. What would be written is looked
/// at instead: that needs as much, and no file.
pub fn rehearse(
    dirty: &Image,
    group: &[usize],
    plans: &[PlanePlan],
    (method, parameters): (Method, Parameters),
) -> Vec<Graph> {
    let mut ids = ids(0, group, plans);
    let mut b = Builder::new(&mut ids);
    let mut planes = prepare(&mut b, dirty, group, plans);
    let mut graphs = vec![b.finish()];
    let plans = || group.iter().map(|&plane| &plans[plane]);
    if plans().any(|plan| plan.model.is_some()) {
        let mut b = Builder::new(&mut ids);
        plans().zip(&mut planes).for_each(|(plan, plane)| subtract_model(&mut b, plan, plane));
        graphs.push(b.finish());
    }
    // What has not begun can be rehearsed.
    if let Ok((rehearsed, outcomes)) = method.start(planes.clone(), parameters, None).rehearse(&mut ids) {
        graphs.extend(rehearsed);
        let mut b = Builder::new(&mut ids);
        for ((plan, plane), outcome) in plans().zip(&planes).zip(&outcomes) {
            for array in restore(&mut b, plan, plane, outcome) {
                array.extremes(&mut b).into_iter().for_each(|key| b.answer(key));
            }
        }
        graphs.push(b.finish());
    }
    graphs
}

/// The numbers of the arrays of the client that works on some planes.
pub fn ids(client: usize, group: &[usize], plans: &[PlanePlan]) -> ArrayIds {
    ArrayIds::of_client(client).on_device(plans[group[0]].device.as_ref().map(|device| device.facts))
}

/// Does a method hold a plane in one chunk?
pub fn is_whole(method: Method) -> bool {
    method == Method::Hogbom
}
