//! Which planes are worked on as one.

use super::Options;
use super::plan::PlanePlan;
use crate::image::Image;
use std::collections::BTreeMap;

/// The planes of an image by number, those together that differ in nothing but their polarization where polarizations are joined; by
/// their first ones.
pub fn groups(options: &Options, dirty: &Image) -> Vec<Vec<usize>> {
    let axes = dirty.axes();
    let joined = axes.stokes_axis().filter(|_| options.join_polarizations);
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for plane in 0..dirty.planes() {
        let mut position = axes.position(plane);
        joined.iter().for_each(|&stokes| position[stokes] = 0);
        groups.entry(axes.plane_at(&position)).or_default().push(plane);
    }
    groups.into_values().collect()
}

/// What planes are called together: `I+Q+U`.
pub fn name(group: &[usize], plans: &[PlanePlan]) -> String {
    group.iter().map(|&plane| plans[plane].label.name.as_str()).collect::<Vec<_>>().join("+")
}
