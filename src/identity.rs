//! Who is calling, and how that is known.
//!
//! An ordered list of sources looks at the connection and at the header fields of a request. Each
//! finds nothing, a caller, or a credential that is wrong; a wrong one is never taken for none.
//! Everything that an intent says of its caller comes from here.
//!
//! The connection proves a peer: its certificate, or the user of its process. A token (JWT, API
//! key, the word of a trusted peer) proves a caller. Where there is a token it says who calls; the
//! peer is the caller only where there is none.

pub mod algorithm;
pub mod api_key;
pub mod certificate;
pub mod facts;
pub mod field;
pub mod header;
pub mod jwt;
pub mod keys;
pub mod pattern;
pub mod refusal;
pub mod sources;
pub mod text;
pub mod trust;
mod tokens;

#[cfg(test)]
mod tests;

pub use refusal::Refusal;
pub use sources::{Asked, Known, Refused, Source, Sources, Way};
