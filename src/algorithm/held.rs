//! What must be known of a method whose state is pixels to go on with it another day.

use super::Algorithm;
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

/// The state of a method that is a filter at first.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Phase<State> {
    /// The filter's, in its own words.
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

    /// What a filter holds, as the state of a method that is it at first.
    pub(super) fn of_first<State: Serialize>(self) -> Option<Held> {
        Held::new(&Phase::<State>::First(self.state), self.arrays)
    }

    /// What such a method holds later.
    pub(super) fn of_own(state: impl Serialize, arrays: Vec<ChunkedArray>) -> Option<Held> {
        Held::new(&Phase::Own(state), arrays)
    }

    /// What such a method goes on from itself; or its filter goes on.
    ///
    /// # Errors
    /// If it is not of this kind.
    pub(super) fn hand_on<State: DeserializeOwned>(
        self,
        filter: &mut impl Algorithm,
    ) -> Result<Option<(State, Vec<ChunkedArray>)>> {
        match self.known()? {
            Phase::First(state) => filter.go_on(Held { state, ..self }).map(|()| None),
            Phase::Own(state) => Ok(Some((state, self.arrays))),
        }
    }

    /// The error of a state that is of no use to its method.
    pub(super) fn senseless() -> Error {
        Error::internal("the state of an earlier run makes no sense")
    }
}
