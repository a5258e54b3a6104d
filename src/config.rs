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
pub use overlay::Taken;
pub use source::{Gathered, Source};

use crate::call::peer::Transport;
use crate::evidence::Settings as EvidenceSettings;
use crate::limits::Limits;
use crate::policy::Policy;
use crate::snapshot::{Assurance, Plan};
use crate::store::switch::Given;
use crate::yaml::{self, Fault, Fields, Keys, Node, Place};
use site::Site;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
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

/// Settings that are taken once, at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// Where calls come in: `server` first, then the others.
    pub listeners: Vec<Listen>,
    /// Where metrics and health are read.
    pub telemetry: SocketAddr,
    /// Where approvals are given.
    pub admin: Listen,
    /// What outlives the process.
    pub state_dir: PathBuf,
    /// How to log.
    pub log: Log,
    /// Those limits that size something at start.
    pub sizes: Sizes,
    /// What is durable before a call goes.
    pub assurance: Assurance,
    /// How the evidence is kept; what follows from `sizes` is not in it yet.
    pub evidence: EvidenceSettings,
}

/// Where a listener stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Its name in the config.
    pub name: Arc<str>,
    /// Its address.
    pub at: At,
    /// Whether it encrypts: what started with TLS never goes on without.
    pub transport: Transport,
}

/// The address of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// An address and a port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix {
        /// Its path.
        path: PathBuf,
        /// Who may connect, as the permissions of its file.
        mode: u32,
    },
}

/// Limits that are taken once, at start; a reload takes over the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Open connections of callers.
    pub connections: usize,
    /// Calls in flight.
    pub calls: usize,
    /// All buffered bodies together.
    pub body_budget_bytes: u64,
    /// Series on `/metrics`.
    pub metric_series: usize,
    /// One evidence segment.
    pub segment_bytes: u64,
}

impl Sizes {
    fn of(limits: &Limits) -> Sizes {
        Sizes {
            connections: limits.connections,
            calls: limits.calls,
            body_budget_bytes: limits.body_budget_bytes,
            metric_series: limits.metric_series,
            segment_bytes: limits.segment_bytes,
        }
    }
}

/// How to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The form of a line.
    pub format: LogFormat,
    /// A level, or directives such as `gait=debug`.
    pub level: String,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
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
    kill_switch: Option<PathBuf>,
    watch: Option<Duration>,
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
    // Left empty it would mean that nothing is ever stopped.
    top.refuse_empty(&["kill_switch"])?;
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
    let kill_switch = Some(PathBuf::from(kill_switch)).filter(|path| path.as_os_str() != "");
    Ok(Read { fixed: settings.fixed, plan, policy: PathBuf::from(policy), kill_switch, watch })
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
