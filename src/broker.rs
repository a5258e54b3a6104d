//! Credentials that a broker issues for one call, and whether what it issued is what was asked
//! for (spec E14).
//!
//! The only broker is `stub`: it names a credential and issues none, so that a policy that asks
//! for brokered credentials can be tried and its evidence read. Asking and checking are apart
//! all the same, because a broker's word is not taken for it: every receipt is held against the
//! request and against the rules.
//!
//! Rejected: brokers that read the environment or run a program. Their formats are not fixed,
//! and a gate that hands out secrets is another product.

mod receipt;
mod record;

pub use receipt::{Receipt, Terms};
pub use record::Record;

use crate::intent::text::{list, lowlist, shown, word};
use crate::intent::{AccessType, CredentialSource, Intent, Label};
use crate::json::{self, CanonicalError, Digest};
use serde::Serialize;

/// How long a credential of the stub lives.
const STUB_TTL_SECONDS: u64 = 300;

/// Brokers of the format that gait leaves out.
const LEFT_OUT: [&str; 2] = ["command", "env"];

/// Who issues credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broker {
    /// Names a credential and issues none.
    Stub,
}

/// Why no broker could be chosen; invalid input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// The format has it, this tool does not.
    #[error("credential broker `{0}` is not supported; `stub` and `off` are")]
    LeftOut(String),
    /// There is no such broker.
    #[error("unsupported credential broker: {0}")]
    Unknown(String),
}

/// What a credential is wanted for. Its digest is `broker_request_digest`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    tool_name: String,
    identity: String,
    workspace: String,
    #[serde(rename = "SessionID")]
    session_id: String,
    #[serde(rename = "RequestID")]
    request_id: String,
    #[serde(rename = "RunID")]
    run_id: String,
    #[serde(rename = "JobID")]
    job_id: String,
    reference: String,
    /// Lower-case.
    scope: Vec<String>,
    target_binding: Digest,
    /// The scopes as they were asked for; a receipt must hold them in this very case.
    #[serde(skip)]
    wanted_scope: Vec<String>,
    /// The credential that the intent says it uses; may be empty.
    #[serde(skip)]
    claimed_ref: String,
}

/// What the caller and the rules say of the credential, beside the intent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// The reference of the rules; may be empty.
    pub reference: &'a str,
    /// The scopes of the rules, lower-case.
    pub scopes: &'a [String],
    /// The caller's own reference, which wins; may be empty.
    pub own_reference: &'a str,
    /// The caller's own scopes, in any case.
    pub own_scopes: &'a [String],
}

// === impl Broker ===

impl Broker {
    /// The broker of that name; `None` for `off`, `none` and nothing.
    ///
    /// # Errors
    /// There is none.
    pub fn parse(name: &str) -> Result<Option<Broker>, BrokerError> {
        match word(name.to_owned()).as_str() {
            "" | "off" | "none" => Ok(None),
            "stub" => Ok(Some(Broker::Stub)),
            left_out if LEFT_OUT.contains(&left_out) => {
                Err(BrokerError::LeftOut(left_out.to_owned()))
            }
            unknown => Err(BrokerError::Unknown(shown(unknown))),
        }
    }

    /// The word of the format.
    pub fn as_str(self) -> &'static str {
        match self {
            Broker::Stub => "stub",
        }
    }

    /// Issues a credential.
    ///
    /// # Errors
    /// The request has no canonical form.
    pub fn issue(self, request: &Request) -> Result<Receipt, CanonicalError> {
        match self {
            Broker::Stub => Ok(Receipt {
                credential_ref: format!("stub:{}", request.stub_name()),
                issuer: Broker::Stub.as_str().to_owned(),
                source: CredentialSource::Stub,
                access_type: AccessType::Jit,
                ttl_seconds: STUB_TTL_SECONDS,
                scope: request.scope.clone(),
                request_digest: Some(json::digest(request)?),
                target_binding: request.target_binding,
                run_binding: request.run_id.clone(),
                job_binding: request.job_id.clone(),
            }),
        }
    }
}

// === impl Request ===

impl Request {
    /// The request that the intent and the rules make together.
    ///
    /// # Errors
    /// The targets have no canonical form.
    pub fn of(intent: &Intent, wanted: &Wanted<'_>) -> Result<Request, CanonicalError> {
        let context = intent.context();
        let label = |label| context.labels.get(&label).cloned().unwrap_or_default();
        let own_reference = wanted.own_reference.trim();
        let reference = if own_reference.is_empty() { wanted.reference } else { own_reference };
        let wanted_scope = list([wanted.scopes, wanted.own_scopes].concat());
        Ok(Request {
            tool_name: intent.tool_name().to_owned(),
            identity: context.identity.clone(),
            workspace: context.workspace.clone(),
            session_id: label(Label::SessionId),
            request_id: label(Label::RequestId),
            run_id: label(Label::RunId),
            job_id: label(Label::JobId),
            reference: reference.to_owned(),
            scope: lowlist(wanted_scope.clone()),
            target_binding: json::digest(&intent.targets())?,
            wanted_scope,
            claimed_ref: label(Label::CredentialRef),
        })
    }

    /// The stub's name for a credential: the same request has the same.
    fn stub_name(&self) -> String {
        let scope = self.scope.join(",");
        let parts = [
            &self.tool_name,
            &self.identity,
            &self.workspace,
            &self.session_id,
            &self.request_id,
            &self.reference,
            &scope,
        ];
        Digest::of(parts.map(String::as_str).join("|").as_bytes()).short()
    }
}

#[cfg(test)]
mod tests;
