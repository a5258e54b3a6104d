//! What was set by command, laid over what the config says.
//!
//! The overlay is read whenever the config is, so that a start, a reload and a check see the same.
//! Reading writes nothing: who serves takes away what has no place any more.

use super::{ConfigError, checks};
use crate::json::Digest;
use crate::rollout::{Overlay, Shelf, ShelfError};
use crate::snapshot::Plan;
use std::path::Path;

/// What was taken of the overlay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// What holds.
    pub kept: Overlay,
    /// What has no place any more: the config says something else of those routes by now.
    pub dropped: Overlay,
    /// Routes that the config does not name now, and of which something was set.
    pub asleep: Vec<String>,
}

// === impl Taken ===

impl Taken {
    /// What people should know of it.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        let dropped = self.dropped.routes().into_iter().map(|route| {
            format!(
                "the stage that was set by command for route `{route}` is dropped: the config \
                 says something else of it now; set it again if it is still meant"
            )
        });
        dropped.chain(self.asleep.iter().map(|route| {
            format!(
                "a stage was set by command for route `{route}`, which the config does not name; \
                 it holds again once the route is back"
            )
        }))
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
    let taken = lay(plan, shelf.read().map_err(wrong)?);
    if !taken.kept.is_empty() {
        name(plan, &taken.kept).map_err(wrong)?;
    }
    Ok(taken)
}

/// Lays the overlay that is on the shelf over a plan that is in force under the overlay `before`;
/// `None` where nothing of it is other than that. Side lanes that are closed stay so.
///
/// # Errors
/// It cannot be read.
pub fn retake(
    plan: &mut Plan,
    shelf: &Shelf,
    before: &Overlay,
) -> Result<Option<Taken>, ShelfError> {
    let taken = lay(plan, shelf.read()?);
    if taken.kept == *before {
        return Ok(None);
    }
    name(plan, &taken.kept)?;
    if let Some(closed) = checks::close_lanes(plan) {
        tracing::warn!("{closed}");
    }
    Ok(Some(taken))
}

fn lay(plan: &mut Plan, mut kept: Overlay) -> Taken {
    let dropped = kept.prune(|name| plan.route(name).map(|route| route.said.clone()));
    let asleep = kept.routes().into_iter().filter(|name| plan.route(name).is_none()).collect();
    for route in &mut plan.routes {
        let set = kept.get(&route.name);
        route.course = set.map_or_else(|| route.said.clone(), |set| set.over(&route.said));
    }
    Taken { kept, dropped, asleep }
}

/// Counts an overlay into the digest, as it will be written: dropping an entry and writing the rest
/// gives no third name.
fn name(plan: &mut Plan, overlay: &Overlay) -> Result<(), ShelfError> {
    let text = overlay.to_text()?;
    plan.digest = Digest::of_fields(&[plan.digest.to_string().as_bytes(), text.as_bytes()]);
    Ok(())
}
