//! gait: a transparent policy proxy for tool APIs.
#![forbid(unsafe_code)]

pub mod call;
pub mod stage;
pub mod policy;
pub mod intent;
pub mod json;
pub mod limits;
pub mod metrics;
pub mod clock;
