//! Bounds on everything: sizes, counts, and the one budget that bodies share.
//!
//! Names carry their unit. Every bound has a default; config may change it within a floor and a
//! ceiling that `config` checks. A bound that is reached refuses, it never waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Reason code of a call whose body found no room beside those of all others.
pub const BODY_BUDGET_EXHAUSTED: &str = "body_budget_exhausted";

/// Reason code of a call for which there was no room for another counter of a limit.
pub const RATE_STATE_FULL: &str = "rate_limit_state_full";

/// Those of calls that failed for want of room that callers share: any of them can take it.
pub const CROWDED_OUT: [&str; 2] = [BODY_BUDGET_EXHAUSTED, RATE_STATE_FULL];

/// Sizes and counts. Bytes unless the name says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Request line and header fields together.
    pub head_bytes: usize,
    /// Header fields of one request.
    pub headers: usize,
    /// One body that is buffered to be judged.
    pub judged_body_bytes: u64,
    /// All buffered bodies together.
    pub body_budget_bytes: u64,
    /// Open connections of callers, handshakes among them.
    pub connections: usize,
    /// Calls in flight: each reserves room for its evidence before it is judged.
    pub calls: usize,
    /// Connections to one upstream.
    pub upstream_connections: usize,
    /// Of those, kept open while idle.
    pub upstream_idle_connections: usize,
    /// Series on `/metrics`; beyond it a route counts as `_other`.
    pub metric_series: usize,
    /// One evidence segment.
    pub segment_bytes: u64,
    /// Connections that went over to another protocol.
    pub tunnels: usize,
    /// Calls that wait, open, for an approval.
    pub holds: usize,
    /// Requests for approval that wait, of all callers together.
    pub pending_approvals: usize,
    /// Of one caller.
    pub pending_approvals_per_identity: usize,
    /// The counters of rate limits and destructive budgets, as they stand in their file.
    pub rate_state_bytes: usize,
    /// Calls at a time on one HTTP/2 connection.
    pub h2_streams: usize,
    /// The header fields of one HTTP/2 request, counted as RFC 9113, section 6.5.2 has it.
    pub h2_header_list_bytes: usize,
    /// HTTP/2 requests that were taken back before they were looked at, and that broke the
    /// protocol; each on one connection.
    pub h2_resets: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head_bytes: 64 << 10,
            headers: 128,
            judged_body_bytes: 1 << 20,
            body_budget_bytes: 128 << 20,
            connections: 16_384,
            calls: 8_192,
            upstream_connections: 1_024,
            upstream_idle_connections: 256,
            metric_series: 10_000,
            segment_bytes: 64 << 20,
            tunnels: 256,
            holds: 1_024,
            pending_approvals: 10_000,
            pending_approvals_per_identity: 256,
            rate_state_bytes: 4 << 20,
            h2_streams: 100,
            h2_header_list_bytes: 64 << 10,
            h2_resets: 20,
        }
    }
}

/// How long anything may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// A TLS handshake with a caller.
    pub handshake: Duration,
    /// From the first wait for a request to the end of its head; an idle kept connection too.
    pub head: Duration,
    /// The whole of a body that is buffered to be judged.
    pub body: Duration,
    /// Between two pieces of a streamed body, either way.
    pub idle: Duration,
    /// TCP connect to an upstream.
    pub connect: Duration,
    /// From the last byte sent to the head of the answer.
    pub first_byte: Duration,
    /// The whole exchange with an upstream.
    pub total: Duration,
    /// An idle upstream connection is closed after this.
    pub upstream_idle: Duration,
    /// A protected call takes no pooled connection that idled longer.
    pub protected_reuse_idle: Duration,
    /// Between "not ready" and the closing of the listeners.
    pub drain_delay: Duration,
    /// From there to the end of the calls in flight.
    pub drain_deadline: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        let secs = Duration::from_secs;
        Timeouts {
            handshake: secs(10),
            head: secs(30),
            body: secs(30),
            idle: secs(60),
            connect: secs(5),
            first_byte: secs(60),
            total: secs(3_600),
            upstream_idle: secs(30),
            protected_reuse_idle: secs(1),
            drain_delay: secs(5),
            drain_deadline: secs(30),
        }
    }
}

/// A shared number of bytes, lent out and given back.
#[derive(Clone, Debug)]
pub struct Budget {
    left: Arc<AtomicU64>,
}

/// Bytes on loan from a [`Budget`]; they return when it is dropped.
#[derive(Debug)]
pub struct Lease {
    budget: Budget,
    bytes: u64,
}

impl Budget {
    /// A budget of `bytes`.
    pub fn new(bytes: u64) -> Budget {
        Budget { left: Arc::new(AtomicU64::new(bytes)) }
    }

    /// An empty lease, to be grown.
    pub fn lease(&self) -> Lease {
        Lease { budget: self.clone(), bytes: 0 }
    }

    /// Bytes not lent at this moment.
    pub fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }
}

impl Lease {
    /// Makes the lease cover `bytes` in all.
    ///
    /// # Errors
    /// `Exhausted` when the budget has not that much left; the lease keeps what it had.
    pub fn grow_to(&mut self, bytes: u64) -> Result<(), Exhausted> {
        let more = bytes.saturating_sub(self.bytes);
        let take = |left: u64| left.checked_sub(more);
        self.budget
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .map_err(|_| Exhausted)?;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// Places that can be taken one by one, without waiting.
#[derive(Clone, Debug, Default)]
pub struct Places {
    taken: Arc<AtomicUsize>,
}

/// A place, given back when dropped.
#[derive(Debug)]
#[must_use = "a place that is dropped is given back"]
pub struct Place {
    taken: Arc<AtomicUsize>,
}

impl Places {
    /// A place, unless `max` are taken.
    pub fn take(&self, max: usize) -> Option<Place> {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        let place = Place { taken: self.taken.clone() };
        (taken < max).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The budget has not that much left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_returns_what_it_took() {
        let budget = Budget::new(10);
        let mut lease = budget.lease();
        assert_eq!(lease.grow_to(4), Ok(()));
        assert_eq!(lease.grow_to(10), Ok(()));
        assert_eq!(lease.grow_to(11), Err(Exhausted));
        assert_eq!(budget.left(), 0);
        drop(lease);
        assert_eq!(budget.left(), 10);
    }
}
