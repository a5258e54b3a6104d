//! gait: a transparent policy proxy for tool APIs.
#![forbid(unsafe_code)]

pub mod cli;
pub mod trace;
pub mod stage;
pub mod policy;
pub mod intent;
pub mod json;
pub mod sign;
pub mod clock;
