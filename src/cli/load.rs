//! The two files that every decision starts from.

use super::answer::Failure;
use super::files;
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
