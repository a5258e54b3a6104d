//! What `deploy/` promises: the scripts end as they say, the rules and the dashboard ask for what a
//! real Prometheus finds in a real gait, and the files that only a container daemon could try name
//! nothing that is not there.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a broken expectation must end the test, also inside a helper"
)]

mod checkout;
mod ci;
mod wrappers;

use std::fs;
use std::path::{Path, PathBuf};

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
