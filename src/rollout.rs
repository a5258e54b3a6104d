//! The rollout: where routes stand, what people said of decisions, and whether a route may go on.
//!
//! The guide's gates are sentences; here they are functions of what the evidence says, so that a
//! person and a pipeline get the same answer. Nothing in here reads a file or asks a clock.

pub mod diff;
mod overlay;

pub use overlay::{Entry, Overlay, OverlayError};
