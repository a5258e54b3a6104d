//! Where the state of a gait is that runs here, for commands that are not told.

use std::path::{Path, PathBuf};

/// Where state directories are looked for.
const STATE_DIRS: [&str; 2] = ["state", "config/state"];

/// The state directory that was named, else the first that is there.
pub(super) fn or_found(named: Option<&Path>) -> PathBuf {
    let there = || STATE_DIRS.iter().map(Path::new).find(|dir| dir.is_dir());
    named.or_else(there).unwrap_or(Path::new("state")).to_owned()
}
