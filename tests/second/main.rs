//! A second evaluator, and the product held against it.
//!
//! It is written from the text of the format alone, on plain JSON values, with no thought for
//! speed. It has to give the recorded answers of the public tool by itself; then the product has
//! to give its answers on policies and intents that nobody recorded. Rejected: sharing any type
//! or helper with the product, since a fault in what is shared would be agreed upon.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test says so by panicking, and a missing member of a JSON value is null"
)]

mod compare;
mod constraints;
mod context;
mod credentials;
mod decide;
mod dice;
mod freeze;
mod glob;
mod intent;
mod intents;
mod matching;
mod policies;
mod policy;
mod sandbox;
mod shape;
mod recorded;
mod targets;
mod text;
