//! A model in the making.

use crate::algorithm::SavedModel;
use crate::array::Builder;
use crate::event::Key;
use crate::kernel::Component;
use std::sync::Arc;

/// A model: for each plane its list of components in the store, and what is known of it here.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub lists: Vec<Key>,
    /// The lists themselves, once they have been told.
    pub components: Vec<Arc<Vec<Component>>>,
    pub iterations: u64,
}

impl Found {
    /// A model that comes with the graph.
    pub fn given(b: &mut Builder<'_>, model: &SavedModel) -> Found {
        let SavedModel { components, iterations } = model.clone();
        let lists = components.iter().map(|components| b.give(components.to_vec())).collect();
        Found { lists, components, iterations }
    }

    pub fn saved(&self) -> SavedModel {
        SavedModel { components: self.components.clone(), iterations: self.iterations }
    }
}
