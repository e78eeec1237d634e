//! One list of components from those of all chunks.

use super::operation::{Call, Operation};
use super::payload::{Component, Payload, Shape};
use super::scale::MOST_SCALES;
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// The components of all chunks, the brightest first (then by row, by column, by scale, by the order in which they came), cut off
/// after `most`: so that CLEAN ends at the number of components that it was told, however the plane is cut.
///
/// Inputs: any number of lists. Outputs: the list; one number, how many are in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MergeComponents {
    /// The most components that may be kept.
    pub most: u32,
    /// What the fluxes of each scale are multiplied by to be compared.
    pub weights: [f32; MOST_SCALES],
}

impl Operation for MergeComponents {
    fn outputs(&self) -> Vec<Shape> {
        let most = self.most as usize * size_of::<Component>();
        vec![Shape::Small(most), Shape::Small(size_of::<f64>())]
    }

    fn run(&self, call: &mut Call<'_>) -> Result<()> {
        let mut all: Vec<Component> = call.inputs.iter().flat_map(|list| list.components()).copied().collect();
        let weighted = |c: &Component| (c.flux * self.weights[usize::from(c.scale)]).abs();
        let order = |c: &Component| (std::cmp::Reverse(weighted(c).to_bits()), c.y, c.x, c.scale);
        all.sort_by_key(order);
        all.truncate(self.most as usize);
        all.shrink_to_fit();
        call.outputs[1] = Payload::Numbers(vec![all.len() as f64]);
        call.outputs[0] = Payload::Components(all);
        Ok(())
    }
}
