//! The sources of identity, in the order of the config, and what they say together.

use super::Refusal;
use super::keys::KeyRing;
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
    rings: Vec<Arc<KeyRing>>,
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
    /// The ring whose keys may be too old to know the token's. With fetched keys it is worth
    /// another look.
    pub stale: Option<Arc<KeyRing>>,
}

impl Sources {
    /// No source: every caller is `anonymous`.
    pub fn none(anonymous: Caller) -> Sources {
        Sources {
            anonymous: Arc::new(anonymous),
            anonymous_name: ANONYMOUS.into(),
            credentials: Vec::new(),
            rings: Vec::new(),
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

    /// The keys that tokens are checked with, one ring for each source of them.
    pub fn rings(&self) -> impl Iterator<Item = &Arc<KeyRing>> {
        self.rings.iter()
    }

    /// Goes on with the rings of `old` that are fetched in the very same way, so that a reload
    /// loses no keys.
    pub fn adopt(&mut self, old: &Sources) {
        for ring in &mut self.rings {
            let same =
                |held: &&Arc<KeyRing>| ring.remote().is_some() && held.remote() == ring.remote();
            if let Some(held) = old.rings().find(same) {
                *ring = held.clone();
            }
        }
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
