//! What a refusal of bad input looks like.
#![expect(clippy::indexing_slicing, reason = "a helper may stop the test")]

use crate::command::Run;
use serde_json::json;

/// Exit 6, and `part` in the error.
#[track_caller]
pub(crate) fn refused(run: &Run, part: &str) {
    let answer = run.json();
    let error = answer["error"].as_str().unwrap_or_default();
    assert!(run.exit == 6 && error.contains(part), "{part}: {run:?}");
    assert_eq!((&answer["ok"], &answer["error_code"]), (&json!(false), &json!("invalid_input")));
}
