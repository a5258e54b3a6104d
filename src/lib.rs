//! gait: a transparent policy proxy for tool APIs.
#![forbid(unsafe_code)]

pub mod evidence;
pub mod state;
pub mod stage;
pub mod policy;
pub mod json;
pub mod clock;
