//! Evidence, read back: what the command line and the exporters make of lines that were written.
//!
//! Lines are read as JSON objects and asked by name, not into the writer's own types: a log outlives
//! the version that wrote it, and a line of a kind that is not known yet must still be shown.
//! Nothing here says that a line is as it was written; that is for
//! [`verify`](crate::evidence::verify).

pub mod access;
pub mod otlp;
mod entry;

pub use entry::{Entry, Unreadable};
