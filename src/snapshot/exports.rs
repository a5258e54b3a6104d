//! Who is told what the evidence says, while it is written.

use super::ToolCredential;
use http::Uri;
use std::sync::Arc;
use std::time::Duration;

/// Whom config names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exports {
    /// A collector, where there is one.
    pub otlp: Option<Arc<Otlp>>,
    /// Whether calls are told on standard output.
    pub access_log: AccessLog,
}

/// Whether calls are told on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// They are not.
    #[default]
    Off,
    /// They are, each by a JSON object on a line.
    Stdout,
}

/// A collector that speaks OTLP over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otlp {
    /// What it is told, and where.
    pub signals: Vec<(Signal, Uri)>,
    /// Fields of every request, such as a key.
    pub headers: Vec<ToolCredential>,
    /// Roots to believe it by, in PEM; the system's where there is none.
    pub ca: Option<Arc<[u8]>>,
    /// How long it may take to answer.
    pub timeout: Duration,
    /// Lines that may wait for it, of each signal.
    pub queue_lines: usize,
    /// What the gateway calls itself.
    pub service: String,
    /// Further attributes of the gateway.
    pub resource: Vec<(String, String)>,
}

/// What a collector can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans of calls.
    Traces,
    /// Log records of calls and of what an auditor looks for.
    Logs,
}

// === impl Signal ===

impl Signal {
    /// All of them.
    pub const ALL: [Signal; 2] = [Signal::Traces, Signal::Logs];

    /// The word of the config and of the collector's URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Signal::Traces => "traces",
            Signal::Logs => "logs",
        }
    }
}
