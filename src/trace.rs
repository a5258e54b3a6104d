//! The public trace record: one decision, signed (spec C13).
//!
//! This is the file that `gait gate eval` writes and `gait trace verify` checks, in the form of
//! the public 1.x tool, so that either can verify the other's. It is pure: the caller says what
//! time it is and where the bytes go. Reading derives `Deserialize`, because a record comes from
//! a file and proves nothing before [`Record::verify`] has said so.
//!
//! Rejected: a table of member names over a JSON map. It would be shorter, but the types of the
//! members would be checked nowhere.

mod record;
mod relationship;
mod read;
mod time;

use crate::json::{self, CanonicalError, Digest};

pub use read::{ReadError, Unverified};
pub use record::Record;
pub use time::parse as parse_time;

impl Record {
    /// The digest that is signed: over the record without its signature (spec C11.2).
    fn signed_digest(&self) -> Result<Digest, CanonicalError> {
        let mut unsigned = self.clone();
        unsigned.signature = None;
        json::digest(&unsigned)
    }
}
