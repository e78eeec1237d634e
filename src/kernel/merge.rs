//! One list of components from those of all chunks.

use super::operation::{Call, Operation};
use super::payload::{Component, Payload, Shape};
use super::roots::root;
use super::scale::MOST_SCALES;
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// The components of all chunks, the brightest first (then by row, by column, by scale, by the order in which they came), cut off
/// after `most`: so that CLEAN ends at the number of components that it was told, however the plane is cut. Where planes are
/// joined that is so of places, and the brightest is the one with the largest root of the sum of squares over the planes.
///
/// Inputs: any number of times a list for each plane, with the same places. Outputs: the list of each plane; one number, how many are in each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MergeComponents {
    /// The most components that may be kept.
    pub most: u32,
    /// What the fluxes of each scale are multiplied by to be compared.
    pub weights: [f32; MOST_SCALES],
    /// Number of planes that are cleaned as one.
    pub planes: usize,
}

impl Operation for MergeComponents {
    fn outputs(&self) -> Vec<Shape> {
        let list = Shape::Small(self.most as usize * size_of::<Component>());
        [vec![list; self.planes], vec![Shape::Small(size_of::<f64>())]].concat()
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let lists: Vec<&[Component]> = call.inputs.iter().map(|list| list.components()).collect();
        let tasks: Vec<&[&[Component]]> = lists.chunks(self.planes).collect();
        let places = tasks.iter().enumerate();
        let places = places.flat_map(|(task, planes)| (0..planes[0].len()).map(move |i| (task as u32, i as u32)));
        let mut places: Vec<_> =
            places.map(|(task, i)| (Reverse(self.rank(tasks[task as usize], i)), task, i)).collect();
        let at = |&(_, task, i): &(Reverse<u32>, u32, u32)| {
            let Component { y, x, scale, .. } = tasks[task as usize][0][i as usize];
            (y, x, scale)
        };
        places.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| (at(a), a.1, a.2).cmp(&(at(b), b.1, b.2))));
        places.truncate(self.most as usize);
        let (merged, count) = call.outputs.split_at_mut(self.planes);
        for (plane, merged) in merged.iter_mut().enumerate() {
            let list = places.iter().map(|&(_, task, i)| tasks[task as usize][plane][i as usize]).collect();
            *merged = Payload::Components(list);
        }
        count[0] = Payload::Numbers(vec![places.len() as f64]);
        Ok(())
    }
}

impl MergeComponents {
    /// A number that orders as the brightness of a place does.
    fn rank(&self, planes: &[&[Component]], i: u32) -> u32 {
        let components = planes.iter().map(|list| list[i as usize]);
        root(components.map(|component| component.flux * self.weights[usize::from(component.scale)])).to_bits()
    }
}
