//! What `deploy/` promises: the scripts end as they say, the rules and the dashboard ask for what a
//! real Prometheus finds in a real gait, and the files that only a container daemon could try name
//! nothing that is not there.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken expectation must end the test, also inside a helper"
)]
#![expect(clippy::disallowed_methods, reason = "tests dial, spawn and read the clock on purpose")]

mod checkout;
mod http;
mod prometheus;
mod scene;

mod ci;
mod wrappers;
mod scraped;
mod image;
mod rules;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// A path of this repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A file of this repository.
fn text(path: &str) -> String {
    fs::read_to_string(repository(path)).expect(path)
}

/// A YAML file of this repository.
fn yaml(path: &str) -> serde_json::Value {
    serde_saphyr::from_str(&text(path)).expect(path)
}

/// Polls until `ready` gives a value.
fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
