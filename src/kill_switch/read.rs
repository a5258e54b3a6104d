//! State files as people and tools write them, read strictly.
//!
//! Unknown members are ignored, as everywhere in the format. Two members of one name, and a name
//! that is a known one but for case, are refused: half a switch would look like a whole one.

use super::{Entry, SCHEMA_ID, SCHEMA_VERSION, Selector, State};
use crate::intent::members::Members;
use crate::intent::text::{clean_path, list, shown, trimmed, word};
use crate::intent::time::{self, Time};
use crate::json::{self, Node};

const TOP: [&str; 6] =
    ["schema_id", "schema_version", "created_at", "updated_at", "producer_version", "entries"];

const ENTRY: [&str; 14] = [
    "entry_id",
    "enabled",
    "agent_id",
    "identity",
    "tool_name",
    "target_kind",
    "target_value",
    "environment",
    "path_prefixes",
    "workspace_prefixes",
    "reason",
    "actor",
    "created_at",
    "expires_at",
];

/// Why a text is no kill switch state; invalid input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StateError(String);

pub(super) fn state(bytes: &[u8]) -> Result<State, StateError> {
    let value = json::tree(bytes).map_err(|error| StateError(error.to_string()))?;
    if !matches!(value, Node::Object(_)) {
        return Err(StateError("a kill switch state is one JSON object".to_owned()));
    }
    read_state(value).map_err(StateError)
}

fn read_state(value: Node<'_>) -> Result<State, String> {
    let mut top = Members::of(value, "", &[&TOP])?;
    schema(&mut top, "schema_id", SCHEMA_ID)?;
    schema(&mut top, "schema_version", SCHEMA_VERSION)?;
    top.text("producer_version")?;
    Ok(State {
        created_at: required_time(&mut top, "created_at", "kill switch state")?,
        updated_at: required_time(&mut top, "updated_at", "kill switch state")?,
        entries: top.each("entries", entry)?,
    })
}

/// The format lets both schema members be left out.
fn schema(top: &mut Members<'_>, name: &str, known: &str) -> Result<(), String> {
    let said = top.text(name)?;
    match said.trim() {
        said if said.is_empty() || said == known => Ok(()),
        said => {
            let shown = shown(said);
            Err(format!("unsupported kill switch state {name}: `{shown}`; write `{known}`"))
        }
    }
}

fn entry(value: Node<'_>, path: &str) -> Result<Entry, String> {
    let mut members = Members::of(value, path, &[&ENTRY])?;
    let entry = Entry {
        entry_id: trimmed(members.text("entry_id")?),
        enabled: members.flag("enabled")?,
        selector: selector(&mut members)?,
        reason: trimmed(members.text("reason")?),
        actor: trimmed(members.text("actor")?),
        created_at: required_time(&mut members, "created_at", &format!("`{path}`"))?,
        expires_at: given_time(&mut members, "expires_at", path)?,
    };
    if entry.entry_id.is_empty() && entry.selector.is_empty() {
        return Err(format!(
            "`{path}` selects nothing and has no id; give it a selector, or an `entry_id` to stop \
             everything"
        ));
    }
    Ok(entry)
}

fn selector(members: &mut Members<'_>) -> Result<Selector, String> {
    Ok(Selector {
        agent_id: members.text("agent_id")?,
        identity: members.text("identity")?,
        tool_name: members.text("tool_name")?,
        target_kind: members.text("target_kind")?,
        target_value: members.text("target_value")?,
        environment: members.text("environment")?,
        path_prefixes: members.each("path_prefixes", item)?,
        workspace_prefixes: members.each("workspace_prefixes", item)?,
    }
    .normalised())
}

fn item(value: Node<'_>, path: &str) -> Result<String, String> {
    match value {
        Node::Null => Ok(String::new()),
        Node::Text(text) => Ok(text.into_owned()),
        _ => Err(format!("`{path}` must be text")),
    }
}

fn required_time(members: &mut Members<'_>, name: &str, owner: &str) -> Result<Time, String> {
    match given_time(members, name, owner)? {
        time::ZERO => {
            Err(format!("{owner} {name} is required; write it like 2026-01-02T03:04:05Z"))
        }
        time => Ok(time),
    }
}

/// The zero time where none is given.
fn given_time(members: &mut Members<'_>, name: &str, owner: &str) -> Result<Time, String> {
    match members.take(name) {
        Node::Null => Ok(time::ZERO),
        Node::Text(said) => time::parse(&said).ok_or_else(|| {
            let shown = shown(&said);
            format!("{owner} {name} is `{shown}`; write it like 2026-01-02T03:04:05Z")
        }),
        _ => Err(format!("{owner} {name} must be text")),
    }
}

impl Selector {
    /// Trimmed, words lowered, prefixes clean. What came through here is compared as it is.
    pub fn normalised(self) -> Selector {
        Selector {
            agent_id: trimmed(self.agent_id),
            identity: trimmed(self.identity),
            tool_name: word(self.tool_name),
            target_kind: word(self.target_kind),
            target_value: trimmed(self.target_value),
            environment: word(self.environment),
            path_prefixes: prefixes(self.path_prefixes),
            // An intent's workspace never has a backslash, so a prefix with one would be dead.
            workspace_prefixes: prefixes(
                self.workspace_prefixes.iter().map(|text| text.replace('\\', "/")).collect(),
            ),
        }
    }
}

fn prefixes(said: Vec<String>) -> Vec<String> {
    list(list(said).iter().map(|prefix| clean_path(prefix)).collect())
}
