//! What must be known of a method whose state is pixels to go on with it another day.

use crate::array::ChunkedArray;
use crate::error::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What a method whose state is pixels must know to go on, at a place at which it could.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// What it knows beside its arrays, in its own words.
    pub state: Vec<u8>,
    /// Its arrays, kept, on strips of as many whole rows as those of the dirty image.
    pub arrays: Vec<ChunkedArray>,
}

/// The state, in its own words, of a method that is a filter at first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Phase<State> {
    /// The filter's.
    First(Vec<u8>),
    /// Its own.
    Own(State),
}

impl Held {
    /// Of what a method knows, as plain data, and its arrays.
    pub(super) fn new(state: &impl Serialize, arrays: Vec<ChunkedArray>) -> Option<Held> {
        Some(Held { state: postcard::to_allocvec(state).ok()?, arrays })
    }

    /// What the method knows beside its arrays.
    ///
    /// # Errors
    /// If it is not of this kind.
    pub(super) fn known<State: DeserializeOwned>(&self) -> Result<State> {
        postcard::from_bytes(&self.state).map_err(|_| Held::senseless())
    }

    /// The error of a state that is of no use to its method.
    pub(super) fn senseless() -> Error {
        Error::internal("the state of an earlier run makes no sense")
    }
}
