//! What config says of approvals: who may give them, how long things wait, who is told, and who may
//! log in to look after them.

mod wider;

use crate::approval::{Approver, May, Roster};
use crate::json::Digest;
use http::{StatusCode, Uri};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// The login of whoever can read the state directory.
pub const LOCAL_LOGIN: &str = "local";

/// The approver of a config that names none.
const OPERATOR: &str = "operator";

/// What a webhook can be told of.
pub const EVENTS: [&str; 6] = [
    "approval.requested",
    "approval.granted",
    "approval.denied",
    "approval.expired",
    "approval.executed",
    "approval.unknown",
];

/// What config says of approvals.
#[derive(Clone, Debug, PartialEq)]
pub struct Approvals {
    /// Who may give them.
    pub roster: Roster,
    /// For how long a request waits.
    pub open_for: Duration,
    /// For how long a grant holds.
    pub grant_holds: Duration,
    /// When a caller should ask again.
    pub retry_after: Duration,
    /// For how long requests that have ended are kept.
    pub retention: Duration,
    /// Where people find the page, without a slash at the end.
    pub public_url: Option<Arc<str>>,
    /// What a call that needs an approval is answered with.
    pub status: StatusCode,
    /// Who is told.
    pub webhooks: Vec<Arc<Webhook>>,
    /// Who may log in, beside the one who can read the state directory.
    pub logins: Vec<Login>,
    /// Hosts that the admin listener serves, beside its own address and those of loopback.
    pub hosts: Vec<String>,
}

/// Somebody who may log in to the admin API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub name: Arc<str>,
    /// What it may do.
    pub role: Role,
    /// SHA-256 of the bearer token.
    pub token: Digest,
}

/// What a login may do; each may all that those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look.
    Viewer,
    /// Grant and deny, as far as the roster says.
    Approver,
    /// Change how gait runs.
    Admin,
}

/// Somebody to be told of what happens to requests.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its name in the config.
    pub name: Arc<str>,
    /// Where it is.
    pub url: Uri,
    /// The key of the signature.
    pub secret: Zeroizing<Vec<u8>>,
    /// Of which events; none for all.
    pub events: Vec<String>,
    /// Roots to believe it by, in PEM; the system's where there is none.
    pub ca: Option<Arc<[u8]>>,
    /// Whether plain HTTP will do.
    pub transport: WebhookTransport,
    /// How long it may take to answer.
    pub timeout: Duration,
}

/// How a webhook is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookTransport {
    /// With TLS alone.
    Tls,
    /// In the clear too: what is told can then be read on the way.
    Plain,
}

// === impl Role ===

impl Role {
    /// All of them.
    pub const ALL: [Role; 3] = [Role::Viewer, Role::Approver, Role::Admin];

    /// The word of config and API.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Approver => "approver",
            Role::Admin => "admin",
        }
    }
}

// === impl Webhook ===

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("name", &self.name)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

// === impl Approvals ===

impl Default for Approvals {
    fn default() -> Approvals {
        let minutes = |count: u64| Duration::from_secs(count * 60);
        Approvals {
            roster: Roster::new(vec![operator()]),
            open_for: minutes(60),
            grant_holds: minutes(15),
            retry_after: Duration::from_secs(5),
            retention: minutes(90 * 24 * 60),
            public_url: None,
            status: StatusCode::PRECONDITION_REQUIRED,
            webhooks: Vec::new(),
            logins: Vec::new(),
            hosts: Vec::new(),
        }
    }
}

/// Whoever can read the state directory may approve everything.
fn operator() -> Approver {
    Approver {
        name: OPERATOR.into(),
        keys: Vec::new(),
        logins: vec![LOCAL_LOGIN.into()],
        identities: Vec::new(),
        may: May::default(),
    }
}
