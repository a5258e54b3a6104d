//! TLS with rustls, towards callers and towards tools.

pub mod client;
