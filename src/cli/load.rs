//! What every decision starts from: two files, and the time where it is given.

use super::answer::Failure;
use super::files;
use crate::intent::time::{self, Time};
use crate::intent::{self, Intent};
use crate::policy::{self, Policy};
use std::path::Path;

/// Reads, checks and compiles a policy.
///
/// # Errors
/// Exit 6: it cannot be read, or is no policy; the text names file, line, column and field.
pub(super) fn policy(path: &Path) -> Result<Policy, Failure> {
    policy::source::load(path).map_err(Failure::input)
}

/// Reads and normalises an intent.
///
/// # Errors
/// Exit 6: it cannot be read, or is no intent.
pub(super) fn intent(path: &Path) -> Result<Intent, Failure> {
    let bytes = files::read("intent", path)?;
    intent::read::from_json(&bytes)
        .and_then(intent::Draft::normalise)
        .map_err(|error| Failure::input(format!("{}: {error}", path.display())))
}

/// Reads the time that a flag gives.
///
/// # Errors
/// Exit 6: it is no time.
pub(super) fn time(flag: &str, text: Option<&str>) -> Result<Option<Time>, Failure> {
    let read = |text: &str| {
        time::parse(text.trim()).ok_or_else(|| {
            Failure::input(format!("invalid {flag}: `{text}`; write it like 2026-01-02T03:04:05Z"))
        })
    };
    text.map(read).transpose()
}
