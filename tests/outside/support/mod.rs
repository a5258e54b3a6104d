//! What every outside test needs: a gait process, a client that writes literal bytes, and a tool
//! that keeps every byte it was sent.

mod approver;
mod auditor;
mod authority;
mod browser;
mod client;
mod crowd;
mod dice;
mod folder;
mod forge;
mod gait;
mod message;
mod metrics;
mod nginx;
mod origin;
mod otlp;
mod peer;
mod ports;
mod recorder;
mod secure;
mod small_disk;
pub(crate) mod strace;
mod tool;

pub(crate) use approver::Approver;
pub(crate) use auditor::{Audit, audit, digest_of};
pub(crate) use authority::{Authority, Pair};
pub(crate) use browser::Browser;
pub(crate) use client::{Conn, get, post, send};
pub(crate) use crowd::{Answered, Crowd};
pub(crate) use dice::Dice;
pub(crate) use folder::Folder;
pub(crate) use forge::{Signer, b64, hmac, message, now};
pub(crate) use gait::{Gait, Setup, run_to_end, run_with};
pub(crate) use message::{Response, Seen};
pub(crate) use metrics::Scrape;
pub(crate) use nginx::Nginx;
pub(crate) use origin::{Ask, Origin};
pub(crate) use otlp::{Collector, attribute, id};
pub(crate) use peer::{Oidc, Peer, modules, websocket_caller};
pub(crate) use ports::{HeldPort, address_of};
pub(crate) use recorder::{Recorder, Then, listen};
pub(crate) use secure::{Caller, ONLY_12, ONLY_13, Secure};
pub(crate) use small_disk::SmallDisk;
pub(crate) use tool::{Lasting, Security, Tool};

use std::time::{Duration, Instant, SystemTime};

/// How long anything may take before a test calls it hung.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Polls until `ready` gives a value; panics with `what` after [`PATIENCE`].
pub(crate) fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits, where needed, until the hour is not about to end under a test.
pub(crate) fn clear_of_the_hour() {
    let second = || SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() % 3_600;
    while second() > 3_600 - 30 {
        std::thread::sleep(Duration::from_secs(1));
    }
}
