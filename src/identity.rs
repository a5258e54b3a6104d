//! Who is calling, and how that is known.
//!
//! An ordered list of sources looks at the connection and at the header fields of a request. Each
//! finds nothing, a caller, or a credential that is wrong; a wrong one is never taken for none.
//! Everything that an intent says of its caller comes from here.

pub mod algorithm;
pub mod keys;
pub mod refusal;
pub mod sources;

pub use refusal::Refusal;
pub use sources::{Asked, Known, Refused, Sources};
