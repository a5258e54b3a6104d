//! What was set by command, laid over what the config says.
//!
//! The overlay is read whenever the config is, so that a start, a reload and a check see the same.
//! Reading writes nothing: who serves takes away what has no place any more.

use super::ConfigError;
use crate::json::Digest;
use crate::rollout::{Overlay, Shelf, ShelfError};
use crate::snapshot::Plan;
use std::path::Path;

/// What was taken of the overlay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// What holds.
    pub kept: Overlay,
    /// Routes of which something was set, and of which the config says something else by now.
    pub dropped: Vec<String>,
}

// === impl Taken ===

impl Taken {
    /// What people should know of it.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        self.dropped.iter().map(|route| {
            format!(
                "the stage that was set by command for route `{route}` is dropped: the config \
                 says something else of it now; set it again if it is still meant"
            )
        })
    }
}

/// Where it lies.
pub(super) fn shelf(state_dir: &Path) -> Shelf {
    Shelf::new(state_dir)
}

/// Lays the overlay in `state_dir` over a plan, and counts what holds of it into its digest.
///
/// # Errors
/// It is there and cannot be read.
pub(super) fn take(plan: &mut Plan, state_dir: &Path) -> Result<Taken, ConfigError> {
    let shelf = shelf(state_dir);
    let wrong = |source| ConfigError::Overlay { file: shelf.path().to_owned(), source };
    let mut kept = shelf.read().map_err(wrong)?;
    let dropped = kept.prune(|name| plan.route(name).map(|route| route.said.clone()));
    if kept.is_empty() {
        return Ok(Taken { kept, dropped });
    }
    for route in &mut plan.routes {
        if let Some(entry) = kept.get(&route.name) {
            route.course = entry.over(&route.said);
        }
    }
    // As it will be written: dropping an entry and writing the rest gives no third name.
    let text = kept.to_text().map_err(|error| wrong(ShelfError::from(error)))?;
    plan.digest = Digest::of_fields(&[plan.digest.to_string().as_bytes(), text.as_bytes()]);
    Ok(Taken { kept, dropped })
}
