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
mod evidence;
mod exports;
mod files;
mod forwarding;
mod identity;
mod listeners;
mod outside;
mod predicates;
mod reload;
mod routes;
mod settings;
mod site;
mod source;
mod targets;
mod trusted;
mod upgrade;
mod upstreams;

#[cfg(test)]
mod tests;

pub use builtin::Builtin;
pub use checks::warnings;
pub use environment::Environment;
pub use files::{Files, Marks};
pub use source::{Gathered, Source};

use crate::call::peer::Transport;
use crate::evidence::Settings as EvidenceSettings;
use crate::limits::Limits;
use crate::policy::{Policy, source as policy_source};
use crate::snapshot::{Assurance, Gates, Plan};
use crate::stage::Stage;
use crate::store::StoreError;
use crate::store::switch::Given;
use crate::yaml::{self, Fault, Fields, Keys, Node, Place};
use site::Site;
use std::io;
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

/// Why a config cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("read config {file}: {source}")]
    Read {
        /// The file as it was named.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// It says something that cannot be meant.
    #[error("config {file}:{line}:{column}: {what}")]
    Invalid {
        /// The file as it was named.
        file: String,
        /// Counted from 1.
        line: u64,
        /// Counted from 1.
        column: u64,
        /// The field, what is wrong, and the mend.
        what: String,
    },
    /// The command line or the environment does.
    #[error("{0}")]
    Flags(String),
    /// No two looks at its files agreed.
    #[error(
        "{file} changes while it is read; write another file beside it, and rename that into its \
         place"
    )]
    Unsettled {
        /// The one that changed last.
        file: String,
    },
    /// The policy cannot be used.
    #[error("{source}{}", whence(source))]
    Policy {
        /// What is wrong with it.
        #[from]
        source: policy_source::PolicyError,
    },
    /// The kill switch cannot be used.
    #[error(
        "{source}; `kill_switch` in the config names it, relative to the config, and `gait \
         kill-switch add` makes one"
    )]
    KillSwitch {
        /// What is wrong with it.
        #[from]
        source: StoreError,
    },
}

/// Who named the file that cannot be read.
fn whence(error: &policy_source::PolicyError) -> &'static str {
    match error {
        policy_source::PolicyError::Read { .. } => {
            "; `policy` in the config names it, relative to the config, or --policy does"
        }
        _ => "",
    }
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
        "protected_risk_classes",
        "risk_classes",
        "workspace",
        "evidence",
        "identity",
        "forwarding",
        "upstreams",
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
    let stages = routes::Stages::read(&mut top)?;
    let risks = routes::Risks::read(&mut top)?;
    let logins = (admin.logins, admin.hosts);
    let approvals = approvals::read(&mut top, logins, &risks, &upstreams, site)?;
    let exports = exports::read(&mut top, &upstreams, site)?;
    let watch = reload::read(&mut top)?;
    let (routes, places) = routes::read(&mut top, &upstreams, &stages, &risks)?;
    let unmapped = checks::Unmapped::read(top.take("unmapped"), &upstreams)?;
    let mut plan = Plan {
        approvals,
        exports,
        gates: Gates::default(),
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

/// Reads a stage word.
fn stage(said: &str, place: Place, field: &str) -> Result<Stage, Fault> {
    Stage::parse(said).ok_or_else(|| {
        let known = Stage::ALL.map(Stage::as_str).join(", ");
        Fault::validate(place, format!("`{field}`: unknown stage `{said}`; write one of {known}"))
    })
}

/// What is read of the settings before the routes.
struct Settings {
    fixed: Fixed,
    limits: Limits,
    timeouts: crate::limits::Timeouts,
}
