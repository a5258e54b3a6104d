//! What is counted of connections, by listener.
//!
//! A listener's name comes from the config and cannot change without a restart, so its series are
//! made once, at start.

use super::Held;
use super::catalogue::{CONNECTIONS, CONNECTIONS_TOTAL, HANDSHAKE_FAILURES};
use super::labels::ProtocolLabel;
use super::registry::Registry;
use metrics::{Counter, Gauge};

/// The series of one listener of calls, on `/metrics`.
pub const LISTENER_SERIES: usize = 2 + ProtocolLabel::ALL.len();

/// The handles of one listener of calls.
pub struct ListenerMetrics {
    open: Gauge,
    protocols: [Counter; ProtocolLabel::ALL.len()],
    failures: Counter,
}

impl ListenerMetrics {
    pub(super) fn new(registry: &Registry, listener: &str) -> ListenerMetrics {
        let total = |protocol: ProtocolLabel| {
            registry.counter(&CONNECTIONS_TOTAL, &[listener, protocol.as_str()])
        };
        ListenerMetrics {
            open: registry.gauge(&CONNECTIONS, &[listener]),
            protocols: ProtocolLabel::ALL.map(total),
            failures: registry.counter(&HANDSHAKE_FAILURES, &[listener]),
        }
    }

    /// Counts a connection for as long as the guard lives.
    pub fn connection(&self) -> Held {
        Held::new(self.open.clone(), 1.0)
    }

    /// Counts a connection by what is spoken on it.
    pub fn speaks(&self, protocol: ProtocolLabel) {
        if let Some(counter) = self.protocols.get(protocol as usize) {
            counter.increment(1);
        }
    }

    /// Counts a TLS handshake that failed.
    pub fn handshake_failed(&self) {
        self.failures.increment(1);
    }
}
