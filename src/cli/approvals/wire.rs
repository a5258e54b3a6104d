//! What the admin API says of requests, as its documents are written.
//!
//! Read leniently: a member that is missing is empty, and one that is new is passed over, so that
//! an older command line can show what a newer gait says. The document itself is kept beside it for
//! `--json`.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A page of requests, newest first.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Page {
    pub(super) revision: u64,
    pub(super) next: Option<String>,
    pub(super) approvals: Vec<Value>,
}

/// One request in a list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Summary {
    pub(super) id: String,
    pub(super) state: String,
    pub(super) version: u64,
    pub(super) route: String,
    pub(super) tool_name: String,
    pub(super) risk_class: String,
    pub(super) requester: Requester,
    pub(super) required_approvals: u64,
    pub(super) granted_by: Vec<String>,
    pub(super) created_at: String,
    pub(super) expires_at: String,
    pub(super) asked_at: String,
    pub(super) asked: u64,
    pub(super) age_seconds: u64,
    pub(super) method: String,
    pub(super) path: String,
}

/// Who wants it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Requester {
    pub(super) identity: String,
    pub(super) proven: bool,
    pub(super) on_behalf_of: Vec<String>,
}

/// One request, whole.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Request {
    #[serde(flatten)]
    pub(super) summary: Summary,
    pub(super) changed_at: String,
    pub(super) intent_digest: String,
    pub(super) policy_digest: String,
    pub(super) delegation_digest: Option<String>,
    pub(super) scope: Vec<String>,
    #[serde(deserialize_with = "or_empty")]
    pub(super) call: Exhibit,
    pub(super) voices: Vec<Voice>,
    pub(super) run: Option<Run>,
    pub(super) precedent: Option<Precedent>,
    pub(super) may: May,
}

/// The call, as it was judged.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Exhibit {
    pub(super) method: String,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) content_type: String,
    pub(super) content_encoding: String,
    pub(super) upgrade: String,
    pub(super) body_digest: String,
    pub(super) body_bytes: u64,
    pub(super) body: Option<String>,
    pub(super) stage: String,
    pub(super) args: Value,
    /// How large arguments are that are not shown.
    pub(super) args_omitted_bytes: u64,
    pub(super) masked: Vec<String>,
    pub(super) targets: Vec<Map<String, Value>>,
    pub(super) reason_codes: Vec<String>,
    pub(super) violations: Vec<String>,
    pub(super) matched_rule: String,
    pub(super) identity_source: String,
}

/// What one approver said.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Voice {
    pub(super) word: String,
    pub(super) approver: String,
    pub(super) login: String,
    pub(super) reason: String,
    pub(super) at: String,
    pub(super) expires_at: Option<String>,
}

/// The call that ran.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Run {
    pub(super) call_id: String,
    pub(super) claimed_at: String,
    pub(super) ended_at: Option<String>,
    pub(super) ending: Option<String>,
    pub(super) status: Option<u16>,
}

/// The last call of the same tool that was approved.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Precedent {
    pub(super) id: String,
    pub(super) at: String,
    pub(super) approvers: Vec<String>,
    pub(super) changes: Vec<Change>,
    /// Whether there are more changes than these.
    pub(super) more: bool,
}

/// One place where a call differs from its precedent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    pub(super) at: String,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
    /// Which of the three are only the beginning.
    pub(super) shortened: Vec<String>,
}

/// What whoever asks may do.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct May {
    pub(super) grant: bool,
    pub(super) deny: bool,
    pub(super) why_not: Option<String>,
}

/// What came of a grant or a denial.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Resolved {
    pub(super) approval: Summary,
    pub(super) token: Option<Token>,
}

/// The token for a caller that is nobody in particular.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Token {
    /// The value of the header field.
    pub(super) gait_approval: String,
    pub(super) expires_at: String,
}

/// Why something was not done.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
    pub(super) title: String,
    pub(super) detail: String,
    pub(super) reason: Option<String>,
}

/// An exhibit that could not be made is `null`.
fn or_empty<'de, D: Deserializer<'de>>(document: D) -> Result<Exhibit, D::Error> {
    Option::deserialize(document).map(Option::unwrap_or_default)
}

impl Summary {
    /// Whether anything may still become of it.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state.as_str(), "pending" | "approved" | "running")
    }
}
