//! The state directory of a place, as its process has it.
#![expect(clippy::unwrap_used, reason = "a helper may stop the test")]

use crate::command::Place;
use gait::state::{StateDir, StateError};
use std::time::Duration;

/// A child that another test starts at this moment can hold the lock for a while.
pub(crate) fn taken(place: &Place) -> StateDir {
    loop {
        match StateDir::open(&place.path("state")) {
            Err(StateError::Held { .. }) => std::thread::sleep(Duration::from_millis(10)),
            taken => return taken.unwrap(),
        }
    }
}
