//! What was typed, and what it means.
//!
//! A config is read by the strict walk of [`yaml`](crate::yaml): every refusal names file, line,
//! column and field, and says the mend. What comes out is a [`Config`]: the few settings that
//! need a restart, and a [`Plan`] that becomes a snapshot. Nothing below this module knows where a
//! value came from. Paths in a file are relative to the file.
//!
//! The environment serves listeners, addresses and logging alone. Rejected: letting it set stages,
//! routes or the policy; a variable must not open a gate.

mod admin;
mod approvals;
mod args;
mod builtin;
mod certificates;
mod checks;
mod delegation;
mod durations;
mod environment;
mod error;
mod evidence;
mod exports;
mod files;
mod fixed;
mod forwarding;
mod gates;
mod identity;
mod listeners;
mod outside;
mod overlay;
mod predicates;
mod reload;
mod routes;
mod settings;
mod site;
mod source;
mod stages;
mod targets;
mod trusted;
mod upgrade;
mod upstreams;

#[cfg(test)]
mod tests;

pub use builtin::Builtin;
pub use checks::warnings;
pub use environment::Environment;
pub use error::ConfigError;
pub use files::{Files, Marks};
pub use fixed::{At, Fixed, Listen, Log, LogFormat, Sizes};
pub use overlay::{OverlayFile, Taken, keep_file, know_written, retake};
pub use source::{Gathered, Source};

use crate::clock;
use crate::limits::Limits;
use crate::policy::Policy;
use crate::snapshot::Plan;
use crate::store::switch::Given;
use crate::yaml::{self, Fault, Fields, Keys, Node, Place};
use site::Site;
use std::path::PathBuf;
use std::time::Duration;

/// A whole config.
#[derive(Debug)]
pub struct Config {
    /// What needs a restart.
    pub fixed: Fixed,
    /// What becomes a snapshot.
    pub plan: Plan,
    /// The rules.
    pub policy: Policy,
    /// The orders to stop, where a file of them is named.
    pub kill_switch: Option<Given>,
    /// What was set by command, over what the config says.
    pub overlay: Taken,
    /// How often its files are looked at; `None` for not at all.
    pub watch: Option<Duration>,
    /// What is right but surprising.
    pub warnings: Vec<String>,
}

const DOCUMENT: &str = "the config";

const TOP: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "server",
        "listeners",
        "admin",
        "approvals",
        "telemetry",
        "state_dir",
        "policy",
        "candidate_policy",
        "kill_switch",
        "stage",
        "tool_stages",
        "stage_overrides",
        "protected_risk_classes",
        "risk_classes",
        "workspace",
        "evidence",
        "identity",
        "forwarding",
        "upstreams",
        "rollout",
        "routes",
        "unmapped",
        "limits",
        "timeouts",
        "log",
        "otlp",
        "access_log",
        "reload",
    ],
    legacy: &[],
};

fn in_file(fault: Fault, file: &str) -> ConfigError {
    let Place { line, column } = fault.place;
    ConfigError::Invalid { file: file.to_owned(), line, column, what: fault.what }
}

/// What a config text says; its paths as they are written.
struct Read {
    fixed: Fixed,
    plan: Plan,
    policy: PathBuf,
    candidate: Option<PathBuf>,
    kill_switch: Option<PathBuf>,
    watch: Option<Duration>,
    /// Overrides that never act.
    idle: Vec<String>,
}

fn read(text: &str, site: &Site<'_>) -> Result<Read, Fault> {
    let document = yaml::document(text)?;
    let root = document.root.unwrap_or_else(|| Node::missing(Place { line: 1, column: 1 }));
    let mut top = Fields::open(root, String::new(), &TOP)?;
    let listeners = listeners::read(&mut top, site)?;
    let admin = admin::read(&mut top, site)?;
    let settings = settings::read(&mut top, listeners.fixed, admin.listen, site)?;
    let identity = identity::read(&mut top, site)?;
    let forwarding = forwarding::read(&mut top)?;
    let upstreams = upstreams::read(top.take("upstreams"), site)?;
    identity.check_apart(&upstreams)?;
    let policy = required_text(&mut top, "policy", "name the policy file, such as `policy.yaml`")?;
    // Left empty they would mean that nothing is ever stopped, and nothing tried out.
    top.refuse_empty(&["kill_switch", "candidate_policy"])?;
    let (candidate, _) = top.text("candidate_policy")?;
    let (kill_switch, _) = top.text("kill_switch")?;
    let stages = stages::Stages::read(&mut top)?;
    let risks = routes::Risks::read(&mut top)?;
    let logins = (admin.logins, admin.hosts);
    let approvals = approvals::read(&mut top, logins, &risks, &upstreams, site)?;
    let exports = exports::read(&mut top, &upstreams, site)?;
    let gates = gates::read(&mut top)?;
    let watch = reload::read(&mut top)?;
    let (routes, places) = routes::read(&mut top, &upstreams, &stages, &risks)?;
    let unmapped = checks::Unmapped::read(top.take("unmapped"), &upstreams)?;
    let mut plan = Plan {
        candidate: None,
        approvals,
        exports,
        gates,
        routes,
        unmapped: None,
        refused: None,
        upstreams,
        listeners: listeners.planned,
        admin: admin.planned,
        hosts: listeners.hosts,
        delegation: identity.delegation,
        identity: identity.sources,
        forwarding,
        side_credential: unmapped.credential,
        assurance: settings.fixed.assurance,
        limits: settings.limits,
        timeouts: settings.timeouts,
        seats: None,
        digest: site.digest(text),
    };
    checks::lower_catch_alls(&plan, &places)?;
    checks::settle_lanes(&mut plan, unmapped, stages.global)?;
    let idle = stages.idle(&plan.routes, clock::now());
    let named = |path: String| Some(PathBuf::from(path)).filter(|path| path.as_os_str() != "");
    let (policy, candidate) = (PathBuf::from(policy), named(candidate));
    let kill_switch = named(kill_switch);
    Ok(Read { fixed: settings.fixed, plan, policy, candidate, kill_switch, watch, idle })
}

/// Text that must be given.
fn required_text(fields: &mut Fields, key: &str, mend: &str) -> Result<String, Fault> {
    let (text, place) = fields.text(key)?;
    match text.trim().is_empty() {
        true => Err(Fault::validate(place, format!("`{}` is missing; {mend}", fields.at(key)))),
        false => Ok(text),
    }
}

/// What is read of the settings before the routes.
struct Settings {
    fixed: Fixed,
    limits: Limits,
    timeouts: crate::limits::Timeouts,
}
