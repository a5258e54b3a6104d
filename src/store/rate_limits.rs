//! Counting calls against limits (spec E13).
//!
//! The state is one file of counters. Which window a call falls into is decided while the lock
//! is held: a process that waited across the full minute would otherwise take the new minute's
//! counters for stale ones and drop them.

mod counters;
mod live;

pub use live::{Charged, Full, Live, Tally, Toll};

use self::counters::Counters;
use super::file;
use super::lock::Lock;
use super::{READ_BYTES_MAX, Species, StoreError};
use crate::intent::Intent;
use crate::intent::words::words;
use crate::policy::decision::Demands;
use crate::policy::limit::{Limit, Scope, Window};
use jiff::Timestamp;
use std::io;
use std::path::Path;

const SPECIES: Species = Species { name: "rate limit", write_bytes_max: 8 << 20 };

words! {
    /// What a limit counts.
    pub enum Counted {
        DestructiveBudget = "destructive_budget",
        RateLimit = "rate_limit",
    }
}

/// One call to count.
#[derive(Clone, Debug)]
pub struct Charge {
    counted: Counted,
    limit: Limit,
    /// The tool that is called; of a budget, with the budget's name in front.
    tool: String,
    identity: String,
}

/// What became of a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// As what it was counted.
    pub counted: Counted,
    /// Whose calls are counted together.
    pub scope: Scope,
    /// Whose: the tool, the identity, or both with `|` between.
    pub key: String,
    /// Whether the limit let it through. If not, it was not counted.
    pub allowed: bool,
    /// How many the window has now.
    pub used: u64,
    /// How many are left in it.
    pub remaining: u64,
}

/// Counts the charges one after the other; a refused one does not keep the next from being
/// counted. `now` is asked while the state is locked.
///
/// # Errors
/// The state cannot be locked, read or written; then nothing is counted, and nothing may run.
pub fn spend(
    state: &Path,
    charges: &[Charge],
    now: impl FnOnce() -> Timestamp,
) -> Result<Vec<Spent>, StoreError> {
    let state = &SPECIES.place(state)?;
    let _lock = Lock::take(SPECIES, state)?;
    let mut counters = load(state)?;
    let now = now();
    let spent = charges.iter().map(|charge| charge.spend(&mut counters, now)).collect();
    SPECIES.write(state, &counters.to_json())?;
    Ok(spent)
}

/// What a call is counted against. The rate limit comes first: where both share a counter, it
/// counts first.
pub fn charges(demands: &Demands, intent: &Intent) -> Vec<Charge> {
    let charge = |counted, limit| Charge::of(counted, limit, intent);
    let calls = demands.rate_limit.map(|limit| charge(Counted::RateLimit, limit));
    let budget = demands.destructive_budget.filter(|_| is_destructive(intent));
    let budget = budget.map(|limit| charge(Counted::DestructiveBudget, limit));
    calls.into_iter().chain(budget).collect()
}

/// Also where only a step is: targets of its own do not hide those of a script's steps.
fn is_destructive(intent: &Intent) -> bool {
    let steps = intent.script().into_iter().flat_map(|script| &script.steps);
    let mut targets = intent.targets().iter().chain(steps.flat_map(|step| &step.targets));
    targets.any(|target| target.destructive)
}

fn load(path: &Path) -> Result<Counters, StoreError> {
    let (name, owned) = (SPECIES.name, || path.to_owned());
    match file::read(path, READ_BYTES_MAX) {
        Ok(bytes) => Counters::from_json(&bytes).map_err(|what| StoreError::Parse {
            name,
            path: owned(),
            what,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Counters::default()),
        Err(source) => Err(StoreError::Read { name, path: owned(), source }),
    }
}

// === impl Counted ===

impl Counted {
    /// The reason code, and the violation, of a call that is over the limit.
    pub fn exceeded(self) -> &'static str {
        match self {
            Counted::DestructiveBudget => "destructive_budget_exceeded",
            Counted::RateLimit => "rate_limit_exceeded",
        }
    }
}

// === impl Charge ===

impl Charge {
    /// The intent, to be counted against a limit.
    ///
    /// The budget's own name stands in the part of the tool only, and not for scripts. Where it
    /// does not show, rate limit and budget share a counter, as the format has it.
    pub fn of(counted: Counted, limit: Limit, intent: &Intent) -> Charge {
        let tool = intent.tool_name();
        let tool = match counted {
            Counted::DestructiveBudget if intent.script().is_none() => {
                format!("{}|{tool}", counted.as_str())
            }
            _ => tool.to_owned(),
        };
        Charge { counted, limit, tool, identity: intent.context().identity.clone() }
    }

    fn spend(&self, counters: &mut Counters, now: Timestamp) -> Spent {
        let Limit { requests, window, scope } = self.limit;
        let bucket = bucket(window, now);
        counters.keep_only(window.as_str(), &bucket);
        let key = self.scope_key();
        let whole = format!("{}|{}|{bucket}|{key}", window.as_str(), scope.as_str());
        let count = counters.count(whole);
        let allowed = *count < requests;
        if allowed {
            *count = count.saturating_add(1);
        }
        let used = *count;
        let remaining = requests.saturating_sub(used);
        Spent { counted: self.counted, scope, key, allowed, used, remaining }
    }

    fn scope_key(&self) -> String {
        match self.limit.scope {
            Scope::Tool => self.tool.clone(),
            Scope::Identity => self.identity.clone(),
            Scope::ToolIdentity => format!("{}|{}", self.tool, self.identity),
        }
    }
}

/// The start of the window that `now` falls into, UTC, RFC 3339.
fn bucket(window: Window, now: Timestamp) -> String {
    let start = match window {
        Window::Minute => "%Y-%m-%dT%H:%M:00Z",
        Window::Hour => "%Y-%m-%dT%H:00:00Z",
    };
    now.strftime(start).to_string()
}

#[cfg(test)]
mod tests;
