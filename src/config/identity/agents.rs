//! `agents`: what agents are declared to be (spec E4), by the `agent_id` that sources prove.

use super::{api_key::instant, common};
use crate::config::DOCUMENT;
use crate::identity::text::is_plain;
use crate::intent::time::Time;
use crate::intent::{AgentDraft, ContextDraft, Draft};
use crate::yaml::{Entry, Fault, Fields, Keys, Node, Scalar};
use std::collections::BTreeMap;

const AGENT: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "owner",
        "publisher",
        "source",
        "manifest_digest",
        "lifecycle_states",
        "issued_at",
        "approved_at",
        "expires_at",
        "revoked",
    ],
    legacy: &[],
};

/// Reads `agents`.
pub(super) fn read(node: Node) -> Result<BTreeMap<String, AgentDraft>, Fault> {
    let entries = match node.value {
        Scalar::Null => Vec::new(),
        Scalar::Map(entries) => entries,
        _ => {
            let what = "`identity.agents` must be a mapping of agent ids".to_owned();
            return Err(Fault::validate(node.place, what));
        }
    };
    entries.into_iter().map(agent).collect()
}

fn agent(entry: Entry) -> Result<(String, AgentDraft), Fault> {
    let Entry { key, place, node } = entry;
    if !is_plain(&key) {
        let what = "`identity.agents`: an agent id must be plain text of up to 512 bytes";
        return Err(Fault::validate(place, what.to_owned()));
    }
    let mut fields = Fields::open(node, format!("identity.agents.{key}"), &AGENT)?;
    let states = fields.texts("lifecycle_states")?;
    let mut text = |key| Ok(common::plain(&mut fields, key)?.unwrap_or_default());
    let draft = AgentDraft {
        lifecycle_states: states.into_iter().map(|(state, _)| state).collect(),
        owner: text("owner")?,
        publisher: text("publisher")?,
        manifest_digest: text("manifest_digest")?,
        source: text("source")?,
        issued_at: time(&mut fields, "issued_at")?,
        approved_at: time(&mut fields, "approved_at")?,
        expires_at: time(&mut fields, "expires_at")?,
        revoked: fields.flag("revoked")?,
    };
    match problem(&draft) {
        None => Ok((key, draft)),
        Some(what) => {
            let what = what.replace("normalize intent: context.agent_identity.", "");
            Err(Fault::validate(place, format!("`identity.agents.{key}`: {what}")))
        }
    }
}

fn time(fields: &mut Fields, key: &str) -> Result<Option<Time>, Fault> {
    let (said, place) = fields.text(key)?;
    instant(&said).map_err(|what| common::fault(fields, key, place, &what))
}

/// What an intent of such an agent would be refused for: every call of it would fail.
fn problem(draft: &AgentDraft) -> Option<String> {
    let context = ContextDraft {
        identity: "a".to_owned(),
        workspace: "a".to_owned(),
        risk_class: "low".to_owned(),
        agent_identity: Some(draft.clone()),
        ..ContextDraft::default()
    };
    let intent = Draft { tool_name: "a".to_owned(), context, ..Draft::default() };
    intent.normalise().err().map(|error| error.to_string())
}
