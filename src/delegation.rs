//! Delegation tokens: somebody's signed word that another acts for them (spec E8).
//!
//! An intent says by whom and through whom it was delegated; tokens prove the links of that
//! chain. [`evaluate`] matches every link with a token that was shown; where the intent is made of
//! the tokens, a [`Mandate`] does both. Pure: the caller says what time it is and where bytes come
//! from and go to.
//!
//! Unlike an approval, a delegation token need not name an intent or a policy, and it suffices
//! that its scope meets one of those that are wanted.

mod code;
mod token;
mod grant;
mod validate;
mod chain;
mod keys;
mod mandate;
#[cfg(test)]
mod tests;

pub use crate::token::{ReadError, Shown};
pub use chain::{Chain, Entry, NOT_GRANTED, Outcome, evaluate};
pub use code::Code;
pub use grant::{Grant, GrantError};
pub use keys::Keys;
pub use mandate::{Delegated, Mandate, Question};
pub use token::Token;
pub use validate::{Link, Proven, Wanted, prove};
