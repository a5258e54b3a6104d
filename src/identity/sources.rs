//! The sources of identity, in the order of the config, and what they say together.

use super::Refusal;
use crate::call::headers::CredentialField;
use crate::call::peer::Peer;
use crate::intent::rest::Caller;
use crate::intent::time::Time;
use http::HeaderMap;
use std::sync::Arc;

/// The name of the source of a caller without credentials; no source may have it.
pub const ANONYMOUS: &str = "anonymous";

/// Where identities come from.
#[derive(Clone, Debug)]
pub struct Sources {
    anonymous: Arc<Caller>,
    anonymous_name: Arc<str>,
    credentials: Vec<CredentialField>,
}

/// What a request shows.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The other end of its connection.
    pub peer: &'a Peer,
    /// Its header fields, as they came.
    pub headers: &'a HeaderMap,
    /// The time it is judged at.
    pub now: Time,
}

/// A caller that is known, if only as anonymous.
#[derive(Clone, Debug)]
pub struct Known {
    /// What intents say of it.
    pub caller: Arc<Caller>,
    /// The source that found it; [`ANONYMOUS`] where none did.
    pub source: Arc<str>,
}

/// A caller that is not who it says.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
}

impl Sources {
    /// No source: every caller is `anonymous`.
    pub fn none(anonymous: Caller) -> Sources {
        Sources {
            anonymous: Arc::new(anonymous),
            anonymous_name: ANONYMOUS.into(),
            credentials: Vec::new(),
        }
    }

    /// Who calls.
    ///
    /// # Errors
    /// A credential is there and wrong, or two name different callers.
    pub fn identify(&self, _asked: &Asked<'_>) -> Result<Known, Refused> {
        Ok(self.nobody())
    }

    /// The caller without credentials.
    pub fn nobody(&self) -> Known {
        Known { caller: self.anonymous.clone(), source: self.anonymous_name.clone() }
    }

    /// The fields that carry credentials for gait itself; tools do not see them.
    pub fn credentials(&self) -> &[CredentialField] {
        &self.credentials
    }
}

impl Known {
    /// Whether no source found a caller.
    pub fn is_anonymous(&self) -> bool {
        &*self.source == ANONYMOUS
    }
}
