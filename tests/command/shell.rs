//! Command lines as one string, and a place with what most of them need.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper may stop the test")]

use crate::command::{Place, Run};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");

/// An intent of low risk without targets.
pub(crate) const INTENT: &str = r#"{"created_at":"2026-01-02T03:04:05Z","tool_name":"files.write","args":{},
    "context":{"identity":"ada","workspace":"/srv","risk_class":"low","request_id":"r"}}"#;

/// Words with `@` for the shipped policies.
pub(crate) fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(|word| word.replacen('@', &format!("{POLICIES}/"), 1)).collect()
}

impl Place {
    /// A place with `policy.yaml`, `intent.json` and the key pair `keys/k_{private,public}.key`.
    pub(crate) fn with(policy: &str) -> Place {
        let place = Place::new();
        place.put("policy.yaml", policy);
        place.put("intent.json", INTENT);
        assert_eq!(place.run("keys init --out-dir keys --prefix k").exit, 0);
        place
    }

    /// Runs one command line.
    pub(crate) fn run(&self, line: &str) -> Run {
        self.gait(&words(line), &[])
    }

    /// `gate eval` over the place's two files.
    pub(crate) fn eval(&self, flags: &str) -> Run {
        self.run(&format!("gate eval --policy policy.yaml --intent intent.json --json {flags}"))
    }
}

/// Exit 6 with the whole envelope, and `part` in the error.
#[track_caller]
pub(crate) fn refused(run: &Run, part: &str) {
    let answer = run.json();
    let error = answer["error"].as_str().unwrap_or_default();
    assert!(run.exit == 6 && error.contains(part), "{part}: {run:?}");
    for (name, want) in [
        ("ok", json!(false)),
        ("error_code", json!("invalid_input")),
        ("error_category", json!("invalid_input")),
        ("hint", json!("check command usage and input schema")),
        ("retryable", json!(false)),
    ] {
        assert_eq!(answer[name], want, "{name}");
    }
}

/// The permission bits.
pub(crate) fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
