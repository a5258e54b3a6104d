//! The kill switch: a list of what must stop now, whatever the policy says (spec E15).
//!
//! A [`State`] is read from a file that people change in a hurry, and laid over every decision:
//! an intent that an active entry selects is blocked. This room is pure; files, locks and clocks
//! are the business of `store` and the command line.
//!
//! Rejected: an entry that selects a bare tool of a script only by the word `script`. A switch
//! for a tool would then be stepped around by wrapping the call in a script of one step.

mod change;
mod journal;
mod path;
mod read;
mod select;
mod write;

pub use change::ChangeError;
pub use journal::{Event, Note, Order};
pub use read::StateError;

use crate::intent::Intent;
use crate::intent::time::Time;
use crate::intent::words::words;
use serde::Serialize;

/// The only `schema_id` of a state file.
pub const SCHEMA_ID: &str = "gait.gate.kill_switch_state";

/// The only `schema_version` of a state file.
pub const SCHEMA_VERSION: &str = "1.0.0";

/// The reason and the violation of every active switch.
pub const ACTIVE: &str = "kill_switch_active";

/// The reason and the violation where the state could not be had and the risk is too high to go
/// on without it.
pub const UNAVAILABLE: &str = "kill_switch_state_unavailable";

/// All entries, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    created_at: Time,
    updated_at: Time,
    entries: Vec<Entry>,
}

/// One order to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name; empty where a file from elsewhere gives none.
    pub entry_id: String,
    /// Whether it counts at all.
    pub enabled: bool,
    /// What it stops.
    pub selector: Selector,
    /// Why, for people.
    pub reason: String,
    /// Who gave the order.
    pub actor: String,
    /// When; never zero.
    pub created_at: Time,
    /// From when on it no longer counts; the zero time where it always does.
    pub expires_at: Time,
}

/// What an entry stops: the intents that have all that is given. Nothing given stops everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// The context's `agent_id`, exact.
    pub agent_id: String,
    /// The context's identity, exact.
    pub identity: String,
    /// The tool, or that of any step of a script; lower-case.
    pub tool_name: String,
    /// The kind of some target.
    pub target_kind: String,
    /// The value of some target, of that kind where one is given; exact.
    pub target_value: String,
    /// The context's environment, lower-case.
    pub environment: String,
    /// Some path target is one of these or below it; clean.
    pub path_prefixes: Vec<String>,
    /// The workspace is one of these or below it; clean.
    pub workspace_prefixes: Vec<String>,
}

words! {
    /// Whether a switch stops the intent.
    pub enum Status {
        Active = "active",
        Inactive = "inactive",
        Unavailable = "unavailable",
    }
}

words! {
    /// Whether an entry counts at some time.
    pub enum EntryStatus {
        Active = "active",
        Disabled = "disabled",
        Expired = "expired",
    }
}

/// What the state says of one intent. It is written into answers and traces as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Whether it is stopped.
    pub status: Status,
    /// The first reason that says more than that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_code: Option<&'static str>,
    /// Sorted, unique.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reason_codes: Vec<&'static str>,
    /// The entries that stop it; sorted, unique. One without an id cannot be named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub matched_entry_ids: Vec<String>,
    /// The time at which expiry was judged.
    pub evaluated_at: Time,
}

// === impl State ===

impl State {
    /// Reads a state file.
    ///
    /// # Errors
    /// Not strict JSON, another schema, a time missing, or an entry that selects nothing and has
    /// no id.
    pub fn from_json(bytes: &[u8]) -> Result<State, StateError> {
        read::state(bytes)
    }

    /// The bytes of the state file: indented, entries in order of their ids.
    pub fn to_json(&self) -> Vec<u8> {
        write::state(self)
    }

    /// The entries, in the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether some entry stops the intent at the time `at`.
    pub fn judge(&self, intent: &Intent, at: Time) -> Outcome {
        let mut reason_codes = Vec::new();
        let mut matched_entry_ids = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.status(at) == EntryStatus::Active) {
            if let Some(reasons) = entry.selector.reasons(intent) {
                reason_codes.push(ACTIVE);
                reason_codes.extend(reasons);
                matched_entry_ids.push(entry.entry_id.clone());
            }
        }
        let status = if reason_codes.is_empty() { Status::Inactive } else { Status::Active };
        Outcome::new(status, reason_codes, matched_entry_ids, at)
    }
}

// === impl Entry ===

impl Entry {
    /// Whether it counts at the time `at`. It does until just before it expires.
    pub fn status(&self, at: Time) -> EntryStatus {
        if !self.enabled {
            EntryStatus::Disabled
        } else if self.expires_at.is_given() && self.expires_at <= at {
            EntryStatus::Expired
        } else {
            EntryStatus::Active
        }
    }
}

// === impl Outcome ===

impl Outcome {
    /// What to say where the orders were not asked, because something else had blocked.
    pub fn inactive(at: Time) -> Outcome {
        Outcome::new(Status::Inactive, Vec::new(), Vec::new(), at)
    }

    /// What to say where there should be a state and none could be had.
    pub fn unavailable(at: Time) -> Outcome {
        Outcome::new(Status::Unavailable, vec![UNAVAILABLE], Vec::new(), at)
    }

    fn new(
        status: Status,
        mut reason_codes: Vec<&'static str>,
        mut matched_entry_ids: Vec<String>,
        evaluated_at: Time,
    ) -> Outcome {
        reason_codes.sort_unstable();
        reason_codes.dedup();
        matched_entry_ids.retain(|id| !id.is_empty());
        matched_entry_ids.sort_unstable();
        matched_entry_ids.dedup();
        let telling = reason_codes.iter().find(|code| **code != ACTIVE);
        let reason_code = telling.or(reason_codes.first()).copied();
        Outcome { status, reason_code, reason_codes, matched_entry_ids, evaluated_at }
    }

    /// What the verdict `block` that comes of it is called; `None` where it stops nothing.
    pub fn violation(&self) -> Option<&'static str> {
        match self.status {
            Status::Active => Some(ACTIVE),
            Status::Unavailable => Some(UNAVAILABLE),
            Status::Inactive => None,
        }
    }
}

#[cfg(test)]
mod tests;
