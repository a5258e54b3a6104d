//! `gait kill-switch`: orders to stop, in a state file that `gait gate eval` reads (spec E15).
//!
//! Orders are given in a hurry, so the commands refuse what is likely a slip: a selector that is
//! blank because a shell variable was, and an order that stops everything without saying so.

mod flags;
mod table;

use super::Invocation;
use super::answer::{Answer, Exit, Failure, Outcome};
use crate::clock;
use crate::intent::time::Time;
use crate::kill_switch::{ChangeError, Entry, Event, Note, Order, State};
use crate::store::kill_switches;
use clap::Subcommand;
use serde_json::Value;
use std::path::Path;

/// The subcommands of `gait kill-switch`.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Stop what the selectors select
    Add(Box<flags::Add>),
    /// Show all entries
    List(flags::List),
    /// Take an entry back, for good
    Disable(flags::Disable),
    /// Let an entry end, now or at a time
    Expire(flags::Expire),
}

impl Command {
    /// Runs the subcommand.
    pub(super) fn run(self, _: &Invocation) -> Outcome {
        let now = Time::from_timestamp(clock::now());
        match self {
            Command::Add(flags) => add(*flags, now),
            Command::List(flags) => list(&flags.file.state, now),
            Command::Disable(flags) => disable(flags, now),
            Command::Expire(flags) => expire(flags, now),
        }
    }
}

fn add(flags: flags::Add, now: Time) -> Outcome {
    let entry = flags.entry(now)?;
    let order = Order { actor: entry.actor.clone(), reason: entry.reason.clone() };
    let change = Change { event: Event::Added, path: &flags.file.state, order, now };
    change.make(|state| {
        let mut state = state.unwrap_or_else(|| State::empty(now));
        let entry = state.add(entry, now)?;
        Ok((state, entry))
    })
}

fn disable(flags: flags::Disable, now: Time) -> Outcome {
    let order = flags.order.order();
    let change = Change { event: Event::Disabled, path: &flags.file.state, order, now };
    change.make(|state| {
        let mut state = state.unwrap_or_else(|| State::empty(now));
        let entry = state.disable(flags.id.trim(), now)?;
        Ok((state, entry))
    })
}

fn expire(flags: flags::Expire, now: Time) -> Outcome {
    let end = flags.end.time(now)?.unwrap_or(now);
    let order = flags.order.order();
    let change = Change { event: Event::Expired, path: &flags.file.state, order, now };
    change.make(|state| {
        let mut state = state.unwrap_or_else(|| State::empty(now));
        let entry = state.expire(flags.id.trim(), end, now)?;
        Ok((state, entry))
    })
}

fn list(path: &Path, now: Time) -> Outcome {
    let state = kill_switches::load(path)?;
    let entries = state.entries();
    let values: Vec<Value> = entries.iter().map(|entry| entry_value(entry, now)).collect();
    let answer = Answer::new(Exit::Success)
        .with("state_path", path.display().to_string())
        .with("entries", values)
        .with("active_entries", state.active_count(now));
    Ok(table::lines(entries, now).into_iter().fold(answer, Answer::line))
}

fn entry_value(entry: &Entry, now: Time) -> Value {
    let mut value = entry.to_value();
    if let Value::Object(members) = &mut value {
        members.insert("status".to_owned(), entry.status(now).as_str().into());
    }
    value
}

/// One change of a state file.
struct Change<'a> {
    event: Event,
    path: &'a Path,
    order: Order,
    now: Time,
}

impl Change<'_> {
    /// Changes the state, notes it in the journal, and says so. The state comes first: what must
    /// stop stops, also where the journal cannot be written.
    fn make(
        self,
        edit: impl FnOnce(Option<State>) -> Result<(State, Entry), ChangeError>,
    ) -> Outcome {
        let Change { event, path, order, now } = self;
        let (entry, active) = kill_switches::update(path, |state| {
            let (state, entry) = edit(state).map_err(Failure::input)?;
            let active = state.active_count(now);
            Ok::<_, Failure>((state, (entry, active)))
        })?;
        let note = Note::changed(event, &entry, order, now);
        let journal = kill_switches::note(path, &note).map_err(|error| {
            let state = path.display();
            Failure::internal(format!(
                "`{state}` is changed, but its journal cannot be written: {error}"
            ))
        })?;
        let status = entry.status(now).as_str();
        Ok(Answer::new(Exit::Success)
            .line(format!("kill-switch: {} {} status={status}", event.as_str(), entry.entry_id))
            .line(format!("state: {} ({active} active)", path.display()))
            .with("entry_id", entry.entry_id.as_str())
            .with("entry", entry_value(&entry, now))
            .with("active_entries", active)
            .with("state_path", path.display().to_string())
            .with("journal_path", journal.display().to_string()))
    }
}
