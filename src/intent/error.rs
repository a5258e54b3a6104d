//! Why something is not an intent.

use crate::json::CanonicalError;

/// Why an intent could not be read or normalised. The first fault found, in the order of spec C4.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntentError {
    /// The document is not strict JSON, or a member has the wrong type.
    #[error("parse intent json: {0}")]
    Parse(String),
    /// A value breaks a rule of the format.
    #[error("normalize intent: {0}")]
    Normalise(String),
    /// A value looks like a secret (spec C4.4); the text names where it stands, never the value.
    #[error(
        "normalize intent: {path} must not contain raw credential material; \
         use credential references or digests instead"
    )]
    RawCredential {
        /// Such as `args.a[1].client_secret`.
        path: String,
    },
}

impl IntentError {
    /// The reason code of the refusal: `intent_invalid` or `raw_credential_in_args`.
    pub fn code(&self) -> &'static str {
        match self {
            IntentError::Parse(_) | IntentError::Normalise(_) => "intent_invalid",
            IntentError::RawCredential { .. } => "raw_credential_in_args",
        }
    }

    /// The error of a part, told of the whole.
    pub(super) fn within(self, place: &str) -> IntentError {
        match self {
            IntentError::Normalise(what) => {
                IntentError::Normalise(format!("normalize {place}: {what}"))
            }
            other => other,
        }
    }

    /// Where the secret stands; `None` for other errors.
    pub fn path(&self) -> Option<&str> {
        match self {
            IntentError::RawCredential { path } => Some(path),
            _ => None,
        }
    }
}

impl From<CanonicalError> for IntentError {
    fn from(error: CanonicalError) -> IntentError {
        IntentError::Normalise(error.to_string())
    }
}
