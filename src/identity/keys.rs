//! The keys that tokens are checked with: sets as issuers publish them (RFC 7517), and the rings
//! that hold them while the proxy runs.
//!
//! Only public keys are taken, and of these only kinds that sign. Rejected: reading keys from the
//! token itself (`jku`, `jwk`, `x5u`, `x5c`), which lets its sender choose what it is checked with.

mod jwk;
mod ring;
mod set;

pub use jwk::{Key, Kind};
pub use ring::{Held, KeyRing, Remote, Stale};
pub use set::{KeySet, KeySetError};
