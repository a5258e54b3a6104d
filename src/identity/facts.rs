//! What a credential says of its caller, and the caller that comes of it.
//!
//! Only what stays the same when the credential is renewed goes into an intent: its digest must
//! not change between a call and its repetition, or no approval would ever fit. So neither the id
//! nor the times of a token are here, and no address.

use super::Refusal;
use crate::intent::Label;
use crate::intent::rest::Caller;
use crate::intent::{AgentDraft, ContextDraft};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The member of `auth_context` that names the peer of a caller with a token.
const PEER: &str = "peer";

/// How a caller is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By a signed token.
    Jwt,
    /// By a shared secret.
    ApiKey,
    /// By a client certificate.
    Certificate,
    /// By the word of a trusted peer.
    Header,
    /// By the user of its process.
    Unix,
}

/// A context field that a source can fill, beside the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// `agent_id`
    AgentId,
    /// `environment`
    Environment,
    /// `job_id`
    JobId,
    /// `run_id`
    RunId,
    /// `session_id`
    SessionId,
    /// `workspace`
    Workspace,
}

/// What one credential says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Who calls, without the prefix of the source.
    pub identity: String,
    /// The context fields.
    pub fields: BTreeMap<Field, String>,
    /// What the credential may be used for.
    pub scopes: Vec<String>,
    /// Who issued it; empty where nobody did.
    pub issuer: String,
    /// The name that its issuer has for the caller; empty where there is none.
    pub subject: String,
}

/// What is the same for all sources.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The name of callers without credentials; no other caller may have it.
    pub anonymous: String,
    /// The workspace of callers of whom none is said.
    pub workspace: String,
    /// What agents are declared to be, by `agent_id`.
    pub agents: BTreeMap<String, AgentDraft>,
}

/// What one source adds to what its credentials say.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamp {
    /// The name of the source.
    pub source: Arc<str>,
    /// How its callers are known.
    pub mode: Mode,
    /// Put before every identity.
    pub prefix: String,
    /// Fields that the credential does not say.
    pub set: BTreeMap<Field, String>,
}

// === impl Mode ===

impl Mode {
    /// As it stands in `auth_context.auth_mode`.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Jwt => "jwt",
            Mode::ApiKey => "api_key",
            Mode::Certificate => "certificate",
            Mode::Header => "header",
            Mode::Unix => "unix",
        }
    }
}

// === impl Field ===

impl Field {
    /// All of them.
    pub const ALL: [Field; 6] = [
        Field::AgentId,
        Field::Environment,
        Field::JobId,
        Field::RunId,
        Field::SessionId,
        Field::Workspace,
    ];

    /// Its name in intents and in the config.
    pub fn as_str(self) -> &'static str {
        self.label().map_or("workspace", Label::as_str)
    }

    /// Reads the name; the case counts.
    pub fn parse(text: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|field| field.as_str() == text)
    }

    fn label(self) -> Option<Label> {
        match self {
            Field::AgentId => Some(Label::AgentId),
            Field::Environment => Some(Label::Environment),
            Field::JobId => Some(Label::JobId),
            Field::RunId => Some(Label::RunId),
            Field::SessionId => Some(Label::SessionId),
            Field::Workspace => None,
        }
    }
}

// === impl Stamp ===

impl Stamp {
    /// The caller of whom `facts` are known.
    ///
    /// # Errors
    /// It would have the name of callers without credentials.
    pub fn caller(&self, facts: Facts, frame: &Frame) -> Result<Arc<Caller>, Refusal> {
        let identity = format!("{}{}", self.prefix, facts.identity);
        if identity == frame.anonymous {
            return Err(Refusal::IdentityReserved);
        }
        let mut fields = self.set.clone();
        fields.extend(facts.fields);
        let agent = fields.get(&Field::AgentId).and_then(|id| frame.agents.get(id));
        let context = ContextDraft {
            identity,
            workspace: fields.get(&Field::Workspace).unwrap_or(&frame.workspace).clone(),
            auth_context: self.provenance(),
            agent_identity: agent.cloned(),
            credential_scopes: facts.scopes,
            labels: labels(fields, facts.issuer, facts.subject),
            ..ContextDraft::default()
        };
        Ok(Arc::new(Caller { context, delegation: None }))
    }

    fn provenance(&self) -> Map<String, Value> {
        let members = [("auth_mode", self.mode.as_str()), ("auth_source", &self.source)];
        members.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect()
    }
}

fn labels(
    fields: BTreeMap<Field, String>,
    issuer: String,
    subject: String,
) -> BTreeMap<Label, String> {
    let said = fields.into_iter().filter_map(|(field, text)| Some((field.label()?, text)));
    let credential = [(Label::CredentialIssuer, issuer), (Label::CredentialSubject, subject)];
    said.chain(credential).filter(|(_, text)| !text.is_empty()).collect()
}

/// The same caller, of whom the name in its peer's certificate is known as well.
pub fn through(mut caller: Arc<Caller>, peer: &str) -> Arc<Caller> {
    let context = &mut Arc::make_mut(&mut caller).context;
    context.auth_context.insert(PEER.to_owned(), peer.into());
    caller
}
