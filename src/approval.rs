//! Approval tokens: somebody's signed word that one call may run (spec C11).
//!
//! A [`Grant`] becomes a [`Token`] by signing; a token from a file is worth nothing until
//! [`validate`] has held it against what is to be approved. [`evaluate`] does so for all tokens
//! that were shown and says whether they are enough. Pure: the caller says what time it is and
//! where bytes come from and go to.
//!
//! What is copied from the public format: a token binds intent and policy by digest, names what
//! it permits by scope, and can be used until it expires; that it is used once is not the
//! token's to say but its user's, who has [`Valid::token_id`] for it. What is not copied: the
//! public tool compares approvers untrimmed, so that a copy of a token with a blank in front of
//! the name counts as a second approver.

mod code;
mod token;
mod grant;
mod wanted;
mod validate;
mod quorum;
mod petition;
mod roster;
pub mod review;

pub use crate::token::{ReadError, Shown};
pub use code::Code;
pub use grant::{Grant, GrantError};
pub use petition::{Changed, Petition, Proof, RequestId, Requester, Shape, State};
pub use quorum::{Approvers, Demand, Entry, Outcome, evaluate};
pub use review::{Bench, Origin, Review, Sanction, Word};
pub use roster::{Approver, May, Roster, Subject, Unfit};
pub use token::Token;
pub use validate::{Valid, validate};
pub use wanted::Wanted;

#[cfg(test)]
mod tests;
