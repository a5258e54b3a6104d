//! Evidence, read back: what the command line and the exporters make of lines that were written.
//!
//! Lines are read as JSON objects and asked by name, not into the writer's own types: a log outlives
//! the version that wrote it, and a line of a kind that is not known yet must still be shown.
//! Nothing here says that a line is as it was written; that is for
//! [`verify`](crate::evidence::verify).
//!
//! A [`Log`] is a directory of segments; a [`Scan`] gives its lines, [`Calls`] folds them into
//! calls, a [`Filter`] says which are wanted. All hold a bounded part of the log, however large it is,
//! and what cannot be read is passed over and counted: a spoilt line must not keep anybody from
//! reading the rest.

pub mod access;
pub mod otlp;
mod entry;
mod lines;
mod log;
mod passed;
mod sieve;
mod scan;
mod backwards;
mod follow;
mod calls;
mod when;
mod filter;
mod find;
pub mod reconcile;
mod story;
pub mod public;
pub mod csv;
pub mod ocsf;

pub use backwards::Backwards;
pub use calls::{Call, Calls, Told};
pub use entry::{Entry, Unreadable};
pub use filter::{BadFilter, Field, Filter};
pub use find::NoCall;
pub use follow::Follow;
pub use log::{Log, NoLog};
pub use passed::Passed;
pub use scan::{Found, Scan};
pub use sieve::Sieve;
pub use story::{Id, NoStory, PREFIX_CHARS_MIN, Story};
pub use when::{Edge, When};
