//! What a config says that is taken once, at start: a reload leaves it as it is.

use crate::call::peer::Transport;
use crate::evidence::Settings as EvidenceSettings;
use crate::limits::Limits;
use crate::snapshot::Assurance;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

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

// === impl Sizes ===

impl Sizes {
    pub(super) fn of(limits: &Limits) -> Sizes {
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
