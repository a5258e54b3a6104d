//! Checks of single fields that several objects of an intent share.

use super::error::IntentError;
use super::text::{shown, word};
use super::time::{self, Time};
use crate::json::Digest;

/// The refusal of a value that breaks a rule of the format.
pub(super) fn invalid(what: impl Into<String>) -> IntentError {
    IntentError::Normalise(what.into())
}

/// An optional SHA-256; `refusal` gets the text that is none.
pub(super) fn sha256(
    said: String,
    refusal: impl FnOnce(String) -> String,
) -> Result<Option<Digest>, IntentError> {
    one_of(said, Digest::parse, refusal)
}

/// An optional word of a vocabulary; `refusal` gets the word that is not in it.
pub(super) fn one_of<T>(
    said: String,
    parse: fn(&str) -> Option<T>,
    refusal: impl FnOnce(String) -> String,
) -> Result<Option<T>, IntentError> {
    match word(said) {
        said if said.is_empty() => Ok(None),
        said => parse(&said).map(Some).ok_or_else(|| invalid(refusal(shown(&said)))),
    }
}

/// A number that may not be negative.
pub(super) fn natural(said: i64, name: &str) -> Result<u64, IntentError> {
    u64::try_from(said).map_err(|_| invalid(format!("{name} must be >= 0")))
}

/// Refuses a span that ends before it begins, or at once; an end that is not given is none.
pub(super) fn ends_after(start: Time, end: Time, what: &str) -> Result<(), IntentError> {
    if start.is_given() && end.is_given() && end <= start {
        return Err(invalid(what));
    }
    Ok(())
}

/// The time, or the zero time of the format.
pub(super) fn or_zero(said: Option<Time>) -> Time {
    said.unwrap_or(time::ZERO)
}
