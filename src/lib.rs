//! gait: a transparent policy proxy for tool APIs.
#![forbid(unsafe_code)]

pub mod telemetry;
pub mod demo;
pub mod stage;
pub mod policy;
pub mod json;
pub mod metrics;
pub mod clock;
