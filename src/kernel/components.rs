//! The model of CLEAN as a list of components, an entry a pixel and scale.

use super::operation::{Call, Operation};
use super::payload::{Component, Payload, Shape};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Adds up components pixel by pixel, those of each scale for themselves.
///
/// Inputs: any number of lists: of a model its own, then what was found since, in the order in which it was found.
/// Output: the new model's list, sorted by scale, row and column, with one entry a pixel and scale: the sum of the fluxes
/// of all its components, in f32, from 0 on in the order in which they are given. So a model has the bits of a plane to
/// which each component was added when it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddComponents {
    /// The most entries that the new list can have: the pixels of the plane, or the components that may be found.
    pub most: u64,
}

impl Operation for AddComponents {
    fn outputs(&self) -> Vec<Shape> {
        vec![Shape::Small(self.most as usize * size_of::<Component>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let mut all: Vec<Component> = call.inputs.iter().flat_map(|list| list.components()).copied().collect();
        // It is stable, so the order at a pixel stays; it sees that the old list is sorted, and merges.
        all.sort_by_key(pixel);
        // From 0 on: a flux of −0 becomes 0 as it does in a plane.
        all.iter_mut().for_each(|component| component.flux += 0.0);
        all.dedup_by(|next, sum| {
            let same = pixel(next) == pixel(sum);
            if same {
                sum.flux += next.flux;
            }
            same
        });
        call.outputs[0] = Payload::Components(all);
        Ok(())
    }
}

fn pixel(component: &Component) -> (u16, u32, u32) {
    (component.scale, component.y, component.x)
}
