//! What must be known of a CLEAN run to go on with it another day.

use super::{Control, Cycle, ScaleFacts};
use crate::kernel::Component;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A CLEAN run on a plane, or on planes that are cleaned as one, as it stood after a refresh, as plain data. The residual is not in it: it is made anew of the
/// model, with the same bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// What stops it.
    pub control: Control,
    /// The cycle that comes next.
    pub cycle: Cycle,
    /// What is known of the scales.
    pub scales: ScaleFacts,
    /// The model.
    pub model: SavedModel,
    /// The best model, if that is another one.
    pub best: Option<SavedModel>,
}

/// A model in a [`Saved`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedModel {
    /// For each plane an entry a pixel, sorted by scale, row and column, in the unit of the dirty image per pixel; where planes are
    /// cleaned as one, all with the same places.
    pub components: Vec<Arc<Vec<Component>>>,
    /// How many components were found for it, in each plane.
    pub iterations: u64,
}

impl SavedModel {
    /// That of so many planes at first, without any components.
    pub fn empty(planes: usize) -> SavedModel {
        SavedModel { components: vec![Arc::default(); planes], iterations: 0 }
    }
}
