//! The keys of one source of tokens while the proxy runs.
//!
//! Readers take what is there with one atomic load; who fetches puts a new set in its place.

use super::KeySet;
use crate::intent::time::Time;
use arc_swap::ArcSwapOption;
use http::Uri;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// Where the keys of a source come from, and which are held.
#[derive(Debug)]
pub struct KeyRing {
    remote: Option<Remote>,
    held: ArcSwapOption<Held>,
}

/// Keys that are fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// The name of the source, for metrics and logs.
    pub source: Arc<str>,
    /// Where the set is published.
    pub url: Uri,
    /// How often it is fetched.
    pub refresh: Duration,
    /// How long a set may be used after it was fetched.
    pub keep: Duration,
    /// How long one fetch may take.
    pub timeout: Duration,
    /// PEM of the roots that its server is checked with; the system's where absent.
    pub ca: Option<Arc<Vec<u8>>>,
    /// Whether it may be fetched without TLS.
    pub allow_http: bool,
}

/// A set, and since when it is held.
#[derive(Debug)]
pub struct Held {
    /// The keys.
    pub keys: KeySet,
    /// When they were fetched; the smallest time there is where they stand in a file.
    pub at: Timestamp,
}

/// A ring whose keys did not do, and those that were tried. Where it holds others by now, they are
/// worth a look before any are fetched.
#[derive(Clone, Debug)]
pub struct Stale {
    /// The ring.
    pub ring: Arc<KeyRing>,
    /// What was tried; `None` where it held nothing.
    pub seen: Option<Arc<Held>>,
}

impl Stale {
    /// Whether the ring holds others now.
    pub fn is_over(&self) -> bool {
        self.ring.held().as_ref().map(Arc::as_ptr) != self.seen.as_ref().map(Arc::as_ptr)
    }
}

impl KeyRing {
    /// Keys that stand in a file.
    pub fn fixed(keys: KeySet) -> KeyRing {
        let held = Arc::new(Held { keys, at: Timestamp::MIN });
        KeyRing { remote: None, held: ArcSwapOption::new(Some(held)) }
    }

    /// Keys that are fetched; none at first.
    pub fn fetched(remote: Remote) -> KeyRing {
        KeyRing { remote: Some(remote), held: ArcSwapOption::empty() }
    }

    /// Where they are fetched; `None` where they stand in a file.
    pub fn remote(&self) -> Option<&Remote> {
        self.remote.as_ref()
    }

    /// Puts fetched keys in the place of those that are held.
    pub fn store(&self, keys: KeySet, at: Timestamp) {
        self.held.store(Some(Arc::new(Held { keys, at })));
    }

    /// The keys that are held, however old.
    pub fn held(&self) -> Option<Arc<Held>> {
        self.held.load_full()
    }

    /// Whether keys that it held may be used at `now`.
    pub fn is_usable(&self, held: &Held, now: Time) -> bool {
        let keep = self.remote.as_ref().map(|remote| remote.keep);
        keep.is_none_or(|keep| age(held, now) <= keep)
    }
}

/// Two are equal where they are fetched in the same way, or hold the same keys of a file.
impl PartialEq for KeyRing {
    fn eq(&self, other: &KeyRing) -> bool {
        let keys = |ring: &KeyRing| ring.held().map(|held| held.keys.clone());
        match (&self.remote, &other.remote) {
            (None, None) => keys(self) == keys(other),
            (own, other) => own == other,
        }
    }
}

/// How long ago the keys were fetched; nothing where the clock was set back.
fn age(held: &Held, now: Time) -> Duration {
    let at = Time::from_timestamp(held.at).civil();
    let age: SignedDuration = now.civil().duration_since(at);
    Duration::try_from(age).unwrap_or_default()
}
