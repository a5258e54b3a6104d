//! gait: a transparent policy proxy for tool APIs. What follows is the README.
#![doc = ""]
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod cli;
pub mod replay;
pub mod rollout;
pub mod app;
pub mod config;
pub mod proxy;
pub mod telemetry;
pub mod admin;
pub mod demo;
pub mod upstream;
pub mod egress;
pub mod gate;
pub mod case;
pub mod audit;
pub mod evidence;
pub mod state;
pub mod store;
pub mod snapshot;
pub mod stage;
pub mod broker;
pub mod policy;
pub mod identity;
pub mod kill_switch;
pub mod approval;
pub mod delegation;
pub mod token;
pub mod intent;
pub mod trace;
pub mod tls;
pub mod call;
pub mod problem;
mod yaml;
pub mod json;
pub mod sign;
pub mod limits;
pub mod metrics;
pub mod clock;
