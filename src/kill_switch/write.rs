//! The state file as gait writes it: the same state has the same bytes.

use super::{Entry, SCHEMA_ID, SCHEMA_VERSION, State};
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    schema_id: &'static str,
    schema_version: &'static str,
    created_at: String,
    updated_at: String,
    producer_version: &'static str,
    entries: Vec<EntryMembers<'a>>,
}

#[derive(Serialize)]
struct EntryMembers<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    entry_id: &'a str,
    enabled: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    agent_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    identity: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    tool_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    target_kind: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    target_value: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    environment: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    path_prefixes: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    workspace_prefixes: &'a [String],
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    actor: &'a str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

pub(super) fn state(state: &State) -> Vec<u8> {
    let mut entries: Vec<_> = state.entries.iter().map(EntryMembers::of).collect();
    entries.sort_by(|a, b| a.entry_id.cmp(b.entry_id));
    let document = Document {
        schema_id: SCHEMA_ID,
        schema_version: SCHEMA_VERSION,
        created_at: state.created_at.to_string(),
        updated_at: state.updated_at.to_string(),
        producer_version: env!("CARGO_PKG_VERSION"),
        entries,
    };
    // Text and flags always have a JSON form.
    let mut bytes = serde_json::to_vec_pretty(&document).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

impl Entry {
    /// The entry as it stands in a state file.
    pub fn to_value(&self) -> serde_json::Value {
        serde_json::to_value(EntryMembers::of(self)).unwrap_or_default()
    }
}

impl EntryMembers<'_> {
    fn of(entry: &Entry) -> EntryMembers<'_> {
        let selector = &entry.selector;
        EntryMembers {
            entry_id: &entry.entry_id,
            enabled: entry.enabled,
            agent_id: &selector.agent_id,
            identity: &selector.identity,
            tool_name: &selector.tool_name,
            target_kind: &selector.target_kind,
            target_value: &selector.target_value,
            environment: &selector.environment,
            path_prefixes: &selector.path_prefixes,
            workspace_prefixes: &selector.workspace_prefixes,
            reason: &entry.reason,
            actor: &entry.actor,
            created_at: entry.created_at.to_string(),
            expires_at: entry.expires_at.is_given().then(|| entry.expires_at.to_string()),
        }
    }
}
