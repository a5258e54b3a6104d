//! Kept connections to one upstream: a bounded number, handed out without a lock.
//!
//! hyper-util's pooled client was rejected: it may retry a request behind the policy's back, it
//! cannot tell whether a byte left, and it cannot refuse a connection that idled too long to one
//! call while giving it to another.

use super::dial::dial;
use super::link::Link;
use crate::snapshot::UpstreamSpec;
use crossbeam_queue::ArrayQueue;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The connections to one upstream.
pub(super) struct Pool {
    spec: Arc<UpstreamSpec>,
    idle: ArrayQueue<Link>,
    open: Arc<AtomicUsize>,
    open_max: usize,
    /// The last failure of TLS that was logged.
    told: Mutex<Option<String>>,
}

/// A place among the open connections of a pool, given back when dropped.
pub(super) struct Slot {
    open: Arc<AtomicUsize>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoLink {
    /// As many are open as may be.
    #[error("all connections to the upstream are in use")]
    Exhausted,
    /// It did not answer in time.
    #[error("the upstream did not accept a connection in time")]
    Late,
    /// It refused, or is not there.
    #[error("cannot connect to the upstream: {0}")]
    Refused(#[from] io::Error),
    /// It is not who it should be, or does not take gait for who it is.
    #[error("cannot speak TLS with the upstream: {0}")]
    Tls(io::Error),
    /// The connection failed before its first request.
    #[error("cannot speak HTTP with the upstream: {0}")]
    Handshake(#[from] hyper::Error),
}

impl Pool {
    /// An empty pool.
    pub(super) fn new(spec: Arc<UpstreamSpec>, open_max: usize, idle_max: usize) -> Pool {
        Pool {
            spec,
            idle: ArrayQueue::new(idle_max.max(1)),
            open: Arc::default(),
            open_max,
            told: Mutex::default(),
        }
    }

    /// A kept connection that idled no longer than `idle_max` and is still usable.
    pub(super) fn take(&self, idle_max: Duration) -> Option<Link> {
        // Each round takes one link out for good, but for the one that is only too old for this
        // call: it goes back, and the search ends there, since the others idled about as long.
        while let Some(mut link) = self.idle.pop() {
            if !link.is_reusable() {
                continue;
            }
            if link.idle() <= idle_max {
                return Some(link);
            }
            drop(self.idle.push(link));
            return None;
        }
        None
    }

    /// Keeps a connection for the next call, if it can serve one.
    pub(super) fn give(&self, mut link: Link) {
        if link.is_reusable() {
            link.rest();
            drop(self.idle.push(link));
        }
    }

    /// Closes kept connections that the tool has closed, or that idled too long.
    pub(super) fn sweep(&self, idle_max: Duration) {
        for _ in 0..self.idle.len() {
            let Some(mut link) = self.idle.pop() else { return };
            if link.idle() <= idle_max && link.is_reusable() {
                drop(self.idle.push(link));
            }
        }
    }

    /// Opens a connection.
    pub(super) async fn connect(&self, within: Duration) -> Result<Link, NoLink> {
        let slot = self.slot()?;
        let dialled = tokio::time::timeout(within, dial(&self.spec, slot)).await;
        let dialled = dialled.map_err(|_| NoLink::Late).flatten();
        match &dialled {
            Err(NoLink::Tls(error)) => self.tell(&error.to_string()),
            Err(_) => {}
            Ok(_) => *self.told.lock().unwrap_or_else(PoisonError::into_inner) = None,
        }
        dialled
    }

    /// Logs why TLS failed: once, until it fails in another way or has worked again.
    pub(super) fn tell(&self, cause: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let gist = gist(cause);
        if told.as_ref() != Some(&gist) {
            tracing::warn!(upstream = %self.spec.name, cause, "TLS with the upstream failed");
            *told = Some(gist);
        }
    }

    /// A place for a new connection; an idle one that its call could not use makes room for it.
    fn slot(&self) -> Result<Slot, NoLink> {
        let slot = self.free_slot().or_else(|| {
            drop(self.idle.pop()?);
            self.free_slot()
        });
        slot.ok_or(NoLink::Exhausted)
    }

    fn free_slot(&self) -> Option<Slot> {
        let open = self.open.fetch_add(1, Ordering::Relaxed);
        let slot = Slot { open: self.open.clone() };
        (open < self.open_max).then_some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A cause without its numbers: of a certificate that is over it names the second of each try.
fn gist(cause: &str) -> String {
    cause.chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_is_over_is_the_same_cause_a_second_later() {
        let at = |now: u64| format!("certificate expired: verification time {now} (UNIX)");
        assert_eq!(gist(&at(1_795_447_297)), gist(&at(1_795_447_298)));
        assert_ne!(gist(&at(1)), gist("UnknownIssuer"));
    }
}
