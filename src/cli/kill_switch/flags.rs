//! The flags of `gait kill-switch`, and what they mean.

use crate::cli::answer::Failure;
use crate::intent::time::{self, Time};
use crate::intent::{Kind, duration};
use crate::kill_switch::{Entry, Order, Selector};
use clap::Args;
use std::path::PathBuf;

/// Which state file.
#[derive(Args)]
pub(super) struct StateFile {
    /// State file
    #[arg(long, value_name = "FILE", default_value = ".gait-out/kill_switch.json")]
    pub(super) state: PathBuf,
}

/// `gait kill-switch add`.
#[derive(Args)]
#[command(after_help = "\
An intent is stopped where all selectors of an entry hold. Examples:

  gait kill-switch add --tool-name orders.refund --ttl 2h --actor ada --reason 'incident 4711'
  gait kill-switch add --all --id big-red --actor ada --reason 'look first'
  gait kill-switch disable --id big-red

The proxy obeys the file that `kill_switch` names in its config, `gait gate eval` the one that
--kill-switch-state names.")]
pub(in crate::cli) struct Add {
    #[command(flatten)]
    pub(super) file: StateFile,
    #[command(flatten)]
    selectors: Selectors,
    /// Stop everything; instead of selectors
    #[arg(long)]
    all: bool,
    /// Name of the entry [default: made from what it says]
    #[arg(long)]
    id: Option<String>,
    #[command(flatten)]
    order: OrderFlags,
    #[command(flatten)]
    end: End,
}

/// `gait kill-switch list`.
#[derive(Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    pub(super) file: StateFile,
}

/// `gait kill-switch disable`.
#[derive(Args)]
pub(in crate::cli) struct Disable {
    #[command(flatten)]
    pub(super) file: StateFile,
    /// Name of the entry
    #[arg(long)]
    pub(super) id: String,
    #[command(flatten)]
    pub(super) order: OrderFlags,
}

/// `gait kill-switch expire`.
#[derive(Args)]
pub(in crate::cli) struct Expire {
    #[command(flatten)]
    pub(super) file: StateFile,
    /// Name of the entry
    #[arg(long)]
    pub(super) id: String,
    #[command(flatten)]
    pub(super) end: End,
    #[command(flatten)]
    pub(super) order: OrderFlags,
}

/// What to stop: intents that have all that is given.
#[derive(Args)]
struct Selectors {
    /// The agent
    #[arg(long, value_name = "ID")]
    agent_id: Option<String>,
    /// Who calls
    #[arg(long, value_name = "NAME")]
    identity: Option<String>,
    /// The tool, also as a step of a script
    #[arg(long, value_name = "NAME")]
    tool_name: Option<String>,
    /// The kind of some target
    #[arg(long, value_name = "KIND")]
    target_kind: Option<String>,
    /// The value of some target, exactly
    #[arg(long, value_name = "VALUE")]
    target_value: Option<String>,
    /// The environment
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Some path target is this or below it; may be repeated, any of them counts
    #[arg(long, value_name = "PATH")]
    path_prefix: Vec<String>,
    /// The workspace is this or below it; may be repeated, any of them counts
    #[arg(long, value_name = "PATH")]
    workspace_prefix: Vec<String>,
}

/// Who and why.
#[derive(Args)]
pub(super) struct OrderFlags {
    /// Why, for people
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Who gives the order
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
}

/// When it ends.
#[derive(Args)]
pub(super) struct End {
    /// How long it counts from now, such as 90s, 30m or 2h
    #[arg(long, value_name = "DURATION", conflicts_with = "expires_at")]
    ttl: Option<String>,
    /// When it ends, RFC 3339
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
}

// === impl Add ===

impl Add {
    /// The entry that is asked for.
    ///
    /// # Errors
    /// Exit 6: a value is blank or means nothing, or nothing is selected and `--all` is not said.
    pub(super) fn entry(&self, now: Time) -> Result<Entry, Failure> {
        let selector = self.selectors.selector()?;
        match (self.all, selector.is_empty()) {
            (false, true) => Err(Failure::input(
                "nothing is selected; give a selector such as --tool-name, or --all to stop \
                 everything",
            )),
            (true, false) => Err(Failure::input("--all stops everything; leave out the selectors")),
            _ => Ok(()),
        }?;
        let Order { actor, reason } = self.order.order();
        let expires_at = self.end.time(now)?;
        if expires_at.is_some_and(|end| end <= now) {
            return Err(Failure::input("the entry would end before it begins; choose a later end"));
        }
        Ok(Entry {
            entry_id: said("id", self.id.as_deref())?.trim().to_owned(),
            enabled: true,
            selector,
            reason,
            actor,
            created_at: now,
            expires_at: expires_at.unwrap_or(time::ZERO),
        })
    }
}

// === impl Selectors ===

impl Selectors {
    fn selector(&self) -> Result<Selector, Failure> {
        let selector = Selector {
            agent_id: said("agent-id", self.agent_id.as_deref())?,
            identity: said("identity", self.identity.as_deref())?,
            tool_name: said("tool-name", self.tool_name.as_deref())?,
            target_kind: said("target-kind", self.target_kind.as_deref())?,
            target_value: said("target-value", self.target_value.as_deref())?,
            environment: said("environment", self.environment.as_deref())?,
            path_prefixes: each_said("path-prefix", &self.path_prefix)?,
            workspace_prefixes: each_said("workspace-prefix", &self.workspace_prefix)?,
        }
        .normalised();
        let kind = selector.target_kind.as_str();
        if !kind.is_empty() && Kind::parse(kind).is_none() {
            let known = Kind::known();
            return Err(Failure::input(format!("unsupported --target-kind `{kind}`; use {known}")));
        }
        Ok(selector)
    }
}

/// The value of a flag, or nothing. A blank one would select more than was meant.
fn said(flag: &str, value: Option<&str>) -> Result<String, Failure> {
    match value {
        Some(value) if value.trim().is_empty() => {
            Err(Failure::input(format!("--{flag} is blank; give a value or leave it out")))
        }
        value => Ok(value.unwrap_or_default().to_owned()),
    }
}

fn each_said(flag: &str, values: &[String]) -> Result<Vec<String>, Failure> {
    values.iter().map(|value| said(flag, Some(value))).collect()
}

// === impl OrderFlags ===

impl OrderFlags {
    /// Trimmed.
    pub(super) fn order(&self) -> Order {
        let text = |said: &Option<String>| said.as_deref().unwrap_or_default().trim().to_owned();
        Order { actor: text(&self.actor), reason: text(&self.reason) }
    }
}

// === impl End ===

impl End {
    /// When it ends; `None` where nothing is said.
    ///
    /// # Errors
    /// Exit 6: what is said is no time, or the duration is not positive.
    pub(super) fn time(&self, now: Time) -> Result<Option<Time>, Failure> {
        if let Some(ttl) = &self.ttl {
            return after(now, ttl).map(Some).ok_or_else(|| {
                Failure::input(format!(
                    "invalid --ttl `{ttl}`, expected positive duration such as 90s, 30m or 2h"
                ))
            });
        }
        let Some(text) = &self.expires_at else { return Ok(None) };
        let time = time::parse(text.trim()).filter(|time| time.is_given());
        time.map(Some).ok_or_else(|| {
            Failure::input(format!(
                "invalid --expires-at `{text}`; write it like 2026-01-02T03:04:05Z"
            ))
        })
    }
}

/// The time when `ttl` has passed, where it is a positive duration.
fn after(now: Time, ttl: &str) -> Option<Time> {
    let end = now.civil().checked_add(duration::positive(ttl.trim())?).ok()?;
    Time::from_civil(end)
}
