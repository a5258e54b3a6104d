//! The sources of identity, in the order of the config, and what they say together.

use super::Refusal;
use super::api_key::ApiKeys;
use super::certificate::Certificates;
use super::facts::{Frame, Stamp, through};
use super::field::Field;
use super::header::Header;
use super::jwt::Jwt;
use super::keys::{KeyRing, Stale};
use super::tokens::{self, Found, Slot};
use crate::call::credential::claims_identity;
use crate::call::headers::CredentialField;
use crate::call::peer::{Address, Certificate, Peer};
use crate::intent::rest::Caller;
use crate::intent::time::Time;
use http::{HeaderMap, HeaderName};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name of the source of a caller without credentials; no source may have it.
pub const ANONYMOUS: &str = "anonymous";

/// Where identities come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Sources {
    anonymous: Arc<Caller>,
    anonymous_name: Arc<str>,
    frame: Frame,
    sources: Vec<Source>,
    slots: Vec<Slot>,
    credentials: Vec<CredentialField>,
}

/// One source.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Its name, and what it adds to what its credentials say.
    pub stamp: Stamp,
    /// How it knows callers.
    pub way: Way,
}

/// How a source knows callers.
#[derive(Clone, Debug, PartialEq)]
pub enum Way {
    /// By signed tokens in this field.
    Jwt(Field, Box<Jwt>),
    /// By shared secrets in this field.
    ApiKey(Field, ApiKeys),
    /// By client certificates.
    Certificate(Certificates),
    /// By the word of trusted peers.
    Header(Box<Header>),
    /// By the user of the process at the other end of a Unix socket.
    Unix(BTreeMap<u32, Arc<Caller>>),
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
    /// The keys that may be too old to know the token's. With fetched keys it is worth another
    /// look.
    pub stale: Option<Stale>,
}

/// What the connection proves.
struct Proven {
    found: Found,
    /// The name in its certificate.
    name: Option<String>,
}

impl Sources {
    /// No source: every caller is `anonymous`.
    pub fn none(anonymous: Caller) -> Sources {
        let frame = Frame {
            anonymous: anonymous.context.identity.clone(),
            workspace: anonymous.context.workspace.clone(),
            agents: BTreeMap::new(),
        };
        Sources::new(anonymous, frame, Vec::new())
    }

    /// These sources, in this order. Two of them may share a header only where each token in it
    /// belongs to one: the config is read so.
    pub fn new(anonymous: Caller, frame: Frame, sources: Vec<Source>) -> Sources {
        let slots = tokens::slots(&sources);
        let mut credentials: Vec<CredentialField> = Vec::new();
        for field in sources.iter().flat_map(Source::fields) {
            let credential = field.credential();
            if !credentials.contains(&credential) {
                credentials.push(credential);
            }
        }
        let (anonymous, anonymous_name) = (Arc::new(anonymous), ANONYMOUS.into());
        Sources { anonymous, anonymous_name, frame, sources, slots, credentials }
    }

    /// Who calls.
    ///
    /// # Errors
    /// A credential is there and wrong, or two name different callers.
    pub fn identify(&self, asked: &Asked<'_>) -> Result<Known, Refused> {
        if let Some(certificate) = &asked.peer.certificate {
            refuse_expired(certificate, asked.now)?;
        }
        if self.sources.is_empty() {
            return Ok(self.nobody());
        }
        let proven = self.proven(asked.peer)?;
        let token = tokens::find(&self.sources, &self.slots, &self.frame, asked)?;
        match (token, proven) {
            (Some(token), Some(Proven { name: Some(name), .. })) => {
                Ok(self.known(Found { caller: through(token.caller, &name), ..token }))
            }
            (Some(found), _) | (None, Some(Proven { found, .. })) => Ok(self.known(found)),
            (None, None) if asked.headers.keys().any(claims_identity) => {
                Err(Refusal::IdentityHeaderUntrusted.into())
            }
            (None, None) => Ok(self.nobody()),
        }
    }

    fn known(&self, found: Found) -> Known {
        let source = self.sources.get(found.source).map(|source| source.stamp.source.clone());
        Known { caller: found.caller, source: source.unwrap_or_default() }
    }

    /// What the connection proves, by the first source that knows it.
    fn proven(&self, peer: &Peer) -> Result<Option<Proven>, Refusal> {
        let mut stranger = None;
        for (at, source) in self.sources.iter().enumerate() {
            let proven = match (&source.way, &peer.certificate, peer.address) {
                (Way::Certificate(certificates), Some(certificate), _) => {
                    stranger = stranger.or(Some(Refusal::CertificateUnmatched));
                    self.of_certificate(at, source, certificates, certificate)?
                }
                (Way::Unix(users), _, Address::Unix { uid, .. }) => {
                    stranger = stranger.or(Some(Refusal::UnixUserUnknown));
                    users.get(&uid).map(|caller| Proven {
                        found: Found { source: at, caller: caller.clone() },
                        name: None,
                    })
                }
                _ => None,
            };
            if proven.is_some() {
                return Ok(proven);
            }
        }
        match stranger {
            Some(Refusal::CertificateUnmatched) if self.is_trusted(peer) => Ok(None),
            Some(refusal) => Err(refusal),
            None => Ok(None),
        }
    }

    fn of_certificate(
        &self,
        at: usize,
        source: &Source,
        certificates: &Certificates,
        certificate: &Certificate,
    ) -> Result<Option<Proven>, Refusal> {
        let Some(named) = certificates.caller(certificate)? else { return Ok(None) };
        let caller = source.stamp.caller(named.facts, &self.frame)?;
        Ok(Some(Proven { found: Found { source: at, caller }, name: Some(named.name) }))
    }

    /// Whether the peer's certificate is that of one whose word is taken.
    fn is_trusted(&self, peer: &Peer) -> bool {
        let names = |certificate: &Certificate| {
            self.sources.iter().any(|source| match &source.way {
                Way::Header(header) => header.from.names(certificate),
                _ => false,
            })
        };
        peer.certificate.as_ref().is_some_and(names)
    }

    /// The caller without credentials.
    pub fn nobody(&self) -> Known {
        Known { caller: self.anonymous.clone(), source: self.anonymous_name.clone() }
    }

    /// The names of the sources, in their order.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.sources.iter().map(|source| &source.stamp.source)
    }

    /// The keys that tokens are checked with, one ring for each source of them.
    pub fn rings(&self) -> impl Iterator<Item = &Arc<KeyRing>> {
        self.sources.iter().filter_map(|source| match &source.way {
            Way::Jwt(_, jwt) => Some(&jwt.keys),
            _ => None,
        })
    }

    /// Goes on with the rings of `old` that are fetched in the very same way, so that a reload
    /// loses no keys.
    pub fn adopt(&mut self, old: &Sources) {
        for source in &mut self.sources {
            let Way::Jwt(_, jwt) = &mut source.way else { continue };
            let Some(remote) = jwt.keys.remote() else { continue };
            if let Some(held) = old.rings().find(|held| held.remote() == Some(remote)) {
                jwt.keys = held.clone();
            }
        }
    }

    /// Whether a field, in whatever spelling, names a caller by the word of a peer whose word is not
    /// taken. It is no credential, and whoever got it passed on would believe it.
    pub fn is_forged(&self, name: &HeaderName, peer: &Peer) -> bool {
        self.sources.iter().any(|source| match &source.way {
            Way::Header(header) => header.has(name) && !header.from.holds(peer),
            _ => false,
        })
    }

    /// The fields that carry credentials for gait itself; tools do not see them.
    pub fn credentials(&self) -> &[CredentialField] {
        &self.credentials
    }
}

/// A connection can outlive the certificate that it was opened with.
fn refuse_expired(certificate: &Certificate, now: Time) -> Result<(), Refusal> {
    match now > Time::from_timestamp(certificate.not_after) {
        true => Err(Refusal::CertificateExpired),
        false => Ok(()),
    }
}

impl Source {
    /// The header fields that it reads.
    pub fn fields(&self) -> Vec<&Field> {
        match &self.way {
            Way::Jwt(field, _) | Way::ApiKey(field, _) => vec![field],
            Way::Header(header) => header.all().collect(),
            Way::Certificate(_) | Way::Unix(_) => Vec::new(),
        }
    }
}

impl Known {
    /// Whether no source found a caller.
    pub fn is_anonymous(&self) -> bool {
        &*self.source == ANONYMOUS
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Refused {
        Refused { refusal, stale: None }
    }
}
