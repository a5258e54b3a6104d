//! Where the state of a gait is that runs here.

use std::env;
use std::path::{Path, PathBuf};

/// What tells the proxy itself; whoever sets it for one command means it for the others.
const VARIABLE: &str = "GAIT__STATE_DIR";

/// Where state directories are looked for.
const STATE_DIRS: [&str; 2] = ["state", "config/state"];

/// The state directory that a flag names, else the environment.
pub(super) fn named(flag: Option<&Path>) -> Option<PathBuf> {
    let said = || env::var_os(VARIABLE).filter(|dir| !dir.is_empty()).map(PathBuf::from);
    flag.map(Path::to_owned).or_else(said)
}

/// The state directory that was named, else the first that is there.
pub(super) fn or_found(flag: Option<&Path>) -> PathBuf {
    let there = || STATE_DIRS.iter().map(PathBuf::from).find(|dir| dir.is_dir());
    named(flag).or_else(there).unwrap_or_else(|| PathBuf::from("state"))
}
