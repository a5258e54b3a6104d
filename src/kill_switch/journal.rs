//! The journal of a state: what was ordered, and what was stopped. One line per event.

use super::{Entry, Outcome};
use crate::intent::Intent;
use crate::intent::time::Time;
use crate::intent::words::words;
use crate::json::Digest;
use serde::Serialize;

words! {
    /// What happened.
    pub enum Event {
        Added = "added",
        Disabled = "disabled",
        Expired = "expired",
        Stopped = "stopped",
    }
}

/// One line of the journal.
#[derive(Clone, Debug, Serialize)]
pub struct Note {
    schema_id: &'static str,
    schema_version: &'static str,
    created_at: Time,
    producer_version: &'static str,
    event: Event,
    entry_ids: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    actor: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<serde_json::Value>,
    #[serde(flatten)]
    decision: Option<Decision>,
}

/// The decision that a switch gave.
#[derive(Clone, Debug, Serialize)]
struct Decision {
    trace_id: String,
    tool_name: String,
    identity: String,
    intent_digest: Digest,
    reason_codes: Vec<&'static str>,
}

/// Who changed a state, and why. Either may be empty.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
}

impl Note {
    /// An entry was changed, and is now as it is.
    pub fn changed(event: Event, entry: &Entry, order: Order, at: Time) -> Note {
        let note = Note::of(event, vec![entry.entry_id.clone()], order, at);
        Note { entry: Some(entry.to_value()), ..note }
    }

    /// An intent was stopped.
    pub fn stopped(outcome: &Outcome, intent: &Intent, trace_id: &str, at: Time) -> Note {
        let ids = outcome.matched_entry_ids.clone();
        let decision = Decision {
            trace_id: trace_id.to_owned(),
            tool_name: intent.tool_name().to_owned(),
            identity: intent.context().identity.clone(),
            intent_digest: intent.digest(),
            reason_codes: outcome.reason_codes.clone(),
        };
        Note { decision: Some(decision), ..Note::of(Event::Stopped, ids, Order::default(), at) }
    }

    fn of(event: Event, entry_ids: Vec<String>, order: Order, at: Time) -> Note {
        Note {
            schema_id: "gait.gate.kill_switch_journal_entry",
            schema_version: "1.0.0",
            created_at: at,
            producer_version: env!("CARGO_PKG_VERSION"),
            event,
            entry_ids,
            actor: order.actor,
            reason: order.reason,
            entry: None,
            decision: None,
        }
    }
}
